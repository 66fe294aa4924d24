# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unnamed_associations
short_description: What an engine's configuration has and a description does not name
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - The role P(timecast.ntp_multicast.ntp_multicast#role) uses it before it removes the engine of a Linux host,
    so that V(deleted) removes only what was named.
positional: _input, config
options:
  _input:
    description: The engine's configuration file as data.
    type: dict
    required: true
  config:
    description:
      - The description of what is to be deleted, with the sections C(authentication), C(server) and C(interfaces).
      - An empty description names everything.
      - An interface without C(servers) and C(clients) names all of its associations.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: List what would be lost
  ansible.builtin.debug:
    msg: "{{ engine | timecast.ntp_multicast.unnamed_associations({'interfaces': [{'name': 'eth0'}]}) }}"
  vars:
    engine:
      version: 1
      clients:
        - interface: eth1
          group: 224.0.1.1
  # -> ["client of 224.0.1.1 on eth1"]
"""

RETURN = r"""
_value:
  description: A phrase for each association that is configured and not named.
  type: list
  elements: str
"""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

DEFAULT_GROUPS = {"ipv4": "224.0.1.1", "ipv6": "ff0e::101"}
SECTIONS = {"servers": "server", "clients": "client"}


class Association(NamedTuple):
    """A role on an interface for a group, comparable however the address is spelled."""

    role: str
    interface: str
    group: ipaddress.IPv4Address | ipaddress.IPv6Address

    def __str__(self) -> str:
        return f"{self.role} of {self.group} on {self.interface}"


def configured(engine: Mapping[str, Any]) -> list[Association]:
    """The associations of an engine's configuration file, in its order."""
    return [
        Association(role, entry["interface"], ipaddress.ip_address(entry.get("group") or DEFAULT_GROUPS["ipv4"]))
        for section, role in SECTIONS.items()
        for entry in engine.get(section) or []
    ]


def named(interfaces: list[Mapping[str, Any]]) -> tuple[set[str], set[Association]]:
    """The interfaces that are named as a whole, and the single associations that are named."""
    whole: set[str] = set()
    single: set[Association] = set()
    for interface in interfaces:
        if all(interface.get(section) is None for section in SECTIONS):
            whole.add(interface["name"])
        for section, role in SECTIONS.items():
            for entry in interface.get(section) or []:
                address = entry.get("address") or DEFAULT_GROUPS[entry.get("afi") or "ipv4"]
                single.add(Association(role, interface["name"], ipaddress.ip_address(address)))
    return whole, single


def unnamed_associations(engine: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    if not config:
        return []
    whole, single = named(config.get("interfaces") or [])
    return [
        str(association)
        for association in configured(engine)
        if association.interface not in whole and association not in single
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"unnamed_associations": unnamed_associations}
