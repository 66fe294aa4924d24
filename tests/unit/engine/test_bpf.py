# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's packet filter, judged by the kernel itself: datagrams over loopback, no privilege."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntp_multicast_engine.net import bpf as packet_filter
from ntp_multicast_engine.net.bpf import attach, program, refused

LOOPBACK = {4: "127.0.0.1", 6: "::1"}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@contextmanager
def filtered(version: int, *networks: str, mode: int = 5) -> Iterator[socket.socket]:
    with socket.socket(FAMILIES[version], socket.SOCK_DGRAM) as sock:
        assert attach(sock, program(mode, version, [ipaddress.ip_network(network) for network in networks]))
        sock.bind((LOOPBACK[version], 0))
        sock.setblocking(False)
        yield sock


def passes(sock: socket.socket, data: bytes, source: str | None = None) -> bool:
    """Whether the datagram comes through; it does, or the kernel counts it, so nothing is waited for by the clock."""
    before = refused(sock)
    with socket.socket(sock.family, socket.SOCK_DGRAM) as sender:
        if source:
            sender.bind((source, 0))
        sender.sendto(data, sock.getsockname()[:2])
    while refused(sock) == before:
        try:
            assert sock.recv(4096) == data
            return True
        except BlockingIOError:
            continue
    return False


def looks_right(data: bytes, mode: int) -> bool:
    """The same rule, said in another way."""
    return 48 <= len(data) <= 1024 and not len(data) % 4 and data[0] & 7 == mode and 1 <= data[0] >> 3 & 7 <= 4


@settings(deadline=None, max_examples=200)
@given(data=st.one_of(st.binary(max_size=1200), st.binary(min_size=48, max_size=68)), first=st.integers(0, 255))
@pytest.mark.parametrize("version", [4, 6])
def test_shape(version: int, data: bytes, first: int) -> None:
    data = bytes([first]) + data[1:] if data else data
    for mode in (3, 5):
        with filtered(version, mode=mode) as sock:
            assert passes(sock, data) == looks_right(data, mode)


GOOD = bytes([4 << 3 | 5]) + bytes(47)


@pytest.mark.parametrize("first", range(256))
def test_every_version_and_mode(first: int) -> None:
    data = bytes([first]) + bytes(47)
    with filtered(4) as sock:
        assert passes(sock, data) == looks_right(data, 5)


@pytest.mark.parametrize(
    ("networks", "source", "allowed"),
    [
        (["127.0.0.1/32"], "127.0.0.1", True),
        (["127.0.0.1/32"], "127.0.0.2", False),
        (["10.0.0.0/8", "127.0.4.0/22"], "127.0.7.255", True),
        (["10.0.0.0/8", "127.0.4.0/22"], "127.0.8.0", False),
        (["0.0.0.0/0"], "127.9.9.9", True),
        (["::1/128"], "127.0.0.1", False),
        (["::1/128"], "::1", True),
        (["fd00::/8", "::/64"], "::1", True),
        (["fd00::/8", "::1:0/112", "::2/127"], "::1", False),
        (["::/0"], "::1", True),
        (["127.0.0.0/8"], "::1", False),
    ],
)
def test_sources(networks: list[str], source: str, allowed: bool) -> None:
    with filtered(ipaddress.ip_address(source).version, *networks) as sock:
        assert passes(sock, GOOD, source) is allowed
        assert not passes(sock, GOOD[:47], source)


def test_more_networks_than_a_program_can_hold_are_left_to_the_engine() -> None:
    networks = [ipaddress.ip_network((number << 96, 32)) for number in range(5000)]
    instructions = program(5, 6, networks)
    assert len(instructions) < packet_filter._MAXIMUM_PROGRAM
    with filtered(6, *map(str, networks)) as sock:
        assert passes(sock, GOOD)


def test_a_program_that_the_kernel_refuses_is_no_disaster() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert not attach(sock, [(0xFFFF, 0, 0, 0)])
        assert refused(sock) == 0
