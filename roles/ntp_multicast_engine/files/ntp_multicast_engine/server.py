# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's two halves: the sender of mode 5 packets and the responder to mode 3 packets.

Rules of the file: no sockets, no clock; time comes as an argument, packets go out as return values. Neither half says
anything unless it is handed an announcement, which exists only while there is a time to give.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from ntp_multicast_engine.acceptance import REQUEST_TESTS, Request, first_failure
from ntp_multicast_engine.authentication import KeyRing, Verdict
from ntp_multicast_engine.clock import Instant
from ntp_multicast_engine.configuration import MulticastServer
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.packet import (
    HEADER_LENGTH,
    KEY_ID_LENGTH,
    MODE_BROADCAST,
    MODE_CLIENT,
    MODE_SERVER,
    Header,
    Packet,
    parse,
)
from ntp_multicast_engine.reading import Network
from ntp_multicast_engine.timestamps import NANOSECONDS, later, to_ntp, to_short

_JITTER = 1 / 64
"""Part of the interval by which a packet is randomly late, so that servers don't fall into step."""
_CREDIBLE_DELAY = NANOSECONDS // 500
_ENOUGH_DELAYS, _LIKELY_DELAY = 4, 50_000
"""One slow departure says little: with fewer than so many, no more than this many nanoseconds is believed."""
_MAXIMUM_JITTER = NANOSECONDS // 10
_POLL, _ORIGIN, _TRANSMIT, _TAG = 2, 24, 40, HEADER_LENGTH + KEY_ID_LENGTH
"""Octets before these fields of a packet without extension fields (RFC 5905 section 7.3)."""
_QUICK_LENGTHS = (_TAG + 16, _TAG + 20)
_INTERLEAVE_LIMIT = 1 << 32
"""RFC 9769 section 4 leaves it open; ntpd refuses an origin more than 1 s after the transmit time before."""


@dataclass(frozen=True)
class Announcement:
    """What a server says about its own time (RFC 5905 system variables). Delays in seconds, reference in Unix ns."""

    leap: int
    stratum: int
    reference_id: bytes
    root_delay: float
    root_dispersion: float
    reference: int
    precision: int = -20


def _header(
    announcement: Announcement,
    *,
    version: int,
    mode: int,
    poll: int,
    transmit: int,
    origin: int = 0,
    receive: int = 0,
) -> Header:
    return Header(
        leap=announcement.leap,
        version=version,
        mode=mode,
        stratum=announcement.stratum,
        poll=poll,
        precision=announcement.precision,
        root_delay_short=to_short(announcement.root_delay),
        root_dispersion_short=to_short(announcement.root_dispersion),
        reference_id=announcement.reference_id,
        reference=to_ntp(announcement.reference),
        origin=origin,
        receive=receive,
        transmit=transmit,
    )


class DepartureDelay:
    """How long after its transmit timestamp was written a packet has left of late, in nanoseconds."""

    def __init__(self) -> None:
        self._latest: deque[int] = deque(maxlen=8)

    def add(self, delay: int) -> None:
        if 0 <= delay < _CREDIBLE_DELAY:
            self._latest.append(delay)

    @property
    def shortest(self) -> int:
        few = len(self._latest) < _ENOUGH_DELAYS
        return min([*self._latest, *([_LIKELY_DELAY] if few else [])]) if self._latest else 0


