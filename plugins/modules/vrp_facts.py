# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vrp_facts
short_description: Facts of Huawei VRP devices
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Returns model, software release, patches, name, commit mode and NTP dialect of a device.
  - With C(ansible_facts_modules=timecast.ntp_multicast.vrp_facts) on a device, plays that gather facts include it. Set
    C(ansible_python_interpreter) to C({{ ansible_playbook_python }}) there as well, as on any network device.
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.actiongroup_vrp
  - timecast.ntp_multicast.attributes.info_module
attributes:
  platform:
    support: full
    platforms: Huawei VRP8, Huawei YunShan
options: {}
seealso:
  - module: timecast.ntp_multicast.vrp_ntp_multicast_info
"""

EXAMPLES = r"""
- name: Look what the device is
  timecast.ntp_multicast.vrp_facts:

- name: Say what was found
  ansible.builtin.debug:
    msg: "{{ ansible_facts.net_model }} runs {{ ansible_facts.net_version }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts of the device.
  returned: success
  type: dict
  contains:
    ansible_net_system:
      description: Operating system, V(VRP) or V(YunShan OS).
      type: str
    ansible_net_system_version:
      description: Version of the operating system.
      type: str
      sample: "8.180"
    ansible_net_version:
      description: Release of the device's software.
      type: str
      sample: V200R005C10SPC800
    ansible_net_model:
      description: Model, null where the device does not tell.
      type: str
      sample: CE8850-64CQ-EI
    ansible_net_uptime:
      description: Time since the last start, in the words of the device.
      type: str
    ansible_net_patches:
      description: Patches that the device names.
      type: list
      elements: str
    ansible_net_hostname:
      description: Name of the device in its prompt.
      type: str
    ansible_net_commit_mode:
      description: V(candidate) where lines take effect with a commit, V(immediate) where each does at once.
      type: str
    ansible_net_ntp_dialect:
      description: How the device spells NTP, V(ntp) or V(ntp-service).
      type: str
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Say that the device has no Python: the action plugin and the connection do the work."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.fail_json(
        msg="This module works with ansible_connection=timecast.ntp_multicast.vrp_ssh only; "
        "the host of the task has another one."
    )


if __name__ == "__main__":
    main()
