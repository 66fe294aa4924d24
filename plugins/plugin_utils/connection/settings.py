# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user has set for a connection."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """Two tasks with equal settings may share a session; any difference means another login.

    port, user: None where nobody has set them, so that an SSH configuration may.
    """

    host: str
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    private_key_file: str | None = None
    look_for_keys: bool = False
    allow_agent: bool | None = None
    host_key_checking: bool = True
    host_key_auto_add: bool = False
    known_hosts_file: str = "~/.ssh/known_hosts"
    timeout: int = 10
    keepalive: int = 15
    proxy_command: str = ""
    proxy_jump: str = ""
    ssh_arguments: str = ""
    legacy_algorithms: bool = False
    transcript_file: str | None = None
    transcript_anonymous: bool = False
