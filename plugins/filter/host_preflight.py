# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: host_preflight
short_description: Which of many hosts are devices or Linux hosts, and what is wrong with their variables
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Looks at the variables of the role P(timecast.ntp_multicast.ntp_multicast#role) of many hosts in one task,
    which for a large fleet is many times quicker than a task for each host.
  - Checks names, types, choices and rules, and whether every template in them can be resolved.
  - The playbook C(timecast.ntp_multicast.site) refuses to begin while there are problems.
positional: _input, hosts
options:
  _input:
    description: The variables of the hosts, that is C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the hosts to look at.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse what is wrong
  ansible.builtin.assert:
    that: found.problems | length == 0
    fail_msg: "{{ found.problems }}"
  vars:
    found: "{{ hostvars | timecast.ntp_multicast.host_preflight(ansible_play_hosts_all) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: What was found.
  type: dict
  contains:
    vrp:
      description: Names of the VRP devices that are described.
      type: list
      elements: str
    linux:
      description: Names of the Linux hosts that are described.
      type: list
      elements: str
    servers:
      description: Names of those of them that serve time to others.
      type: list
      elements: str
    rotating:
      description: Names of those of them for which C(ntp_multicast_rotation) is set.
      type: list
      elements: str
    skipped:
      description:
        - Names of the hosts that nobody described, because they have neither C(ntp_multicast_interfaces) nor
          C(ntp_multicast_server); a device may have C(ntp_multicast_authentication) alone.
      type: list
      elements: str
    failed:
      description:
        - What is wrong with each host whose variables are wrong, or that is described and of another platform.
      type: dict
    problems:
      description:
        - A line for each problem of the variables, which begins with the names of the hosts that have it.
          Empty when there is none.
      type: list
      elements: str
    notices:
      description: Lines that are worth to be shown.
      type: list
      elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import survey
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.private import extra_variables


def host_preflight(value: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"host_preflight needs hostvars, not {type(value).__name__}.")
    return survey(value, hosts, extra_variables()).as_data()


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"host_preflight": host_preflight}
