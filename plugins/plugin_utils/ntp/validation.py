# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with a wanted configuration, said before a device is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .addresses import host_address_of, ipv6_address_of, is_listening_address, is_vpn_instance_name
from .interface_names import interface_key, is_interface_name
from .key_policy import UpdateSecrets
from .masking import MASK
from .model import ALL, KEY_ID_MOST_VERSION_4, AddressFamily, Algorithm
from .options import (
    CLIENT_COMMAND,
    EXTENSION_FIELDS,
    INTERFACE_COMMAND,
    LISTEN_COMMAND,
    MODEL,
    SERVER_COMMAND,
    TRUST_COMMAND,
    UPSTREAM_COMMAND,
    GroupOptions,
    KeyOptions,
    MulticastServerOptions,
    ServerOptions,
    UpstreamOptions,
    bounds_of,
    options_of,
)
from .options_codec import group_address, ipv6_source
from .secret_rules import octets_rule, vrp_advice, vrp_rules

Platform = Literal["vrp", "linux"]

_LINUX_INTERFACE = re.compile(r"(?!(?:\.{1,2}|\?)$)[^\s/:\0]+")
_LINUX_INTERFACE_OCTETS = 15


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one option.

    Attributes:
        path: the option's full path, such as ``config.interfaces[0].servers[1].ttl``.
        value: its value as text; masked if it is a secret.
        rule: what it has to be.
        source: where the rule comes from.
    """

    path: str
    value: str
    rule: str
    source: str


class Problem(Finding):
    """An option that is wrong: nothing may be sent."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.value} is refused: {self.rule} ({self.source})."


