# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The offset of a server's clock against raw time, from one-way samples and a few two-way exchanges.

Theory of operation. A multicast packet that left at server time `s` and came at raw time `t` gives `s - t`: the
true difference minus the way's delay. An exchange gives one sample of that kind, and one of the other direction, which
is too large by its delay. Queues only add to delays, so the truth lies between the upper edge of the samples down and
the lower edge of the samples up, in the middle, if the two ways are alike at their fastest. How the edges are followed
while the oscillator wanders is in `kalman`.

How much the oscillator wanders, and whether delays scatter above a minimum or about a mean, is a matter of the host and
its network. So there are several filters, each under another model, and each counts by how well it predicted the
samples of late.

Filters forget the order of what they were told, so a first packet that was late, before anything was known to tell
so, could mislead them: later ones would seem to be the odd ones. Therefore the beginning isn't left to chance. The
truth lies between the two samples of any exchange, most narrowly of that with the shortest round trip, which needs no
clock to be told; every filter begins within these bounds, and is begun again when a shorter one comes.

A server that stamps its multicasts early (as all do without RFC 9769) has that habit measured against its answers.
Where the multicasts tell their departure more accurately than answers can (RFC 9769), it is the answers' habit that is
measured, and assumed to be small.

That habit has a sign: an answer is stamped before it leaves. If answers come through quicker than multicasts, it is the
multicasts that lag: a host asleep has to wake up before it stamps what comes unasked, but is awake for what it has
asked for; access points hold multicasts back for those who sleep; switches may forward them by a slower path. So
whichever way down is quicker counts as the counterpart of the way up, and the lag of the other one is measured.

Everything is in raw time: nothing that anyone does to CLOCK_REALTIME can poison the delay.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from ntp_multicast_engine.filter.kalman import KalmanFilter, Model, Way
from ntp_multicast_engine.instant import Instant

WINDOW = 32
"""One-way samples kept."""
EXCHANGES = 24
"""Exchanges whose round trips are kept: a way that has become longer is told as the delay after so many."""
MINIMUM_SCALE = 2e-6
"""Seconds. Stamps aren't better than that, so a smaller spread of few samples is luck."""
LOOKED_AT_AGAIN = 24
"""So many of the first samples, with each new one: more is known by then about how they scatter."""
RESPONSE_UNCERTAINTY = 50e-6
"""Seconds by which a program misjudges when its answer leaves: scheduling and the way through the kernel."""
MULTICAST_UNCERTAINTY = 1e-3
"""Seconds by which multicasts may be later than answers, where they are known to be or no kernel has stamped them."""
SMALLEST_ASYMMETRY = 5e-6
"""Seconds. Which way down lags isn't asked for less: two kernels' stamps are no better, and it takes more requests."""
_CERTAINTY = 3.0
"""Deviations that it takes to say which way down lags."""
MODELS = tuple(
    Model(wander, delay_walk, two_sided, prior_weight)
    for wander, delay_walk, prior_weight in (
        (3e-10, 1e-8, 1.0),
        (3e-9, 1e-8, 1.0),
        (3e-9, 3e-6, 1.0),
        (1e-7, 1e-7, 1.0),
        (3e-6, 3e-5, 0.02),
    )
    for two_sided in (False, True)
)
"""The last two assume that anything may change at any time, which is true when it just has. What each pair is worth,
and the constants, stands in the table of tests/benchmarks/README.md (engine_ablation.py)."""
_PRIOR_DEVIATION, _UNKNOWN_DEVIATION = 0.3e-6, 100e-6
"""How much the raw clock's rate may differ from the prior, for a model that trusts it, and from nothing at all."""
_STEADY = 5e-8
"""A model with a smaller walk of the delay assumes that things stay as they are, the frequency of the last run too."""
_PRIOR_ODDS = 12.0
"""Natural logarithm of the odds for the prior to be about right. It may be plainly wrong, when a virtual machine has
moved to another host, or somebody has steered the clock by hand; then enough samples say so, however noisy they are."""
_FORGETTING = 0.98
"""A sample counts half as much in the choice of the models when 34 others have come. Without forgetting, bursts and
jitter cost a tenth more error; with 0.9, bursts cost six times as much (tests/benchmarks/engine_ablation.py)."""
_ENOUGH_DIFFERENCES = 5
"""For a median that means something."""


