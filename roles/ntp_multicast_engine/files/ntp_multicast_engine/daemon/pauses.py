# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounds what forged packets cost: after packets that were refused, their socket isn't read for a while.

Meanwhile its queue fills, so many packets are read with one wake-up; what doesn't fit is dropped by the kernel, forged
and genuine alike. The kernel has stamped what waits, so a pause makes no packet late.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

SHORTEST, LONGEST = 5_000_000, 100_000_000
"""Nanoseconds."""
SHARE = 5
"""Reading takes one part in so many of a processor's time while packets are refused."""


class Pauses:
    """:param cost: processor time that this thread has used, nanoseconds."""

    def __init__(self, selector: selectors.BaseSelector, cost: Callable[[], int] = time.thread_time_ns) -> None:
        self._selector = selector
        self._cost = cost
        self._paused: dict[socket.socket, tuple[int, selectors.SelectorKey]] = {}

    def read(self, sock: socket.socket, raw: int, read: Callable[[], int]) -> None:
        """Read from a registered socket, and pause if that was in vain. `read` says how many packets were refused."""
        before = self._cost()
        if read():
            pause = min(max((self._cost() - before) * (SHARE - 1), SHORTEST), LONGEST)
            self._paused[sock] = (raw + pause, self._selector.unregister(sock))

    def due(self) -> int | None:
        return min((until for until, _key in self._paused.values()), default=None)

    def end(self, raw: int) -> None:
        for sock in [sock for sock, (until, _key) in self._paused.items() if raw >= until]:
            _until, key = self._paused.pop(sock)
            self._selector.register(sock, key.events, key.data)

    def forget(self, sock: socket.socket) -> bool:
        """The socket is to be closed; whether it was paused, and so isn't registered."""
        return self._paused.pop(sock, None) is not None
