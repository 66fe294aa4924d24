# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes and notes that several modules share."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would be changed, without changing it.
  diff_mode:
    description: Returns what is changed, or would be in check mode, when in diff mode.
  idempotent:
    description: Running it again with the same options, and nothing else happening in between, changes nothing.
  platform:
    description: Devices or operating systems that the module works on.
"""

    # What all modules for VRP devices have: they belong to the action group and go through the connection of the task.
    ACTIONGROUP_VRP = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/timecast.ntp_multicast.vrp) in C(module_defaults) to set defaults for all modules for VRP devices.
    support: full
    membership:
      - timecast.ntp_multicast.vrp
  connection:
    description: Uses the connection of the task to reach the device.
    support: full
requirements:
  - paramiko >= 3.4 where Ansible runs
notes:
  - The task needs C(ansible_connection=timecast.ntp_multicast.vrp_ssh). Its options hold address, credentials and
    timeouts, see
    P(timecast.ntp_multicast.vrp_ssh#connection).
  - The work is done by an action plugin, so nothing is copied to the device and no Python is needed there.
"""

    # For modules that only look.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    support: full
    details:
      - This module does not modify state.
"""
