# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping a device at a step, so that a test can do something exactly then, and without a sleep."""

from __future__ import annotations

import asyncio
import re

from .errors import LineLost
from .faults import Faults

GOES_ON = "while-committing"


class Holds:
    """The device stops at the step that the fault ``hold`` names, until it is released.

    Steps: ``line:PATTERN`` (typed, nothing done yet), ``taken:PATTERN`` (done, nothing said yet), ``before-commit``,
    ``during-commit`` (checked, not yet in force), ``while-committing`` (the same, but the commit goes on whatever
    becomes of its session), ``after-commit`` (in force, nothing said yet).
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.held = ""  # the step at which the device stands
        self._released: asyncio.Future[bool] | None = None
        self._reached = asyncio.Event()

    async def reach(self, step: str, line: str = "") -> None:
        """Stop here if this is the step; raises LineLost when the session is cut instead of released."""
        wanted, _unused, pattern = self._faults.hold.partition(":")
        if wanted != step or self._released is not None or not re.search(pattern, line):
            return
        if self._faults.hold_passes:
            self._faults.hold_passes -= 1
            return
        self.held, self._faults.hold = self._faults.hold, ""
        self._released = asyncio.get_running_loop().create_future()
        self._reached.set()
        try:
            lost = await self._released
        finally:
            self.held, self._released = "", None
            self._reached.clear()
        if lost and step != GOES_ON:
            raise LineLost

    async def wait(self) -> str:
        """Wait until the step is reached; returns it."""
        await self._reached.wait()
        return self.held

    def release(self, lost: bool = False) -> None:
        """Let the device go on; ``lost``: the session ends here instead."""
        if self._released is not None and not self._released.done():
            self._released.set_result(lost)
