# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces, their addresses and their memberships, as the kernel tells them now."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ntp_multicast_engine.config.schema import Address
from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.net import netlink

# include/uapi/linux/if_addr.h, rtnetlink.h
_UNUSABLE, _TEMPORARY = 0x08 | 0x20 | 0x40, 0x01
_SCOPE_GLOBAL, _SCOPE_SITE, _SCOPE_LINK, _SCOPE_HOST = 0, 200, 253, 254
# Not /proc/net, a link that a sandboxed service (ProcSubset=pid, systemd.exec(5)) does not have.
PROC_NET = Path("/proc/self/net")


@dataclass(frozen=True)
class InterfaceAddress:
    """An interface's index and the address that packets to a group leave it with."""

    index: int
    address: Address


def interface_index(name: str) -> int:
    """By its name or an alternative one; raises TransportError if there is no such interface."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        raise TransportError(
            f"there is no interface {name}",
            "interface_missing",
            "correct the name (`ip -brief link` lists them), or bring the interface up: it is waited for",
        ) from None


def interface_name(index: int) -> str:
    """The name that the kernel itself uses; empty, if it has just gone."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""


def link_trouble(name: str, version: int | None = None) -> str | None:
    """Why nothing can go over an interface, as far as it shows; None, if nothing is wrong with it.

    :param version: then why nothing can come in by this IP version.
    """
    try:
        index = interface_index(name)
    except TransportError:
        return None
    link = netlink.link(index)
    if link is not None and not (link.is_up and link.has_carrier):
        return f"{name} has no carrier" if link.is_up else f"{name} is down"
    if link is None or version is None:
        return None
    if link.master is not None and link.kind in ("bridge", "bond", "team"):
        return f"{name} belongs to the {link.kind} {interface_name(link.master)}, which gets what comes in"
    has_address = any(item.address.version == version for item in netlink.addresses(index))
    return None if has_address else f"{name} has no IPv{version} address"


def multicast_interfaces() -> list[str]:
    """Those that are up and may hear a group, without the loopback."""
    links = ((name, netlink.link(index)) for index, name in socket.if_nameindex())
    return [name for name, found in links if found is not None and found.is_up and found.has_groups]


def vrfs_of(names: Iterable[str]) -> tuple[str, ...]:
    """The VRFs that interfaces of these names belong to, by name, each once."""
    found = set()
    for name in names:
        try:
            vrf = netlink.vrf_of(interface_index(name))
        except TransportError:
            continue
        if vrf is not None:
            found.add(interface_name(vrf))
    return tuple(sorted(found - {""}))


def address_for(name: str, group: Address, before: InterfaceAddress | None = None) -> InterfaceAddress:
    """The address of interface `name` that fits the scope of `group`; raises TransportError if there is none.

    :param before: what was used until now, which is used as long as it is there.
    """
    index = interface_index(name)
    there = netlink.addresses(index)
    if before is not None and before.index == index and before.address in [item.address for item in _usable(there)]:
        return before
    address = _ipv4(there, before) if group.version == 4 else _ipv6(there, group)
    if address is None:
        raise TransportError(
            f"interface {name} has no IPv{group.version} address for {group}",
            "no_address",
            f"give {name} an IPv{group.version} address (`ip address show dev {name}`): it is waited for"
            + ("; IPv6 needs an MTU of 1280 or more" if group.version == 6 else ""),
        )
    return InterfaceAddress(index, address)


def _usable(there: list[netlink.AddressOfInterface]) -> list[netlink.AddressOfInterface]:
    return [item for item in there if not item.flags & _UNUSABLE]


def _ipv4(there: list[netlink.AddressOfInterface], before: InterfaceAddress | None) -> Address | None:
    """The first one, whatever its label, and one that only this host knows if there is no other.

    After an address has gone, clients know the way to another one of its network.
    """
    found = [item for item in there if item.address.version == 4]
    wide = [item for item in found if item.scope < _SCOPE_HOST]
    near = [
        item
        for item in wide
        if before is not None and before.address in ipaddress.ip_network((item.address, item.prefix), strict=False)
    ]
    return next((item.address for item in [*near, *wide, *found]), None)


def _ipv6(there: list[netlink.AddressOfInterface], group: Address) -> Address | None:
    """RFC 6724 in small: a link-local source for a link-local group, else the widest scope there is.

    A server is known by its address, so one that is made to be replaced (RFC 8981) is used only if there is no other.
    """
    # The second nibble of ff0X:: is the scope (RFC 4291 section 2.7).
    link_local_group = group.packed[1] & 0x0F <= 2
    order = (_SCOPE_LINK, _SCOPE_GLOBAL, _SCOPE_HOST) if link_local_group else (_SCOPE_GLOBAL, _SCOPE_LINK, _SCOPE_HOST)

    def rank(item: netlink.AddressOfInterface) -> tuple[int, bool]:
        scope = _SCOPE_GLOBAL if item.scope == _SCOPE_SITE else item.scope
        return order.index(scope), bool(item.flags & _TEMPORARY)

    found = [item for item in _usable(there) if item.address.version == 6]
    return min(found, key=rank).address if found else None


def is_member(index: int, group: Address, proc_net: Path = PROC_NET) -> bool:
    """Whether the kernel still has the group on the interface; True, if it doesn't tell.

    It forgets memberships without a word to the sockets that have them: when the MTU was below what IP needs, or the
    interface was in another network namespace for a while.
    """
    try:
        text = (proc_net / ("igmp" if group.version == 4 else "igmp6")).read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return (index, group.packed) in (_memberships_ipv4(text) if group.version == 4 else _memberships_ipv6(text))


def _memberships_ipv4(text: str) -> set[tuple[int, bytes]]:
    """A line for each interface with its index, then one for each group, a number in the host's byte order."""
    found, index = set(), 0
    for line in text.splitlines()[1:]:
        words = line.split()
        if not line[:1].isspace() and words and words[0].isdigit():
            index = int(words[0])
        elif words and len(words[0]) == 8:
            found.add((index, int(words[0], 16).to_bytes(4, sys.byteorder)))
    return found


def _memberships_ipv6(text: str) -> set[tuple[int, bytes]]:
    lines = [line.split() for line in text.splitlines()]
    return {(int(words[0]), bytes.fromhex(words[2])) for words in lines if len(words) > 2}
