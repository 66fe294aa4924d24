# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_report
short_description: Which hosts have drifted, as text for people and as data for machines
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Judges the registered results of tasks that ran in check mode.
  - The first of these that fits is the state of a host. It is C(unreachable) when one of its results says so.
    It is C(failed) when a result failed or none is there, and C(drifted) when one says that it would change something.
    It is C(keys_not_compared) when nobody can tell whether a key on it has the secret that is described.
    Otherwise it is C(in_sync).
  - The playbook C(timecast.ntp_multicast.check_drift) prints the lines and writes the summary.
options:
  _input:
    description:
      - Host names, each with the list of the results of its tasks. Results of loops are looked into.
      - With O(hosts), the variables of the hosts, that is C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the hosts to judge by their variables.
    type: list
    elements: str
  names:
    description: Names of the variables in which O(hosts) have results, or lists of results.
    type: list
    elements: str
    default: [ntp_multicast_result]
  fleet:
    description:
      - The registered result of M(timecast.ntp_multicast.vrp_ntp_multicast_fleet).
      - Devices that are in sync by it, or which it has reported, need no variables of their own.
    type: dict
    default: {}
  failed:
    description: Host names, each with the reason why it was not compared.
    type: dict
    default: {}
  require_compared_keys:
    description: Whether C(keys_not_compared) fails the host.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show which hosts have drifted
  ansible.builtin.debug:
    msg: "{{ (hostvars | timecast.ntp_multicast.drift_report(ansible_play_hosts_all)).lines }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
  contains:
    lines:
      description:
        - A line for each host, then the differences of those that have drifted
          and the messages of those that could not be checked.
      type: list
      elements: str
    in_sync:
      description: Whether all hosts, and at least one, are in sync, keys included.
      type: bool
    ends:
      description:
        - For each host that is to fail or be unreachable, the result of a task as JSON, as
          M(timecast.ntp_multicast.vrp_ntp_multicast_fleet) has it in
          RV(timecast.ntp_multicast.vrp_ntp_multicast_fleet#module:device_results).
      type: dict
    first:
      description: Name of the first host, empty when there is none.
      type: str
    summary:
      description: The same as data, to be written as JSON.
      type: dict
      contains:
        version:
          description: Version of this format, 1.
          type: int
        in_sync:
          description: Whether all hosts, and at least one, are in sync.
          type: bool
        totals:
          description:
            - How many hosts have each status; C(keys_not_compared) only where there is one.
          type: dict
        hosts:
          description:
            - For each host its C(status), the C(commands) that would be sent, the C(diff) as lines,
              C(keys_not_compared) with their ids, and a C(message) where it could not be checked.
          type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.judgement import (
    drift_of_hosts,
    registered,
    report_of,
)


def drift_report(
    results: Mapping[str, Any],
    hosts: Sequence[str] | None = None,
    names: Sequence[str] = ("ntp_multicast_result",),
    fleet: Mapping[str, Any] | None = None,
    failed: Mapping[str, str] | None = None,
    require_compared_keys: Any = False,
) -> dict[str, Any]:
    if not isinstance(results, Mapping):
        raise AnsibleFilterError(
            f"drift_report needs a dictionary of host names and results, not {type(results).__name__}."
        )
    if hosts is not None:
        results = registered(results, hosts, names, fleet or {}, failed or {})
    return report_of(drift_of_hosts(results), strict=boolean(require_compared_keys, strict=False))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"drift_report": drift_report}
