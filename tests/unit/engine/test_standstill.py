# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that stood still with its clocks, and a server whose clock jumped, look alike but for the intervals."""

from __future__ import annotations

import pytest
from unit.engine.conversation import ask, at, broadcast, hear, new_client, volley

from ntp_multicast_engine.protocol.standstill import StandstillDetector
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, to_ntp

INTERVAL = 8 * NANOSECONDS


def hears(*packets: tuple[float, float]) -> StandstillDetector:
    """Packets by the server's time and by this host's, seconds."""
    detector = StandstillDetector()
    for there, here in packets:
        detector.hear(to_ntp(at(there).real), at(here).raw, INTERVAL)
    return detector


def test_a_machine_that_was_paused_finds_its_pause() -> None:
    found = hears((0, 0), (8, 8), (72, 12)).found
    assert found is not None and found.seconds == pytest.approx(60) and found.end == at(12).raw


def test_what_waited_in_the_network_comes_in_one_go() -> None:
    found = hears((0, 0), (8, 8), (16, 11), (24, 11.001), (32, 11.002), (40, 15)).found
    assert found is not None and found.seconds == pytest.approx(25, abs=0.1)


@pytest.mark.parametrize(
    "packets",
    [
        ((0, 0), (8, 8), (76, 16)),  # the server's clock was set 60 s ahead
        ((0, 0), (8, 8), (48, 48)),  # packets were lost
        ((0, 0), (8, 8), (-52, 16)),  # the server's clock was set back
        ((0, 0), (8, 8.2), (16, 15.9)),  # the network is not punctual
        ((0, 0), (8, 8), (16, 19)),  # a packet was late
        ((0, 0),),
    ],
)
def test_other_troubles_are_no_standstill(packets: tuple[tuple[float, float], ...]) -> None:
    assert hears(*packets).found is None


def test_a_jump_of_whole_intervals_may_be_either() -> None:
    detector = hears((0, 0), (8, 8), (80, 16))
    assert detector.found is None
    assert detector.ambiguous is not None and detector.ambiguous.seconds == pytest.approx(64)


def test_no_server_is_blamed_for_a_pause_of_this_host() -> None:
    client = new_client()
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    hear(client, broadcast(16), 16)
    association.events.clear()
    hear(client, broadcast(80), 19)
    assert association.standstill is None and not association.events, "one packet alone proves nothing"
    for seconds in (20, 20.001):
        there = to_ntp(at(seconds + 61).real)
        ask(client, association, seconds, receive=there, transmit=there)
    assert association.standstill is not None and association.standstill.seconds == pytest.approx(61)
    [event] = association.events
    assert "this host stood still for 61 s" in event


def test_a_jump_that_may_be_a_pause_is_told_as_that() -> None:
    client = new_client()
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    for seconds in (8, 16):
        hear(client, broadcast(seconds), seconds)
    association.events.clear()
    for seconds in (24, 32, 40):
        hear(client, broadcast(seconds + 64), seconds)
    [event] = association.events
    assert "jumped 64 s ahead, or this host stood still for 64 s" in event
