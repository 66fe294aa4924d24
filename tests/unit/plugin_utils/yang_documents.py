# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``config`` as a document of two public YANG models: huawei-ntp, and ietf-ntp of RFC 9249.

The translation is by hand and knows nothing of the code under test. It takes wrong values as they are, so that the
model judges them. What a description leaves to the device is filled in: a key that is named without being described, a
key without its secret or its algorithm.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

Options = Mapping[str, Any]

_HUAWEI_MODES = {
    "md5": "MD5",
    "hmac-sha256": "HMAC-SHA256",
    "aes-128-cmac": "AES-128-CMAC",
    "aes-256-cmac": "AES-256-CMAC",
}
# RFC 9249 declares the identity hmac-sha-256 without a base, so that no document can name it: AES stands in for it.
_IETF_ALGORITHMS = {
    "md5": "ietf-ntp:md5",
    "hmac-sha256": "ietf-ntp:aes-cmac",
    "aes-128-cmac": "ietf-ntp:aes-cmac",
    "aes-256-cmac": "ietf-ntp:aes-cmac",
}


def huawei_document(options: Options) -> dict[str, Any]:
    """A description in the model huawei-ntp, revision 2022-04-08.

    Left out: addresses in ``listen``, because their list names a VPN instance of huawei-l3vpn, which no tool at hand
    loads; a source interface inside a VPN instance, because only the device knows which interfaces are in it.
    """
    multicasts = [
        _without_none(
            {
                "ifname": interface,
                "type": role,
                "ip-address": _group(entry),
                "ttl-value": entry.get("ttl"),
                "version": entry.get("version"),
                "key-id": entry.get("key_id"),
                "port-number": entry.get("port"),
            }
        )
        for interface, role, entry in _entries(options)
    ]
    server = options.get("server") or {}
    sources = _names(server.get("listen"))
    upstream = [_huawei_upstream(entry) for entry in _upstream(options)]
    ntp: dict[str, Any] = {
        "multicasts": {"multicast": multicasts},
        "unicasts": {"unicast": upstream},
        "authentications": {
            "authentication": [
                {
                    "key-id": key["id"],
                    "mode": _HUAWEI_MODES.get(key.get("algorithm") or "md5", key.get("algorithm")),
                    "key-value": "as on the device" if key.get("secret") is None else key["secret"],
                    "is-reliable": bool(key.get("trusted")),
                }
                for key in _keys(options)
            ]
        },
        "system-config": {"is-auth-enable": bool((options.get("authentication") or {}).get("enabled"))},
        "server-source-interfaces": {"server-source-interface": [{"ifname": name} for name in sources]},
    }
    if server.get("reference_stratum") is not None:
        ntp["clocks"] = {"clock": [{"local-addr": "127.127.1.0", "stratum": server["reference_stratum"]}]}
    if "all" in (server.get("listen") or ()):
        ntp["server-source-all-interfaces"] = {"server-source-all-interface": [{"addr-family": "IPv4"}]}
    if server.get("enabled"):
        ntp["server-enables"] = {"server-enable": [{"addr-family": "IPv4"}]}
    followed = [entry["ifname"] for entry in upstream if "ifname" in entry]
    interfaces = dict.fromkeys([*(name for name, _unused, _unused2 in _entries(options)), *sources, *followed])
    instances = dict.fromkeys(["_public_", *(entry["vpn-name"] for entry in upstream)])
    return {
        "huawei-network-instance:network-instance": {"instances": {"instance": [{"name": name} for name in instances]}},
        "huawei-ifm:ifm": {
            "interfaces": {"interface": [{"name": name, "vrf-name": "_public_"} for name in interfaces]}
        },
        "huawei-ntp:ntp": ntp,
    }


