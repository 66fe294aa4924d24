# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file: JSON, without secrets, strict.

What is omitted has the default that stands here. All problems of a file are reported at once, each with path, value
and rule.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ntp_multicast_engine.config import key_file
from ntp_multicast_engine.config.schema import Address, Network, Reader, interface_name, shown
from ntp_multicast_engine.errors import ConfigurationError, Problem
from ntp_multicast_engine.observe.chrony_tracking import COMMAND_SOCKET
from ntp_multicast_engine.protocol.packet_tests import MAXIMUM_POLL, MINIMUM_POLL
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.mac import HMAC_TAG_LENGTHS, MAXIMUM_KEY_ID_VERSION_4, Key

VERSION = 1
ALL_INTERFACES = "all"
DISCIPLINES = ("monitor", "chrony", "kernel")
STEPS = ("start", "never", "always")
UPSTREAMS = ("auto", "kernel", "chrony", "local")
_UNIX_SOCKET_PATH = 107
_MAXIMUM_FILE = 1 << 20


@dataclass(frozen=True)
class Authentication:
    enabled: bool = False
    keys_file: str | None = None
    trusted_keys: tuple[int, ...] = ()
    hmac_lengths: Mapping[int, int] = field(default_factory=lambda: {3: 32, 4: 20})


@dataclass(frozen=True)
class Server:
    """The responder, and what this host says about its own time.

    `listen` is None for all interfaces; `allow` are the networks that may ask, empty for all. `upstream` is whose word
    counts about this host's clock.
    """

    enabled: bool = False
    listen: tuple[str, ...] | None = None
    stratum: int | None = None
    reference_id: bytes = b"LOCL"
    port: int = 123
    allow: tuple[Network, ...] = ()
    upstream: str = "auto"
    chrony_command_socket: str = COMMAND_SOCKET


@dataclass(frozen=True)
class MulticastServer:
    """One stream of mode 5 packets. `poll` is log2 of the interval in seconds."""

    interface: str
    group: Address
    key_id: int | None = None
    ttl: int = 16
    version: int = 4
    port: int = 123
    poll: int = 6
    interleaved: bool = True


@dataclass(frozen=True)
class MulticastClient:
    """A group to listen to. `fallback_delay` (seconds) is used where a server never answers a volley."""

    interface: str
    group: Address
    port: int = 123
    volley_port: int = 123
    allow_servers: frozenset[str] = frozenset()
    fallback_delay: float | None = None


@dataclass(frozen=True)
class Discipline:
    """Where an estimate goes. Thresholds in seconds."""

    mode: str = "monitor"
    chrony_socket: str | None = None
    step: str = "start"
    step_threshold: float = 0.125
    panic_threshold: float = 1000.0


@dataclass(frozen=True)
class Configuration:
    status_socket: str
    authentication: Authentication = Authentication()
    server: Server = Server()
    servers: tuple[MulticastServer, ...] = ()
    clients: tuple[MulticastClient, ...] = ()
    discipline: Discipline = Discipline()
    state_directory: str = "/var/lib/ntp-multicast-engine"
    metrics_file: str | None = None
    clock_socket: str | None = None
    """Where the keeper of the clock listens; None, if this process has to do with the kernel itself."""

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
    try:
        with path.open("rb") as file:
            data = file.read(_MAXIMUM_FILE + 1)
    except OSError as error:
        raise ConfigurationError([Problem(str(path), error.strerror or "error", "must be readable")]) from error
    configuration = parse(data, str(path))
    authentication = configuration.authentication
    keys = key_file.load(Path(authentication.keys_file)) if authentication.keys_file else {}
    _check_keys(configuration, keys)
    ring = KeyRing(
        keys, frozenset(authentication.trusted_keys), authentication.enabled, dict(authentication.hmac_lengths)
    )
    return Loaded(configuration, ring)


