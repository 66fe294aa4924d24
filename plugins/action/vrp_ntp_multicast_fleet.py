# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants, context
from ansible.utils.display import Display

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.fleet import Fleet, Outcome
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import (
    VRP_NTP_MULTICAST_FLEET,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError

# With fewer devices a second process costs more than it gains.
DEVICES_OF_A_PROCESS = 100
SECONDS_BETWEEN_REPORTS = 10.0
HOSTS_OF_A_WARNING = 5

display = Display()


class ActionModule(VrpAction):
    """Many devices in one task, where Ansible needs a process for each."""

    SPECIFICATION = VRP_NTP_MULTICAST_FLEET

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Work on all devices; tell of many changed ones here, and keep the rest for tasks of their own."""
        refuse_numbers(options)
        hosts = options["hosts"]
        sessions = options["sessions"] or context.CLIARGS.get("forks") or constants.DEFAULT_FORKS
        processes = options["processes"] or min(processors(), sessions, len(hosts) // DEVICES_OF_A_PROCESS)
        fleet = Fleet(self._task, self._play_context, self._loader)
        progress = Progress(len(hosts))
        in_sync, changed, outcomes, warnings = set(), set(), {}, set()
        for host, outcome, about_description in fleet.outcomes(hosts, sessions, processes):
            progress.count(outcome)
            warnings.update(about_description)
            if not needs_telling(outcome):
                in_sync.add(host)
                continue
            if well_changed(outcome):
                changed.add(host)
            outcome["warnings"] = about_description + outcome.get("warnings", [])
            outcomes[host] = json.dumps(outcome)
        display.display(progress.sentence())
        told = changed if len(changed) > options["tell_each_up_to"] else set()
        return {
            "warnings": sorted(warnings) if in_sync else [],
            **self._tell([host for host in hosts if host in told], outcomes),
            "in_sync": [host for host in hosts if host in in_sync],
            "others": [host for host in hosts if host not in in_sync | told],
            "outcomes": outcomes,
            "msg": progress.sentence(),
        }

    def _tell(self, hosts: list[str], outcomes: dict[str, str]) -> dict[str, Any]:
        """Do here what Ansible does with the results of changed devices, but for its recap."""
        if not hosts:
            return {"told": []}
        differences, warnings = [], defaultdict(list)
        for host in hosts:
            outcome: Outcome = json.loads(outcomes[host])
            display.display(f"changed: [{host}]", color=constants.COLOR_CHANGED)
            differences.append(outcome["diff"])
            for warning in outcome["warnings"]:
                warnings[warning].append(host)
            facts = outcome.pop("ansible_facts", None)
            if facts:
                # Into the cache of facts, where the next run finds what is remembered of the device's keys.
                self._task.get_variable_manager().set_host_facts(host, facts)
            outcomes[host] = json.dumps(outcome)
        result = {"changed": True, "told": hosts, "warnings": [with_hosts(*item) for item in warnings.items()]}
        return {**result, "diff": differences} if self._task.diff else result


def refuse_numbers(options: Mapping[str, Any]) -> None:
    """Raise UserError for a number that is too small."""
    for name, least in (("sessions", 1), ("processes", 1), ("tell_each_up_to", 0)):
        if options[name] is not None and options[name] < least:
            raise UserError(f"{name}: {options[name]} is not allowed. It has to be {least} or more.")


def processors() -> int:
    """How many processors this process may use; where the system does not tell (macOS), how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def needs_telling(outcome: Outcome) -> bool:
    """Whether there is more to tell of a device than that it is as described."""
    return any(outcome.get(name) for name in ("changed", "failed", "unreachable", "warnings"))


def well_changed(outcome: Outcome) -> bool:
    """Whether the device was changed, and nothing went wrong."""
    return bool(outcome.get("changed")) and not (outcome.get("failed") or outcome.get("unreachable"))


def with_hosts(warning: str, hosts: Sequence[str]) -> str:
    """A warning that several devices gave, with the names of the first."""
    more = len(hosts) - HOSTS_OF_A_WARNING
    return f"{', '.join(hosts[:HOSTS_OF_A_WARNING])}{f' and {more} more' if more > 0 else ''}: {warning}"


class Progress:
    """Tells now and then how far the work is, because nothing else does before its end."""

    def __init__(self, devices: int) -> None:
        self._devices = devices
        self._counts = {"in sync": 0, "changed": 0, "failed": 0, "unreachable": 0}
        self._told = time.monotonic()

    def count(self, outcome: Outcome) -> None:
        """One device is done."""
        kind = next((name for name in ("unreachable", "failed", "changed") if outcome.get(name)), "in sync")
        self._counts[kind] += 1
        if time.monotonic() - self._told >= SECONDS_BETWEEN_REPORTS:
            self._told = time.monotonic()
            display.display(self.sentence())

    def sentence(self) -> str:
        """How many devices are done, and how they are."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self._counts.items() if count)
        return f"{sum(self._counts.values())} of {self._devices} devices done: {kinds or 'none'}"
