# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a device may misbehave, by device option and while it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from .errors import SettingsError


@dataclass(slots=True)
class Faults:
    """Everything is off by default. Numbers called *times* count down and then the fault is over; -1 = for ever."""

    # the line
    chunk_size: int = 0  # octets in one piece; also cuts UTF-8 and escape sequences in two
    chunk_delay: float = 0.0  # seconds between pieces
    echo_width: int = 0  # columns after which an echo is wrapped with ` \x1b[1D` (fact 3.5)
    lose_first_character: bool = False  # the first character typed after long output (fact 3.5, AR)
    log_lines: str = "none"  # none | stoppable (by `undo terminal monitor`) | always (facts 3.5, 4.1 item 14)
    log_text: str = "%%01NTP/4/STRATUM_CHANGE(l)[1]:System stratum changes from 16 to 4. (SourceAddress=192.0.2.1)"
    timestamps: bool = False  # a line before each display (fact 2.1)
    timestamp_zone: str = ""  # for example " +03:00"
    pause: dict[str, float] = field(default_factory=dict)  # pattern of a line -> seconds of silence before its output
    progress: bool = False  # `\rRunning: 33%\r` while a line is taken (fact 3.2)
    # login (fact 3.7)
    banner: str = ""
    initial_password: bool = False
    expired_password: bool = False
    vty_limit: int = 0  # 0 = that of the release
    # configuration
    foreign_pending: tuple[str, ...] = ()  # lines that are pending before the session's first one (fact 4.1 item 4)
    refused_lines: dict[str, str] = field(default_factory=dict)  # pattern of a line -> the device's words
    reauthentication: str = ""  # pattern of lines that ask for the login password once more (fact 3.7)
    cipher_tail: str = ""  # what a new ciphertext ends with, for example `<CE1>` (fact 2.3)
    # commit (fact 3.2)
    locked_by: int = 0  # session id of another user who holds the lock
    lock_times: int = -1
    busy_times: int = 0
    conflict_times: int = 0
    stale_times: int = 0  # until `refresh configuration candidate`
    stage2_refusal: str = ""  # pattern: a pending line that fits makes the commit fail
    stage2_times: int = -1
    slow_commit: float = 0.0  # seconds
    sysname_after_commit: str = ""
    hold: str = ""  # a step at which the device stops until it is released, see holds.py; once
    hold_passes: int = 0  # times that the step goes by before
    lose_session: str = (
        ""  # before-commit | during-commit | during-commit-undone | after-commit | line:PATTERN | taken:PATTERN
    )

    def change(self, options: Mapping[str, object]) -> None:
        """Set some faults; unknown names and values of the wrong kind are an error."""
        known = {item.name for item in fields(self)}
        for name, value in options.items():
            if name not in known:
                raise SettingsError(f"faults.{name}: no such fault; known are {', '.join(sorted(known))}")
            present = getattr(self, name)
            if isinstance(present, tuple) and isinstance(value, list):
                value = tuple(value)
            if isinstance(present, float) and isinstance(value, int):
                value = float(value)
            if type(value) is not type(present):
                raise SettingsError(f"faults.{name}: {value!r} is no {type(present).__name__}")
            _check_patterns(name, value)
            setattr(self, name, value)

    def reset(self) -> None:
        """Switch everything off."""
        fresh = Faults()
        for item in fields(self):
            setattr(self, item.name, getattr(fresh, item.name))

    def spend(self, name: str) -> bool:
        """Tell whether a counted fault applies now, and count it down."""
        times = int(getattr(self, name))
        if times > 0:
            setattr(self, name, times - 1)
        return times != 0


def _check_patterns(name: str, value: object) -> None:
    """Refuse an expression that does not compile before a session trips over it."""
    patterns = list(value) if isinstance(value, dict) else []
    if isinstance(value, str) and name in ("stage2_refusal", "reauthentication", "lose_session", "hold"):
        patterns.append(value)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise SettingsError(f"faults.{name}: {pattern!r} is no regular expression: {error}") from None
