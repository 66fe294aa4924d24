# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder: mode 4 answers to mode 3 requests, in basic mode (RFC 5905) and in interleaved mode (RFC 9769).

Rules of the file: no sockets, no clock; octets and times come in, octets go out.

An answer in basic mode carries the time at which it was written. In interleaved mode it carries the time at which the
answer before it left, by the kernel's stamp, which nothing but a later packet can tell. A client asks for that with the
receive timestamp of the answer before as its origin timestamp. So that such an origin is known at a glance, receive
timestamps that are sent are odd and transmit timestamps are even.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import ip_address

from ntp_multicast_engine.config.schema import Network
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.multicast_server import Announcement, server_header
from ntp_multicast_engine.protocol.packet_tests import REQUEST_TESTS, Request, first_failure
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.packet import MODE_SERVER, Header, Packet, parse
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, SECOND, STAMP_MASK, even, later, odd, to_ntp


class RateLimit:
    """An address earns an answer each second; the least recently seen addresses are forgotten.

    :param burst: answers that an address may have saved up.
    """

    def __init__(self, burst: int = 16, addresses: int = 4096) -> None:
        self._burst = burst
        self._addresses = addresses
        self._spent_until: OrderedDict[str, int] = OrderedDict()

    def allows(self, address: str, raw: int) -> bool:
        until = max(self._spent_until.pop(address, raw), raw)
        allowed = until - raw <= (self._burst - 1) * NANOSECONDS
        self._spent_until[address] = until + NANOSECONDS if allowed else until
        if len(self._spent_until) > self._addresses:
            self._spent_until.popitem(last=False)
        return allowed


class SentAnswers:
    """When answers left, by their receive timestamps; the oldest are forgotten (RFC 9769 section 2).

    :param limit: answers that are remembered. Some 100 octets each.
    """

    def __init__(self, limit: int = 4096) -> None:
        self._limit = limit
        self._departures: OrderedDict[int, int | None] = OrderedDict()

    def add(self, receive: int) -> int:
        """The receive timestamp of a new answer, from an odd one; no other answer has it."""
        while receive in self._departures:
            receive = (receive + 2) & STAMP_MASK
        self._departures[receive] = None
        if len(self._departures) > self._limit:
            self._departures.popitem(last=False)
        return receive

    def departed(self, receive: int, real: int) -> None:
        """The answer with that receive timestamp left at Unix time `real`."""
        departure = to_ntp(real)
        # An answer leaves within 1 s after its request came, or the clock was stepped in between.
        if receive in self._departures and 0 <= later(departure, receive) < SECOND:
            self._departures[receive] = even(departure)

    def take(self, receive: int) -> int | None:
        """When that answer left, told once only; None, if that isn't known."""
        return self._departures.pop(receive, None)


class Reply:
    """An answer that waits for the moment of sending. It is never longer than the request.

    :param receive: the receive timestamp.
    :param departure: when the answer before left, as a timestamp: then this is an answer of the interleaved mode.
    :param remembered: the client may ask when this answer left.
    """

    def __init__(
        self,
        request: Packet,
        receive: int,
        announcement: Announcement,
        keys: KeyRing,
        departure: int | None = None,
        *,
        remembered: bool = False,
    ) -> None:
        self.receive = receive
        self.remembered = remembered
        self._departure = departure
        self._keys = keys
        self._authenticator = request.authenticator
        self._version = request.header.version
        origin = request.header.transmit if departure is None else request.header.receive
        poll = request.header.poll
        header = server_header(announcement, self._version, MODE_SERVER, poll, origin=origin, receive=receive)
        self._start = header.encode()[:-8]

    def encode(self, real: int) -> bytes:
        """The octets to be sent at once, at Unix time `real` (nanoseconds)."""
        transmit = even(to_ntp(real)) if self._departure is None else self._departure
        data = self._start + transmit.to_bytes(8, "big")
        if self._authenticator is None:
            return data
        return self._keys.sign(data, self._authenticator.key_id, self._version, len(self._authenticator.tag))


class Responder:
    def __init__(self, limit: RateLimit | None = None) -> None:
        self._limit = limit or RateLimit()
        self.sent = SentAnswers()

    def respond(
        self,
        data: bytes,
        source: str,
        received: Instant,
        announcement: Announcement | None,
        keys: KeyRing,
        clients: Sequence[Network] = (),
    ) -> Reply:
        """Judge a request and prepare the answer, which still lacks its transmit time.

        :param clients: who may ask; nobody named means everybody.
        :raises PacketError: with the reason why there is no answer.
        """
        if clients and not any(ip_address(source) in network for network in clients):
            raise PacketError("client_not_allowed")
        packet = parse(data, keys.long_tag)
        verdict = keys.verify(packet)
        failed = first_failure(REQUEST_TESTS, Request(packet.header, verdict))
        if failed:
            raise PacketError(failed, *packet.key)
        # CVE-2018-8956: who knows the key must not be starved by others that forge his address.
        if verdict is not Verdict.VALID and not self._limit.allows(source, received.raw):
            raise PacketError("rate_limited")
        if announcement is None:
            raise PacketError("nothing_to_serve")
        receive = odd(to_ntp(received.real))
        if not _asks_for_departures(packet.header):
            return Reply(packet, receive, announcement, keys)
        departure = self.sent.take(packet.header.origin)
        return Reply(packet, self.sent.add(receive), announcement, keys, departure, remembered=True)


def _asks_for_departures(request: Header) -> bool:
    """Whether the client may be using the interleaved mode: it names a receive timestamp, or the first time a number.

    RFC 9769 section 2: receive and transmit timestamp differ, or the client couldn't tell the mode of the answer.
    """
    return request.version == 4 and request.origin % 2 == 1 and request.receive not in (0, request.transmit)
