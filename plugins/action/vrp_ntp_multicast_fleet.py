# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.utils.display import Display

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.configure import NEW_MEMORY
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.fleet import Fleet, Outcome
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.key_memories import not_written
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.key_memory_file import KeyMemoryFile
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.private import HostVariables
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
        """Work on all devices; report many of them here, and keep the rest for tasks of their own."""
        refuse_numbers(options)
        hosts = options["hosts"]
        sessions = options["sessions"] or context.CLIARGS.get("forks") or constants.DEFAULT_FORKS
        processes = options["processes"] or min(processors(), sessions, len(hosts) // DEVICES_OF_A_PROCESS)
        fleet = Fleet(self._task, self._play_context, self._loader)
        done = Done(len(hosts))
        try:
            with fleet.stop.instead_of_timeout():
                for host, outcome, about_description in fleet.outcomes(hosts, sessions, processes):
                    done.add(host, outcome, about_description)
        finally:
            done.remember()
        display.display(done.sentence())
        reported = done.to_report(options["report_individually_max"])
        in_sync = done.in_sync
        return {
            **self._report([host for host in hosts if host in reported], done),
            "in_sync": [host for host in hosts if host in in_sync],
            "remaining": [host for host in hosts if host not in in_sync | reported],
            "device_results": {host: json.dumps(outcome) for host, outcome in done.outcomes.items()},
            "msg": done.sentence() + self._timeout_sentence(fleet.stop.is_set()),
        }

    def _timeout_sentence(self, over: bool) -> str:
        return (
            f". The task's timeout of {self._task.timeout} seconds was over; no further device was begun"
            if over
            else ""
        )

    def _report(self, hosts: list[str], done: Done) -> dict[str, Any]:
        """Do here what Ansible does with the results of single devices, but for its recap."""
        differences, warnings = [], Grouped()
        for warning in done.about_descriptions if done.in_sync else ():
            warnings.add(warning)
        for host in hosts:
            outcome = done.outcomes[host]
            if outcome.get("changed"):
                display.display(f"changed: [{host}]", color=constants.COLOR_CHANGED)
                differences.append(outcome["diff"])
            for warning in outcome["warnings"]:
                warnings.add(warning, host)
            facts = outcome.pop("ansible_facts", None)
            if facts:
                trouble = self._cached(host, facts)
                if trouble:
                    warnings.add(trouble, host)
        for warning in done.troubles:
            warnings.add(warning)
        result: dict[str, Any] = {
            "changed": bool(differences),
            "reported": hosts,
            "warnings": warnings.sentences(),
        }
        return {**result, "diff": differences} if self._task.diff and differences else result

    def _cached(self, host: str, facts: Mapping[str, Any]) -> str:
        """Put facts into the cache, where the next run finds them; the warning to give if that is not possible."""
        try:
            HostVariables(self._task, self._loader).keep_facts(host, facts)
        except Exception as error:
            # Whatever a cache plugin raises, what was done on the devices has to be told.
            return f"What is new of the keys is not remembered, because the fact cache cannot be written: {error}"
        return ""


def refuse_numbers(options: Mapping[str, Any]) -> None:
    """Raise UserError for a number that is too small."""
    for name, least in (("sessions", 1), ("processes", 1), ("report_individually_max", 0)):
        if options[name] is not None and options[name] < least:
            raise UserError(f"{name}: {options[name]} is not allowed. It has to be {least} or more.")


def processors() -> int:
    """How many processors this process may use; where the system does not tell (macOS), how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def needs_telling(outcome: Outcome) -> bool:
    """Whether there is more to tell of a device than that it is as described."""
    return any(outcome.get(name) for name in ("changed", "failed", "unreachable", "warnings"))


def went_well(outcome: Outcome) -> bool:
    """Whether the device is as described now."""
    return not (outcome.get("failed") or outcome.get("unreachable"))


class Grouped:
    """Warnings, each with the hosts that gave it."""

    def __init__(self) -> None:
        self._hosts: dict[str, list[str]] = {}

    def add(self, warning: str, host: str | None = None) -> None:
        """A warning of a host, or of no host in particular."""
        self._hosts.setdefault(warning, []).extend([] if host is None else [host])

    def sentences(self) -> list[str]:
        """Each warning once, with the names of the first hosts."""
        return sorted(with_hosts(warning, hosts) if hosts else warning for warning, hosts in self._hosts.items())


def with_hosts(warning: str, hosts: Sequence[str]) -> str:
    """A warning that several devices gave, with the names of the first."""
    more = len(hosts) - HOSTS_OF_A_WARNING
    return f"{', '.join(hosts[:HOSTS_OF_A_WARNING])}{f' and {more} more' if more > 0 else ''}: {warning}"


class Done:
    """What is done so far; says so now and then, and remembers what is new of the keys, since nothing else does
    before the end.

    in_sync: devices where nothing was to be done and nothing is to be told
    outcomes: of all others
    about_descriptions: warnings about the descriptions, troubles: about the file with what is remembered
    """

    def __init__(self, devices: int) -> None:
        self.in_sync: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.about_descriptions: set[str] = set()
        self.troubles: list[str] = []
        self._new: dict[str, dict[str, Any]] = {}
        self._progress = Progress(devices)
        self._saved = time.monotonic()

    def add(self, host: str, outcome: Outcome, about_description: list[str]) -> None:
        """One device is done."""
        self.about_descriptions.update(about_description)
        new = outcome.pop(NEW_MEMORY, None)
        if new is not None:
            path, device, keys = new
            self._new.setdefault(path, {})[device] = keys
        self._progress.count(outcome)
        if not needs_telling(outcome):
            self.in_sync.add(host)
        else:
            outcome["warnings"] = about_description + outcome.get("warnings", [])
            self.outcomes[host] = outcome
        if time.monotonic() - self._saved >= SECONDS_BETWEEN_REPORTS:
            self.remember()

    def remember(self) -> None:
        """Write what is new of the keys into its file."""
        self._saved = time.monotonic()
        for path, devices in self._new.items():
            self.troubles += not_written(KeyMemoryFile(Path(path)), devices)
        self._new = {}

    def to_report(self, individually_max: int) -> set[str]:
        """The devices that need no task of their own to be told of, where there are more than so many."""
        well = {host for host, outcome in self.outcomes.items() if went_well(outcome)}
        return well if len(well) > individually_max else set()

    def sentence(self) -> str:
        """How many devices are done, and how they are."""
        return self._progress.sentence()


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
