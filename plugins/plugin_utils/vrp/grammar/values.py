# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of values in NTP lines: how a device prints them, and within which bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...ntp.addresses import (
    host_address_of,
    ipv4_address_of,
    ipv6_address_of,
    is_listening_address,
    is_vpn_instance_name,
)
from ...ntp.interface_names import interface_name, is_interface_name
from ...ntp.model import Algorithm, IpAddress
from ...ntp.options import KeyOptions, MulticastServerOptions, ServerOptions, UpstreamOptions, bounds_of

_WORD = re.compile(r"\S+")
_TWO_WORDS = re.compile(r"\S+[ \t]+\S+")
_REST = re.compile(r"\S.*")


@dataclass(frozen=True, slots=True)
class ValueKind:
    """How a value is read from words and written as words.

    Attributes:
        read: raises ValueError for words that are no such value.
        write: the words of a value.
        patterns: the texts that may be the value, the first that is one counts.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    patterns: tuple[re.Pattern[str], ...] = (_WORD,)


def _number(described: type[Any], name: str) -> ValueKind:
    bounds = bounds_of(described, name)

    def read(word: str) -> int:
        number = int(word) if word.isascii() and word.isdecimal() and len(word) <= 10 else -1
        if number not in bounds:
            raise ValueError(f"not a number {bounds.words}")
        return number

    return ValueKind(read)


def _ipv6_group(word: str) -> IpAddress:
    return _multicast(ipv6_address_of(word))


def _ipv4_group(word: str) -> IpAddress:
    return _multicast(ipv4_address_of(word))


def _ipv4_host(word: str) -> IpAddress:
    return host_address_of(str(ipv4_address_of(word)))


def _ipv6_host(word: str) -> IpAddress:
    return host_address_of(str(ipv6_address_of(word)))


def _vpn_instance(word: str) -> str:
    if not is_vpn_instance_name(word):
        raise ValueError("not the name of a VPN instance")
    return word


def _multicast(address: IpAddress) -> IpAddress:
    if not address.is_multicast:
        raise ValueError("not a multicast address")
    return address


def _print_ipv6(address: object) -> str:
    return str(address).upper()  # Fact 2.1: devices print IPv6 upper case and compressed.


def _source_address(word: str) -> str:
    address = ipv6_address_of(word)
    if address.is_unspecified or not is_listening_address(address):
        raise ValueError("not the address of a host")
    return str(address)


def _choice(*words: str) -> Callable[[str], str]:
    def read(word: str) -> str:
        if word not in words:
            raise ValueError(f"not one of {', '.join(words)}")
        return word

    return read


def _interface(words: str) -> str:
    # Manuals show `gigabitethernet 0/1/0` inside NTP lines (fact 2.1), so a name may be two words.
    if not is_interface_name(words):
        raise ValueError("not the name of an interface")
    return interface_name(words)


def _any(words: str) -> str:
    return words


KINDS: dict[str, ValueKind] = {
    "key_id": _number(KeyOptions, "id"),
    "ttl": _number(MulticastServerOptions, "ttl"),
    "version": _number(MulticastServerOptions, "version"),
    "port": _number(MulticastServerOptions, "port"),
    "stratum": _number(ServerOptions, "reference_stratum"),
    "algorithm": ValueKind(Algorithm, lambda algorithm: str(algorithm.value)),
    "secret": ValueKind(_any, patterns=(_REST,)),
    "ipv4_group": ValueKind(_ipv4_group),
    "ipv6_group": ValueKind(_ipv6_group, _print_ipv6),
    "ipv6_address": ValueKind(_source_address, _print_ipv6),
    "ipv4_host": ValueKind(_ipv4_host),
    "ipv6_host": ValueKind(_ipv6_host, _print_ipv6),
    "vpn_instance": ValueKind(_vpn_instance),
    "minpoll": _number(UpstreamOptions, "minpoll"),
    "maxpoll": _number(UpstreamOptions, "maxpoll"),
    "interface": ValueKind(_interface, patterns=(_REST,)),
    "port_name": ValueKind(_interface, patterns=(_WORD, _TWO_WORDS)),
    "switch": ValueKind(_choice("enable", "disable")),
    # The model knows one reference clock, the one that a line without an address means (fact 1.6).
    "local_clock": ValueKind(_choice("127.127.1.0")),
    "other_clock": ValueKind(_choice("127.127.1.1", "127.127.1.2", "127.127.1.3")),
    "anything": ValueKind(_any, patterns=(_REST,)),
}
