# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a host that stood still with all of its clocks, as a paused virtual machine, from a server whose clock jumped.

Either way the server is suddenly ahead. But a server sends at regular intervals, whatever its clock says: where its
clock was set, its packets still come here a multiple of the interval apart, and their timestamps are not. Where this
host stood still, it is the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass

from ntp_multicast_engine.wire.timestamps import NANOSECONDS, later

SHORTEST = NANOSECONDS
"""Nanoseconds. Less is nothing that a pause of a machine would last."""
_UNPUNCTUAL = NANOSECONDS // 4
"""By so much a server may send off its interval."""
_OLD = 600 * NANOSECONDS
"""A jump is confirmed within a few polls; what was found longer ago has nothing to do with it."""
_TOGETHER = 10 * NANOSECONDS
"""What waited in the network meanwhile comes in one go after it."""


@dataclass
class Standstill:
    """`seconds` up to raw time `end`."""

    end: int
    seconds: float


class StandstillDetector:
    """For the stream of one server."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None
        self.found: Standstill | None = None
        self.ambiguous: Standstill | None = None
        """The server's clock has jumped ahead, or this host stood still: nothing tells which."""

    def hear(self, transmit: int, raw: int, interval: int) -> None:
        """Take the next packet. One alone proves nothing, so what it shows waits for somebody who `take`s it.

        :param interval: that of the server, nanoseconds.
        """
        last, self._last = self._last, (transmit, raw)
        if last is None:
            return
        there, here = later(transmit, last[0]) * NANOSECONDS >> 32, raw - last[1]
        missing = there - here
        if missing < SHORTEST or not _regular(there, interval):
            return
        if _regular(here, interval):
            self.ambiguous = Standstill(raw, missing / NANOSECONDS)
            return
        before = self.found.seconds if self.found is not None and raw - self.found.end < _TOGETHER else 0.0
        self.found = Standstill(raw, before + missing / NANOSECONDS)

    def take(self, raw: int) -> tuple[Standstill | None, Standstill | None]:
        """What was found and what is ambiguous, unless it is old; told once."""
        told = [item if item is not None and raw - item.end < _OLD else None for item in (self.found, self.ambiguous)]
        self.found = self.ambiguous = None
        return told[0], told[1]


def _regular(gap: int, interval: int) -> bool:
    polls = round(gap / interval)
    return polls > 0 and abs(gap - polls * interval) < _UNPUNCTUAL
