# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is heard by `listen`, however many pretend to send. Real sockets: tests/integration/engine/test_listen.py."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

import pytest
from unit.engine.conversation import GROUP, at, broadcast

from ntp_multicast_engine.daemon import listener
from ntp_multicast_engine.net.control_messages import Datagram


class Socket:
    """What a socket of a group hands out; what came over another interface than the second one is misplaced."""

    configuration = GROUP

    def __init__(self, waiting: Iterable[Datagram]) -> None:
        self._waiting = list(waiting)

    def receive(self, _clock: object) -> list[Datagram]:
        return self._waiting

    def misplaced(self, _destination: object, interface: int) -> str | None:
        return None if interface == 2 else "wrong_interface"


def heard(source: str, data: bytes, *, truncated: bool = False, interface: int = 2) -> Datagram:
    return Datagram(data, source, 123, 0, GROUP.group, interface, at(0), "kernel", truncated, 1)


def taken(*packets: Datagram) -> Any:
    senders = listener._Senders(None)
    opened: Any = Socket(packets)
    senders.take(opened, None)  # type: ignore[arg-type]
    return senders


def test_a_crowd_of_forged_senders_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MAXIMUM_SENDERS", 3)
    first = int(ipaddress.ip_address("10.0.0.1"))
    crowd = [heard(str(ipaddress.ip_address(first + number)), broadcast(0, key_id=None)) for number in range(8)]
    senders = taken(*crowd, *crowd)
    assert [(one.source, one.packets) for one in senders.known.values()] == [
        ("10.0.0.1", 2),
        ("10.0.0.2", 2),
        ("10.0.0.3", 2),
    ]
    assert senders.notes() == ["10 packets of further senders and keys are not shown"]


def test_two_senders_with_one_address_and_key_are_two() -> None:
    right, ahead, other = broadcast(0), broadcast(5), broadcast(0, stratum=3)
    senders = list(taken(*(heard("10.0.0.1", data) for data in (right, ahead, other) * 3)).known.values())
    assert [(one.packets, one.stratum, round(one.offset)) for one in senders] == [(3, 2, 0), (3, 2, 5), (3, 3, 0)]


def test_a_part_of_a_long_datagram_is_no_packet() -> None:
    whole = broadcast(0, key_id=None)
    [sender] = taken(heard("10.0.0.1", whole, truncated=True)).known.values()
    assert (sender.authentication, sender.version, sender.ttl) == ("wrong length", None, 1)


def test_what_came_over_another_interface_is_not_heard() -> None:
    assert not taken(heard("10.0.0.1", broadcast(0, key_id=None), interface=3)).known
