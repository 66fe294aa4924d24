# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a device may misbehave, by device option and while it runs."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from .errors import SettingsError

_CHOICES: dict[str, tuple[str, ...]] = {
    "log_lines": ("none", "stoppable", "always"),
    "log_kind": ("log", "trap", "debugging"),
    "log_form": ("date", "short-date", "format-date", "rfc-3339", "boot", "none"),
    "log_at": ("first-prompt", "prompt", "before", "middle", "after"),
    "timestamp_form": ("date-time", "usg"),
    "pager_erase": ("escape", "bare", "carriage-return", "backspace"),
    "cut_then": ("prompt", "silence", "lost"),
}
# Faults whose text is a pattern; in a mapping the keys are.
_PATTERNS = (
    "stage2_refusal",
    "reauthentication",
    "lose_session",
    "hold",
    "log_after_line",
    "log_before",
    "echo_mark_lines",
    "garbled_echo",
)


@dataclass(slots=True)
class Faults:
    """Everything is off by default. Numbers called *times* count down and then the fault is over; -1 = for ever."""

    # the line
    chunk_size: int = 0  # octets in one piece; also cuts UTF-8 and escape sequences in two
    chunk_delay: float = 0.0  # seconds between pieces
    stalls: dict[str, float] = field(default_factory=dict)  # pattern of a printed line -> seconds of silence before it
    stall_share: float = 0.0  # of the pieces (with `chunk_size` those, else lines) before which the device is silent
    stall_seconds: tuple[float, ...] = (4.0, 10.0)  # the shortest and the longest of these silences
    stall_seed: int = 0
    late_echo: dict[str, float] = field(default_factory=dict)  # pattern of a typed line -> seconds until its echo comes
    garbled_echo: str = ""  # pattern of typed lines whose echo comes with characters left out
    cut_answers: dict[str, int] = field(default_factory=dict)  # pattern of a display -> characters of it that come;
    cut_times: int = -1  # a number below 0: all but so many
    cut_then: str = "prompt"  # prompt | silence | lost
    output_width: int = 0  # columns at which printed lines are cut, for example 80 (fact 9.9)
    pager_erase: str = "escape"  # escape | bare (escape lost) | carriage-return | backspace
    pager_columns: int = 16  # 16 in fact 3.5; 42 in saved texts
    prompt_prefix: str = ""  # firewall in hot standby (facts 3.1, 9.2): HRP_M, HRP_S, HRP_A, HRP-A
    echo_mark: str = ""  # behind the echo of a line that is backed up: ` (+B)` (fact 9.2)
    echo_mark_lines: str = ""  # pattern of these lines; "" = those of configuration views that configure
    echo_width: int = 0  # columns after which an echo is wrapped with ` \x1b[1D` (fact 3.5)
    lose_first_character: bool = False  # the first character typed after long output (fact 3.5, AR)
    log_lines: str = "none"  # none | stoppable (by `undo terminal monitor`) | always (facts 3.5, 4.1 item 14)
    log_kind: str = "log"  # log | trap | debugging (fact 9.1)
    log_text: str = ""  # "" = a text of that kind
    log_form: str = "date"  # of the time, `info-center timestamp` (fact 9.1)
    log_zone: str = "+00:00"
    log_width: int = 0  # columns at which it is cut, 80 in fact 9.1
    log_at: tuple[str, ...] = ("prompt", "before", "middle", "after")  # first-prompt is one of these too
    log_after_line: str = ""  # pattern of a typed line: only in its answer and after the prompt behind it
    log_before: str = ""  # pattern of lines of an answer: what `middle` means; "" = half of the answer
    log_times: int = -1
    log_delay: float = 0.0  # seconds of silence between a prompt and the log behind it
    log_redraws_prompt: bool = True  # fact 9.1: a log under a bare prompt that is not drawn again
    timestamps: bool = False  # a line before each display (fact 2.1)
    timestamp_form: str = "date-time"  # date-time | usg (`06:07:08  2026/05/04`)
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
    refused_lines: dict[str, str] = field(default_factory=dict)  # pattern of a configuration line -> the device's words
    not_taken: dict[str, str] = field(default_factory=dict)  # the same for lines of any kind: `Info: ...`, `Failed ...`
    not_taken_times: int = -1
    busy_lines: dict[str, int] = field(default_factory=dict)  # pattern of a line of any kind -> times (fact 9.6)
    busy_words: str = ""  # "" = the wording `busy-line`
    questions: dict[str, str] = field(default_factory=dict)  # pattern of a line -> what is asked before it (fact 9.3)
    save_questions: tuple[str, ...] = ()  # what `save` asks instead of the release's question (fact 9.3)
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
    late_refusal: str = ""  # what a commit says that took its time and then failed
    late_refusal_times: int = -1
    sysname_after_commit: str = ""
    hold: str = ""  # a step at which the device stops until it is released, see holds.py; once
    hold_passes: int = 0  # times that the step goes by before
    # before-commit | during-commit | during-commit-undone | while-committing | after-commit | line:PATTERN |
    # taken:PATTERN
    lose_session: str = ""
    # login over SSH
    refuse_channels: int = 0  # times that a session's channel is refused after the login
    _draws: random.Random = field(default_factory=lambda: random.Random(0), init=False, repr=False, compare=False)

    def change(self, options: Mapping[str, object]) -> None:
        """Set some faults; unknown names and values of the wrong kind are an error."""
        known = {item.name: str(item.type) for item in fields(self) if item.init}
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
            _check_values(name, known[name], value)
            _check_choice(name, value)
            _check_patterns(name, value)
            setattr(self, name, dict(value) if isinstance(value, dict) else value)
            if name == "stall_seed":
                self._draws.seed(self.stall_seed)

    def reset(self) -> None:
        """Switch everything off."""
        fresh = Faults()
        for item in fields(self):
            setattr(self, item.name, getattr(fresh, item.name))

    def draw_silence(self) -> float:
        """Seconds of silence before the next piece; 0 for most of them."""
        if not self.stall_share or self._draws.random() >= self.stall_share:
            return 0.0
        return self._draws.uniform(self.stall_seconds[0], self.stall_seconds[-1])

    def spend(self, name: str) -> bool:
        """Tell whether a counted fault applies now, and count it down."""
        times = int(getattr(self, name))
        if times > 0:
            setattr(self, name, times - 1)
        return times != 0

    def spend_busy(self, line: str) -> bool:
        """Tell whether the device is busy when it gets this line, and count it down."""
        for pattern, times in self.busy_lines.items():
            if times and re.search(pattern, line):
                self.busy_lines[pattern] = times - (times > 0)
                return True
        return False


