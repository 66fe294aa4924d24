# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estimator by itself, where a simulated network is too kind."""

from __future__ import annotations

import random

import pytest

from ntp_multicast_engine.filter.estimator import WINDOW, Estimator, Exchange, OneWay

SECOND, MICROSECOND = 10**9, 1000


def test_the_delay_of_a_short_way_is_never_nothing() -> None:
    """Seen on a virtual switch: one multicast that is 30 us quicker than all others takes the measured D with it."""
    estimator = Estimator(prior_frequency=0.0)
    estimator.expect_departures(True)
    for number in range(4):
        estimator.add_exchange(Exchange(number * 2 * SECOND, 25 * MICROSECOND, -40 * MICROSECOND))
    for number in range(1, 20):
        estimator.add(OneWay(8 * number * SECOND, (10 if number == 10 else -20) * MICROSECOND))
    estimate = estimator.estimate()
    assert estimate is not None and estimate.delay == 65e-6


def test_stamps_that_contradict_each_other_give_a_delay_too() -> None:
    estimator = Estimator()
    estimator.add_exchange(Exchange(0, -5 * MICROSECOND, 5 * MICROSECOND))
    estimate = estimator.estimate()
    assert estimate is not None and estimate.delay > 0


def test_without_an_exchange_the_assumed_delay_is_shown() -> None:
    estimator = Estimator()
    estimator.assume_delay(0.002)
    estimator.add(OneWay(0, 0))
    estimate = estimator.estimate()
    assert estimate is not None and estimate.delay == 0.004
    assert estimate.difference == pytest.approx(2_000_000, abs=100_000)
    assert estimate.error >= 0.002


def noisy(prior: float | None, frequency: float, seed: int, samples: int) -> float:
    """What is made of samples 8 s apart with exponential delays of 1 ms, as a busy virtual machine has them: ppm."""
    chance = random.Random(seed)
    estimator = Estimator(prior_frequency=prior)
    estimator.add_exchange(Exchange(0, 100 * MICROSECOND, -100 * MICROSECOND))
    for number in range(samples):
        delay = 1e-4 + chance.expovariate(1000.0)
        estimator.add(OneWay(8 * number * SECOND, round((frequency * 8 * number - delay) * SECOND)))
    estimate = estimator.estimate()
    assert estimate is not None
    return estimate.frequency * 1e6


@pytest.mark.parametrize("seed", range(8))
def test_a_prior_that_is_plainly_wrong_is_given_up(seed: int) -> None:
    """Seen in a virtual machine whose kernel had 0 ppm and its oscillator -50: noisy samples were not accepted."""
    assert abs(noisy(0.0, -50e-6, seed, 32) + 50) < 5
    assert abs(noisy(None, -50e-6, seed, 32) + 50) < 5


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("samples", [2, 4, 8, 16, 32])
def test_a_prior_that_is_right_is_kept(seed: int, samples: int) -> None:
    assert abs(noisy(-50e-6, -50e-6, seed, samples) + 50) < 2


