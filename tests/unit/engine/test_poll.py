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
from unit.engine.conversation import GROUP, RING, Cookies, ask, asks, at, broadcast, exchange, hear, new_client, volley

from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Estimator
from ntp_multicast_engine.protocol.association import SPREAD, WELL_KNOWN, Association, Phase
from ntp_multicast_engine.protocol.client import Client


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
    association.estimator.accurate_departures = True
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
