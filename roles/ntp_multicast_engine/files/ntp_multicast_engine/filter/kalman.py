# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kalman filter for one server's clock, under one model of oscillator and network.

Four unknowns: `offset` (server time minus raw time), `frequency` (how fast that grows), `delay` (of the fastest packet,
either way) and `asymmetry` (by how much more than that one of the two ways down lags, be it that its packets say that
they left earlier than they did or that they are stamped late on arrival; the caller says which way). Time between
measurements lets the frequency walk at random, and with it the offset; that is the filter of Kalman.

A measurement is one-sided. A packet's delay is the delay of the fastest one plus a queue, and queues only add, so a
measured offset lies below the truth on the way down and above it on the way up, by an amount that is exponentially
distributed, roughly. If the truth is normally distributed before such a measurement, after it the distribution is
normal with a part cut away: mean and variance of that are known in closed form, and the normal distribution with these
two takes its place (assumed density filtering). So a packet that is later than the others moves the mean by a bounded
amount, however late it is, one that is earlier than thought possible moves it all the way.

All times here are seconds and relative to some origin that the caller keeps.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

_EXPONENTIAL_SCATTER, _NORMAL_SCATTER = 0.655, 0.823
"""Median size of the difference of a draw from the mean of two others, for distributions with mean or deviation 1."""
_STAMP_NOISE = 0.5e-6
"""Seconds by which a stamp may be wrong to either side."""
_UNKNOWN = 1.0
"""Seconds by which offset and delay may be off before an exchange confines them; any number that is large."""
_ASYMMETRY_WALK = 3e-8
"""Seconds for each square root of a second: habits change slowly."""
_DISTURBED, _DISTURBED_AGAIN = 0.03, 0.6
"""How likely a packet is to meet something that isn't there most of the time, such as a burst of other traffic; and how
likely, if the packet before has met it."""
_LONG_QUEUES, _LONG_QUEUE = 30.0, 2e-3
"""How long the queues are then: so many times the usual ones, and at least so many seconds."""
_SUSPICIOUS = 3.0
"""Nothing has to be thought of that below so many times the usual."""
_SMALLEST_VARIANCE = 1e-20
"""Seconds squared: rounding makes no variance negative."""
_HALF_LOG_TWO_PI = math.log(2 * math.pi) / 2


class Way(enum.IntEnum):
    """The value is the direction: up (to the server) a queue makes the measured offset too large, down too small."""

    MULTICAST = 0
    REQUEST = 1
    ANSWER = 2


@dataclass(frozen=True)
class Model:
    """`wander`: random walk of the oscillator's frequency, a ratio for each square root of a second. `delay_walk`: that
    of the delay, seconds for each. `two_sided`: the delays scatter about a mean, normally, instead of above a minimum.
    `prior_weight`: how much the model counts before it has predicted anything, as a share.
    """

    wander: float
    delay_walk: float
    two_sided: bool
    prior_weight: float


