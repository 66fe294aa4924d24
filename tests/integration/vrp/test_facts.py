# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vrp_facts over SSH, as a task and in a play that gathers facts."""

from __future__ import annotations

import sys

import pytest
from harness import Playbooks, task

EXPECTED = {
    "CE1": {
        "net_hostname": "CE1",
        "net_commit_mode": "candidate",
        "net_ntp_dialect": "ntp",
        "net_system": "YunShan OS",
    },
    "NE1": {"net_hostname": "NE1", "net_commit_mode": "candidate", "net_ntp_dialect": "ntp-service"},
}


def test_facts_by_a_task(playbooks: Playbooks) -> None:
    run = playbooks.run([task(_name="vrp_facts")])
    assert run.code == 0, run.output
    for name, expected in EXPECTED.items():
        facts = run.results[name]["ansible_facts"]
        for fact, value in expected.items():
            assert facts[f"ansible_{fact}"] == value
        assert facts["ansible_net_version"].startswith("V") and facts["ansible_net_model"]


@pytest.mark.end_to_end
def test_a_play_that_gathers_facts_includes_devices(playbooks: Playbooks) -> None:
    run = playbooks.run(
        [{"ansible.builtin.gather_facts": {}, "register": "result"}],
        ansible_facts_modules="timecast.ntp_multicast.vrp_facts",
        ansible_python_interpreter=sys.executable,
    )
    assert run.code == 0, run.output
    assert "WARNING" not in run.output
    for name, expected in EXPECTED.items():
        facts = run.results[name]["ansible_facts"]
        assert {f"ansible_{fact}": value for fact, value in expected.items()}.items() <= facts.items()


def test_other_modules_still_say_that_a_device_has_no_python(playbooks: Playbooks) -> None:
    run = playbooks.run(
        [{"ansible.builtin.setup": {}, "register": "result", "ignore_errors": True, "ignore_unreachable": True}],
        ansible_python_interpreter=sys.executable,
    )
    for result in run.results.values():
        assert "has no shell" in result["msg"] and "vrp_facts" in result["msg"]
