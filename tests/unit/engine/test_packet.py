# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire format, against the RFC's own numbers and against nonsense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.wire.packet import Header, parse, reference_id_text
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, from_ntp, from_short, later, to_ntp, to_short

# chrony 4.9's first multicast packet of the shared captures.
CHRONY = bytes.fromhex(
    "250303e500000000000000007f7f0101eeae5114a5dd5bea00000000000000000000000000000000eeae51161a7f2d5d"
)


def no_long_tags(key_id: int, length: int) -> bool:
    return False


def test_a_captured_packet_reads_as_tshark_reads_it() -> None:
    header = Header.decode(CHRONY)
    assert (header.leap, header.version, header.mode, header.stratum) == (0, 4, 5, 3)
    assert (header.poll, header.precision, header.reference_id) == (3, -27, bytes([127, 127, 1, 1]))
    assert (header.origin, header.receive, header.transmit) == (0, 0, 0xEEAE51161A7F2D5D)
    assert header.encode() == CHRONY


# RFC 5905 figure 4: dates that mark the eras.
@pytest.mark.parametrize(
    ("unix", "stamp_seconds"),
    [(0, 2208988800), (2085978495, 0xFFFFFFFF), (2085978496, 0), (63104400, 2272093200)],
)
def test_eras(unix: int, stamp_seconds: int) -> None:
    stamp = to_ntp(unix * NANOSECONDS + 500_000_000)
    assert stamp >> 32 == stamp_seconds
    assert stamp & 0xFFFFFFFF == 1 << 31
    for near in (-68, -1, 0, 1, 68):
        assert from_ntp(stamp, (unix + near * 31_557_600 - near) * NANOSECONDS) == unix * NANOSECONDS + 500_000_000


@given(st.integers(-(10**19), 10**19), st.integers(-60 * 10**16, 60 * 10**16))
def test_timestamps_survive_the_wire(unix: int, distance: int) -> None:
    assert from_ntp(to_ntp(unix), unix + distance) == unix


@given(st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1))
def test_later_works_across_eras(stamp: int, difference: int) -> None:
    assert later((stamp + difference) % 2**64, stamp) == difference


@given(st.floats(0, 65535))
def test_short_format_never_shrinks(seconds: float) -> None:
    assert 0 <= from_short(to_short(seconds)) - seconds < 2**-15


def test_short_format_is_bounded() -> None:
    assert to_short(1e9) == 0xFFFFFFFF and to_short(-1.0) == 0


@pytest.mark.parametrize(
    ("tail", "covered", "tag"),
    [
        (b"", 48, None),
        (b"\0\0\0\x01" + b"t" * 16, 48, 16),
        (b"\0\0\0\x01" + b"t" * 20, 48, 20),
        (b"\0\0\0\0", 48, 0),
        (b"\x01\x04\0\x1c" + b"e" * 24, 76, None),
        (b"\x01\x04\0\x10" + b"e" * 12 + b"\0\0\0\x01" + b"t" * 16, 64, 16),
    ],
)
def test_where_the_authenticator_begins(tail: bytes, covered: int, tag: int | None) -> None:
    packet = parse(CHRONY + tail, no_long_tags)
    assert len(packet.covered) == covered
    assert (packet.authenticator and len(packet.authenticator.tag)) == tag


@pytest.mark.parametrize("length", [47, 49, 50, 56 + 1, 2000])
def test_lengths_that_no_packet_has(length: int) -> None:
    with pytest.raises(PacketError, match="length"):
        parse((CHRONY + bytes(3000))[:length], no_long_tags)


@pytest.mark.parametrize(
    "tail",
    [
        b"\x01\x04\0\x10" + b"e" * 12,  # RFC 7822: at least 28 octets, if it is last and without a MAC
        b"\x01\x04\0\x1d" + b"e" * 28,
        b"\x01\x04\0\x08" + b"e" * 24,
        b"\x01\x04\xff\xfc" + b"e" * 24,
        b"\x01\x04\0\0" + b"e" * 24,
    ],
)
def test_malformed_extension_fields(tail: bytes) -> None:
    with pytest.raises(PacketError, match=r"extension|length"):
        parse(CHRONY + tail, no_long_tags)


def test_a_long_tag_is_looked_for_before_extension_fields() -> None:
    packet = parse(CHRONY + b"\0\0\0\x2a" + b"t" * 32, lambda key_id, length: (key_id, length) == (42, 32))
    assert packet.authenticator is not None and len(packet.authenticator.tag) == 32
    with pytest.raises(PacketError, match="extension"):
        parse(CHRONY + b"\0\0\0\x2b" + b"t" * 32, lambda key_id, length: (key_id, length) == (42, 32))


@pytest.mark.parametrize("version", [0, 5, 6, 7])
def test_versions_of_nobody(version: int) -> None:
    with pytest.raises(PacketError, match="version"):
        parse(bytes([version << 3 | 5]) + CHRONY[1:], no_long_tags)


@given(st.binary(max_size=1100), st.booleans())
def test_nonsense_raises_only_packet_errors(data: bytes, long_tags: bool) -> None:
    try:
        packet = parse(data, lambda key_id, length: long_tags)
    except PacketError as error:
        assert error.reason in ("length", "version", "extension")
    else:
        rest = (
            packet.authenticator.key_id.to_bytes(4, "big") + packet.authenticator.tag if packet.authenticator else b""
        )
        assert packet.covered + rest == data
        assert packet.header.encode() == data[:48]


@given(st.binary(min_size=48, max_size=48), st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=40))
def test_nonsense_with_fields_raises_only_packet_errors(header: bytes, fields: list[bytes], tail: bytes) -> None:
    body = b"".join(b"\x01\x04" + (len(field) + 4).to_bytes(2, "big") + field for field in fields)
    try:
        parse(bytes([header[0] & 0xC7 | 0x20]) + header[1:] + body + tail, no_long_tags)
    except PacketError as error:
        assert error.reason in ("length", "extension")


@pytest.mark.parametrize(
    ("octets", "stratum", "text"),
    [
        (b"GPS\0", 1, "GPS"),
        (b"LOCL", 2, "LOCL"),
        (bytes([10, 0, 0, 1]), 3, "10.0.0.1"),
        (b"RATE", 0, "RATE"),
        (b"ABCD", 2, "65.66.67.68"),
        (bytes(4), 1, "0.0.0.0"),
    ],
)
def test_reference_ids(octets: bytes, stratum: int, text: str) -> None:
    assert reference_id_text(octets, stratum) == text
