# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that does what it is told and remembers it: the other side of the clock helper."""

from __future__ import annotations

from ntp_multicast_engine.errors import ClockError
from ntp_multicast_engine.instant import KernelStatus


class ObedientClock:
    def __init__(self) -> None:
        self.frequency = 0.0
        self.steps: list[int] = []
        self.synchronised = False
        self.leap = 0
        self.refusing = False

    def _obey(self) -> None:
        if self.refusing:
            raise ClockError("adjtimex: Operation not permitted")

    def status(self) -> KernelStatus:
        return KernelStatus(self.synchronised, self.leap, 0.25, 0.125, self.frequency)

    def set_frequency(self, ratio: float, drift: float) -> None:
        self._obey()
        self.frequency = ratio

    def step(self, nanoseconds: int) -> None:
        self._obey()
        self.steps.append(nanoseconds)

    def set_synchronised(self, leap: int, maximum_error: float, estimated_error: float) -> None:
        self._obey()
        self.synchronised, self.leap = True, leap

    def set_unsynchronised(self) -> None:
        self._obey()
        self.synchronised = False
