# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a run, when it stops, and what it says; and what a rollback takes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.filter.rollback_plan import rollback_plan
from ansible_collections.timecast.ntp_multicast.plugins.filter.wave_plan import wave_plan
from ansible_collections.timecast.ntp_multicast.plugins.filter.wave_report import wave_report
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.taking_back import Found
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.taking_back import plan as plan_back
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.waves import (
    Settings,
    WrongWaves,
    judge,
    plan,
)

FOUND = {
    "vrp": ["c1", "s1", "c2", "c3"],
    "linux": ["l1", "l2"],
    "failed": {"x": "foreign"},
    "servers": ["s1", "l2"],
}


def steps(**settings: Any) -> list[tuple[str, list[str]]]:
    return [(step["name"], step["hosts"]) for step in plan(FOUND, Settings(**settings))["steps"]]


def test_servers_come_before_clients() -> None:
    assert steps() == [("the servers", ["s1", "l2"]), ("the clients", ["c1", "c2", "c3", "l1", "x"])]


def test_a_canary_comes_first_and_only_once() -> None:
    assert steps(canary=["c2", "somebody else"]) == [
        ("the canary", ["c2"]),
        ("the servers", ["s1", "l2"]),
        ("the clients", ["c1", "c3", "l1", "x"]),
    ]


@pytest.mark.parametrize(
    ("batches", "sizes"),
    [
        ([1, 3, "100%"], [1, 1, 1, 3, 1]),
        (["50%"], [1, 1, 2, 2, 1]),
        ("[1, 3, 100%]", [1, 1, 1, 3, 1]),
        ("2", [2, 2, 2, 1]),
        (4, [2, 4, 1]),
        (["1%"], [1] * 7),
        (None, [2, 5]),
    ],
)
def test_batches_are_those_of_serial(batches: Any, sizes: list[int]) -> None:
    planned = plan(FOUND, Settings(batches=batches))
    assert [len(step["hosts"]) for step in planned["steps"]] == sizes
    assert planned["serial"] == sizes
    assert sorted(planned["hosts"]) == ["c1", "c2", "c3", "l1", "l2", "s1", "x"]


