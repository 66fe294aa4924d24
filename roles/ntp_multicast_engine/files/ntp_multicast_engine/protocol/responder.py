# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder: mode 4 answers to mode 3 requests.

Rules of the file: no sockets, no clock; octets and times come in, octets go out. Three ways lead to the same octets.
`respond` judges one request of any kind and names the reason where there is no answer. `quick_answers` knows only what
nearly all requests are, and takes many of them at a time. `answer_columns` knows only requests of one version and one
AES key, and takes them by columns. Whatever a quicker way leaves goes the next one.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple, Optional

from ntp_multicast_engine.clock.system_clock import Instant
from ntp_multicast_engine.columns import BLOCK, Columns
from ntp_multicast_engine.config.schema import Network
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.protocol.multicast_server import Announcement, DepartureDelay, server_header
from ntp_multicast_engine.protocol.packet_tests import REQUEST_TESTS, Request, first_failure
from ntp_multicast_engine.wire.authentication import (
    HMAC_TAG_LENGTHS,
    SHORT_TAG,
    Key,
    KeyRing,
    Verdict,
    equal_in_constant_time,
)
from ntp_multicast_engine.wire.packet import HEADER_LENGTH, KEY_ID_LENGTH, MODE_CLIENT, MODE_SERVER, Packet, parse
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, STAMP_MASK, to_ntp, to_ntp_all

# RFC 5905 section 7.3: first octet, poll, reference identifier, transmit timestamp, key identifier, tag. Longer tags
# than 20 octets follow extension fields for all that is known here, except those of hmac-sha256 (`packet.parse`) and
# before version 4.
_REQUESTS = {
    HEADER_LENGTH + KEY_ID_LENGTH + tag: struct.Struct(f"!BxB9x4s24x8s{KEY_ID_LENGTH}s{tag}s")
    for tag in {16, SHORT_TAG, *HMAC_TAG_LENGTHS}
}
QUICK_LENGTHS = frozenset(_REQUESTS)
"""Octets of the requests that `quick_answers` may know."""
_ANSWER = struct.Struct("!2sB21s8sQQ")
"""First two octets, poll, what only the announcement decides, origin, receive and transmit timestamp."""
_FROM_ANNOUNCEMENT = slice(3, 24)

_BLOCKS, _POLL, _REFERENCE = HEADER_LENGTH // BLOCK, 2, 12
"""Blocks of a header; where the poll interval and the reference identifier stand in the first one."""
_LIKELY_SPACING = 5_000
_CLOSELY = NANOSECONDS // 100
_COVERED = itemgetter(slice(HEADER_LENGTH))
_NO_REFERENCE = bytes(4)

_Answer = Optional[bytes]


def stamps_itself(reference_id: bytes) -> bool:
    """Whether a client takes the time of its request before it sends it, as ntpd does, by the request's reference.

    A client that tells of its own clock puts the time into the request, so that it can't be the departure. Its error is
    half of what the request left late, less half of what the answer seems to. The former is unknown, but what makes it
    late, an authenticator and the way through the kernel, makes the answer late by as much: told the moment when it was
    written, the two cancel out. Clients that tell nothing (draft-ietf-ntp-data-minimization) remember when a request
    left, mostly by the kernel.
    """
    return reference_id != _NO_REFERENCE


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


class AnswerDelay:
    """How long after its transmit timestamp was written an answer leaves.

    An answer that follows another one closely leaves sooner: what it takes is still in the processor's caches. So there
    are two kinds, each with what was seen of it.
    """

    def __init__(self) -> None:
        self._after_silence, self._at_once = DepartureDelay(), DepartureDelay()
        self._last: int | None = None
        self.latest = self._after_silence
        """The kind of the answer that was foretold last, to be told when that one has left."""

    def foretell(self, raw: int) -> int:
        """Nanoseconds, for an answer that is written at that raw time."""
        follows = self._last is not None and raw - self._last < _CLOSELY
        self._last, self.latest = raw, self._at_once if follows else self._after_silence
        return self.latest.shortest


