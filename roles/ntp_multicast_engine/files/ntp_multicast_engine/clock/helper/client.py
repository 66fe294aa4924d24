# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's clock for a process that has no right to it: each call is a request to the clock helper."""

from __future__ import annotations

import errno
import os
import socket

from ntp_multicast_engine.clock.helper import messages
from ntp_multicast_engine.errors import ClockError, HelperError
from ntp_multicast_engine.instant import KernelStatus

_TIMEOUT = 0.25
"""Seconds. The clock helper answers within a millisecond; an engine that waits serves nobody."""


class RemoteClock:
    """The clock as the clock helper at `path` reads and sets it. As long as the connection lasts, so does the slew.

    Its methods raise ClockError for what can't be done, and ClockRefusal for what the configuration forbids.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def status(self) -> KernelStatus:
        status = self._call("status")
        if status is None:
            raise ClockError("the clock helper tells nothing of the clock")
        return status

    def set_frequency(self, ratio: float, drift: float) -> None:
        self._call("set_frequency", ratio=ratio, drift=drift)

    def step(self, nanoseconds: int) -> None:
        self._call("step", nanoseconds=nanoseconds)

    def set_synchronised(self, leap: int, maximum_error: float, estimated_error: float) -> None:
        self._call("set_synchronised", leap=leap, maximum_error=maximum_error, estimated_error=estimated_error)

    def set_unsynchronised(self) -> None:
        self._call("set_unsynchronised")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _call(self, method: str, **arguments: float) -> KernelStatus | None:
        return messages.take_answer(self._exchange(messages.request(method, **arguments)))

    def _exchange(self, data: bytes) -> bytes:
        try:
            self._send(data)
            answer = self._connected().recv(messages.MAXIMUM_ANSWER)
            if not answer:
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            return answer
        except OSError as error:
            # Also after a timeout: a late answer would be taken for that of the next request.
            self.close()
            reason = error.strerror or error
            raise HelperError(f"no clock helper answers at {self._path}: {reason}") from error

    def _send(self, data: bytes) -> None:
        try:
            self._connected().send(data)
        except (BrokenPipeError, ConnectionResetError):
            # A clock helper that was restarted since the last request: it has not seen this one.
            self.close()
            self._connected().send(data)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._socket.settimeout(_TIMEOUT)
            self._socket.connect(self._path)
        return self._socket
