# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody asked for: logs, traps and debugging lines, and the time that devices print before an answer.

Rules of this file: only what is certain counts, since a line that is left out of a configuration is a line that was
not read. A log in a form that is not known here is no disaster: the session finds its prompt without knowing logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_HEAD = 300  # characters: time, host and the log's name stand at the start of a line
_WORDS = 9
# Facts 2.4 and 9.1: `%%01CFM/4/SAVE(s)[0]:...` in logs, `IFNET/2/linkDown:...` in traps, `NTP/7/DEBUG:` in debugging.
_LOG_NAME = re.compile(r"(?:%%[0-9]{2})?[A-Za-z][A-Za-z0-9_-]*/[0-7]/[A-Za-z]\w*")
_PLAIN_LOG_NAME = re.compile(
    r"%%[0-9]{2}[A-Za-z][A-Za-z0-9_-]*/[0-7]/[A-Za-z]\w*|[A-Z][A-Z0-9_]+/[0-7]/[A-Za-z]\w*[:(]"
)
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,:][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?")
_DATE = re.compile(r"(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})")
_DATE_AND_CLOCK = re.compile(rf"{_DATE.pattern}[T ]{_CLOCK.pattern}")
_SINCE_BOOT = re.compile(r"[0-9]{1,10}\.[0-9]{1,12}")
_ZONE = re.compile(r"[+-][0-9]{2}:?[0-9]{2}")
# Beside a clock alone: `MSK`, `UTC+08:00`, `Beijing+08:00`, `pm`.
_NAMED_ZONE = re.compile(r"(?:[A-Z]{2,5}|[A-Za-z]{2,32}[+-][0-9]{1,2}(?::?[0-9]{2})?|[ap]m)")
# A month in another language stands before a day and a year or a clock: `Mai 04 2026`, `5\u6708 04`.
_ANY_MONTH = re.compile(r"(?:[^\W\d_]{3,10}\.?|[0-9]{1,2}\w)")
_DAY_OR_YEAR = re.compile(r"[0-9]{1,2}|[0-9]{4}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMES = frozenset((*_MONTHS, "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "UTC", "GMT", "DST"))
_SEVERITY = re.compile(r"/[0-7]/[A-Za-z]")  # in every log's name
_TIME_IS = re.compile(r"(?i)^\s*(?:the )?(?:(?:current|system|local) )?(?:date|time|clock)(?: is)?\s*:?\s")
_DAYS = frozenset(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
_MARK = re.compile(r"[#*%](?=[^ %#])|<[0-9]{1,3}>")
_NUMBERED_LOG_NAME = re.compile(
    r"(?:^|;)%%[0-9]{2}(?:$|[A-Za-z][A-Za-z0-9_-]*/[0-7]/[A-Za-z]\w*)|^#[A-Z][A-Z0-9_]*/[0-7]/\w"
)
_WORDS_OF_HOST = 5
# Where a log may begin inside a line: with its time.
_LOG_BEGINS = re.compile(
    rf"[#*%]?\[?(?:(?:{'|'.join(_MONTHS)}) +[0-9]{{1,2}} |[0-9]{{4}}[-/][0-9]{{2}}[-/][0-9]{{2}}[ T]"
    r"|(?<![0-9.])[0-9]{1,10}\.[0-9]{6,12} )"
)
_LONGEST_TAIL = 8  # lines of a log behind its first


def is_log_line(line: str) -> bool:
    """Whether the line is the first of a log, a trap or a debugging message."""
    if "/" not in line or _SEVERITY.search(line, 0, _HEAD) is None:
        return False
    head = line[:_HEAD].lstrip()
    # Fact 9.1: traps begin with `#`, debugging lines with `*`; a priority in `<...>` or a `%` is of other releases.
    mark = _MARK.match(head)
    words = head[mark.end() if mark else 0 :].split(None, _WORDS)[:_WORDS]
    timed = _time_words(words)
    # The host's name stands between the time and the log's name, which has to be plain where neither time nor mark is.
    if any((_LOG_NAME if timed or mark else _PLAIN_LOG_NAME).match(word) for word in words[timed : timed + 2]):
        return True
    # It may be more than one word.
    return bool(timed) and any(_NUMBERED_LOG_NAME.search(word) for word in words[timed : timed + _WORDS_OF_HOST])


def before_log(line: str) -> str:
    """What of a line stands before a log that a device wrote behind it, all of it where there is none."""
    for begun in _LOG_BEGINS.finditer(line):
        if is_log_line(line[begun.start() :]):
            return line[: begun.start()]
    return line


def is_time_line(line: str) -> bool:
    """Whether the line is the time and nothing else (fact 2.1; `06:07:08  2026/05/04` on USG firewalls)."""
    told = _TIME_IS.sub("", line, count=1) if len(line) < _HEAD else ""
    words = [word.strip("[](),") for word in told.split()]
    return (
        0 < len(words) <= 6
        and any(_has_clock(word) for word in words)
        and all(_is_time(word) or _NAMED_ZONE.fullmatch(word) is not None for word in words)
    )


def _time_words(words: list[str]) -> int:
    """How many of the first words tell the time."""
    bare = [word.strip("[]") for word in words]
    timed = 1 if len(bare) > 2 and _ANY_MONTH.fullmatch(bare[0]) and all(map(_is_time, bare[1:3])) else 0
    clock = False
    while timed < len(bare) and (_is_time(bare[timed]) or (clock and _NAMED_ZONE.fullmatch(bare[timed]))):
        clock = clock or _has_clock(bare[timed])
        timed += 1
    return timed


def _is_time(word: str) -> bool:
    return (
        word in _NAMES
        or word in _DAYS
        or any(
            pattern.fullmatch(word) for pattern in (_CLOCK, _DATE, _DATE_AND_CLOCK, _SINCE_BOOT, _ZONE, _DAY_OR_YEAR)
        )
    )


def _has_clock(word: str) -> bool:
    return bool(_CLOCK.fullmatch(word) or _DATE_AND_CLOCK.fullmatch(word))


def without_logs(lines: Iterable[str]) -> Iterator[str]:
    """The lines without logs, as far as what belongs to a log is certain."""
    tail = _Tail()
    for line in lines:
        if is_log_line(line):
            tail = _Tail(line)
        elif not tail.takes(line):
            yield line


class _Tail:
    """The lines behind the first one of a log that belong to it: its brackets are open, or they begin with one.

    A log that was cut elsewhere leaves text behind. That is no certain sign, so the text stays.
    """

    def __init__(self, first: str = "") -> None:
        self._open = first.count("(") - first.count(")")
        self._left = _LONGEST_TAIL if first else 0

    def takes(self, line: str) -> bool:
        """Whether the next line is another one of the log. Nothing that could be configuration is."""
        if self._left == 0:
            return False
        takes = (self._open > 0 or line.startswith("(")) and not _may_be_configuration(line)
        self._left = self._left - 1 if takes else 0
        self._open += line.count("(") - line.count(")")
        return takes


def _may_be_configuration(line: str) -> bool:
    return line[:1] in ("", *" #!*<[") or line.startswith(
        ("return", "interface ", "ntp", "undo ", "sysname ", "header ", "Error", "Info:")
    )
