# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder: mode 4 answers to mode 3 requests.

Rules of the file: no sockets, no clock; octets and times come in, octets go out. Two ways lead to the same octets.
`respond` judges one request of any kind and names the reason where there is no answer. `quick_answers` knows only what
nearly all requests are, and takes many of them at a time; whatever it leaves goes the other way.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Optional

from ntp_multicast_engine.acceptance import REQUEST_TESTS, Request, first_failure
from ntp_multicast_engine.authentication import HMAC_TAG_LENGTHS, SHORT_TAG, Key, KeyRing, Verdict
from ntp_multicast_engine.clock import Instant
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.packet import HEADER_LENGTH, KEY_ID_LENGTH, MODE_CLIENT, MODE_SERVER, Packet, parse
from ntp_multicast_engine.reading import Network
from ntp_multicast_engine.server import Announcement, DepartureDelay, ShortestOfLate, server_header
from ntp_multicast_engine.timestamps import NANOSECONDS, to_ntp, to_ntp_all

# RFC 5905 section 7.3: first octet, poll, transmit timestamp, key identifier, tag. Longer tags than 20 octets follow
# extension fields for all that is known here, except those of hmac-sha256 (`packet.parse`) and before version 4.
_REQUESTS = {
    HEADER_LENGTH + KEY_ID_LENGTH + tag: struct.Struct(f"!BxB37x8s{KEY_ID_LENGTH}s{tag}s")
    for tag in {16, SHORT_TAG, *HMAC_TAG_LENGTHS}
}
QUICK_LENGTHS = frozenset(_REQUESTS)
"""Octets of the requests that `quick_answers` may know."""
_ANSWER = struct.Struct("!2sB21s8sQQ")
"""First two octets, poll, what only the announcement decides, origin, receive and transmit timestamp."""
_FROM_ANNOUNCEMENT = slice(3, 24)

_Fields = tuple[int, int, bytes, bytes, bytes]
_Answer = Optional[bytes]


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
    """See the head of the file. `delay` and `spacing` are told how answers have left before."""

    def __init__(self, limit: RateLimit | None = None) -> None:
        self._limit = limit or RateLimit()
        self._announcement: Announcement | None = None
        self._template = b""
        self.delay = DepartureDelay()
        self.spacing = ShortestOfLate()

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

    def quick_answers(
        self,
        rows: Sequence[bytes],
        arrivals: Sequence[int],
        announcement: Announcement,
        keys: KeyRing,
        present: Callable[[], Instant],
    ) -> list[_Answer]:
        """For each request the octets that `respond` and `Reply.encode` would give, or None to go that long way.

        Only for a header and one proven authenticator of a usual length. Whatever is refused is refused, and counted,
        the long way.

        :param rows: requests that are all of one length.
        :param arrivals: when they came, Unix nanoseconds.
        :param present: tells the moment from which the answers will be sent one after the other.
        """
        shape = _REQUESTS.get(len(rows[0])) if rows else None
        if shape is None:
            return [None] * len(rows)
        fields: list[_Fields] = list(shape.iter_unpack(b"".join(rows)))
        answers: list[_Answer] = [None] * len(rows)
        for (first, identifier), places in _alike(fields).items():
            key = keys.keys.get(int.from_bytes(identifier, "big"))
            version = first >> 3 & 7
            if key is None or first & 7 != MODE_CLIENT or not 1 <= version <= 4:
                continue
            covered = [rows[place][:HEADER_LENGTH] for place in places]
            proofs = key.proves_all(covered, [fields[place][4] for place in places], version)
            proven = places if all(proofs) else [place for place, proof in zip(places, proofs) if proof]
            if proven:
                self._use(announcement)
                self._answer(version, key, fields, arrivals, proven, present().real, answers)
        return answers

    def _use(self, announcement: Announcement) -> None:
        if announcement is not self._announcement:
            self._announcement = announcement
            header = server_header(announcement, version=0, mode=MODE_SERVER, poll=0, transmit=0)
            self._template = header.encode()

    def _answer(
        self,
        version: int,
        key: Key,
        fields: Sequence[_Fields],
        arrivals: Sequence[int],
        places: Sequence[int],
        real: int,
        answers: list[_Answer],
    ) -> None:
        """Fill in the answers to the requests at `places`, all of one version and key."""
        template, pack = self._template, _ANSWER.pack
        start = bytes((template[0] | version << 3, template[1]))
        announced = template[_FROM_ANNOUNCEMENT]
        real, spacing = real + self.delay.shortest, self.spacing.shortest
        received = to_ntp_all([arrivals[place] for place in places])
        sent = to_ntp_all([real + spacing * place for place in places])
        asked = [fields[place] for place in places]
        covered = [
            pack(start, poll, announced, origin, arrival, departure)
            for (_first, poll, origin, _identifier, _tag), arrival, departure in zip(asked, received, sent)
        ]
        identifier, length = asked[0][3], len(asked[0][4])
        for place, text, tag in zip(places, covered, key.tags(covered, length)):
            answers[place] = text + identifier + tag


def _alike(fields: Sequence[_Fields]) -> dict[tuple[int, bytes], Sequence[int]]:
    """The places of the requests that agree in first octet and key identifier."""
    firsts, _polls, _origins, identifiers, _tags = zip(*fields)
    if firsts.count(firsts[0]) == len(fields) == identifiers.count(identifiers[0]):
        return {(firsts[0], identifiers[0]): range(len(fields))}
    groups: dict[tuple[int, bytes], list[int]] = {}
    for place, which in enumerate(zip(firsts, identifiers)):
        groups.setdefault(which, []).append(place)
    return dict(groups)


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
        answer = server_header(
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
