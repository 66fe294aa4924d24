# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF009 (an option is a field of a dataclass)
"""The configuration file: JSON, without secrets, strict.

What is omitted has the default that stands here, beside the range of each option. All problems of a file are reported
at once, each with path, value and rule.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ntp_multicast_engine.config import key_file
from ntp_multicast_engine.config.schema import (
    WRONG,
    Address,
    Agreement,
    Network,
    absolute_path,
    boolean,
    choice,
    decode,
    integer,
    is_whole,
    many,
    number,
    octets,
    option,
    plain,
    read_json,
    require,
    section,
    sections,
)
from ntp_multicast_engine.errors import ConfigurationError, Problem
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.mac import HMAC_TAG_LENGTHS, MAXIMUM_KEY_ID_VERSION_4, Key
from ntp_multicast_engine.wire.packet import MAXIMUM_POLL, MINIMUM_POLL

VERSION = 1
ALL_INTERFACES = "all"
_MAXIMUM_FILE = 1 << 20


# Rules of this file's options


def _is_interface(name: Any) -> bool:
    """Whether the kernel could have an interface of that name (dev_valid_name)."""
    return (
        isinstance(name, str)
        and 0 < octets(name) <= 15
        and name not in (".", "..", "?")
        and name.isprintable()
        and not any(character in "/:" or character.isspace() for character in name)
    )


def _interfaces(value: Any) -> tuple[str, ...] | None:
    if value == ALL_INTERFACES:
        return None
    names = require(isinstance(value, list) and bool(value), value)
    return tuple(require(all(map(_is_interface, names)) and len(set(names)) == len(names), names))


def _address(value: Any) -> Address:
    # Text alone: the constructor also takes numbers.
    return ipaddress.ip_address(require(isinstance(value, str) and "%" not in value, value))


def _multicast_address(value: Any) -> Address:
    address = _address(value)
    return require(address.is_multicast, address)


def _unicast_address(value: Any) -> str:
    address = _address(value)
    return str(require(not address.is_multicast and not address.is_unspecified, address))


def _network(value: Any) -> Network:
    return ipaddress.ip_network(require(isinstance(value, str) and "%" not in value, value))


def _reference_id(value: Any) -> bytes:
    if isinstance(value, str) and value.isascii() and value.isalnum() and len(value) <= 4:
        return value.encode("ascii").ljust(4, b"\0")
    return ipaddress.IPv4Address(require(isinstance(value, str), value)).packed


_INTERFACE = plain(
    lambda value: require(_is_interface(value), value),
    "must be the name of a network interface, at most 15 octets",
    "netdevice(7)",
)
_INTERFACES = plain(_interfaces, f'must be "{ALL_INTERFACES}" or a list of names of network interfaces')
_SERVER = plain(_unicast_address, "must be the IPv4 or IPv6 address of one server")
_NETWORK = plain(_network, "must be an IPv4 or IPv6 network such as 192.0.2.0/24 or 2001:db8::/32, without host bits")
_REFERENCE = plain(_reference_id, "must be up to 4 letters and digits, or an IPv4 address", "RFC 5905, section 7.3")
_GROUP = plain(_multicast_address, "must be an IPv4 or IPv6 multicast address such as 224.0.1.1 or ff0e::101")
_PORT = plain(
    lambda value: require(is_whole(value) and (value == 123 or 1025 <= value <= 65535), value),
    "must be 123 or a number from 1025 to 65535",
    "VRP, multicast-server port",
)
_KEY_ID = integer(1, key_file.MAXIMUM_KEY_ID, "RFC 5905, section 7.3")
_TAG = plain(lambda value: require(is_whole(value) and value in HMAC_TAG_LENGTHS, value), "must be 32, 20 or 16 octets")
_SOCKET = absolute_path(107)  # sun_path of unix(7) without its end


@dataclass(frozen=True)
class HmacLengths:
    """Octets of a code that are sent."""

    version3: int = option(_TAG, 32)
    version4: int = option(_TAG, 20)


@dataclass(frozen=True)
class Authentication:
    enabled: bool = option(boolean(), False)
    keys_file: str | None = option(absolute_path(), None, nullable=True)
    trusted_keys: tuple[int, ...] = option(many(_KEY_ID), ())
    hmac_sha256_length: HmacLengths = option(section(HmacLengths), HmacLengths())


@dataclass(frozen=True)
class Server:
    """The responder, and what this host says about its own time.

    `listen` is None for all interfaces; `allow` are the networks that may ask, empty for all. `upstream` is whose word
    counts about this host's clock.
    """

    AGREEMENTS: ClassVar = (
        Agreement(
            ("stratum", "upstream"),
            lambda stratum, upstream: upstream == "local" and stratum is None,
            "is required with the upstream local",
        ),
        Agreement(
            ("stratum", "upstream"),
            lambda stratum, upstream: upstream in ("kernel", "chrony") and stratum is not None,
            "must be null with the upstream kernel or chrony, which have a stratum of their own",
        ),
    )

    enabled: bool = option(boolean(), False)
    listen: tuple[str, ...] | None = option(_INTERFACES, None)
    stratum: int | None = option(integer(1, 15, "RFC 5905, section 7.3"), None, nullable=True)
    reference_id: bytes = option(_REFERENCE, b"LOCL")
    port: int = option(_PORT, 123)
    allow: tuple[Network, ...] = option(many(_NETWORK), ())
    upstream: str = option(choice("auto", "kernel", "chrony", "local"), "auto")
    chrony_command_socket: str = option(_SOCKET, "/run/chrony/chronyd.sock", nullable=True)


@dataclass(frozen=True)
class MulticastServer:
    """One stream of mode 5 packets. `poll` is log2 of the interval in seconds."""

    AGREEMENTS: ClassVar = (
        Agreement(
            ("key_id", "version"),
            lambda key_id, version: version == 4 and (key_id or 0) > MAXIMUM_KEY_ID_VERSION_4,
            f"must be at most {MAXIMUM_KEY_ID_VERSION_4} with version 4 (RFC 7822, section 3)",
        ),
    )

    interface: str = option(_INTERFACE)
    group: Address = option(_GROUP)
    key_id: int | None = option(_KEY_ID, None, nullable=True)
    ttl: int = option(integer(1, 255, "RFC 791, section 3.1"), 16)
    version: int = option(integer(1, 4, "RFC 5905, section 7.3"), 4)
    port: int = option(_PORT, 123)
    poll: int = option(integer(MINIMUM_POLL, MAXIMUM_POLL, "RFC 5905, section 7.2"), 6)
    interleaved: bool = option(boolean(), True)


@dataclass(frozen=True)
class MulticastClient:
    """A group to listen to. `fallback_delay` (seconds) is used where a server never answers a volley."""

    interface: str = option(_INTERFACE)
    group: Address = option(_GROUP)
    port: int = option(_PORT, 123)
    volley_port: int = option(_PORT, 123)
    allow_servers: frozenset[str] = option(many(_SERVER, frozenset), frozenset())
    fallback_delay: float | None = option(number(0.0, 1.0, unit="seconds"), None, nullable=True)


@dataclass(frozen=True)
class Discipline:
    """Where an estimate goes. Thresholds in seconds."""

    AGREEMENTS: ClassVar = (
        Agreement(
            ("chrony_socket", "mode"),
            lambda chrony_socket, mode: mode == "chrony" and chrony_socket is None,
            "is required with the mode chrony",
        ),
    )

    mode: str = option(choice("monitor", "chrony", "kernel"), "monitor")
    chrony_socket: str | None = option(_SOCKET, None, nullable=True)
    step: str = option(choice("start", "never", "always", "pause"), "start")
    step_threshold: float = option(number(0.0, 1e9, "RFC 5905, section 11.2.2", "seconds"), 0.125, nullable=True)
    panic_threshold: float = option(number(0.0, 1e12, "RFC 5905, section 11.2.2", "seconds"), 1000.0, nullable=True)


def _entries(kind: type) -> Any:
    rule = "must not name an interface and group twice"
    return option(sections(kind, ("interface", "group", "port"), "{} {} port {}", rule), ())


@dataclass(frozen=True)
class Configuration:
    """The whole file. `clock_socket` is where the clock helper listens; None, if this process has to do with the
    kernel's clock itself. `raw_sockets` leaves the port of the groups to a program that wants it for itself (ntpd)."""

    status_socket: str = option(_SOCKET)
    version: int = option(integer(VERSION, VERSION), VERSION, required=True)
    authentication: Authentication = option(section(Authentication), Authentication())
    server: Server = option(section(Server), Server())
    servers: tuple[MulticastServer, ...] = _entries(MulticastServer)
    clients: tuple[MulticastClient, ...] = _entries(MulticastClient)
    discipline: Discipline = option(section(Discipline), Discipline())
    state_directory: str = option(absolute_path(), "/var/lib/ntp-multicast-engine", nullable=True)
    metrics_file: str | None = option(absolute_path(), None, nullable=True)
    clock_socket: str | None = option(_SOCKET, None, nullable=True)
    raw_sockets: bool = option(boolean(), False)

    @property
    def serves(self) -> bool:
        """Whether this host tells its time to anybody."""
        return bool(self.servers) or self.server.enabled

    @property
    def asks_chrony(self) -> bool:
        """Whether chronyd's word may count."""
        server = self.server
        return self.serves and (server.upstream == "chrony" or (server.upstream == "auto" and server.stratum is None))


