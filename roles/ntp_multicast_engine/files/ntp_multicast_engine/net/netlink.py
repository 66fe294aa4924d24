# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces and addresses of this host by rtnetlink(7): what there is now, and when something changes."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ntp_multicast_engine.config.schema import Address

# include/uapi/linux/rtnetlink.h, netlink.h, if_link.h, if_addr.h
_RTMGRP_LINK, _RTMGRP_IPV4_IFADDR, _RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
_RTM_GETLINK, _RTM_GETADDR = 18, 22
_NLM_F_REQUEST, _NLM_F_DUMP = 0x1, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING, _IFF_MULTICAST = 0x1, 0x8, 0x40, 0x1000
_IFLA_MASTER, _IFLA_LINKINFO, _INFO_SLAVE_KIND = 10, 18, 4
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF
_LARGE = 65536
_TIMEOUT = 1.0


@dataclass(frozen=True)
class AddressOfInterface:
    index: int
    address: Address
    flags: int
    scope: int
    prefix: int


def addresses(index: int) -> list[AddressOfInterface]:
    """All addresses of an interface, in the kernel's order; none, if the kernel doesn't tell."""
    found = (_address(message) for message in _ask(_RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0), _NLM_F_DUMP))
    return [address for address in found if address is not None and address.index == index]


@dataclass(frozen=True)
class Link:
    """`kind` says what the interface is to its master, such as vrf, bridge or bond; None without a master."""

    is_up: bool
    has_carrier: bool
    master: int | None
    kind: str | None
    has_groups: bool


def link(index: int) -> Link | None:
    """An interface by its index; None, if the kernel doesn't tell."""
    for message in _ask(_RTM_GETLINK, _LINK.pack(0, 0, index, 0, 0)):
        _family, _type, _index, flags, _change = _LINK.unpack_from(message)
        attributes = dict(_attributes(message[_LINK.size :]))
        kind = dict(_attributes(attributes.get(_IFLA_LINKINFO, b""))).get(_INFO_SLAVE_KIND, b"").rstrip(b"\0")
        master = attributes.get(_IFLA_MASTER)
        return Link(
            bool(flags & _IFF_UP),
            bool(flags & _IFF_RUNNING),
            int.from_bytes(master[:4], sys.byteorder) if master is not None else None,
            kind.decode("ascii", "replace") or None,
            bool(flags & _IFF_MULTICAST and not flags & _IFF_LOOPBACK),
        )
    return None


def vrf_of(index: int) -> int | None:
    """The VRF that an interface belongs to, by its index; None, if it belongs to none."""
    found = link(index)
    return found.master if found is not None and found.kind == "vrf" else None


def _ask(kind: int, body: bytes, flags: int = 0) -> list[bytes]:
    """The bodies of the kernel's answers; none, if it can't be asked."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as question:
            question.settimeout(_TIMEOUT)
            question.send(_HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | flags, 1, 0) + body)
            return list(_answers(question, bool(flags)))
    except OSError:
        return []


def _answers(question: socket.socket, many: bool) -> Iterator[bytes]:
    while True:
        data = question.recv(_LARGE)
        while len(data) >= _HEADER.size:
            length, kind, _flags, _number, _port = _HEADER.unpack_from(data)
            if kind in (_NLMSG_ERROR, _NLMSG_DONE) or length < _HEADER.size:
                return
            yield data[_HEADER.size : length]
            data = data[(length + 3) & ~3 :]
        if not many:
            return


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_MASK, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]


def _address(message: bytes) -> AddressOfInterface | None:
    family, prefix, flags, scope, index = _ADDRESS.unpack_from(message)
    attributes = dict(_attributes(message[_ADDRESS.size :]))
    # On a point-to-point link IFA_ADDRESS is the other end's.
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    if family not in (socket.AF_INET, socket.AF_INET6) or packed is None:
        return None
    if _IFA_FLAGS in attributes:
        (flags,) = struct.unpack_from("=I", attributes[_IFA_FLAGS])
    return AddressOfInterface(index, ipaddress.ip_address(packed), flags, scope, prefix)


class LinkMonitor:
    """A netlink socket whose readability means that something has changed. What it is must be looked up afresh."""

    def __init__(self) -> None:
        flags = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        self.socket = socket.socket(socket.AF_NETLINK, flags, socket.NETLINK_ROUTE)
        self.socket.bind((0, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR))

    def drain(self) -> None:
        """Throw away what is there; a full queue (ENOBUFS) means a change just the same."""
        while True:
            try:
                self.socket.recv(_LARGE)
            except BlockingIOError:
                return
            except OSError:
                continue

    def close(self) -> None:
        self.socket.close()
