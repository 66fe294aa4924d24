# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CLI session over a channel: commands go out, answers come back.

Rules of this file: no socket, no Ansible, no NTP. It knows prompts, pagers, echoes, questions and the forms of errors
(facts 3.1 to 3.7);
what a command means is the caller's business. An answer begins after the echo of the command and ends at a prompt
that carries the
device's own name.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import LoginError, QuestionError, SessionError, mask
from .answer import Answer, is_error_line, is_log_line
from .prompt import USER_VIEW, Prompt, PromptMatcher, sysname_of_system_view, sysname_of_user_view
from .questions import PromptContext, declining_answer, known_question, looks_like_question
from .screen import Screen

_PAGER = re.compile(r"\s*-{2,4}\s*\+?More\+?\s*-{2,4}\s*", re.IGNORECASE)

# Silence in seconds, not a wait for an expected text: only the rare cases below have to sit through it.
_TICK = 0.5
_QUIET_FOR_ODD_ENDING = 1.0  # a prompt without the frame's end before it, with another name, or buried under log lines
_QUIET_WITHOUT_ECHO = 3.0
_QUIET_FOR_UNKNOWN_QUESTION = 2.0
_LOGIN_PROBES = 5
_DECLINED_QUESTIONS = 5
_LONGEST_ANSWER = 64 * 1024 * 1024  # characters
_LONG_OUTPUT = 20  # lines
_ECHO_ROWS = 64  # the echo is looked for in the first rows only


class Channel(Protocol):
    """Text to and from a device."""

    def send(self, text: str) -> None:
        """Send all of the text."""

    def receive(self, timeout: float) -> str:
        """Text as soon as there is some, "" when the channel is closed. Raises TimeoutError after `timeout` seconds
        of silence."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds of silence after which the device counts as lost."""

    login: float = 30.0
    command: float = 30.0
    commit: float = 180.0


