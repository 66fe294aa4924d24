# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the engine's own configuration back to the model and to the variables of the role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREFIX = "ntp_multicast_engine_"
# What the role writes where nobody says otherwise.
DEFAULTS: dict[str, Any] = {
    "discipline": "monitor",
    "step": "start",
    "step_threshold": 0.125,
    "panic_threshold": 1000.0,
    "reference_id": "LOCL",
    "upstream": "auto",
    "allow_clients": [],
    "hmac_sha256_length": {"version3": 32, "version4": 20},
    "raw_sockets": False,
    "metrics": False,
}
GROUP_DEFAULTS: dict[str, Any] = {
    "poll": 6,
    "interleaved": True,
    "client_port": 123,
    "volley_port": 123,
    "allow_servers": [],
    "fallback_delay": None,
}
_OF_SERVERS = {"poll": "poll", "interleaved": "interleaved"}
_OF_CLIENTS = {
    "port": "client_port",
    "volley_port": "volley_port",
    "allow_servers": "allow_servers",
    "fallback_delay": "fallback_delay",
}


def sections_of(document: Mapping[str, Any], keys: Mapping[int, str]) -> dict[str, Any]:
    """The sections of the model.

    Args:
        document: the engine's configuration as data.
        keys: the algorithm of each key of its key file.
    """
    authentication, server = document.get("authentication") or {}, document.get("server") or {}
    trusted = set(authentication.get("trusted_keys") or ())
    described = [
        {"id": number, "algorithm": algorithm, "trusted": number in trusted}
        for number, algorithm in sorted(keys.items())
    ]
    interfaces: dict[str, dict[str, Any]] = {name: {"name": name} for name in _interface_order(document)}
    for role, options in (("servers", ("key_id", "ttl", "version", "port")), ("clients", ())):
        for entry in document.get(role) or ():
            kept = {option: entry[option] for option in options if entry.get(option) is not None}
            interfaces[str(entry["interface"])].setdefault(role, []).append({"address": entry["group"], **kept})
    listen = server.get("listen")
    return {
        "authentication": _given(enabled=authentication.get("enabled"), keys=described or None),
        "server": _given(
            enabled=server.get("enabled"),
            listen=listen if isinstance(listen, list) else None,
            reference_stratum=server.get("stratum"),
        ),
        "interfaces": list(interfaces.values()),
    }


def _interface_order(document: Mapping[str, Any]) -> list[str]:
    """An order of the interfaces from which both lists come out as they are, since the file is compared as text."""
    order, clients = (
        list(dict.fromkeys(str(entry["interface"]) for entry in document.get(role) or ()))
        for role in ("servers", "clients")
    )
    position = len(order)
    for name in reversed(clients):
        if name in order:
            position = order.index(name)
        else:
            order.insert(position, name)
    return order


def settings_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of the role that are not at their defaults."""
    authentication, server = document.get("authentication") or {}, document.get("server") or {}
    discipline = document.get("discipline") or {}
    found = {
        **{name: discipline.get(name) for name in ("step", "step_threshold", "panic_threshold")},
        "discipline": discipline.get("mode"),
        "reference_id": server.get("reference_id"),
        "upstream": server.get("upstream"),
        "allow_clients": server.get("allow"),
        "hmac_sha256_length": authentication.get("hmac_sha256_length"),
        "raw_sockets": document.get("raw_sockets"),
        "metrics": bool(document.get("metrics_file")),
    }
    settings = {PREFIX + name: value for name, value in found.items() if value is not None and value != DEFAULTS[name]}
    groups = _groups(document)
    return {**settings, **({f"{PREFIX}groups": groups} if groups else {})}


def _groups(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What differs from group to group, one entry for each interface and group."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for role, names in (("servers", _OF_SERVERS), ("clients", _OF_CLIENTS)):
        for entry in document.get(role) or ():
            own = {
                option: entry[name]
                for name, option in names.items()
                if entry.get(name) is not None and entry[name] != GROUP_DEFAULTS[option]
            }
            if own:
                place = str(entry["interface"]), str(entry["group"])
                found.setdefault(place, {"interface": place[0], "address": place[1]}).update(own)
    return list(found.values())


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
