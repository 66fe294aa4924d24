# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role opens in a real nftables and a real firewalld, and that it takes back what it has opened.

The tests of this file build on each other, in their order: a host is not cheap.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Ansible, Host, Lab, Run
from .role import SECRETS, SITE, UNIT, description, service_property

RULES = """
table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    tcp dport 22 accept
    ct state established tcp sport 0-65535 accept
    INCLUDE
  }
}
"""
INCLUDE = 'include "/etc/ntp-multicast-engine/*.nft"'
ETC = "/etc/ntp-multicast-engine"
GROUP, OTHER_GROUP = "224.0.1.1", "239.1.1.1"
CHAIN = {"family": "inet", "table": "filter", "chain": "input"}
# From outside: a multicast to the group as a server sends it, and a request to the host; prints whether it is answered.
KNOCK = """
import socket, sys, time
group, host = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.99.7.1"))
    sender.sendto(bytes([0x25, 2, 3, 236]) + bytes(44), (group, 123))
    sender.settimeout(1.5)
    sender.sendto(bytes([0x23]) + bytes(39) + b"12345678", (host, 123))
    try:
        print(len(sender.recv(100)))
    except TimeoutError:
        print(0)
"""


@pytest.fixture(scope="module")
def host(lab: Lab, suite: Callable[[str], str]) -> Host:
    made = lab.host("walled", suite("bookworm"), 14)
    made.run("sh", "-c", "cat > /etc/nftables.conf", input=RULES.replace("INCLUDE", ""))
    made.run("nft", "-f", "/etc/nftables.conf")
    return made


@pytest.fixture(scope="module")
def wanted(host: Host, reached_by: dict[str, Any]) -> dict[str, Any]:
    """A client that also answers requests, without keys."""
    sections = description(
        server={"enabled": True, "listen": ["eth0"], "reference_stratum": 2},
        allow_clients=["10.99.7.0/24", "fd00:99:7::/64"],
        interfaces=[{"name": "eth0", "clients": [{"address": GROUP}, {"afi": "ipv6"}]}],
        firewall="nftables",
    )
    return {"all": {"hosts": {"walled": {"ansible_host": host.v4, **sections}}, "vars": reached_by}}


def with_(inventory: dict[str, Any], **sections: Any) -> dict[str, Any]:
    changed = copy.deepcopy(inventory)
    changed["all"]["hosts"]["walled"].update(description(**sections))
    return changed


def ours(host: Host) -> list[str]:
    """The rules of the role in the chain."""
    chain = host.output("nft", "list", "chain", *CHAIN.values()).splitlines()
    return [line.strip().partition(" comment ")[0] for line in chain if "ntp-multicast-engine" in line]


def rich_rules(host: Host, *permanent: str, zone: str = "public") -> list[str]:
    return host.output("firewall-cmd", *permanent, f"--zone={zone}", "--list-rich-rules").splitlines()


def heard(host: Host) -> int:
    status = json.loads(host.output("ntp-multicast-engine", "status", "--json"))
    return sum(group["packets"] for group in status["groups"] if group["group"] == GROUP)


def let_in(lab: Lab, host: Host) -> tuple[bool, bool]:
    """Whether a multicast to the group comes in, and whether a request is answered."""
    before = heard(host)
    answered = lab("net", "exec", "python3", "-c", KNOCK, GROUP, host.v4).stdout.strip()
    return heard(host) > before, answered != "0"


def ok(run: Run) -> Run:
    assert run.code == 0, run.output
    return run


def test_a_chain_that_is_not_there_is_refused_before_anything_is_changed(
    ansible: Ansible, host: Host, wanted: dict[str, Any]
) -> None:
    run = ansible.play(SITE, with_(wanted, nftables_chain={**CHAIN, "chain": "inputs"}))
    assert run.code == 2 and run.changed == {"walled": 0}, run.output
    said = " ".join(run.output.split())
    assert "There is no chain 'inputs' in the table 'inet filter' of nftables on this host" in said
    assert host.run("test", "-e", ETC, check=False).returncode != 0


def test_nftables_lets_in_what_is_needed(ansible: Ansible, lab: Lab, host: Host, wanted: dict[str, Any]) -> None:
    predicted = ok(ansible.play(SITE, wanted, "--check"))
    assert ours(host) == [] and host.run("test", "-e", ETC, check=False).returncode != 0
    run = ok(ansible.play(SITE, wanted))
    assert ours(host) == [
        'iifname "eth0" ip daddr 224.0.1.1 udp dport 123 accept',
        'iifname "eth0" ip6 daddr ff0e::101 udp dport 123 accept',
        'iifname "eth0" meta l4proto igmp accept',
        'iifname "eth0" icmpv6 type mld-listener-query accept',
        "ct state established udp sport 123 accept",
        'iifname "eth0" ip saddr 10.99.7.0/24 udp dport 123 accept',
        'iifname "eth0" ip6 saddr fd00:99:7::/64 udp dport 123 accept',
    ]
    shown = "Show the rules that come and go"
    assert run.task(shown).count("+ ") == 7 and run.task(shown) == predicted.task(shown)
    assert let_in(lab, host) == (True, True)


