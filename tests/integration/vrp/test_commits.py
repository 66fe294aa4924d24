# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vrp_commit over SSH: lists, trials and rollbacks, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from harness import SECRET, Playbooks, Run, server_config, task

from vrp_simulator.testing import LocalLink, RunningDevice

INTERFACE = "{{ '100GE1/0/1' if inventory_hostname == 'CE1' else 'GigabitEthernet0/1/0' }}"


def with_ttl(ttl: int) -> dict[str, Any]:
    """A configuration of one multicast server."""
    return {"interfaces": [{"name": INTERFACE, "servers": [{"address": "239.1.2.3", "ttl": ttl}]}]}


def text_of(item: RunningDevice) -> str:
    """The running configuration without the lines that tell when it was changed."""
    return "\n".join(line for line in item.running_configuration().splitlines() if not line.startswith("!"))


def configure(**options: Any) -> dict[str, Any]:
    return task(_register="configured", config=server_config(INTERFACE), **options)


def rolled_back(**options: Any) -> dict[str, Any]:
    return task(_name="vrp_commit", state="rolled_back", **options)


def succeeded(run: Run) -> dict[str, dict[str, Any]]:
    assert run.code == 0, run.output
    return run.results


def test_commits_are_listed_with_what_they_changed(playbooks: Playbooks) -> None:
    run = playbooks.run([configure(commit={"label": "first"}), task(_name="vrp_commit", changes=True, last=1)])
    for name, result in succeeded(run).items():
        (commit,) = result["commits"]
        assert commit["id"] == run.registered["configured"][name]["commit"]["id"]
        assert (commit["label"], commit["user"], commit["type"]) == ("first", "ops", "CLI")
        assert any(line.startswith("+") and "multicast-server" in line for line in commit["changes"])
        assert result["trial"] is None and result["changed"] is False
    assert SECRET not in run.output and "%^%#" not in run.output


@pytest.mark.parametrize("way", ["commit_id", "before_label"])
def test_a_rollback_restores_the_text(playbooks: Playbooks, way: str) -> None:
    playbooks.run([task(config=with_ttl(20), commit={"label": "old"})])
    before = {name: text_of(item) for name, item in playbooks.devices.items()}
    old = {name: item.commits()[-1]["id"] for name, item in playbooks.devices.items()}
    playbooks.run([task(config=with_ttl(30), commit={"label": "new"})])
    targets = {"commit_id": "{{ old[inventory_hostname] }}", "before_label": "new"}
    run = playbooks.run(
        [
            {**rolled_back(**{way: targets[way]}), "check_mode": True, "register": "predicted"},
            rolled_back(**{way: targets[way]}),
        ],
        "--diff",
        old=old,
    )
    for name, result in succeeded(run).items():
        assert run.registered["predicted"][name]["changed"] and result["changed"]
        assert result["outcome"] == "rolled_back"
        assert [commit["label"] for commit in result["commits"]] == ["new"]
        assert "ttl 30" in result["diff"]["prepared"] and "ttl 20" in result["diff"]["prepared"]
        item = playbooks.devices[name]
        assert text_of(item) == before[name]
        assert str(item.commits()[-1]["id"]) == result["commit"]["id"]


def test_check_mode_takes_nothing_back(playbooks: Playbooks) -> None:
    playbooks.run([configure(commit={"label": "new"})])
    before = {name: text_of(item) for name, item in playbooks.devices.items()}
    assert all(result["changed"] for result in succeeded(playbooks.run([rolled_back(last=1)], "--check")).values())
    assert {name: text_of(item) for name, item in playbooks.devices.items()} == before


def test_where_nothing_came_after_nothing_is_done(playbooks: Playbooks) -> None:
    playbooks.run([configure(commit={"label": "new"})])
    for result in succeeded(playbooks.run([rolled_back(label="new")])).values():
        assert (result["changed"], result["outcome"], result["commits"]) == (False, "unchanged", [])


