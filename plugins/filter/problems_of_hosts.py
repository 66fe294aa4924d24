# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: problems_of_hosts
short_description: What is wrong with the descriptions of many hosts
version_added: 0.1.0
author:
  - Timecast developers (@timecast)
description:
  - Checks the variables of the role P(timecast.ntp_multicast.ntp_multicast#role) of many hosts in one task,
    which for a large fleet is many times quicker than a task for each host.
  - The playbook C(timecast.ntp_multicast.site) refuses to begin while there are problems.
positional: _input, hosts
options:
  _input:
    description: The variables of the hosts, that is C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the hosts to check.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse what is wrong
  ansible.builtin.assert:
    that: found | length == 0
    fail_msg: "{{ found }}"
  vars:
    found: "{{ hostvars | timecast.ntp_multicast.problems_of_hosts(ansible_play_hosts_all) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: A sentence for each problem, which begins with the name of the host. Empty when there is none.
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.filter.problems import problems

NETWORK_OS = "timecast.ntp_multicast.vrp"
CONNECTION = "timecast.ntp_multicast.vrp_ssh"
SECTIONS = ("authentication", "server", "interfaces")
STATES = ("merged", "replaced", "overridden", "deleted")


def platform_of(variables: Mapping[str, Any]) -> str:
    """vrp, linux or unknown; the role's variable ``__ntp_multicast_platform`` says the same (a test compares them)."""
    forced = str(variables.get("ntp_multicast_platform", "auto"))
    if forced != "auto":
        return forced
    network_os = variables.get("ansible_network_os") or ""
    if not network_os:
        return "linux"
    return "vrp" if network_os == NETWORK_OS else "unknown"


def problems_of_host(variables: Mapping[str, Any]) -> list[str]:
    """What is wrong with the variables of one host."""
    platform = platform_of(variables)
    if platform not in ("vrp", "linux"):
        return [
            f"ansible_network_os: {variables.get('ansible_network_os') or ''} is nothing that this role can configure. "
            f"Use {NETWORK_OS} for a VRP device, or set ntp_multicast_platform to vrp or linux."
        ]
    connection = variables.get("ansible_connection") or CONNECTION
    if platform == "vrp" and connection != CONNECTION:
        return [f"ansible_connection: {connection} cannot reach a VRP device. Use {CONNECTION}."]
    state = variables.get("ntp_multicast_state", "merged")
    if state not in STATES:
        return [f"ntp_multicast_state: {state!r} is none of {', '.join(STATES)}."]
    sections = {section: variables.get(f"ntp_multicast_{section}") for section in SECTIONS}
    description = {section: value for section, value in sections.items() if value is not None}
    return problems(description, platform=platform, prefix="ntp_multicast_", state=state)


def problems_of_hosts(value: Mapping[str, Any], hosts: Iterable[str]) -> list[str]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"problems_of_hosts needs hostvars, not {type(value).__name__}.")
    found: list[str] = []
    for host in hosts:
        try:
            of_host = problems_of_host(value[host])
        except Exception as error:
            # A variable that cannot be read, for example for want of a vault password, must not hide whose it is.
            of_host = [f"the description cannot be read: {error}"]
        found += [f"{host}: {problem}" for problem in of_host]
    return found


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"problems_of_hosts": problems_of_hosts}
