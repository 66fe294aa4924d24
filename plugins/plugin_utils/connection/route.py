# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a device: its address, and the command that leads there where it can't be reached directly."""

from __future__ import annotations

import getpass
import re
import shlex
from dataclasses import dataclass

from .errors import SshError
from .settings import Settings
from .ssh_config import Arguments, arguments_from, lookup

_DEFAULT_PORT = 22
# What OpenSSH refuses too, since the names become part of a command for a shell.
_ODD_IN_HOST = re.compile(r"^-|[\s'`\"$\\;&<>|(){}\x00-\x1f\x7f]")
_ODD_IN_USER = re.compile(r"^-|[\s'`\"$;&<>|(){}]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Route:
    """proxy: the command whose input and output lead to the device, "" for a direct connection."""

    host: str
    port: int
    user: str
    proxy: str = ""
    identity_files: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


def route_of(settings: Settings) -> Route:
    """The way that OpenSSH would take. Raises SshError."""
    _refuse_odd_names(settings.host, settings.user or "")
    arguments = arguments_from(settings.ssh_arguments)
    explicit = []
    if settings.port is not None:
        explicit.append(("Port", str(settings.port)))
    if settings.user:
        explicit.append(("User", settings.user))
    said = lookup(settings.host, explicit, arguments)
    host = str(said.get("hostname") or settings.host)
    port = settings.port if settings.port is not None else _port(said.get("port"))
    user = settings.user or str(said.get("user") or "") or _local_user()
    proxy = _proxy(settings, said, arguments, (host, port, user))
    _refuse_odd_names(host, user, in_command=bool(proxy))
    return Route(
        host=host,
        port=port,
        user=user,
        proxy=proxy,
        identity_files=tuple(name for name in said.get("identityfile", ()) if name.lower() != "none"),
    )


def _refuse_odd_names(host: str, user: str, *, in_command: bool = False) -> None:
    if _ODD_IN_HOST.search(host):
        raise SshError(f"{host!r} is no name or address of a host. Check ansible_host and HostName of the SSH config.")
    if (_ODD_IN_USER if in_command else _CONTROL).search(user):
        where = " in the command of a proxy" if in_command else ""
        raise SshError(f"{user!r} can't be the name of a user{where}. Check ansible_user and User of the SSH config.")


def _port(text: str | None) -> int:
    if text is None:
        return _DEFAULT_PORT
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SshError(f"{text!r} is no port. Check Port of the SSH config and ansible_ssh_common_args.")
    return int(text)


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise SshError("No user is given to log in as. Set ansible_user.") from None


def _proxy(settings: Settings, said: dict[str, object], arguments: Arguments, place: tuple[str, int, str]) -> str:
    """Options of the connection count before the arguments for `ssh` and its files; there, what comes first does."""
    if settings.proxy_command:
        return _filled(settings.proxy_command, place)
    if settings.proxy_jump:
        return jump_command(settings.proxy_jump, place, settings.timeout, arguments.file)
    for keyword in said:
        value = str(said[keyword] or "none")
        if keyword == "proxyjump":
            return "" if value.lower() == "none" else jump_command(value, place, settings.timeout, arguments.file)
        if keyword == "proxycommand":
            return "" if value.lower() == "none" else _filled(value, place)
    return ""


def _filled(command: str, place: tuple[str, int, str]) -> str:
    values = {f"%{mark}": shlex.quote(str(value)) for mark, value in zip("hpr", place, strict=True)}
    return re.sub("%[hpr%]", lambda found: values.get(found[0], "%"), command)


def jump_command(jump: str, place: tuple[str, int, str], timeout: int, config: str = "") -> str:
    """The command that reaches host and port of `place` over the hosts in `jump` (`user@host:port`, divided by
    commas).

    It must not ask: nobody is there to answer.
    """
    *before, last = [host.strip() for host in jump.split(",") if host.strip()] or [""]
    if not last or last.startswith("-"):
        raise SshError(f"{jump!r} names no host to jump over. Check ansible_proxy_jump and -J or ProxyJump.")
    host, port, _user = place
    words = ["ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={timeout}"]
    words += ["-F", config] if config else []
    words += ["-J", ",".join(before)] if before else []
    words += ["-W", f"[{host}]:{port}", *_destination(last)]
    return shlex.join(words)


def _destination(jump: str) -> list[str]:
    """`user@host:port` in the words of ssh(1); a literal IPv6 address stands in brackets there and without here."""
    if jump.startswith("ssh://"):
        return [jump]
    user, at, place = jump.rpartition("@")
    name, colon, port = place.rpartition(":")
    if not colon or not port.isdecimal() or (":" in name and not name.endswith("]")):
        name, port = place, ""
    destination = user + at + (name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    return ["-p", port, destination] if port else [destination]
