# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the dicts of Ansible and the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .addresses import address_of, ipv6_address_of
from .comparison import DEFAULT_MAXPOLL, DEFAULT_MINPOLL, DEFAULT_PORT, DEFAULT_VERSION
from .errors import UserError
from .interface_names import interface_name, natural_order
from .model import (
    ALL,
    AddressFamily,
    Algorithm,
    Authentication,
    Configuration,
    Interface,
    IpAddress,
    Key,
    MulticastClient,
    MulticastServer,
    Secret,
    ServerSettings,
    UpstreamServer,
)
from .server_switch import ipv6_in_play

IPV6_ALL = "::"
"""How ``all`` of the IPv6 side is written in ``listen``, beside the addresses: the unspecified address."""


def configuration_from_options(options: Mapping[str, Any] | None) -> Configuration:
    """Return the wanted configuration from the module option ``config``.

    Args:
        options: the value of the option, with types as in ``CONFIG_OPTIONS`` and already free of ``problems``.

    Raises:
        UserError: an address or an algorithm can't be understood.
    """
    given = options or {}
    authentication, server, interfaces = (given.get(name) for name in ("authentication", "server", "interfaces"))
    return Configuration(
        None if authentication is None else _authentication(authentication),
        None if server is None else _server_settings(server),
        None if interfaces is None else tuple(_interface(entry) for entry in interfaces),
    )


def options_from_configuration(configuration: Configuration) -> dict[str, Any]:
    """Return a configuration as plain data in the shape of the option ``config``.

    It holds no secret and no ciphertext. Keys, interfaces and entries are sorted, interface names in natural order.
    What is at its certain default (version 3, port 123) or not there is left out, so that it does not matter whether a
    device prints a default that was typed (fact 2.2). The group is always there.
    """
    options: dict[str, Any] = {}
    authentication = configuration.authentication
    if authentication is not None and (authentication.enabled or authentication.keys):
        options["authentication"] = _without_none(
            enabled=authentication.enabled,
            keys=[_key_options(key) for key in sorted(authentication.keys or (), key=lambda key: key.id)] or None,
        )
    server = _server_options(configuration)
    if server:
        options["server"] = server
    interfaces = [_interface_options(interface) for interface in _sorted(configuration.interfaces)]
    if interfaces:
        options["interfaces"] = interfaces
    return options


def group_address(entry: Mapping[str, Any]) -> IpAddress:
    """Return the group of an entry: its address, else the default group of its ``afi``, else of IPv4.

    Raises:
        ValueError: the address is none.
    """
    if entry.get("address") is not None:
        return address_of(str(entry["address"]))
    return AddressFamily(entry.get("afi") or "ipv4").default_group


def ipv6_source(item: str) -> str | None:
    """Return the IPv6 side of an item of ``listen``: an address, ``all`` for ``::``, or None for an interface name."""
    try:
        address = ipv6_address_of(item)
    except ValueError:
        return None
    return ALL if address.is_unspecified else str(address)


def _authentication(options: Mapping[str, Any]) -> Authentication:
    keys = options.get("keys")
    return Authentication(options.get("enabled"), None if keys is None else tuple(_key(entry) for entry in keys))


def _key(options: Mapping[str, Any]) -> Key:
    algorithm, secret = options.get("algorithm"), options.get("secret")
    try:
        return Key(
            int(options["id"]),
            None if algorithm is None else Algorithm(algorithm),
            Secret(secret) if secret else None,  # An empty one is a placeholder; validation says where it may stand.
            None,
            options.get("trusted"),
        )
    except ValueError as error:
        raise UserError(f"authentication.keys: {error}") from None


def _server_settings(options: Mapping[str, Any]) -> ServerSettings:
    listen = options.get("listen")
    names = ipv6 = None
    if listen is not None:
        sources = [(str(item), ipv6_source(str(item))) for item in listen]
        names = tuple(
            ALL if item.casefold() == ALL else interface_name(item) for item, address in sources if address is None
        )
        ipv6 = tuple(address for _unused, address in sources if address is not None)
    upstream = options.get("upstream")
    return ServerSettings(
        options.get("enabled"),
        names,
        options.get("reference_stratum"),
        ipv6,
        upstream=None if upstream is None else tuple(_upstream_server(entry) for entry in upstream),
    )


