# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One exchange: what stands on the screen since a command was sent, and whether that is the whole answer.

Rules of this file: it sends nothing and waits for nothing. An answer is one only with the echo of its command before it
and a prompt behind it, and, where the text is known to have one, with its frame's end. A device works through its input
in order, so an echo behind a prompt proves that all that was sent before is answered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .answer import Answer, is_message_line
from .prompt import Prompt, PromptMatcher
from .questions import ExpectedQuestion, looks_like_question
from .screen import Screen
from .unsolicited import before_log, is_log_line, is_time_line, without_logs

# Seconds of silence after which an empty line is sent to see the prompt again.
QUIET_FOR_BURIED_PROMPT = 1.0
_QUIET_WITHOUT_PROMPT = 3.0
_QUIET_BETWEEN_PROBES = 2.0
_PROBES = 3
_QUIET_FOR_ODD_ENDING = 1.0

_ECHO_ROWS = 256  # the echo is looked for in the first rows only
_ECHO_GAP = 8  # rows of other text inside an echo
_MOST_BLANKS = 512  # in the row of a bare echo
_FRAME_GAP = 12  # rows of unknown text between the frame's end and the prompt
_TEXT_BEHIND_QUESTION = 40  # rows
# Fact 9.2: `(+B)` behind a command that is backed up to the other firewall.
_INSIDE_MARK = r"[+*!~-]?[A-Za-z][A-Za-z0-9/+:-]{0,15}"
_MARK = re.compile(rf"\+[A-Z]|(?:\({_INSIDE_MARK}\)|\[{_INSIDE_MARK}\]|<{_INSIDE_MARK}>|{{{_INSIDE_MARK}}}){{1,2}}")
_LONGEST_MARK = 24


@dataclass(frozen=True)
class Sending:
    """What was sent, and what is known of its answer.

    ahead: a command that was sent before, in the same round trip, or ""
    unanswered: how many lines were sent before these without waiting for their prompts
    frame_end: the last line that the text has, "" when it has no frame
    lenient: a text without its frame's end is taken too, as an answer that is not complete
    probing: whether an empty line is harmless although no prompt was seen
    echoing: False for an empty line, of which there is nothing to see
    answers: of the user, to questions that he expects
    """

    command: str
    ahead: str = ""
    unanswered: int = 0
    frame_end: str = ""
    lenient: bool = False
    probing: bool = False
    echoing: bool = True
    answers: tuple[ExpectedQuestion, ...] = ()


