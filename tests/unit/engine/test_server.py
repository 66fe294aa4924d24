# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sender's packets and schedule."""

from __future__ import annotations

import ipaddress

import pytest

from ntp_multicast_engine.config.configuration import MulticastServer
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.multicast_server import Announcement, Sender
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.mac import Algorithm, Key
from ntp_multicast_engine.wire.packet import Header, parse
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, to_ntp

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
    basic.stamped(NOW.real + 50_000)
    assert parse(basic.packet(after(8), ANNOUNCEMENT, RING), RING.long_tag).header.origin == 0


def test_an_interleaved_packet_tells_when_the_one_before_left() -> None:
    source = sender()
    first = parse(source.packet(NOW, ANNOUNCEMENT, RING), RING.long_tag).header
    assert first.origin == 0
    source.stamped(NOW.real + 50_000)
    second = parse(source.packet(after(8), ANNOUNCEMENT, RING), RING.long_tag).header
    assert second.origin == to_ntp(NOW.real + 50_000)
    third = parse(source.packet(after(16), ANNOUNCEMENT, RING), RING.long_tag).header
    assert third.origin == 0, "without a stamp there is nothing to tell"


@pytest.mark.parametrize("interleaved", [False, True])
def test_the_transmit_time_is_that_of_writing(interleaved: bool) -> None:
    """However late packets have left before: what isn't known isn't told."""
    source = sender(interleaved=interleaved)
    for number in range(4):
        header = parse(source.packet(after(8 * number), ANNOUNCEMENT, RING), RING.long_tag).header
        assert header.transmit == to_ntp(after(8 * number).real)
        source.stamped(after(8 * number).real + 50_000)


def test_an_origin_never_lies_before_the_transmit_time_that_was_sent() -> None:
    """ntpd refuses such a packet. The clock may have been set back in between."""
    source = sender()
    header = parse(source.packet(NOW, ANNOUNCEMENT, RING), RING.long_tag).header
    source.stamped(NOW.real - 1_000)
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


def test_who_stamps_is_told_for_the_packet_before() -> None:
    source = sender()
    assert source.stamps is None
    for seconds, stamped, told in ((0, True, None), (8, True, "kernel"), (16, False, "kernel"), (24, True, "user")):
        source.packet(after(seconds), ANNOUNCEMENT, RING)
        assert source.stamps == told
        if stamped:
            source.stamped(after(seconds).real + 50_000)
            assert source.stamps == "kernel"
    source.packet(after(32), ANNOUNCEMENT, RING)
    source.silence()
    source.packet(after(40), ANNOUNCEMENT, RING)
    assert source.stamps == "kernel", "a packet that wasn't sent has no stamp to miss"
