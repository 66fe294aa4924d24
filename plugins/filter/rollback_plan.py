# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rollback_plan
short_description: Which hosts a run has changed, and what else would go with it
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - The playbook C(timecast.ntp_multicast.rollback) uses it before it touches a host.
positional: _input, found, run_id
options:
  _input:
    description: The variables of the hosts, that is C(hostvars).
    type: dict
    required: true
  found:
    description: What the preflight found.
    type: dict
    required: true
  run_id:
    description: The id of the run, or V(last).
    type: str
    required: true
  others:
    description: Whether the changes of others may be taken back too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Plan
  ansible.builtin.set_fact:
    going: "{{ hostvars | timecast.ntp_multicast.rollback_plan(found, 'last') }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    run_id:
      description: The id of the run.
      type: str
    hosts:
      description: Names of the hosts that the run has changed.
      type: list
      elements: str
    unknown:
      description: Hosts that could not be asked, each with the reason.
      type: dict
    problems:
      description: What is wrong. Empty when there is nothing.
      type: list
      elements: str
    lines:
      description: What to say.
      type: list
      elements: str
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.taking_back import Found, plan


def generations_of(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a Linux host has answered."""
    for name in ("__ntp_multicast_knock", "__ntp_multicast_failure"):
        found = variables.get(name)
        if isinstance(found, Mapping) and (found.get("unreachable") or found.get("failed")):
            return found
    answer = variables.get("__ntp_multicast_engine_generation") or {}
    try:
        listed: Mapping[str, Any] = json.loads(answer.get("stdout") or "")
    except ValueError:
        return answer
    return listed


def rollback_plan(
    value: Mapping[str, Any], found: Mapping[str, Any], run_id: str, others: Any = False
) -> dict[str, Any]:
    listed = {host: Found.of_device(value[host].get("__ntp_multicast_commits") or {}) for host in found["vrp"]}
    listed |= {host: Found.of_host(generations_of(value[host])) for host in found["linux"]}
    # Nobody logs in to a host with wrong variables; whether the run has changed it is not known.
    listed |= {host: Found(reason=" ".join(reason.split())) for host, reason in (found.get("failed") or {}).items()}
    return plan(listed, str(run_id), boolean(others, strict=False))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollback_plan": rollback_plan}
