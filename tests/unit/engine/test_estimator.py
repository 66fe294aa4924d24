# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estimator by itself, where a simulated network is too kind."""

from __future__ import annotations

from ntp_multicast_engine.estimator import Estimator, Exchange, OneWay

SECOND, MICROSECOND = 10**9, 1000


def test_the_delay_of_a_short_way_is_never_nothing() -> None:
    """Seen on a virtual switch: one multicast that is 30 us quicker than all others takes the measured D with it."""
    estimator = Estimator(prior_frequency=0.0)
    estimator.accurate_departures = True
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
    estimator = Estimator(assumed_delay=0.002)
    estimator.add(OneWay(0, 0))
    estimate = estimator.estimate()
    assert estimate is not None and (estimate.delay, estimate.difference) == (0.004, 2_000_000)
