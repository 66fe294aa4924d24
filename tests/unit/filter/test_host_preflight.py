# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at all hosts: who is a device, and whose description is wrong."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.filter.host_preflight import host_preflight
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.before_fork import VRP_SSH
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.platform import (
    NETWORK_OS,
    OTHER_NAMES,
    platform_of,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import survey

ROLE = pathlib.Path(__file__).resolve().parents[3] / "roles" / "ntp_multicast"
DEVICE = {"ansible_network_os": NETWORK_OS, "ansible_connection": VRP_SSH}
GOOD = [{"name": "100GE1/0/1", "servers": [{"ttl": 16}]}]
WRONG = [{"name": "100GE1/0/1", "servers": [{"ttl": 256}]}]


class Unreadable(Mapping[str, Any]):
    """Variables of which one cannot be decrypted."""

    def __getitem__(self, name: str) -> Any:
        if name == "ntp_multicast_interfaces":
            raise ValueError("no vault password")
        return DEVICE[name]

    def __contains__(self, name: object) -> bool:
        return name in [*self]

    def __iter__(self) -> Iterator[str]:
        return iter([*DEVICE, "ntp_multicast_interfaces"])

    def __len__(self) -> int:
        return len(DEVICE) + 1


CLIENT = {"ntp_multicast_interfaces": [{"name": "eth0", "clients": [{}]}]}


def look(**hosts: Mapping[str, Any]) -> dict[str, Any]:
    return host_preflight(hosts, hosts)


def test_each_host_has_its_place() -> None:
    keys = {"ntp_multicast_authentication": {"enabled": True}}
    found = look(
        ce1={**DEVICE, "ntp_multicast_interfaces": GOOD},
        ce2={**DEVICE, **keys},
        web1=CLIENT,
        db1=keys,
        db2={"ntp_multicast_interfaces": None},
        ios1={"ansible_network_os": "cisco.ios.ios", **keys},
        ios2={"ansible_network_os": "cisco.ios.ios", **CLIENT},
    )
    assert (found["vrp"], found["linux"], found["skipped"]) == (["ce1", "ce2"], ["web1"], ["db1", "db2", "ios1"])
    assert list(found["failed"]) == ["ios2"]
    assert found["problems"] == []
    assert found["notices"][0].endswith("describes them: db1, db2, ios1")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ntp_multicast_interfaces": WRONG}, "ntp_multicast_interfaces[0].servers[0].ttl: 256"),
        ({"ansible_connection": "ansible.builtin.ssh"}, "ansible_connection: ansible.builtin.ssh"),
        ({"ntp_multicast_state": "merge"}, "value of ntp_multicast_state must be one of"),
        ({"ntp_multicast_server": {"listn": []}}, "listn"),
        ({"ntp_multicast_save": True}, "(yes, no, on and off without quotes are booleans)"),
        ({"ntp_multicast_commit": {"trial": 5}}, "ntp_multicast_commit.trial: 5 is refused"),
        ({"ntp_multicast_launch_trial": "5"}, "ntp_multicast_commit.trial: 5 is refused"),
        ({"ntp_multicast_fleet_from": "many"}, "ntp_multicast_fleet_from"),
        ({"ntp_multicast_drift_allowed": [{}]}, "ntp_multicast_drift_allowed[0]: it names neither host nor line"),
        ({"ntp_multicast_drift_allowed": [{"line": ""}]}, "ntp_multicast_drift_allowed[0].line: it is empty"),
        ({"ntp_multicast_drift_allowed": [{"line": "key 42", "host": None}]}, "ntp_multicast_drift_allowed"),
        ({"ntp_multicast_drift_allowed": [{"line": "ntp [a-"}]}, "'ntp [a-' has a '['"),
        ({"ntp_multicast_drift_allowed": [{"lines": "key 42"}]}, "lines"),
        ({"ntp_multicast_report_formats": ["json", "pdf"]}, "ntp_multicast_report_formats"),
        ({"ntp_multicast_fleet_from": -1}, "ntp_multicast_fleet_from: -1 is not allowed. It has to be 1 or more."),
        ({"ntp_multicast_sessions": "-5"}, "ntp_multicast_sessions: -5 is not allowed"),
        ({"ntp_multicast_report_individually_max": -1}, "ntp_multicast_report_individually_max: -1 is not allowed"),
        ({"ntp_multicast_timeout": -3}, "ntp_multicast_timeout: -3 is not allowed"),
        ({"ntp_multicast_maximum_offset": "nan"}, "ntp_multicast_maximum_offset: nan is not allowed"),
        ({"ntp_multicast_hosts": "vrp"}, "ntp_multicast_hosts is in the inventory, where it decides nothing"),
        ({"ntp_multicast_interface": []}, "did you mean ntp_multicast_interfaces?"),
        ({"ntp_multicast_engine_pol": 3}, "did you mean ntp_multicast_engine_poll?"),
        ({"ntp_multicast_timout": 3}, "did you mean ntp_multicast_timeout?"),
    ],
)
def test_each_problem_is_told_once_with_its_hosts(variables: Mapping[str, Any], words: str) -> None:
    wrong = {**DEVICE, "ntp_multicast_interfaces": GOOD, **variables}
    found = look(ce1=wrong, ce2={**DEVICE, "ntp_multicast_interfaces": GOOD}, ce3=wrong)
    assert len(found["problems"]) == 1
    assert found["problems"][0].startswith("ce1, ce3: ")
    assert words in found["problems"][0]
    assert (found["vrp"], sorted(found["failed"])) == (["ce2"], ["ce1", "ce3"])


