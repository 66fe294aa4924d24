# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device answered to a line, and whether that means yes (fact 3.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import RefusedError, mask
from .prompt import Prompt

_ERROR = re.compile(r"\s*Error(?:\[\d+\])?\s*:", re.IGNORECASE)
_CARET = re.compile(r"\s*\^\s*")
# Fact 2.4: `Sep 24 2020 19:55:02+05:00 huawei %%01CFM/4/SAVE(s)[0]:...`
_LOG_LINE = re.compile(r"\s*#?[A-Z][a-z]{2}\s+\d{1,2}\s+\d{4}\s\d\d:\d\d:\d\d\S*.*(?:%%\d\d|\w)\w*/\d/\w+")
# Fact 2.1: with `timestamp enable`, `2024-06-08 13:04:22.667 +03:00` comes before each display.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: ?[+-]\d\d:\d\d)?(?: DST)?\s*")


def is_log_line(line: str) -> bool:
    """Whether the line is a log message that the device wrote between other outputs."""
    return bool(_LOG_LINE.match(line))


def is_error_line(line: str) -> bool:
    """Whether the line says that something was refused (fact 3.6)."""
    return bool(_ERROR.match(line))


@dataclass(frozen=True)
class Answer:
    """The lines between the echo of a command and the next prompt.

    echoed: False when the device did not show the command as it was sent
    prompt_width: columns of the prompt before the command, needed to read the caret
    """

    command: str
    lines: tuple[str, ...]
    prompt: Prompt
    echoed: bool = True
    prompt_width: int = 0
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Answer to {mask(self.command, self.secrets)!r}: {len(self.lines)} lines>"

    @property
    def text(self) -> str:
        """The answer without log lines and the time stamp."""
        lines = [line for line in self.lines if not is_log_line(line)]
        while lines and (not lines[0].strip() or _TIMESTAMP.fullmatch(lines[0])):
            del lines[0]
        return "\n".join(lines)

    @property
    def refused(self) -> bool:
        """No prefix, `Info:` and `Warning:` mean taken; `Error...:` or a caret mean refused."""
        return any(_ERROR.match(line) or _CARET.fullmatch(line) for line in self.text.split("\n"))

    @property
    def unavailable(self) -> bool:
        """For a display command: whether it was refused. Only the first line tells, since a configuration may hold
        any text."""
        first = next((line for line in self.text.split("\n") if line.strip()), "")
        return bool(_ERROR.match(first) or _CARET.fullmatch(first))

    @property
    def words(self) -> str:
        """What the device said, masked; without the caret."""
        lines = [line.rstrip() for line in self.text.split("\n") if line.strip() and not _CARET.fullmatch(line)]
        return mask("\n".join(lines), self.secrets)

    @property
    def caret(self) -> str:
        """The caret under the masked command, "" when the device printed none."""
        for line in self.lines:
            if _CARET.fullmatch(line):
                column = line.index("^") - self.prompt_width
                if 0 <= column <= len(self.command):
                    return " " * len(mask(self.command[:column], self.secrets)) + "^"
        return ""

    def expect(self, task: str) -> Answer:
        """This answer if it means yes; raises RefusedError, which begins with the task, otherwise."""
        if self.refused:
            raise RefusedError(
                f"The device refused {task}.", line=mask(self.command, self.secrets), caret=self.caret, words=self.words
            )
        return self
