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

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible import context

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import plain
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.waves import judge

# What the role for Linux hosts registers.
OF_ROLE = "__ntp_multicast_engine_"
LEFT_OUT = {
    "failed": True,
    "changed": False,
    "msg": "The task for many devices has left it out, or was ended before. Run again.",
}


def result_of(variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a task of a host's own gave; None where it went well."""
    for name in ("__ntp_multicast_failure", "__ntp_multicast_knock", "ntp_multicast_result"):
        found = variables.get(name)
        if isinstance(found, Mapping) and (found.get("failed") or found.get("unreachable")):
            return found
    return lost_in_between(variables)


def lost_in_between(variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The result of a task of the role that did not reach its Linux host; None where all did.

    The play goes on after such a task, and what it left out nobody has seen.
    """
    for name in variables:
        if str(name).startswith(OF_ROLE):
            found = variables[name]
            lost = next((each for each in each_result(found) if each.get("unreachable")), None)
            if lost is not None:
                reason = " ".join(str(lost.get("msg") or "it gives no reason").split())
                return {"unreachable": True, "changed": True, "msg": f"Lost while it was changed: {reason}"}
    return None


def each_result(registered: Any) -> list[Mapping[str, Any]]:
    """The results in a registered variable, of each turn of a loop."""
    if not isinstance(registered, Mapping):
        return []
    turns = registered.get("results")
    return [registered, *(each for each in (turns if isinstance(turns, list) else ()) if isinstance(each, Mapping))]


def results_in_fleet(fleet: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, Mapping[str, Any] | None]:
    """What the task for many devices gave; None where there is nothing to tell."""
    # Ansible's lists resolve all their templates at each look for a member.
    told = frozenset((*fleet.get("in_sync", ()), *fleet.get("reported", ())))
    kept = dict(fleet.get("device_results") or {})
    return {host: None if host in told else json.loads(kept[host]) if kept.get(host) else LEFT_OUT for host in hosts}


def command_again(playbook: str = "site") -> str:
    """The command that goes on, without the extra variables, which may be secret."""
    words = ["ansible-playbook", f"timecast.ntp_multicast.{playbook}"]
    for source in context.CLIARGS.get("inventory") or ():
        words += ["-i", str(source)]
    limit = context.CLIARGS.get("subset")
    words += ["--limit", str(limit)] if limit else []
    extra = " (with the same extra variables)" if context.CLIARGS.get("extra_vars") else ""
    return shlex.join(words) + extra


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
