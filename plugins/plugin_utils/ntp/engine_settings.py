# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables ntp_multicast_engine_* that are no part of the description: their ranges and their types.

The engine has the same rules again, because it stands alone; a test proves that both take and refuse the same.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .model import Algorithm
from .options_codec import group_address
from .validation import Problem, quoted

_MANUAL = "ntp-multicast-engine(8)"
_POLL = "RFC 5905, section 7.2"
_PORT = "VRP command reference, ntp multicast-server"
_THRESHOLD = "RFC 5905, section 11.2.2"
_TRUE, _FALSE = ("1", "on", "t", "true", "y", "yes"), ("0", "off", "f", "false", "n", "no")
"""As Ansible reads a text where a boolean is wanted; surveys and `-e` give text."""


@dataclass(frozen=True)
class Rule:
    """What a value has to be. `typed` gives it as the engine's configuration has it, or raises ValueError."""

    typed: Callable[[Any], Any]
    text: str
    source: str = _MANUAL


def said(value: Any) -> bool:
    """Whether there is a value; before ansible-core 2.19 a template makes an empty text of ``none``."""
    return value is not None and value != ""


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    _require(text in _TRUE + _FALSE)
    return text in _TRUE


def whole_number(value: Any) -> int:
    _require(not isinstance(value, bool) and re.fullmatch(r"[+-]?[0-9]{1,18}", str(value)) is not None)
    return int(value)


def _whole(low: int, high: int, text: str, source: str) -> Rule:
    def typed(value: Any) -> int:
        number = whole_number(value)
        _require(low <= number <= high)
        return number

    return Rule(typed, f"it has to be from {low} to {high}{text}", source)


def _port(value: Any) -> int:
    number = whole_number(value)
    _require(number == 123 or 1025 <= number <= 65535)
    return number


def _seconds(high: float, source: str) -> Rule:
    def typed(value: Any) -> float:
        _require(not isinstance(value, bool))
        number = float(value)
        _require(0 <= number <= high)
        return number

    return Rule(typed, f"it has to be seconds, from 0 to {high:g}", source)


def _choice(*choices: str) -> Rule:
    def typed(value: Any) -> str:
        _require(str(value) in choices)
        return str(value)

    return Rule(typed, f"it has to be one of {', '.join(choices)}")


def _reference_id(value: Any) -> str:
    text = str(value)
    if re.fullmatch(r"[A-Za-z0-9]{1,4}", text) is None:
        ipaddress.IPv4Address(text)
    return text


def _server_address(value: Any) -> str:
    _require("%" not in str(value))
    address = ipaddress.ip_address(str(value))
    _require(not address.is_multicast and not address.is_unspecified)
    return str(address)


def _client_network(value: Any) -> str:
    _require("%" not in str(value))
    return str(ipaddress.ip_network(str(value)))


def _each(typed: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def entries(value: Any) -> list[Any]:
        _require(isinstance(value, Sequence) and not isinstance(value, (str, bytes)))
        return [typed(entry) for entry in value]

    return entries


def _tag_lengths(value: Any) -> dict[str, int]:
    _require(isinstance(value, Mapping) and set(value) <= {"version3", "version4"})
    lengths = {str(name): whole_number(octets) for name, octets in value.items()}
    _require(set(lengths.values()) <= {16, 20, 32})
    return lengths


_PORT_RULE = Rule(_port, "it has to be 123 or from 1025 to 65535", _PORT)
_BOOLEAN = Rule(truth, "it has to be true or false")

GROUP_RULES: dict[str, Rule] = {
    "poll": _whole(3, 17, " (log2 of seconds)", _POLL),
    "interleaved": _BOOLEAN,
    "client_port": _PORT_RULE,
    "volley_port": _PORT_RULE,
    "allow_servers": Rule(_each(_server_address), "it has to be a list of IPv4 and IPv6 addresses of single servers"),
    "fallback_delay": _seconds(1, _MANUAL),
}
"""What may differ from group to group."""

RULES: dict[str, Rule] = {
    **GROUP_RULES,
    "discipline": _choice("monitor", "kernel", "chrony"),
    "step": _choice("start", "never", "always", "pause"),
    "step_threshold": _seconds(1e9, _THRESHOLD),
    "panic_threshold": _seconds(1e12, _THRESHOLD),
    "reference_id": Rule(
        _reference_id, "it has to be one to four letters and digits, or an IPv4 address", "RFC 5905, section 7.3"
    ),
    "upstream": _choice("auto", "kernel", "chrony", "local"),
    "allow_clients": Rule(
        _each(_client_network), "it has to be a list of IPv4 and IPv6 addresses, or networks without host bits"
    ),
    "raw_sockets": _BOOLEAN,
    "hmac_sha256_length": Rule(_tag_lengths, "version3 and version4 have to be 16, 20 or 32", "RFC 7822, section 3"),
}
"""By the names of the role's variables without their prefix."""

Group = tuple[Any, ...]


def problems(
    description: Mapping[str, Any], settings: Mapping[str, Any], *, prefix: str, description_prefix: str
) -> list[Problem]:
    """What is wrong with the settings, by themselves and with a description that is right by itself.

    Args:
        prefix: what stands before the name of a setting in the user's variables.
        description_prefix: the same for the sections of the description.
    """
    found = list(_broken(RULES, settings, prefix))
    found += _groups(description, settings.get("groups") or (), f"{prefix}groups")
    found += _upstream(description, settings, prefix, description_prefix)
    found += _unicast_servers(description, settings, prefix, description_prefix)
    found += _partial_keys(description, description_prefix, kept=settings.get("update_secrets") == "never")
    return found


def _broken(rules: Mapping[str, Rule], values: Mapping[str, Any], prefix: str) -> Iterator[Problem]:
    for name, rule in rules.items():
        value = values.get(name)
        if not said(value):
            continue
        try:
            rule.typed(value)
        except (ValueError, TypeError):
            yield Problem(f"{prefix}{name}", _shown(value), rule.text, rule.source)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(entry) for entry in value)
    return str(value)


