# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device answered to a line, and whether that means yes (fact 3.6)."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...ntp.masking import mask
from ..errors import DeviceError, RefusedError
from .prompt import Prompt
from .unsolicited import is_time_line, without_logs

_ERROR = re.compile(r"\s*Error(?:\[\d+\])?\s*:", re.IGNORECASE)
_MESSAGE = re.compile(
    r"\s*(?:(?:Error|Info|Warning|Note)(?:\[\d+\])?\s*:|Failed\b|(?:The )?(?:system|device) (?:is )?busy\b"
    r"|[A-Z][A-Za-z ,.']{0,160}\b(?:busy\b|try (?:it )?(?:again|later)\b|again later\b|in progress\b|please wait\b))",
    re.IGNORECASE,
)
_CARET = re.compile(r"\s*\^\s*")
# Fact 9.6: `The system is busy in building configuration. Please wait for a moment...`, and words like these.
_BUSY = re.compile(r"\bbusy\b|\btry (?:it )?(?:again|later)\b|\bagain later\b|\bretry\b", re.IGNORECASE)
# Only in a refusal: a command at work says so too (fact 1.7: `Info: Checking, please wait for a moment....done.`).
_WAIT = re.compile(
    r"\bwait (?:for )?a (?:moment|minute|while)\b|\bplease wait\b|\blater\b|\bin progress\b|\bnot ready\b"
    r"|\brecovering\b"
    r"|\b(?:is|are) (?:being )?(?:execut|sav|restor|process|initiali[sz]|recover|load|synchroni[sz])(?:ed|ing)\b",
    re.IGNORECASE,
)
_HEAD = 400  # characters: what a message is stands at its start
_LONGEST_MESSAGE = 6  # lines


def is_error_line(line: str) -> bool:
    """Whether the line says that something was refused (fact 3.6)."""
    return bool(_ERROR.match(line[:_HEAD]))


def is_message_line(line: str) -> bool:
    """Whether the line is the device's word on a command, and no line of what was asked for (fact 3.6)."""
    return bool(_MESSAGE.match(line[:_HEAD]) or _CARET.fullmatch(line))


@dataclass(frozen=True)
class Answer:
    """The lines between the echo of a command and the next prompt.

    prompt: the one after it
    view: the view in which the command was sent, as `Prompt.view_name`
    complete: whether the text came with its frame's end, where it has one
    prompt_width: columns of the prompt before the command, needed to read the caret
    """

    command: str
    lines: tuple[str, ...]
    prompt: Prompt
    view: str = ""
    complete: bool = True
    prompt_width: int = 0
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Answer to {mask(self.command, self.secrets)!r}: {len(self.lines)} lines>"

    @property
    def whole_text(self) -> str:
        """The answer as it came. The parser of configurations knows itself where a log ends."""
        return "\n".join(self.lines)

    @property
    def text(self) -> str:
        """The answer without log lines and the time stamp."""
        return "\n".join(self._kept)

    @functools.cached_property
    def _kept(self) -> tuple[str, ...]:
        return tuple(self._from_first_word())

    @functools.cached_property
    def _head(self) -> tuple[str, ...]:
        """The first lines that are not blank. A configuration of thousands of lines is not searched for logs."""
        if not self.lines:
            return ()
        return tuple(itertools.islice(filter(str.strip, self._from_first_word()), _LONGEST_MESSAGE + 1))

    def _from_first_word(self) -> Iterator[str]:
        return itertools.dropwhile(lambda line: not line.strip() or is_time_line(line), without_logs(self.lines))

    @property
    def refused(self) -> bool:
        """No prefix, `Info:` and `Warning:` mean taken; `Error...:` or a caret mean refused."""
        return any(is_error_line(line) or _CARET.fullmatch(line) for line in self._kept)

    @property
    def unavailable(self) -> bool:
        """For a display command: whether it was refused. Only the first line tells, since a configuration may hold
        any text."""
        first = self._head[0] if self._head else ""
        return bool(is_error_line(first) or _CARET.fullmatch(first))

    @property
    def only_words(self) -> bool:
        """Whether the device only said something about the command, in place of what was asked for."""
        lines = self._head
        return bool(lines) and is_message_line(lines[0]) and len(lines) <= _LONGEST_MESSAGE

    @property
    def busy(self) -> bool:
        """Whether the device puts the command off (fact 9.6)."""
        if not self.only_words:
            return False
        words = self.words[:_HEAD]
        return bool(_BUSY.search(words) or (self.refused and _WAIT.search(words)))

    @property
    def words(self) -> str:
        """What the device said, as it may be shown; without the caret."""
        lines = [line.rstrip() for line in self._kept if line.strip() and not _CARET.fullmatch(line)]
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
            raise self.error(RefusedError, f"The device refused {task}.")
        return self

    def error(self, kind: type[DeviceError], message: str) -> DeviceError:
        """An error that shows the command and what the device said to it."""
        return kind(message, line=mask(self.command, self.secrets), view=self.view, caret=self.caret, words=self.words)
