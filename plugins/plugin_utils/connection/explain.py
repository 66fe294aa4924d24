# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of sockets and of paramiko as sentences: what happened, where, and what to do."""

from __future__ import annotations

import re
import shlex
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from .errors import LoginRefused, SshError, TooSlow
from .library import paramiko
from .proxy import Proxy
from .route import Route
from .settings import Settings
from .transport import DeviceTransport, legacy_algorithms


class Step(Enum):
    """How far a login has come."""

    CONNECTING = "the connection"
    HANDSHAKE = "the SSH handshake"
    LOGIN = "the login"
    TERMINAL = "the terminal"


# What paramiko knew before it was taken out, by the version that no longer has it (fact: versions 4.0 and 5.0).
_TAKEN_OUT = {
    "4": ("ssh-dss",),
    "5": (
        "diffie-hellman-group1-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group-exchange-sha1",
        "ssh-rsa",
    ),
}
# The words of paramiko, what they are about, its list in the device's message, and the kind of our own.
_MISMATCHES = (
    ("kex", "key exchange", "kex_algo_list", "kex"),
    ("host key", "type of host key", "server_key_algo_list", "keys"),
    ("ciphers", "cipher", "server_encrypt_algo_list", "ciphers"),
    ("macs", "MAC", "server_mac_algo_list", "macs"),
)
_OWN = {
    "kex": "preferred_kex",
    "keys": "preferred_keys",
    "ciphers": "preferred_ciphers",
    "macs": "preferred_macs",
}
_NO_ALGORITHM = ("ext-info-", "kex-strict-")
_NUMBER_OF_ERROR = re.compile(r"\s*\[Errno -?[0-9]+\]\s*")
_OPEN_FAILURE_ADMINISTRATIVE = 1  # RFC 4254, section 5.1


@dataclass
class Situation:
    """Where a login stands when something goes wrong."""

    settings: Settings
    route: Route
    step: Step = Step.CONNECTING
    proxy: Proxy | None = None
    transport: DeviceTransport | None = None


def explained(error: Exception, situation: Situation) -> SshError:
    """The error in words. A LoginRefused is one about who logs in."""
    route = situation.route
    if isinstance(error, LoginRefused):
        return LoginRefused(f"{route} refused the login: {error}")
    if isinstance(error, SshError):
        return error
    way = _words_of_proxy(situation)
    if _is_slow(error):
        seconds = situation.settings.timeout
        return SshError(
            f"{route} was too slow: {situation.step.value} took longer than {seconds} seconds. "
            f"Set ansible_timeout to more if the device or the way to it is slow.{' ' if way else ''}{way}"
        )
    if way:
        return SshError(f"No SSH connection to {route} through the proxy. {way}")
    if situation.step is Step.CONNECTING:
        return SshError(f"No connection to {route}: {_reason(error)}. Check ansible_host and ansible_port.")
    if situation.step is Step.HANDSHAKE:
        return _about_handshake(error, situation)
    if situation.step is Step.LOGIN:
        return _about_login(error, situation)
    return _about_terminal(error, situation)


def _words_of_proxy(situation: Situation) -> str:
    """What the proxy said, as long as nothing of the device was heard."""
    transport = situation.transport
    if situation.proxy is None or (transport is not None and transport.remote_version):
        return ""
    return situation.proxy.verdict()


def _is_slow(error: BaseException) -> bool:
    if isinstance(error, (TimeoutError, socket.timeout, TooSlow)):
        return True
    # paramiko has one exception for much, and tells a time-out in its text or in what it was raised over.
    told = any(words in str(error).lower() for words in ("timeout", "timed out"))
    return told or isinstance(error.__context__, (TimeoutError, socket.timeout))


def _reason(error: BaseException) -> str:
    """The words of an error without numbers and Nones."""
    if isinstance(error, socket.gaierror):
        return f"the name is not known ({error.strerror})" if error.strerror else "the name is not known"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return _NUMBER_OF_ERROR.sub(": ", str(error)).strip(" :.") or type(error).__name__


def _hung_up(error: BaseException, situation: Situation) -> str:
    """Whether the device ended the connection, and its words."""
    farewell = situation.transport.farewell if situation.transport is not None else ""
    if farewell:
        return f'The device said: "{farewell}".'
    text = str(error)
    if isinstance(error, (EOFError, ConnectionError)) or isinstance(error.__context__, (EOFError, ConnectionError)):
        return "It gave no reason."
    return "It gave no reason." if "EOF" in text or text == "Negotiation failed." else ""


# -- handshake ---------------------------------------------------------------------------------------------------------


