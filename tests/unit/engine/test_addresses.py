# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells of interfaces, read from answers and tables as it writes them."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from pathlib import Path

import pytest

from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.net import addresses, netlink
from ntp_multicast_engine.net.addresses import InterfaceAddress, address_for, interface_index, is_member
from ntp_multicast_engine.net.netlink import AddressOfInterface, Link

IPV4_GROUP, IPV6_GROUP = ipaddress.ip_address("224.0.1.1"), ipaddress.ip_address("ff0e::101")
LITTLE = """\
Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
12\teth0      :     2      V3
\t\t\t\t010100E0     1 0:00000000\t\t0
\t\t\t\t010000E0     1 0:00000000\t\t0
"""


def attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value.ljust((len(value) + 3) & ~3, b"\0")


def table(path: Path, text: str) -> Path:
    if sys.byteorder == "big":
        text = text.replace("010100E0", "E0000101").replace("010000E0", "E0000001")
    (path / "igmp").write_text(text)
    return path


def test_a_membership_belongs_to_its_interface(tmp_path: Path) -> None:
    proc = table(tmp_path, LITTLE)
    assert is_member(12, IPV4_GROUP, proc)
    assert not is_member(1, IPV4_GROUP, proc)
    assert not is_member(12, ipaddress.ip_address("224.0.1.2"), proc)


def test_a_membership_of_ipv6(tmp_path: Path) -> None:
    line = "3    eth0            ff0e0000000000000000000000000101     1 00000004 0\n"
    (tmp_path / "igmp6").write_text(line)
    assert is_member(3, IPV6_GROUP, tmp_path) and not is_member(4, IPV6_GROUP, tmp_path)


def test_a_kernel_that_does_not_tell_has_forgotten_nothing(tmp_path: Path) -> None:
    assert is_member(1, IPV4_GROUP, tmp_path)


def test_the_vrf_of_an_interface_is_its_master_of_that_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(kind: bytes) -> bytes:
        info = attribute(18, attribute(1, b"veth\0") + attribute(4, kind + b"\0"))
        return (
            struct.pack("=BxHiII", 0, 1, 7, 0, 0)
            + attribute(3, b"eth0\0")
            + attribute(10, struct.pack("=I", 42))
            + info
        )

    monkeypatch.setattr(netlink, "_ask", lambda *_unused: [link(b"vrf")])
    assert netlink.vrf_of(7) == 42
    monkeypatch.setattr(netlink, "_ask", lambda *_unused: [link(b"bridge")])
    assert netlink.vrf_of(7) is None
    monkeypatch.setattr(netlink, "_ask", lambda *_unused: [])
    assert netlink.vrf_of(7) is None


def test_the_kernels_own_answers_are_understood() -> None:
    loopback = socket.if_nametoindex("lo")
    assert netlink.vrf_of(loopback) is None
    assert ipaddress.ip_address("127.0.0.1") in [item.address for item in netlink.addresses(loopback)]


@pytest.mark.parametrize(
    ("link", "told"),
    [
        (Link(True, True, None, None, True), "eth0 has no IPv6 address"),
        (Link(True, True, 42, "vrf", True), "eth0 has no IPv6 address"),
        (Link(False, False, None, None, True), "eth0 is down"),
        (Link(True, False, None, None, True), "eth0 has no carrier"),
        (Link(True, True, 42, "bridge", True), "eth0 belongs to the bridge br0, which gets what comes in"),
        (None, None),
    ],
)
def test_what_is_wrong_with_a_link(monkeypatch: pytest.MonkeyPatch, link: Link | None, told: str | None) -> None:
    monkeypatch.setattr(addresses, "interface_index", lambda _name: 7)
    monkeypatch.setattr(addresses, "interface_name", lambda _index: "br0")
    monkeypatch.setattr(netlink, "link", lambda _index: link)
    there = [AddressOfInterface(7, ipaddress.ip_address("10.0.0.1"), 0, 0, 24)]
    monkeypatch.setattr(netlink, "addresses", lambda _index: there)
    assert addresses.link_trouble("eth0", 6) == told
    by_ipv4 = None if told is not None and "IPv6" in told else told
    assert addresses.link_trouble("eth0", 4) == by_ipv4
    to_send = None if by_ipv4 is not None and "bridge" in by_ipv4 else by_ipv4
    assert addresses.link_trouble("eth0") == to_send, "a port of a bridge may send"


def address(text: str, scope: int = 0, flags: int = 0) -> AddressOfInterface:
    return AddressOfInterface(1, ipaddress.ip_address(text), flags, scope, 24)


@pytest.mark.parametrize(
    ("there", "before", "expected"),
    [
        (["10.0.0.1", "10.0.0.2"], None, "10.0.0.1"),
        (["10.0.0.1", "10.0.0.2"], "10.0.0.2", "10.0.0.2"),
        (["192.168.0.1", "10.0.0.2"], "10.0.0.1", "10.0.0.2"),
        (["192.168.0.1"], "10.0.0.1", "192.168.0.1"),
    ],
)
def test_a_server_stays_with_its_address_or_its_network(
    monkeypatch: pytest.MonkeyPatch, there: list[str], before: str | None, expected: str
) -> None:
    monkeypatch.setattr(addresses, "interface_index", lambda _name: 1)
    monkeypatch.setattr(netlink, "addresses", lambda _index: [address(text) for text in there])
    place = InterfaceAddress(1, ipaddress.ip_address(before)) if before else None
    assert address_for("eth0", IPV4_GROUP, place).address == ipaddress.ip_address(expected)


def test_an_interface_without_an_address_is_told_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "interface_index", lambda _name: 1)
    monkeypatch.setattr(netlink, "addresses", lambda _index: [address("fe80::1", scope=253, flags=0x40)])
    with pytest.raises(TransportError, match="eth0 has no IPv6 address for ff0e::101") as caught:
        address_for("eth0", IPV6_GROUP)
    assert caught.value.code == "no_address" and "ip address" in caught.value.advice
    with pytest.raises(TransportError, match="no interface none0") as caught:
        interface_index("none0")
    assert caught.value.code == "interface_missing"
