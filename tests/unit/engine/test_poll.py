# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a client asks its server: the volley, the warm-up before a measurement, and afterwards."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.conversation import (
    GROUP,
    RING,
    Cookies,
    InterleavingServer,
    answer,
    ask,
    asks,
    at,
    at_once,
    broadcast,
    exchange,
    hear,
    new_client,
    volley,
)

from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Estimator, Exchange
from ntp_multicast_engine.protocol.association import SPREAD, WELL_KNOWN, Association, Phase, SendRequest
from ntp_multicast_engine.protocol.client import Client
from ntp_multicast_engine.wire.packet import Header
from ntp_multicast_engine.wire.timestamps import to_ntp


@pytest.fixture
def client() -> Client:
    return new_client()


@pytest.fixture
def association(client: Client) -> Association:
    """After the volley, which ends at 8 s."""
    heard = hear(client, broadcast(0), 0)
    volley(client, heard)
    return heard


def test_the_volley(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    for number in range(4):
        assert association.phase is Phase.VOLLEY and not association.usable
        exchange(client, association, 0.5 + 2.5 * number)
    assert association.phase is Phase.LISTENING and association.usable
    for number in range(4, WELL_KNOWN):
        moment = 8 + 8.01 * (number - 3)
        assert not asks(client, moment - 0.5), "one with each multicast"
        exchange(client, association, moment)
        hear(client, broadcast(moment + 1), moment + 1)
    assert not asks(client, moment + 63), "nothing is sent any more"
    assert asks(client, moment + 65), "but now and then"


@given(st.floats(0, 1, exclude_max=True))
def test_the_volley_begins_a_random_time_after_the_multicast(chance: float) -> None:
    client = Client([GROUP], {}, Cookies(), lambda: chance, Estimator)
    association = hear(client, broadcast(0), 0)
    begins = association.deadline()
    assert begins - at(0).raw == pytest.approx(chance * SPREAD, abs=1) and begins < at(0).raw + SPREAD
    assert client.wake(begins - 1, RING) == [] and len(client.wake(begins, RING)) == 1


def test_a_hundred_clients_of_a_group_do_not_ask_at_once() -> None:
    chances = random.Random(1)
    begins = []
    for _unused in range(100):
        client = Client([GROUP], {}, Cookies(), chances.random, Estimator)
        hear(client, broadcast(0), 0)
        begins.append(client.deadline())
    tenths = Counter((moment - at(0).raw) * 10 // SPREAD for moment in begins if moment is not None)
    assert set(tenths) == set(range(10)) and max(tenths.values()) < 25


def test_where_multicasts_are_late_answers_are_asked_for_more_often(client: Client, association: Association) -> None:
    association._good = WELL_KNOWN
    association.estimator.expect_departures(True)
    exchange(client, association, 17)
    assert not association.estimator.multicasts_lag and not asks(client, 80)
    association.estimator._exchange_ways()
    assert association.estimator.multicasts_lag
    exchange(client, association, 82)
    assert not asks(client, 97) and asks(client, 99)


def test_a_server_that_stops_answering_is_asked_less(client: Client, association: Association) -> None:
    assert asks(client, 17) and association.unanswered == 0
    assert not asks(client, 19) and association.unanswered == 1
    assert not asks(client, 80) and asks(client, 84)


def test_exchanges_are_two_seconds_apart(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    exchange(client, association, 0.0)
    assert not client.wake(at(1.9).raw, RING)
    exchange(client, association, 2.1)


@pytest.mark.parametrize("late", [0.0003, 0.0])
def test_the_better_of_rehearsal_and_measurement_counts(client: Client, late: float) -> None:
    association = hear(client, broadcast(0), 0)
    for number in range(4):
        ask(client, association, 0.5 + 2.5 * number)
        assert not association.warming_up and association.estimator.exchanges == number + 1, "the volley has none"
    took = []
    association.estimator.better = lambda *both: min(both, key=lambda one: one.delay)  # type: ignore[method-assign]
    association.estimator.add_exchange = lambda exchange: took.append(exchange.delay)  # type: ignore[method-assign]
    ask(client, association, 17, late)
    assert association.warming_up and not took, "nothing is known yet"
    assert association.deadline() == at(17.0002).raw, "the measurement follows the answer"
    ask(client, association, 17.0003, 0.0003 - late)
    assert not association.warming_up and took == [pytest.approx(0.0002, abs=1e-6)]


def test_a_server_that_answers_only_rehearsals_gets_no_more_of_them(client: Client, association: Association) -> None:
    """Such as ntpd with `restrict limited`: one request in two seconds."""
    for number in range(2):
        start = 17 + 10 * number
        ask(client, association, start)
        assert association.warming_up and asks(client, start + 0.001)
        assert not asks(client, start + 1.1), "the second one is given up"
        assert association.estimator.exchanges == number + 5, "what the first one has told is kept"
        assert association.unanswered == 0
    for number in range(2):
        ask(client, association, 37 + 10 * number)
        assert not association.warming_up and association.estimator.exchanges == number + 7


def test_one_lost_measurement_is_no_reason_to_rehearse_no_more(client: Client, association: Association) -> None:
    for number in range(2):
        start = 17 + 20 * number
        ask(client, association, start)
        assert asks(client, start + 0.001) and not asks(client, start + 1.1)
        exchange(client, association, start + 10)
    ask(client, association, 60)
    assert association.warming_up


def kiss(client: Client, association: Association, seconds: float) -> None:
    """Let the next request be answered with the wish for fewer."""
    with pytest.raises(PacketError, match="kiss_of_death"):
        ask(client, association, seconds, stratum=0, reference_id=b"RATE")


def test_a_server_that_wants_fewer_requests_gets_no_rehearsals(client: Client, association: Association) -> None:
    ask(client, association, 17)
    kiss(client, association, 17.001)
    assert not asks(client, 18.1) and association.estimator.exchanges == 5, "the warm-up is good enough"
    assert not asks(client, 80) and association.unanswered == 0
    ask(client, association, 83)
    assert not association.warming_up and association.estimator.exchanges == 6


def test_doubts_during_a_rehearsal_change_nothing(client: Client, association: Association) -> None:
    hear(client, broadcast(16), 16)
    ask(client, association, 17)
    due = association.deadline()
    hear(client, broadcast(3600), 17.0002)
    assert association.warnings == ["offset_jump"] and association.deadline() == due


# Interleaved mode (RFC 9769)


@pytest.fixture
def took(association: Association) -> list[float]:
    """Round trips of the exchanges that are used after the volley."""
    delays: list[float] = []
    association.estimator.better = lambda _first, second: second  # type: ignore[method-assign]
    association.estimator.add_exchange = lambda exchange: delays.append(exchange.delay)  # type: ignore[method-assign]
    return delays


def test_in_the_volley_each_answer_completes_the_exchange_before_it(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    server = InterleavingServer(client, association)
    delays: list[float] = []
    add = association.estimator.add_exchange

    def record(exchange: Exchange) -> None:
        delays.append(exchange.delay)
        add(exchange)

    association.estimator.add_exchange = record  # type: ignore[method-assign]
    for number in range(5):
        assert association.phase is Phase.VOLLEY
        server.ask(0.5 + 2.5 * number)
    assert server.interleaved == [False, True, True, True, True] and association.interleaved
    assert association.phase is Phase.LISTENING and association.usable
    # The first answer said that it left when it was written, 50 us too early.
    assert delays == [pytest.approx(delay, abs=1e-8) for delay in (250e-6, 200e-6, 200e-6, 200e-6)]


def test_a_third_request_completes_the_measurement(client: Client, association: Association, took: list[float]) -> None:
    server = InterleavingServer(client, association)
    for number in range(3):
        assert not took and association.warming_up is (number > 0)
        server.ask(17 + 0.001 * number)
    assert not association.warming_up and took == [pytest.approx(200e-6, abs=1e-8)]
    assert not asks(client, 20), "the next exchange has its time"
    server.ask(26)
    assert server.interleaved == [False, True, True, True], "the answer before is named after a while, too"


@pytest.mark.parametrize("lost", [1, 2])
def test_where_an_answer_is_lost_what_is_complete_is_used(
    client: Client, association: Association, took: list[float], lost: int
) -> None:
    server = InterleavingServer(client, association)
    for number in range(3):
        server.ask(17 + 0.001 * number)
    took.clear()
    for burst in range(4):
        start = 30.0 + 10 * burst
        for number in range(lost):
            server.ask(start + 0.001 * number)
        assert asks(client, start + 0.001 * lost), "which is lost"
        assert not asks(client, start + 1.5)
        assert len(took) == (burst + 1 if lost == 2 else 0)
        assert not association.warming_up and association.unanswered == 0
    server.ask(80)
    assert association.warming_up, "loss is no reason to do without warm-ups"


def test_a_server_that_forgets_is_used_in_basic_mode_again(
    client: Client, association: Association, took: list[float]
) -> None:
    server = InterleavingServer(client, association)
    for number in range(3):
        server.ask(17 + 0.001 * number)
    server._left.clear()
    ask(client, association, 30)
    ask(client, association, 30.001)
    assert not association.interleaved and len(took) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"origin": 4711}, "bogus"),
        ({"transmit": to_ntp(at(16.9).real)}, "response_times"),
        ({"transmit": to_ntp(at(18.1).real)}, "response_times"),
        ({"transmit": 0}, "response_times"),
        ({"receive": 0}, "response_times"),
        ({"key_id": None}, "response_unauthenticated"),
    ],
)
def test_interleaved_answers_that_are_refused(
    client: Client, association: Association, changes: dict[str, object], reason: str
) -> None:
    """The time at which the answer before left lies within a second after its request came."""
    server = InterleavingServer(client, association)
    server.ask(17)
    with pytest.raises(PacketError) as caught:
        server.ask(17.001, **changes)
    assert caught.value.reason == reason and server.interleaved == [False, True]


