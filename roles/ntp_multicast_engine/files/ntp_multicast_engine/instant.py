# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all packages know of clocks: a moment, whoever tells it, and the state of the kernel's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Instant:
    """One moment on both clocks, in nanoseconds."""

    real: int
    raw: int


class Clock(Protocol):
    """What the protocol core needs of a clock."""

    def now(self) -> Instant: ...


def at(real: int, now: Instant) -> Instant:
    """The instant of a kernel time stamp that was taken shortly before `now`."""
    return Instant(real, now.raw - (now.real - real))


@dataclass(frozen=True)
class KernelStatus:
    """What adjtimex tells. Errors in seconds, frequency as a ratio (1e-6 is 1 ppm)."""

    synchronised: bool
    leap: int
    maximum_error: float
    estimated_error: float
    frequency: float
