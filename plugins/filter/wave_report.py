# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: wave_report
short_description: What became of the hosts of a run so far, and whether it goes on
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Judges a step of the plan that P(timecast.ntp_multicast.wave_plan#filter) made.
  - The playbook C(timecast.ntp_multicast.site) uses it.
positional: _input, plan, step
options:
  _input:
    description: The variables of the hosts, that is C(hostvars).
    type: dict
    required: true
  plan:
    description: The plan.
    type: dict
    required: true
  step:
    description: The step that is done.
    type: dict
    required: true
  before:
    description: What this filter returned after the step before.
    type: dict
  fleet:
    description: The registered result of M(timecast.ntp_multicast.vrp_ntp_multicast_fleet), where it did the work.
    type: dict
  checked:
    description: Whether the hosts were looked at after their change.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Judge the step
  ansible.builtin.set_fact:
    report: "{{ hostvars | timecast.ntp_multicast.wave_report(waves, waves.steps[0]) }}"
"""

RETURN = r"""
_value:
  description: What is known.
  type: dict
  contains:
    done:
      description: Hosts that are as described.
      type: list
      elements: str
    failed:
      description: Hosts that failed, each with the reason.
      type: dict
    perhaps:
      description: Those of them that may have the new description all the same.
      type: list
      elements: str
    ends:
      description:
        - For each host of which there is something to tell the result of a task as JSON, as
          M(timecast.ntp_multicast.vrp_ntp_multicast_fleet) has it in
          RV(timecast.ntp_multicast.vrp_ntp_multicast_fleet#module:device_results).
      type: dict
    stop:
      description: Whether the run stops here.
      type: bool
    lines:
      description: What to say.
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.command_line import command_again
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import plain
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.task_results import (
    result_of,
    results_in_fleet,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.waves import judge


def wave_report(
    value: Mapping[str, Any],
    plan: Mapping[str, Any],
    step: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    fleet: Mapping[str, Any] | None = None,
    checked: bool = False,
) -> dict[str, Any]:
    steps, here = plain(plan, "plan"), plain(step, "step")
    in_fleet = frozenset(here["devices"] if here["fleet"] else ())
    results = results_in_fleet(fleet or {}, in_fleet)
    results.update({host: result_of(value[host]) for host in here["hosts"] if host not in in_fleet})
    states = {host: value[host].get("ntp_multicast_status") or {} for host in here["hosts"]} if checked else {}
    return judge(steps, here, before, results, states, command_again())


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"wave_report": wave_report}
