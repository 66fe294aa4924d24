# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces and their addresses, as the kernel tells them now."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ntp_multicast_engine.config.schema import Address
from ntp_multicast_engine.errors import TransportError

_SIOCGIFADDR = 0x8915
_IFREQ = struct.Struct("16s24s")
_ADDRESS_AT = 20
# include/uapi/linux/if_addr.h
_UNUSABLE, _TEMPORARY = 0x08 | 0x20 | 0x40, 0x01
_SCOPE_GLOBAL, _SCOPE_HOST, _SCOPE_LINK = 0x00, 0x10, 0x20


@dataclass(frozen=True)
class InterfaceAddress:
    """An interface's index and the address that packets to a group leave it with."""

    index: int
    address: Address


def interface_index(name: str) -> int:
    """Raises TransportError if there is no such interface."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        raise TransportError(f"there is no interface {name}") from None


def address_for(name: str, group: Address) -> InterfaceAddress:
    """The address of interface `name` that fits the scope of `group`; raises TransportError if there is none."""
    index = interface_index(name)
    address = _ipv4(name) if group.version == 4 else _ipv6(name, group)
    if address is None:
        raise TransportError(f"interface {name} has no IPv{group.version} address for {group}")
    return InterfaceAddress(index, address)


def _ipv4(name: str) -> Address | None:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as question:
            answer = fcntl.ioctl(question, _SIOCGIFADDR, _IFREQ.pack(name.encode(), b""))
    except OSError:
        return None
    return ipaddress.IPv4Address(answer[_ADDRESS_AT : _ADDRESS_AT + 4])


def _ipv6(name: str, group: Address) -> Address | None:
    """RFC 6724 in small: a link-local source for a link-local group, else the widest scope there is.

    A server is known by its address, so one that is made to be replaced (RFC 8981) is used only if there is no other.
    """
    # The second nibble of ff0X:: is the scope (RFC 4291 section 2.7).
    link_local_group = group.packed[1] & 0x0F <= 2
    order = (_SCOPE_LINK, _SCOPE_GLOBAL, _SCOPE_HOST) if link_local_group else (_SCOPE_GLOBAL, _SCOPE_LINK, _SCOPE_HOST)
    found: dict[tuple[int, bool], Address] = {}
    for kind, address in _usable_ipv6(name):
        found.setdefault(kind, address)
    kinds = ((scope, temporary) for scope in order for temporary in (False, True))
    return next((found[kind] for kind in kinds if kind in found), None)


def _usable_ipv6(name: str) -> Iterator[tuple[tuple[int, bool], Address]]:
    """Addresses in the kernel's order, each with its scope and whether it is temporary."""
    try:
        # Not /proc/net, a link that a sandboxed service (ProcSubset=pid, systemd.exec(5)) does not have.
        lines = Path("/proc/self/net/if_inet6").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        packed, _index, _prefix, scope, flags, interface = line.split()
        if interface == name and not int(flags, 16) & _UNUSABLE:
            kind = int(scope, 16), bool(int(flags, 16) & _TEMPORARY)
            yield kind, ipaddress.IPv6Address(bytes.fromhex(packed))
