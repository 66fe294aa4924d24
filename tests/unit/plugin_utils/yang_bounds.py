# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model huawei-ntp says of the documents of ``yang_documents``, written down by hand.

It judges where the model itself, or the tool that reads it, is not at hand, and is held against both where they are.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Document = dict[str, Any]
Judge = Callable[[Any], bool]


def _between(least: int, most: int, *others: int) -> Judge:
    return lambda number: isinstance(number, int) and (least <= number <= most or number in others)


def _of_length(least: int, most: int) -> Judge:
    return lambda text: isinstance(text, str) and least <= len(text) <= most


def _is_address(text: Any) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


INTERFACE: dict[str, Judge] = {"name": _of_length(1, 63)}
MULTICAST: dict[str, Judge] = {
    "type": lambda kind: kind in ("Client", "Server"),
    "ip-address": _is_address,
    "ttl-value": _between(1, 255),
    "version": _between(1, 4),
    "port-number": _between(1025, 65535, 123),
}
UNICAST: dict[str, Judge] = {
    "ip-address": lambda text: _is_address(text) or _is_domain(text),
    "version": _between(1, 4),
    "max-poll-interval": _between(10, 17),
    "min-poll-interval": _between(3, 6),
}
INSTANCE: dict[str, Judge] = {"name": _of_length(1, 31)}
AUTHENTICATION: dict[str, Judge] = {
    "key-id": _between(1, 4294967295),
    "mode": lambda mode: mode in ("MD5", "HMAC-SHA256", "AES-128-CMAC", "AES-256-CMAC"),
    "key-value": _of_length(1, 432),
}
CLOCK: dict[str, Judge] = {"stratum": _between(1, 15)}
SERVERS_ALONE = ("ttl-value", "version", "key-id", "port-number")


def refusal(document: Document) -> str | None:
    """What is wrong with a document, None if nothing is."""
    return next(_wrong(document), None)


def _wrong(document: Document) -> Iterator[str]:
    ntp = document["huawei-ntp:ntp"]
    interfaces = document["huawei-ifm:ifm"]["interfaces"]["interface"]
    instances = document["huawei-network-instance:network-instance"]["instances"]["instance"]
    multicasts = ntp["multicasts"]["multicast"]
    unicasts = ntp["unicasts"]["unicast"]
    keys = ntp["authentications"]["authentication"]
    sources = ntp["server-source-interfaces"]["server-source-interface"]
    for entries, judges in (
        (interfaces, INTERFACE),
        (multicasts, MULTICAST),
        (unicasts, UNICAST),
        (instances, INSTANCE),
        (keys, AUTHENTICATION),
        (ntp.get("clocks", {}).get("clock", ()), CLOCK),
    ):
        for entry in entries:
            yield from (f"{name}: {entry[name]}" for name in judges if name in entry and not judges[name](entry[name]))
    yield from _twice(((entry["ifname"], entry["type"], _number(entry["ip-address"])) for entry in multicasts), "entry")
    yield from _twice(((entry["ip-address"], entry["vpn-name"]) for entry in unicasts), "unicast server")
    yield from _twice((key["key-id"] for key in keys), "key")
    yield from _twice((source["ifname"] for source in sources), "source")
    known = {key["key-id"] for key in keys}
    for entry in (*multicasts, *unicasts):
        if entry.get("key-id", None) not in {None, *known}:
            yield f"key-id: {entry['key-id']} is not there"
        if entry["type"] == "Client" and set(SERVERS_ALONE) & set(entry):
            yield "a client with options of a server"


def _is_domain(text: Any) -> bool:
    """A name, which the type `host` of the model takes beside an address."""
    label = r"[a-zA-Z0-9_]([a-zA-Z0-9\-_]{0,61}[a-zA-Z0-9])?"
    return isinstance(text, str) and re.fullmatch(rf"({label}\.)*{label}\.?|\.", text) is not None


def _twice(identities: Iterable[Any], what: str) -> Iterator[str]:
    found = list(identities)
    if len(set(found)) != len(found):
        yield f"{what} given twice"


def _number(address: str) -> Any:
    return int(ipaddress.ip_address(address)) if _is_address(address) else address
