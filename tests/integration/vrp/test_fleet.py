# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many devices in one task, and the tasks that tell of each."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from harness import OTHER_SECRET, PASSWORD, SECRET, Playbooks, server_config, task

INTERFACES = {"CE1": "100GE1/0/1", "NE1": "GigabitEthernet0/1/0"}
TEMPLATE = "{{ '100GE1/0/1' if inventory_hostname == 'CE1' else 'GigabitEthernet0/1/0' }}"


def description(secret: str = SECRET) -> dict[str, Any]:
    """The variables of the role, with a template in them."""
    return {f"ntp_multicast_{name}": value for name, value in server_config(TEMPLATE, secret).items()}


def fleet(**options: Any) -> dict[str, Any]:
    return {
        **task("vrp_ntp_multicast_fleet", _register="fleet", hosts="{{ ansible_play_hosts }}", **options),
        "run_once": True,
    }


def telling(**options: Any) -> dict[str, Any]:
    return {**task(from_variables=True, results_from="fleet", **options), "ignore_errors": True}


@pytest.mark.parametrize("processes", [1, 2])
def test_each_device_is_configured_with_one_login_and_told_of(playbooks: Playbooks, processes: int) -> None:
    run = playbooks.run([fleet(processes=processes), telling()], "--diff", **description())
    assert run.code == 0, run.output
    assert run.registered["fleet"]["CE1"]["msg"] == "2 of 2 devices done: 2 changed"
    for name, item in playbooks.devices.items():
        result = run.results[name]
        assert result["changed"] is True
        assert any("multicast-server 239.1.2.3" in line for line in result["commands"])
        assert len({entry["session"] for entry in item.commands()}) == 1
        assert len(item.commits()) == 1
    assert "multicast-server 239.1.2.3" in run.output
    again = playbooks.run([fleet(processes=processes), telling()], **description())
    fleet_again = again.registered["fleet"]["CE1"]
    assert (sorted(fleet_again["in_sync"]), fleet_again["remaining"], fleet_again["device_results"]) == (
        ["CE1", "NE1"],
        [],
        {},
    )


def test_it_does_what_a_task_of_its_own_does(playbooks: Playbooks) -> None:
    run = playbooks.run([fleet(), telling()], "--check", **description())
    single = playbooks.run([task(from_variables=True)], "--check", **description())
    assert run.results == single.results
    assert all(item.commits() == [] for item in playbooks.devices.values())


def test_settings_of_the_task_go_before_the_variables(playbooks: Playbooks) -> None:
    commit = {"label": "maintenance", "description": "by the fleet"}
    run = playbooks.run([fleet(commit=commit, save="changed"), telling()], ntp_multicast_save="never", **description())
    assert run.code == 0, run.output
    for name in playbooks.devices:
        assert run.results[name]["saved"] is True
        assert run.results[name]["commit"]["label"] == "maintenance"


def test_one_that_fails_stops_no_other(playbooks: Playbooks) -> None:
    playbooks.host_variables["NE1"] = {"ansible_password": "Wrong-Pass-9"}
    run = playbooks.run([fleet(), telling()], "-vvv", **description())
    assert run.registered["fleet"]["CE1"]["msg"] == "2 of 2 devices done: 1 changed, 1 unreachable"
    assert run.results["CE1"]["changed"] is True
    assert "refused the login" in run.output
    assert run.code == 4  # unreachable, as Ansible says it
    assert not any(secret in run.output for secret in (SECRET, OTHER_SECRET, PASSWORD, "Wrong-Pass-9"))


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ntp_multicast_server": {"listen": "{{ nothing_of_that_name }}"}}, "nothing_of_that_name"),
        ({"ntp_multicast_interfaces": [{"name": "GigabitEthernet0/1/0", "clients": [{"afi": "ipx"}]}]}, "ipx"),
        ({"ansible_connection": "local"}, "ansible_connection=timecast.ntp_multicast.vrp_ssh"),
    ],
)
def test_what_cannot_be_tried_is_told_by_its_own_task(
    playbooks: Playbooks, variables: dict[str, Any], sentence: str
) -> None:
    playbooks.host_variables["NE1"] = variables
    run = playbooks.run([fleet(), telling()], **description())
    assert run.registered["fleet"]["CE1"]["remaining"] == ["CE1", "NE1"]
    assert list(run.registered["fleet"]["CE1"]["device_results"]) == ["CE1"]
    assert run.results["CE1"]["changed"] is True
    assert run.results["NE1"]["failed"] is True
    assert sentence in run.output
    assert playbooks.devices["NE1"].commands() == []


