# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
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

display = Display()


class ActionModule(VrpAction):
    """Many devices in one task, where Ansible needs a process for each."""

    SPECIFICATION = VRP_NTP_MULTICAST_FLEET

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Work on all devices; what is to be told of one is kept for its own task."""
        for name in ("sessions", "processes"):
            if options[name] is not None and options[name] < 1:
                raise UserError(f"{name}: {options[name]} is not allowed. It has to be 1 or more.")
        hosts = options["hosts"]
        sessions = options["sessions"] or context.CLIARGS.get("forks") or constants.DEFAULT_FORKS
        processes = options["processes"] or min(processors(), sessions, len(hosts) // DEVICES_OF_A_PROCESS)
        fleet = Fleet(self._task, self._play_context, self._loader)
        progress = Progress(len(hosts))
        in_sync, outcomes, warnings = set(), {}, set()
        for host, outcome, about_description in fleet.outcomes(hosts, sessions, processes):
            warnings.update(about_description)
            if needs_telling(outcome):
                outcome["warnings"] = about_description + outcome.get("warnings", [])
                outcomes[host] = json.dumps(outcome)
            else:
                in_sync.add(host)
            progress.count(outcome)
        return {
            "in_sync": [host for host in hosts if host in in_sync],
            "others": [host for host in hosts if host not in in_sync],
            "outcomes": outcomes,
            "msg": progress.sentence(),
            "warnings": sorted(warnings) if in_sync else [],
        }


def processors() -> int:
    """How many processors this process may use; where the system does not tell (macOS), how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def needs_telling(outcome: Outcome) -> bool:
    """Whether there is more to tell of a device than that it is as described."""
    return any(outcome.get(name) for name in ("changed", "failed", "unreachable", "warnings"))


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
