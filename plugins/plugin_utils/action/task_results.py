# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of a play gave for a host, from the variables in which they are registered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

# What the role for Linux hosts registers.
OF_ROLE = "__ntp_multicast_engine_"
LEFT_OUT = {
    "failed": True,
    "changed": False,
    "msg": "The task for many devices has left it out, or was ended before. Run again.",
}


def result_of(variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a task of a host's own gave; None where it went well."""
    for name in ("__ntp_multicast_failure", "__ntp_multicast_knock", "ntp_multicast_result"):
        found = variables.get(name)
        if isinstance(found, Mapping) and (found.get("failed") or found.get("unreachable")):
            return found
    return lost_in_between(variables)


def lost_in_between(variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The result of a task of the role that did not reach its Linux host; None where all did.

    The play goes on after such a task, and what it left out nobody has seen.
    """
    for name in variables:
        if str(name).startswith(OF_ROLE):
            found = variables[name]
            lost = next((each for each in each_result(found) if each.get("unreachable")), None)
            if lost is not None:
                reason = " ".join(str(lost.get("msg") or "it gives no reason").split())
                return {"unreachable": True, "changed": True, "msg": f"Lost while it was changed: {reason}"}
    return None


def each_result(registered: Any) -> list[Mapping[str, Any]]:
    """The results in a registered variable, of each turn of a loop."""
    if not isinstance(registered, Mapping):
        return []
    turns = registered.get("results")
    return [registered, *(each for each in (turns if isinstance(turns, list) else ()) if isinstance(each, Mapping))]


def results_in_fleet(fleet: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, Mapping[str, Any] | None]:
    """What the task for many devices gave; None where there is nothing to tell."""
    # Ansible's lists resolve all their templates at each look for a member.
    told = frozenset((*fleet.get("in_sync", ()), *fleet.get("reported", ())))
    kept = dict(fleet.get("device_results") or {})
    return {host: None if host in told else json.loads(kept[host]) if kept.get(host) else LEFT_OUT for host in hosts}
