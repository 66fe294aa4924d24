# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is used of Ansible that Ansible does not promise to keep is there, in every lane of ansible-core."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import context
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.plugins.loader import connection_loader
from ansible.vars.manager import VariableManager

from ansible_collections.timecast.ntp_multicast.plugins.filter.at_least_one_host import at_least_one_host
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action import private

GROUPS = {"all": ["ce1", "ce2", "web1"], "vrp": ["ce1", "ce2"], "linux": ["web1"]}


@pytest.fixture
def task() -> Any:
    loader = DataLoader()
    inventory = InventoryManager(loader, parse=False)
    for name in ("ce1", "ce2"):
        inventory.add_host(name)
    inventory.get_host("ce2").set_variable("ntp_multicast_server", {"listen": "{{ [inventory_hostname] }}"})
    variables = VariableManager(loader=loader, inventory=inventory)
    source = {"hosts": "all", "tasks": [{"debug": {"msg": "x"}, "timeout": 7}]}
    play = Play.load(source, variable_manager=variables, loader=loader)
    found = play.get_tasks()[0][0]
    found.set_loader(loader)
    found._variable_manager = variables
    return found


def test_the_variables_of_another_host(task: Any) -> None:
    hosts = private.HostVariables(task, DataLoader())
    variables, _templar = hosts.of("ce2")
    assert variables["inventory_hostname"] == "ce2"
    assert "ntp_multicast_server" in variables
    hosts.keep_facts("ce2", {"remembered": 1})
    assert hosts.of("ce2")[0]["ansible_facts"]["remembered"] == 1
    assert "remembered" not in hosts.of("ce1")[0]["ansible_facts"]


def test_the_options_of_a_connection(task: Any) -> None:
    class PlayContext:
        timeout = 9
        password = "given"

    keywords = private.connection_keywords(task, PlayContext)
    assert (keywords["timeout"], keywords["password"], "retries" in keywords) == (9, "given", False)
    connection_loader.get("ssh", class_only=True)
    assert {"ansible_host", "ansible_port", "ansible_user"} <= set(private.connection_variables("ssh"))


def test_the_timeout_of_a_task_is_no_exception_that_is_caught_by_accident() -> None:
    assert issubclass(private.TIMEOUT_ERROR, BaseException)
    assert not issubclass(private.TIMEOUT_ERROR, Exception)


@pytest.mark.parametrize(
    ("pattern", "limit", "hosts"),
    [
        ("all", None, ["ce1", "ce2", "web1"]),
        ("vrp:!ce2", None, ["ce1"]),
        ("all", "linux", ["web1"]),
        ("vrp", "linux", []),
        ("srevers", None, []),
    ],
)
def test_the_hosts_of_a_pattern(pattern: str, limit: str | None, hosts: list[str]) -> None:
    assert private.hosts_of_pattern(GROUPS, pattern, limit) == hosts


def test_nobody_is_not_enough() -> None:
    with pytest.raises(AnsibleError, match="pattern 'srevers'"):
        at_least_one_host(GROUPS, "srevers")
    assert at_least_one_host(GROUPS, "srevers", allow_none="true") == []


@pytest.mark.parametrize("name", ["leaf 1", "a,b", "!ce2", "&ce1", " ce3", "a:b:c/d"])
def test_a_host_that_a_play_could_not_name_is_refused(name: str) -> None:
    groups = {**GROUPS, "vrp": ["ce1", "ce2", name]}
    with pytest.raises(AnsibleError, match="for a pattern of other names"):
        at_least_one_host(groups, "vrp")
    assert at_least_one_host(groups, "web1") == ["web1"]


@pytest.mark.parametrize("name", ["2001:db8::1", "<script>", "süd-1", "a'b", 'a"b', "x" * 300, "ce*", "ce[12]", "~ce"])
def test_a_host_that_a_play_can_name_is_taken(name: str) -> None:
    assert at_least_one_host({**GROUPS, "vrp": [name]}, "vrp") == [name]


def test_a_check_of_the_syntax_needs_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"syntax": True})
    assert at_least_one_host(GROUPS, "srevers") == []
