# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that stood still with its clocks, and a server whose clock jumped, look alike but for the intervals."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from unit.engine.conversation import ask, at, broadcast, hear, new_client, volley
from unit.engine.simulation import Node, Simulation, client_configuration

from ntp_multicast_engine.protocol.association import Association
from ntp_multicast_engine.protocol.client import Client
from ntp_multicast_engine.protocol.standstill import Standstill, StandstillDetector
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
        ((0, 0), (8, 8.05), (16, 15.98)),  # the network is not punctual
        ((0, 0), (8, 8), (16, 19)),  # a packet was late
        ((0, 0), (8, 8), (16.48, 16)),  # the server's clock was set 0.48 s ahead
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
    assert association.standstill is not None and association.standstill.seconds == pytest.approx(61, abs=0.001)
    [event] = association.events
    assert "this host stood still for 61 s" in event


def listening() -> tuple[Client, Association]:
    """A client that knows its server and has heard it for the last time at 16 s."""
    client = new_client()
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    for seconds in (8, 16):
        hear(client, broadcast(seconds), seconds)
    association.events.clear()
    return client, association


def test_a_short_pause_as_of_a_snapshot_or_a_migration_blames_no_server() -> None:
    client, association = listening()
    hear(client, broadcast(24), 23.52)
    for seconds in (24, 24.001):
        there = to_ntp(at(seconds + 0.48).real)
        ask(client, association, seconds, receive=there, transmit=there)
    assert association.standstill is not None and association.standstill.seconds == pytest.approx(0.48, abs=0.001)
    [event] = association.events
    assert event.startswith("this host stood still for 0.48 s, so server 10.0.0.1 is ahead")


def test_a_packet_that_was_late_once_excuses_no_jump_that_comes_later() -> None:
    """What came in between agreed with the estimate."""
    client, association = listening()
    for there, here in ((24, 24.3), (32, 32), (40, 40), (48.4, 48)):
        hear(client, broadcast(there), here)
        association.warnings.clear()
    for seconds in (48.5, 48.501):
        there_now = to_ntp(at(seconds + 0.4).real)
        ask(client, association, seconds, receive=there_now, transmit=there_now)
    assert association.standstill is None
    assert association.events == ["the clock of server 10.0.0.1 jumped: calibrating the delay again"]


def test_packets_that_waited_do_not_tell_a_part_of_the_pause_for_the_whole() -> None:
    """Four of them contradict the estimate as soon as the machine goes on; an answer tells the whole."""
    client, association = listening()
    for number in range(7):
        hear(client, broadcast(24 + 8 * number), 19 + number / 1000)
    assert association.standstill is None and not association.events
    for seconds in (19.6, 19.601):
        there = to_ntp(at(seconds + 60).real)
        ask(client, association, seconds, receive=there, transmit=there)
    assert association.standstill is not None and association.standstill.seconds == pytest.approx(60, abs=0.001)
    assert association.events == [
        "this host stood still for 60 s, so server 10.0.0.1 is ahead: calibrating the delay again"
    ]


def test_a_pause_is_found_without_answers_as_soon_as_nothing_waits_any_more() -> None:
    client, association = listening()
    for number in range(7):
        hear(client, broadcast(24 + 8 * number), 19 + number / 1000)
    hear(client, broadcast(80), 20)
    assert association.standstill is not None and association.standstill.seconds == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize(("next_packet", "paused"), [((80, 20), True), ((84, 24), False)])
def test_an_answer_before_the_next_packet_blames_nobody(next_packet: tuple[float, float], paused: bool) -> None:
    """What waited is lost where a machine was moved. The next packet tells: it comes punctually, or it doesn't."""
    client, association = listening()
    association.poll_soon(at(18).raw)
    for seconds in (18.5, 18.501):
        there = to_ntp(at(seconds + 60).real)
        ask(client, association, seconds, receive=there, transmit=there)
    [event] = association.events
    assert "the clock of server 10.0.0.1 jumped 60 s ahead, or this host stood still for 60 s" in event
    assert association.standstill is None
    hear(client, broadcast(next_packet[0]), next_packet[1])
    assert (association.standstill is not None) is paused
    if association.standstill is not None:
        assert association.standstill.seconds == pytest.approx(60, abs=0.001)
        assert association.events[-1] == "this host stood still for 60 s: server 10.0.0.1 was right"


def test_packets_that_the_network_held_back_excuse_no_server_whose_clock_jumps_then() -> None:
    client, association = listening()
    for there, here in ((24, 31.9), (32, 32)):
        hear(client, broadcast(there), here)
    for seconds in (32.5, 32.501):
        there_now = to_ntp(at(seconds + 3600).real)
        ask(client, association, seconds, receive=there_now, transmit=there_now)
    hear(client, broadcast(3640), 40)
    assert association.standstill is None
    assert not any(event.startswith("this host stood still") for event in association.events)


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


def test_two_servers_show_one_pause() -> None:
    """Each between two packets of its own; the second to show it is no second pause."""
    engine = Node(Simulation(), "10.0.0.2", client_configuration()).engine
    one, other, later = (Standstill(begin, begin + 8, 60.0) for begin in (10, 14, 18))
    seen = []
    for found in (one, other, one, later):
        engine._note_standstill(cast(Association, SimpleNamespace(standstill=found)))
        seen.append(engine.standstill)
    assert seen == [one, one, one, later]
