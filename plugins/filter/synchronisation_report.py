# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: synchronisation_report
short_description: Who is synchronised to whom, as an aligned table
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Turns the results of M(timecast.ntp_multicast.vrp_ntp_multicast_info) and
    M(timecast.ntp_multicast.ntp_multicast_engine_info) of many hosts into one table with a line for each source,
    and says which hosts are not synchronised.
  - The playbook C(timecast.ntp_multicast.verify) prints it.
options:
  _input:
    description:
      - Host names with the result that each host gave.
      - A host without RV(timecast.ntp_multicast.vrp_ntp_multicast_info#module:ntp) in its result counts as
        not synchronised, and its message stands below the table.
    type: dict
    required: true
  names:
    description: Addresses, each with the name of its host, which is shown in the place of the address.
    type: dict
    default: {}
  failed:
    description: Host names, each with the reason why it was not asked.
    type: dict
    default: {}
  maximum_offset:
    description:
      - Seconds that the clock of a host may be off from its source, either way. A host beyond it counts as not
        synchronised, and so does one whose engine may not steer the clock as it should.
    type: float
    default: 0.128
"""

EXAMPLES = r"""
- name: Show the table
  ansible.builtin.debug:
    msg: "{{ (states | timecast.ntp_multicast.synchronisation_report).lines }}"
  vars:
    states:
      CE1: "{{ hostvars['CE1'].ntp_multicast_status }}"
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
  contains:
    lines:
      description:
        - The table, a line an element, all columns aligned, then a line for each host that gave no state.
        - A host whose selected source was not heard for three polls counts as not synchronised, whatever it says.
      type: list
      elements: str
    ends:
      description:
        - For each host that is to fail or be unreachable, the result of a task as JSON, as
          M(timecast.ntp_multicast.vrp_ntp_multicast_fleet) has it in
          RV(timecast.ntp_multicast.vrp_ntp_multicast_fleet#module:device_results).
      type: dict
    first:
      description: Name of the first host, empty when there is none.
      type: str
    unsynchronised:
      description: Names of the hosts that are not synchronised or gave no state, in the order of the input.
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.synchronisation import (
    MAXIMUM_OFFSET,
    known_names,
    report_of,
    with_failed,
)


def synchronisation_report(
    states: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
    failed: Mapping[str, str] | None = None,
    maximum_offset: float = MAXIMUM_OFFSET,
) -> dict[str, Any]:
    if not isinstance(states, Mapping):
        raise AnsibleFilterError(
            f"synchronisation_report needs a dictionary of host names and results, not {type(states).__name__}."
        )
    return report_of(with_failed(states, failed), known_names(names), float(maximum_offset))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"synchronisation_report": synchronisation_report}
