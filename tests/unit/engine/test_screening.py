# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick look at a flood refuses what the client would refuse, for the same reasons, and nothing else."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.test_responder_io import CLOCK, OldLibrary, make_engine

from ntp_multicast_engine.batch import Batch, Buffers
from ntp_multicast_engine.clock.system_clock import Instant
from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.daemon.receiver_io import ReceiverIo
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Estimator
from ntp_multicast_engine.net.sockets import GroupSocket
from ntp_multicast_engine.protocol.client import Client
from ntp_multicast_engine.protocol.prefilter import SCREENED_LENGTHS, refusals
from ntp_multicast_engine.wire.authentication import Algorithm, Key, KeyRing

NOW = Instant(1_790_000_000 * 10**9, 5 * 10**9)
GROUP = MulticastClient("lo", ipaddress.ip_address("239.255.78.3"))
RING = KeyRing(
    {
        1: Key(1, Algorithm.MD5, b"a secret"),
        2: Key(2, Algorithm.HMAC_SHA256, b"another"),
        3: Key(3, Algorithm.SHA256, b"a third"),
        4: Key(4, Algorithm.AES_128_CMAC, b"sixteen octets.."),
    },
    frozenset({1, 2}),
    True,
)


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    octets = draw(st.binary(min_size=48, max_size=48))
    first = draw(st.sampled_from([0x25, 0x25, 0x1D, 0x0D, 0x15, 0xE5, 0x24, 0x05, 0x2D]))
    covered = bytes([first]) + octets[1:]
    signed = RING.sign(covered, draw(st.integers(1, 4)), first >> 3 & 7, draw(st.sampled_from([16, 20, 32])))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        place = draw(st.integers(0, len(signed) - 1))
        return signed[:place] + bytes([signed[place] ^ draw(st.integers(1, 255))]) + signed[place + 1 :]
    if kind == 1:
        return covered + draw(st.sampled_from([b"", bytes(4), bytes(20), bytes(24), b"\0\0\0\x63" + bytes(16)]))
    return covered + draw(st.binary(max_size=40)) if kind == 2 else signed


def judged(data: bytes, ring: KeyRing) -> str | None:
    """The client's reason to refuse it."""
    client = Client([GROUP], {}, lambda: 1, lambda: 0.0, lambda: Estimator(None))
    try:
        client.take_broadcast(GROUP, data, "10.0.0.1", NOW, "kernel", ring)
    except PacketError as error:
        return error.reason
    return None


@given(rows=st.lists(packets(), max_size=8), required=st.booleans())
def test_the_reasons_are_the_clients(rows: list[bytes], required: bool) -> None:
    ring = replace(RING, required=required)
    for length in {len(row) for row in rows}:
        alike = [row for row in rows if len(row) == length]
        for row, reason in zip(alike, refusals(alike, ring)):
            assert reason is None or reason == judged(row, ring)


def test_what_a_flood_consists_of_is_refused_at_once() -> None:
    bare = bytes([0x25]) + bytes(47)
    rows = {
        bare: "unauthenticated",
        bare + bytes(4): "crypto_nak",
        bare + b"\0\0\0\x63" + bytes(16): "unknown_key",
        bare + b"\0\0\0\1" + bytes(16): "bad_mac",
        bare + b"\0\0\0\2" + bytes(32): "bad_mac",
    }
    for row, reason in rows.items():
        assert len(row) in SCREENED_LENGTHS and refusals([row], RING) == [reason] == [judged(row, RING)]


@pytest.mark.parametrize("way", ["recvmmsg", "recvmsg"])
@pytest.mark.parametrize("servers", [frozenset(), frozenset({"127.0.0.1"})])
def test_a_real_multicast_among_forged_ones_is_judged(tmp_path: Path, way: str, servers: frozenset[str]) -> None:
    engine = make_engine(tmp_path)
    group = replace(GROUP, port=20000 + GROUP.port, allow_servers=servers)
    opened = GroupSocket(group)
    library = None if way == "recvmmsg" else OldLibrary()
    buffers = Buffers(lambda version: Batch(version, SCREENED_LENGTHS, library))  # type: ignore[arg-type]
    header = struct.pack("!BBbbII4sQQQQ", 0x25, 2, 3, -20, 0, 0, b"LOCL", 1, 0, 0, 1 << 63)
    good = engine.keys.sign(header, 1, 4)
    forged = [good[:-1] + bytes([good[-1] ^ 1]), header, header + bytes(4), header + bytes([0, 0, 0, 9]) + bytes(16)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sending.connect((str(group.group), group.port))
        for data in (*forged, good, *forged):
            sending.send(data)
        listening = ReceiverIo(engine, CLOCK, buffers)
        believed = [*listening.read(opened), *listening.read(opened)]
    opened.close()
    assert [association.key_id for association in believed] == [1] and engine.received == 9
    assert engine.dropped == {"bad_mac": 2, "unauthenticated": 2, "crypto_nak": 2, "unknown_key": 2}


def test_servers_that_the_kernel_has_not_looked_at_are_left_to_the_client(tmp_path: Path) -> None:
    engine = make_engine(tmp_path)
    forged = [bytes([0x25]) + bytes(47)] * 2
    group = replace(GROUP, allow_servers=frozenset({"127.0.0.1"}))
    assert [*engine.worth_judging(group, forged, allowed=False)] == [0, 1] and not engine.dropped
    assert [*engine.worth_judging(group, forged, allowed=True)] == [] and engine.dropped == {"unauthenticated": 2}
