# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that goes on with what was begun, from Ansible's command line."""

from __future__ import annotations

import shlex

from ansible import context


def command_again(playbook: str = "site") -> str:
    """The command that goes on, without the extra variables, which may be secret."""
    words = ["ansible-playbook", f"timecast.ntp_multicast.{playbook}"]
    for source in context.CLIARGS.get("inventory") or ():
        words += ["-i", str(source)]
    limit = context.CLIARGS.get("subset")
    words += ["--limit", str(limit)] if limit else []
    extra = " (with the same extra variables)" if context.CLIARGS.get("extra_vars") else ""
    return shlex.join(words) + extra


def goes_on() -> str:
    """The sentence with which each stop of a rotation ends."""
    return f"When that is fixed, the same command goes on: {command_again('rotate_key')}"