@dataclass(frozen=True)
class Loaded:
    """A configuration file and the keys that it names."""

    configuration: Configuration
    keys: KeyRing


def load(path: Path) -> Loaded:
    """Read and check a configuration file and its key file.

    :raises ConfigurationError: with all that is wrong.
    """
    configuration = read(path)
    authentication = configuration.authentication
    keys = key_file.load(Path(authentication.keys_file)) if authentication.keys_file else {}
    _check_keys(configuration, keys)
    lengths = authentication.hmac_sha256_length
    lengths_by_version = {3: lengths.version3, 4: lengths.version4}
    ring = KeyRing(keys, frozenset(authentication.trusted_keys), authentication.enabled, lengths_by_version)
    return Loaded(configuration, ring)


def read(path: Path) -> Configuration:
    """Read and check a configuration file alone; raises ConfigurationError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAXIMUM_FILE + 1)
    except OSError as error:
        raise ConfigurationError([Problem(str(path), error.strerror or "error", "must be readable")]) from error
    return parse(data, str(path))


def parse(data: bytes, path: str) -> Configuration:
    """Check the text of a configuration file; raises ConfigurationError."""
    if len(data) > _MAXIMUM_FILE:
        raise ConfigurationError([Problem(path, "too long", f"must have at most {_MAXIMUM_FILE} octets")])
    try:
        value = read_json(data)
    except ValueError as error:
        raise ConfigurationError([Problem(path, str(error)[:200], "must be JSON in UTF-8")]) from error
    problems: list[Problem] = []
    configuration = decode(Configuration, value, "", problems)
    if configuration is WRONG:
        raise ConfigurationError(problems)
    return configuration


def _check_keys(configuration: Configuration, keys: Mapping[int, Key]) -> None:
    trusted, servers = configuration.authentication.trusted_keys, configuration.servers
    named = [(f"authentication.trusted_keys[{number}]", key_id) for number, key_id in enumerate(trusted)]
    named += [(f"servers[{number}].key_id", item.key_id) for number, item in enumerate(servers) if item.key_id]
    rule = "must be a key of authentication.keys_file"
    problems = [Problem(path, str(key_id), rule) for path, key_id in named if key_id not in keys]
    if problems:
        raise ConfigurationError(problems)
