# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH servers that do what a device of the simulator does not: rounds of questions, odd keys, no session."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncssh

USER = "ops"
PASSWORD = "Login-Pass-1"
PROMPT = "<CE1>"
# A round of keyboard-interactive: title, instructions, and questions with whether the answer is shown.
Round = tuple[str, str, Sequence[tuple[str, bool]]]


@dataclass
class Behaviour:
    """How a server behaves.

    password: whether it takes the method of that name
    rounds: those of keyboard-interactive, None where it is not offered
    public_key: a line of authorized_keys that is taken
    expired: the password is right, and a new one is wanted
    mute: the terminal never shows a prompt
    sessions: whether it opens any
    silent: a step at which it says nothing more until `release`: login, terminal
    """

    password: bool = True
    rounds: list[Round] | None = None
    public_key: str = ""
    expired: bool = False
    mute: bool = False
    sessions: bool = True
    silent: str = ""
    host_keys: Sequence[Any] = ()
    options: dict[str, Any] = field(default_factory=dict)
    release: threading.Event = field(default_factory=threading.Event)


@dataclass
class Server:
    """A running server. told: what it was told, in order, as (method, text)."""

    behaviour: Behaviour
    port: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    connections: int = 0

    @property
    def known_hosts(self) -> str:
        return "".join(self.line(key) for key in self.keys)

    def line(self, key: Any, name: str = "") -> str:
        return f"{name or f'[127.0.0.1]:{self.port}'} {key.export_public_key().decode().strip()}\n"


class _Login(asyncssh.SSHServer):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._behaviour = server.behaviour
        self._round = 0
        self._connection: Any = None

    def connection_made(self, conn: Any) -> None:
        self._connection = conn
        self._server.connections += 1

    async def begin_auth(self, username: str) -> bool:
        if self._behaviour.silent == "login":
            await asyncio.Event().wait()
        return True

    def password_auth_supported(self) -> bool:
        return self._behaviour.password

    def validate_password(self, username: str, password: str) -> bool:
        self._server.told.append(("password", password))
        if self._behaviour.expired:
            raise asyncssh.PasswordChangeRequired("The password has expired.")
        return password == PASSWORD

    def public_key_auth_supported(self) -> bool:
        return bool(self._behaviour.public_key)

    def validate_public_key(self, username: str, key: Any) -> bool:
        self._server.told.append(("publickey", key.get_algorithm()))
        return asyncssh.import_public_key(self._behaviour.public_key).public_data == key.public_data

    def kbdint_auth_supported(self) -> bool:
        return self._behaviour.rounds is not None

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        self._round = 0
        return self._challenge()

    def _challenge(self) -> Any:
        assert self._behaviour.rounds is not None
        title, instructions, questions = self._behaviour.rounds[self._round]
        return title, instructions, "", list(questions)

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        assert self._behaviour.rounds is not None
        self._server.told += [("keyboard-interactive", response) for response in responses]
        if self._round == 0 and list(responses) != [PASSWORD] and responses:
            return False
        self._round += 1
        return self._challenge() if self._round < len(self._behaviour.rounds) else True

    def session_requested(self) -> Any:
        return _Terminal(self._behaviour) if self._behaviour.sessions else False


class _Terminal(asyncssh.SSHServerSession[str]):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._channel: Any = None

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:
        if self._behaviour.silent == "terminal":
            self._behaviour.release.wait(60)  # nothing is answered as long as the server's only thread stands here
        return True

    def shell_requested(self) -> bool:
        return True

    def session_started(self) -> None:
        if not self._behaviour.mute:
            self._channel.write(f"\r\n{PROMPT}")

    def data_received(self, data: str, datatype: Any) -> None:
        self._channel.write(data.replace("\n", "\r\n" + PROMPT))


@contextlib.contextmanager
def serving(behaviour: Behaviour | None = None) -> Iterator[Server]:
    """The server, for as long as the context lasts."""
    behaviour = behaviour or Behaviour()
    server = Server(behaviour, keys=list(behaviour.host_keys) or [asyncssh.generate_private_key("ssh-ed25519")])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> Any:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Login(server),
            server_host_keys=server.keys,
            line_editor=False,
            **behaviour.options,
        )

    listener = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    server.port = listener.get_port()
    try:
        yield server
    finally:
        behaviour.release.set()
        asyncio.run_coroutine_threadsafe(_ended(listener), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _ended(listener: Any) -> None:
    listener.close()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)


@contextlib.contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a plain TCP server that hands each connection to `answer`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _peer = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(30)
