# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sender's packets and schedule, and the responder's manners."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.authentication import Algorithm, Key, KeyRing, Verdict
from ntp_multicast_engine.clock import Instant
from ntp_multicast_engine.configuration import MulticastServer
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.packet import Header, parse
from ntp_multicast_engine.server import Announcement, RateLimit, Responder, Sender
from ntp_multicast_engine.timestamps import NANOSECONDS, to_ntp

NOW = Instant(1_790_000_000 * NANOSECONDS, 5 * NANOSECONDS)
ANNOUNCEMENT = Announcement(0, 2, b"LOCL", 0.0, 0.001, NOW.real)
RING = KeyRing(
    {42: Key(42, Algorithm.HMAC_SHA256, b"secret"), 7: Key(7, Algorithm.MD5, b"other")}, frozenset({42}), True
)
GROUP = ipaddress.ip_address("224.0.1.1")


def after(seconds: float) -> Instant:
    step = round(seconds * NANOSECONDS)
    return Instant(NOW.real + step, NOW.raw + step)


def sender(**options: object) -> Sender:
    server = MulticastServer("eth0", GROUP, **{"poll": 3, "key_id": 42, **options})  # type: ignore[arg-type]
    return Sender(server, lambda: 0.0, NOW.raw)


def test_a_basic_packet() -> None:
    basic = sender(interleaved=False)
    packet = parse(basic.packet(NOW, ANNOUNCEMENT, RING), RING.long_tag)
    header = packet.header
    assert (header.mode, header.version, header.poll, header.stratum, header.leap) == (5, 4, 3, 2, 0)
    assert (header.origin, header.receive, header.transmit) == (0, 0, to_ntp(NOW.real))
    assert header.reference_id == b"LOCL" and header.root_dispersion == pytest.approx(0.001, abs=2**-16)
    assert RING.verify(packet) is Verdict.VALID and packet.authenticator is not None
    assert packet.authenticator.key_id == 42
    basic.stamped(NOW.real + 50_000, "kernel")
    assert parse(basic.packet(after(8), ANNOUNCEMENT, RING), RING.long_tag).header.origin == 0


def test_an_interleaved_packet_tells_when_the_one_before_left() -> None:
    source = sender()
    first = parse(source.packet(NOW, ANNOUNCEMENT, RING), RING.long_tag).header
    assert first.origin == 0
    source.stamped(NOW.real + 50_000, "kernel")
    second = parse(source.packet(after(8), ANNOUNCEMENT, RING), RING.long_tag).header
    assert second.origin == to_ntp(NOW.real + 50_000)
    third = parse(source.packet(after(16), ANNOUNCEMENT, RING), RING.long_tag).header
    assert third.origin == 0, "without a stamp there is nothing to tell"


def test_a_user_space_stamp_is_not_accurate_enough_for_interleaving() -> None:
    source = sender()
    source.packet(NOW, ANNOUNCEMENT, RING)
    source.stamped(NOW.real + 90_000, "user")
    assert parse(source.packet(after(8), ANNOUNCEMENT, RING), RING.long_tag).header.origin == 0


@pytest.mark.parametrize(("interleaved", "foretold"), [(False, 40_000), (True, 0)])
def test_the_transmit_time_foretells_the_departure_but_not_too_late(interleaved: bool, foretold: int) -> None:
    source = sender(interleaved=interleaved)
    for number, delay in enumerate([60_000, 50_000, 40_000]):
        source.packet(after(8 * number), ANNOUNCEMENT, RING)
        source.stamped(after(8 * number).real + delay, "kernel")
    header = parse(source.packet(after(24), ANNOUNCEMENT, RING), RING.long_tag).header
    assert header.transmit == to_ntp(after(24).real + foretold)