class Advice(Finding):
    """An option that is probably not meant so, or that some device will refuse."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.value}: {self.rule} ({self.source})."


def problems(
    options: Mapping[str, Any] | None,
    *,
    platform: Platform,
    prefix: str = "config.",
    state: str = "merged",
    update_secrets: str = "on_create",
) -> list[Problem]:
    """Return everything that is wrong with a wanted configuration.

    Args:
        options: the value of the option ``config``, types already as in ``CONFIG_OPTIONS``.
        platform: ``vrp`` or ``linux``.
        prefix: what stands before a section's name: ``config.``, or ``ntp_multicast_`` for the variables of the role.
        state: the module's state; with ``deleted`` a server may name a key that is not given.
        update_secrets: the option of the module; with ``never`` a secret may be empty, since it is not looked at.
    """
    placeholders = update_secrets == UpdateSecrets.NEVER.value
    return list(_Rules(platform, prefix, state, placeholders=placeholders).configuration(options or {}))


def warnings(options: Mapping[str, Any] | None, *, platform: Platform, prefix: str = "config.") -> list[Advice]:
    """Return what is worth saying about a wanted configuration without refusing it; arguments as in ``problems``."""
    return list(_advice(options or {}, platform, prefix))


class _Rules:
    """The rules of one platform."""

    def __init__(self, platform: Platform, prefix: str, state: str, *, placeholders: bool) -> None:
        self._vrp = platform == "vrp"
        self._prefix = prefix
        self._state = state
        self._placeholders = placeholders

    def configuration(self, options: Mapping[str, Any]) -> Iterator[Problem]:
        authentication = options.get("authentication") or {}
        yield from self._keys(authentication.get("keys") or ())
        yield from self._server(options.get("server") or {})
        interfaces = options.get("interfaces") or ()
        yield from self._interfaces(interfaces)
        if authentication.get("keys") is not None and self._state != "deleted":
            known = {key.get("id") for key in authentication["keys"]}
            yield from self._key_references(interfaces, known)
            yield from self._upstream_key_references(options.get("server") or {}, known)

    # Authentication

    def _keys(self, keys: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
        first: dict[Any, str] = {}
        for path, key in self._entries("authentication.keys", keys):
            yield from _single_values(path, key, KeyOptions)
            yield from _once(f"{path}.id", key.get("id"), key.get("id"), first, "a key id is given once")
            yield from self._secret(path, key)

    def _secret(self, path: str, key: Mapping[str, Any]) -> Iterator[Problem]:
        if key.get("secret") is None or (self._placeholders and key["secret"] == ""):
            return
        secret = str(key["secret"])
        known = key.get("algorithm") in {algorithm.value for algorithm in Algorithm}
        length = octets_rule(Algorithm(key["algorithm"]) if known else None, secret)
        broken = ([length] if length else []) + (list(vrp_rules(secret)) if self._vrp else [])
        for rule, source in broken:
            yield Problem(f"{path}.secret", MASK, rule, source)

    # Server

    def _server(self, server: Mapping[str, Any]) -> Iterator[Problem]:
        path = f"{self._prefix}server"
        yield from _single_values(path, server, ServerOptions)
        first: dict[Any, str] = {}
        for number, source in enumerate(server.get("listen") or ()):
            item = f"{path}.listen[{number}]"
            yield from self._listen(item, str(source))
            address = ipv6_source(str(source))
            identity = address is None, address or self._interface_identity(str(source))
            yield from _once(item, source, identity, first, "a source is given once")
        yield from self._upstream(server.get("upstream") or ())

    # Unicast servers that the host follows

    def _upstream(self, servers: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
        first: dict[Any, str] = {}
        for path, server in self._entries("server.upstream", servers):
            yield from _single_values(path, server, UpstreamOptions)
            yield from self._vpn_instance(path, server)
            yield from self._source_interface(path, server)
            given = str(server.get("address"))
            try:
                address = host_address_of(given)
            except ValueError:
                rule = "it has to be the IPv4 or IPv6 address of a host, without a zone, neither multicast nor loopback"
                yield Problem(f"{path}.address", ascii(given), rule, UPSTREAM_COMMAND)
                continue
            if not self._vrp and address.is_link_local and address.version == 6:
                rule = "on Linux it can't be a link-local address, because chronyd would not know its interface"
                yield Problem(f"{path}.address", given, rule, MODEL)
            identity = address, server.get("vpn_instance")
            rule = "a server is given once in a VPN instance" if self._vrp else "a server is given once"
            yield from _once(f"{path}.address", given, identity, first, rule)
            yield from self._version_and_key(path, server, "server", UPSTREAM_COMMAND, ipv6=address.version == 6)

    def _vpn_instance(self, path: str, server: Mapping[str, Any]) -> Iterator[Problem]:
        name = server.get("vpn_instance")
        if name is None:
            return
        if not self._vrp:
            rule = "on Linux chronyd asks in one network alone; leave it out"
            yield Problem(f"{path}.vpn_instance", quoted(name), rule, MODEL)
        elif not is_vpn_instance_name(str(name)):
            rule = (
                "it has to be 1 to 31 letters, digits and characters of _.:/@#+=-, the first of them a letter, a digit "
                "or _, and not _public_"
            )
            yield Problem(f"{path}.vpn_instance", ascii(name), rule, UPSTREAM_COMMAND)

    def _source_interface(self, path: str, server: Mapping[str, Any]) -> Iterator[Problem]:
        name = server.get("source_interface")
        if name is None:
            return
        if self._vrp:
            yield from self._interface_name(f"{path}.source_interface", str(name), "")
        else:
            rule = "on Linux the route to the server decides, and chronyd takes no interface for a single source; "
            yield Problem(f"{path}.source_interface", quoted(name), f"{rule}leave it out", "chrony.conf(5)")

    def _upstream_key_references(self, server: Mapping[str, Any], known: set[Any]) -> Iterator[Problem]:
        for path, entry in self._entries("server.upstream", server.get("upstream") or ()):
            if entry.get("key_id") is not None and entry["key_id"] not in known:
                rule = f"it has to be the id of one of {self._prefix}authentication.keys"
                yield Problem(f"{path}.key_id", str(entry["key_id"]), rule, UPSTREAM_COMMAND)

    def _listen(self, path: str, source: str) -> Iterator[Problem]:
        if source.casefold() == ALL:
            return
        address = ipv6_source(source)
        if address is None:
            yield from self._interface_name(path, source, ", an IPv6 address or `all`" if self._vrp else " or `all`")
        elif not self._vrp:
            rule = "on Linux it has to be the name of an interface, which covers both address families, or `all`"
            yield Problem(path, source, rule, MODEL)
        elif address != ALL and not is_listening_address(ipv6_address_of(address)):
            rule = "an IPv6 listening address has to be a host address, neither multicast nor loopback"
            yield Problem(path, source, rule, LISTEN_COMMAND)

    # Interfaces

    def _interfaces(self, interfaces: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
        first: dict[Any, str] = {}
        for path, interface in self._entries("interfaces", interfaces):
            name = str(interface.get("name") or "")
            yield from self._interface_name(f"{path}.name", name, "")
            identity = self._interface_identity(name)
            yield from _once(f"{path}.name", name, identity, first, "an interface is given once")
            groups: dict[Any, str] = {}
            for number, server in enumerate(interface.get("servers") or ()):
                yield from self._entry(f"{path}.servers[{number}]", server, groups, SERVER_COMMAND)
                yield from self._multicast_server(f"{path}.servers[{number}]", server)
            groups = {}
            for number, client in enumerate(interface.get("clients") or ()):
                yield from self._entry(f"{path}.clients[{number}]", client, groups, CLIENT_COMMAND)
                yield from _single_values(f"{path}.clients[{number}]", client, GroupOptions)

    def _interface_identity(self, name: str) -> str:
        return interface_key(name) if self._vrp else name

    def _interface_name(self, path: str, name: str, alternatives: str) -> Iterator[Problem]:
        if self._vrp and not is_interface_name(name):
            rule = f"it has to be the name of an interface, a type and a number such as 100GE1/0/1{alternatives}"
            yield Problem(path, ascii(name), rule, INTERFACE_COMMAND)
        elif not self._vrp and not _is_linux_interface(name):
            rule = f"it has to be the name of an interface, 1 to 15 octets without blank, slash or colon{alternatives}"
            yield Problem(path, ascii(name), rule, "Linux, netdevice(7)")

    def _entry(self, path: str, entry: Mapping[str, Any], first: dict[Any, str], command: str) -> Iterator[Problem]:
        given = entry.get("address")
        try:
            group = group_address(entry)
        except ValueError:
            rule = "it has to be an IPv4 or IPv6 multicast address, without a zone"
            yield Problem(f"{path}.address", ascii(given), rule, command)
            return
        if not group.is_multicast:
            rule = "it has to be a multicast address, 224.0.0.0 to 239.255.255.255 or from ff00::/8"
            yield Problem(f"{path}.address", str(given), rule, command)
        afi = AddressFamily.of(group)
        if entry.get("afi") not in (None, afi.value):
            rule = f"{given} is of the family {afi.value}; leave afi out or make the two agree"
            yield Problem(f"{path}.afi", quoted(entry["afi"]), rule, MODEL)
        address_path = f"{path}.address" if given is not None else path
        yield from _once(address_path, group, group, first, "a group is given once for an interface and role")

    def _multicast_server(self, path: str, server: Mapping[str, Any]) -> Iterator[Problem]:
        yield from _single_values(path, server, MulticastServerOptions)
        yield from self._version_and_key(path, server, "group", SERVER_COMMAND, ipv6=_is_ipv6(server))

    def _version_and_key(
        self, path: str, entry: Mapping[str, Any], kind: str, command: str, *, ipv6: bool
    ) -> Iterator[Problem]:
        version, key_id = entry.get("version"), entry.get("key_id")
        if ipv6 and version is not None:
            rule = f"an IPv6 {kind} takes no version; leave it out"
            yield Problem(f"{path}.version", quoted(version), rule, command)
        limited, source = self._limits_keys(version, ipv6, command)
        known = isinstance(key_id, int) and key_id in bounds_of(KeyOptions, "id")
        if limited and known and int(key_id or 0) > KEY_ID_MOST_VERSION_4:
            rule = f"it has to be from 1 to {KEY_ID_MOST_VERSION_4} with NTP version 4"
            yield Problem(f"{path}.key_id", quoted(key_id), rule, source)

    def _limits_keys(self, version: Any, ipv6: bool, command: str) -> tuple[bool, str]:
        """Whether packets take small key ids only, and the source."""
        if self._vrp:
            return version == 4, command
        # The engine and chronyd send version 4 unless told otherwise, and always to IPv6 addresses.
        return ipv6 or version in (None, 4), EXTENSION_FIELDS

    def _key_references(self, interfaces: Sequence[Mapping[str, Any]], known: set[Any]) -> Iterator[Problem]:
        for path, interface in self._entries("interfaces", interfaces):
            for number, server in enumerate(interface.get("servers") or ()):
                key_id = server.get("key_id")
                if key_id is not None and key_id not in known:
                    rule = f"it has to be the id of one of {self._prefix}authentication.keys"
                    yield Problem(f"{path}.servers[{number}].key_id", str(key_id), rule, SERVER_COMMAND)

    def _entries(self, name: str, entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        return ((f"{self._prefix}{name}[{number}]", entry) for number, entry in enumerate(entries))


def _is_linux_interface(name: str) -> bool:
    """As the kernel's dev_valid_name; `?` is nobody's interface."""
    octets = len(name.encode("utf-8", "replace"))
    return name.isprintable() and _LINUX_INTERFACE.fullmatch(name) is not None and octets <= _LINUX_INTERFACE_OCTETS


def _single_values(path: str, values: Mapping[str, Any], described: type[Any]) -> Iterator[Problem]:
    """Check each value against the bounds and the choices of its option."""
    for name, option in options_of(described):
        value = values.get(name)
        if value is None:
            continue
        if option.bounds is not None and value not in option.bounds:
            yield Problem(f"{path}.{name}", quoted(value), f"it has to be {option.bounds.words}", option.source)
        if option.choices and value not in option.choices:
            rule = f"it has to be one of {', '.join(option.choices)}"
            yield Problem(f"{path}.{name}", quoted(value), rule, option.source)


def _once(path: str, value: Any, identity: Any, first: dict[Any, str], rule: str) -> Iterator[Problem]:
    before = first.setdefault(identity, path)
    if before != path:
        yield Problem(path, quoted(value), f"{rule}, and {before} is the same", MODEL)


def quoted(value: Any) -> str:
    """A value as a message shows it: what is not plain text is quoted, with its control characters written out."""
    text = str(value)
    return text if text.isascii() and text.isprintable() else ascii(text)


def _is_ipv6(entry: Mapping[str, Any]) -> bool:
    try:
        return group_address(entry).version == 6
    except ValueError:
        return False


def _advice(options: Mapping[str, Any], platform: Platform, prefix: str) -> Iterator[Advice]:
    authentication, server = options.get("authentication") or {}, options.get("server") or {}
    entries = [
        (f"{prefix}interfaces[{i}].servers[{j}]", entry)
        for i, interface in enumerate(options.get("interfaces") or ())
        for j, entry in enumerate(interface.get("servers") or ())
    ]
    servers = [entry for _unused, entry in entries]
    upstream = list(enumerate(server.get("upstream") or ()))
    if platform == "vrp":
        yield from _advice_about_upstream(authentication.get("keys") or (), upstream, f"{prefix}server.upstream")
        for number, key in enumerate(authentication.get("keys") or ()):
            if key.get("secret") is not None:
                algorithm = Algorithm(key["algorithm"]) if key.get("algorithm") else None
                for rule, source in vrp_advice(algorithm, str(key["secret"])):
                    yield Advice(f"{prefix}authentication.keys[{number}].secret", MASK, rule, source)
        for path, entry in entries:
            if _is_ipv6(entry) and (entry.get("key_id") or 0) > KEY_ID_MOST_VERSION_4:
                rule = "a peer that speaks NTP version 4 to IPv6 groups takes keys up to 65535 only"
                yield Advice(f"{path}.key_id", str(entry["key_id"]), rule, EXTENSION_FIELDS)
        listen = [str(source) for source in server.get("listen") or ()]
        ipv6_heard = ALL in listen or any(ipv6_source(source) is not None for source in listen)
        if listen and not ipv6_heard and any(_is_ipv6(entry) for entry in servers):
            yield Advice(
                f"{prefix}server.listen",
                ", ".join(listen),
                "a device answers IPv6 clients at the addresses given here or with `all`; an interface name covers "
                "IPv4 alone, and a client that gets no answer can't measure the delay",
                "VRP command reference, ntp ipv6 server source-address",
            )
    keyed = [*servers, *(entry for _unused, entry in upstream)] if platform == "vrp" else servers
    if authentication.get("enabled") is False and any(entry.get("key_id") is not None for entry in keyed):
        rule = "servers name keys, but packets are sent without authentication unless it is enabled"
        yield Advice(f"{prefix}authentication.enabled", "false", rule, "VRP configuration guide, NTP authentication")


def _advice_about_upstream(
    keys: Sequence[Mapping[str, Any]], upstream: Sequence[tuple[int, Mapping[str, Any]]], path: str
) -> Iterator[Advice]:
    untrusted = {key.get("id") for key in keys if not key.get("trusted")}
    for number, entry in upstream:
        key_id = entry.get("key_id")
        if key_id in untrusted:
            rule = "a device synchronises with the help of trusted keys alone; the key is not described as trusted"
            yield Advice(f"{path}[{number}].key_id", str(key_id), rule, TRUST_COMMAND)
        if ":" in str(entry.get("address")) and (key_id or 0) > KEY_ID_MOST_VERSION_4:
            rule = "an IPv6 server may speak NTP version 4, which takes keys up to 65535 only"
            yield Advice(f"{path}[{number}].key_id", str(key_id), rule, EXTENSION_FIELDS)
