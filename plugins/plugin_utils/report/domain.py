# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The multicast domain, as the hosts are described: who sends to which group, and who listens."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..ntp.model import AddressFamily
from .bounds import said
from .document import Domain, Listener, Sender


def domain_of(descriptions: Mapping[str, Any]) -> Domain:
    """The domain of hosts, each with its ntp_multicast_interfaces. What is wrong in one of them is told elsewhere."""
    senders: list[Sender] = []
    listeners: list[Listener] = []
    for host, interfaces in descriptions.items():
        for name, entry in _entries(interfaces, "servers"):
            senders.append(
                Sender(
                    host,
                    name,
                    group_of(entry),
                    *(_whole(entry.get(option)) for option in ("key_id", "ttl", "version", "port")),
                )
            )
        listeners += [Listener(host, name, group_of(entry)) for name, entry in _entries(interfaces, "clients")]
    return Domain(tuple(senders), tuple(listeners))


def _entries(interfaces: Any, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for interface in _mappings(interfaces):
        for entry in _mappings(interface.get(kind)):
            yield said(interface.get("name") or ""), entry


def _mappings(value: Any) -> Iterable[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def group_of(entry: Mapping[str, Any]) -> str:
    """The group of a server or client entry, in the shortest spelling of its address."""
    address = entry.get("address")
    if not address:
        wanted = AddressFamily.IPV6 if entry.get("afi") == AddressFamily.IPV6.value else AddressFamily.IPV4
        return wanted.default_group.compressed
    try:
        return ipaddress.ip_address(str(address)).compressed
    except ValueError:
        return said(address)


def _whole(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None