def test_an_origin_is_the_departure_even_if_it_came_sooner_than_ever() -> None:
    """An origin moved up to the foretold time would look like a packet quicker than all others, which clients trust."""
    source = sender()
    for number, delay in enumerate([60_000, 50_000, 40_000, 1_000]):
        source.packet(after(8 * number), ANNOUNCEMENT, RING)
        source.stamped(after(8 * number).real + delay, "kernel")
    following = parse(source.packet(after(32), ANNOUNCEMENT, RING), RING.long_tag).header
    assert following.origin == to_ntp(after(24).real + 1_000)


def test_an_origin_never_lies_before_the_transmit_time_that_was_sent() -> None:
    """ntpd refuses such a packet. The clock may have been set back in between."""
    source = sender()
    header = parse(source.packet(NOW, ANNOUNCEMENT, RING), RING.long_tag).header
    source.stamped(NOW.real - 1_000, "kernel")
    following = parse(source.packet(after(8), ANNOUNCEMENT, RING), RING.long_tag).header
    assert following.origin == header.transmit


def test_version_and_absence_of_a_key() -> None:
    data = sender(version=3, key_id=None).packet(NOW, ANNOUNCEMENT, RING)
    assert len(data) == 48 and Header.decode(data).version == 3


def test_the_schedule_does_not_drift_with_lateness() -> None:
    source = sender()
    dues = []
    for late in (0.0, 0.5, 3.0, 20.0):
        source.schedule(source.due + round(late * NANOSECONDS))
        dues.append((source.due - NOW.raw) // NANOSECONDS)
    assert dues == [8, 16, 24, 48]


def request(
    ring: KeyRing = RING, key_id: int | None = None, length: int | None = None, mode: int = 3, version: int = 4
) -> bytes:
    header = Header(0, version, mode, 0, 0, 0, transmit=0x0123456789ABCDEF).encode()
    return header if key_id is None else ring.sign(header, key_id, version, length)


def respond(data: bytes, responder: Responder | None = None) -> bytes:
    reply = (responder or Responder()).respond(data, "10.0.0.9", NOW, ANNOUNCEMENT, RING)
    return reply.encode(after(0.001).real)


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


@given(
    data=st.binary(min_size=48, max_size=48),
    version=st.integers(1, 4),
    key_id=st.sampled_from([7, 42]),
    length=st.sampled_from([16, 20, 32]),
    late=st.integers(0, 10**9),
    leap=st.integers(0, 3),
)
def test_the_quick_way_gives_the_same_answers(
    data: bytes, version: int, key_id: int, length: int, late: int, leap: int
) -> None:
    covered = bytes([data[0] & 0xC0 | version << 3 | 3]) + data[1:]
    request_data = RING.sign(covered, key_id, version, length)
    announcement = replace(ANNOUNCEMENT, leap=leap)
    sent = Instant(NOW.real + late, NOW.raw + late)
    responder = Responder()
    quick = responder.quick_answer(request_data, NOW.real, announcement, RING, lambda: sent)
    assert (quick is None) == (len(request_data) == 84)
    long = responder.respond(request_data, "10.0.0.9", NOW, announcement, RING).encode(sent.real)
    assert quick in (None, long)


@given(data=st.binary(max_size=80), place=st.integers(0, 71), flip=st.integers(1, 255))
def test_the_quick_way_refuses_what_is_not_proven(data: bytes, place: int, flip: int) -> None:
    good = request(key_id=42, length=20)
    wrong = good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :]
    for refused in (data, wrong, good[:-1], good + b"\0", good[:48], request(key_id=42, length=20, mode=4)):
        assert Responder().quick_answer(refused, NOW.real, ANNOUNCEMENT, RING, lambda: NOW) is None


def test_the_quick_way_follows_the_announcement() -> None:
    responder = Responder()
    for stratum in (2, 9, 2):
        announcement = replace(ANNOUNCEMENT, stratum=stratum)
        answer = responder.quick_answer(request(key_id=42, length=20), NOW.real, announcement, RING, lambda: NOW)
        assert answer is not None and answer[1] == stratum
