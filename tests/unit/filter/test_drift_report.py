# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement over results of tasks that ran in check mode."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.filter.drift_report import drift_report

UNCHANGED = {"changed": False}
SKIPPED = {"changed": False, "skipped": True}
DEVICE = {
    "changed": True,
    "commands": ["interface 100GE1/0/1", "ntp multicast-server 224.0.1.1"],
    "diff": {
        "before": "",
        "after": "interface 100GE1/0/1\n ntp multicast-server 224.0.1.1\n",
        "before_header": "CE1",
        "after_header": "CE1",
    },
}
FILE = {
    "changed": True,
    "diff": [{"before": {"mode": "0600"}, "after": {"mode": "0640"}}, {"prepared": "-a\n+b"}],
}
LOOP = {"changed": True, "results": [UNCHANGED, {**FILE, "diff": []}]}
GONE = {"unreachable": True, "msg": "Connection refused"}
BROKEN = {"failed": True, "msg": ["one thing", "another"]}


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([UNCHANGED], "in_sync"),
        ([SKIPPED, UNCHANGED], "in_sync"),
        ([UNCHANGED, DEVICE], "drifted"),
        ([LOOP], "drifted"),
        ([DEVICE, BROKEN], "failed"),
        ([BROKEN, GONE], "unreachable"),
        ([], "failed"),
        ([SKIPPED, {}], "failed"),
        (None, "failed"),
    ],
)
def test_the_worst_of_its_results_decides_for_a_host(results: Any, status: str) -> None:
    report = drift_report({"h": results})
    assert report["summary"]["hosts"]["h"]["status"] == status
    assert report["in_sync"] is report["summary"]["in_sync"] is (status == "in_sync")


def test_the_report_names_every_host_once_and_then_the_details() -> None:
    report = drift_report({"CE1": [DEVICE], "linux1": [UNCHANGED], "l2": [GONE], "l3": [BROKEN]})
    assert report["lines"] == [
        "CE1     drifted",
        "linux1  in sync",
        "l2      unreachable",
        "l3      failed",
        "",
        "CE1:",
        "  --- CE1",
        "  +++ CE1",
        "  @@ -0,0 +1,2 @@",
        "  +interface 100GE1/0/1",
        "  + ntp multicast-server 224.0.1.1",
        "",
        "l2: Connection refused",
        "",
        "l3: one thing another",
    ]


@pytest.mark.parametrize(
    ("active", "enabled", "told"),
    [
        ("inactive", "enabled", "is not running: systemd says inactive"),
        ("active", "disabled", "is not enabled: systemd says disabled"),
    ],
)
def test_a_service_that_does_not_run_is_said_to(active: str, enabled: str, told: str) -> None:
    """It has no difference to show."""
    status = {"ActiveState": active, "UnitFileState": enabled}
    result = {"changed": True, "name": "e.service", "state": "started", "status": status}
    assert drift_report({"l1": [result]})["lines"][-1] == f"  e.service {told}"


@pytest.mark.parametrize(
    "stdout", ['{"changed": true, "rules": ["+ udp dport 123 accept"]}', "[]", '{"rules": 1}', "{", ""]
)
def test_a_firewall_that_lost_its_rules_is_shown_them(stdout: str) -> None:
    lines = drift_report({"l1": [{"changed": True, "stdout": stdout}]})["lines"]
    assert lines[-1] == ("  + udp dport 123 accept" if "accept" in stdout else "  (no difference shown)")


def test_a_message_that_begins_with_its_host() -> None:
    lines = drift_report({"l1": [{"failed": True, "msg": ["l1: it has no interface eth7"]}]})["lines"]
    assert "l1: it has no interface eth7" in lines


def test_the_summary_is_json_with_totals_and_commands() -> None:
    summary = json.loads(json.dumps(drift_report({"CE1": [DEVICE], "linux1": [UNCHANGED]})["summary"]))
    assert summary["totals"] == {"in_sync": 1, "drifted": 1, "unreachable": 0, "failed": 0}
    assert summary["hosts"]["CE1"]["commands"] == DEVICE["commands"]
    assert summary["hosts"]["linux1"] == {"status": "in_sync", "commands": [], "diff": [], "message": ""}


def test_all_shapes_of_a_difference_are_shown() -> None:
    diff = drift_report({"h": [FILE]})["summary"]["hosts"]["h"]["diff"]
    assert diff == ["--- before", "+++ after", "@@ -1 +1 @@", "-mode: 0600", "+mode: 0640", "-a", "+b"]


def test_nobody_is_not_in_sync() -> None:
    assert drift_report({})["in_sync"] is False


def test_something_else_than_a_dictionary_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="not list"):
        drift_report([])  # type: ignore[arg-type]


def test_the_variables_of_hosts_are_looked_through() -> None:
    hostvars = {
        "ce1": {"ntp_multicast_result": UNCHANGED, "other": DEVICE},
        "ce2": {"ntp_multicast_result": DEVICE},
        "web1": {"results": [SKIPPED, [LOOP]]},
        "gone": {},
    }
    found = drift_report(hostvars, list(hostvars), ["ntp_multicast_result", "results"])["summary"]["hosts"]
    assert {host: entry["status"] for host, entry in found.items()} == {
        "ce1": "in_sync",
        "ce2": "drifted",
        "web1": "drifted",
        "gone": "failed",
    }


def test_of_devices_that_a_fleet_has_reported_no_variables_are_needed() -> None:
    fleet = {
        "in_sync": ["ce1"],
        "reported": ["ce3"],
        "remaining": ["ce2"],
        "device_results": {"ce3": json.dumps(DEVICE)},
    }
    hosts = ["ce1", "ce2", "ce3"]
    found = drift_report({"ce2": {"ntp_multicast_result": DEVICE}}, hosts, fleet=fleet)["summary"]["hosts"]
    assert {host: entry["status"] for host, entry in found.items()} == dict(
        zip(hosts, ["in_sync", "drifted", "drifted"])
    )
    assert found["ce3"] == found["ce2"]


def test_keys_that_could_not_be_compared_are_a_status_of_their_own() -> None:
    unknown = {"changed": False, "keys_not_compared": [43, 42]}
    report = drift_report({"ce1": [unknown], "ce2": [UNCHANGED], "ce3": [{**DEVICE, "keys_not_compared": [43]}]})
    assert report["lines"][:3] == [
        "ce1  in sync, but keys 42, 43 could not be compared",
        "ce2  in sync",
        "ce3  drifted, but key 43 could not be compared",
    ]
    assert report["summary"]["totals"]["keys_not_compared"] == 1
    assert report["summary"]["hosts"]["ce1"]["keys_not_compared"] == [42, 43]
    assert "keys_not_compared" not in report["summary"]["hosts"]["ce2"]
    assert report["in_sync"] is False
    assert list(report["ends"]) == ["ce3"]
    assert list(drift_report({"ce1": [unknown]}, require_compared_keys="yes")["ends"]) == ["ce1"]


def test_each_host_ends_with_its_own_state() -> None:
    report = drift_report({"ce1": {}, "gone": {}}, ["ce1", "gone", "bad"], failed={"bad": "ttl: 256 is refused"})
    ends = {name: json.loads(end) for name, end in report["ends"].items()}
    assert ends["bad"] == {"failed": True, "msg": "ttl: 256 is refused"}
    assert json.loads(drift_report({"h": [GONE]})["ends"]["h"]) == {"unreachable": True, "msg": "Connection refused"}
    assert report["first"] == "ce1"
