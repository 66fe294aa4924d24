# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known after a step, from what its tasks gave."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.filter.wave_report import wave_report
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.task_results import LEFT_OUT
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.waves import Settings, plan

FOUND = {"vrp": ["c1", "c2", "c3", "c4"], "linux": ["l1", "l2"], "failed": {}, "servers": []}


class SlowList(list[Any]):
    """A list as Ansible hands it to filters: to look for a member in it resolves the templates of all."""

    def __contains__(self, member: object) -> bool:
        raise AssertionError(f"looked for {member!r} in a list of the whole fleet")


def slow(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: slow(item) for name, item in value.items()}
    return SlowList(map(slow, value)) if isinstance(value, list) else value


def test_a_fleet_and_hosts_beside_it() -> None:
    steps = slow(plan(FOUND, Settings(fleet_from=2)))
    (step,) = steps["steps"]
    fleet = slow(
        {
            "in_sync": ["c1"],
            "reported": ["c2"],
            "device_results": {"c3": json.dumps({"failed": True, "msg": "no such interface"})},
        }
    )
    hosts = {"l1": {"ntp_multicast_result": {"failed": True, "msg": "no room"}}, "l2": {}}
    told = wave_report(hosts, steps, step, fleet=fleet)
    assert told["done"] == ["c1", "c2", "l2"]
    assert told["failed"] == {"c3": "no such interface", "c4": LEFT_OUT["msg"], "l1": "no room"}
