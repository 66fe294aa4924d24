# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_by_platform
short_description: Which hosts are VRP devices, and which are Linux hosts
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Looks at C(ntp_multicast_platform) and C(ansible_network_os), as the role
    P(timecast.ntp_multicast.ntp_multicast#role) does.
options:
  _input:
    description: The variables of all hosts, that is C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the hosts to look at.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: List the devices
  ansible.builtin.debug:
    msg: "{{ (hostvars | timecast.ntp_multicast.hosts_by_platform(ansible_play_hosts_all)).vrp }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The names of the hosts, with the keys V(vrp), V(linux) and V(unknown).
  type: dict
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.platform import (
    PLATFORMS,
    UNKNOWN,
    platform_of,
)


def hosts_by_platform(value: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, list[str]]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"hosts_by_platform needs hostvars, not {type(value).__name__}.")
    found: dict[str, list[str]] = {platform: [] for platform in (*PLATFORMS, UNKNOWN)}
    for host in map(str, hosts):
        found[platform_of(value[host])].append(host)
    return found


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hosts_by_platform": hosts_by_platform}
