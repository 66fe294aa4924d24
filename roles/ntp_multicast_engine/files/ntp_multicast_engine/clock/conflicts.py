# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which other programs steer this machine's clock.

The standard library alone: the role sends this file to a host, to ask the same question in the same way before it
changes anything.
"""

from __future__ import annotations

import os
import re
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
_PHC2SYS_FLAGS = "armqvhwx"
"""Options of phc2sys(8) that take no value."""


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
    arguments = _text(process / "cmdline").split("\0")
    if name == "phc2sys":
        return not _steers_a_card(arguments[1:])
    if name != "ptp4l":
        return True
    return any(map(_wants_software, arguments)) or any(
        re.search(r"^\s*time_stamping\s+software\b", _text(Path(path)), re.MULTILINE) for path in _files(arguments)
    )


def _steers_a_card(arguments: list[str]) -> bool:
    """phc2sys(8): the clock to be steered follows -c, and is the system's without it. With -a the system's is left
    alone unless there is an -r."""
    options = _phc2sys_options(arguments)
    if "a" in options:
        return "r" not in options
    return options.get("c", _SYSTEM_CLOCK) != _SYSTEM_CLOCK


def _phc2sys_options(arguments: list[str]) -> dict[str, str]:
    """Letters and their values; letters without a value may stand together."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word.startswith("--"):
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in _PHC2SYS_FLAGS:
                found[letter] = ""
            else:
                found[letter], letters = letters or (rest.pop(0) if rest else ""), ""
    return found


def _wants_software(argument: str) -> bool:
    """`-S`, also behind other letters that take no value, or the long form (ptp4l(8))."""
    return re.match(r"-[AEP246HLsmqv]*S|--time_stamping=software$", argument) is not None


def _files(arguments: list[str]) -> list[str]:
    return [following for argument, following in zip(arguments, arguments[1:]) if argument == "-f"] + [
        argument[2:] for argument in arguments if argument.startswith("-f") and len(argument) > 2
    ]