class KalmanFilter:
    """See the head of the file.

    :param frequency: what is assumed of the frequency at first, and how far that may be off.
    :param asymmetry: how far the asymmetry may be from nothing, seconds.
    """

    def __init__(self, model: Model, frequency: float, frequency_deviation: float, asymmetry: float) -> None:
        self.model = model
        self.time = 0.0
        self.score = 0.0
        """Logarithm of how likely the measurements are under the model; the caller makes it forget."""
        self._disturbed = [0.0 for _unused in Way]
        self.mean = [0.0, frequency, 0.0, 0.0]
        self.covariance = [
            [_UNKNOWN**2, 0.0, 0.0, 0.0],
            [0.0, frequency_deviation**2, 0.0, 0.0],
            [0.0, 0.0, _UNKNOWN**2, 0.0],
            [0.0, 0.0, 0.0, asymmetry**2],
        ]

    def assume_delay(self, delay: float) -> None:
        """Without an exchange nothing tells the delay."""
        self.mean[2] = delay
        for other in range(4):
            self.covariance[2][other] = self.covariance[other][2] = 0.0
        self.covariance[2][2] = (delay / 2) ** 2

    def confine(self, time: float, up: float, down: float, uncertainty: float) -> None:
        """Before anything is measured: `time` is that of an exchange, and offset and delay are what it leaves possible.

        The offset lies between `down` and `up`, the delay between nothing and half of their distance. Normal
        distributions that are as wide take the place of the bounds, which are good to `uncertainty`.
        """
        half = abs(up - down) / 2
        self.time = time
        self.mean[0], self.mean[2] = (up + down) / 2, half / 2
        self.covariance[0][0] = (half + uncertainty) ** 2
        self.covariance[2][2] = (half / 2 + uncertainty) ** 2

    def exchange_ways(self) -> None:
        """The other way down lags instead. What was measured stays as likely, the asymmetry changes its sign."""
        self.mean = _other_way(self.mean)
        rows = [_other_way(row) for row in self.covariance]
        columns = [_other_way([row[column] for row in rows]) for column in range(4)]
        self.covariance = [[column[row] for column in columns] for row in range(4)]

    def advance(self, time: float) -> None:
        """Let time go by; it never goes back."""
        seconds = time - self.time
        if seconds <= 0:
            return
        self.time = time
        mean, (offset, frequency, delay, asymmetry) = self.mean, self.covariance
        intensity = self.model.wander**2
        mean[0] += mean[1] * seconds
        offset[0] += seconds * (2 * offset[1] + seconds * frequency[1]) + intensity * seconds**3 / 3
        offset[1] += seconds * frequency[1] + intensity * seconds * seconds / 2
        offset[2] += seconds * frequency[2]
        offset[3] += seconds * frequency[3]
        frequency[0], delay[0], asymmetry[0] = offset[1], offset[2], offset[3]
        frequency[1] += intensity * seconds
        delay[2] += self.model.delay_walk**2 * seconds
        asymmetry[3] += _ASYMMETRY_WALK**2 * seconds

    def measure(self, way: Way, time: float, value: float, scatter: float, biased: bool) -> None:
        """Take a measured offset into account.

        :param scatter: the median of how far delays of this way differ from their neighbours', see `estimator`.
        :param biased: whether the packet came the way that lags by the asymmetry.
        """
        self.advance(time)
        since = time - self.time
        up = way is Way.REQUEST
        coefficient = (1.0, since, 1.0 if up else -1.0, -1.0 if biased else 0.0)
        gains = [
            row[0] + row[1] * coefficient[1] + row[2] * coefficient[2] + row[3] * coefficient[3]
            for row in self.covariance
        ]
        expected = sum(item * factor for item, factor in zip(self.mean, coefficient))
        spread = max(sum(gain * factor for gain, factor in zip(gains, coefficient)), _SMALLEST_VARIANCE)
        excess = value - expected if up else expected - value
        # What the oscillator has done since an older measurement isn't known either.
        noise = self.model.wander**2 * -(since**3) / 3
        disturbed = _DISTURBED + (_DISTURBED_AGAIN - _DISTURBED) * self._disturbed[way]
        if self.model.two_sided:
            found = _normal(excess, spread, noise + (scatter / _NORMAL_SCATTER) ** 2, disturbed)
        else:
            found = _queue(excess, spread, noise + _STAMP_NOISE**2, scatter / _EXPONENTIAL_SCATTER, disturbed)
        likelihood, after, left, self._disturbed[way] = found
        self.score += likelihood
        moved = (excess - after if up else after - excess) / spread
        shrunk = (spread - left) / (spread * spread)
        for row, gain in enumerate(gains):
            self.mean[row] += gain * moved
            line = self.covariance[row]
            weighted = gain * shrunk
            for column in range(4):
                line[column] -= weighted * gains[column]