def parse(data: bytes, path: str) -> Configuration:
    """Check the text of a configuration file; raises ConfigurationError."""
    if len(data) > _MAXIMUM_FILE:
        raise ConfigurationError([Problem(path, "too long", f"must have at most {_MAXIMUM_FILE} octets")])
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([Problem(path, str(error)[:200], "must be JSON in UTF-8")]) from error
    problems: list[Problem] = []
    configuration = _configuration(Reader(value, "", problems))
    if problems:
        raise ConfigurationError(problems)
    return configuration


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object names a key twice")
    return result


def _configuration(reader: Reader) -> Configuration:
    for required in ("version", "status_socket"):
        if not reader.has(required):
            reader.problem(required, "is required")
    reader.integer("version", VERSION, VERSION, VERSION)
    configuration = Configuration(
        status_socket=reader.absolute_path("status_socket", None, _UNIX_SOCKET_PATH) or "/",
        authentication=_authentication(reader.object("authentication")),
        server=_server(reader.object("server")),
        servers=tuple(_multicast_server(item) for item in reader.objects("servers")),
        clients=tuple(_multicast_client(item) for item in reader.objects("clients")),
        discipline=_discipline(reader.object("discipline")),
        state_directory=reader.absolute_path("state_directory", None) or "/var/lib/ntp-multicast-engine",
        metrics_file=reader.absolute_path("metrics_file", None),
        clock_socket=reader.absolute_path("clock_socket", None, _UNIX_SOCKET_PATH),
    )
    reader.finish()
    _check_unique(configuration, reader.problems)
    return configuration


def _authentication(reader: Reader) -> Authentication:
    trusted: list[int] = []
    for number, item in enumerate(reader.items("trusted_keys")):
        if isinstance(item, bool) or not isinstance(item, int) or not 1 <= item <= key_file.MAXIMUM_KEY_ID:
            place = f"{reader.path}.trusted_keys[{number}]"
            reader.problems.append(Problem(place, shown(item), f"must be 1 to {key_file.MAXIMUM_KEY_ID}"))
        else:
            trusted.append(item)
    lengths = reader.object("hmac_sha256_length")
    hmac_lengths = {3: _hmac_length(lengths, "version3", 32), 4: _hmac_length(lengths, "version4", 20)}
    lengths.finish()
    authentication = Authentication(
        enabled=reader.boolean("enabled", False),
        keys_file=reader.absolute_path("keys_file", None),
        trusted_keys=tuple(trusted),
        hmac_lengths=hmac_lengths,
    )
    reader.finish()
    return authentication


def _hmac_length(reader: Reader, key: str, default: int) -> int:
    value = reader.integer(key, default, min(HMAC_TAG_LENGTHS), max(HMAC_TAG_LENGTHS))
    if value not in HMAC_TAG_LENGTHS:
        reader.problem(key, "must be 32, 20 or 16 octets")
    return value


def _server(reader: Reader) -> Server:
    server = Server(
        enabled=reader.boolean("enabled", False),
        listen=_listen(reader),
        stratum=reader.optional_integer("stratum", 1, 15),
        reference_id=_reference_id(reader),
        port=reader.port("port"),
        allow=reader.networks("allow"),
        upstream=reader.choice("upstream", "auto", UPSTREAMS),
        chrony_command_socket=reader.absolute_path("chrony_command_socket", COMMAND_SOCKET, _UNIX_SOCKET_PATH) or "/",
    )
    if server.upstream == "local" and server.stratum is None:
        reader.problem("stratum", "is required with the upstream local")
    if server.upstream in ("kernel", "chrony") and server.stratum is not None:
        reader.problem("stratum", f"must be null with the upstream {server.upstream}, which has a stratum of its own")
    reader.finish()
    return server


def _listen(reader: Reader) -> tuple[str, ...] | None:
    rule = 'must be "all" or a list of names of network interfaces'
    names = reader.value("listen")
    if names == ALL_INTERFACES or not reader.has("listen"):
        return None
    if not isinstance(names, list) or not names:
        reader.problem("listen", rule)
        return None
    if not all(isinstance(name, str) and interface_name(name) for name in names) or len(set(names)) != len(names):
        reader.problem("listen", rule)
        return None
    return tuple(names)


