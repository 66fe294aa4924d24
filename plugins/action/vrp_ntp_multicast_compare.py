# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible import constants, context

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.comparison import compare
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.fleet import Fleet
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import (
    VRP_NTP_MULTICAST_COMPARE,
)


class ActionModule(VrpAction):
    """Many devices in one task, where Ansible needs a process for each."""

    SPECIFICATION = VRP_NTP_MULTICAST_COMPARE

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Tell which devices are in sync; of all others nothing is told but their names."""
        hosts = options["hosts"]
        sessions = options["sessions"] or context.CLIARGS.get("forks") or constants.DEFAULT_FORKS
        fleet = Fleet(self._task, self._play_context, self._loader)
        found = compare(fleet.devices(hosts), sessions)
        in_sync = set(found.in_sync)
        return {
            "in_sync": [host for host in hosts if host in in_sync],
            "others": [host for host in hosts if host not in in_sync],
            "compared": found.compared,
            "msg": f"{len(in_sync)} of {len(hosts)} devices are as described.",
            "warnings": sorted(fleet.warnings) if in_sync else [],
        }
