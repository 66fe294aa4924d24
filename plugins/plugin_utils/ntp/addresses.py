# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and names of VPN instances as they stand in options and in the lines of a device.

An address is digits, colons and dots, and nothing else. The standard library also takes a zone, which may hold any
character: ``fe80::1%1\\nsysname X`` is an address to it.
"""

from __future__ import annotations

import ipaddress
import re

from .model import IpAddress

_TEXT = re.compile(r"[0-9A-Fa-f:.]{2,45}")
# A device takes any 31 characters, blanks in quotation marks. What means something to a command line is left out.
_VPN_INSTANCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@#+=-]{0,30}")
_PUBLIC = "_public_"


def address_of(text: str) -> IpAddress:
    """Return the address that a text is. Raises ValueError if it is none, or if it has a zone."""
    if _TEXT.fullmatch(text) is None:
        raise ValueError(f"{text!a} is not an IPv4 or IPv6 address")
    return ipaddress.ip_address(text)


def ipv4_address_of(text: str) -> ipaddress.IPv4Address:
    """Return the IPv4 address that a text is. Raises ValueError if it is none."""
    address = address_of(text)
    if not isinstance(address, ipaddress.IPv4Address):
        raise ValueError(f"{text!a} is not an IPv4 address")
    return address


def ipv6_address_of(text: str) -> ipaddress.IPv6Address:
    """Return the IPv6 address that a text is. Raises ValueError if it is none, or if it has a zone."""
    address = address_of(text)
    if not isinstance(address, ipaddress.IPv6Address):
        raise ValueError(f"{text!a} is not an IPv6 address")
    return address


def host_address_of(text: str) -> IpAddress:
    """Return the address of a host that can be asked for the time (fact 1.8). Raises ValueError if it is none."""
    address = address_of(text)
    if address.is_multicast or address.is_loopback or address.is_unspecified or _is_reserved_ipv4(address):
        raise ValueError(f"{text!a} is not the address of a host")
    return address


def _is_reserved_ipv4(address: IpAddress) -> bool:
    """Whether it is of 0.0.0.0/8 or 240.0.0.0/4, the broadcast address included (RFC 1122 section 3.2.1.3)."""
    return isinstance(address, ipaddress.IPv4Address) and address.packed[0] in (0, *range(240, 256))


def is_vpn_instance_name(text: str) -> bool:
    """Whether a text names a VPN instance in a line of a device without quotation marks (fact 1.8)."""
    return _VPN_INSTANCE.fullmatch(text) is not None and text != _PUBLIC


def is_listening_address(address: ipaddress.IPv6Address) -> bool:
    """Whether a device can answer requests at an address: it is a host's, neither multicast nor loopback."""
    return not (address.is_multicast or address.is_loopback)
