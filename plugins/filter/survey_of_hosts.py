# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: survey_of_hosts
short_description: Which of many hosts are devices, and what is wrong with their descriptions
version_added: 0.1.0
author:
  - Timecast developers (@timecast)
description:
  - Looks at the variables of the role P(timecast.ntp_multicast.ntp_multicast#role) of many hosts in one task,
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
  check:
    description: Whether to look for problems, too.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Refuse what is wrong
  ansible.builtin.assert:
    that: survey.problems | length == 0
    fail_msg: "{{ survey.problems }}"
  vars:
    survey: "{{ hostvars | timecast.ntp_multicast.survey_of_hosts(ansible_play_hosts_all) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The survey.
  type: dict
  contains:
    vrp:
      description: Names of the VRP devices.
      type: list
      elements: str
    others:
      description: Names of all other hosts.
      type: list
      elements: str
    problems:
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


class Judge:
    """Finds problems. Hosts have one description, mostly: what is the same as before is judged once."""

    def __init__(self) -> None:
        self._judged: tuple[tuple[str, str, dict[str, Any]], list[str]] | None = None

    def problems(self, platform: str, state: str, description: dict[str, Any]) -> list[str]:
        """What is wrong with the description."""
        asked = (platform, state, description)
        if self._judged is None or self._judged[0] != asked:
            self._judged = asked, problems(description, platform=platform, prefix="ntp_multicast_", state=state)
        return self._judged[1]


def problems_of_host(variables: Mapping[str, Any], judge: Judge) -> list[str]:
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
    return judge.problems(platform, state, description)


def survey_of_hosts(value: Mapping[str, Any], hosts: Iterable[str], check: bool = True) -> dict[str, list[str]]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"survey_of_hosts needs hostvars, not {type(value).__name__}.")
    judge = Judge()
    survey: dict[str, list[str]] = {"vrp": [], "others": [], "problems": []}
    for host in hosts:
        platform = "others"
        try:
            variables = value[host]
            platform = "vrp" if platform_of(variables) == "vrp" else "others"
            found = problems_of_host(variables, judge) if check else []
        except Exception as error:
            # A variable that cannot be read, for example for want of a vault password, must not hide whose it is.
            found = [f"the description cannot be read: {error}"]
        survey[platform].append(str(host))
        survey["problems"] += [f"{host}: {problem}" for problem in found]
    return survey


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"survey_of_hosts": survey_of_hosts}
