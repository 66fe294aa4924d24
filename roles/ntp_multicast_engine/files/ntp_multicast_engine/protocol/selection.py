# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several servers to follow: the intersection algorithm of RFC 5905 section 11.2.1, then the nearest one."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

MAXIMUM_DISTANCE = 1.5
"""Seconds of root distance above which a server isn't a candidate (RFC 5905 MAXDIST, ntpd's value)."""
_STRATUM_WEIGHT = 1.0
_HYSTERESIS = 2.0


@dataclass(frozen=True)
class Candidate:
    """A server as selection sees it: offset and root distance in seconds. `name` stands for the association."""

    name: int
    offset: float
    distance: float
    stratum: int

    @property
    def low(self) -> float:
        return self.offset - self.distance

    @property
    def high(self) -> float:
        return self.offset + self.distance


def truechimers(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The largest majority whose correctness intervals share a point; none if there is no majority."""
    near = [candidate for candidate in candidates if candidate.distance < MAXIMUM_DISTANCE]
    best: list[Candidate] = []
    for edge in near:
        sharing = [candidate for candidate in near if candidate.low <= edge.low <= candidate.high]
        if len(sharing) > len(best):
            best = sharing
    return best if len(best) * 2 > len(near) else []


class Judgement(enum.Enum):
    """What the selection makes of a server: TOO_FAR are those that are no candidates."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    TOO_FAR = "too far"


def judge(candidates: Sequence[Candidate]) -> dict[int, Judgement]:
    """What becomes of each, by name; none of those that disagree without a majority is followed."""
    agreed = {candidate.name for candidate in truechimers(candidates)}
    return {
        candidate.name: Judgement.AGREES
        if candidate.name in agreed
        else Judgement.DISAGREES
        if candidate.distance < MAXIMUM_DISTANCE
        else Judgement.TOO_FAR
        for candidate in candidates
    }


def select(candidates: Sequence[Candidate], current: int | None) -> int | None:
    """The name of the server to follow. The present one stays unless another one is clearly better."""
    agreed = truechimers(candidates)
    if not agreed:
        return None

    def cost(candidate: Candidate) -> float:
        return candidate.stratum * _STRATUM_WEIGHT + candidate.distance

    best = min(agreed, key=cost)
    for candidate in agreed:
        if candidate.name == current and candidate.stratum == best.stratum:
            return candidate.name if candidate.distance <= best.distance * _HYSTERESIS else best.name
    return best.name
