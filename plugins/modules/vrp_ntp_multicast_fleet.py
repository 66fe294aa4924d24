# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vrp_ntp_multicast_compare
short_description: Find the VRP devices that are not as described, many in one task
version_added: 0.1.0
author:
  - Timecast developers (@timecast)
description:
  - Compares many Huawei VRP devices with the variables of the role P(timecast.ntp_multicast.ntp_multicast#role), as
    M(timecast.ntp_multicast.vrp_ntp_multicast) with O(timecast.ntp_multicast.vrp_ntp_multicast#module:from_variables)
    does in check mode, and reads only.
  - Ansible starts a process for each host of a task, which costs more than to read a device. This task runs once
    for all of them, with many sessions in one process, so that only the devices that differ need a task of their own.
  - A device is one of RV(others) when it differs, when it could not be read, or when there is anything to warn of.
    This module never fails for a device; the task that follows for RV(others) tells the reason.
  - When most of the first 20 devices differ it stops, since each device would be read twice. All that were not
    looked at are among RV(others).
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.actiongroup_vrp
  - timecast.ntp_multicast.attributes.info_module
attributes:
  platform:
    support: full
    platforms: Huawei VRP8, Huawei YunShan
options:
  hosts:
    description:
      - Names of the hosts in the inventory.
      - Each is reached with the variables, the credentials and the timeouts that a task of its own would use. Hosts
        with another connection than P(timecast.ntp_multicast.vrp_ssh#connection) are among RV(others).
    type: list
    elements: str
    required: true
  sessions:
    description: How many devices to look at at a time. The default is the number of Ansible's forks.
    type: int
notes:
  - Run it with C(run_once=true), and import it with the role, so that the role's defaults apply.
"""

EXAMPLES = r"""
- name: Find the devices that are not as described
  hosts: vrp
  gather_facts: false
  tasks:
    - name: Compare
      ansible.builtin.import_role:
        name: timecast.ntp_multicast.ntp_multicast
        tasks_from: vrp_compare

- name: Configure these
  hosts: "{{ groups.vrp | difference(hostvars[groups.vrp | first].ntp_multicast_comparison.in_sync | default([])) }}"
  gather_facts: false
  roles:
    - timecast.ntp_multicast.ntp_multicast
"""

RETURN = r"""
in_sync:
  description: Names of the devices where nothing is to be done and nothing to be told.
  returned: success
  type: list
  elements: str
  sample: [ce1, ce2]
others:
  description: Names of all other hosts.
  returned: success
  type: list
  elements: str
  sample: [ce3]
compared:
  description: How many devices were looked at.
  returned: success
  type: int
  sample: 3
msg:
  description: The result in a sentence.
  returned: success
  type: str
  sample: 2 of 3 devices are as described.
"""
