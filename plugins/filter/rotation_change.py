# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rotation_change
short_description: What a step of the rotation of a key asks of one host
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - On a VRP device only what the rotation is about is changed. On Linux the files are written as a whole, so there it
    is the description, with what is still needed of the old key.
  - The playbook C(timecast.ntp_multicast.rotate_key) hands it to the task that makes the change. There are secrets in
    it.
positional: _input, host, step
options:
  _input:
    description: The variables of the hosts, that is C(hostvars).
    type: dict
    required: true
  host:
    description: Name of the host.
    type: str
    required: true
  step:
    description: The step.
    type: str
    choices: [new_key, servers, old_key]
    required: true
"""

EXAMPLES = r"""
- name: Bring the new key to the device
  timecast.ntp_multicast.vrp_ntp_multicast:
    config: "{{ hostvars | timecast.ntp_multicast.rotation_change(inventory_hostname, 'new_key') }}"
"""

RETURN = r"""
_value:
  description: The sections C(authentication), C(server) and C(interfaces), as far as they matter.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.rotating import (
    change_of,
    described,
    host_of,
    rotation_of,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.rotation import VARIABLE, Step


def rotation_change(value: Mapping[str, Any], host: str, step: str) -> dict[str, Any]:
    variables = value[host]
    own = described(variables)
    # Not every host has to have the variable, and the plan has seen that it says the same everywhere.
    named = host if own.rotation else next(name for name in value if value[name].get(VARIABLE))
    rotation = rotation_of({named: described(value[named])})
    return change_of(Step(step), rotation, own, host_of(own, variables).present)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rotation_change": rotation_change}