def _upstream_server(options: Mapping[str, Any]) -> UpstreamServer:
    try:
        address = address_of(str(options["address"]))
    except ValueError as error:
        raise UserError(f"server.upstream: {error}") from None
    interface = options.get("source_interface")
    return UpstreamServer(
        address,
        options.get("key_id"),
        options.get("version"),
        options.get("preferred"),
        options.get("vpn_instance"),
        None if interface is None else interface_name(str(interface)),
        options.get("minpoll"),
        options.get("maxpoll"),
    )


def _interface(options: Mapping[str, Any]) -> Interface:
    servers, clients = options.get("servers"), options.get("clients")
    return Interface(
        interface_name(str(options["name"])),
        None if servers is None else tuple(_multicast_server(entry) for entry in servers),
        None if clients is None else tuple(MulticastClient(_group(entry)) for entry in clients),
    )


def _multicast_server(options: Mapping[str, Any]) -> MulticastServer:
    return MulticastServer(
        _group(options), options.get("key_id"), options.get("ttl"), options.get("version"), options.get("port")
    )


def _group(options: Mapping[str, Any]) -> IpAddress:
    try:
        return group_address(options)
    except ValueError as error:
        raise UserError(f"interfaces: {error}") from None


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _sorted(interfaces: tuple[Interface, ...] | None) -> list[Interface]:
    return sorted(interfaces or (), key=lambda interface: natural_order(interface.name))


def _key_options(key: Key) -> dict[str, Any]:
    return _without_none(id=key.id, algorithm=key.algorithm.value if key.algorithm else None, trusted=key.trusted)


def _server_options(configuration: Configuration) -> dict[str, Any]:
    server = configuration.server
    if server is None:
        return {}
    addresses = [IPV6_ALL if address == ALL else address for address in sorted(server.ipv6_listen or ())]
    return _without_none(
        enabled=_server_enabled(configuration, server),
        listen=[*sorted(server.listen or (), key=natural_order), *addresses] or None,
        reference_stratum=server.reference_stratum,
        upstream=[_upstream_options(entry) for entry in sorted(server.upstream or (), key=_by_address)] or None,
    )


def _by_address(entry: UpstreamServer) -> tuple[int, int, str]:
    return entry.address.version, int(entry.address), entry.vpn_instance or ""


def _upstream_options(entry: UpstreamServer) -> dict[str, Any]:
    return {
        "address": str(entry.address),
        **_without_none(
            key_id=entry.key_id,
            version=None if entry.version == DEFAULT_VERSION else entry.version,
            preferred=entry.preferred or None,
            vpn_instance=entry.vpn_instance,
            source_interface=entry.source_interface,
            minpoll=None if entry.minpoll == DEFAULT_MINPOLL else entry.minpoll,
            maxpoll=None if entry.maxpoll == DEFAULT_MAXPOLL else entry.maxpoll,
        ),
    }


def _server_enabled(configuration: Configuration, server: ServerSettings) -> bool | None:
    """The one option that stands for both families; None where they differ and both are in play."""
    if server.ipv6_enabled is None or not ipv6_in_play(configuration) or server.enabled is server.ipv6_enabled:
        return server.enabled
    return None


def _interface_options(interface: Interface) -> dict[str, Any]:
    def by_group(entry: MulticastServer | MulticastClient) -> tuple[int, int]:
        return entry.address.version, int(entry.address)

    servers = [_multicast_server_options(entry) for entry in sorted(interface.servers or (), key=by_group)]
    clients = [
        {"afi": entry.afi.value, "address": str(entry.address)}
        for entry in sorted(interface.clients or (), key=by_group)
    ]
    return {"name": interface.name, **_without_none(servers=servers or None, clients=clients or None)}


def _multicast_server_options(entry: MulticastServer) -> dict[str, Any]:
    return {
        "afi": entry.afi.value,
        "address": str(entry.address),
        **_without_none(
            key_id=entry.key_id,
            ttl=entry.ttl,
            version=None if entry.version == DEFAULT_VERSION else entry.version,
            port=None if entry.port == DEFAULT_PORT else entry.port,
        ),
    }
