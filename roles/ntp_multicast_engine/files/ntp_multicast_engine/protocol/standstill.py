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

SHORTEST = NANOSECONDS // 10
"""Nanoseconds. To save a small guest has taken half a second; a live migration takes 0.3 s by default (QEMU)."""
_UNPUNCTUAL = NANOSECONDS // 4
"""By so much a server may send off its interval, but by no more than a part of what is missing."""
_PART = 4
_OLD = 600 * NANOSECONDS
"""A jump is confirmed within a few polls; what was found longer ago has nothing to do with it."""
_TOGETHER = 10 * NANOSECONDS
"""What waited in the network meanwhile comes in one go after it."""


@dataclass(frozen=True)
class Standstill:
    """`seconds` somewhere between the packets of raw time `begin` and `end`."""

    begin: int
    end: int
    seconds: float


class StandstillDetector:
    """For the stream of one server."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None
        self.catching_up = False
        """The last packet is one of many that waited meanwhile. Each shows more of what is missing."""
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
        self.catching_up = here < _UNPUNCTUAL and _regular(there, interval, _UNPUNCTUAL)
        tolerance = min(_UNPUNCTUAL, missing // _PART)
        if missing < SHORTEST or not _regular(there, interval, tolerance):
            return
        if _regular(here, interval, tolerance):
            self.ambiguous = Standstill(last[1], raw, missing / NANOSECONDS)
            return
        begin, before = last[1], 0.0
        if self.found is not None and raw - self.found.end < _TOGETHER:
            begin, before = self.found.begin, self.found.seconds
        self.found = Standstill(begin, raw, before + missing / NANOSECONDS)

    def take(self, raw: int) -> tuple[Standstill | None, Standstill | None]:
        """What was found and what is ambiguous, unless it is old; told once."""
        told = [item if item is not None and raw - item.end < _OLD else None for item in (self.found, self.ambiguous)]
        self.found = self.ambiguous = None
        return told[0], told[1]


def _regular(gap: int, interval: int, tolerance: int) -> bool:
    polls = round(gap / interval)
    return polls > 0 and abs(gap - polls * interval) < tolerance


def spelt(seconds: float) -> str:
    """How long a standstill was, in a sentence."""
    return f"{seconds:.0f} s" if seconds >= 2 else f"{seconds:.2f} s"
