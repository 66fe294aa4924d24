# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalAction

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.counting import VARIABLE, counted


class ActionModule(NormalAction):  # type: ignore[misc]
    """Runs the module on the host; playbooks that wait for many hosts are told how many are left."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run it."""
        with counted(self._templar.template((task_vars or {}).get(VARIABLE)), "state"):
            result: dict[str, Any] = super().run(tmp, task_vars)
        return result
