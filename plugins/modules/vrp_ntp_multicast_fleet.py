# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vrp_ntp_multicast_fleet
short_description: NTP multicast on many Huawei VRP devices in one task
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Does for each of many Huawei VRP devices what M(timecast.ntp_multicast.vrp_ntp_multicast) with
    O(timecast.ntp_multicast.vrp_ntp_multicast#module:from_variables) does for one.
  - Ansible starts a process for each host of a task, which costs more than to log in to a device, to read and to
    compare it. This module runs once and holds its sessions in threads, so that hundreds of sessions need no more
    memory than a few. As in any task, what happens to one device does not stop the work on the others.
  - Devices where nothing was to be done and nothing is to be told are counted in RV(in_sync). For RV(remaining) a task
    of M(timecast.ntp_multicast.vrp_ntp_multicast) with
    O(timecast.ntp_multicast.vrp_ntp_multicast#module:results_from) gives the result, changed, failed or unreachable,
    in the usual way, without a login. This module itself never fails because of a device.
  - Where more devices than O(report_individually_max) were changed or gave a warning, and nothing went wrong with
    them, this module reports them itself (RV(reported)). Each changed one has its line and, with C(--diff), its
    difference, but none in the recap; a warning that several gave is told once, with their names.
  - When the C(timeout) of its task is over, no further device is begun, and those that are being worked on come to
    their end. Hosts that were not begun are in RV(remaining) without a result.
  - The playbooks C(timecast.ntp_multicast.site) and C(timecast.ntp_multicast.check_drift) use it from 50 devices on.
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.actiongroup_vrp
attributes:
  check_mode:
    support: full
    details:
      - Predicts the outcome of each device and reads only.
  diff_mode:
    support: full
    details:
      - Each outcome has its difference, which the task that gives it shows, or this one for RV(reported).
  idempotent:
    support: full
    details:
      - As M(timecast.ntp_multicast.vrp_ntp_multicast).
  platform:
    support: full
    platforms: Huawei VRP8, Huawei YunShan
options:
  hosts:
    description:
      - Names of the hosts in the inventory, usually C(ansible_play_hosts).
      - Each is reached with the variables, the credentials and the timeouts that a task of its own would use. A host
        with another connection than P(timecast.ntp_multicast.vrp_ssh#connection), or with variables that cannot be
        read or are refused, gets no outcome, and its own task tells why.
    type: list
    elements: str
    required: true
  sessions:
    description: How many devices to work on at a time, 1 or more. The default is the number of Ansible's forks.
    type: int
  processes:
    description:
      - How many processes share the sessions. The default is one for each hundred devices, at most the number of
        processors.
    type: int
  report_individually_max:
    description:
      - How many devices that were changed, or gave a warning, are left to a task of their own, which gives each its
        place in Ansible's recap. That takes as long as to configure them. When there are more, this task reports all
        of them, unless something went wrong.
    type: int
    default: 50
  state:
    description:
      - Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:state) for all devices, whatever
        their variables are.
    type: str
    choices: [merged, replaced, overridden, deleted]
  dialect:
    description: Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:dialect) for all devices.
    type: str
    choices: [ntp, ntp-service]
  update_secrets:
    description:
      - Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:update_secrets) for all devices, whatever
        their variables are.
    type: str
    choices: [on_create, always, never]
  save:
    description:
      - Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:save) for all devices, whatever
        their variables are.
    type: str
    choices: [never, changed, always]
  lock:
    description:
      - Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:lock) for all devices, whatever
        their variables are.
    type: bool
  commit:
    description:
      - Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:commit) for all devices, whatever
        their variables are.
    type: dict
    suboptions:
      trial:
        description: Seconds of a trial commit.
        type: int
      label:
        description: Label of the commit.
        type: str
      description:
        description: Description of the commit.
        type: str
      confirm:
        description: What confirms a trial commit.
        type: str
        choices: [login, synchronised, none]
  run_id:
    description: Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:run_id) for all devices.
    type: str
  allow_immediate:
    description:
      - Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:allow_immediate) for all devices, whatever
        their variables are.
    type: bool
  key_memory_file:
    description:
      - Option O(timecast.ntp_multicast.vrp_ntp_multicast#module:key_memory_file) for all devices, whatever
        their variables are.
    type: path
notes:
  - Its own result says changed only when it reports changed devices (RV(reported)); else the tasks that give the
    single results do.
  - Run it with C(run_once=true) in a play over the devices.
  - While it works, it says every ten seconds how many devices are done.
"""

EXAMPLES = r"""
- name: Work on all devices, 200 at a time
  hosts: vrp
  gather_facts: false
  tasks:
    - name: Configure NTP multicast on all of them
      timecast.ntp_multicast.vrp_ntp_multicast_fleet:
        hosts: "{{ ansible_play_hosts }}"
        sessions: 200
      register: fleet
      run_once: true

- name: Show the results
  hosts: "{{ hostvars[groups.vrp | first].fleet.remaining }}"
  gather_facts: false
  tasks:
    - name: Configure NTP multicast
      timecast.ntp_multicast.vrp_ntp_multicast:
        from_variables: true
        results_from: fleet
"""

RETURN = r"""
in_sync:
  description: Names of the devices where nothing was to be done and nothing is to be told.
  returned: success
  type: list
  elements: str
  sample: [ce1, ce2]
reported:
  description: Names of the devices that this task has reported itself, see O(report_individually_max).
  returned: success
  type: list
  elements: str
  sample: []
remaining:
  description: Names of all other hosts.
  returned: success
  type: list
  elements: str
  sample: [ce3]
device_results:
  description:
    - For hosts in RV(reported) and RV(remaining) the result of the module, as JSON for
      O(timecast.ntp_multicast.vrp_ntp_multicast#module:results_from). Secrets are masked.
  returned: success
  type: dict
  sample: {ce3: '{"unreachable": true, "msg": "No SSH connection to operator@192.0.2.3:22: timed out"}'}
msg:
  description: The result in a sentence.
  returned: success
  type: str
  sample: "3 of 3 devices done: 2 in sync, 1 unreachable"
"""
