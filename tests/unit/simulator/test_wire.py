# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire between clients and devices: order, delay and counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from vrp_simulator.errors import SettingsError
from vrp_simulator.settings import settings_from
from vrp_simulator.wire import Wire


class Echo(asyncio.Protocol):
    """Sends a greeting, and then back what it gets."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(b"hello")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def over(wire: Wire, talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        listener = await wire.create_server(lambda host, port: Echo(), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.get_port())
        try:
            return await asyncio.wait_for(talk(reader, writer), 10)
        finally:
            writer.close()
            listener.close()

    return asyncio.run(run())


async def three_questions(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    """Seconds that the greeting and three questions took."""
    start = asyncio.get_running_loop().time()
    assert await reader.readexactly(5) == b"hello"
    for text in (b"one", b"two", b"three"):
        writer.write(text)
        assert await reader.readexactly(len(text)) == text
    return asyncio.get_running_loop().time() - start


def test_it_counts_round_trips_and_octets() -> None:
    wire = Wire()
    over(wire, three_questions)
    assert wire.traffic.connections == 1
    assert wire.traffic.turns == 3
    assert wire.traffic.octets == 5 + 2 * len("onetwothree")


def test_each_turn_takes_the_round_trip_time_and_opening_two() -> None:
    taken = over(Wire(0.02), three_questions)
    assert taken >= 5 * 0.02  # no upper bound: the machine may be busy


def test_what_is_delayed_keeps_its_order() -> None:
    async def many(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        await reader.readexactly(5)
        for number in range(50):
            writer.write(b"%02d" % number)
            await asyncio.sleep(0)
        return await reader.readexactly(100)

    assert over(Wire(0.01), many) == b"".join(b"%02d" % number for number in range(50))


@pytest.mark.parametrize("time", [-0.1, 61, "fast", True])
def test_a_round_trip_time_that_makes_no_sense_is_refused(time: object, tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match="round_trip_time"):
        settings_from({"devices": [{"name": "CE1"}], "wire": {"round_trip_time": time}}, tmp_path)


def test_no_wire_unless_asked_for(tmp_path: Any) -> None:
    assert settings_from({"devices": [{"name": "CE1"}]}, tmp_path).wire is None
    wired = settings_from({"devices": [{"name": "CE1"}], "wire": {}}, tmp_path)
    assert wired.wire is not None and wired.wire.round_trip_time == 0
