# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: at_least_one_host
short_description: The hosts that a pattern names, at least one
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Ansible leaves out a play whose pattern names no host, and ends with 0. A check that nobody was checked by is not
    passed, so this filter fails instead, with the pattern in its sentence.
  - It fails, too, where a play could not name one of the hosts, since its name has a blank or a comma, for example.
  - It also fails where the command line of one of the collection's playbooks leaves out what the playbook looks at, by
    C(--tags), C(--skip-tags) or C(--start-at-task).
  - It fails, too, where a host has the name of a group with other hosts.
  - It fails where there are more hosts than O(most) allows.
  - The playbooks of the collection use it for C(hosts).
positional: _input, pattern, allow_none, most
options:
  _input:
    description: The groups of the inventory with the names of their hosts, that is C(groups).
    type: dict
    required: true
  pattern:
    description: A pattern of host and group names, as for C(hosts) of a play, or a list of such.
    type: raw
    required: true
  allow_none:
    description: Whether it is right that there may be no host.
    type: bool
    default: false
  most:
    description: How many hosts there may be at most, from 1. Empty, any number.
    type: raw
"""

EXAMPLES = r"""
- name: Work on all servers
  hosts: "{{ groups | timecast.ntp_multicast.at_least_one_host('servers') }}"
  gather_facts: false
  tasks: []
"""

RETURN = r"""
_value:
  description: Names of the hosts, within the limit of the command line.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.chosen_hosts import (
    pattern_of,
    refuse_left_out,
    refuse_names,
    refuse_too_many,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.private import (
    hosts_of_pattern,
    misread_hosts,
)


def at_least_one_host(value: Mapping[str, Any], pattern: Any, allow_none: Any = False, most: Any = None) -> list[str]:
    limit = context.CLIARGS.get("subset")
    pattern = pattern_of(pattern)
    found = hosts_of_pattern(value, pattern, limit)
    # A look at the playbook alone, as linters have it, is no run.
    looked_at = any(context.CLIARGS.get(option) for option in ("syntax", "listhosts", "listtasks", "listtags"))
    if looked_at:
        return found
    refuse_left_out(context.CLIARGS)
    refuse_names(found, value)
    refuse_too_many(found, most, pattern)
    misread = misread_hosts(value, found)
    if misread:
        raise AnsibleError(
            f"Ansible takes the name of the host '{misread[0]}' for a pattern of other names, so nothing would be "
            "looked at on this host. Rename it in the inventory, and set ansible_host for its address."
        )
    if found or boolean(allow_none, strict=False):
        return found
    within = f" within the limit '{limit}'" if limit else ""
    raise AnsibleError(
        f"No host of the inventory is named by the pattern '{pattern}'{within}, so nothing would be looked at. "
        "Correct ntp_multicast_hosts or the inventory, or set ntp_multicast_allow_none to true if that is meant."
    )


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"at_least_one_host": at_least_one_host}
