# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several servers to follow: the intersection algorithm of RFC 5905 section 11.2.1, then the best one.

There is no clustering and no combining (sections 11.2.2 and 11.2.3): one server is followed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
MAXDIST = 1.5
"""Seconds of root distance from which on a server is no candidate. RFC 5905 section 7.2 has 1 s, ntpd 1.5 s."""
_STRATUM_WEIGHT = 1.0
"""Seconds of distance that a stratum is worth (RFC 5905 section 11.2.3)."""
_HYSTERESIS = 2.0
"""How many times farther than the best one the present server may be and stays, so that two don't take turns."""
_LOW, _MIDDLE, _HIGH = -1, 0, 1


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """A server as selection sees it: offset and root distance in seconds."""

    server: T
    offset: float
    distance: float
    stratum: int

    @property
    def low(self) -> float:
        return self.offset - self.distance

    @property
    def high(self) -> float:
        return self.offset + self.distance


def intersection(candidates: Sequence[Candidate[T]]) -> tuple[float, float] | None:
    """The interval in which a majority agrees on the true offset; None, if there is none.

    As few falsetickers as possible are assumed, less than half. Each end of the interval lies within the correctness
    intervals of as many as are left, and no more midpoints lie outside of it than there are falsetickers.
    """
    edges = [(candidate.low, _LOW) for candidate in candidates]
    edges += [(candidate.offset, _MIDDLE) for candidate in candidates]
    edges += [(candidate.high, _HIGH) for candidate in candidates]
    edges.sort()
    downwards = [(value, -kind) for value, kind in reversed(edges)]
    falsetickers = 0
    while 2 * falsetickers < len(candidates):
        truechimers_wanted = len(candidates) - falsetickers
        low, midpoints_below = _reach(edges, truechimers_wanted)
        high, midpoints_above = _reach(downwards, truechimers_wanted)
        if low is not None and high is not None and low < high and midpoints_below + midpoints_above <= falsetickers:
            return low, high
        falsetickers += 1
    return None


def _reach(edges: Iterable[tuple[float, int]], wanted: int) -> tuple[float | None, int]:
    """The first edge at which so many intervals have begun and not ended, and how many midpoints come before it."""
    begun = midpoints = 0
    for value, kind in edges:
        begun -= kind
        if begun >= wanted:
            return value, midpoints
        midpoints += kind == _MIDDLE
    return None, midpoints


def truechimers(candidates: Sequence[Candidate[T]]) -> list[Candidate[T]]:
    """Those whose correctness intervals share points with the intersection; none if there is no majority."""
    near = [candidate for candidate in candidates if candidate.distance < MAXDIST]
    found = intersection(near)
    if found is None:
        return []
    low, high = found
    return [candidate for candidate in near if candidate.low < high and candidate.high > low]


class Judgement(enum.Enum):
    """What the selection makes of a server: TOO_FAR are those that are no candidates."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    TOO_FAR = "too far"


def judge(candidates: Sequence[Candidate[T]]) -> dict[Candidate[T], Judgement]:
    """What becomes of each; none of those that disagree without a majority is followed."""
    judged = {item: Judgement.DISAGREES if item.distance < MAXDIST else Judgement.TOO_FAR for item in candidates}
    return {**judged, **dict.fromkeys(truechimers(candidates), Judgement.AGREES)}


def select(candidates: Sequence[Candidate[T]], current: T | None) -> T | None:
    """The server to follow. The present one stays unless another one is clearly better."""
    agreed = truechimers(candidates)
    if not agreed:
        return None

    best = min(agreed, key=lambda candidate: candidate.stratum * _STRATUM_WEIGHT + candidate.distance)
    for candidate in agreed:
        good = candidate.stratum == best.stratum and candidate.distance <= best.distance * _HYSTERESIS
        if candidate.server == current and good:
            return current
    return best.server
