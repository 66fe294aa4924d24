# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can stand in an NTP configuration, its order and its printed form (facts 1.1 to 1.6, 2.2)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from .configuration import Configuration, Entry, Place, Style

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_GROUPS: dict[str, Address] = {  # fact 1.3
    "ipv4": ipaddress.IPv4Address("224.0.1.1"),
    "ipv6": ipaddress.IPv6Address("ff0e::101"),
}
DEFAULT_VERSION, DEFAULT_PORT = 3, 123  # fact 1.3
VIEW_RANK = 90  # fact 2.2: the multicast lines are the last of an interface block


def family(address: Address) -> str:
    return f"ipv{address.version}"


@dataclass(frozen=True, slots=True)
class NtpLine:
    """An NTP line without the command word; ``rank`` is its number in the list of fact 2.2."""

    words: str
    rank: int

    def text(self, style: Style) -> str | None:
        return f"{style.release.dialect.command} {self.words}"


@dataclass(frozen=True, slots=True)
class ServerSwitch:
    """``ntp [ ipv6 ] server disable``; enabled is printed by NE only (fact 1.5)."""

    afi: str
    enabled: bool

    @property
    def rank(self) -> int:
        return 1 if self.afi == "ipv4" else 2

    def text(self, style: Style) -> str | None:
        command = style.release.dialect.command
        line = f"{command} server disable" if self.afi == "ipv4" else f"{command} ipv6 server disable"
        if not self.enabled:
            return line
        return f"undo {line}" if style.release.enabled_server_printed else None


@dataclass(frozen=True, slots=True)
class ListenAll:
    """``ntp [ ipv6 ] server source-interface all { enable | disable }`` (fact 1.5)."""

    afi: str
    enabled: bool

    @property
    def rank(self) -> int:
        return 3

    def text(self, style: Style) -> str | None:
        words = "ipv6 server" if self.afi == "ipv6" else "server"
        if not self.enabled and not style.release.source_all_disabled_printed:
            return None
        state = "enable" if self.enabled else "disable"
        return f"{style.release.dialect.command} {words} source-interface all {state}"


@dataclass(frozen=True, slots=True)
class Key:
    """An authentication key; ``secret`` is ``None`` when the ciphertext came from another device (fact 2.3)."""

    key_id: int
    mode: str
    secret: str | None
    cipher: str

    @property
    def rank(self) -> int:
        return 4

    def text(self, style: Style) -> str | None:
        command = style.release.dialect.command
        return f"{command} authentication-keyid {self.key_id} authentication-mode {self.mode} cipher {self.cipher}"

    def __repr__(self) -> str:
        return f"Key({self.key_id}, {self.mode!r}, ********)"


@dataclass(frozen=True, slots=True)
class Trust:
    key_id: int

    @property
    def rank(self) -> int:
        return 5

    def text(self, style: Style) -> str | None:
        dialect = style.release.dialect
        return f"{dialect.command} {dialect.trusted} authentication-keyid {self.key_id}"


@dataclass(frozen=True, slots=True)
class Association:
    """A multicast, broadcast or manycast line of an interface view (fact 1.3)."""

    role: str  # multicast-server, multicast-client, broadcast-server, ...
    group: Address | None
    key_id: int | None = None
    ttl: int | None = None
    version: int | None = None
    port: int | None = None

    @property
    def rank(self) -> int:
        return VIEW_RANK

    def text(self, style: Style) -> str | None:
        words = [style.release.dialect.command, self.role]
        if self.group is not None:
            if self.group.version == 6:
                words.append("ipv6")
            if self.group != DEFAULT_GROUPS[family(self.group)] or style.behaviour.default_group == "explicit":
                words.append(str(self.group).upper())  # fact 2.1: IPv6 in upper case
        for word in style.behaviour.option_order:
            value = self.option(word)
            if value is not None and not self._left_out(word, value, style):
                words += [word, str(value)]
        return " ".join(words)

    def option(self, word: str) -> int | None:
        values = {"authentication-keyid": self.key_id, "ttl": self.ttl, "version": self.version, "port": self.port}
        return values[word]

    def _left_out(self, word: str, value: int, style: Style) -> bool:
        """Defaults are not printed (fact 2.1), unless the device is set to show them (fact 8 item 5)."""
        defaults = {"ttl": style.behaviour.default_ttl, "version": DEFAULT_VERSION, "port": DEFAULT_PORT}
        return not style.behaviour.defaults_shown and defaults.get(word) == value


