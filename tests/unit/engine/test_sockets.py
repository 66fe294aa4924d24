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

from ntp_multicast_engine.config.configuration import MulticastClient, MulticastServer
from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.net import netlink, sockets
from ntp_multicast_engine.net.control_messages import Datagram, assemble
from ntp_multicast_engine.net.sockets import GroupSocket, ResponderSocket, SenderSocket, forget_vrfs

GROUP = ipaddress.ip_address("239.255.77.9")
PORT = 20000 + os.getpid() % 20000


@pytest.fixture
def listening() -> Iterator[GroupSocket]:
    opened = GroupSocket(MulticastClient("lo", GROUP, port=PORT))
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


@pytest.fixture
def sending() -> Iterator[SenderSocket]:
    opened = SenderSocket(MulticastServer("lo", GROUP, port=PORT), PORT)
    yield opened
    opened.close()


# With real VRFs: tests/virtual_machine/test_vrf.py


def test_a_socket_is_stale_when_its_interface_changes_its_vrf(
    listening: GroupSocket, sending: SenderSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not listening.stale() and not sending.stale()
    monkeypatch.setattr(netlink, "vrf_of", lambda _index: 42)
    assert listening.stale() and sending.stale()


def test_a_request_is_judged_by_the_vrf_that_its_interface_has_now(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = ResponderSocket("lo", 4, PORT)
    address, further = ipaddress.ip_address("127.0.0.1"), opened.index + 1
    assert opened.misplaced(address, further) == "wrong_interface"
    monkeypatch.setattr(netlink, "vrf_of", lambda _index: opened.index)
    forget_vrfs()
    assert opened.misplaced(address, further) is None
    forget_vrfs()
    opened.close()


@pytest.mark.parametrize(
    ("bound", "vrf", "told"),
    [
        ("blue", None, "the engine was started in the VRF blue, to which lo does not belong"),
        ("blue", 43, "the engine was started in the VRF blue, to which lo does not belong"),
        ("", 43, "lo belongs to the VRF red, which needs CAP_NET_RAW before Linux 5.7"),
    ],
)
def test_without_the_right_to_enter_the_vrf_it_says_so(
    bound: str, vrf: int | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "bound_device", lambda _sock: bound)
    monkeypatch.setattr(sockets, "_bind_by_name", lambda *_unused: False)
    monkeypatch.setattr(sockets, "interface_name", lambda index: "red" if index == 43 else "lo")
    monkeypatch.setattr(netlink, "vrf_of", lambda _index: vrf)
    for make in (
        lambda: GroupSocket(MulticastClient("lo", GROUP, port=PORT)),
        lambda: SenderSocket(MulticastServer("lo", GROUP, port=PORT), PORT),
    ):
        with pytest.raises(TransportError, match=told):
            make()


def test_a_socket_that_is_in_the_vrf_already_needs_no_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "bound_device", lambda _sock: "red")
    monkeypatch.setattr(sockets, "_bind_by_name", lambda *_unused: False)
    monkeypatch.setattr(sockets, "interface_name", lambda index: "red" if index == 43 else "lo")
    monkeypatch.setattr(netlink, "vrf_of", lambda _index: 43)
    opened = GroupSocket(MulticastClient("lo", GROUP, port=PORT))
    assert not opened.stale()
    opened.close()