WRONG_TARGETS = (
    ({"commit_id": "1999999999"}, "commit_id: 1999999999 is not among the commits"),
    ({"label": "nowhere"}, "label: nowhere is not among the commits"),
    ({"before_label": "nowhere"}, "before_label: nowhere is not among the commits"),
    ({"last": 100}, "last: 100 commits are to be taken back, but the device lists"),
    ({"last": 0}, "last: 0 has to be 1 or more"),
    ({"commit_id": "12"}, "commit_id: '12' has to be ten digits"),
    ({"label": "a\nsysname PWNED"}, "is no label that a commit can have"),
)


def test_a_wrong_target_is_refused_before_anything_is_typed(playbooks: Playbooks) -> None:
    tasks = [
        {**rolled_back(**options), "ignore_errors": True, "register": f"wrong{number}"}
        for number, (options, _words) in enumerate(WRONG_TARGETS)
    ]
    run = playbooks.run(tasks)
    for number, (_options, words) in enumerate(WRONG_TARGETS):
        for result in run.registered[f"wrong{number}"].values():
            assert result["failed"] and words in result["msg"], result["msg"]
    for item in playbooks.devices.values():
        assert not any("rollback" in entry["line"] for entry in item.commands())


def test_commits_of_others_are_shown_and_protected(playbooks: Playbooks) -> None:
    playbooks.run([configure(commit={"label": "run"})])
    for item in playbooks.devices.values():
        item.change_as("alice", [max_distance(item.name)])
    before = {name: text_of(item) for name, item in playbooks.devices.items()}
    run = playbooks.run([{**rolled_back(before_label="run"), "ignore_errors": True}])
    for name, result in run.results.items():
        assert "by alice at" in result["msg"] and "rollback_others" in result["msg"]
        assert text_of(playbooks.devices[name]) == before[name]
    run = playbooks.run([rolled_back(before_label="run", rollback_others=True)])
    for name, result in succeeded(run).items():
        assert [commit["user"] for commit in result["commits"]] == ["alice", "ops"]
        assert "max-distance" not in playbooks.devices[name].running_configuration()


def test_a_trial_that_does_not_run_needs_no_end(playbooks: Playbooks) -> None:
    for state in ("confirmed", "aborted"):
        for result in succeeded(playbooks.run([task(_name="vrp_commit", state=state)])).values():
            assert (result["changed"], result["outcome"]) == (False, "no_trial")


def start_trial(item: RunningDevice, line: str, *options: str) -> LocalLink:
    """A trial of somebody who is still logged in."""
    link = item.open_link()
    link.converse()
    for typed in ("system-view", line, " ".join(["commit trial 600", *options])):
        link.converse(f"{typed}\n")
    assert item.trial_active()
    return link


def max_distance(name: str) -> str:
    return "ntp max-distance 3" if name == "CE1" else "ntp-service max-distance 3"


@pytest.mark.parametrize("state", ["confirmed", "aborted"])
def test_a_trial_with_a_persist_id_can_be_ended_from_another_login(playbooks: Playbooks, state: str) -> None:
    links = [start_trial(item, max_distance(name), "persist", "run7") for name, item in playbooks.devices.items()]
    run = playbooks.run([task(_name="vrp_commit", _register="seen"), task(_name="vrp_commit", state=state)])
    for name, result in succeeded(run).items():
        trial = run.registered["seen"][name]["trial"]
        assert trial["persist_id"] == "run7" and 0 < trial["seconds_left"] <= 600
        assert (result["changed"], result["outcome"], result["trial"]) == (True, state, None)
        assert not playbooks.devices[name].trial_active()
        kept = "max-distance" in playbooks.devices[name].running_configuration()
        assert kept is (state == "confirmed")
    for link in links:
        link.close()


@pytest.mark.parametrize("state", ["confirmed", "aborted"])
def test_a_trial_of_another_login_is_not_told_as_ended(playbooks: Playbooks, state: str) -> None:
    links = [start_trial(item, max_distance(name)) for name, item in playbooks.devices.items()]
    run = playbooks.run([task(_name="vrp_commit", _failing=True, state=state)])
    for name, result in run.results.items():
        assert result["failed"] and not result["changed"]
        assert playbooks.devices[name].trial_active()
    for item, link in zip(playbooks.devices.values(), links):
        item.expire_trial()
        link.close()
