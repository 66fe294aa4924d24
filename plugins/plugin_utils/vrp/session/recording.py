# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session hands to its recorder: each line with its answer, as a person would have seen them.

Rules of this file: what is not certain to be free of secrets is not handed on. The echo of a line is left out, for it
may be broken; so is all of an answer that did not come to its end once a secret was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .answer import Answer
from .exchange import Exchange
from .questions import declining_answer

# What is typed at a question and tells nothing. Any other reply may be a password.
_PLAIN_REPLIES = frozenset({"", "y", "n", "c", "yes", "no", "cancel"})


@dataclass(frozen=True)
class Recorded:
    """One line and its answer, or the login.

    line: None for the login
    shown: the rows before each reply, and those after the last one; a question is the last row of its part
    replies: what was typed at the questions; one fewer than there are parts
    prompt: the whole row of the prompt behind the answer, "" when there was none
    sysname: by which the device went then
    secrets: all that the session has sent so far
    """

    line: str | None
    shown: tuple[tuple[str, ...], ...]
    replies: tuple[str, ...]
    prompt: str
    sysname: str
    secrets: tuple[str, ...] = ()


class Recorder(Protocol):
    """Takes down what a session does."""

    def take(self, recorded: Recorded) -> None:
        """The next line of the session with its answer."""


class Recording:
    """Follows one session for its recorder."""

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        self._secrets: dict[str, None] = {}
        self._replies: list[tuple[int, str, str]] = []  # row, what stood there before the reply, the reply

    def began(self, secrets: Sequence[str]) -> None:
        """A line is sent."""
        self._replies.clear()
        self._secrets.update(dict.fromkeys(filter(None, secrets)))

    def replied(self, row: int, text: str, reply: str) -> None:
        """A question is answered."""
        if reply.casefold() not in _PLAIN_REPLIES and reply != declining_answer(text):
            self._secrets[reply] = None
        self._replies.append((row, text, reply))

    def logged_in(self, lines: Sequence[str], prompt: str, sysname: str) -> None:
        """The login is over; the last rows are those of the prompt."""
        first = len(lines)
        while first and lines[first - 1].rstrip() in ("", prompt):
            first -= 1
        self._hand_on(None, lines[:first], 0, prompt, sysname)

    def ended(self, exchange: Exchange, answer: Answer, prompt: str, sysname: str) -> None:
        """An answer came to its end."""
        ahead = exchange.answer_ahead(answer.prompt) if exchange.sending.ahead else None
        if ahead is not None:
            self._hand_on(ahead.command, ahead.lines, 0, prompt, sysname)
        if not exchange.sending.echoing:
            return
        if self._replies:
            self._hand_on(answer.command, exchange.text()[:-1], exchange.first_row, prompt, sysname)
        else:
            self._hand_on(answer.command, answer.lines, 0, prompt, sysname)

    def broke_off(self, exchange: Exchange, rows: Sequence[str], sysname: str) -> None:
        """An answer did not come to its end."""
        shown = () if self._secrets else rows
        self._replies.clear()
        self._hand_on(exchange.sending.command, shown, 0, "", sysname)

    def _hand_on(self, line: str | None, rows: Sequence[str], first: int, prompt: str, sysname: str) -> None:
        if self._recorder is None:
            return
        parts = []
        start = first
        for row, text, _reply in self._replies:
            parts.append((*rows[start - first : row - first], text))
            start = row + 1
        parts.append(tuple(rows[start - first :]))
        replies = tuple(reply for _row, _text, reply in self._replies)
        self._recorder.take(Recorded(line, tuple(parts), replies, prompt, sysname, tuple(self._secrets)))
