# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run looks at the hosts that it was asked to look at, or says why it would not."""

from __future__ import annotations

import contextlib
import pathlib
from typing import Any

import pytest
import yaml
from ansible import context
from ansible.errors import AnsibleError

from ansible_collections.timecast.ntp_multicast.plugins.filter.at_least_one_host import at_least_one_host
from ansible_collections.timecast.ntp_multicast.plugins.filter.wave_plan import wave_plan
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.chosen_hosts import (
    refuse_left_out,
    refuse_names,
)

GROUPS = {"all": ["ce1", "ce2", "web1"], "vrp": ["ce1", "ce2"], "web1": ["web1"]}
OURS = "timecast.ntp_multicast.site"
FILE = str(pathlib.Path(__file__).resolve().parents[3] / "playbooks" / "check_drift.yml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"args": [OURS], "tags": ["ntp"]}, "--tags ntp leaves out every task"),
        ({"args": ["my.yml", FILE], "tags": ("ntp", "clock")}, "--tags ntp,clock leaves out every task"),
        ({"args": [OURS], "tags": ["all"], "skip_tags": ["untagged"]}, "--skip-tags untagged leaves out every task"),
        ({"args": [OURS], "start_at_task": "Knock"}, "--start-at-task leaves out"),
        ({"args": [OURS], "tags": ["all"], "skip_tags": ["ntp"]}, ""),
        ({"args": [OURS], "tags": ["untagged"]}, ""),
        ({"args": [OURS]}, ""),
        # Whoever imports a playbook may have tagged it.
        ({"args": ["my.yml"], "tags": ["ntp"], "start_at_task": "Knock"}, ""),
        ({}, ""),
    ],
)
def test_green_does_not_mean_that_every_task_was_left_out(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleError, match=f"^{words}") if words else contextlib.nullcontext():
        refuse_left_out(arguments)


def test_a_command_line_that_leaves_out_every_task_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"args": [OURS], "tags": ["ntp"]})
    with pytest.raises(AnsibleError, match="--tags ntp"):
        at_least_one_host(GROUPS, "all", allow_none=True)


def test_a_host_with_the_name_of_a_group_is_refused_unless_it_is_the_group() -> None:
    assert at_least_one_host(GROUPS, "all") == ["ce1", "ce2", "web1"]
    groups = {**GROUPS, "ce1": ["web1"]}
    refuse_names(["ce2", "web1"], groups)
    with pytest.raises(AnsibleError, match=r"^ce1: the inventory has a host and a group of this name"):
        at_least_one_host(groups, "all")


def test_patterns_may_be_lists() -> None:
    assert at_least_one_host(GROUPS, ["ce1", "web1"]) == ["ce1", "web1"]
    found = {"vrp": ["ce1", "ce2"], "linux": ["web1"], "failed": {}, "servers": []}
    steps = wave_plan(found, GROUPS, canary=["ce2", "web1"])["steps"]
    assert [step["hosts"] for step in steps] == [["ce2", "web1"], ["ce1"]]


def test_no_play_goes_by_what_ansible_cfg_says_of_strategy_and_errors() -> None:
    plays = [
        play
        for path in sorted(pathlib.Path(FILE).parent.rglob("*.yml"))
        for play in yaml.safe_load(path.read_text(encoding="utf-8"))
        if "hosts" in play
    ]
    assert len(plays) > 20
    for play in plays:
        assert (play["strategy"], play["any_errors_fatal"]) == ("ansible.builtin.linear", False), play["name"]


@pytest.mark.parametrize("most", [1, "1", 2, " 2 "])
def test_more_hosts_than_are_allowed_are_refused(most: Any) -> None:
    assert at_least_one_host(GROUPS, "ce1", most=most) == ["ce1"]
    with pytest.raises(AnsibleError, match=r"^The pattern 'all' names 3 hosts, and ntp_multicast_hosts_max allows"):
        at_least_one_host(GROUPS, "all", most=most)


@pytest.mark.parametrize("most", [None, "", 3, "10"])
def test_as_many_hosts_as_are_allowed_are_taken(most: Any) -> None:
    assert at_least_one_host(GROUPS, "all", most=most) == ["ce1", "ce2", "web1"]


@pytest.mark.parametrize("most", [0, -1, "many", "1.5", True])
def test_a_number_that_is_none_is_refused(most: Any) -> None:
    with pytest.raises(AnsibleError, match=r"^ntp_multicast_hosts_max: .* has to be a number of hosts from 1"):
        at_least_one_host(GROUPS, "ce1", most=most)
