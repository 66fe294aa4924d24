# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: engine_firewall
short_description: What a firewall has to let in for the engine
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Turns the configuration that P(timecast.ntp_multicast.engine_configuration#filter) makes into rules of a firewall.
  - They let in multicasts of the groups, questions of queriers (IGMP, MLD) and answers of servers. Where the host
    answers clients, they let in their requests, too.
options:
  _input:
    description: The engine's configuration, as JSON.
    type: str
    required: true
  kind:
    description: Whose rules they are, statements of an input chain of nftables, or rich rules of firewalld.
    type: str
    choices: [nftables, firewalld]
    required: true
  families:
    description: Only what these versions of IP need, since a chain of the family V(ip) takes no rule for IPv6.
    type: list
    elements: int
    default: [4, 6]
  interfaces:
    description:
      - Whether a rule for V(firewalld), which can't name an interface, has the one that it is for in front,
        with a blank. A C(*) stands for all of them. Who puts it into a zone needs to know.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the rules for nftables
  ansible.builtin.debug:
    msg: "{{ engine_json | timecast.ntp_multicast.engine_firewall('nftables') }}"
  vars:
    engine_json: '{"clients": [{"interface": "eth0", "group": "224.0.1.1"}]}'
"""

RETURN = r"""
_value:
  description: The rules, in their order.
  type: list
  elements: str
"""

import ipaddress
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

PORT = 123


def family_of(address: str) -> int:
    return ipaddress.ip_network(address, strict=False).version


def networks(server: Mapping[str, Any], family: int) -> list[str]:
    """Who may ask, of one family."""
    return [network for network in server.get("allow") or [] if family_of(network) == family]


def asked(server: Mapping[str, Any]) -> Iterator[int]:
    """The families in which clients may ask; with networks of one family only, the other one is closed."""
    if server.get("enabled"):
        yield from (family for family in (4, 6) if not server.get("allow") or networks(server, family))


def of_nftables(document: Mapping[str, Any], families: Sequence[int]) -> Iterator[str]:
    server = document.get("server") or {}
    clients = [entry for entry in document.get("clients") or [] if family_of(entry["group"]) in families]
    for entry in clients:
        protocol = "ip" if family_of(entry["group"]) == 4 else "ip6"
        place = f'iifname "{entry["interface"]}" {protocol} daddr {entry["group"]}'
        yield f"{place} udp dport {entry.get('port', PORT)} accept"
    for interface, family in dict.fromkeys((entry["interface"], family_of(entry["group"])) for entry in clients):
        # A switch with snooping forgets a host that doesn't answer the queries of the querier (RFC 4541).
        query = "meta l4proto igmp" if family == 4 else "icmpv6 type mld-listener-query"
        yield f'iifname "{interface}" {query} accept'
    for port in dict.fromkeys(entry.get("volley_port", PORT) for entry in clients):
        yield f"ct state established udp sport {port} accept"
    for family in asked(server):
        if family in families:
            # A chain of one family knows no other, and doesn't take the question.
            yield from requests(server, family, f"meta nfproto ipv{family} " if len(families) > 1 else "")


def requests(server: Mapping[str, Any], family: int, anybody: str) -> Iterator[str]:
    """What lets the clients of one family ask."""
    protocol, allowed = ("ip", "ip6")[family == 6], networks(server, family)
    who = f"{protocol} saddr {{ {', '.join(allowed)} }} " if allowed else anybody
    for interface in interfaces(server):
        where = f'iifname "{interface}" ' if interface else ""
        yield f"{where}{who}udp dport {server.get('port', PORT)} accept"


def interfaces(server: Mapping[str, Any]) -> list[str]:
    """Those that the host answers on, an empty name for all."""
    listen = server.get("listen")
    return [""] if listen in (None, "all") else list(listen)


def of_firewalld(document: Mapping[str, Any], _families: Sequence[int]) -> Iterator[str]:
    yield from (rule for _interface, rule in with_interfaces(document))


def with_interfaces(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each rule of firewalld after its interface. Answers and ICMPv6, and with it MLD, firewalld lets in by itself."""
    clients, server = document.get("clients") or [], document.get("server") or {}
    for entry in clients:
        family, port = family_of(entry["group"]), entry.get("port", PORT)
        address = f'rule family="ipv{family}" destination address="{entry["group"]}"'
        yield entry["interface"], f'{address} port port="{port}" protocol="udp" accept'
    for entry in clients:
        if family_of(entry["group"]) == 4:
            yield entry["interface"], 'rule family="ipv4" protocol value="igmp" accept'
    for family in asked(server):
        sources = [f' source address="{network}"' for network in networks(server, family)] or [""]
        for source in sources:
            rule = f'rule family="ipv{family}"{source} port port="{server.get("port", PORT)}" protocol="udp" accept'
            yield from ((interface or "*", rule) for interface in interfaces(server))


Maker = Callable[[Mapping[str, Any], Sequence[int]], Iterator[str]]
KINDS: dict[str, Maker] = {"nftables": of_nftables, "firewalld": of_firewalld}


def tagged(document: Mapping[str, Any], _families: Sequence[int]) -> Iterator[str]:
    yield from (f"{interface} {rule}" for interface, rule in with_interfaces(document))


def engine_firewall(
    configuration: str, kind: str, families: Sequence[int] = (4, 6), interfaces: bool = False
) -> list[str]:
    if kind not in KINDS:
        raise AnsibleFilterError(f"engine_firewall: {kind} is no firewall that it knows; these are {', '.join(KINDS)}.")
    try:
        document = json.loads(configuration)
        maker = tagged if kind == "firewalld" and interfaces else KINDS[kind]
        return list(dict.fromkeys(maker(document, families)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AnsibleFilterError(f"engine_firewall: this is no configuration of the engine: {error}") from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"engine_firewall": engine_firewall}
