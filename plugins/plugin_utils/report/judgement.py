# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one host is judged by the results of its tasks in check mode: the worst of them decides.

The exit code over all hosts is made of these in ``document``. Here are also the lines for people and the summary, the
first form of the report, which some pipelines read.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

IN_SYNC = "in_sync"
DRIFTED = "drifted"
UNREACHABLE = "unreachable"
FAILED = "failed"
KEYS_NOT_COMPARED = "keys_not_compared"
FORMAT_VERSION = 1  # of the summary
STATUSES = (IN_SYNC, DRIFTED, UNREACHABLE, FAILED, KEYS_NOT_COMPARED)


@dataclass(frozen=True)
class HostDrift:
    """What is known about one host. ``diff`` holds lines of a unified diff."""

    status: str
    commands: list[str] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)
    message: str = ""
    keys_not_compared: list[int] = field(default_factory=list)
    allowed: bool = False

    def as_data(self) -> dict[str, Any]:
        """The host in the summary; what only some have, only where it is."""
        found = asdict(self)
        for name in ("keys_not_compared", "allowed"):
            if not found[name]:
                del found[name]
        return found

    @property
    def text(self) -> str:
        """The status in words."""
        told = IN_SYNC if self.status == KEYS_NOT_COMPARED else self.status
        allowed = ", as allowed" if self.allowed else ""
        return told.replace("_", " ") + allowed + (f", but {self.about_keys}" if self.keys_not_compared else "")

    @property
    def about_keys(self) -> str:
        """What is not known of keys."""
        several = len(self.keys_not_compared) > 1
        ids = ", ".join(map(str, self.keys_not_compared))
        return f"{'keys' if several else 'key'} {ids} could not be compared"

    @property
    def end(self) -> dict[str, Any] | None:
        """The result with which the host ends; None where it is well, or as allowed."""
        if self.allowed:
            return None
        if self.status == UNREACHABLE:
            return {"unreachable": True, "msg": self.message}
        if self.status == FAILED:
            return {"failed": True, "msg": self.message}
        if self.status == DRIFTED:
            return {"failed": True, "msg": "Drifted: it is not as described. The report shows the difference."}
        return None


@dataclass(frozen=True)
class NamedResult:
    """A result of a task. of: the name of the variable in which it is registered, "" where nobody said."""

    of: str
    result: Mapping[str, Any]


def named_results(results: Sequence[Any], of: str = "") -> Iterator[NamedResult]:
    """Every result of a task or of one turn of its loop; skipped and empty ones are left out.

    An entry with the keys `of` and `result` alone says where its result comes from.
    """
    for result in results:
        if isinstance(result, Sequence) and not isinstance(result, str):
            yield from named_results(result, of)
        elif not isinstance(result, Mapping) or not result or result.get("skipped"):
            continue
        elif set(result) == {"of", "result"}:
            yield from named_results([result["result"]], str(result["of"]))
        elif isinstance(result.get("results"), Sequence) and not isinstance(result["results"], str):
            yield from named_results(result["results"], of)
        else:
            yield NamedResult(of, result)


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


def service_is(result: Mapping[str, Any]) -> str:
    """What the result of a service that would be started says of it."""
    status = result.get("status")
    shown = status if isinstance(status, Mapping) else {}
    active, enabled = str(shown.get("ActiveState") or ""), str(shown.get("UnitFileState") or "")
    if active and active != "active":
        return f"is not running: systemd says {active}"
    if enabled and enabled != "enabled":
        return f"is not enabled: systemd says {enabled}"
    return "is not running"


def service_lines(result: Mapping[str, Any]) -> list[str]:
    """The same as a line of the report, which has no difference to show then."""
    return [f"{result['name']} {service_is(result)}"] if result.get("state") == "started" and result.get("name") else []


def rule_lines(result: Mapping[str, Any]) -> list[str]:
    """The rules of a firewall that would come and go, as the program that was asked tells them."""
    try:
        told = json.loads(str(result.get("stdout") or ""))
    except ValueError:
        return []
    rules = told.get("rules") if isinstance(told, Mapping) else None
    return [str(rule) for rule in rules] if isinstance(rules, list) else []


def message_of(result: Mapping[str, Any]) -> str:
    message = result.get("msg") or "no reason given"
    return (" ".join(map(str, message)) if isinstance(message, list) else str(message)).strip()


def drift_of_host(results: Sequence[Any]) -> HostDrift:
    found = [entry.result for entry in named_results(results)]
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
        diff=[line for result in changed for line in diff_lines(result) or service_lines(result) or rule_lines(result)],
    )


def report_lines(hosts: Mapping[str, HostDrift]) -> list[str]:
    """A line for each host in aligned columns, then the details of those that are not in sync."""
    width = max((len(name) for name in hosts), default=0)
    lines = [f"{name.ljust(width)}  {host.text}" for name, host in hosts.items()]
    for name, host in hosts.items():
        if host.message:
            # Messages of the roles begin with the host.
            lines += ["", f"{name}: {host.message.removeprefix(f'{name}: ')}"]
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


def drift_of_hosts(results: Mapping[str, Any]) -> dict[str, HostDrift]:
    """How each host is, by its results."""
    return {str(name): drift_of_host(result or []) for name, result in results.items()}


def report_of(hosts: Mapping[str, HostDrift], *, strict: bool = False) -> dict[str, Any]:
    """The report over hosts. strict: a key that can't be compared fails its host."""
    if strict:
        hosts = {
            name: replace(host, status=FAILED, message=host.about_keys)
            if host.status == KEYS_NOT_COMPARED and not host.allowed
            else host
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
