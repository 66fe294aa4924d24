# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vrp
short_description: The least that cli_config needs to configure the benchmark's devices
description:
  - Reads, enters the system view, sends the lines, commits, and reads back, all in the persistent connection.
author: Timecast developers (@timecast)
"""

import json  # noqa: E402

from ansible_collections.ansible.netcommon.plugins.plugin_utils.cliconf_base import CliconfBase  # noqa: E402


class Cliconf(CliconfBase):
    """Reads and writes in one task, so that the comparison is with the best case."""

    def get_device_info(self):
        return {"network_os": "bench.vrp.vrp"}

    def get_config(self, source="running", flags=None, format=None):
        return self.send_command("display current-configuration")

    def get_diff(self, candidate=None, running=None, **options):
        return {"config_diff": candidate, "banner_diff": {}}

    def edit_config(self, candidate=None, commit=True, replace=None, comment=None):
        sent = [self.send_command(line) for line in ("system-view", *candidate, "commit", "return")]
        return {"request": candidate, "response": [*sent, self.get_config()]}

    def get(self, command=None, **options):
        return self.send_command(command)

    def get_device_operations(self):
        supported = {"supports_commit": True, "supports_generate_diff": True}
        names = (
            "rollback",
            "onbox_diff",
            "generate_diff",
            "replace",
            "diff_match",
            "diff_ignore_lines",
            "diff_replace",
        )
        names += ("defaults", "commit_comment", "multiline_delimiter", "admin")
        return {**{f"supports_{name}": False for name in names}, **supported}

    def get_capabilities(self):
        return json.dumps({**super().get_capabilities(), "device_operations": self.get_device_operations()})
