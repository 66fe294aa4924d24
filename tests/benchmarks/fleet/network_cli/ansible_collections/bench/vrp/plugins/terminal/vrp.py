# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

from ansible_collections.ansible.netcommon.plugins.plugin_utils.terminal_base import TerminalBase


class TerminalModule(TerminalBase):
    """Prompts and errors of VRP, as much as the benchmark needs."""

    terminal_stdout_re = [re.compile(rb"[\r\n](?:<[^<>\r\n]+>|\[[~*][^\[\]\r\n]+\])$")]
    terminal_stderr_re = [re.compile(rb"[\r\n]Error")]

    def on_open_shell(self):
        self._exec_cli_command(b"screen-length 0 temporary")