def _about_handshake(error: Exception, situation: Situation) -> SshError:
    route, transport = situation.route, situation.transport
    text = str(error)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer) and transport is not None:
        return SshError(_about_algorithms(text, situation, transport))
    if "protocol version" in text or "Invalid SSH banner" in text:
        return SshError(f"What answers at {route} does not speak SSH. Check ansible_port.")
    said = _hung_up(error, situation)
    if said:
        return SshError(
            f"{route} closed the connection during the SSH handshake. {said} "
            "Perhaps too many users are logged in, or an ACL keeps this address out."
        )
    kind = getattr(transport, "host_key_type", None) or ""
    if "Signature verification" in text or (kind.startswith("ecdsa-") and _is_about_numbers(error)):
        return SshError(_about_signature(kind, error, situation))
    return SshError(f"The SSH handshake with {route} failed: {_reason(error)}.")


def _is_about_numbers(error: Exception) -> bool:
    """Whether the two numbers of a signature could not be read: nothing else of a handshake fails in this way."""
    return isinstance(error, (ValueError, IndexError, struct.error)) and not isinstance(error, UnicodeError)


def _about_algorithms(text: str, situation: Situation, transport: DeviceTransport) -> str:
    route = situation.route
    if "version" in text:
        version = getattr(transport, "remote_version", "")
        return f'{route} speaks another version of SSH ("{version}"). Only 2.0 is accepted; enable it on the device.'
    for mark, subject, theirs, kind in _MISMATCHES:
        if mark in text:
            offered = [name for name in transport.offered.get(theirs, ()) if not name.startswith(_NO_ALGORITHM)]
            accepted = list(getattr(transport, _OWN[kind]))
            return (
                f"{route} offers no {subject} that is accepted here: it offers {', '.join(offered) or 'none'}. "
                + _advice(kind, offered, accepted, legacy=situation.settings.legacy_algorithms)
            )
    return f"{route} offers no SSH algorithms that are accepted here ({text})."


def _advice(kind: str, offered: Iterable[str], accepted: Iterable[str], *, legacy: bool) -> str:
    """Old algorithms are advised only where they would help."""
    if not legacy and set(offered) & set(legacy_algorithms().get(kind, ())):
        return "These are old; set ansible_vrp_legacy_algorithms to true to accept them for this device."
    for version, names in _TAKEN_OUT.items():
        if set(offered) & set(names) and int(paramiko.__version__.split(".")[0]) >= int(version):
            return f"paramiko {paramiko.__version__} no longer knows these old ones; paramiko < {version} does."
    own = [name for name in accepted if not name.endswith("-cert-v01@openssh.com")]
    return f"Let the device offer one of: {', '.join(own)}; or install a newer paramiko than {paramiko.__version__}."


def _about_signature(kind: str, error: Exception, situation: Situation) -> str:
    route, transport = situation.route, situation.transport
    offered = list(transport.offered.get("server_key_algo_list", ())) if transport is not None else []
    others = [name for name in offered if name != kind]
    text = (
        f"{route} signed with its host key of type {kind or 'unknown'} in a way that can't be read "
        f"({_reason(error)}), as some devices do."
    )
    if not others:
        return f"{text} It offers no other type: make it another host key, for example an RSA key."
    short = "rsa" if others[0].startswith(("rsa-", "ssh-rsa")) else others[0].removeprefix("ssh-")
    known_hosts = situation.settings.known_hosts_file
    keyscan = keyscan_command(route, known_hosts, short)
    return (
        f"{text} It also offers {', '.join(others)}. Take the line of this device with {kind} out of {known_hosts} "
        f"and add its other key: {keyscan}"
    )


def keyscan_command(route: Route, known_hosts: str, kind: str = "") -> str:
    """The command that adds the host key of a device to a file."""
    words = ["ssh-keyscan", "-p", str(route.port), *(["-t", kind] if kind else []), route.host]
    # A tilde is for the shell.
    file = known_hosts if known_hosts.startswith("~/") and shlex.quote(known_hosts[1:]) == known_hosts[1:] else ""
    return f"{shlex.join(words)} >> {file or shlex.quote(known_hosts)}"


# -- after the handshake -----------------------------------------------------------------------------------------------


def _about_login(error: Exception, situation: Situation) -> SshError:
    route = situation.route
    if "Illegal info request" in str(error):  # RFC 4252, section 8: SSH_MSG_USERAUTH_PASSWD_CHANGEREQ has that number
        return LoginRefused(f"{route} wants a new password before it lets the user in. Log in by hand and change it.")
    said = _hung_up(error, situation)
    if said:
        return SshError(
            f"{route} closed the connection during the login. {said} "
            "Perhaps the user or this address is blocked for some minutes after failed attempts."
        )
    return LoginRefused(f"{route} refused the login: {_reason(error)}.")


def _about_terminal(error: Exception, situation: Situation) -> SshError:
    route = situation.route
    if isinstance(error, paramiko.ChannelException):
        detail = "" if error.code == _OPEN_FAILURE_ADMINISTRATIVE else f" ({error.text})"
        return SshError(
            f"{route} let the user in but opens no session{detail}. "
            "Perhaps all its VTY lines are in use, or the user has no right to a terminal."
        )
    said = _hung_up(error, situation)
    if said:
        return SshError(f"{route} let the user in and closed the connection. {said}")
    return SshError(f"{route} let the user in but gives no terminal: {_reason(error)}.")
