# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals as something to be read, so that one selector waits for everything."""

from __future__ import annotations

import signal
import socket


class SignalQueue:
    """Catches SIGTERM, SIGINT and SIGHUP. `socket` is readable when one has come; `take` gives them in order."""

    def __init__(self) -> None:
        self._caught: list[int] = []
        self.socket, self._writing = socket.socketpair()
        self.socket.setblocking(False)
        self._writing.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda caught, _frame: self._caught.append(caught))

    def drain(self) -> None:
        """Make the socket silent again."""
        try:
            while self.socket.recv(4096):
                pass
        except BlockingIOError:
            return

    def take(self) -> int | None:
        return self._caught.pop(0) if self._caught else None

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self.socket.close()
        self._writing.close()
