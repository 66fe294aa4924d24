# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which other programs steer this machine's clock."""

from __future__ import annotations

import os
from pathlib import Path

CLOCK_PROGRAMS = frozenset(
    {"chronyd", "ntpd", "ntpd-rs", "ntp-daemon", "openntpd", "systemd-timesyncd", "systemd-timesyn", "ptp4l", "phc2sys"}
)
"""Names as /proc/PID/comm has them, at most 15 octets."""


def clock_owners(proc: Path = Path("/proc")) -> list[str]:
    """Names of running programs that are known to steer the clock, in this process's view of the system."""
    names: set[str] = set()
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        try:
            names.add((proc / entry / "comm").read_text(encoding="utf-8", errors="replace").strip())
        except OSError:
            continue
    return sorted(names & CLOCK_PROGRAMS)
