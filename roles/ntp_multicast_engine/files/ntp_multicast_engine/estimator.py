# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The offset of a server's clock against raw time, from one-way samples and a few two-way exchanges.

Theory of operation. A multicast packet that left at server time `s` and came at raw time `t` gives `s - t`: the
true difference minus the way's delay. Queues only add delay, so the samples lie below a line, and it is their upper
envelope, not their mean, that keeps a constant distance D to the truth. Where the line is steep or flat is a matter
of the two oscillators; it is chosen so that the samples lie as near below it as can be, which is the likeliest line
when delays are exponential, weighed against what is already known about the frequency.

D comes from the exchanges. Each gives a sample of either direction. The direction down (server to client) lies
D' below the truth and the direction up lies as much above it, if the two ways are alike at their fastest, so that
    D = (min(up - envelope) - min(envelope - down)) / 2.
The minimum of each direction is taken by itself, so one clean packet each way is enough. Because D is a difference
between exchanges and multicast packets, a server that stamps its multicasts early (as all do without RFC 9769) is
calibrated with that habit included. Where the multicasts tell their departure more accurately than the answers can
(RFC 9769), a difference between the two ways down within the uncertainty of the answers isn't believed.

Everything is in raw time: nothing that anyone does to CLOCK_REALTIME can poison D.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

WINDOW = 32
"""One-way samples kept."""
EXCHANGES = 24
"""Exchanges kept for D."""
RESPONSE_UNCERTAINTY = 50e-6
"""Seconds by which a program misjudges when its answer leaves: scheduling and the way through the kernel."""
PRIOR_FREQUENCY_DEVIATION = 0.3e-6
"""How much the raw clock's rate is believed to differ from the prior: it only weighs while samples are few."""
UNKNOWN_FREQUENCY_DEVIATION = 100e-6
"""How far oscillators of computers are off."""
_SAMPLES_TO_DOUBT = 8
_PRIOR_ODDS = 10.0
"""Natural logarithm of the odds for the prior to be about right. It may be plainly wrong, when a virtual machine has
moved to another host, or somebody has steered the clock by hand; then enough samples say so, however noisy they are."""
MAXIMUM_SLOPE = 1e-3
"""No oscillator of a computer is farther off; a steeper edge comes of a wild sample."""
MINIMUM_SCALE = 2e-6
"""Seconds. Stamps aren't better than that, so a smaller spread of samples is luck."""


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


@dataclass(frozen=True)
class _Line:
    """Seconds relative to the estimator's base: value at time 0 and slope."""

    value: float
    slope: float

    def at(self, time: float) -> float:
        return self.value + self.slope * time


