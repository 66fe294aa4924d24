# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One login: from the settings to a terminal on the device, or an SshError."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

from .authentication import authenticate
from .errors import SshError, TooSlow
from .explain import Situation, Step, explained, keyscan_command
from .known_hosts import KnownHost, Verdict, name_of, read_known_host, remember
from .proxy import Proxy
from .route import route_of
from .settings import Settings
from .transport import DeviceTransport

SYSTEM_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts"
# Long lines are wrapped by the device at the width of the terminal (fact 3.5).
TERMINAL_WIDTH = 400
TERMINAL_HEIGHT = 512


class Client:
    """A logged-in connection with its terminal.

    notes: what was done beside, for a verbose user; warnings: what every user should know
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.route = route_of(settings)
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.channel: Any = None
        self._situation = Situation(settings, self.route)
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Log in. Raises SshError."""
        try:
            self._open()
        except Exception as error:
            sentence = explained(error, self._situation)
            self.close()
            raise sentence from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        if self._situation.transport is not None:
            self._situation.transport.close()
        if self._socket is not None:
            self._socket.close()
        if self._situation.proxy is not None:
            self._situation.proxy.close()

    def _open(self) -> None:
        situation = self._situation
        known = read_known_host((SYSTEM_KNOWN_HOSTS, self._known_hosts_file), self.route.host, self.route.port)
        self._socket = self._connected()
        transport = DeviceTransport(
            self._socket,
            known.kinds,
            legacy=self.settings.legacy_algorithms,
            timeout=self.settings.timeout,
        )
        situation.transport = transport
        situation.step = Step.HANDSHAKE
        self._shake_hands(transport)
        self._check_host_key(transport.get_remote_server_key(), known)
        situation.step = Step.LOGIN
        authenticate(transport, self.route.user, self.settings, self.route.identity_files)
        transport.set_keepalive(self.settings.keepalive)
        situation.step = Step.TERMINAL
        self.channel = transport.open_session(timeout=self.settings.timeout)
        with self._bounded(transport):
            self.channel.get_pty(term="vt100", width=TERMINAL_WIDTH, height=TERMINAL_HEIGHT)
            self.channel.invoke_shell()

    def _connected(self) -> socket.socket:
        if not self.route.proxy:
            direct = socket.create_connection((self.route.host, self.route.port), timeout=self.settings.timeout)
            # A line is a small packet; without this each may wait for the acknowledgement of the one before.
            direct.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return direct
        self._situation.proxy = Proxy(self.route.proxy)
        return self._situation.proxy.socket

    def _shake_hands(self, transport: DeviceTransport) -> None:
        done = threading.Event()
        transport.start_client(event=done)
        if not done.wait(self.settings.timeout):
            raise TooSlow
        if not transport.is_active():
            raise transport.failure() or EOFError()

    @contextlib.contextmanager
    def _bounded(self, transport: DeviceTransport) -> Iterator[None]:
        """paramiko waits without an end for the answers to these requests, unless somebody closes the transport."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            transport.close()

        watch = threading.Timer(self.settings.timeout, give_up)
        watch.daemon = True
        watch.start()
        try:
            yield
        except Exception:
            if late.is_set():
                raise TooSlow from None
            raise
        finally:
            watch.cancel()

    # -- host keys -----------------------------------------------------------------------------------------------------

    @property
    def _known_hosts_file(self) -> str:
        return os.path.expanduser(self.settings.known_hosts_file)

    def _check_host_key(self, key: Any, known: KnownHost) -> None:
        verdict = known.verdict(key.asbytes())
        place = f"{self.route.host} port {self.route.port}"
        if verdict is Verdict.REVOKED:
            raise SshError(
                f"The host key of {place} is revoked in known_hosts: {fingerprint(key)}. Whoever answers there has a "
                "key that must not be used any more. Give the device a new key, then take the old one out."
            )
        if verdict is Verdict.CHANGED:
            raise SshError(
                f"The host key of {place} differs from the known one ({', '.join(known.kinds)}): it is "
                f"{fingerprint(key)}. Someone may stand in between. If the device was replaced, remove its line from "
                f"{self.settings.known_hosts_file}."
            )
        if verdict is Verdict.UNKNOWN and self.settings.host_key_checking:
            self._meet(key, place)

    def _meet(self, key: Any, place: str) -> None:
        if not self.settings.host_key_auto_add:
            raise SshError(
                f"The host key of {place} is not known: {fingerprint(key)}; compare it with the device's own, then add "
                f"it with: {self._way_to_add(key)}"
            )
        name = name_of(self.route.host, self.route.port)
        try:
            remember(self._known_hosts_file, name, key.get_name(), key.asbytes())
        except OSError as error:
            self.warnings.append(
                f"The host key of {place} was accepted ({fingerprint(key)}) but can't be remembered in "
                f"{self.settings.known_hosts_file}: {error.strerror or error}. The next login will trust whatever "
                "answers."
            )
        else:
            self.notes.append(f"ADDED HOST KEY {fingerprint(key)}")

    def _way_to_add(self, key: Any) -> str:
        if not self.route.proxy:
            return keyscan_command(self.route, self.settings.known_hosts_file)
        # ssh-keyscan does not go through proxies.
        line = f"{name_of(self.route.host, self.route.port)} {key.get_name()} {key.get_base64()}"
        return f"echo '{line}' >> {self.settings.known_hosts_file}"


def fingerprint(key: Any) -> str:
    """A host key as OpenSSH shows it."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode("ascii").rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"
