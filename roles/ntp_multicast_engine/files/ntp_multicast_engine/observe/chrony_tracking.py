# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What chronyd says about the clock that it keeps: its tracking report, asked over its command socket.

The format is that of protocol version 6 (candm.h of chrony 2.0 and later): records in network byte order. The Unix
socket is open to root and chronyd's own user; the same question is answered to everybody on the loopback address, at
a port that only root can have opened.
"""

from __future__ import annotations

import ipaddress
import os
import select
import selectors
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from ntp_multicast_engine.errors import UpstreamError
from ntp_multicast_engine.protocol.upstream import Tracking
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

COMMAND_PORT = 323
_VERSION, _REQUEST, _REPLY, _TRACKING, _TRACKING_REPLY, _SUCCESS = 6, 1, 2, 33, 5, 0
_REQUEST_HEAD = struct.Struct("!BBxxHHI8x")
_REPLY_HEAD = struct.Struct("!BBxxHHH6xI8x")
_TRACKING_DATA = struct.Struct("!4s16sH2xHHIIIIIIIIIIII")
_ADDRESS_LENGTHS = {1: 4, 2: 16}
"""Octets by the family (IPADDR_INET4, IPADDR_INET6 of chrony's addressing.h); a reference clock has no address."""
REPLY_LENGTH = _REPLY_HEAD.size + _TRACKING_DATA.size
"""Octets; chronyd wants a request to be as long as its answer."""
_NO_HIGH_SECONDS = 0x7FFFFFFF
_EXPONENT_BITS, _COEFFICIENT_BITS = 7, 25
_MAXIMUM_STRATUM = 15
_MAXIMUM_ERROR = 1e3
"""Seconds of root delay, dispersion or correction beyond which a report is nonsense."""

INTERVAL = 4 * NANOSECONDS
VALID = 16 * NANOSECONDS
"""Nanoseconds for which an answer holds."""
_FIRST_ANSWER = 0.1
"""Seconds to wait for an answer when the engine starts."""


def request(sequence: int) -> bytes:
    """The question, with a number that the answer repeats."""
    return _REQUEST_HEAD.pack(_VERSION, _REQUEST, _TRACKING, 0, sequence).ljust(REPLY_LENGTH, b"\0")


def decode(data: bytes, sequence: int) -> Tracking:
    """Read an answer to `request(sequence)`.

    :raises UpstreamError: it is none, chronyd refuses, or what it says can't be.
    """
    if len(data) < _REPLY_HEAD.size:
        raise UpstreamError("chronyd's answer is too short")
    version, kind, command, form, status, repeated = _REPLY_HEAD.unpack_from(data)
    if (version, kind, command, repeated) != (_VERSION, _REPLY, _TRACKING, sequence):
        raise UpstreamError("chronyd's answer belongs to another question")
    if status != _SUCCESS:
        raise UpstreamError(f"chronyd refuses to tell its state (status {status})")
    if form != _TRACKING_REPLY or len(data) != REPLY_LENGTH:
        raise UpstreamError("chronyd's answer has an unknown form")
    fields = _TRACKING_DATA.unpack_from(data, _REPLY_HEAD.size)
    reference_id, address, family, stratum, leap, high, low, nanoseconds, *numbers = fields
    correction, root_delay, root_dispersion = (floating(numbers[place]) for place in (0, 6, 7))
    seconds = low if high == _NO_HIGH_SECONDS else high << 32 | low
    if leap > 3 or stratum > _MAXIMUM_STRATUM or nanoseconds >= NANOSECONDS or seconds >= 1 << 40:
        raise UpstreamError("chronyd's answer has impossible values")
    if max(abs(correction), root_delay, root_dispersion) > _MAXIMUM_ERROR or min(root_delay, root_dispersion) < 0:
        raise UpstreamError("chronyd's answer has impossible errors")
    reference = seconds * NANOSECONDS + nanoseconds
    octets = _ADDRESS_LENGTHS.get(family)
    source = str(ipaddress.ip_address(address[:octets])) if octets else None
    return Tracking(leap, stratum, reference_id, root_delay, root_dispersion, reference, source, correction)


def floating(word: int) -> float:
    """chrony's 32-bit number: a signed exponent of 7 bits, then a signed coefficient of 25, in two's complement."""
    exponent, coefficient = word >> _COEFFICIENT_BITS, word & (1 << _COEFFICIENT_BITS) - 1
    exponent -= (exponent >> _EXPONENT_BITS - 1) << _EXPONENT_BITS
    coefficient -= (coefficient >> _COEFFICIENT_BITS - 1) << _COEFFICIENT_BITS
    return coefficient * 2.0 ** (exponent - _COEFFICIENT_BITS)


class ChronyReader:
    """Asks chronyd every few seconds, each time from a new socket, and never waits for the answer.

    :param path: chronyd's Unix socket.
    :param own: where to bind the own end, in a directory that only the engine can write to.
    :param number: gives unforeseeable 32-bit numbers.
    :param selector: its data are what to call when a socket is ready.
    """

    def __init__(
        self,
        path: str,
        own: str,
        raw: int,
        number: Callable[[], int],
        selector: selectors.BaseSelector,
    ) -> None:
        self._path = path
        self._own = own
        self._number = number
        self._selector = selector
        self._sequence = 0
        self._ways = [socket.AF_UNIX, socket.AF_INET]
        self._known: tuple[Tracking, int] | None = None
        self._socket: socket.socket | None = None
        self._asked = raw
        self.due = raw
        self.last_error: str | None = None

    def first(self, raw: int) -> None:
        """Ask, and wait a moment for the answer, so that the first packet of a server can tell it."""
        for _unused in range(len(self._ways)):
            self.ask(raw)
            if self._socket is not None and select.select([self._socket], [], [], _FIRST_ANSWER)[0]:
                self._take()
            if self._known is not None:
                return

    def wake(self, raw: int) -> None:
        if raw >= self.due:
            self.ask(raw)

    def ask(self, raw: int) -> None:
        """Put the question. The last one not having been answered, it goes another way."""
        self._asked, self.due = raw, raw + INTERVAL
        if self._socket is not None:
            self._fail("chronyd does not answer")
        for way in list(self._ways):
            opened = socket.socket(way, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket, self._sequence = opened, self._number()
            self._selector.register(opened, selectors.EVENT_READ, self._take)
            try:
                self._connect(opened)
                opened.send(request(self._sequence))
                return
            except OSError as error:
                self._fail(f"chronyd can't be asked: {error.strerror}")

    def _connect(self, opened: socket.socket) -> None:
        if opened.family == socket.AF_INET:
            opened.connect(("127.0.0.1", COMMAND_PORT))
            return
        Path(self._own).unlink(missing_ok=True)
        opened.connect(self._path)
        opened.bind(self._own)
        # chronyd answers as another user.
        os.chmod(self._own, 0o666)

    def _take(self) -> None:
        if self._socket is None:
            return
        try:
            tracking = decode(self._socket.recv(REPLY_LENGTH + 1), self._sequence)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(f"chronyd can't be asked: {error.strerror}")
        except UpstreamError as error:
            self._fail(str(error))
        else:
            self._known, self.last_error = (tracking, self._asked), None
            self.close()

    def tracking(self, raw: int) -> Tracking | None:
        """The newest report, unless it is too old to be true."""
        if self._known is None or raw - self._known[1] > VALID:
            return None
        return self._known[0]

    def _fail(self, reason: str) -> None:
        self.last_error = reason
        self._ways.append(self._ways.pop(0))
        self.close()

    def close(self) -> None:
        if self._socket is None:
            return
        self._selector.unregister(self._socket)
        if self._socket.family == socket.AF_UNIX:
            Path(self._own).unlink(missing_ok=True)
        self._socket.close()
        self._socket = None
