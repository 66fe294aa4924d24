# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way between a client and the devices: how long it is, and what went over it.

Nothing here knows SSH. What is delayed keeps its order, and no thread waits for it.
"""

from __future__ import annotations

import asyncio
import collections
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

_Factory = Callable[[str, int], asyncio.Protocol]


@dataclass(slots=True)
class Traffic:
    """What went over the wire since the start.

    turns: how often a client sent something after it had received something, that is its round trips
    octets: both ways
    """

    connections: int = 0
    turns: int = 0
    octets: int = 0


class Wire:
    """Listens in asyncssh's place (its `tunnel` option) and puts itself between the sockets and the SSH protocol.

    round_trip_time: seconds from a client's octet to the first octet of the answer, and of opening a connection
    """

    def __init__(self, round_trip_time: float = 0.0) -> None:
        self.round_trip_time = round_trip_time
        self.traffic = Traffic()
        self.logger = logging.getLogger(__name__)

    async def create_server(self, factory: _Factory, host: str, port: int) -> _Listener:
        """Called by asyncssh to listen."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Line(self, factory(host, port)), host, port, backlog=1024)
        return _Listener(server)


class Announcing:
    """The same way, but the server announces itself with another protocol version, for example ``SSH-1.99-``.

    asyncssh always says 2.0; this hook reaches into it, and a wrong name there fails at the first connection.
    """

    def __init__(self, wire: Wire, identification: str) -> None:
        self._wire = wire
        self._identification = identification.encode("ascii")

    async def create_server(self, factory: _Factory, host: str, port: int) -> _Listener:
        """Called by asyncssh to listen."""
        return await self._wire.create_server(lambda host, port: self._renamed(factory(host, port)), host, port)

    def _renamed(self, connection: Any) -> asyncio.Protocol:
        if not hasattr(connection, "_send_version"):
            raise TypeError("this version of asyncssh says its protocol version in another place")

        def send_version() -> None:
            connection._server_version = self._identification  # the exchange hash covers what was sent
            connection._send(self._identification + b"\r\n")

        connection._send_version = send_version
        return cast(asyncio.Protocol, connection)


class _Listener:
    """A server as asyncssh expects it from a tunnel."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server

    def get_port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        self._server.close()

    async def wait_closed(self) -> None:
        """The sockets are closed at once; lines that are open end by themselves."""


class _Line(asyncio.Protocol):
    """One connection: counts, and hands on what the client sent when it has travelled."""

    def __init__(self, wire: Wire, inner: asyncio.Protocol) -> None:
        self._wire = wire
        self._inner = inner
        self._received = True  # by the client, since it last sent something
        self._travelling: collections.deque[tuple[float, Callable[[], object]]] = collections.deque()
        self._waiting = False
        self._open_from = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire.traffic.connections += 1
        # Opening a TCP connection takes a round trip too; the kernel here did it in none.
        self._open_from = asyncio.get_running_loop().time() + self._wire.round_trip_time
        counting = cast(asyncio.BaseTransport, _CountingTransport(self, transport))
        self._hand_on(lambda: self._inner.connection_made(counting))

    def data_received(self, data: bytes) -> None:
        traffic = self._wire.traffic
        traffic.octets += len(data)
        if self._received:
            self._received = False
            traffic.turns += 1
        self._hand_on(lambda: self._inner.data_received(data))

    def eof_received(self) -> None:
        self._hand_on(self._inner.eof_received)

    def connection_lost(self, exc: Exception | None) -> None:
        self._hand_on(lambda: self._inner.connection_lost(exc))

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def sent(self, octets: int) -> None:
        """The device has sent something."""
        self._wire.traffic.octets += octets
        self._received = True

    def _hand_on(self, step: Callable[[], object]) -> None:
        """The whole round trip lies on the way to the device: for a client it is the same."""
        if not self._wire.round_trip_time:
            step()
            return
        loop = asyncio.get_running_loop()
        sent = max(loop.time(), self._open_from)
        self._travelling.append((sent + self._wire.round_trip_time, step))
        if not self._waiting:
            self._waiting = True
            loop.call_at(self._travelling[0][0], self._arrive)

    def _arrive(self) -> None:
        loop = asyncio.get_running_loop()
        while self._travelling and self._travelling[0][0] <= loop.time():
            self._travelling.popleft()[1]()
        self._waiting = bool(self._travelling)
        if self._waiting:
            loop.call_at(self._travelling[0][0], self._arrive)


class _CountingTransport:
    """The socket's transport, counting what is written."""

    def __init__(self, line: _Line, transport: Any) -> None:
        self._line = line
        self._transport = transport

    def write(self, data: bytes) -> None:
        self._line.sent(len(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