def ietf_document(options: Options) -> dict[str, Any]:
    """A description in the model ietf-ntp (RFC 9249), which has no sources to listen on."""
    interfaces: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, role, entry in _entries(options):
        lists = interfaces.setdefault(name, {"multicast-server": [], "multicast-client": []})
        if role == "Client":
            lists["multicast-client"].append({"address": _group(entry)})
            continue
        authentication = None if entry.get("key_id") is None else {"keyid": entry["key_id"]}
        lists["multicast-server"].append(
            _without_none(
                {
                    "address": _group(entry),
                    "ttl": entry.get("ttl"),
                    "version": entry.get("version"),
                    "port": entry.get("port"),
                    "authentication": authentication,
                }
            )
        )
    ntp: dict[str, Any] = {
        "authentication": {
            "auth-enabled": bool((options.get("authentication") or {}).get("enabled")),
            "authentication-keys": [
                {
                    "keyid": key["id"],
                    "algorithm": _IETF_ALGORITHMS.get(key.get("algorithm") or "md5", key.get("algorithm")),
                    "istrusted": bool(key.get("trusted")),
                }
                for key in _keys(options)
            ],
        },
        "interfaces": {"interface": [{"name": name, **lists} for name, lists in interfaces.items()]},
    }
    stratum = (options.get("server") or {}).get("reference_stratum")
    if stratum is not None:
        ntp["refclock-master"] = {"master-stratum": stratum}
    ntp["unicast-configuration"] = [_ietf_upstream(entry) for entry in _upstream(options)]
    sources = [entry["source"] for entry in ntp["unicast-configuration"] if "source" in entry]
    known = [{"name": name, "type": "iana-if-type:ethernetCsmacd"} for name in dict.fromkeys([*interfaces, *sources])]
    return {"ietf-interfaces:interfaces": {"interface": known}, "ietf-ntp:ntp": ntp}


def _upstream(options: Options) -> list[Options]:
    return list((options.get("server") or {}).get("upstream") or ())


def _huawei_upstream(entry: Options) -> dict[str, Any]:
    return _without_none(
        {
            "ip-address": entry["address"],
            "type": "Server",
            "vpn-name": "_public_" if entry.get("vpn_instance") is None else entry["vpn_instance"],
            "version": entry.get("version"),
            "is-preferred": entry.get("preferred"),
            "ifname": entry.get("source_interface") if entry.get("vpn_instance") is None else None,
            "key-id": entry.get("key_id"),
            "max-poll-interval": entry.get("maxpoll"),
            "min-poll-interval": entry.get("minpoll"),
        }
    )


def _ietf_upstream(entry: Options) -> dict[str, Any]:
    """RFC 9249 knows no VPN instances, so that two of them share one entry here."""
    return _without_none(
        {
            "address": entry["address"],
            "type": "ietf-ntp:uc-server",
            "authentication": None if entry.get("key_id") is None else {"keyid": entry["key_id"]},
            "prefer": entry.get("preferred"),
            "source": entry.get("source_interface"),
            "minpoll": entry.get("minpoll"),
            "maxpoll": entry.get("maxpoll"),
            "version": entry.get("version"),
        }
    )


def _entries(options: Options) -> Iterator[tuple[str, str, Options]]:
    for interface in options.get("interfaces") or ():
        for role, name in (("Server", "servers"), ("Client", "clients")):
            for entry in interface.get(name) or ():
                yield interface["name"], role, entry


def _group(entry: Options) -> str:
    default = "ff0e::101" if entry.get("afi") == "ipv6" else "224.0.1.1"
    return str(entry.get("address") or default)


def _keys(options: Options) -> list[Options]:
    given = (options.get("authentication") or {}).get("keys")
    if given is not None:
        return list(given)
    # No key is described, so that those which the servers name are the device's.
    named = [entry.get("key_id") for _unused, role, entry in _entries(options) if role == "Server"]
    named += [entry.get("key_id") for entry in _upstream(options)]
    return [{"id": key_id} for key_id in dict.fromkeys(named) if key_id is not None]


def _names(listen: list[str] | None) -> list[str]:
    return [source for source in listen or () if source != "all" and not _is_address(source)]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