class Exchange:
    """Reads the screen for one sending."""

    def __init__(self, screen: Screen, sending: Sending, matcher: PromptMatcher, standing: Prompt) -> None:
        self.sending = sending
        self.probes = 0
        self.probed_name = ""
        self.replies = 0
        self._screen = screen
        self._matcher = matcher
        self._standing = standing
        self._standing_width = len(screen.current)
        self._echo: _Echo | None = None
        self._looked_at = 0
        self._text_row = -1
        self._question_row = -1
        self._next_probe = 0.0

    @property
    def echoed(self) -> bool:
        """Whether the echo of the command was seen."""
        if self._echo is None and not self.sending.echoing:
            self._echo = _Echo(0, 0)
        if self._echo is None:
            rows = min(len(self._screen.lines) - 1, _ECHO_ROWS)
            if rows != self._looked_at:
                self._looked_at = rows
                owed = self.sending.unanswered + bool(self.sending.ahead)
                self._echo = find_echo(self._screen.lines[:rows], self.sending.command, self._matcher, owed)
        return self._echo is not None

    def rename(self, matcher: PromptMatcher) -> None:
        """The device goes by another name from here on."""
        self._matcher = matcher
        self._text_row = len(self._screen.lines)  # no row of text any more: what is a prompt has changed

    # -- the end -------------------------------------------------------------------------------------------------------

    def ending(self, quiet: float) -> Prompt | None:
        """The prompt that ends the answer, or None as long as it may go on."""
        lines = self._screen.lines
        prompt = self._matcher.match(lines[-1].rstrip())
        if prompt is None or len(lines) == 1 or not self.echoed:
            return None
        if not self.sending.echoing:
            return prompt if quiet >= _QUIET_FOR_ODD_ENDING else None
        if not self.sending.frame_end or self._frame_is_complete() or self._is_a_message():
            return prompt
        # Other text behind the frame's end, such as a log in an unknown form: the prompt has to come a second time.
        if self._is_confirmed() and (self._frame_end_row() is not None or self.sending.lenient):
            return prompt
        return None

    def missing(self) -> str:
        """What the answer lacks, in words."""
        if not self.echoed:
            return "The echo of the line did not come."
        if self._matcher.match(self._screen.lines[-1].rstrip()) is None:
            return "The prompt behind the answer did not come."
        if self.sending.frame_end and self._frame_end_row() is None:
            return f"The text broke off before its last line, `{self.sending.frame_end}`."
        return "The answer did not come to its end."

    def text(self) -> list[str]:
        """What came of the answer so far."""
        return self._screen.lines[self.first_row :] if self.echoed else []

    def unanswered(self) -> int:
        """How many empty lines may still be answered after the end."""
        if not self.probes:
            return 0
        first = self._echo.last if self._echo else 0
        lines = self._screen.lines
        came = sum(
            self._matcher.match(lines[row].rstrip()) is not None
            for row in range(max(first + 1, len(lines) - 2 * _PROBES - _FRAME_GAP), len(lines))
        )
        return max(0, self.probes - max(0, came - 1))

    def _frame_is_complete(self) -> bool:
        """Whether nothing but logs, after which the prompt is drawn again, stands between the frame's end and the
        prompt."""
        row = self._last_row_of_text()
        return row >= 0 and before_log(self._screen.lines[row]).rstrip() == self.sending.frame_end

    def _last_row_of_text(self) -> int:
        """The last row before the prompt that is not blank, no log and no prompt; -1 where there is none.

        A device may draw its prompt again and again: only what changed since the one before is looked at.
        """
        lines = self._screen.lines
        first = self._screen.first_changed()
        if self._text_row >= first:
            first, self._text_row = 0, -1
        for row in range(len(lines) - 2, max(first, self.first_row) - 1, -1):
            line = lines[row]
            if line.strip() and not is_log_line(line) and not self._is_buried_prompt(line):
                self._text_row = row
                break
        return self._text_row

    def _frame_end_row(self) -> int | None:
        """The row of the frame's end, with a few lines of whatever kind between it and the prompt."""
        lines = self._screen.lines
        for row in range(len(lines) - 2, max(self.first_row, len(lines) - 2 - _FRAME_GAP) - 1, -1):
            if before_log(lines[row]).rstrip() == self.sending.frame_end:
                return row
            if lines[row].rstrip() == "#":
                return None
        return None

    def _is_a_message(self) -> bool:
        """Whether the device only said something about the command."""
        lines = self._screen.lines
        if len(lines) - self.first_row > _ECHO_ROWS:
            return False
        rows = [line for line in without_logs(lines[self.first_row : -1]) if line.strip() and not is_time_line(line)]
        return bool(rows) and is_message_line(rows[0]) and not any(line.startswith(("#", "!")) for line in rows)

    def _is_confirmed(self) -> bool:
        lines = self._screen.lines
        row = len(lines) - 2
        while row > self.first_row and not lines[row].strip():
            row -= 1
        return bool(self.probes) and self._matcher.match(lines[row].rstrip()) is not None

    @property
    def first_row(self) -> int:
        """The row behind the echo."""
        return self._echo.last + 1 if self._echo else 0

    # -- silence -------------------------------------------------------------------------------------------------------

    def wants_probe(self, quiet: float) -> bool:
        """Whether it is time to send an empty line, because the prompt seems to be there, but buried under other text.

        Where the device may ask, an empty line could be an answer. So a prompt has to have been there, unless the line
        is one whose questions an empty line does not answer; never while text stands unfinished at the cursor.
        """
        if quiet < self._next_probe:
            self._next_probe = min(self._next_probe, quiet + _QUIET_BETWEEN_PROBES)
        if self.probes >= _PROBES or quiet < max(self._next_probe, QUIET_FOR_BURIED_PROMPT):
            return False
        current = self._screen.lines[-1].rstrip()
        if looks_like_question(current):
            return False
        if self._matcher.match(current) is not None:
            wanted = self.echoed and bool(self.sending.frame_end)
            return wanted and (self._frame_end_row() is not None or self.sending.lenient)
        if self.echoed and self._has_buried_prompt():
            return True
        return self.sending.probing and not current and quiet >= _QUIET_WITHOUT_PROMPT

    def probed(self, quiet: float) -> None:
        """An empty line was sent."""
        self.probes += 1
        self._next_probe = quiet + _QUIET_BETWEEN_PROBES

    def _has_buried_prompt(self) -> bool:
        """Whether a prompt stands behind the echo, with other text behind it or on its line."""
        lines = self._screen.lines
        first = max(self.first_row, len(lines) - _ECHO_ROWS)
        return any(self._matcher.behind(lines[row]) is not None for row in range(first, len(lines)))

    # -- questions -----------------------------------------------------------------------------------------------------

    def question(self, quiet: float) -> str | None:
        """The question that is open now, with the lines before it that belong to the same answer."""
        lines = self._screen.lines
        start = max(self._question_row, self.first_row - 1 if self.echoed else 0) + 1
        last = len(lines) - 1
        if last >= start and looks_like_question(lines[last]):
            return "\n".join(without_logs(lines[start : last + 1]))
        if quiet < _QUIET_FOR_ODD_ENDING:
            return None
        # Other text came behind the question: on its line, or on further ones, perhaps cut at the terminal's width.
        for row in range(last, max(start, last - _TEXT_BEHIND_QUESTION) - 1, -1):
            asked = before_log(lines[row])
            if looks_like_question(asked):
                known = asked != lines[row] or self._only_a_log_follows(row)
                if known or quiet >= _QUIET_WITHOUT_PROMPT:
                    return "\n".join([*without_logs(lines[start:row]), asked])
                return None
            if self._matcher.behind(lines[row]) is not None:
                return None
        return None

    def _only_a_log_follows(self, row: int) -> bool:
        """Whether nothing stands behind a row, or a log, whose further lines are not known as such."""
        following = next((line for line in self._screen.lines[row + 1 :] if line.strip()), "")
        return not following or is_log_line(following)

    def answered(self) -> None:
        """The question got its answer."""
        self.replies += 1
        self._question_row = len(self._screen.lines) - 1

    # -- the answer ----------------------------------------------------------------------------------------------------

    def answer(self, prompt: Prompt, secrets: Sequence[str]) -> Answer:
        """The lines between the echo and the prompt."""
        lines = self._screen.lines
        complete = not self.sending.frame_end or self._frame_is_complete()
        last = None if complete or not self.sending.frame_end else self._frame_end_row()
        if self.sending.frame_end and (complete or last is not None):
            kept = lines[self.first_row : -1 if last is None else last + 1]
            complete = True
        else:
            # A prompt in between was buried. What stands behind it is looked through too: it may say `Error`.
            kept = [line for line in lines[self.first_row : -1] if not self._is_buried_prompt(line)]
        return Answer(
            command=self.sending.command,
            lines=tuple(kept),
            prompt=prompt,
            view=self._standing.view_name,
            complete=complete,
            prompt_width=self._echo.width if self._echo and not self._echo.bare else self._standing_width,
            secrets=tuple(secrets),
        )

    def _is_buried_prompt(self, line: str) -> bool:
        behind = self._matcher.behind(line)
        return behind is not None and (not behind.strip() or is_log_line(behind))

    def answer_ahead(self, prompt: Prompt) -> Answer | None:
        """The answer to the command that was sent before this one; None if its echo, or its end, was not seen."""
        if self._echo is None or self._echo.bare:
            return None
        lines = self._screen.lines[: self._echo.first]
        echo = find_echo(lines, self.sending.ahead, self._matcher)
        if echo is None:
            return None
        return Answer(
            command=self.sending.ahead,
            lines=tuple(line for line in lines[echo.last + 1 :] if not self._is_buried_prompt(line)),
            prompt=prompt,
            view=self._standing.view_name,
            prompt_width=self._standing_width if echo.bare else echo.width,
        )


