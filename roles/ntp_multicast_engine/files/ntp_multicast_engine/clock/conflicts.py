# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which other programs steer this machine's clock.

The standard library alone: the role sends this file to a host, to ask the same question in the same way before it
changes anything.
"""

from __future__ import annotations

import getopt
import os
import re
import string
from pathlib import Path

CLOCK_PROGRAMS = {
    "chronyd": "chronyd",
    "ntpd": "ntpd",
    "ntp-daemon": "ntpd-rs",
    "ntpd-rs": "ntpd-rs",
    "openntpd": "openntpd",
    "phc2sys": "phc2sys",
    "systemd-timesyn": "systemd-timesyncd",
    "ptp4l": "ptp4l",
}
"""Names as /proc/PID/comm has them, at most 15 octets, and as people know them."""
_SYSTEM_CLOCK = "CLOCK_REALTIME"
_PHC2SYS_FLAGS, _PTP4L_FLAGS = "armqvhwx", "AEP246HSLsmqvh"
"""Options of phc2sys(8) and ptp4l(8) that take no value."""


def clock_owners(proc: Path = Path("/proc")) -> list[str]:
    """Names of running programs that are known to steer the clock, in this process's view of the system."""
    return sorted({name for name, _unit in owners(proc)})


def owners(proc: Path = Path("/proc")) -> list[tuple[str, str | None]]:
    """Name and service of each of these programs; the service is None where systemd has not started it as one."""
    here = _pid_namespace(proc / "self")
    found = []
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        name = CLOCK_PROGRAMS.get(_text(proc / entry / "comm").strip())
        if name is not None and _steers(proc / entry, name) and _pid_namespace(proc / entry) in (here, None):
            found.append((name, _service(proc / entry)))
    return sorted(found, key=str)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _pid_namespace(process: Path) -> str | None:
    """A process of another one belongs to a container, which has no right to the clock of its host; None if unknown."""
    try:
        return os.readlink(process / "ns" / "pid")
    except OSError:
        return None


def _service(process: Path) -> str | None:
    names = re.findall(r"/([^/\n]+\.service)(?=/|$)", _text(process / "cgroup"), re.MULTILINE)
    return names[-1] if names else None


def _steers(process: Path, name: str) -> bool:
    """ptp4l steers the clock of its network card, which phc2sys hands on; only without such a clock it steers ours."""
    arguments = _text(process / "cmdline").split("\0")[1:]
    if name == "phc2sys":
        return not _steers_a_card(_options(arguments, _PHC2SYS_FLAGS))
    if name != "ptp4l":
        return True
    options = _options(arguments, _PTP4L_FLAGS)
    if "-S" in options or "--time_stamping=software" in arguments:
        return True
    settings = _text(Path(options["-f"])) if "-f" in options else ""
    return re.search(r"^\s*time_stamping\s+software\b", settings, re.MULTILINE) is not None


def _steers_a_card(options: dict[str, str]) -> bool:
    """phc2sys(8): the clock to be steered follows -c, and is the system's without it. With -a the system's is left
    alone unless there is an -r."""
    if "-a" in options:
        return "-r" not in options
    return options.get("-c", _SYSTEM_CLOCK) != _SYSTEM_CLOCK


def _options(arguments: list[str], flags: str) -> dict[str, str]:
    """Options of one letter and their values; `flags` are those without one, which may stand together."""
    known = "".join(sign if sign in flags else f"{sign}:" for sign in string.ascii_letters + string.digits)
    try:
        found, _others = getopt.gnu_getopt([word for word in arguments if not word.startswith("--")], known)
    except getopt.GetoptError:
        # The program won't take them either.
        return {}
    return dict(found)
