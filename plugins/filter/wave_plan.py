# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: wave_plan
short_description: In which order the hosts of a run are changed
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Divides the hosts that P(timecast.ntp_multicast.host_preflight#filter) found into steps, which are a canary, then
    batches of servers, then batches of clients.
  - Where what is asked for makes no sense it returns the sentences that say so, and no steps.
  - The playbook C(timecast.ntp_multicast.site) uses it.
positional: _input
options:
  _input:
    description: What the preflight found.
    type: dict
    required: true
  groups:
    description: The groups of the inventory with the names of their hosts, that is C(groups).
    type: dict
    required: true
  canary:
    description: A pattern of the hosts that go first, or a list of such. Empty, there are none.
    type: raw
    default: ''
  batches:
    description:
      - How many hosts a batch has, as numbers or as shares in per cent. The last size goes for the rest.
        Omitted, a batch has all hosts.
    type: raw
  max_failed:
    description: How many hosts may fail before the run stops, as a number or as a share of all hosts in per cent.
    type: raw
  check_between:
    description: What is looked at between two steps.
    type: str
    choices: [none, reachable, synchronised]
    default: none
  fleet_from:
    description: The number of devices in a step from which on one task works on all of them.
    type: int
    default: 50
"""

EXAMPLES = r"""
- name: Plan the waves
  ansible.builtin.set_fact:
    waves: "{{ found | timecast.ntp_multicast.wave_plan(groups, canary='ce1', batches=[1, 10, '100%']) }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    steps:
      description: Each step with its C(name), its C(hosts), its C(devices), and whether they are a C(fleet).
      type: list
      elements: dict
    hosts:
      description: The hosts of the play that carries the steps out, in their order.
      type: list
      elements: str
    serial:
      description: How many of these hosts belong to each step.
      type: list
      elements: int
    check_between:
      description: As the option.
      type: str
    max_failed:
      description: How many hosts may fail.
      type: int
    problems:
      description: What makes no sense, a sentence for each variable. Empty when there is nothing.
      type: list
      elements: str
    asked:
      description: Whether anything but servers before clients was asked for.
      type: bool
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible import context

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.chosen_hosts import pattern_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.private import hosts_of_pattern
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.waves import Settings, plan, problems


def wave_plan(
    value: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    canary: Any = "",
    batches: Any = None,
    max_failed: Any = None,
    check_between: str = "none",
    fleet_from: int = 50,
) -> dict[str, Any]:
    limit = context.CLIARGS.get("subset")
    named = hosts_of_pattern(groups, pattern_of(canary), limit) if canary else None
    settings = Settings(named, batches, max_failed, str(check_between), int(fleet_from))
    wrong = problems(value, settings)
    if wrong:
        return {"steps": [], "hosts": [], "serial": [], "problems": wrong}
    return {**plan(value, settings), "problems": []}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"wave_plan": wave_plan}