def test_keys_are_remembered_for_each_device(playbooks: Playbooks) -> None:
    facts = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(playbooks.directory / "facts"),
    }
    playbooks.run([fleet(), telling()], environment=facts, **description())
    rotated = playbooks.run([fleet(), telling()], environment=facts, **description(OTHER_SECRET))
    assert rotated.registered["fleet"]["CE1"]["msg"] == "2 of 2 devices done: 2 changed"
    again = playbooks.run([fleet(), telling()], environment=facts, **description(OTHER_SECRET))
    assert again.registered["fleet"]["CE1"]["msg"] == "2 of 2 devices done: 2 in sync"


def test_many_changed_devices_are_told_of_at_once(playbooks: Playbooks) -> None:
    facts = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(playbooks.directory / "facts"),
    }
    run = playbooks.run([fleet(report_individually_max=1)], "--diff", environment=facts, **description())
    found = run.registered["fleet"]["CE1"]
    assert (found["changed"], found["reported"], found["remaining"]) == (True, ["CE1", "NE1"], [])
    assert [item["before_header"] for item in found["diff"]] == ["CE1 (before)", "NE1 (before)"]
    assert all(
        f"\nchanged: [{name}]\n" in run.output and f"+++ after: {name} (after)" in run.output for name in INTERFACES
    )
    assert "2 of 2 devices done: 2 changed" in run.output
    assert re.search(r"CE1: .* listening all interface will be enabled", run.output)
    for name in INTERFACES:
        assert json.loads(found["device_results"][name])["commit"]["id"] == str(
            playbooks.devices[name].commits()[0]["id"]
        )
        assert "ntp_multicast_key_memory" not in found["device_results"][name]
    assert not any(secret in run.output for secret in (SECRET, PASSWORD))
    # What it remembers of the keys is what a task of its own would have.
    rotated = playbooks.run([fleet(report_individually_max=0)], environment=facts, **description(OTHER_SECRET))
    assert rotated.registered["fleet"]["CE1"]["msg"] == "2 of 2 devices done: 2 changed"
    again = playbooks.run([task(from_variables=True)], environment=facts, **description(OTHER_SECRET))
    assert [result["changed"] for result in again.results.values()] == [False, False]


def test_up_to_a_number_of_changed_devices_each_has_its_own_task(playbooks: Playbooks) -> None:
    run = playbooks.run([fleet(report_individually_max=2), telling()], "--check", **description())
    found = run.registered["fleet"]["CE1"]
    assert (found["changed"], found["reported"], found["remaining"]) == (False, [], ["CE1", "NE1"])
    assert "diff" not in found


def test_a_device_with_trouble_has_its_own_task_however_many_were_changed(playbooks: Playbooks) -> None:
    playbooks.host_variables["NE1"] = {"ansible_password": "Wrong-Pass-9"}
    run = playbooks.run([fleet(report_individually_max=0)], "--check", **description())
    found = run.registered["fleet"]["CE1"]
    assert (found["reported"], found["remaining"]) == (["CE1"], ["NE1"])
    assert json.loads(found["device_results"]["NE1"])["unreachable"] is True


def test_defaults_of_the_action_group_reach_every_device(playbooks: Playbooks) -> None:
    defaults = {"group/timecast.ntp_multicast.vrp": {"dialect": "ntp-service"}}
    run = playbooks.run([{**fleet(), "module_defaults": defaults}, telling()], hosts="CE1", **description())
    assert "Line: ntp-service authentication enable" in run.results["CE1"]["msg"]  # which this device does not know


def test_no_session_at_all_is_refused(playbooks: Playbooks) -> None:
    run = playbooks.run([fleet(sessions=0)], **description())
    assert run.code == 2
    assert "sessions: 0 is not allowed" in run.output
    assert all(item.commands() == [] for item in playbooks.devices.values())
