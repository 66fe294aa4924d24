# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter's closed forms against sums over a grid, and against anything that a network might say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntp_multicast_engine.filter.estimator import Estimator, Exchange, OneWay
from ntp_multicast_engine.filter.kalman import KalmanFilter, Model, Way

CALM = Model(3e-9, 1e-8, False, 1.0)
SCALE = 100e-6
SCATTER = 0.655 * SCALE
"""Of an exponential distribution with that mean."""


def settled(deviation: float) -> KalmanFilter:
    """A filter that is sure of all but the offset."""
    kalman = KalmanFilter(CALM, 0.0, 1e-12, 1e-12)
    kalman.covariance[0][0] = deviation**2
    kalman.covariance[2][2] = 1e-24
    return kalman


@pytest.mark.parametrize("deviation", [10e-6, 100e-6, 1e-3])
@pytest.mark.parametrize("excess", [-50e-6, 0.0, 50e-6, 250e-6, 400e-6])
@pytest.mark.parametrize("way", [Way.MULTICAST, Way.REQUEST])
def test_the_closed_form_is_bayes_rule(deviation: float, excess: float, way: Way) -> None:
    kalman = settled(deviation)
    kalman.measure(way, 0.0, excess if way is Way.REQUEST else -excess, SCATTER, biased=False)
    # The same by brute force; `x` is the true excess, the stamps' noise is that of the filter.
    noise = math.hypot(0.5e-6, SCALE / 32)
    step = min(deviation, noise) / 50
    points = [step * number for number in range(round(-8 * deviation / step), round(8 * deviation / step))]
    total = mean = square = 0.0
    for offset in points:
        queue = excess + offset
        shift = (queue - noise**2 / SCALE) / noise
        density = math.exp(-offset * offset / deviation**2 / 2 - queue / SCALE) * math.erfc(-shift / math.sqrt(2))
        total, mean, square = total + density, mean + density * offset, square + density * offset * offset
    mean, variance = mean / total, square / total - (mean / total) ** 2
    sign = -1 if way is Way.REQUEST else 1
    if excess > 3 * SCALE:
        # Longer queues are thought of as well, and move less.
        assert 0 < abs(kalman.mean[0]) < abs(mean)
    else:
        assert kalman.mean[0] == pytest.approx(sign * mean, abs=1e-7 + 1e-3 * deviation)
        assert kalman.covariance[0][0] == pytest.approx(variance, rel=0.01)


def test_a_late_packet_moves_little_however_late_it_is() -> None:
    moves = []
    for late in (1e-3, 10e-3, 1.0, 1000.0):
        kalman = settled(10e-6)
        kalman.measure(Way.MULTICAST, 0.0, -late, SCATTER, biased=False)
        moves.append(-kalman.mean[0])
    assert all(0 <= move < 2e-6 for move in moves)


@pytest.mark.parametrize("late", [0.0, 600e-6, 5e-3])
def test_who_begins_within_bounds_sees_that_an_earlier_packet_was_late(late: float) -> None:
    """Frequency and lateness can't be told apart by two packets, if nothing is known of the offset."""
    kalman = KalmanFilter(CALM, 0.0, 100e-6, 50e-6)
    kalman.confine(4.0, 100e-6, -100e-6, 50e-6)
    assert kalman.mean[0] == 0 and kalman.mean[2] == pytest.approx(50e-6)
    packets = ((Way.REQUEST, 100e-6 + late), (Way.ANSWER, -100e-6)), ((Way.REQUEST, 100e-6), (Way.ANSWER, -100e-6))
    for number in range(6):
        for way, value in packets[min(number, 1)]:
            kalman.measure(way, 2.0 * number, value, 10e-6, biased=False)
    assert abs(kalman.mean[0]) < 50e-6 and abs(kalman.mean[1]) < 10e-6


nanoseconds = st.integers(-(2**62), 2**62) | st.integers(-(10**7), 10**7)
waits = st.integers(-(10**10), 10**16) | st.sampled_from((0, 10**9, 16 * 10**9))
samples = st.tuples(waits, nanoseconds, st.none() | st.integers(0, 10**9))


@settings(max_examples=40)
@given(
    st.none() | st.floats(-1e-3, 1e-3),
    st.none() | st.floats(0, 1),
    st.booleans(),
    st.lists(samples, max_size=60),
)
def test_no_samples_break_the_estimator(
    prior: float | None, assumed: float | None, accurate: bool, series: list[tuple[int, int, int | None]]
) -> None:
    estimator = Estimator(prior)
    if assumed is not None:
        estimator.assume_delay(assumed)
    estimator.expect_departures(accurate)
    raw = 0
    for wait, difference, delay in series:
        raw += wait
        if delay is None:
            estimator.add(OneWay(raw, difference))
        else:
            estimator.add_exchange(Exchange(raw, difference + delay, difference))
        estimate = estimator.estimate()
        if estimate is not None:
            assert all(
                math.isfinite(value)
                for value in (estimate.frequency, estimate.delay, estimate.jitter, estimate.error, estimate.difference)
            )
            assert estimate.error > 0 and estimate.delay >= 0