@dataclass(frozen=True)
class OneWay:
    """`difference` is server time of sending minus raw time of arrival, both in nanoseconds."""

    raw: int
    difference: int


@dataclass(frozen=True)
class Exchange:
    """`up` is server time of arrival minus raw time of sending, `down` that of sending minus raw time of arrival."""

    raw: int
    up: int
    down: int

    @property
    def delay(self) -> float:
        """Round trip, seconds."""
        return (self.up - self.down) / 1e9


@dataclass(frozen=True)
class Estimate:
    """Server time minus raw time is `difference` (nanoseconds) at `raw` and grows by `frequency` (a ratio).

    `delay` is the smallest round trip, `jitter` the spread of the one-way samples, `error` a bound on what asymmetry
    and lack of samples can hide: seconds.
    """

    raw: int
    difference: int
    frequency: float
    delay: float
    jitter: float
    error: float

    def at(self, raw: int) -> int:
        """Server time minus raw time at another moment, nanoseconds."""
        return self.difference + round(self.frequency * (raw - self.raw))

    def offset(self, now: Instant) -> int:
        """Server time minus CLOCK_REALTIME, nanoseconds."""
        return self.at(now.raw) - (now.real - now.raw)


@dataclass(frozen=True)
class Correction:
    """An estimate with what the kernel wants to know besides. Errors in seconds.

    `drift` is the frequency as many samples tell it, a ratio; None as long as there are few.
    """

    estimate: Estimate
    leap: int
    maximum_error: float
    drift: float | None = None

    def offset(self, now: Instant) -> int:
        return self.estimate.offset(now)


