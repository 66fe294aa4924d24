# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that a user writes himself (module vrp_command): which of them only read, and when what they show is what he
waits for. Which lines configure NTP, and in which order, stands in ``ntp.plan``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..ntp.errors import UserError
from ..ntp.masking import mask
from .errors import BusyError, QuestionError, RefusedError
from .free_lines import secrets_of
from .grammar.telling import told_without_secrets
from .session import Answer, Session
from .session.questions import ExpectedQuestion, PromptContext

# `display x > file` writes to a file of the device, so a redirection is no reading.
_READING_WORDS = ("display", "dir", "ping", "tracert")
_REDIRECTION = ">"
# Facts 2.4 and 3.5. Whatever else stands behind a pipe may write.
_FILTERS = ("include", "exclude", "begin", "section", "count", "no-more")
_PIPE = re.compile(r"\|\s*(\S*)")
_LATER_PIPE = re.compile(r"(?<!\S)\|\s*(\S*)")  # one without a blank before it belongs to an expression


@dataclass(frozen=True)
class Command:
    """A line and the questions that it may raise, with the user's answers."""

    text: str
    answers: tuple[ExpectedQuestion, ...] = ()

    @property
    def reads_only(self) -> bool:
        """Whether the line changes nothing on the device."""
        word = self.text.split(maxsplit=1)[0].casefold() if self.text.split() else ""
        return word in _READING_WORDS and _REDIRECTION not in self.text and all(map(_filters, self._behind_pipes))

    @property
    def _behind_pipes(self) -> list[str]:
        words = [*_PIPE.findall(self.text)[:1], *_LATER_PIPE.findall(self.text)]
        return [word.casefold() for word in words]


def _filters(word: str) -> bool:
    """Whether a word behind a pipe, which may be abbreviated, only chooses lines."""
    return bool(word) and any(name.startswith(word) for name in _FILTERS)


@dataclass(frozen=True)
class Condition:
    """What the answer to a command has to show.

    Attributes:
        number: of the command, from 1.
        contains, lacks: text that has to be there, or must not be.
        matches: a regular expression that has to be found.
    """

    number: int
    contains: str | None = None
    lacks: str | None = None
    matches: re.Pattern[str] | None = None

    def holds(self, texts: Sequence[str]) -> bool:
        """Whether the answers to all commands show it."""
        text = texts[self.number - 1]
        return (
            (self.contains is None or self.contains in text)
            and (self.lacks is None or self.lacks not in text)
            and (self.matches is None or self.matches.search(text) is not None)
        )

    def __str__(self) -> str:
        parts = [f"contains '{self.contains}'"] * (self.contains is not None)
        parts += [f"lacks '{self.lacks}'"] * (self.lacks is not None)
        parts += [f"matches '{self.matches.pattern}'"] if self.matches is not None else []
        return f"command {self.number} {' and '.join(parts)}"


def refuse_writing(commands: Iterable[Command]) -> None:
    """Raises UserError that names each command that does more than read."""
    wrong = [f"commands: `{told_without_secrets(command.text)}`" for command in commands if not command.reads_only]
    if wrong:
        raise UserError(
            "\n".join(wrong)
            + f"\nThis is more than reading. With read_only, a command begins with one of {', '.join(_READING_WORDS)}, "
            f"has none but {', '.join(_FILTERS)} behind a pipe, and writes to no file. Set read_only to false to send "
            "it all the same."
        )


def run(session: Session, command: Command) -> Answer:
    """Send a command in the user view. Raises RefusedError where the device refuses it, QuestionError for a question
    without an answer of the user's."""
    secrets = secrets_of(command.text)
    if command.reads_only and not command.answers:
        answer = session.show(command.text)
        if answer.unavailable:
            raise RefusedError(
                "The device refused a command.",
                line=mask(command.text, secrets),
                caret=answer.caret,
                words=mask(answer.words, secrets),
            )
        return answer
    return session.ask(command.text, occasion=PromptContext.EXPLICIT, secrets=secrets, answers=command.answers).expect(
        "a command"
    )


class Writing:
    """Runs commands, and knows whether one of them may have changed the device."""

    def __init__(self, session: Session) -> None:
        self.begun = False
        self._session = session

    def run(self, command: Command) -> Answer:
        """As `run`."""
        before = self.begun
        self.begun = before or not command.reads_only
        try:
            return run(self._session, command)
        except (BusyError, QuestionError, RefusedError):
            if not self._session.lost:
                self.begun = before
            raise


def run_until(
    commands: Sequence[Command],
    conditions: Sequence[Condition],
    ask: Callable[[Command], str],
    pause: Callable[[], bool],
) -> tuple[tuple[str, ...], tuple[Condition, ...]]:
    """Run all commands, again and again until all conditions hold; the last answers, and what does not hold yet.

    pause: lets time pass; False when there is none left
    """
    while True:
        texts = tuple(ask(command) for command in commands)
        missing = tuple(condition for condition in conditions if not condition.holds(texts))
        if not missing or not pause():
            return texts, missing
