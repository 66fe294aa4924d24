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

from ansible_collections.timecast.ntp_multicast.plugins.filter.survey_of_hosts import (
    CONNECTION,
    NETWORK_OS,
    platform_of,
    survey_of_hosts,
)

ROLE = pathlib.Path(__file__).resolve().parents[3] / "roles" / "ntp_multicast"
DEVICE = {"ansible_network_os": NETWORK_OS, "ansible_connection": CONNECTION}
GOOD = [{"name": "100GE1/0/1", "servers": [{"ttl": 16}]}]
WRONG = [{"name": "100GE1/0/1", "servers": [{"ttl": 256}]}]


class Unreadable(Mapping[str, Any]):
    """Variables of which one cannot be decrypted."""

    def __getitem__(self, name: str) -> Any:
        if name == "ntp_multicast_interfaces":
            raise ValueError("no vault password")
        return DEVICE[name]

    def __iter__(self) -> Iterator[str]:
        return iter(DEVICE)

    def __len__(self) -> int:
        return len(DEVICE)


def test_devices_and_others_are_told_apart() -> None:
    hosts = {"ce1": DEVICE, "web1": {}, "ne1": {**DEVICE, "ntp_multicast_platform": "vrp"}}
    assert survey_of_hosts(hosts, ["web1", "ce1", "ne1"]) == {"vrp": ["ce1", "ne1"], "others": ["web1"], "problems": []}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({**DEVICE, "ntp_multicast_interfaces": WRONG}, "ce1: ntp_multicast_interfaces[0].servers[0].ttl: 256"),
        ({**DEVICE, "ansible_connection": "ansible.builtin.ssh"}, "ce1: ansible_connection: ansible.builtin.ssh"),
        ({"ansible_network_os": "cisco.ios.ios"}, "ce1: ansible_network_os: cisco.ios.ios is nothing"),
        ({**DEVICE, "ntp_multicast_state": "merge"}, "ce1: ntp_multicast_state: 'merge' is none of merged"),
        ({**DEVICE, "ntp_multicast_server": {"listn": []}}, "listn"),
        (Unreadable(), "ce1: the description cannot be read: "),
    ],
)
def test_each_problem_names_its_host(variables: Mapping[str, Any], words: str) -> None:
    survey = survey_of_hosts({"ce1": variables, "ce2": {**DEVICE, "ntp_multicast_interfaces": GOOD}}, ["ce1", "ce2"])
    assert len(survey["problems"]) == 1
    assert words in survey["problems"][0]
    assert "ce2" in survey["vrp"]


def test_without_a_check_there_are_no_problems() -> None:
    assert survey_of_hosts({"ce1": {"ntp_multicast_state": "merge"}}, ["ce1"], check=False)["problems"] == []


def test_it_wants_hostvars() -> None:
    with pytest.raises(AnsibleFilterError, match="hostvars"):
        survey_of_hosts(["ce1"], ["ce1"])  # type: ignore[arg-type]


def test_the_role_tells_the_same_platform() -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    template = jinja2.Environment(autoescape=False).from_string(variables["__ntp_multicast_platform"])
    for forced, system in itertools.product(["auto", "vrp", "linux"], [None, "", NETWORK_OS, "cisco.ios.ios"]):
        host = {"ntp_multicast_platform": forced}
        if system is not None:
            host["ansible_network_os"] = system
        told = template.render({**host, "__ntp_multicast_network_os": variables["__ntp_multicast_network_os"]}).strip()
        assert platform_of(host) == told, host