@dataclass(frozen=True)
class _Echo:
    """Where an echo stands: its first and last row, and the columns of the prompt before it.

    bare: no prompt stands before it, since a log came in between or the device writes what is typed before it reads it
    """

    first: int
    last: int
    width: int = 0
    bare: bool = False


def find_echo(rows: Sequence[str], command: str, matcher: PromptMatcher, owed: int = 0) -> _Echo | None:
    """The echo of a command in finished rows: behind a prompt or bare, whole, wrapped, or with other text in it; blanks
    do not count, and a mark of the device behind it is no part of it.

    owed: how many prompts have to stand before a bare echo, for lines that were sent before; the first row is none
    """
    wanted = _squeeze(command)
    prompts = 0
    for first, row in enumerate(rows):
        behind = matcher.behind(row)
        if behind is None:
            if prompts >= owed and len(row) < len(command) + _MOST_BLANKS and _fits(_squeeze(row), wanted):
                return _Echo(first, first, bare=True)
            continue
        prompts += first > 0
        bare = not behind.strip()
        last = None if bare else _end_of_echo(rows, first, _squeeze(behind), wanted, matcher)
        if last is None and before_log(behind) != behind:  # a log came on the line of the echo
            last = _end_of_echo(rows, first, _squeeze(before_log(behind)), wanted, matcher)
        if last is not None:
            return _Echo(first, last, len(row) - len(behind))
    return None


def _end_of_echo(rows: Sequence[str], first: int, begun: str, wanted: str, matcher: PromptMatcher) -> int | None:
    if _fits(begun, wanted):
        return first
    if not wanted.startswith(begun):
        return None
    position, gap = len(begun), 0
    for row in range(first + 1, len(rows)):
        text = _squeeze(rows[row])
        if matcher.behind(rows[row]) is not None:
            return None
        if _fits(text, wanted[position:]):
            return row
        if text and wanted.startswith(text, position):
            position += len(text)
            continue
        gap += 1
        if gap > _ECHO_GAP:
            return None
    return None


def _fits(text: str, wanted: str) -> bool:
    if text == wanted:
        return True
    mark = text[len(wanted) :]
    return text.startswith(wanted) and len(mark) <= _LONGEST_MARK and bool(_MARK.fullmatch(mark))


def _squeeze(text: str) -> str:
    return "".join(text.split())
