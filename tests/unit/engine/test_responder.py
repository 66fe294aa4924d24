# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder's manners, and that its quick way gives the very octets of the plain one."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.clock.system_clock import Instant
from ntp_multicast_engine.columns import WIDTHS, Columns
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.protocol.multicast_server import Announcement
from ntp_multicast_engine.protocol.responder import QUICK_LENGTHS, AnswerDelay, RateLimit, Responder
from ntp_multicast_engine.wire.authentication import Algorithm, Key, KeyRing, Verdict
from ntp_multicast_engine.wire.packet import Header, parse
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, to_ntp

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
    assert (header.receive, header.transmit) == (to_ntp(NOW.real), to_ntp(after(0.001).real))
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
    responder = Responder(RateLimit(interval=1.0, burst=3))
    for _unused in range(3):
        respond(request(), responder)
    with pytest.raises(PacketError, match="rate_limited"):
        respond(request(), responder)
    for _unused in range(20):
        respond(request(key_id=42), responder)


def test_the_rate_limit_forgives_and_stays_small() -> None:
    limit = RateLimit(interval=1.0, burst=2, addresses=10)
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


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Mostly what clients send, and sometimes what they don't."""
    data = draw(st.binary(min_size=48, max_size=48))
    first = draw(st.sampled_from([0x23, 0x23, 0x1B, 0xE3, 0x0B, 0x13, 0x24, 0x26, 0x03, 0x2B, 0x33]))
    covered = bytes([first]) + data[1:]
    key_id = draw(st.sampled_from(KEY_IDS))
    signed = RING.sign(covered, key_id, first >> 3 & 7, draw(st.sampled_from([16, 20, 32])))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        place = draw(st.integers(0, len(signed) - 1))
        return signed[:place] + bytes([signed[place] ^ draw(st.integers(1, 255))]) + signed[place + 1 :]
    if kind == 1:
        return covered + draw(st.binary(max_size=40))
    return signed


def quick(
    responder: Responder, rows: list[bytes], arrivals: list[int], sent: Instant, announcement: Announcement
) -> list[bytes | None]:
    """What the quick way makes of requests of all lengths; it takes those of one length together."""
    answers: list[bytes | None] = [None] * len(rows)
    for length in {len(row) for row in rows}:
        places = [place for place, row in enumerate(rows) if len(row) == length]
        found = responder.quick_answers(
            [rows[place] for place in places], [arrivals[place] for place in places], announcement, RING, lambda: sent
        )
        assert len(found) == len(places)
        for place, answer in zip(places, found):
            answers[place] = answer
    return answers


@given(
    rows=st.lists(requests(), max_size=12),
    arrival=st.integers(0, 1 << 62),
    step=st.integers(0, 10**9),
    late=st.integers(0, 10**9),
    leap=st.integers(0, 3),
    delay=st.integers(0, 10**6),
)
def test_the_quick_way_gives_the_same_octets(
    rows: list[bytes], arrival: int, step: int, late: int, leap: int, delay: int
) -> None:
    announcement = replace(ANNOUNCEMENT, leap=leap)
    responder = seasoned(delay)
    arrivals = [arrival + step * place for place in range(len(rows))]
    sent = Instant(arrival + late, late)
    for data, real, answer in zip(rows, arrivals, quick(responder, rows, arrivals, sent, announcement)):
        try:
            plain = responder.respond(data, "10.0.0.9", Instant(real, 0), announcement, RING).encode(sent.real)
        except PacketError:
            plain = None
        proven = plain is not None and len(data) > 48
        assert answer == (plain if proven and len(data) in QUICK_LENGTHS else None)


@given(
    polls=st.lists(st.integers(0, 255), min_size=1, max_size=12),
    key_id=st.sampled_from([7, 9]),
    spacing=st.integers(0, 10**6),
)
def test_the_quick_way_foretells_when_each_answer_leaves(polls: list[int], key_id: int, spacing: int) -> None:
    responder = Responder()
    for _unused in range(4):
        responder.spacing.add(spacing)
    rows = [RING.sign(bytes([0x23, 0, poll]) + bytes(45), key_id, 4) for poll in polls]
    answers = responder.quick_answers(rows, [NOW.real] * len(rows), ANNOUNCEMENT, RING, lambda: NOW)
    for place, (data, answer) in enumerate(zip(rows, answers)):
        reply = responder.respond(data, "10.0.0.9", NOW, ANNOUNCEMENT, RING).encode(NOW.real + place * spacing)
        assert answer is not None and len(answer) == len(reply) and answer[:40] == reply[:40]
        transmits = [int.from_bytes(octets[40:48], "big") for octets in (answer, reply)]
        assert 0 <= transmits[1] - transmits[0] <= place + 1, "less by parts of a nanosecond, and never more"
        assert RING.verify(parse(answer, RING.long_tag)) is Verdict.VALID


def test_an_answer_that_follows_another_is_foretold_by_those_that_did() -> None:
    """What it takes is still in the processor's caches."""
    delay = AnswerDelay()
    for _unused in range(4):
        for raw, seen in ((0, 40_000), (9_000_000, 20_000), (18_000_000, 20_000)):
            delay.foretell(raw)
            delay.latest.add(seen)
        delay.foretell(10**12)
        delay.latest.add(40_000)
    assert [delay.foretell(2 * 10**12 + raw) for raw in (0, 9_000_000, 18_000_000, 38_000_000)] == [
        40_000,
        20_000,
        20_000,
        40_000,
    ]