def first_match(patterns: Mapping[str, object], line: str) -> str | None:
    """Return the first of the patterns that fits a line."""
    return next((pattern for pattern in patterns if re.search(pattern, line)), None)


def _check_values(name: str, annotation: str, value: object) -> None:
    """Refuse a mapping with values of the wrong kind."""
    kinds: dict[str, tuple[type, ...]] = {"float": (int, float), "int": (int,), "str": (str,)}
    if isinstance(value, dict):
        wanted = annotation.removeprefix("dict[str, ").removesuffix("]")
        for key, item in value.items():
            if not isinstance(item, kinds[wanted]) or isinstance(item, bool):
                raise SettingsError(f"faults.{name}: {key}: {item!r} is no {wanted}")


def _check_choice(name: str, value: object) -> None:
    known = _CHOICES.get(name)
    for item in value if isinstance(value, tuple) else (value,):
        if known is not None and item not in known:
            raise SettingsError(f"faults.{name}: {item!r} is none of {', '.join(known)}")


def _check_patterns(name: str, value: object) -> None:
    """Refuse an expression that does not compile before a session trips over it."""
    patterns = list(value) if isinstance(value, dict) else []
    if isinstance(value, str) and name in _PATTERNS:
        patterns.append(value)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise SettingsError(f"faults.{name}: {pattern!r} is no regular expression: {error}") from None