def _reference_id(reader: Reader) -> bytes:
    rule = "must be up to 4 letters and digits, or an IPv4 address"
    text = reader.text("reference_id", "LOCL", rule, 15)
    try:
        return ipaddress.IPv4Address(text).packed
    except ValueError:
        pass
    if len(text) > 4 or not (text.isascii() and text.isalnum()):
        reader.problem("reference_id", rule)
        return b"LOCL"
    return text.encode("ascii").ljust(4, b"\0")


def _multicast_server(reader: Reader) -> MulticastServer:
    server = MulticastServer(
        interface=reader.interface("interface"),
        group=reader.multicast_address("group"),
        key_id=reader.optional_integer("key_id", 1, key_file.MAXIMUM_KEY_ID),
        ttl=reader.integer("ttl", 16, 1, 255),
        version=reader.integer("version", 4, 1, 4),
        port=reader.port("port"),
        poll=reader.integer("poll", 6, MINIMUM_POLL, MAXIMUM_POLL),
        interleaved=reader.boolean("interleaved", True),
    )
    if server.version == 4 and (server.key_id or 0) > MAXIMUM_KEY_ID_VERSION_4:
        reader.problem("key_id", f"must be at most {MAXIMUM_KEY_ID_VERSION_4} with version 4")
    reader.finish()
    return server


def _multicast_client(reader: Reader) -> MulticastClient:
    client = MulticastClient(
        interface=reader.interface("interface"),
        group=reader.multicast_address("group"),
        port=reader.port("port"),
        volley_port=reader.port("volley_port"),
        allow_servers=reader.unicast_addresses("allow_servers"),
        fallback_delay=reader.seconds("fallback_delay", None, 0.0, 1.0),
    )
    reader.finish()
    return client


def _discipline(reader: Reader) -> Discipline:
    discipline = Discipline(
        mode=reader.choice("mode", "monitor", DISCIPLINES),
        chrony_socket=reader.absolute_path("chrony_socket", None, _UNIX_SOCKET_PATH),
        step=reader.choice("step", "start", STEPS),
        step_threshold=reader.seconds("step_threshold", 0.125, 0.0, 1e9) or 0.0,
        panic_threshold=reader.seconds("panic_threshold", 1000.0, 0.0, 1e12) or 0.0,
    )
    if discipline.mode == "chrony" and discipline.chrony_socket is None:
        reader.problem("chrony_socket", "is required with the mode chrony")
    reader.finish()
    return discipline


def _check_unique(configuration: Configuration, problems: list[Problem]) -> None:
    sections: tuple[tuple[str, Sequence[MulticastServer | MulticastClient]], ...] = (
        ("servers", configuration.servers),
        ("clients", configuration.clients),
    )
    for section, entries in sections:
        seen: set[tuple[str, Address, int]] = set()
        for number, entry in enumerate(entries):
            place = (entry.interface, entry.group, entry.port)
            if place in seen:
                value = f"{entry.interface} {entry.group} port {entry.port}"
                problems.append(Problem(f"{section}[{number}]", value, "must not name an interface and group twice"))
            seen.add(place)


def _check_keys(configuration: Configuration, keys: Mapping[int, Key]) -> None:
    authentication = configuration.authentication
    problems: list[Problem] = []
    for number, key_id in enumerate(authentication.trusted_keys):
        if key_id not in keys:
            rule = "must be a key of authentication.keys_file"
            problems.append(Problem(f"authentication.trusted_keys[{number}]", str(key_id), rule))
    for number, server in enumerate(configuration.servers):
        if server.key_id is not None and server.key_id not in keys:
            rule = "must be a key of authentication.keys_file"
            problems.append(Problem(f"servers[{number}].key_id", str(server.key_id), rule))
    if problems:
        raise ConfigurationError(problems)
