# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: chrony_sources
short_description: Unicast servers of the description as sources of chronyd
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Turns the option C(upstream) of the section C(server) into lines of C(chrony.conf).
options:
  _input:
    description: The servers, without problems as P(timecast.ntp_multicast.problems#filter) finds them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ servers | timecast.ntp_multicast.chrony_sources | map(attribute='line') }}"
  vars:
    servers: [{address: 192.0.2.1, key_id: 42}]
"""

RETURN = r"""
_value:
  description: For each server its C(address), as C(chronyc -n) shows it, and its C(line).
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.chrony_sources import lines_of


def chrony_sources(value: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    try:
        return [{"address": address, "line": line} for address, line in lines_of(value)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AnsibleFilterError(f"chrony_sources: {type(error).__name__}: {error}") from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"chrony_sources": chrony_sources}
