# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sends what is refused: by sender, reason and key, the newest kinds only.

Anybody can send packets under any address, so the number of entries has a limit, and so has what is told of them.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

LIMIT = 64
"""Kinds that are remembered: more than anybody reads, and little memory."""
_USUAL, _SHORTEST, _RHYTHM = 100 * NANOSECONDS, 8 * NANOSECONDS, 3
"""The interval of a sender of which it isn't known: four of the usual ones of 64 s are awaited then, and after some
packets what lay between them, which is no less than the shortest one."""


@dataclass
class Refusal:
    """Packets of one sender that were refused for one reason. `length` is that of the newest, in octets; `gap` is the
    longest time between two of them, since the last one that was overdue.

    `group` is None for requests to the responder. `key_id` and `tag` (its octets) are None where a packet has no MAC.
    """

    group: MulticastClient | None
    source: str
    reason: str
    key_id: int | None
    tag: int | None
    length: int
    first: int
    last: int
    gap: int = 0
    count: int = 1

    def lasts(self, raw: int, usual: int | None = None) -> bool:
        """Whether the next one would not yet be overdue, where one comes in each `usual` interval."""
        usual = usual or (_SHORTEST if self.count >= _RHYTHM else _USUAL)
        return raw - self.last < max(usual, self.gap) * 5 // 2


class Refusals:
    def __init__(self) -> None:
        self._known: OrderedDict[tuple[MulticastClient | None, str, str, int | None], Refusal] = OrderedDict()

    def note(self, group: MulticastClient | None, source: str, error: PacketError, length: int, raw: int) -> None:
        key = (group, source, error.reason, error.key_id)
        known = self._known.get(key)
        if known is None:
            self._known[key] = Refusal(
                group, source, error.reason, error.key_id, error.tag, length, first=raw, last=raw
            )
            if len(self._known) > LIMIT:
                self._known.popitem(last=False)
            return
        known.gap = max(known.gap if known.lasts(raw) else 0, raw - known.last)
        known.last, known.length, known.tag = raw, length, error.tag
        known.count += 1
        self._known.move_to_end(key)

    def forget(self) -> None:
        """What was refused may be accepted from now on."""
        self._known.clear()

    def newest(self, group: MulticastClient, source: str) -> int:
        """Raw time of the last one from a sender to a group; 0, if there was none."""
        return max((item.last for key, item in self._known.items() if key[:2] == (group, source)), default=0)

    def current(self, raw: int) -> list[Refusal]:
        """Those that go on, oldest first."""
        return sorted((item for item in self._known.values() if item.lasts(raw)), key=lambda item: item.first)