@pytest.mark.parametrize(
    "settings",
    [
        {"batches": []},
        {"batches": ""},
        {"batches": [0]},
        {"batches": [True]},
        {"batches": ["0%"]},
        {"batches": ["some"]},
        {"batches": [-1]},
        {"canary": []},
        {"canary": ["nobody"]},
        {"max_failed": -1},
        {"max_failed": "200%"},
        {"check_between": "maybe"},
    ],
)
def test_what_makes_no_sense_is_named(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(WrongWaves, match=f"^ntp_multicast_{name}: "):
        plan(FOUND, Settings(**settings))


def test_all_that_makes_no_sense_is_told_at_once() -> None:
    told = wave_plan(FOUND, {"all": []}, canary="nobody", batches=[0], max_failed="many", check_between="maybe")
    names = ("canary", "batches", "max_failed", "check_between")
    assert [line.partition(":")[0] for line in told["problems"]] == [f"ntp_multicast_{name}" for name in names]
    assert told["hosts"] == []


def test_a_fleet_needs_one_host_in_its_play() -> None:
    (_servers, clients) = plan(FOUND, Settings(fleet_from=2))["steps"]
    assert clients["fleet"] and clients["devices"] == ["c1", "c2", "c3"]
    assert clients["play_hosts"] == ["c1", "l1", "x"]
    (_servers, looked_at) = plan(FOUND, Settings(fleet_from=2, check_between="reachable"))["steps"]
    assert looked_at["play_hosts"] == ["c1", "c2", "c3", "l1", "x"]


@pytest.mark.parametrize(
    ("settings", "limit"),
    [({}, 7), ({"batches": [1]}, 0), ({"max_failed": 2}, 2), ({"max_failed": "50%"}, 3), ({"max_failed": "0"}, 0)],
)
def test_how_many_may_fail(settings: dict[str, Any], limit: int) -> None:
    assert plan(FOUND, Settings(**settings))["max_failed"] == limit


BAD = {"failed": True, "changed": False, "msg": "A line was refused.\nNothing was changed."}
GONE = {"unreachable": True, "changed": False, "msg": "Connection timed out."}
PERHAPS = {"failed": True, "changed": True, "msg": "The session was lost."}


def test_a_canary_that_fails_stops_the_run_whatever_the_limit() -> None:
    planned = plan(FOUND, Settings(canary=["c1"], max_failed=5))
    report = judge(planned, planned["steps"][0], None, {"c1": BAD}, {}, "the command")
    assert report["stop"]
    text = "\n".join(report["lines"])
    assert "Stopped after the canary (1 of 7 hosts)" in text
    assert "  c1: A line was refused. Nothing was changed." in text
    assert "The new description: none" in text
    assert "(7)" in text
    assert text.endswith("the command")


def test_what_became_of_each_host_is_told() -> None:
    planned = plan(FOUND, Settings(max_failed=1))
    servers, clients = planned["steps"]
    first = judge(planned, servers, None, {"s1": PERHAPS}, {})
    assert not first["stop"]
    planned["max_failed"] = 0
    first = judge(planned, servers, None, {"s1": PERHAPS}, {})
    assert first["stop"]
    assert "The new description: l2 (1)" in first["lines"]
    assert "Not known, look there first: s1 (1)" in first["lines"]
    last = judge(planned, clients, first, {"c1": BAD}, {})
    assert not last["stop"], "nothing is left to stop"
    assert set(last["ends"]) == {"s1", "c1"}


def test_a_look_afterwards_can_fail_a_host_that_was_changed() -> None:
    planned = plan(FOUND, Settings(check_between="synchronised"))
    states = {"s1": {"ntp": {}, "msg": "Not synchronised."}, "l2": {"unreachable": True, "msg": "No answer."}}
    report = judge(planned, planned["steps"][0], None, {}, states)
    assert report["failed"] == {"s1": "Not synchronised.", "l2": "No answer."}
    planned["check_between"] = "reachable"
    assert list(judge(planned, planned["steps"][0], None, {}, states)["failed"]) == ["l2"]


@pytest.mark.parametrize("registered", [GONE, {"results": [{"changed": False}, GONE]}])
def test_a_host_that_was_lost_while_it_was_changed_is_not_as_described(registered: dict[str, Any]) -> None:
    planned = plan(FOUND, Settings(max_failed=0))
    lost = {"__ntp_multicast_knock": {"ping": "pong"}, "__ntp_multicast_engine_configured": registered}
    variables: dict[str, Any] = {"s1": {}, "l2": {"__ntp_multicast_engine_look": {"rc": 0}}}
    assert wave_report(variables, planned, planned["steps"][0])["done"] == ["s1", "l2"]
    report = wave_report({**variables, "l2": lost}, planned, planned["steps"][0])
    assert (report["done"], report["perhaps"], report["stop"]) == (["s1"], ["l2"], True)
    assert json.loads(report["ends"]["l2"])["unreachable"] is True
    assert "Lost while it was changed: Connection timed out." in report["failed"]["l2"]


# -- rollback ----------------------------------------------------------------------------------------------------------


def commit(number: int, label: str | None = None, kind: str = "CLI") -> dict[str, Any]:
    return {"id": f"100000000{number}", "label": label, "user": "ops", "time": "now", "type": kind}


def test_only_hosts_of_the_run_go_back() -> None:
    found = {
        "a": Found.of_device({"commits": [commit(3, "one"), commit(2, "one"), commit(1)]}),
        "b": Found.of_device({"commits": [commit(1)]}),
        "l": Found.of_host({"generations": [{"run_id": "one", "time": "now"}], "taken_back": []}),
        "m": Found.of_host({"generations": [], "taken_back": [{"number": 1, "run_id": "one"}]}),
        "gone": Found.of_device({"msg": "No answer."}),
    }
    back = plan_back(found, "one", others=False)
    assert (back["hosts"], back["problems"], back["unknown"]) == (["a", "l"], [], {"gone": "No answer."})


def test_what_others_did_since_is_no_part_of_the_run() -> None:
    found = {"a": Found.of_device({"commits": [commit(3, kind="ROLLBACK"), commit(2), commit(1, "one")]})}
    (problem,) = plan_back(found, "one", others=False)["problems"]
    assert "commit 1000000002 by ops" in problem and "1000000003" not in problem
    assert plan_back(found, "one", others=True)["problems"] == []


def test_the_last_run_is_the_newest_of_all_hosts() -> None:
    labels = ("site-20261127T141500Z", "site-20261128T000000Z", "zzz")
    found = {label: Found.of_device({"commits": [commit(1, label)]}) for label in labels}
    assert plan_back(found, "last", others=False)["hosts"] == ["site-20261128T000000Z"]


def test_a_host_that_nobody_logs_in_to_is_not_taken_for_one_that_the_run_left_alone() -> None:
    device = {"__ntp_multicast_commits": {"commits": [commit(1, "one")]}}
    found = {"vrp": ["a"], "linux": [], "failed": {"b": "ntp_multicast_state:\nwrong"}}
    back = rollback_plan({"a": device}, found, "one")
    assert (back["hosts"], back["unknown"]) == (["a"], {"b": "ntp_multicast_state: wrong"})


def test_a_host_that_has_forgotten_what_was_there_before_is_not_one_that_the_run_left_alone() -> None:
    entry = {"number": 1, "run_id": "one", "time": "now"}
    new = {"number": 5, "run_id": "two", "time": "now"}
    device = Found.of_device({"commits": [commit(1, "one")]})
    for generations, taken, refused in (([new], [], True), ([entry], [], True), ([new], [entry], False)):
        listed = {"generations": generations, "taken_back": taken, "forgotten": [entry]}
        back = plan_back({"a": device, "l": Found.of_host(listed)}, "one", others=True)
        assert any(problem.startswith("l: changed by one, but") for problem in back["problems"]) is refused
