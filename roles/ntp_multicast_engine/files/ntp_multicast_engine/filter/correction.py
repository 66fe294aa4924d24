# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estimate as a clock discipline wants it."""

from __future__ import annotations

from dataclasses import dataclass

from ntp_multicast_engine.filter.estimator import Estimate
from ntp_multicast_engine.instant import Instant


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
        """Server time minus CLOCK_REALTIME, nanoseconds."""
        return self.estimate.at(now.raw) - (now.real - now.raw)
