# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to one server (mode 3) and what its answers (mode 4) say, in basic and in interleaved mode (RFC 9769).

Each request carries two random numbers, as its transmit and as its receive timestamp, and names the answer before by
that one's receive timestamp. A server in basic mode sends the first number back, as RFC 5905 has it. One that remembers
when the answer before left sends the second number back and tells that time. So an answer in interleaved mode completes
the exchange before it: all four stamps of that are then the kernels'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Exchange
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.packet_tests import RESPONSE_TESTS, Response, first_failure
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.packet import MODE_CLIENT, Header, parse
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, from_ntp

RESPONSE_TIMEOUT = NANOSECONDS
MAXIMUM_ROUND_TRIP = 1.0
"""Seconds: half of it is more than the step threshold, so a longer one tells nothing worth waiting for."""
STAMP_ERROR = 1e-3
"""Seconds by which a server may misjudge the departure of its answer, so that a short path seems to take no time."""
NOT_BEFORE = 1_767_225_600 * NANOSECONDS
"""2026-01-01: a host whose clock stands at 1970 must not put the server's time into a wrong era."""


class KissOfDeath(PacketError):
    """The server wants fewer requests, or none (RFC 5905 section 7.4). `code` are the four letters."""

    def __init__(self, code: bytes) -> None:
        super().__init__("kiss_of_death")
        self.code = code


@dataclass(frozen=True)
class Answer:
    """An answer that stood all tests. `departure` is when the answer before left, if this one tells."""

    header: Header
    sent: Instant
    arrival: Instant
    departure: int | None = None

    def exchange(self, departure: int | None = None) -> Exchange:
        """What it measures.

        :param departure: when it left, as the answer after it tells; else its own transmit timestamp counts.
        """
        near = max(self.arrival.real, NOT_BEFORE)
        left = self.header.transmit if departure is None else departure
        up = from_ntp(self.header.receive, near) - self.sent.raw
        down = from_ntp(left, near) - self.arrival.raw
        return Exchange((self.sent.raw + self.arrival.raw) // 2, up, down)


class Poll:
    """:param cookie: gives random 64-bit numbers that nobody can predict."""

    def __init__(self, cookie: Callable[[], int]) -> None:
        self._cookie = cookie
        self._request: Header | None = None
        self._sent: Instant | None = None
        self._last: Header | None = None
        self.deadline: int | None = None
        """Raw time until which an answer is waited for; None, if there is no request under way."""

    def begin(self, raw: int, version: int, key_id: int | None, keys: KeyRing) -> bytes:
        """A new request; what was under way is given up."""
        transmit, receive, origin = self._cookie(), 0, 0
        if version == 4:
            receive = self._cookie()
            # Odd, as the receive timestamps of servers are that remember their answers: so this one is remembered.
            origin = self._last.receive if self._last is not None else self._cookie() | 1
        # Data minimisation: nothing but version, mode and random numbers tells anything about this host.
        self._request = Header(0, version, MODE_CLIENT, 0, 0, 0, origin=origin, receive=receive, transmit=transmit)
        self._sent, self.deadline = None, raw + RESPONSE_TIMEOUT
        data = self._request.encode()
        return data if key_id is None else keys.sign(data, key_id, version)

    def sent(self, instant: Instant) -> None:
        """When the request left, by the best stamp there is; may be called again with a better one."""
        if self._request is not None:
            self._sent = instant

    def end(self) -> None:
        self._request = self._sent = self.deadline = None

    def forget(self) -> None:
        """What comes next has nothing to do with the answers before."""
        self.end()
        self._last = None

    def take(self, data: bytes, arrival: Instant, key_id: int | None, keys: KeyRing) -> Answer:
        """Judge a datagram that came to the request's port.

        :raises PacketError: with the reason to drop it; a better one may still come.
        """
        request, sent = self._request, self._sent
        if request is None or sent is None:
            raise PacketError("no_exchange")
        packet = parse(data, keys.long_tag)
        last_receive = self._last.receive if self._last is not None else None
        response = Response(packet.header, request, keys.verify(packet), packet.key[0], key_id, last_receive)
        failed = first_failure(RESPONSE_TESTS, response)
        if failed == "kiss_of_death":
            # The tests before this one have proved origin and authenticator (CVE-2015-7704).
            raise KissOfDeath(packet.header.reference_id)
        if failed:
            raise PacketError(failed)
        interleaved = response.interleaved
        answer = Answer(packet.header, sent, arrival, packet.header.transmit if interleaved else None)
        # In interleaved mode this answer's own departure isn't known yet; it came by `arrival` at the latest.
        delay = (arrival.raw - sent.raw) / NANOSECONDS if interleaved else answer.exchange().delay
        if not -STAMP_ERROR <= delay < MAXIMUM_ROUND_TRIP:
            raise PacketError("response_delay")
        self.end()
        self._last = packet.header
        return answer
