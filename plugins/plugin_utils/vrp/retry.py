# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often the device is asked again while it is locked or busy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """How often to try again when the device is locked or busy; the delay in seconds doubles each time."""

    retries: int = 3
    delay: float = 5.0

    def delays(self) -> Iterator[float]:
        """Seconds to wait before each further attempt."""
        for attempt in range(self.retries):
            yield self.delay * 2**attempt
