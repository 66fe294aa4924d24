# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a firewall has to let in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.filter.engine_firewall import engine_firewall

CLIENTS: dict[str, Any] = {
    "clients": [
        {"interface": "eth0", "group": "224.0.1.1"},
        {"interface": "eth0", "group": "239.1.1.1", "port": 10123},
        {"interface": "eth1", "group": "ff0e::101", "volley_port": 1123},
    ]
}


def test_a_chain_of_one_family_gets_what_that_family_needs() -> None:
    document = {**CLIENTS, "server": {"enabled": True}}
    assert engine_firewall(json.dumps(document), "nftables", [6]) == [
        'iifname "eth1" ip6 daddr ff0e::101 udp dport 123 accept',
        'iifname "eth1" icmpv6 type mld-listener-query accept',
        "ct state established udp sport 1123 accept",
        "udp dport 123 accept",
    ]


def rules(kind: str, **document: Any) -> list[str]:
    return engine_firewall(json.dumps(document), kind)


def test_a_client_needs_its_groups_the_querier_and_the_answers() -> None:
    assert rules("nftables", **CLIENTS) == [
        'iifname "eth0" ip daddr 224.0.1.1 udp dport 123 accept',
        'iifname "eth0" ip daddr 239.1.1.1 udp dport 10123 accept',
        'iifname "eth1" ip6 daddr ff0e::101 udp dport 123 accept',
        'iifname "eth0" meta l4proto igmp accept',
        'iifname "eth1" icmpv6 type mld-listener-query accept',
        "ct state established udp sport 123 accept",
        "ct state established udp sport 1123 accept",
    ]
    assert rules("firewalld", **CLIENTS) == [
        'rule family="ipv4" destination address="224.0.1.1" port port="123" protocol="udp" accept',
        'rule family="ipv4" destination address="239.1.1.1" port port="10123" protocol="udp" accept',
        'rule family="ipv6" destination address="ff0e::101" port port="123" protocol="udp" accept',
        'rule family="ipv4" protocol value="igmp" accept',
    ]


@pytest.mark.parametrize(
    ("server", "nftables", "firewalld"),
    [
        ({"enabled": False}, [], []),
        (
            {"enabled": True, "listen": "all"},
            ["meta nfproto ipv4 udp dport 123 accept", "meta nfproto ipv6 udp dport 123 accept"],
            [f'rule family="ipv{family}" port port="123" protocol="udp" accept' for family in (4, 6)],
        ),
        (
            {"enabled": True, "listen": ["eth0", "eth1"], "allow": ["10.0.0.0/8", "192.0.2.1/32"]},
            [
                f'iifname "{name}" ip saddr {{ 10.0.0.0/8, 192.0.2.1/32 }} udp dport 123 accept'
                for name in ("eth0", "eth1")
            ],
            [
                f'rule family="ipv4" source address="{network}" port port="123" protocol="udp" accept'
                for network in ("10.0.0.0/8", "192.0.2.1/32")
            ],
        ),
    ],
)
def test_a_server_is_asked_by_those_who_may(server: dict[str, Any], nftables: list[str], firewalld: list[str]) -> None:
    assert rules("nftables", server=server) == nftables
    assert rules("firewalld", server=server) == firewalld


def test_whoever_puts_a_rule_into_a_zone_hears_for_which_interface_it_is() -> None:
    document = {**CLIENTS, "server": {"enabled": True, "allow": ["10.0.0.0/8"]}}
    assert engine_firewall(json.dumps(document), "firewalld", interfaces=True) == [
        'eth0 rule family="ipv4" destination address="224.0.1.1" port port="123" protocol="udp" accept',
        'eth0 rule family="ipv4" destination address="239.1.1.1" port port="10123" protocol="udp" accept',
        'eth1 rule family="ipv6" destination address="ff0e::101" port port="123" protocol="udp" accept',
        'eth0 rule family="ipv4" protocol value="igmp" accept',
        '* rule family="ipv4" source address="10.0.0.0/8" port port="123" protocol="udp" accept',
    ]


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(AnsibleFilterError, match="ufw is no firewall that it knows"):
        engine_firewall("{}", "ufw")
    with pytest.raises(AnsibleFilterError, match="no configuration of the engine"):
        engine_firewall("[", "nftables")
