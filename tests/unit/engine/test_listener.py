# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is heard by `listen`, however many pretend to send. Real sockets: tests/integration/engine/test_listen.py."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest
from unit.engine.conversation import GROUP, at, broadcast

from ntp_multicast_engine.daemon import listener
from ntp_multicast_engine.net.control_messages import Datagram
from ntp_multicast_engine.net.listening import Heard


class Socket:
    """What ListeningSocket hands out."""

    configuration = GROUP

    def __init__(self, heard: Iterator[Heard]) -> None:
        self._heard = heard

    def hear(self, _clock: object) -> Heard | None:
        return next(self._heard, None)


def heard(source: str, data: bytes, *, truncated: bool = False) -> Heard:
    return Heard(Datagram(data, source, 123, 0, GROUP.group, 2, at(0), "kernel", truncated), 1)


def taken(*packets: Heard) -> Any:
    senders = listener._Senders(None)
    opened: Any = Socket(iter(packets))
    for _unused in range(len(packets)):
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


def test_a_part_of_a_long_datagram_is_no_packet() -> None:
    whole = broadcast(0, key_id=None)
    [sender] = taken(heard("10.0.0.1", whole, truncated=True)).known.values()
    assert (sender.authentication, sender.version) == ("wrong length", None)
