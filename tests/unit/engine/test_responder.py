# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder: whom it answers, and what, in basic and in interleaved mode."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.multicast_server import Announcement
from ntp_multicast_engine.protocol.responder import RateLimit, Responder, SentAnswers
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.mac import Algorithm, Key
from ntp_multicast_engine.wire.packet import Header, parse
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, even, odd, to_ntp

NOW = Instant(1_790_000_000 * NANOSECONDS, 5 * NANOSECONDS)
ANNOUNCEMENT = Announcement(0, 2, b"LOCL", 0.0, 0.001, NOW.real)
RING = KeyRing(
    {
        42: Key(42, Algorithm.HMAC_SHA256, b"secret"),
        7: Key(7, Algorithm.MD5, b"other"),
        8: Key(8, Algorithm.SHA256, b"a third"),
        9: Key(9, Algorithm.AES_128_CMAC, b"sixteen octets.."),
        10: Key(10, Algorithm.AES_256_CMAC, b"thirty-two octets, not one more."),
    },
    frozenset({42}),
    True,
)
KEY_IDS = sorted(RING.keys)


def after(seconds: float) -> Instant:
    step = round(seconds * NANOSECONDS)
    return Instant(NOW.real + step, NOW.raw + step)


def request(
    ring: KeyRing = RING, key_id: int | None = None, length: int | None = None, mode: int = 3, version: int = 4
) -> bytes:
    header = Header(0, version, mode, 0, 0, 0, transmit=0x0123456789ABCDEF).encode()
    return header if key_id is None else ring.sign(header, key_id, version, length)


def respond(data: bytes, responder: Responder | None = None, at: Instant | None = None) -> bytes:
    reply = (responder or Responder()).respond(data, "10.0.0.9", NOW, ANNOUNCEMENT, RING)
    return reply.encode((at or after(0.001)).real)


@pytest.mark.parametrize(("key_id", "length"), [(None, None), (42, 32), (42, 20), (42, 16), (7, 16)])
@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_answers(key_id: int | None, length: int | None, version: int) -> None:
    data = request(key_id=key_id, length=length, version=version)
    answer = respond(data)
    assert len(answer) == len(data), "no answer is longer than its request"
    packet = parse(answer, RING.long_tag)
    header = packet.header
    assert (header.mode, header.version, header.origin) == (4, version, 0x0123456789ABCDEF)
    assert (header.receive, header.transmit) == (odd(to_ntp(NOW.real)), even(to_ntp(after(0.001).real)))
    assert RING.verify(packet) is (Verdict.ABSENT if key_id is None else Verdict.VALID)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (request(mode=6), "request_mode"),
        (request(mode=7), "request_mode"),
        (request(mode=1), "request_mode"),
        (request(mode=5), "request_mode"),
        (request(version=0), "version"),
        (request(version=5), "version"),
        (request() + b"\0\0\0\x2a" + bytes(16), "request_bad_mac"),
        (request() + b"\0\0\0\x63" + bytes(16), "request_unknown_key"),
        (request() + bytes(4), "request_crypto_nak"),
        (request()[:47], "length"),
    ],
)
def test_silence(data: bytes, reason: str) -> None:
    with pytest.raises(PacketError) as caught:
        respond(data)
    assert caught.value.reason == reason


def test_silence_without_time() -> None:
    with pytest.raises(PacketError, match="nothing_to_serve"):
        Responder().respond(request(), "10.0.0.9", NOW, None, RING)


def test_the_rate_limit_spares_those_who_know_the_key() -> None:
    responder = Responder(RateLimit(burst=3))
    for _unused in range(3):
        respond(request(), responder)
    with pytest.raises(PacketError, match="rate_limited"):
        respond(request(), responder)
    for _unused in range(20):
        respond(request(key_id=42), responder)


def test_the_rate_limit_forgives_and_stays_small() -> None:
    limit = RateLimit(burst=2, addresses=10)
    assert [limit.allows("a", 0) for _unused in range(3)] == [True, True, False]
    assert [limit.allows("a", NANOSECONDS) for _unused in range(2)] == [True, False]
    assert limit.allows("b", NANOSECONDS)
    for number in range(1000):
        limit.allows(str(number), NANOSECONDS)
    assert len(vars(limit)["_spent_until"]) == 10


@pytest.mark.parametrize(
    ("source", "allowed"), [("10.1.2.3", True), ("10.2.0.0", False), ("fd00::7", True), ("fe80::1", False)]
)
def test_only_clients_of_the_list_are_answered(source: str, allowed: bool) -> None:
    clients = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))
    for data in (request(), request(key_id=42, length=20)):
        if allowed:
            assert Responder().respond(data, source, NOW, ANNOUNCEMENT, RING, clients)
            continue
        with pytest.raises(PacketError) as caught:
            Responder().respond(data, source, NOW, ANNOUNCEMENT, RING, clients)
        assert caught.value.reason == "client_not_allowed"