def test_late_answers_are_not_taken_for_a_noisy_network() -> None:
    """Seen on a virtual switch: a program's first answer is late, but that says nothing of requests and multicasts."""
    up = [8, 20, 17, 13, 12, 17, 20, 15]
    down = [155, 57, 27, 20, 31, 47, 41, 37]
    multicasts = [22, 19, 36, 17, 13, 16, 14, 23, 17, 21, 17, 20, 19, 16, 17, 23, 17, 16, 26, 19, 19, 11, 16, 10, 18]
    estimator = Estimator()
    estimator.expect_departures(True)
    for number in range(4):
        exchange = (up[number] * MICROSECOND, -down[number] * MICROSECOND)
        estimator.add_exchange(Exchange(2 * number * SECOND, *exchange))
    errors = []
    for number, delay in enumerate(multicasts):
        if number % 8 == 7:
            exchange = (up[4 + number // 8] * MICROSECOND, -down[4 + number // 8] * MICROSECOND)
            estimator.add_exchange(Exchange((8 * number + 3) * SECOND, *exchange))
        estimator.add(OneWay(8 * number * SECOND, -delay * MICROSECOND))
        estimate = estimator.estimate()
        assert estimate is not None
        errors.append(estimate.at(8 * number * SECOND))
    assert max(map(abs, errors[8:])) < 12 * MICROSECOND


# Delays in microseconds: of the exchanges of the volley, up and down, then of a multicast and an exchange each time.
BUSY_FIRST_REQUEST = (
    [(579, 226), (108, 210), (98, 384), (95, 166)],
    [(276, 115, 136), (297, 111, 223), (361, 102, 162), (201, 105, 157), (313, 98, 145), (216, 97, 136)],
)
BUSY_FIRST_REQUEST_AND_MULTICAST = (
    [(591, 626), (96, 405), (110, 423), (98, 137)],
    [(3192, 100, 193), (204, 99, 137), (247, 111, 164), (316, 130, 139), (540, 105, 208), (347, 127, 146)],
)


@pytest.mark.parametrize("start", [BUSY_FIRST_REQUEST, BUSY_FIRST_REQUEST_AND_MULTICAST])
def test_a_late_first_packet_does_not_lead_all_that_follow(
    start: tuple[list[tuple[int, int]], list[tuple[int, int, int]]],
) -> None:
    """Figures as of a guest that starts: leaps of milliseconds when most requests had proved to be regular."""
    frequency = -50e-6
    estimator = Estimator()

    def difference(time: float, delay: int) -> int:
        return round(frequency * time * SECOND) + delay * MICROSECOND

    def exchange(time: float, up: int, down: int) -> None:
        estimator.add_exchange(Exchange(round(time * SECOND), difference(time, up), difference(time, -down)))

    volley, later = start
    for number, delays in enumerate(volley):
        exchange(0.3 + 2 * number, *delays)
    estimator.expect_departures(True)
    errors = []
    for number, (multicast, up, down) in enumerate(later):
        time = 8.0 + 8 * number
        estimator.add(OneWay(round(time * SECOND), difference(time, -multicast)))
        exchange(time + 6.1, up, down)
        estimate = estimator.estimate()
        assert estimate is not None
        moment = time + 6.1
        errors.append(estimate.at(round(moment * SECOND)) - difference(moment, 0))
    assert max(map(abs, errors)) < 100 * MICROSECOND
    assert max(map(abs, errors[3:])) < 50 * MICROSECOND


@pytest.mark.parametrize("scatter", [0.0, 20e-6, 1e-3])
def test_jitter_is_how_multicasts_scatter_whatever_the_clock_does(scatter: float) -> None:
    chance = random.Random(3)
    estimator = Estimator(prior_frequency=50e-6)
    for number in range(4):
        moment = 2 * number
        offset = round(50e-6 * moment * SECOND)
        estimator.add_exchange(Exchange(moment * SECOND, offset + 100 * MICROSECOND, offset - 100 * MICROSECOND))
    for number in range(1, WINDOW + 5):
        delay = 1e-4 + (chance.expovariate(1 / scatter) if scatter else 0.0)
        estimator.add(OneWay((8 + 8 * number) * SECOND, round((50e-6 * (8 + 8 * number) - delay) * SECOND)))
        assert estimator.samples == min(number, WINDOW)
    estimate = estimator.estimate()
    assert estimate is not None and estimate.jitter == pytest.approx(scatter, rel=0.5, abs=1e-6)


@pytest.mark.parametrize("queues", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_of_two_exchanges_the_quicker_one_is_better_where_delays_are_queues(queues: bool, seed: int) -> None:
    """Otherwise the second one, which is the measurement, as long as the first was not taken for its luck."""
    chance = random.Random(seed)

    def delay() -> int:
        return 200_000 + round(chance.expovariate(1 / 50_000) if queues else chance.gauss(0, 20_000))

    estimator = Estimator(prior_frequency=0.0)
    estimator.expect_departures(True)
    for number in range(1, 60):
        estimator.add_exchange(Exchange(8 * number * SECOND, delay(), -delay()))
        estimator.add(OneWay(8 * number * SECOND + SECOND, -delay()))
    quick, slow = (Exchange(600 * SECOND, size, -size) for size in (190_000, 260_000))
    assert estimator.better(slow, quick) is quick
    assert estimator.better(quick, slow) is (quick if queues else slow)