class _Scatter:
    """How far the samples of one way lie from the line through their neighbours: by the median, seconds.

    Neither offset nor frequency nor a few long queues matter for that.
    """

    def __init__(self) -> None:
        self._latest: deque[tuple[float, float]] = deque(maxlen=3)
        self._differences: deque[float] = deque(maxlen=WINDOW)
        self.median: float | None = None

    def add(self, time: float, value: float) -> None:
        self._latest.append((time, value))
        if len(self._latest) < 3:
            return
        (first, before), (middle, between), (last, after) = self._latest
        if not first < middle < last:
            return
        share = (middle - first) / (last - first)
        self._differences.append(abs(between - before - share * (after - before)))
        if len(self._differences) >= _ENOUGH_DIFFERENCES:
            self.median = sorted(self._differences)[len(self._differences) // 2]

    def typical(self, expected: float) -> float:
        """The median; as long as there are too few samples for one, their mean with what was `expected`."""
        if self.median is not None:
            return self.median
        return (sum(self._differences) + expected) / (len(self._differences) + 1)


class Estimator:
    """Collects samples of one server.

    :param prior_frequency: how much faster than raw time the server is assumed to run (a ratio); None, if unknown.
    """

    def __init__(self, prior_frequency: float | None = None) -> None:
        self._prior_frequency = prior_frequency
        self._accurate_departures = False
        self._lagging = Way.MULTICAST
        self.assumed_delay: float | None = None
        """Seconds from server to client."""
        self._base: OneWay | None = None
        self._cached: Estimate | None = None
        self._samples: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._round_trips: deque[float] = deque(maxlen=EXCHANGES)
        self._shortest: Exchange | None = None
        self._first: list[tuple[Way, float, float]] = []
        self._scatter = {way: _Scatter() for way in Way}
        self._bank: list[KalmanFilter] = []
        self._begin()

    def _begin(self) -> None:
        """With the first samples, seen in the light of what is known now."""
        asymmetry = self._asymmetry_uncertainty()
        frequency = self._prior_frequency or 0.0
        self._bank = []
        for model in MODELS:
            trusting = self._prior_frequency is not None and model.delay_walk < _STEADY
            deviation = _PRIOR_DEVIATION if trusting else _UNKNOWN_DEVIATION
            kalman = KalmanFilter(model, frequency, deviation, asymmetry)
            if self._prior_frequency is not None and not trusting:
                kalman.score = -_PRIOR_ODDS
            self._bank.append(kalman)
            if self.assumed_delay is not None and not self._round_trips:
                kalman.assume_delay(self.assumed_delay)
            if self._shortest is not None:
                kalman.confine(*self._times(self._shortest), RESPONSE_UNCERTAINTY)
        for way, time, value in self._first:
            self._measure(way, time, value)

    def _asymmetry_uncertainty(self) -> float:
        return RESPONSE_UNCERTAINTY if self._lagging is Way.ANSWER else MULTICAST_UNCERTAINTY

    def expect_departures(self, accurate: bool) -> None:
        """Whether the one-way samples have kernel stamps of sending (RFC 9769), which answers to requests lack.

        To be told before the first one-way sample; exchanges may have come.
        """
        if accurate is not self._accurate_departures:
            self._accurate_departures = accurate
            self._lagging = Way.ANSWER if accurate else Way.MULTICAST
            self._begin()

    @property
    def multicasts_lag(self) -> bool:
        """Whether multicasts take longer than answers although both tell when they left."""
        return self._accurate_departures and self._lagging is Way.MULTICAST

    def assume_delay(self, seconds: float) -> None:
        """To be used from server to client as long as there is no exchange; else there is no estimate without one."""
        self._cached, self.assumed_delay = None, seconds
        if not self._round_trips:
            self._begin()

    @property
    def samples(self) -> int:
        return len(self._samples)

    @property
    def exchanges(self) -> int:
        return len(self._round_trips)

    def add(self, sample: OneWay) -> None:
        time, value = self._relative(sample.raw, sample.difference)
        self._samples.append((time, value))
        self._take(Way.MULTICAST, time, value)

    def add_exchange(self, exchange: Exchange) -> None:
        time, up, down = self._times(exchange)
        self._round_trips.append(exchange.delay)
        if len(self._first) < LOOKED_AT_AGAIN and (self._shortest is None or exchange.delay < self._shortest.delay):
            self._shortest = exchange
        self._take(Way.REQUEST, time, up)
        self._take(Way.ANSWER, time, down)

    def better(self, warm_up: Exchange, measurement: Exchange) -> Exchange:
        """Which of two exchanges that follow one another tells more: if queues make delays, the quicker one.

        Where delays scatter to both sides, to choose would only make both ways seem shorter than that of multicasts.
        """
        queues = sum(weight for weight, kalman in self._weighted() if not kalman.model.two_sided)
        return warm_up if queues > 0.5 and warm_up.delay < measurement.delay else measurement

    def _take(self, way: Way, time: float, value: float) -> None:
        self._scatter[way].add(time, value)
        if len(self._first) < LOOKED_AT_AGAIN:
            self._first.append((way, time, value))
            self._begin()
        else:
            self._measure(way, time, value)
        if self._accurate_departures and self._is_quicker():
            self._exchange_ways()

    def _is_quicker(self) -> bool:
        """Whether the way down that was assumed to lag is quicker than the other one, for certain."""
        asymmetry, variance = self._mixture(3)
        if asymmetry > -SMALLEST_ASYMMETRY:
            return False
        # What the samples say by themselves: that the asymmetry is small is assumed only of one that isn't negative.
        told = max(1 - variance / self._asymmetry_uncertainty() ** 2, 0.0)
        return asymmetry * asymmetry > _CERTAINTY**2 * variance * told

    def _exchange_ways(self) -> None:
        self._lagging = Way.MULTICAST if self._lagging is Way.ANSWER else Way.ANSWER
        if len(self._first) < LOOKED_AT_AGAIN:
            self._begin()
            return
        for kalman in self._bank:
            kalman.exchange_ways()
            # What was thought of the asymmetry until now may have kept it from becoming as large as it is.
            for unknown in (0, 2, 3):
                kalman.covariance[unknown][unknown] += kalman.mean[3] ** 2

    def _times(self, exchange: Exchange) -> tuple[float, float, float]:
        """When it was, and the bounds of the offset then, in seconds from the estimator's origin."""
        time, up = self._relative(exchange.raw, exchange.up)
        return time, up, self._relative(exchange.raw, exchange.down)[1]

    def _relative(self, raw: int, difference: int) -> tuple[float, float]:
        self._cached = None
        if self._base is None:
            self._base = OneWay(raw, difference)
        return (raw - self._base.raw) / 1e9, (difference - self._base.difference) / 1e9

    def _measure(self, way: Way, time: float, value: float) -> None:
        biased = way is self._lagging
        scatter = max(self._scatter[way].typical(self._expected_scatter()), MINIMUM_SCALE)
        for kalman in self._bank:
            if way is Way.MULTICAST:
                kalman.score *= _FORGETTING
            kalman.measure(way, time, value, scatter, biased)
        highest = max(kalman.score for kalman in self._bank)
        for kalman in self._bank:
            kalman.score -= highest

    def _expected_scatter(self) -> float:
        """How much delays may scatter of which few are known: as those of the multicasts, or as round trips do.

        Round trips need no clock, and tell rather too much.
        """
        median, count = self._scatter[Way.MULTICAST].median, len(self._round_trips)
        if median is not None:
            return median
        if count < 2:
            return max(self._round_trips, default=0.0)
        return (sum(self._round_trips) / count - min(self._round_trips)) * count / (count - 1)

    def estimate(self) -> Estimate | None:
        """The present best estimate, or None as long as there is nothing to make it from."""
        if self._cached is None:
            self._cached = self._estimate()
        return self._cached

    def _estimate(self) -> Estimate | None:
        if self._base is None or (not self._round_trips and self.assumed_delay is None):
            return None
        (offset, variance), (frequency, _unused) = self._mixture(0), self._mixture(1)
        time = self._bank[0].time
        jitter = self._jitter(offset, frequency, time)
        return Estimate(
            raw=self._base.raw + round(time * 1e9),
            difference=self._base.difference + round(offset * 1e9),
            frequency=frequency,
            delay=self._round_trip(),
            jitter=jitter,
            error=self._error(jitter, variance),
        )

    def _weighted(self) -> list[tuple[float, KalmanFilter]]:
        """How much each filter counts, as shares of 1."""
        weights = [kalman.model.prior_weight * math.exp(kalman.score) for kalman in self._bank]
        total = sum(weights)
        return [(weight / total, kalman) for weight, kalman in zip(weights, self._bank)]

    def _mixture(self, unknown: int) -> tuple[float, float]:
        """Mean and variance of an unknown (its place in `mean`) over all filters."""
        weighted = self._weighted()
        mean = sum(weight * kalman.mean[unknown] for weight, kalman in weighted)
        return mean, sum(
            weight * (kalman.covariance[unknown][unknown] + (kalman.mean[unknown] - mean) ** 2)
            for weight, kalman in weighted
        )

    def _round_trip(self) -> float:
        """The smallest round trip, seconds.

        Not twice the estimated delay: that may come out as nothing on a short way, while half of the round trip has to
        bound what asymmetry can hide.
        """
        if not self._round_trips:
            return 2 * (self.assumed_delay or 0.0)
        return max(min(self._round_trips), MINIMUM_SCALE)

    def _jitter(self, offset: float, frequency: float, time: float) -> float:
        values = [offset + frequency * (then - time) - value for then, value in self._samples]
        if len(values) < 2:
            values = [round_trip / 2 for round_trip in self._round_trips]
        if len(values) < 2:
            return 0.0
        mean = sum(values) / len(values)
        return math.sqrt(sum((value - mean) * (value - mean) for value in values) / (len(values) - 1))

    def _error(self, jitter: float, variance: float) -> float:
        if not self._round_trips:
            # Nothing bounds the delay: it may be anything from nothing to twice what was assumed.
            return MINIMUM_SCALE + (self.assumed_delay or 0.0) + jitter
        return MINIMUM_SCALE + 2 * math.sqrt(max(variance, 0.0))