class Session:
    """One logged-in user of one device."""

    def __init__(
        self, channel: Channel, timeouts: Timeouts | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.timeouts = timeouts or Timeouts()
        self.prompt: Prompt = USER_VIEW
        self.lost = False
        self._channel = channel
        self._clock = clock
        self._screen = Screen()
        self._matcher: PromptMatcher | None = None
        self._after_long_output = False

    @property
    def sysname(self) -> str:
        """The name by which the device's prompts are known; "" before the login."""
        return self._matcher.sysname if self._matcher else ""

    # -- login ---------------------------------------------------------------------------------------------------------

    def login(self) -> None:
        """Wait for the user view, answer the questions of fact 3.7, learn the device's name.

        Raises LoginError when the device wants something that only a person should decide, SessionError when it hangs
        up or stays silent.
        """
        watch = _Watch(self._clock, self.timeouts.login)
        probes = 0
        answered = -1
        while True:
            quiet = self._receive(watch, "the first prompt")
            line = self._screen.current
            row = len(self._screen.lines) - 1
            sysname = sysname_of_user_view(line)
            if sysname and self._line_before() == line.rstrip():
                self._matcher = PromptMatcher(sysname)
                self.prompt = USER_VIEW
                return
            # A banner may look like a prompt. Only a prompt comes again after an empty line.
            if sysname and probes < _LOGIN_PROBES and (probes == 0 or quiet >= _QUIET_FOR_ODD_ENDING):
                probes += 1
                self._send("\n")
                watch.heard()
            elif row > answered and looks_like_question(line) and self._answer_login_question(quiet):
                answered = row
                watch.heard()

    def _line_before(self) -> str:
        for line in reversed(self._screen.lines[:-1]):
            if line.strip() and not is_log_line(line):
                return line.rstrip()
        return ""

    def _answer_login_question(self, quiet: float) -> bool:
        text = "\n".join(self._screen.lines[-12:])
        question = known_question(text, PromptContext.LOGIN, "")
        if question is None:
            if quiet < _QUIET_FOR_UNKNOWN_QUESTION:
                return False
            raise LoginError("The device asks something at login that has no known safe answer.", words=_tail(text))
        if question.answer is None:
            raise LoginError(question.advice, words=_tail(text))
        self._send(question.answer + "\n")
        return True

    def quieten(self) -> None:
        """Switch off the pager and the log lines of this terminal. A refusal is no error: both are coped with (facts
        3.5, 3.8)."""
        # Neither may raise a question, and nothing hangs on their answers, so the next command does not wait for them.
        # An account that may not switch off the pager may not run the long display commands either (fact 3.8).
        self._send("screen-length 0 temporary\nundo terminal monitor\n")

    # -- commands ------------------------------------------------------------------------------------------------------

    def ask(
        self,
        command: str,
        *,
        occasion: PromptContext = PromptContext.NAVIGATION,
        timeout: float | None = None,
        secrets: Sequence[str] = (),
    ) -> Answer:
        """Send a line that may raise a question; the answer with the prompt that follows it.

        Raises QuestionError for a question without a safe answer (the session then stands at a prompt again, or is
        lost) and SessionError.
        """
        return self._converse(command, occasion, timeout or self.timeouts.command, secrets=secrets)[1]

    def show(self, command: str, *, frame_end: str = "", timeout: float | None = None) -> Answer:
        """Send a display command. Text that looks like a question is only text here.

        frame_end: the last line that the text is known to have; a prompt without it before is believed only after a
        silence
        """
        return self._converse(command, None, timeout or self.timeouts.command, frame_end=frame_end)[1]

    def show_both(self, first: str, second: str) -> tuple[Answer, Answer]:
        """Send two display commands in one round trip. The first must have an answer too short for a pager."""
        exchange, answer = self._converse(second, None, self.timeouts.command, ahead=first)
        ahead = exchange.answer_ahead(answer.prompt)
        return ahead if ahead.echoed else self.show(first), answer

    def return_and_show(self, command: str) -> Answer:
        """Leave for the user view and send a display command there, in one round trip.

        Only where nothing is pending; else the device would ask a question, and take the command for the answer.
        """
        sent_in = f"<{self.sysname}>"
        return self._converse(command, None, self.timeouts.command, ahead="return", sent_in=sent_in)[1]

    def recover(self, timeout: float) -> None:
        """Find back to a prompt after an exchange was broken off, declining what may be asked."""
        with contextlib.suppress(QuestionError):
            self._converse("", PromptContext.LEAVING, timeout, echoing=False)

    def pause(self, seconds: float) -> None:
        """Let time pass while listening to the device."""
        end = self._clock() + seconds
        left = seconds
        while left > 0:
            try:
                text = self._channel.receive(left)
            except TimeoutError:
                return
            if not text:
                self.lost = True
                raise SessionError("The device closed the session.")
            self._screen.feed(text)
            left = end - self._clock()

    # -- the exchange --------------------------------------------------------------------------------------------------

    def _converse(
        self,
        command: str,
        occasion: PromptContext | None,
        timeout: float,
        *,
        secrets: Sequence[str] = (),
        frame_end: str = "",
        echoing: bool = True,
        ahead: str = "",
        sent_in: str | None = None,
    ) -> tuple[_Exchange, Answer]:
        """Send a command, after another one that is not waited for (`ahead`), and take what comes up to the prompt.

        sent_in: the prompt at which the command will be echoed, where it is not the present one
        """
        self._screen.forget()
        exchange = _Exchange(
            self._screen, command, self._known_name(), frame_end, sent_in=sent_in, echoing=echoing, ahead=ahead
        )
        watch = _Watch(self._clock, timeout)
        # Fact 3.5: after a long output the first character typed may be lost. An empty line may.
        start = "\n" if self._after_long_output else ""
        self._send(f"{start}{ahead}\n{command}\n" if ahead else f"{start}{command}\n")
        declined: list[str] = []
        while True:
            quiet = self._receive(watch, f"the answer to '{mask(command, secrets)}'")
            if _PAGER.fullmatch(self._screen.current):
                self._screen.blank_current()
                self._send(" ")
                watch.heard()
                continue
            prompt = exchange.ending(quiet)
            if prompt is not None:
                self.prompt = prompt
                break
            if quiet >= _QUIET_FOR_ODD_ENDING and self._renamed(exchange):
                exchange = _Exchange(
                    self._screen, command, self._known_name(), frame_end, sent_in=exchange.sent_in, ahead=ahead
                )
                watch.heard()
                continue
            if occasion is None:
                continue
            reply = self._reply(exchange, occasion, quiet, declined)
            if reply is not None:
                self._send(reply + "\n")
                watch.heard()
        answer = exchange.answer(self.prompt, secrets)
        self._after_long_output = len(answer.lines) >= _LONG_OUTPUT
        if declined:
            raise QuestionError(
                "The device asked something that has no known safe answer; it was declined.",
                line=mask(command, secrets),
                words=mask(declined[0], secrets),
            )
        return exchange, answer

    def _reply(self, exchange: _Exchange, occasion: PromptContext, quiet: float, declined: list[str]) -> str | None:
        text = exchange.question(quiet)
        if text is None:
            return None
        question = known_question(text, occasion, exchange.command)
        if question is not None and question.answer is not None and not declined:
            exchange.answered()
            return question.answer
        if question is None and quiet < _QUIET_FOR_UNKNOWN_QUESTION:
            return None
        if len(declined) >= _DECLINED_QUESTIONS:
            self.lost = True
            raise QuestionError("The device goes on asking.", words=_tail(text))
        advice = question.advice + "\n" if question else ""
        declined.append(advice + _tail(text))
        exchange.answered()
        return declining_answer(text)

    def _renamed(self, exchange: _Exchange) -> bool:
        """Fact 3.1: a commit can give the device another name. Believed when an empty line brings the same prompt
        again."""
        line = self._screen.current.rstrip()
        sysname = sysname_of_system_view(line) or sysname_of_user_view(line)
        if not sysname or sysname == self.sysname or not exchange.echoed:
            return False
        if exchange.probed == line and self._line_before() == line:
            self._matcher = PromptMatcher(sysname)
            return True
        if exchange.probed != line:
            exchange.probed = line
            self._send("\n")
        return False

    def _known_name(self) -> PromptMatcher:
        if self._matcher is None:
            raise SessionError("A command was sent before the login.")
        return self._matcher

    # -- the channel ---------------------------------------------------------------------------------------------------

    def _send(self, text: str) -> None:
        try:
            self._channel.send(text)
        except OSError as error:
            self.lost = True
            raise SessionError(f"The session was lost: {error}") from error

    def _receive(self, watch: _Watch, expected: str) -> float:
        """Take what comes; the seconds of silence so far."""
        try:
            text = self._channel.receive(_TICK)
        except TimeoutError:
            watch.silent(_TICK)
        except OSError as error:
            self.lost = True
            raise SessionError(f"The session was lost: {error}") from error
        else:
            if not text:
                self.lost = True
                raise SessionError(
                    f"The device closed the session instead of sending {expected}.", words=self._last_words()
                )
            watch.heard(len(text))
            self._screen.feed(text)
        if watch.expired:
            self.lost = True
            raise SessionError(
                f"No end of {expected} after {watch.limit:g} seconds of silence.", words=self._last_words()
            )
        return watch.quiet

    def _last_words(self) -> str:
        # The echo of a line may carry a secret, so nothing is quoted once commands are sent.
        return "" if self._matcher else _tail("\n".join(self._screen.lines))


class _Watch:
    """Counts silence, and stops a device that never comes to an end."""

    def __init__(self, clock: Callable[[], float], limit: float) -> None:
        self.limit = limit
        self.quiet = 0.0
        self._clock = clock
        self._deadline = clock() + max(10 * limit, 300.0)
        self._characters = 0

    def heard(self, characters: int = 0) -> None:
        self.quiet = 0.0
        self._characters += characters

    def silent(self, seconds: float) -> None:
        self.quiet += seconds

    @property
    def expired(self) -> bool:
        return self.quiet >= self.limit or self._characters > _LONGEST_ANSWER or self._clock() > self._deadline


class _Exchange:
    """What stands on the screen since a command was sent: echo, answer, questions, prompt."""

    def __init__(
        self,
        screen: Screen,
        command: str,
        matcher: PromptMatcher,
        frame_end: str,
        sent_in: str | None = None,
        echoing: bool = True,
        ahead: str = "",
    ) -> None:
        self.command = command
        self.sent_in = screen.current if sent_in is None else sent_in
        self.probed = ""
        self._ahead = ahead
        self._screen = screen
        self._matcher = matcher
        self._frame_end = frame_end
        self._patience = _QUIET_WITHOUT_ECHO if echoing else _QUIET_FOR_ODD_ENDING
        self._echo_row: int | None = None
        self._looked_at = 0
        self._question_row = -1

    @property
    def echoed(self) -> bool:
        self._find_echo()
        return self._echo_row is not None

    def ending(self, quiet: float) -> Prompt | None:
        """The prompt that ends the answer, or None as long as it may go on."""
        lines = self._screen.lines
        prompt = self._matcher.match(lines[-1].rstrip())
        if prompt is None:
            return self._buried_prompt() if quiet >= _QUIET_FOR_ODD_ENDING else None
        if len(lines) == 1:
            return None
        if not self.echoed:
            return prompt if quiet >= self._patience else None
        if not self._frame_end or self._frame_is_complete():
            return prompt
        return prompt if quiet >= _QUIET_FOR_ODD_ENDING else None

    def _frame_is_complete(self) -> bool:
        for line in reversed(self._screen.lines[-8:-1]):
            if line.strip() and not is_log_line(line):
                return line.strip() == self._frame_end or is_error_line(line)
        return False

    def _buried_prompt(self) -> Prompt | None:
        """A prompt after which only log lines came (fact 3.5)."""
        if not self.echoed or self._echo_row is None:
            return None
        for line in reversed(self._screen.lines[self._echo_row + 1 :]):
            if line.strip() and not is_log_line(line):
                return self._matcher.match(line.rstrip())
        return None

    def question(self, quiet: float) -> str | None:
        """The question that is open now, with the lines before it that belong to the same answer."""
        lines = self._screen.lines
        row = len(lines) - 1
        if quiet >= _QUIET_FOR_ODD_ENDING:
            while row > 0 and (not lines[row].strip() or is_log_line(lines[row])):
                row -= 1
        start = max(self._question_row, self._echo_row if self.echoed and self._echo_row is not None else 0) + 1
        if row < start or not looks_like_question(lines[row]):
            return None
        return "\n".join(line for line in lines[start : row + 1] if not is_log_line(line))

    def answered(self) -> None:
        self._question_row = len(self._screen.lines) - 1

    def answer(self, prompt: Prompt, secrets: Sequence[str]) -> Answer:
        first = 0 if self._echo_row is None else self._echo_row + 1
        lines = self._screen.lines[first:-1]
        while lines and self._matcher.match(lines[-1].rstrip()):
            lines = lines[:-1]
        return Answer(
            command=self.command,
            lines=tuple(lines),
            prompt=prompt,
            echoed=self._echo_row is not None,
            prompt_width=len(self.sent_in),
            secrets=tuple(secrets),
        )

    def answer_ahead(self, prompt: Prompt) -> Answer:
        """The answer to the command that was sent before this one; none if its echo was not seen."""
        wanted = _squeeze(self.sent_in + self._ahead)
        lines = self._screen.lines[: self._echo_row]
        echo = next((row for row, line in enumerate(lines) if _squeeze(line) == wanted), None)
        return Answer(
            command=self._ahead,
            lines=() if echo is None else tuple(lines[echo + 1 :]),
            prompt=prompt,
            echoed=echo is not None,
            prompt_width=len(self.sent_in),
        )

    def _find_echo(self) -> None:
        """The echo is the prompt with the command, perhaps wrapped (blanks do not count), perhaps drawn again after a
        log line."""
        if self._echo_row is not None:
            return
        finished = self._screen.lines[: min(len(self._screen.lines) - 1, _ECHO_ROWS)]
        wanted = _squeeze(self.sent_in + self.command)
        for row in range(len(finished)):
            text = ""
            for last in range(row, len(finished)):
                text += _squeeze(finished[last])
                if text == wanted:
                    self._echo_row = last
                    return
                if not wanted.startswith(text):
                    break


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _tail(text: str, lines: int = 6) -> str:
    return "\n".join([line.rstrip() for line in mask(text).split("\n") if line.strip()][-lines:])