def _groups(description: Mapping[str, Any], groups: Any, path: str) -> Iterator[Problem]:
    described = set(described_groups(description))
    seen: dict[Group, int] = {}
    for number, entry in enumerate(groups):
        place = f"{path}[{number}]"
        unknown = sorted(set(entry) - set(GROUP_RULES) - {"interface", "afi", "address"})
        if unknown:
            rule = f"known are interface, afi, address, {', '.join(GROUP_RULES)}"
            yield Problem(f"{place}.{unknown[0]}", _shown(entry[unknown[0]]), rule, _MANUAL)
        yield from _broken(GROUP_RULES, entry, f"{place}.")
        try:
            group = _group_of(entry)
        except ValueError:
            yield Problem(f"{place}.address", str(entry.get("address")), "it has to be a multicast address", _MANUAL)
            continue
        if not any(_covers(group, other) for other in described):
            yield Problem(place, _named(group), "it has to be a group of one of the interfaces described", _MANUAL)
        if group in seen:
            yield Problem(
                place, _named(group), f"a group is given once, and {path}[{seen[group]}] is the same", _MANUAL
            )
        seen.setdefault(group, number)


def described_groups(description: Mapping[str, Any]) -> Iterator[Group]:
    """Interface and group of each stream that is sent or listened to."""
    for interface in description.get("interfaces") or ():
        for role in ("servers", "clients"):
            for entry in interface.get(role) or ():
                try:
                    yield str(interface.get("name")), group_address(entry)
                except ValueError:
                    # That is a problem of the description.
                    continue


def _group_of(entry: Mapping[str, Any]) -> Group:
    interface = entry.get("interface")
    return str(interface) if said(interface) else None, group_address(entry)


def _covers(group: Group, stream: Group) -> bool:
    return group[1] == stream[1] and group[0] in (None, stream[0])


def _named(group: Group) -> str:
    return str(group[1]) if group[0] is None else f"{group[1]} on {group[0]}"


def of_group(settings: Mapping[str, Any], interface: str, group: Any) -> dict[str, Any]:
    """Typed values of GROUP_RULES for one group: of the entry for it and the interface, else for it, else of all."""
    values = dict(settings)
    entries = [(_group_of(entry), entry) for entry in settings.get("groups") or ()]
    for wanted in (None, interface):
        for found, entry in entries:
            if found == (wanted, group):
                values.update({name: entry[name] for name in GROUP_RULES if said(entry.get(name))})
    return typed(GROUP_RULES, values)


def typed(rules: Mapping[str, Rule], values: Mapping[str, Any]) -> dict[str, Any]:
    """What is said, as the engine's configuration has it; raises ValueError for what breaks its rule."""
    return {name: rule.typed(values[name]) for name, rule in rules.items() if said(values.get(name))}


def _upstream(
    description: Mapping[str, Any], settings: Mapping[str, Any], prefix: str, description_prefix: str
) -> Iterator[Problem]:
    upstream = settings.get("upstream")
    stratum = (description.get("server") or {}).get("reference_stratum")
    if upstream == "local" and not said(stratum):
        rule = f"local needs a reference_stratum in {description_prefix}server"
        yield Problem(f"{prefix}upstream", str(upstream), rule, _MANUAL)
    if upstream in ("kernel", "chrony") and said(stratum):
        rule = f"it has a stratum of its own: leave the reference_stratum out of {description_prefix}server"
        yield Problem(f"{prefix}upstream", str(upstream), rule, _MANUAL)


def _unicast_servers(
    description: Mapping[str, Any], settings: Mapping[str, Any], prefix: str, description_prefix: str
) -> Iterator[Problem]:
    """The servers that the host follows are sources of chronyd, and of nobody else here."""
    servers = (description.get("server") or {}).get("upstream") or ()
    path = f"{description_prefix}server.upstream"
    shown = ", ".join(quoted(server.get("address")) for server in servers)
    if servers and settings.get("upstream") != "chrony":
        rule = f"on Linux they are sources of chronyd, so that {prefix}upstream has to be chrony; else leave them out"
        yield Problem(path, shown, rule, _MANUAL)
    elif servers and settings.get("discipline") == "kernel":
        rule = f"with the {prefix}discipline kernel chronyd can't run; set it to monitor or chrony, or leave them out"
        yield Problem(path, shown, rule, _MANUAL)
    keys = {key.get("id"): key.get("algorithm") for key in (description.get("authentication") or {}).get("keys") or ()}
    for number, server in enumerate(servers):
        if keys.get(server.get("key_id")) == Algorithm.HMAC_SHA256.value:
            rule = "it has to be a key of another algorithm, because chronyd has no HMAC-SHA256"
            yield Problem(f"{path}[{number}].key_id", str(server["key_id"]), rule, "chrony.keys(5)")


def _partial_keys(description: Mapping[str, Any], prefix: str, *, kept: bool) -> Iterator[Problem]:
    """Keys that can't be written; one that is kept as it is on the host needs no secret."""
    for number, key in enumerate((description.get("authentication") or {}).get("keys") or ()):
        if not said(key.get("algorithm")) or not (kept or said(key.get("secret"))):
            rule = "it has to have an algorithm and a secret, because the key file is always written whole"
            yield Problem(f"{prefix}authentication.keys[{number}]", f"key {key.get('id')}", rule, _MANUAL)