def _other_way(vector: list[float]) -> list[float]:
    """The unknowns, told for the other way: `offset + delay` (up), `offset - delay` and `offset - delay - asymmetry`
    (down) remain, and the latter two exchange their roles."""
    offset, frequency, delay, asymmetry = vector
    return [offset - asymmetry / 2, frequency, delay + asymmetry / 2, -asymmetry]


def _normal(excess: float, spread: float, noise: float, disturbed: float) -> tuple[float, float, float, float]:
    """What an excess says that `noise` (a variance) separates from 0, or now and then much more.

    :param excess: how much later a packet came than the fastest one is expected to; `spread` is the variance of that.
    :param disturbed: how likely it is that there was much more.
    :return: the logarithm of the likelihood, mean and variance of the excess, the probability that there was much more.
    """
    total = spread + noise
    likelihood = -excess * excess / total / 2 - math.log(total) / 2 - _HALF_LOG_TWO_PI
    share = spread / total
    usual = (likelihood, excess - share * excess, share * noise)
    if excess * excess < _SUSPICIOUS**2 * total:
        return (*usual, 0.0)
    long = max(_LONG_QUEUES * math.sqrt(noise), _LONG_QUEUE) + math.sqrt(total)
    return _either(usual, (-math.log(2 * long) - abs(excess) / long, excess, spread), disturbed)


def _queue(
    excess: float, spread: float, noise: float, scale: float, disturbed: float
) -> tuple[float, float, float, float]:
    """The same, if a queue of mean `scale` separates it from 0 too, or now and then a much longer one."""
    usual = _exponential(excess, spread, noise + (scale / 32) ** 2, scale)
    long = max(_LONG_QUEUES * scale, _LONG_QUEUE)
    if excess > _SUSPICIOUS * scale:
        return _either(usual, _exponential(excess, spread, noise, long), disturbed)
    if excess < -_SUSPICIOUS * (math.sqrt(spread + noise) + scale):
        # No packet is quicker than the way is long, but a clock may be stepped while one is being stamped.
        return _either(usual, (-math.log(2 * long) + excess / long, excess, spread), disturbed)
    return (*usual, 0.0)


def _either(
    usual: tuple[float, float, float], unusual: tuple[float, float, float], probability: float
) -> tuple[float, float, float, float]:
    """A mixture of two distributions."""
    first, second = usual[0] + math.log(1 - probability), unusual[0] + math.log(probability)
    larger = max(first, second)
    likelihood = larger + math.log(math.exp(first - larger) + math.exp(second - larger))
    share = math.exp(first - likelihood)
    apart = usual[1] - unusual[1]
    left = share * usual[2] + (1 - share) * unusual[2] + share * (1 - share) * apart * apart
    return likelihood, unusual[1] + share * apart, left, 1 - share


def _exponential(excess: float, spread: float, noise: float, scale: float) -> tuple[float, float, float]:
    """Log likelihood, mean and variance of the excess, if it is `noise` and an exponential queue of mean `scale`."""
    total = spread + noise
    deviation = math.sqrt(total)
    shifted = excess - total / scale
    cut = -shifted / deviation
    if cut > 6:
        # The far tail, by its asymptotic series, before erfc leaves the range of numbers.
        square = cut * cut
        tail = -square / 2 - math.log(cut) - _HALF_LOG_TWO_PI + math.log1p(-1 / square + 3 / (square * square))
        hazard = cut + 1 / cut - 2 / (cut * square)
        shrink = (1 - 6 / square) / square
    else:
        probability = math.erfc(cut / math.sqrt(2)) / 2
        tail = math.log(probability)
        hazard = math.exp(-cut * cut / 2 - _HALF_LOG_TWO_PI) / probability
        shrink = 1 + cut * hazard - hazard * hazard
    likelihood = (total / scale / 2 - excess) / scale - math.log(scale) + tail
    share = spread / total
    queue = shifted + deviation * hazard
    return likelihood, excess + share * (queue - excess), share * noise + share * spread * max(shrink, 0.0)
