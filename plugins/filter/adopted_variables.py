# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: adopted_variables
short_description: The variables of hosts, made from what was found on them
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Makes the files of variables that describe hosts as they are, a file for each host and one for each group whose
    hosts have something in common.
  - A section goes into the file of a group when all hosts of the group were read and have the same one.
  - No file holds a secret. A key takes its secret from a variable that has to be filled from a vault.
  - The playbook C(timecast.ntp_multicast.adopt) writes the files. The filter only looks at what stands in their places.
options:
  _input:
    description: The variables of all hosts, that is C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the hosts that were read.
    type: list
    elements: str
    required: true
  groups:
    description: The groups of the inventory with their hosts, that is C(groups).
    type: dict
    required: true
  name:
    description:
      - Name of the variable in which each device has what was found, as
        M(timecast.ntp_multicast.vrp_ntp_multicast) gives it with
        O(timecast.ntp_multicast.vrp_ntp_multicast#module:state=gathered).
      - The names of the results of a Linux host begin with it; see the playbook.
    type: str
    required: true
  directory:
    description: The folder with C(host_vars) and C(group_vars). Empty, that of the inventory.
    type: str
    default: ''
  overwrite:
    description: Whether a file that is there and says something else may be replaced.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Make the files
  ansible.builtin.set_fact:
    adoption: "{{ hostvars | timecast.ntp_multicast.adopted_variables(ansible_play_hosts_all, groups, 'present') }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: What to write and what to say.
  type: dict
  contains:
    files:
      description:
        - The files, each with its C(path), its text as C(base64), and the C(host) whose task writes it.
        - The text has templates, which nobody may fill on the way into the file.
      type: list
      elements: dict
    problems:
      description: Why nothing may be written. Empty when all is well.
      type: list
      elements: str
    lines:
      description: What was found on each host, what could not be carried over, and which secrets have to be filled.
      type: list
      elements: str
    failed:
      description: Names of the hosts that were not read, each with the reason.
      type: dict
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action import adoption
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.adopted_linux import linux_host
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.adoption import PREFIX, Found, until_filled
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.platform import LINUX, UNKNOWN, platform_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import plain, unknown_platform
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError


def adopted_variables(
    value: Mapping[str, Any],
    hosts: Iterable[str],
    groups: Mapping[str, Sequence[str]],
    name: str,
    directory: str = "",
    overwrite: Any = False,
) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"adopted_variables needs hostvars, not {type(value).__name__}.")
    found: dict[str, Found] = {}
    failed: dict[str, str] = {}
    for host in map(str, hosts):
        of_host = value[host]
        reason = _why_not(of_host, of_host.get(name) or {}, name)
        if not reason:
            try:
                found[host] = _found(of_host, name)
            except UserError as error:
                reason = str(error)
        if reason:
            failed[host] = adoption.harmless(reason)
    place = directory or next((str(value[host].get("inventory_dir") or "") for host in found), "")
    problems = adoption.problems_of_names(found)
    if not place and found:
        problems.append(
            "The inventory is no file, so the variables have no place beside it. "
            f"Name a folder in {PREFIX}adopt_directory."
        )
    if problems:
        return {"files": [], "problems": problems, "lines": [], "failed": failed}
    members = {str(group): [str(host) for host in of_group] for group, of_group in groups.items()}
    written = adoption.files(found, members, PurePosixPath(place), _read)
    return {
        "files": [
            {
                "path": str(file.path),
                "base64": base64.b64encode(file.text.encode("utf-8")).decode("ascii"),
                "host": file.owner if file.owner in found else next(iter(found)),
            }
            for file in written
        ],
        "problems": adoption.problems_of_places(written, _read, overwrite=boolean(overwrite, strict=False)),
        "lines": adoption.report_lines(found, failed, written),
        "failed": failed,
    }


def _why_not(variables: Mapping[str, Any], result: Mapping[str, Any], name: str) -> str:
    """Why a host was not read, empty where it was."""
    if platform_of(variables) == UNKNOWN:
        return unknown_platform(variables)
    if platform_of(variables) == LINUX:
        engine = variables.get(f"{name}_engine") or {}
        if not result and engine and not engine.get("unreachable"):
            return ""
        result = result or engine
    if result.get("failed") or result.get("unreachable") or "gathered" not in result:
        return str(result.get("msg") or "nothing was read of it").strip()
    return ""


def _found(variables: Mapping[str, Any], name: str) -> Found:
    described = frozenset(str(name) for name in variables if str(name).startswith(PREFIX))
    if platform_of(variables) == LINUX:
        return _found_on_linux(variables, name, described)
    result = plain(variables[name], name)
    return until_filled(
        Found(
            sections=result["gathered"],
            settings=result.get("settings") or {},
            outside=(*(result.get("outside_model") or ()), *_unsaid(result)),
            notes=tuple(result.get("notes") or ()),
            described=described,
        )
    )


def _found_on_linux(variables: Mapping[str, Any], name: str, described: frozenset[str]) -> Found:
    parts = ("engine", "engine_keys", "told_chrony", "others", "other_keys")
    results = {part: variables.get(f"{name}_{part}") for part in parts}
    routes = (variables.get(f"{name}_route") or {}).get("stdout_lines") or [""]
    host = linux_host({**results, "interface": routes[0]})
    notes = []
    if host.proposal:
        notes.append(
            f"What {host.proposed_from} says of multicast is below as a comment. It names no interface; that of the "
            "default route is written. With the marks taken away, site deploys the engine, and its discipline says "
            "whether it takes the clock over."
        )
    found = Found(host.sections, host.settings, host.outside, tuple(notes), described, host.engine, host.proposal)
    return until_filled(found) if host.engine else found


def _unsaid(result: Mapping[str, Any]) -> list[str]:
    """The lines of the device's own making that the model does not state."""
    said = (result["gathered"].get("server") or {}).get("enabled") is not None
    return [line for line in result.get("automatic") or () if "source-interface" in line or not said]


def _read(path: PurePosixPath) -> str | None:
    file = Path(path)
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"adopted_variables": adopted_variables}
