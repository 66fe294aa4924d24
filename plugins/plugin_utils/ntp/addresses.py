# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as they stand in options and in the lines of a device: digits, colons and dots, and nothing else.

The standard library also takes a zone, which may hold any character: ``fe80::1%1\\nsysname X`` is an address to it.
"""

from __future__ import annotations

import ipaddress
import re

from .model import IpAddress

_TEXT = re.compile(r"[0-9A-Fa-f:.]{2,45}")


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


def is_listening_address(address: ipaddress.IPv6Address) -> bool:
    """Whether a device can answer requests at an address: it is a host's, neither multicast nor loopback."""
    return not (address.is_multicast or address.is_loopback)