def test_a_chain_that_includes_the_rules_has_them_after_a_boot_and_a_second_run_changes_nothing(
    ansible: Ansible, host: Host, wanted: dict[str, Any]
) -> None:
    before = ours(host)
    host.run("sh", "-c", "cat > /etc/nftables.conf", input="flush ruleset\n" + RULES.replace("INCLUDE", INCLUDE))
    host.run("nft", "-f", "/etc/nftables.conf")
    assert ours(host) == before
    run = ok(ansible.play(SITE, wanted))
    assert run.changed == {"walled": 0}, run.output


def test_what_goes_wrong_afterwards_puts_the_rules_back(ansible: Ansible, host: Host, wanted: dict[str, Any]) -> None:
    before, files = ours(host), host.output("sh", "-c", f"cat {ETC}/firewall.*")
    folder = f"/etc/systemd/system/{UNIT}.d"
    unit = f"[Service]\nExecStartPre=/bin/sh -c '! grep -q {OTHER_GROUP} {ETC}/engine.json'\n"
    host.run("sh", "-c", f"mkdir {folder} && cat > {folder}/test.conf && systemctl daemon-reload", input=unit)
    key = {"id": 7, "algorithm": "hmac-sha256", "secret": SECRETS["sha"], "trusted": True}
    other = {
        "interfaces": [{"name": "eth0", "clients": [{"address": OTHER_GROUP}]}],
        "authentication": {"enabled": True, "keys": [key]},  # so that the service is started again
    }
    run = ansible.play(SITE, with_(wanted, **other))
    assert run.code == 2, run.output
    assert f"ip daddr {OTHER_GROUP}" in run.task("Show the rules that come and go")
    assert "What was there before is put back, and its service runs." in run.output, run.output
    assert (ours(host), host.output("sh", "-c", f"cat {ETC}/firewall.*")) == (before, files)
    assert service_property(host, "ActiveState") == "active"
    host.run("sh", "-c", f"rm -r {folder} && systemctl daemon-reload")


def test_none_takes_back_what_was_opened(ansible: Ansible, lab: Lab, host: Host, wanted: dict[str, Any]) -> None:
    run = ok(ansible.play(SITE, with_(wanted, firewall="none")))
    assert run.changed == {"walled": 1}, run.output
    assert (ours(host), host.output("sh", "-c", f"cd {ETC} && ls")) == ([], "engine.json")
    assert let_in(lab, host) == (False, False)
    # The line that includes the rules may stay.
    host.run("nft", "-c", "-f", "/etc/nftables.conf")


def test_firewalld_lets_in_what_is_needed_and_absent_takes_it_back(
    ansible: Ansible, lab: Lab, host: Host, wanted: dict[str, Any]
) -> None:
    host.run("sh", "-c", "nft flush ruleset && systemctl start firewalld")
    host.run("firewall-cmd", "--add-port=5353/udp")  # somebody's own, and only until the next boot
    own = 'rule family="ipv4" protocol value="igmp" accept'
    for way in ([], ["--permanent"]):
        host.run("firewall-cmd", *way, f"--add-rich-rule={own}")
    assert let_in(lab, host) == (False, False)
    walled = with_(wanted, firewall="firewalld")
    assert ok(ansible.play(SITE, walled)).changed == {"walled": 1}
    assert sorted(rich_rules(host)) == sorted(rich_rules(host, "--permanent"))
    assert len(rich_rules(host)) == 5
    assert let_in(lab, host) == (True, True)
    assert ok(ansible.play(SITE, walled)).changed == {"walled": 0}
    # Somebody moves the interface to a zone where only the next boot would let in queries.
    host.run("firewall-cmd", "--permanent", "--zone=internal", f"--add-rich-rule={own}")
    host.run("firewall-cmd", "--zone=internal", "--change-interface=eth0")
    assert let_in(lab, host) == (False, False)
    assert ok(ansible.play(SITE, walled)).changed == {"walled": 1}
    assert let_in(lab, host) == (True, True)
    assert rich_rules(host) == rich_rules(host, "--permanent") == [own]
    host.run("nft", "flush", "ruleset")
    emptied = ansible.play(SITE, walled, "--check")
    assert emptied.code == 2 and "its rules are not in the kernel" in emptied.output, emptied.output
    host.run("sh", "-c", "systemctl restart firewalld && firewall-cmd --zone=internal --change-interface=eth0")
    host.run("firewall-cmd", "--zone=public", "--add-port=5353/udp")
    ok(ansible.play(SITE, with_(walled, state="absent")))
    assert rich_rules(host) == rich_rules(host, "--permanent") == [own]
    assert (rich_rules(host, zone="internal"), rich_rules(host, "--permanent", zone="internal")) == ([], [own])
    assert host.output("firewall-cmd", "--zone=public", "--list-ports") == "5353/udp"
    assert host.run("test", "-e", ETC, check=False).returncode != 0
