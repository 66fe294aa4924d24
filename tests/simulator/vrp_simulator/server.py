# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH side: one listener for each device, one option set for all (facts 3.7; one process, no threads)."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Iterable
from typing import Any

import asyncssh

from .device import Device
from .host_keys import host_key
from .settings import SshSettings, User
from .terminal import Terminal
from .wire import Announcing, Wire

_BACKLOG = 1024
_KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "diffie-hellman-group16-sha512"]
_CIPHERS = ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr"]
_MACS = ["hmac-sha2-512", "hmac-sha2-256"]
_FAREWELL = 2.0  # seconds


class _Login(asyncssh.SSHServer):
    """Decides who may log in to the device that a connection came in for."""

    def __init__(self, server: Simulator) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None
        self._device: Device | None = None
        self._user = ""
        self._round = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._device = self._server.device_at(conn.get_extra_info("sockname"))
        self._connection = conn
        conn.set_extra_info(device=self._device)

    def _find(self, username: str) -> User | None:
        return self._device.user_named(username) if self._device is not None else None

    def begin_auth(self, username: str) -> bool:
        self._user = username
        self._take_requests_again()
        return True

    def _take_requests_again(self) -> None:
        """Let a client ask for the login service before each attempt, as paramiko does and OpenSSH's server takes it.

        asyncssh cuts the line at the second request; this reaches into it.
        """
        connection: Any = self._connection
        connection._next_service = b"ssh-userauth"

    def password_auth_supported(self) -> bool:
        return self._device is not None and "password" in self._device.login_methods

    def validate_password(self, username: str, password: str) -> bool:
        self._take_requests_again()
        return self._device is not None and self._device.gate.check_password(username, password)

    def kbdint_auth_supported(self) -> bool:
        return self._device is not None and "keyboard-interactive" in self._device.login_methods

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        self._take_requests_again()
        self._round = 0
        return self._challenge()

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        """Whether the answers are right; the questions of the next round when there is one."""
        if self._device is None or not self._device.gate.check_round(username, self._round, responses):
            return False
        self._round += 1
        return self._challenge() if self._round < len(self._device.settings.ssh.rounds) else True

    def _challenge(self) -> Any:
        assert self._device is not None
        asked = self._device.settings.ssh.rounds[self._round]
        return asked.title, asked.instruction, "", [(prompt.text, not prompt.hidden) for prompt in asked.prompts]

    def session_requested(self) -> Any:
        """A channel for a session; a device may refuse it although the login was right."""
        if self._device is not None and self._device.faults.spend("refuse_channels"):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "Administratively prohibited")
        return asyncssh.SSHServerProcess(self._server.serve_session, None, 3, False)

    def public_key_auth_supported(self) -> bool:
        return self._device is not None and any(user.public_key for user in self._device.settings.users)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        user = self._find(username)
        if user is None or not user.public_key:
            return False
        return asyncssh.import_public_key(user.public_key).public_data == key.public_data


class _Channel:
    """The terminal's transport over an SSH channel."""

    def __init__(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self._process = process
        # Kept, since a channel that the client has closed no longer knows its connection.
        self._connection = process.channel.get_connection()

    async def read(self) -> bytes:
        while True:
            try:
                return await self._process.stdin.read(4096)
            except (asyncssh.Error, OSError):
                return b""  # the connection is gone
            except (asyncssh.TerminalSizeChanged, asyncssh.BreakReceived, asyncssh.SignalReceived):
                continue

    def write(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdout.write(data)

    async def drain(self) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):  # the next read says that the connection is gone
            await self._process.stdout.drain()

    def close(self) -> None:
        """End the session, and then the connection: a device does not wait for another channel."""
        with contextlib.suppress(OSError):
            self._process.exit(0)
        # The client gets the time to end it itself: a disconnect at once looks like a failure to it.
        asyncio.get_running_loop().call_later(_FAREWELL, self._connection.close)

    def abort(self) -> None:
        self._connection.abort()


class Simulator:
    """Many devices in one process."""

    def __init__(
        self, devices: Iterable[Device], host_key: asyncssh.SSHKey | None = None, wire: Wire | None = None
    ) -> None:
        self.devices = {device.settings.name: device for device in devices}
        self.host_key = host_key or asyncssh.generate_private_key("ssh-ed25519")
        self.wire = wire
        self.ports: dict[str, int] = {}
        self._by_socket: dict[tuple[str, int], Device] = {}
        self._listeners: list[asyncssh.SSHAcceptor] = []

    @property
    def public_host_key(self) -> str:
        """The host key in the form of a known_hosts entry without the host."""
        return self.host_key.export_public_key().decode().strip()

    def device_at(self, socket_name: tuple[Any, ...]) -> Device | None:
        return self._by_socket.get((socket_name[0], socket_name[1]))

    async def start(self) -> None:
        """Listen for all devices."""
        _allow_many_files()
        usual = self._options(SshSettings())
        for name, device in self.devices.items():
            ssh = device.settings.ssh
            acceptor = await asyncssh.listen(
                device.settings.address,
                device.settings.port,
                tunnel=self._tunnel(ssh),
                options=usual if ssh == SshSettings() else self._options(ssh),
                backlog=_BACKLOG,
            )
            self._listeners.append(acceptor)
            self.ports[name] = acceptor.get_port()
            self._by_socket[(device.settings.address, self.ports[name])] = device

    def host_keys(self, ssh: SshSettings) -> list[asyncssh.SSHKey]:
        """The keys that a device shows, in the order of its settings."""
        return [
            self.host_key if kind == "ssh-ed25519" else host_key(kind, ssh.flawed_signatures and kind != "ssh-rsa")
            for kind in ssh.host_keys
        ]

    def _options(self, ssh: SshSettings) -> asyncssh.SSHServerConnectionOptions:
        return asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: _Login(self),
            server_host_keys=self.host_keys(ssh),
            encoding=None,
            line_editor=False,
            # fact 3.7: the algorithms of recent releases; asyncssh's own favourite is slow in Python
            kex_algs=list(ssh.key_exchanges) or _KEX,
            encryption_algs=list(ssh.ciphers) or _CIPHERS,
            mac_algs=list(ssh.macs) or _MACS,
            server_version=ssh.identification.removeprefix("SSH-2.0-"),
            allow_scp=False,
            agent_forwarding=False,
        )

    def _tunnel(self, ssh: SshSettings) -> Any:
        """What stands between the sockets and the SSH protocol."""
        if ssh.identification.startswith("SSH-2.0-"):
            return self.wire or ()
        return Announcing(self.wire or Wire(), ssh.identification)

    async def serve_session(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        device: Device | None = process.get_extra_info("device")
        user = device.user_named(process.get_extra_info("username")) if device is not None else None
        if device is None or user is None or process.command is not None or process.subsystem is not None:
            process.exit(1)  # a device takes neither commands nor subsystems here
            return
        width = process.term_size[0] if process.term_type else 0
        terminal = Terminal(_Channel(process), device.faults, width)
        peer = process.get_extra_info("peername")
        await device.new_session(user, terminal, str(peer[0]) if peer else "").run()

    async def stop(self) -> None:
        """Cut all sessions and stop listening."""
        for listener in self._listeners:
            listener.close()
        for device in self.devices.values():
            device.cut_sessions(abandon=True)
            device.transactions.confirm_trial()
        for listener in self._listeners:
            await listener.wait_closed()


def _allow_many_files() -> None:
    """A thousand devices need more than the usual 1,024 open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