@dataclass(frozen=True, slots=True)
class UnicastServer:
    """``ntp unicast-server`` (fact 1.8). ``target`` is the address, or the domain name behind its keyword."""

    target: str
    key_id: int | None = None
    version: int | None = None
    port: int | None = None
    source: str | None = None
    instance: str | None = None
    preferred: bool = False
    maxpoll: int | None = None
    minpoll: int | None = None
    modes: tuple[str, ...] = ()  # burst, iburst, preempt

    @property
    def rank(self) -> int:
        return 6

    def text(self, style: Style) -> str | None:
        """In the order of the syntax; the order that a device prints is not known (fact 1.8)."""
        dialect = style.release.dialect
        options = {
            "version": self.version,
            "authentication-keyid": self.key_id,
            "port": self.port,
            "source-interface": self.source,
            "vpn-instance": self.instance,
        }
        polls = {"maxpoll": self.maxpoll, "minpoll": self.minpoll}
        words = [dialect.command, "unicast-server", self.target]
        words += [f"{word} {value}" for word, value in options.items() if value is not None]
        words += [dialect.preferred] * self.preferred
        words += [f"{word} {value}" for word, value in polls.items() if value is not None]
        return " ".join([*words, *self.modes])


@dataclass(frozen=True, slots=True)
class UnicastAssociation:
    """``ntp unicast-peer``, kept with its options as typed (fact 1.6)."""

    words: str
    key_id: int | None

    @property
    def rank(self) -> int:
        return 6

    def text(self, style: Style) -> str | None:
        return f"{style.release.dialect.command} {self.words}"


@dataclass(frozen=True, slots=True)
class LocalClock:
    """``ntp refclock-master [ 127.127.1.u ] [ stratum ]``; printed as ``ntp refclock-master 2`` (fact 1.6)."""

    unit: int
    stratum: int

    @property
    def rank(self) -> int:
        return 7

    def text(self, style: Style) -> str | None:
        address = f" 127.127.1.{self.unit}" if self.unit else ""
        return f"{style.release.dialect.command} refclock-master{address} {self.stratum}"


def ntp(*key: str | int) -> Place:
    """A place of the NTP block in the system view."""
    return Place("", ("ntp", *key))


def key_place(key_id: int) -> Place:
    return ntp("key", key_id)


def trust_place(key_id: int) -> Place:
    return ntp("trust", key_id)


def server_place(afi: str) -> Place:
    return ntp("server", afi)


def listen_all_place(afi: str) -> Place:
    return ntp("listen-all", afi)


AUTHENTICATION = ntp("authentication")
LOCAL_CLOCK = ntp("refclock-master")
SERVICE = {"ipv4": ntp("disable", "ipv4"), "ipv6": ntp("disable", "ipv6")}


def association_place(interface: str, association: Association) -> Place:
    """Interface, role and group are the key: another address adds, the same address modifies (fact 1.3)."""
    return Place(interface, ("ntp", association.role, str(association.group or "")))


def is_ntp(place: Place) -> bool:
    return place.key[0] == "ntp"


def is_user_line(place: Place, entry: Entry) -> bool:
    """An NTP line that keeps the automatic ones alive (fact 1.5): not a server switch, nor the `all disable` pair."""
    if isinstance(entry, ListenAll):
        return entry.enabled
    return is_ntp(place) and not isinstance(entry, ServerSwitch)


def keys_in_use(configuration: Configuration) -> set[int]:
    """Ids of the keys that an association names."""
    return {used for entry in configuration.values() if (used := named_key(entry)) is not None}


def named_key(entry: Entry | None) -> int | None:
    return entry.key_id if isinstance(entry, Association | UnicastAssociation | UnicastServer) else None


def has_user_lines(configuration: Mapping[Place, Entry]) -> bool:
    return any(is_user_line(place, entry) for place, entry in configuration.items())
