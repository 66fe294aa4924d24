# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a raw socket gives is what a socket of UDP would have given, or nothing."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator

import needs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.clock.system_clock import SystemClock
from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.net.control_messages import Datagram
from ntp_multicast_engine.net.raw_datagrams import LARGEST, unwrapped
from ntp_multicast_engine.net.sockets import GroupSocket

ADDRESSES = ipaddress.ip_address("10.9.0.1").packed + ipaddress.ip_address("224.0.1.1").packed
PAYLOAD = b"x" * 48


def checksum_of(data: bytes) -> int:
    """RFC 1071, octet by octet."""
    total = 0
    for place, octet in enumerate(data):
        total += octet << (0 if place % 2 else 8)
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def segment(payload: bytes, checksum: int, *, port: int = 123, length: int | None = None) -> bytes:
    return struct.pack(">HHHH", 4321, port, 8 + len(payload) if length is None else length, checksum) + payload


def right_checksum(payload: bytes) -> int:
    pseudo = ADDRESSES + struct.pack(">HH", 17, 8 + len(payload))
    return checksum_of(pseudo + segment(payload, 0)) or 0xFFFF


def ip_packet(udp: bytes, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    return struct.pack(">BBHHHBBH", 0x40 | words, 0, 4 * words + len(udp), 1, 0, 16, 17, 0) + ADDRESSES + options + udp


def received(data: bytes, *, truncated: bool = False) -> Datagram:
    return Datagram(data, "10.9.0.1", 0, 0, None, 2, Instant(0, 0), "kernel", truncated, 16)


@given(payload=st.binary(max_size=1024), options=st.sampled_from([b"", bytes(4), bytes(40)]))
def test_a_datagram_of_ipv4(payload: bytes, options: bytes) -> None:
    for checksum in (right_checksum(payload), 0):
        found = unwrapped(received(ip_packet(segment(payload, checksum), options) + b"more"), 4, 123)
        assert found is not None and (found.data, found.source_port, found.ttl) == (payload, 4321, 16)
        assert not found.truncated


def test_a_checksum_that_the_card_would_have_done() -> None:
    pseudo = checksum_of(ADDRESSES + struct.pack(">HH", 17, 56)) ^ 0xFFFF
    assert unwrapped(received(ip_packet(segment(PAYLOAD, pseudo))), 4, 123) is not None


@given(payload=st.binary(min_size=1, max_size=100), place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_one_bit_that_is_wrong(payload: bytes, place: int, bit: int) -> None:
    data = bytearray(ip_packet(segment(payload, right_checksum(payload))))
    data[28 + place % len(payload)] ^= 1 << bit
    assert unwrapped(received(bytes(data)), 4, 123) is None


def test_a_datagram_of_ipv6_comes_without_its_ip_header() -> None:
    found = unwrapped(received(segment(PAYLOAD, 0x1234)), 6, 123)
    assert found is not None and (found.data, found.source_port) == (PAYLOAD, 4321)


@pytest.mark.parametrize("length", [0, 7, 57, 0xFFFF])
@pytest.mark.parametrize("version", [4, 6])
def test_a_length_that_can_not_be(version: int, length: int) -> None:
    udp = segment(PAYLOAD, 0, length=length)
    assert unwrapped(received(ip_packet(udp) if version == 4 else udp), version, 123) is None


@pytest.mark.parametrize("version", [4, 6])
def test_another_port(version: int) -> None:
    udp = segment(PAYLOAD, 0)
    assert unwrapped(received(ip_packet(udp) if version == 4 else udp), version, 124) is None


@pytest.mark.parametrize("version", [4, 6])
def test_what_is_longer_than_a_packet_can_be(version: int) -> None:
    udp = segment(bytes(1025), 0)
    whole = ip_packet(udp) if version == 4 else udp
    found = unwrapped(received(whole), version, 123)
    assert found is not None and found.truncated and len(found.data) == 1024
    udp = segment(bytes(4000), 1)
    whole = ip_packet(udp) if version == 4 else udp
    found = unwrapped(received(whole[:LARGEST], truncated=True), version, 123)
    assert found is not None and found.truncated


@given(data=st.binary(max_size=120), version=st.sampled_from([4, 6]), truncated=st.booleans())
def test_anything(data: bytes, version: int, truncated: bool) -> None:
    found = unwrapped(received(data, truncated=truncated), version, 123)
    assert found is None or len(found.data) <= len(data) - 8


@pytest.fixture(name="opened")
def opened_fixture() -> Iterator[GroupSocket]:
    """On loopback, which has no multicasts of IPv6: those are heard in the namespaces of the integration tests."""
    group = MulticastClient("lo", ipaddress.ip_address("239.255.77.10"), port=20000 + os.getpid() % 20000)
    made = GroupSocket(group, raw=True)
    yield made
    made.close()


@pytest.mark.root
@needs.unless(needs.no_root())
def test_the_kernel_gives_what_is_meant_for_the_group_and_the_port(opened: GroupSocket) -> None:
    group, port = str(opened.configuration.group), opened.configuration.port
    good, request = bytes([4 << 3 | 5]) + bytes(47), bytes([4 << 3 | 3]) + bytes(47)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sender.bind(("127.0.0.1", 0))
        for data, to in ((good, port + 1), (request, port), (good[:44], port), (good + bytes(980), port), (good, port)):
            sender.sendto(data, (group, to))
        source_port = sender.getsockname()[1]
    found: list[Datagram] = []
    while not found:
        found = opened.receive(SystemClock())
    assert [item.data for item in found] == [good]
    assert (found[0].source, found[0].source_port, found[0].stamps) == ("127.0.0.1", source_port, "kernel")
    assert opened.refusal(found[0]) is None
