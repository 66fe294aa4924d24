# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rotation_report
short_description: What became of the hosts of a step of the rotation of a key
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - The playbook C(timecast.ntp_multicast.rotate_key) uses it after each batch of a step.
positional: _input, run, hosts, step
options:
  _input:
    description: The variables of the hosts, that is C(hostvars).
    type: dict
    required: true
  run:
    description: What P(timecast.ntp_multicast.rotation_plan#filter) returned.
    type: dict
    required: true
  hosts:
    description: Names of the hosts that were changed.
    type: list
    elements: str
    required: true
  step:
    description: The step.
    type: str
    choices: [new_key, servers, old_key]
    required: true
"""

EXAMPLES = r"""
- name: Judge what became of them
  ansible.builtin.set_fact:
    rotation: "{{ hostvars | timecast.ntp_multicast.rotation_report(rotation, ansible_play_batch, 'new_key') }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: As of P(timecast.ntp_multicast.rotation_plan#filter).
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.command_line import goes_on
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.rotation_run import after_change
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.task_results import result_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.rotation import Step


def rotation_report(
    value: Mapping[str, Any], run: Mapping[str, Any], hosts: Sequence[str], step: str
) -> dict[str, Any]:
    results = {host: result_of(value[host]) for host in hosts}
    return vars(after_change(run, list(hosts), results, goes_on(), Step(step)))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rotation_report": rotation_report}