def test_an_address_that_proves_nothing_gets_sixteen_answers_at_once_and_then_one_a_second() -> None:
    limit = RateLimit()
    assert [limit.allows("a", 0) for _unused in range(17)] == [True] * 16 + [False]
    assert [limit.allows("a", second * NANOSECONDS) for second in (1, 1, 2, 2)] == [True, False, True, False]


# Interleaved mode (RFC 9769 section 2)

ANSWERED = after(0.001)
LEFT = after(0.0015)
COOKIE = 0xAAAA_BBBB_CCCC_DDD1


def interleaved_request(origin: int, **changes: int) -> bytes:
    header = Header(0, 4, 3, 0, 0, 0, origin=origin, receive=COOKIE, transmit=0x0123456789ABCDEF)
    return replace(header, **changes).encode()


def ask(responder: Responder, data: bytes, at: Instant = NOW) -> Header:
    """The answer to a request; it leaves at LEFT, by the kernel's stamp."""
    reply = responder.respond(data, "10.0.0.9", at, ANNOUNCEMENT, RING)
    if reply.remembered:
        responder.sent.departed(reply.receive, LEFT.real)
    return parse(reply.encode(ANSWERED.real), RING.long_tag).header


def test_the_second_answer_tells_when_the_first_one_left() -> None:
    responder = Responder()
    first = ask(responder, interleaved_request(COOKIE))
    assert first.origin == 0x0123456789ABCDEF and first.transmit == even(to_ntp(ANSWERED.real))
    second = ask(responder, interleaved_request(first.receive), after(2))
    assert second.origin == COOKIE, "so the client knows that this is an interleaved answer"
    assert (second.transmit, second.receive) == (even(to_ntp(LEFT.real)), odd(to_ntp(after(2).real)))


def test_a_departure_is_told_once() -> None:
    """Else a request that is played again would get the answer of somebody else's mode."""
    responder = Responder()
    first = ask(responder, interleaved_request(COOKIE))
    assert ask(responder, interleaved_request(first.receive), after(2)).origin == COOKIE
    assert ask(responder, interleaved_request(first.receive), after(3)).origin != COOKIE


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 3},
        {"origin": COOKIE & ~1},
        {"receive": 0},
        {"receive": 0x0123456789ABCDEF},
    ],
)
def test_who_does_not_ask_for_departures_is_not_remembered(changes: dict[str, int]) -> None:
    """Older versions, origins that are no receive timestamp of ours, clients that couldn't tell the two modes apart."""
    responder = Responder()
    first = ask(responder, interleaved_request(COOKIE))
    origin = changes.pop("origin", first.receive)
    again = ask(responder, interleaved_request(origin, **changes))
    assert again.origin == 0x0123456789ABCDEF
    assert not responder.respond(interleaved_request(origin, **changes), "a", NOW, ANNOUNCEMENT, RING).remembered


def test_without_a_stamp_the_answer_is_a_basic_one() -> None:
    responder = Responder()
    reply = responder.respond(interleaved_request(COOKIE), "10.0.0.9", NOW, ANNOUNCEMENT, RING)
    assert ask(responder, interleaved_request(reply.receive)).origin == 0x0123456789ABCDEF


@pytest.mark.parametrize(("seconds", "credible"), [(-0.001, False), (0.0, True), (0.999, True), (1.001, False)])
def test_a_departure_before_the_request_or_long_after_it_is_none(seconds: float, credible: bool) -> None:
    """The clock was stepped between the stamps."""
    sent = SentAnswers()
    receive = sent.add(odd(to_ntp(NOW.real)))
    sent.departed(receive, after(seconds).real + 1)
    assert (sent.take(receive) is not None) is credible


def test_the_memory_of_answers_is_bounded_and_forgets_the_oldest() -> None:
    sent = SentAnswers(limit=3)
    stamps = [sent.add(odd(to_ntp(NOW.real + 10 * number))) for number in range(5)]
    for stamp in stamps:
        sent.departed(stamp, LEFT.real)
    assert [sent.take(stamp) is not None for stamp in stamps] == [False, False, True, True, True]


def test_answers_to_requests_of_one_moment_have_different_receive_timestamps() -> None:
    sent = SentAnswers()
    stamps = [sent.add(odd(to_ntp(NOW.real))) for _unused in range(5)]
    assert len(set(stamps)) == 5 and all(stamp & 1 for stamp in stamps)