@pytest.mark.parametrize("allowed", ["key 42", ["key 42"], 42])
def test_allowed_drift_that_is_no_list_of_patterns_is_told(allowed: Any) -> None:
    found = look(ce1={**DEVICE, "ntp_multicast_interfaces": GOOD, "ntp_multicast_drift_allowed": allowed})
    assert any("ntp_multicast_drift_allowed" in line for line in found["problems"])
    assert found["vrp"] == []


@pytest.mark.parametrize("pattern", ["*", "ntp [ab]*", "[]]", "[!]a]", "a]", "[[]x", "key ?"])
def test_patterns_of_allowed_drift_are_taken(pattern: str) -> None:
    allowed = [{"line": pattern}, {"host": pattern}, {"host": "ce*", "line": pattern}]
    found = look(ce1={**DEVICE, "ntp_multicast_interfaces": GOOD, "ntp_multicast_drift_allowed": allowed})
    assert found["problems"] == []


def test_hosts_of_the_command_line_are_right_and_those_of_undescribed_hosts_concern_nobody() -> None:
    described = {**DEVICE, "ntp_multicast_interfaces": GOOD, "ntp_multicast_hosts": "vrp"}
    assert survey({"ce1": described}, ["ce1"], {"ntp_multicast_hosts"}).wrong == {}
    assert look(db1={"ntp_multicast_hosts": "vrp"})["skipped"] == ["db1"]


def test_a_variable_that_cannot_be_read_is_named() -> None:
    assert look(ce1=Unreadable())["problems"] == ["ce1: ntp_multicast_interfaces: no vault password"]


def test_a_variable_of_the_users_own_is_only_mentioned() -> None:
    found = look(ce1={**DEVICE, "ntp_multicast_interfaces": GOOD, "ntp_multicast_contact": "noc@example.net"})
    assert found["problems"] == []
    assert found["notices"] == ["ce1: ntp_multicast_contact is no variable of this collection; nothing here reads it."]


def test_many_hosts_with_one_problem_are_one_line() -> None:
    wrong = {**DEVICE, "ntp_multicast_interfaces": WRONG}
    (line,) = look(**{f"ce{number}": wrong for number in range(1, 9)})["problems"]
    assert line.startswith("ce1, ce2, ce3, ce4, ce5 and 3 more: ")


def test_it_wants_hostvars() -> None:
    with pytest.raises(AnsibleFilterError, match="hostvars"):
        host_preflight(["ce1"], ["ce1"])  # type: ignore[arg-type]


def test_the_role_tells_the_same_platform() -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    template = jinja2.Environment(autoescape=False).from_string(variables["__ntp_multicast_platform"])
    systems = [None, "", NETWORK_OS, "cisco.ios.ios", *OTHER_NAMES]
    for forced, system in itertools.product(["auto", "vrp", "linux"], systems):
        host = {"ntp_multicast_platform": forced}
        if system is not None:
            host["ansible_network_os"] = system
        told = template.render({**host, "__ntp_multicast_network_os": variables["__ntp_multicast_network_os"]}).strip()
        assert platform_of(host) == told, host


@pytest.mark.parametrize("how", ["described", "launched"])
def test_whoever_reads_in_sync_is_told_that_secrets_are_not_looked_at(how: str) -> None:
    never = {"described": "ntp_multicast_update_secrets", "launched": "ntp_multicast_launch_update_secrets"}[how]
    keys = {"keys": [{"id": 42, "algorithm": "hmac-sha256", "secret": ""}]}
    ce1 = {**DEVICE, "ntp_multicast_authentication": keys, never: "never"}
    found = look(ce1=ce1, ce2={**DEVICE, "ntp_multicast_interfaces": GOOD})
    assert found["problems"] == []
    assert [notice for notice in found["notices"] if "update_secrets is never" in notice] == [
        "ce1: ntp_multicast_update_secrets is never: keys are looked at by id, algorithm and trust, "
        "and not by their secrets."
    ]
    [refused] = look(ce1={**ce1, "ntp_multicast_require_compared_keys": True})["problems"]
    assert "ntp_multicast_require_compared_keys asks for keys to be compared" in refused
    [refused] = look(ce1={**ce1, never: "on_create"})["problems"]
    assert "a secret must not be empty" in refused


class Counting(Mapping[str, Any]):
    """Variables that count how often each is resolved."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.read: dict[str, int] = {}
        self._variables = variables

    def __getitem__(self, name: str) -> Any:
        self.read[name] = self.read.get(name, 0) + 1
        return self._variables[name]

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def test_each_variable_of_a_host_is_resolved_once() -> None:
    variables = Counting({**DEVICE, "ntp_multicast_interfaces": GOOD, "ntp_multicast_update_secrets": "never"})
    assert look(ce1=variables)["vrp"] == ["ce1"]
    assert {name: times for name, times in variables.read.items() if times > 1} == {}