class Estimator:
    """Collects samples of one server and draws the line.

    :param prior_frequency: how much faster than raw time the server is believed to run (a ratio); None, if unknown.
    :param assumed_delay: seconds from server to client to be used as long as there is no exchange; None, if an
        estimate without an exchange is not wanted.
    """

    def __init__(self, prior_frequency: float | None = None, assumed_delay: float | None = None) -> None:
        self.accurate_departures = False
        """Whether the one-way samples have kernel stamps of sending (RFC 9769), which answers to requests lack."""
        self.prior_frequency = prior_frequency
        self.assumed_delay = assumed_delay
        self._base: OneWay | None = None
        self._cached: Estimate | None = None
        self._samples: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._exchanges: deque[_Calibration] = deque(maxlen=EXCHANGES)

    @property
    def samples(self) -> int:
        return len(self._samples)

    @property
    def exchanges(self) -> int:
        return len(self._exchanges)

    def add(self, sample: OneWay) -> None:
        self._cached = None
        self._samples.append(self._relative(sample.raw, sample.difference))
        self._recalibrate()

    def add_exchange(self, exchange: Exchange) -> None:
        self._cached = None
        time, up = self._relative(exchange.raw, exchange.up)
        _unused, down = self._relative(exchange.raw, exchange.down)
        self._exchanges.append(_Calibration(time, up, down))
        self._recalibrate()

    def _relative(self, raw: int, difference: int) -> tuple[float, float]:
        if self._base is None:
            self._base = OneWay(raw, difference)
        return (raw - self._base.raw) / 1e9, (difference - self._base.difference) / 1e9

    def _recalibrate(self) -> None:
        """Measure the exchanges against the present envelope, until they leave the newer half of the window.

        A line is known best in the middle of the points that it was drawn from, so an exchange keeps the distance that
        it had there.
        """
        line = self._envelope()
        if line is None:
            return
        young = len(self._samples) < WINDOW // 2
        middle = (self._samples[0][0] + self._samples[-1][0]) / 2
        for exchange in self._exchanges:
            if young or exchange.time >= middle or not exchange.measured:
                exchange.measure(line)

    def _envelope(self) -> _Line | None:
        """The line above all one-way samples that is likeliest given the prior frequency."""
        if not self._samples:
            return None
        points = list(self._samples)
        prior = self.prior_frequency or 0.0
        slopes = [slope for slope in _hull_slopes(points) if abs(slope) < MAXIMUM_SLOPE]
        count = len(points)
        mean_time = sum(time for time, _unused in points) / count
        mean_value = sum(value for _unused, value in points) / count

        def support(slope: float) -> float:
            return max(value - slope * time for time, value in points)

        def excess(slope: float) -> float:
            return count * (support(slope) + slope * mean_time - mean_value)

        # The mean of the queues is not known either; each line is judged with the mean that suits it best.
        def unlikeliness(slope: float) -> float:
            mean_queue = excess(slope) / count + MINIMUM_SCALE
            return (count - 1) * math.log(mean_queue) + self._surprise(slope - prior)

        best = min([prior, *slopes], key=unlikeliness)
        return _Line(support(best), best)

    def _surprise(self, distance: float) -> float:
        """How unlikely a frequency so far from the prior is: minus the natural logarithm, but for a constant."""
        anywhere = abs(distance) / UNKNOWN_FREQUENCY_DEVIATION
        if self.prior_frequency is None:
            return anywhere
        near = abs(distance) / PRIOR_FREQUENCY_DEVIATION
        return near if len(self._samples) < _SAMPLES_TO_DOUBT else min(near, _PRIOR_ODDS + anywhere)

    def _exchange_line(self) -> _Line | None:
        """With too few one-way samples: the middle of what the exchanges leave open, at the prior frequency."""
        if not self._exchanges:
            return None
        slope = self.prior_frequency or 0.0
        upper = min(exchange.up - slope * exchange.time for exchange in self._exchanges)
        lower = max(exchange.down - slope * exchange.time for exchange in self._exchanges)
        return _Line((upper + lower) / 2, slope)

    def _delay_down(self) -> float | None:
        """D, seconds."""
        measured = [exchange for exchange in self._exchanges if exchange.measured]
        if not measured:
            return self.assumed_delay
        up = min(exchange.up_excess for exchange in measured)
        down = min(exchange.down_excess for exchange in measured)
        if self.accurate_departures:
            down = math.copysign(max(abs(down) - RESPONSE_UNCERTAINTY, 0.0), down)
        return (up - down) / 2

    def estimate(self) -> Estimate | None:
        """The present best line, or None as long as there is nothing to draw it from."""
        if self._cached is None:
            self._cached = self._estimate()
        return self._cached

    def _estimate(self) -> Estimate | None:
        if self._base is None:
            return None
        envelope, line = self._envelope(), None
        delay_down = self._delay_down()
        if envelope is not None and delay_down is not None:
            line = _Line(envelope.value + delay_down, envelope.slope)
        line = line or self._exchange_line()
        if line is None:
            return None
        last = max(
            [time for time, _unused in list(self._samples)[-1:]]
            + [exchange.time for exchange in list(self._exchanges)[-1:]]
        )
        jitter = self._jitter(line)
        return Estimate(
            raw=self._base.raw + round(last * 1e9),
            difference=self._base.difference + round(line.at(last) * 1e9),
            frequency=line.slope,
            delay=self._round_trip(),
            jitter=jitter,
            error=self._error(jitter),
        )

    def _round_trip(self) -> float:
        """The smallest round trip, seconds.

        Not twice D: that follows every movement of the envelope and may come out as nothing on a short way, while half
        of the round trip has to bound what asymmetry can hide.
        """
        if not self._exchanges:
            return 2 * (self.assumed_delay or 0.0)
        return max(min(exchange.up - exchange.down for exchange in self._exchanges), MINIMUM_SCALE)

    def _jitter(self, line: _Line) -> float:
        values = [line.at(time) - value for time, value in self._samples]
        if len(values) < 2:
            values = [line.at(exchange.time) - exchange.down for exchange in self._exchanges]
        if len(values) < 2:
            return 0.0
        mean = sum(values) / len(values)
        return math.sqrt(sum((value - mean) * (value - mean) for value in values) / (len(values) - 1))

    def _error(self, jitter: float) -> float:
        count = max(len(self._samples), 1)
        if not self._exchanges:
            # Nothing bounds the delay: it may be anything from nothing to twice what was assumed.
            return (self.assumed_delay or 0.0) + jitter
        return MINIMUM_SCALE + jitter / math.sqrt(count)


class _Calibration:
    """An exchange and where it lay against the envelope while the window reached it."""

    def __init__(self, time: float, up: float, down: float) -> None:
        self.time = time
        self.up = up
        self.down = down
        self.measured = False
        self.up_excess = 0.0
        self.down_excess = 0.0

    def measure(self, line: _Line) -> None:
        self.up_excess = self.up - line.at(self.time)
        self.down_excess = line.at(self.time) - self.down
        self.measured = True


def _hull_slopes(points: list[tuple[float, float]]) -> list[float]:
    """Slopes of the edges of the upper convex hull; the points come in order of time."""
    hull: list[tuple[float, float]] = []
    for point in points:
        if hull and point[0] <= hull[-1][0]:
            if point[1] <= hull[-1][1]:
                continue
            hull.pop()
        while len(hull) >= 2 and _turns_up(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(hull, hull[1:])]


def _turns_up(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0
