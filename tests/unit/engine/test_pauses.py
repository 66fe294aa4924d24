# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket that brings forged packets is left alone for a while."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator

import pytest

from ntp_multicast_engine.daemon.pauses import LONGEST, SHARE, SHORTEST, Pauses

MILLISECOND = 1_000_000


class Scene:
    """A socket with a datagram in it, and a thread that has used `cost` nanoseconds of a processor."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.selector = selectors.DefaultSelector()
        self.selector.register(sock, selectors.EVENT_READ, "data")
        self.cost = 0
        self.pauses = Pauses(self.selector, lambda: self.cost)
        sock.sendto(b"waits", sock.getsockname())

    def read(self, raw: int, cost: int, refused: int) -> None:
        def read() -> int:
            self.cost += cost
            return refused

        self.pauses.read(self.socket, raw, read)

    @property
    def ready(self) -> list[object]:
        return [key.data for key, _events in self.selector.select(0)]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield Scene(sock)


def test_genuine_packets_are_followed_by_no_pause(scene: Scene) -> None:
    scene.read(0, 50 * MILLISECOND, refused=0)
    assert scene.ready == ["data"] and scene.pauses.due() is None


@pytest.mark.parametrize(
    ("cost", "pause"),
    [
        (0, SHORTEST),
        (SHORTEST // (SHARE - 1), SHORTEST),
        (2 * MILLISECOND, 2 * MILLISECOND * (SHARE - 1)),
        (3600_000 * MILLISECOND, LONGEST),
    ],
)
def test_a_pause_is_as_long_as_judging_was_dear(scene: Scene, cost: int, pause: int) -> None:
    scene.read(7, cost, refused=1)
    assert scene.ready == [] and scene.pauses.due() == 7 + pause
    scene.pauses.end(7 + pause - 1)
    assert scene.ready == []
    scene.pauses.end(7 + pause)
    assert scene.ready == ["data"] and scene.pauses.due() is None


def test_a_socket_that_is_closed_is_forgotten(scene: Scene) -> None:
    assert not scene.pauses.forget(scene.socket), "registered, and to be unregistered"
    scene.read(0, 0, refused=1)
    assert scene.pauses.forget(scene.socket) and scene.pauses.due() is None
    scene.pauses.end(LONGEST)
    assert scene.ready == []


def test_reading_takes_a_fifth_of_a_processor_at_most(scene: Scene) -> None:
    raw = 0
    while raw < 10_000 * MILLISECOND:
        scene.read(raw, MILLISECOND, refused=40)
        due = scene.pauses.due()
        assert due is not None
        raw = due + MILLISECOND
        scene.pauses.end(raw)
    assert scene.cost <= raw / SHARE
