# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_report
short_description: Which hosts have drifted, as text for people and as data for machines
version_added: 0.1.0
author:
  - Timecast developers (@timecast)
description:
  - Judges the registered results of tasks that ran in check mode.
  - The first of these that fits is the state of a host. It is C(unreachable) when one of its results says so.
    It is C(failed) when a result failed or none is there, and C(drifted) when one says that it would change something.
    It is C(keys_not_compared) when nobody can tell whether a key on it has the secret that is described.
    Otherwise it is C(in_sync).
  - The playbook C(timecast.ntp_multicast.check_drift) prints the lines and writes the summary.
options:
  _input:
    description:
      - Host names, each with the list of the results of its tasks. Results of loops are looked into.
      - With O(hosts), the variables of the hosts, that is C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the hosts to judge by their variables.
    type: list
    elements: str
  names:
    description: Names of the variables in which O(hosts) have results, or lists of results.
    type: list
    elements: str
    default: [ntp_multicast_result]
  fleet:
    description:
      - The registered result of M(timecast.ntp_multicast.vrp_ntp_multicast_fleet).
      - Devices that are in sync by it, or which it has reported, need no variables of their own.
    type: dict
    default: {}
  failed:
    description: Host names, each with the reason why it was not compared.
    type: dict
    default: {}
  require_compared_keys:
    description: Whether C(keys_not_compared) fails the host.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show which hosts have drifted
  ansible.builtin.debug:
    msg: "{{ (hostvars | timecast.ntp_multicast.drift_report(ansible_play_hosts_all)).lines }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
  contains:
    lines:
      description:
        - A line for each host, then the differences of those that have drifted
          and the messages of those that could not be checked.
      type: list
      elements: str
    in_sync:
      description: Whether all hosts, and at least one, are in sync, keys included.
      type: bool
    ends:
      description:
        - For each host that is to fail or be unreachable, the result of a task as JSON, as
          M(timecast.ntp_multicast.vrp_ntp_multicast_fleet) has it in
          RV(timecast.ntp_multicast.vrp_ntp_multicast_fleet#module:device_results).
      type: dict
    first:
      description: Name of the first host, empty when there is none.
      type: str
    summary:
      description: The same as data, to be written as JSON.
      type: dict
      contains:
        version:
          description: Version of this format, 1.
          type: int
        in_sync:
          description: Whether all hosts, and at least one, are in sync.
          type: bool
        totals:
          description:
            - How many hosts have each status; C(keys_not_compared) only where there is one.
          type: dict
        hosts:
          description:
            - For each host its C(status), the C(commands) that would be sent, the C(diff) as lines,
              C(keys_not_compared) with their ids, and a C(message) where it could not be checked.
          type: dict
"""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

FORMAT_VERSION = 1
IN_SYNC = "in_sync"
DRIFTED = "drifted"
UNREACHABLE = "unreachable"
FAILED = "failed"
KEYS_NOT_COMPARED = "keys_not_compared"
STATUSES = (IN_SYNC, DRIFTED, UNREACHABLE, FAILED, KEYS_NOT_COMPARED)


@dataclass(frozen=True)
class HostDrift:
    """What is known about one host. ``diff`` holds lines of a unified diff."""

    status: str
    commands: list[str] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)
    message: str = ""
    keys_not_compared: list[int] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """The host in the summary; what only some have, only where it is."""
        found = asdict(self)
        if not self.keys_not_compared:
            del found["keys_not_compared"]
        return found

    @property
    def text(self) -> str:
        """The status in words."""
        told = IN_SYNC if self.status == KEYS_NOT_COMPARED else self.status
        return told.replace("_", " ") + (f", but {self.about_keys}" if self.keys_not_compared else "")

    @property
    def about_keys(self) -> str:
        """What is not known of keys."""
        several = len(self.keys_not_compared) > 1
        ids = ", ".join(map(str, self.keys_not_compared))
        return f"{'keys' if several else 'key'} {ids} could not be compared"

    @property
    def end(self) -> dict[str, Any] | None:
        """The result with which the host ends; None where it is well."""
        if self.status == UNREACHABLE:
            return {"unreachable": True, "msg": self.message}
        if self.status == FAILED:
            return {"failed": True, "msg": self.message}
        if self.status == DRIFTED:
            return {"failed": True, "msg": "Drifted: it is not as described. The report shows the difference."}
        return None


def single_results(results: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Every result of a task or of one turn of its loop; skipped and empty ones are left out."""
    for result in results:
        if isinstance(result, Sequence) and not isinstance(result, str):
            yield from single_results(result)
        elif not isinstance(result, Mapping) or not result or result.get("skipped"):
            continue
        elif isinstance(result.get("results"), Sequence) and not isinstance(result["results"], str):
            yield from single_results(result["results"])
        else:
            yield result


def as_text(value: Any) -> str:
    """One side of a diff: text, or what stands for a missing file or a change of attributes."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "".join(f"{key}: {value[key]}\n" for key in sorted(value))
    return str(value)


def diff_lines(result: Mapping[str, Any]) -> list[str]:
    """The differences that a result carries, as a unified diff."""
    diffs = result.get("diff") or []
    lines: list[str] = []
    for diff in [diffs] if isinstance(diffs, Mapping) else diffs:
        if "prepared" in diff:
            lines += str(diff["prepared"]).splitlines()
            continue
        lines += difflib.unified_diff(
            as_text(diff.get("before")).splitlines(),
            as_text(diff.get("after")).splitlines(),
            str(diff.get("before_header") or "before"),
            str(diff.get("after_header") or "after"),
            lineterm="",
        )
    return lines


def message_of(result: Mapping[str, Any]) -> str:
    message = result.get("msg") or "no reason given"
    return (" ".join(map(str, message)) if isinstance(message, list) else str(message)).strip()


def drift_of_host(results: Sequence[Any]) -> HostDrift:
    found = list(single_results(results))
    for result in found:
        if result.get("unreachable"):
            return HostDrift(UNREACHABLE, message=message_of(result))
    for result in found:
        if result.get("failed"):
            return HostDrift(FAILED, message=message_of(result))
    if not found:
        return HostDrift(FAILED, message="nothing was checked on this host")
    changed = [result for result in found if result.get("changed")]
    keys = sorted({int(key) for result in found for key in result.get("keys_not_compared") or []})
    if not changed:
        return HostDrift(KEYS_NOT_COMPARED if keys else IN_SYNC, keys_not_compared=keys)
    return HostDrift(
        DRIFTED,
        keys_not_compared=keys,
        commands=[str(command) for result in changed for command in result.get("commands") or []],
        diff=[line for result in changed for line in diff_lines(result)],
    )


def report_lines(hosts: Mapping[str, HostDrift]) -> list[str]:
    """A line for each host in aligned columns, then the details of those that are not in sync."""
    width = max((len(name) for name in hosts), default=0)
    lines = [f"{name.ljust(width)}  {host.text}" for name, host in hosts.items()]
    for name, host in hosts.items():
        if host.message:
            lines += ["", f"{name}: {host.message}"]
        if host.status == DRIFTED:
            lines += [
                "",
                f"{name}:",
                *(f"  {line}" for line in host.diff or host.commands or ["(no difference shown)"]),
            ]
    return lines


def registered(
    variables: Mapping[str, Any],
    hosts: Sequence[str],
    names: Sequence[str],
    fleet: Mapping[str, Any],
    failed: Mapping[str, str],
) -> dict[str, list[Any]]:
    """The results that each host has in its variables; the variables of a host are made once, which takes its time."""
    in_sync, reported = set(fleet.get("in_sync", ())), set(fleet.get("reported", ()))
    found: dict[str, list[Any]] = {}
    for host in hosts:
        if host in failed:
            found[host] = [{"failed": True, "msg": failed[host]}]
            continue
        if host in in_sync:
            found[host] = [{"changed": False}]
            continue
        if host in reported:
            found[host] = [json.loads(fleet["device_results"][host])]
            continue
        of_host = variables[host]
        found[host] = [of_host[name] for name in names if name in of_host]
    return found


def drift_report(
    results: Mapping[str, Any],
    hosts: Sequence[str] | None = None,
    names: Sequence[str] = ("ntp_multicast_result",),
    fleet: Mapping[str, Any] | None = None,
    failed: Mapping[str, str] | None = None,
    require_compared_keys: Any = False,
) -> dict[str, Any]:
    if not isinstance(results, Mapping):
        raise AnsibleFilterError(
            f"drift_report needs a dictionary of host names and results, not {type(results).__name__}."
        )
    if hosts is not None:
        results = registered(results, hosts, names, fleet or {}, failed or {})
    return judged(results, strict=boolean(require_compared_keys, strict=False))


def judged(results: Mapping[str, Any], *, strict: bool = False) -> dict[str, Any]:
    """The report over host names and their results. strict: a key that can't be compared fails its host."""
    hosts = {str(name): drift_of_host(result or []) for name, result in results.items()}
    if strict:
        hosts = {
            name: replace(host, status=FAILED, message=host.about_keys) if host.status == KEYS_NOT_COMPARED else host
            for name, host in hosts.items()
        }
    totals = {status: sum(host.status == status for host in hosts.values()) for status in STATUSES}
    if not totals[KEYS_NOT_COMPARED]:
        del totals[KEYS_NOT_COMPARED]
    in_sync = bool(hosts) and totals[IN_SYNC] == len(hosts)
    summary = {
        "version": FORMAT_VERSION,
        "in_sync": in_sync,
        "totals": totals,
        "hosts": {name: host.as_data() for name, host in hosts.items()},
    }
    ends = {name: json.dumps(host.end) for name, host in hosts.items() if host.end is not None}
    first = next(iter(hosts), "")
    return {"lines": report_lines(hosts), "in_sync": in_sync, "ends": ends, "first": first, "summary": summary}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"drift_report": drift_report}