def test_a_request_names_the_answer_before_and_tells_nothing_of_this_host() -> None:
    client = Client([GROUP], {}, Cookies(), at_once, Estimator)
    association = hear(client, broadcast(0), 0)
    origins = []
    for number in range(3):
        (action,) = [item for item in client.wake(at(2.5 * number).raw, RING) if isinstance(item, SendRequest)]
        header = Header.decode(action.data)
        origins.append(header.origin)
        assert len({header.receive, header.transmit, 0}) == 3, "random numbers"
        assert (header.leap, header.stratum, header.poll, header.precision, header.reference) == (0, 0, 0, 0, 0)
        association.request_sent(at(2.5 * number))
        received = to_ntp(at(2.5 * number + 1e-4).real) | 1
        data = answer(action.data, 2.5 * number, receive=received, transmit=received)
        association.take_response(data, at(2.5 * number + 2e-4), RING)
        origins.append(received)
    assert origins[0] & 1 and origins[1:-1:2] == origins[2::2]


def test_an_older_version_knows_no_interleaving(client: Client) -> None:
    hear(client, broadcast(0, version=3), 0)
    (action,) = [item for item in client.wake(at(0.5).raw, RING) if isinstance(item, SendRequest)]
    header = Header.decode(action.data)
    assert (header.version, header.origin, header.receive) == (3, 0, 0)


def test_a_request_without_an_answer_may_be_lost_but_not_every_one(client: Client) -> None:
    """Asked again after 2 s twice, and then after twice as long each time, up to 64 s."""
    hear(client, broadcast(0), 0)
    moments = []
    seconds = 0.0
    while len(moments) < 9:
        seconds += 0.25
        if asks(client, seconds):
            moments.append(seconds)
        if seconds % 8 == 0:
            hear(client, broadcast(seconds), seconds)
    # Each is waited for for a second.
    assert [later - before - 1 for before, later in zip(moments, moments[1:])] == [2, 2, 4, 8, 16, 32, 64, 64]