class Responder:
    """See the head of the file. `delay` and `spacing` are told how answers have left before."""

    def __init__(self, limit: RateLimit | None = None) -> None:
        self._limit = limit or RateLimit()
        self._announcement: Announcement | None = None
        self._template = b""
        self.delay = AnswerDelay()
        self.spacing = DepartureDelay(_LIKELY_SPACING)

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
        delay = self._foretold(received.raw, packet.header.reference_id)
        return Reply(packet, received, announcement, keys, delay)

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
        :param present: tells the moment from which the answers are sent one after the other, `spacing` apart.
        """
        shape = _REQUESTS.get(len(rows[0])) if rows else None
        if shape is None:
            return [None] * len(rows)
        self._use(announcement)
        firsts, polls, references, origins, identifiers, tags = zip(*shape.iter_unpack(b"".join(rows)))
        columns = _Columns(firsts, polls, references, origins, identifiers, tags, [*map(_COVERED, rows)], arrivals)
        many = len(rows)
        if firsts.count(firsts[0]) == many == identifiers.count(identifiers[0]) == references.count(references[0]):
            return self._answers_alike(columns, keys, present)
        groups: dict[tuple[int, bytes, bool], list[int]] = {}
        for place, kind in enumerate(zip(firsts, identifiers, map(stamps_itself, references))):
            groups.setdefault(kind, []).append(place)
        answers: list[_Answer] = [None] * many
        for places in groups.values():
            for place, answer in zip(places, self._answers_alike(columns.at(places), keys, present)):
                answers[place] = answer
        return answers

    def answer_columns(
        self,
        requests: Columns,
        arrivals: Sequence[int],
        announcement: Announcement,
        keys: KeyRing,
        present: Callable[[], Instant],
    ) -> Columns | None:
        """The octets that `quick_answers` would give, if it gave an answer to each request, or None.

        The parameters are those of `quick_answers`.
        """
        many, first, identifier = len(arrivals), requests.first[0], requests.identifiers[:KEY_ID_LENGTH]
        version, key = first >> 3 & 7, keys.keys.get(int.from_bytes(identifier, "big"))
        if (
            key is None
            or not key.chained
            or not key.accepts(BLOCK, version)
            or first & 7 != MODE_CLIENT
            or not 1 <= version <= 4
            or requests.first[::BLOCK].count(first) != many
            or requests.identifiers != identifier * many
            or not equal_in_constant_time(key.column_tags(requests[:_BLOCKS]), requests.tags)
        ):
            return None
        references = memoryview(requests.first).cast("I")[_REFERENCE // 4 :: BLOCK // 4].tolist()
        if references.count(0) not in (0, many):
            return None
        self._use(announcement)
        template, now = self._template, present()
        start = bytes((template[0] | version << 3, template[1]))
        firsts = bytearray((start + template[2:BLOCK]) * many)
        firsts[_POLL::BLOCK] = requests.first[_POLL::BLOCK]
        seconds = bytearray(template[BLOCK : 2 * BLOCK] * many)
        # Two timestamps in a block: the transmit timestamp becomes the origin timestamp, whatever the order of octets.
        memoryview(seconds).cast("Q")[1::2] = memoryview(requests.third).cast("Q")[1::2]
        stamps = [0] * (2 * many)
        stamps[::2], stamps[1::2] = to_ntp_all(arrivals), self._transmits(now, many, requests.first[_REFERENCE:BLOCK])
        blocks = (bytes(firsts), bytes(seconds), struct.pack(f"!{2 * many}Q", *stamps))
        return Columns(*blocks, requests.identifiers, key.column_tags(blocks))

    def _transmits(self, now: Instant, many: int, reference_id: bytes) -> list[int]:
        """Timestamps of answers that leave one after the other from now on."""
        first = to_ntp(now.real + self._foretold(now.raw, reference_id))
        step = (self.spacing.shortest << 32) // NANOSECONDS
        return [first + step * place & STAMP_MASK or 1 for place in range(many)]

    def _foretold(self, raw: int, reference_id: bytes) -> int:
        """Nanoseconds after it was written, at raw time `raw`, at which an answer is said to leave."""
        foretold = self.delay.foretell(raw)
        return 0 if stamps_itself(reference_id) else foretold

    def _use(self, announcement: Announcement) -> None:
        if announcement is not self._announcement:
            self._announcement = announcement
            header = server_header(announcement, version=0, mode=MODE_SERVER, poll=0, transmit=0)
            self._template = header.encode()

    def _answers_alike(self, columns: _Columns, keys: KeyRing, present: Callable[[], Instant]) -> list[_Answer]:
        """`quick_answers` for requests that agree in first octet, key identifier and `stamps_itself`."""
        first, many = columns.firsts[0], len(columns.firsts)
        key = keys.keys.get(int.from_bytes(columns.identifiers[0], "big"))
        version = first >> 3 & 7
        if key is None or first & 7 != MODE_CLIENT or not 1 <= version <= 4:
            return [None] * many
        proofs = key.proves_all(columns.covered, columns.tags, version)
        if all(proofs):
            return self._signed(version, key, columns, present())
        answers: list[_Answer] = [None] * many
        proven = [place for place, proof in enumerate(proofs) if proof]
        if proven:
            for place, answer in zip(proven, self._signed(version, key, columns.at(proven), present())):
                answers[place] = answer
        return answers

    def _signed(self, version: int, key: Key, columns: _Columns, now: Instant) -> list[_Answer]:
        """The answers to proven requests, which leave from now on."""
        template = self._template
        start = bytes((template[0] | version << 3, template[1]))
        covered = [
            *map(
                _ANSWER.pack,
                repeat(start),
                columns.polls,
                repeat(template[_FROM_ANNOUNCEMENT]),
                columns.origins,
                to_ntp_all(columns.arrivals),
                self._transmits(now, len(columns.polls), columns.references[0]),
            )
        ]
        tags = key.tags(covered, len(columns.tags[0]))
        return [*map(b"".join, zip(covered, columns.identifiers, tags))]


class _Columns(NamedTuple):
    """The fields of many requests, what their tags cover, and when they came."""

    firsts: Sequence[int]
    polls: Sequence[int]
    references: Sequence[bytes]
    origins: Sequence[bytes]
    identifiers: Sequence[bytes]
    tags: Sequence[bytes]
    covered: Sequence[bytes]
    arrivals: Sequence[int]

    def at(self, places: Sequence[int]) -> _Columns:
        """The requests at those places."""
        columns: list[Any] = [[column[place] for place in places] for column in self]
        return _Columns(*columns)


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
