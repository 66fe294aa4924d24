# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket of a group hands out what came to just that group over just that interface."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.net.control_messages import Datagram, assemble
from ntp_multicast_engine.net.sockets import GroupSocket

GROUP = ipaddress.ip_address("239.255.77.9")


@pytest.fixture
def listening() -> Iterator[GroupSocket]:
    opened = GroupSocket(MulticastClient("lo", GROUP, port=20000 + os.getpid() % 20000))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("destination", "further", "truncated", "reason"),
    [
        (str(GROUP), 0, False, None),
        (str(GROUP), 1, False, "wrong_interface"),
        ("224.0.1.1", 0, False, "wrong_group"),
        ("127.0.0.1", 0, False, "wrong_group"),
        (None, 0, False, "wrong_group"),
        (str(GROUP), 0, True, "truncated"),
    ],
)
def test_what_is_out_of_place_is_refused(
    listening: GroupSocket, destination: str | None, further: int, truncated: bool, reason: str | None
) -> None:
    address = ipaddress.ip_address(destination) if destination else None
    index = socket.if_nametoindex("lo") + further
    datagram = Datagram(bytes(48), "127.0.0.1", 123, 0, address, index, Instant(0, 0), "kernel", truncated)
    assert listening.refusal(datagram) == reason


def _number(value: int) -> bytes:
    return struct.pack("=i", value)


@pytest.mark.parametrize(
    ("ancillary", "ttl"),
    [
        # ip(7) IP_RECVTTL, ipv6(7) IPV6_RECVHOPLIMIT
        ([(socket.IPPROTO_IP, socket.IP_TTL, _number(7))], 7),
        ([(socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, _number(255))], 255),
        ([(socket.IPPROTO_IP, socket.IP_TOS, b"\0"), (socket.IPPROTO_IP, socket.IP_TTL, _number(1))], 1),
        ([(socket.IPPROTO_IPV6, socket.IP_TTL, _number(3))], None),
        ([], None),
    ],
)
def test_the_hops_that_are_left_are_read(ancillary: list[tuple[int, int, bytes]], ttl: int | None) -> None:
    assert assemble(b"", ancillary, 0, ("127.0.0.1", 123), Instant(0, 0)).ttl == ttl