class Sender:
    """The schedule and the packets of one (interface, group).

    :param random: gives numbers from 0 to 1, for the jitter.
    """

    def __init__(self, configuration: MulticastServer, random: Callable[[], float], start: int) -> None:
        self.configuration = configuration
        self._random = random
        self._interval = (1 << configuration.poll) * NANOSECONDS
        # Groups that start together must not send together.
        self._tick = start + round(random() * NANOSECONDS / 2)
        self.due = self._tick
        self.sent = 0
        self.stamps: str | None = None
        self.last_error: str | None = None
        self._last_transmit: int | None = None
        self._accurate: int | None = None
        self._delay = DepartureDelay()
        self._written = 0

    def packet(self, now: Instant, announcement: Announcement, keys: KeyRing) -> bytes:
        """The packet to be sent at once; `stamped` tells afterwards when it really left.

        In basic mode (RFC 5905) the transmit timestamp foretells the departure from those before, but rather too early
        than too late, and the origin is 0. In interleaved mode (RFC 9769 section 4) the transmit timestamp is the
        present and the origin the accurate departure of the packet before.
        """
        configuration = self.configuration
        self._written = now.real
        # Interleaved, the next packet tells the departure, which must not lie before what this one foretold.
        foretold = 0 if configuration.interleaved else self._delay.shortest
        transmit = to_ntp(now.real + foretold)
        header = _header(
            announcement,
            version=configuration.version,
            mode=MODE_BROADCAST,
            poll=configuration.poll,
            transmit=transmit,
            origin=self._accurate or 0 if configuration.interleaved else 0,
        )
        self._last_transmit, self._accurate = transmit, None
        data = header.encode()
        if configuration.key_id is None:
            return data
        return keys.sign(data, configuration.key_id, configuration.version)

    def stamped(self, real: int, kind: str) -> None:
        """When the last packet left, by the best stamp there is (`kernel` or `user`)."""
        self.stamps = kind
        if kind != "kernel" or self._last_transmit is None:
            return
        self._delay.add(real - self._written)
        stamp = to_ntp(real)
        after = later(stamp, self._last_transmit)
        if abs(after) < _INTERLEAVE_LIMIT:
            # ntpd throws away a packet whose origin lies before the transmit time of the packet before.
            self._accurate = stamp if after > 0 else self._last_transmit

    def schedule(self, raw: int) -> None:
        """Set the next `due`: a multiple of the interval after the first, never shifted by lateness."""
        missed = max(0, (raw - self._tick) // self._interval)
        self._tick += (missed + 1) * self._interval
        self.due = self._tick + round(self._random() * min(self._interval * _JITTER, _MAXIMUM_JITTER))

    def silence(self) -> None:
        """A packet was left out: the next one can't tell when it left."""
        self._last_transmit = self._accurate = None


class RateLimit:
    """A bucket of tokens for each address; the least recently seen addresses are forgotten.

    :param interval: seconds in which an address earns one answer.
    :param burst: answers that an address may have saved up.
    """

    def __init__(self, interval: float = 1.0, burst: int = 16, addresses: int = 4096) -> None:
        self._interval = round(interval * NANOSECONDS)
        self._burst = burst
        self._addresses = addresses
        self._spent_until: OrderedDict[str, int] = OrderedDict()

    def allows(self, address: str, raw: int) -> bool:
        until = max(self._spent_until.pop(address, raw), raw)
        allowed = until - raw <= (self._burst - 1) * self._interval
        self._spent_until[address] = until + self._interval if allowed else until
        if len(self._spent_until) > self._addresses:
            self._spent_until.popitem(last=False)
        return allowed


class Responder:
    """Mode 4 answers to mode 3 requests."""

    def __init__(self, limit: RateLimit | None = None) -> None:
        self._limit = limit or RateLimit()
        self._announcement: Announcement | None = None
        self._template = b""
        self.delay = DepartureDelay()

    def quick_answer(
        self, data: bytes, received: int, announcement: Announcement, keys: KeyRing, present: Callable[[], Instant]
    ) -> bytes | None:
        """The octets that `respond` and `Reply.encode` would give, in a tenth of the time, or None to go that long way.

        Only for what nearly all requests are: a header and one proven authenticator of a usual length. Whatever is
        refused is refused, and counted, the long way.
        """
        first = data[0] if len(data) in _QUICK_LENGTHS else 0
        version = first >> 3 & 7
        if first & 7 != MODE_CLIENT or not 1 <= version <= 4:
            return None
        identifier, tag = data[HEADER_LENGTH:_TAG], data[_TAG:]
        key = keys.keys.get(int.from_bytes(identifier, "big"))
        if key is None or not key.proves(data[:HEADER_LENGTH], tag, version):
            return None
        if announcement is not self._announcement:
            self._announcement = announcement
            self._template = _header(announcement, version=0, mode=MODE_SERVER, poll=0, transmit=0).encode()
        template = self._template
        start = bytes((template[0] | version << 3, template[1], data[_POLL]))
        transmit = to_ntp(present().real + self.delay.shortest)
        times = data[_TRANSMIT:HEADER_LENGTH] + to_ntp(received).to_bytes(8, "big") + transmit.to_bytes(8, "big")
        answer = start + template[_POLL + 1 : _ORIGIN] + times
        return answer + identifier + key.tag(answer)[: len(tag)]

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
            raise PacketError(failed)
        # CVE-2018-8956: who knows the key must not be starved by others that forge his address.
        if verdict is not Verdict.VALID and not self._limit.allows(source, received.raw):
            raise PacketError("rate_limited")
        if announcement is None:
            raise PacketError("nothing_to_serve")
        return Reply(packet, received, announcement, keys, self.delay.shortest)


@dataclass(frozen=True)
class Reply:
    """An answer that waits for the moment of sending. It is never longer than the request."""

    request: Packet
    received: Instant
    announcement: Announcement
    keys: KeyRing
    delay: int

    def encode(self, real: int) -> bytes:
        """The octets to be sent at once, at Unix time `real` (nanoseconds)."""
        request = self.request.header
        answer = _header(
            self.announcement,
            version=request.version,
            mode=MODE_SERVER,
            poll=request.poll,
            transmit=to_ntp(real + self.delay),
            origin=request.transmit,
            receive=to_ntp(self.received.real),
        )
        data = answer.encode()
        authenticator = self.request.authenticator
        if authenticator is None:
            return data
        return self.keys.sign(data, authenticator.key_id, request.version, len(authenticator.tag))
