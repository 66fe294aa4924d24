# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.facts import facts_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_FACTS


class ActionModule(VrpAction):
    """What a device is, as facts."""

    SPECIFICATION = VRP_FACTS

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Look, and report."""
        return {"ansible_facts": facts_of(self.logins().session())}
