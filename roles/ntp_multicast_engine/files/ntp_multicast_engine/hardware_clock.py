# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line between a network card's clock and the system's raw time.

Rules of the file: no devices, no clock; readings come in, times go out. A card's clock is somebody else's: it may
stand years away, run some hundred ppm off, be steered or be set. So nothing is believed of it but what recent readings
say, and only near them. The line is one to raw time, which nobody steers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ntp_multicast_engine.clock.system_clock import Instant
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_WIDEST = NANOSECONDS // 2000
"""A reading that took longer tells too little."""
_ALIKE = 1.5
"""Readings whose windows are no wider than this times the narrowest one count together."""
_READINGS = 16
_BASE = NANOSECONDS // 4
"""Readings have to lie apart by this much to tell how fast the card's clock runs."""
_NEAREST, _FARTHEST = NANOSECONDS // 100, NANOSECONDS
"""The reach of the line beyond its readings, first and at most."""
_FLOOR = 100
_JUMP = 2_000
"""Nanoseconds by which a reading may contradict the line for no reason."""
_WANDER = 5e-6
_FASTEST = 1e-3
"""By how much a card's clock may run differently than raw time; ptp4l(8) steers by at most 0.9 ms a second."""
_LATE = NANOSECONDS // 20


@dataclass(frozen=True)
class Reading:
    """The card's clock, and CLOCK_REALTIME before and after it was read; nanoseconds."""

    before: int
    hardware: int
    after: int


@dataclass(frozen=True)
class _Point:
    """The card's clock at a raw time, which may be wrong by `doubt` nanoseconds."""

    hardware: int
    raw: int
    doubt: int

    def agrees(self, other: _Point, slope: float, wander: float) -> bool:
        """Whether one clock can have shown both, if it gains `slope` on raw time, more or less `wander`."""
        passed = self.hardware - other.hardware
        error = self.raw - other.raw - passed * (1 + slope)
        return abs(error) <= self.doubt + other.doubt + _JUMP + wander * abs(passed)


def best_of(readings: Sequence[Reading], now: Instant) -> _Point | None:
    """What readings taken just before `now` say together, or None if they say too little."""
    good = [item for item in readings if 0 <= item.after - item.before <= _WIDEST]
    if not good:
        return None
    narrowest = min(item.after - item.before for item in good)
    alike = [item for item in good if item.after - item.before <= narrowest * _ALIKE + _FLOOR]
    differences = sorted((item.before + item.after) // 2 - item.hardware for item in alike)
    hardware = alike[-1].hardware
    behind = now.real - (hardware + differences[len(differences) // 2])
    if not 0 <= behind < _LATE:
        # The system's clock was set meanwhile, or this process had to wait.
        return None
    return _Point(hardware, now.raw - behind, narrowest // 2)


class HardwareClock:
    """See the head of the file. `jumps` counts how often the line had to begin anew."""

    def __init__(self) -> None:
        self.jumps = 0
        self._points: deque[_Point] = deque(maxlen=_READINGS)
        self._doubtful: _Point | None = None
        self._not_before = 0
        self._slope = 0.0
        self._residual = 0.0

    @property
    def doubt(self) -> int:
        """Nanoseconds by which the newest reading may be wrong."""
        return self._points[-1].doubt if self._points else 0

    @property
    def frequency(self) -> float | None:
        """By how much raw time gains on the card's clock, as a ratio, once that is known."""
        return self._slope if self._knows_frequency else None

    @property
    def _base(self) -> int:
        return self._points[-1].hardware - self._points[0].hardware if self._points else 0

    @property
    def _knows_frequency(self) -> bool:
        return self._base >= _BASE

    @property
    def _reach(self) -> int:
        """Nanoseconds beyond the readings for which they are as good as they are themselves."""
        return max(_NEAREST, min(self._base // 4, _FARTHEST)) if self._knows_frequency else _NEAREST

    def wants_reading(self, raw: int) -> bool:
        """Whether a stamp that is read now needs a new reading first."""
        return not self._points or self._doubtful is not None or not 0 <= raw - self._points[-1].raw < self._reach

    def add(self, readings: Sequence[Reading], now: Instant) -> bool:
        """Take readings that were just taken; False, if they contradict those before, so that more are wanted."""
        point = best_of(readings, now)
        if point is None:
            return True
        if self._points and not self._continues(point):
            if self._doubtful is None or not point.agrees(self._doubtful, 0.0, _FASTEST):
                self._doubtful = point
                return False
            # Two that agree: the card's clock was set. Stamps from before that mean something else.
            self._points.clear()
            self._not_before = self._doubtful.raw
            self.jumps += 1
        self._doubtful = None
        self._points.append(point)
        self._fit()
        return True

    def _continues(self, point: _Point) -> bool:
        newest = self._points[-1]
        wander = _WANDER if self._base >= NANOSECONDS else _FASTEST
        return point.hardware > newest.hardware and point.agrees(newest, self._slope, wander)

    def _fit(self) -> None:
        """A line through the readings, as many as lie on one with the newest."""
        while True:
            self._slope = self._residual = 0.0
            if not self._knows_frequency:
                return
            self._slope, self._residual = _line(self._points)
            newest = self._points[-1]
            if len(self._points) == 2 or abs(self._residual) <= max(newest.doubt / 2, _FLOOR):
                return
            for _unused in range(len(self._points) // 2):
                self._points.popleft()

    def raw(self, hardware: int) -> int | None:
        """The raw time at which the card's clock showed that, or None if that isn't known well."""
        if not self._points or self._doubtful is not None or abs(self._slope) > _FASTEST:
            return None
        first, newest = self._points[0], self._points[-1]
        if not first.hardware - self._reach <= hardware <= newest.hardware + self._reach:
            return None
        if not self._knows_frequency and newest.hardware - hardware > self._reach:
            return None
        passed = hardware - newest.hardware
        raw = newest.raw + passed + round(passed * self._slope + self._residual)
        return raw if raw >= self._not_before else None


def _line(points: Sequence[_Point]) -> tuple[float, float]:
    """Weighted least squares: by how much raw time gains on the card's clock, and how far the line is from the newest
    point there, in nanoseconds. Differences to the newest keep the numbers small."""
    newest = points[-1]
    weights = [1.0 / (item.doubt**2 + _FLOOR**2) for item in points]
    xs = [item.hardware - newest.hardware for item in points]
    ys = [item.raw - newest.raw - (item.hardware - newest.hardware) for item in points]
    total = sum(weights)
    x_mean = sum(w * x for w, x in zip(weights, xs)) / total
    y_mean = sum(w * y for w, y in zip(weights, ys)) / total
    spread = sum(w * (x - x_mean) ** 2 for w, x in zip(weights, xs))
    slope = sum(w * (x - x_mean) * (y - y_mean) for w, x, y in zip(weights, xs, ys)) / spread
    return slope, y_mean - slope * x_mean
