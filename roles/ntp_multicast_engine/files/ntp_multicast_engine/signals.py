# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals as something to be read, so that one selector waits for everything."""

from __future__ import annotations

import signal
import socket


class SignalQueue:
    """Catches SIGTERM, SIGINT and SIGHUP. `socket` is readable when one has come; `take` gives all of them in order."""

    def __init__(self) -> None:
        self.socket, self._writing = socket.socketpair()
        self.socket.setblocking(False)
        self._writing.setblocking(False)
        # Python writes the number of each signal that has a handler.
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: None)

    def take(self) -> bytes:
        """The numbers of those that have come since."""
        try:
            return self.socket.recv(4096)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self.socket.close()
        self._writing.close()