def seasoned(delay: int) -> Responder:
    """A responder whose answers have left late by as much."""
    responder = Responder()
    for number in range(8):
        responder.delay.foretell((number - 1000) // 2 * 10**9)
        responder.delay.latest.add(delay)
    return responder


def test_a_client_that_writes_its_time_into_the_request_is_told_when_its_answer_was_written() -> None:
    """Such as ntpd, whose requests leave late as well; the errors are to cancel out. Others get the whole departure."""
    responder = seasoned(40_000)
    silent = request(key_id=9)
    telling = RING.sign(silent[:12] + b"INIT" + silent[16:48], 9, 4)
    rows = [silent, telling, silent, telling]
    answers = responder.quick_answers(rows, [NOW.real] * 4, ANNOUNCEMENT, RING, lambda: NOW)
    for data, answer in zip(rows, answers):
        told = to_ntp(NOW.real + (0 if data is telling else 40_000))
        assert answer == respond(data, responder, NOW)
        assert parse(answer, RING.long_tag).header.transmit == told


@st.composite
def requests_of_one_kind(draw: st.DrawFn) -> list[bytes]:
    """Of one version and one key, as `answer_columns` takes them; sometimes one among them that it has to leave."""
    first, key_id = draw(st.sampled_from([0x23, 0xE3, 0x1B, 0x0B])), draw(st.sampled_from([9, 10]))
    reference = draw(st.sampled_from([bytes(4), b"LOCL"]))
    heads = draw(st.lists(st.binary(min_size=44, max_size=44), min_size=1, max_size=12))
    rows = [RING.sign(bytes([first]) + head[:11] + reference + head[12:], key_id, first >> 3 & 7) for head in heads]
    if draw(st.booleans()):
        place = draw(st.integers(0, len(rows) - 1))
        odd = bytearray(rows[place])
        odd[draw(st.integers(0, len(odd) - 1))] ^= draw(st.integers(1, 255))
        proven = draw(st.booleans())
        rows[place] = RING.sign(bytes(odd[:48]), key_id, odd[0] >> 3 & 7) if proven else bytes(odd)
    return rows


@given(
    rows=requests_of_one_kind(),
    arrival=st.integers(0, 1 << 62),
    step=st.integers(0, 10**9),
    leap=st.integers(0, 3),
    delay=st.integers(0, 10**5),
    spacing=st.integers(0, 10**5),
)
def test_answers_in_columns_are_the_quick_ones(
    rows: list[bytes], arrival: int, step: int, leap: int, delay: int, spacing: int
) -> None:
    announcement = replace(ANNOUNCEMENT, leap=leap, reference_id=b"GPS\0")
    responder = seasoned(delay)
    for _unused in range(4):
        responder.spacing.add(spacing)
    arrivals = [arrival + step * place for place in range(len(rows))]
    alike = len({(row[0], row[12:16] == bytes(4), row[48:52]) for row in rows}) == 1
    expected = responder.quick_answers(rows, arrivals, announcement, RING, lambda: NOW)
    cut = cut_into_columns(rows)
    answers = responder.answer_columns(cut, arrivals, announcement, RING, lambda: NOW)
    assert cut.packets() == rows
    if answers is None:
        assert None in expected or not alike
    else:
        assert answers.packets() == expected and alike


def cut_into_columns(rows: list[bytes]) -> Columns:
    ends = [sum(WIDTHS[: number + 1]) for number in range(len(WIDTHS))]
    return Columns(*(b"".join(row[end - width : end] for row in rows) for width, end in zip(WIDTHS, ends)))


@pytest.mark.parametrize("key_id", [7, 42])
def test_only_aes_goes_by_columns(key_id: int) -> None:
    rows = [request(key_id=key_id, length=16)] * 3
    found = Responder().answer_columns(cut_into_columns(rows), [NOW.real] * 3, ANNOUNCEMENT, RING, lambda: NOW)
    assert found is None
    with pytest.raises(TypeError, match="columns"):
        RING.keys[key_id].column_tags([bytes(16)])


@given(data=st.binary(max_size=90), place=st.integers(0, 71), flip=st.integers(1, 255))
def test_the_quick_way_refuses_what_is_not_proven(data: bytes, place: int, flip: int) -> None:
    good = request(key_id=42, length=20)
    wrong = good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :]
    for refused in (data, wrong, good[:-1], good + b"\0", good[:48], request(key_id=42, length=20, mode=4)):
        assert Responder().quick_answers([refused], [NOW.real], ANNOUNCEMENT, RING, lambda: NOW) == [None]


def test_a_forgery_among_them_costs_the_others_nothing() -> None:
    good = request(key_id=42, length=20)
    forged = good[:-1] + bytes([good[-1] ^ 1])
    answers = Responder().quick_answers([good, forged, good], [NOW.real] * 3, ANNOUNCEMENT, RING, lambda: NOW)
    assert answers == [respond(good, at=NOW), None, respond(good, at=NOW)]


def test_the_quick_way_follows_the_announcement() -> None:
    responder = Responder()
    for stratum in (2, 9, 2):
        announcement = replace(ANNOUNCEMENT, stratum=stratum)
        (answer,) = responder.quick_answers(
            [request(key_id=42, length=20)], [NOW.real], announcement, RING, lambda: NOW
        )
        assert answer is not None and answer[1] == stratum


def test_an_address_that_proves_nothing_gets_sixteen_answers_at_once_and_then_one_a_second() -> None:
    limit = RateLimit()
    assert [limit.allows("a", 0) for _unused in range(17)] == [True] * 16 + [False]
    assert [limit.allows("a", second * NANOSECONDS) for second in (1, 1, 2, 2)] == [True, False, True, False]
