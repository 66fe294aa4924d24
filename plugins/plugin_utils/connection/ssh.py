# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connection plugin needs of SSH: a text channel, host keys, algorithms, proxies. No Ansible here."""

from __future__ import annotations

import base64
import codecs
import contextlib
import fcntl
import hashlib
import os
import shlex
from collections.abc import Sequence
from typing import Any

try:
    import paramiko
except ImportError as import_error:
    PARAMIKO_IMPORT_ERROR: ImportError | None = import_error
else:
    PARAMIKO_IMPORT_ERROR = None

LEGACY_MARKS = {
    "kex": ("sha1",),
    "keys": ("ssh-rsa", "ssh-dss"),
    "pubkeys": ("ssh-rsa", "ssh-dss"),
    "ciphers": ("-cbc", "arcfour"),
    "macs": ("hmac-sha1", "hmac-md5"),
}
PREFERENCES = {
    "kex": "_preferred_kex",
    "keys": "_preferred_keys",
    "pubkeys": "_preferred_pubkeys",
    "ciphers": "_preferred_ciphers",
    "macs": "_preferred_macs",
}


class ShellChannel:
    """A paramiko channel as the text channel that a session works on."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def send(self, text: str) -> None:
        """Send all of the text."""
        self._channel.sendall(text.encode("utf-8"))

    def receive(self, timeout: float) -> str:
        """Text as soon as there is some, "" when the device has closed the channel. Raises TimeoutError."""
        self._channel.settimeout(timeout)
        while True:
            data = self._channel.recv(65536)
            text = self._decoder.decode(data)
            if text or not data:
                return text


class KeyboardInteractive:
    """An authentication strategy for paramiko: the password is the answer to the one question that the server asks.

    paramiko has a way of its own to do so after a refused password, but it asks for the authentication service a second
    time on the same connection, which not every server allows (RFC 4253, section 10).
    """

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password

    def authenticate(self, transport: Any) -> Any:
        """Called by paramiko. Raises its AuthenticationException."""
        return transport.auth_interactive(self._user, self._answers)

    def _answers(self, title: str, instructions: str, fields: Sequence[tuple[str, bool]]) -> list[str]:
        # A further question, say for a new password or a token, must not be answered with the password.
        if len(fields) > 1 or any(echo for _prompt, echo in fields):
            raise paramiko.AuthenticationException("the device asks for more than the password")
        return [self._password] * len(fields)


def jump_command(jump: str) -> str:
    """The command that reaches `%h:%p` over the hosts in `jump` (`user@host:port`, divided by commas)."""
    *before, last = [host.strip() for host in jump.split(",") if host.strip()]
    host, colon, port = last.rpartition(":")
    words = ["ssh", "-o", "BatchMode=yes", "-W", "[%h]:%p"]
    if before:
        words += ["-J", ",".join(before)]
    words += ["-p", port, host] if colon and port.isdigit() else [last]
    return " ".join(word if word == "[%h]:%p" else shlex.quote(word) for word in words)


def legacy_algorithms() -> dict[str, list[str]]:
    """What paramiko would offer and what is refused by default."""
    return {
        kind: [
            name
            for name in getattr(paramiko.Transport, attribute, ())
            if any(mark in name for mark in LEGACY_MARKS[kind])
        ]
        for kind, attribute in PREFERENCES.items()
    }


def fingerprint(key: Any) -> str:
    """A host key as OpenSSH shows it."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode("ascii").rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"


def learn_host_key(known: Any, hostname: str, line: str) -> None:
    """Take the key of a line of known_hosts, unless one of its type is known already or paramiko can't read it."""
    with contextlib.suppress(paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, ValueError):
        entry = paramiko.hostkeys.HostKeyEntry.from_line(line)
        if entry is not None and entry.key.get_name() not in (known.lookup(hostname) or ()):
            known.add(hostname, entry.key.get_name(), entry.key)


def remember_host_key(path: str, hostname: str, key: Any) -> None:
    """Append a line to a known_hosts file; several workers may do so at once."""
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    with open(path, "a", encoding="utf-8") as known_hosts:
        fcntl.flock(known_hosts, fcntl.LOCK_EX)
        known_hosts.write(f"{hostname} {key.get_name()} {key.get_base64()}\n")
