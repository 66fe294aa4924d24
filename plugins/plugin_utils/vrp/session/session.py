# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CLI session over a channel: commands go out, answers come back.

Rules of this file: no socket, no Ansible, no NTP. It knows prompts, pagers, questions and what to do in a silence
(facts 3.1 to 3.7); what a command means is the caller's business, and what is a whole answer is decided in `exchange`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ...ntp.errors import UserError
from ...ntp.masking import mask
from ..errors import BusyError, DeviceError, LoginError, QuestionError, SessionError
from ..retry import RetryPolicy
from .answer import Answer
from .exchange import QUIET_FOR_BURIED_PROMPT, Exchange, Sending
from .prompt import (
    USER_VIEW,
    Prompt,
    PromptMatcher,
    begins_as_user_view,
    matcher_of_first_prompt,
    sysname_of_system_view,
    sysname_of_user_view,
)
from .questions import (
    ExpectedQuestion,
    PromptContext,
    declining_answer,
    expected_answer,
    known_question,
    looks_like_question,
)
from .recording import Recorder, Recording
from .screen import Screen, ScreenError
from .unsolicited import is_log_line

# Silence in seconds, not a wait for an expected text: only the rare cases below have to sit through it.
_TICK = 0.5
_QUIET_FOR_ANOTHER_NAME = 1.0
_QUIET_FOR_UNKNOWN_QUESTION = 2.0
_QUIET_BETWEEN_LOGIN_PROBES = 2.0
_LOGIN_PROBES = 6
_ANSWERED_QUESTIONS = 5
_LONGEST_ANSWER = 64 * 1024 * 1024  # characters
_LONG_OUTPUT = 20  # lines
_LONGEST_PAGER = 60  # characters
_ENDS_OF_QUESTIONS = (":", "?", "]", ")", "}", ">", "=")
# Nothing of these can be asked that an empty line would answer (fact 3.3: it is no answer to [Y/N] and [Y/N/C]).
_PROBED = (None, PromptContext.NAVIGATION, PromptContext.CONFIGURATION, PromptContext.LEAVING)


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
        self,
        channel: Channel,
        timeouts: Timeouts | None = None,
        clock: Callable[[], float] = time.monotonic,
        retry: RetryPolicy | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.timeouts = timeouts or Timeouts()
        self.retry = retry or RetryPolicy()
        self.prompt: Prompt = USER_VIEW
        self.lost = False
        self._channel = channel
        self._clock = clock
        self._screen = Screen()
        self._matcher: PromptMatcher | None = None
        self._after_long_output = False
        self._recording = Recording(recorder)
        self._unanswered = 0  # lines that were sent and whose prompts were not waited for

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
        next_probe = 0.0
        answered = -1
        while True:
            quiet = self._receive(watch, "the first prompt")
            next_probe = min(next_probe, quiet + _QUIET_BETWEEN_LOGIN_PROBES)
            line = self._screen.current
            row = len(self._screen.lines) - 1
            matcher = matcher_of_first_prompt(line)
            # An odd name may be a line of a banner that comes in pieces, so that has to stay for a moment.
            if matcher and self._line_before() == line.rstrip() and (quiet or sysname_of_user_view(line)):
                self._matcher = matcher
                self.prompt = USER_VIEW
                self._recording.logged_in(self._screen.lines, line.rstrip(), matcher.sysname)
                return
            if row > answered and looks_like_question(line):
                if self._answer_login_question(quiet):
                    answered = row
                    watch.heard()
            elif probes < _LOGIN_PROBES and self._wants_login_probe(line, quiet, probes, next_probe):
                probes += 1
                next_probe = quiet + _QUIET_BETWEEN_LOGIN_PROBES
                self._send("\n")

    def _wants_login_probe(self, line: str, quiet: float, probes: int, next_probe: float) -> bool:
        """A banner may look like a prompt, and a log may bury one. Only a prompt comes again after an empty line.

        Text that stands unfinished at the cursor may be a question in words that are not known, unless a prompt stands
        before it and it does not end as questions do.
        """
        if matcher_of_first_prompt(line):
            return probes == 0 or quiet >= max(QUIET_FOR_BURIED_PROMPT, next_probe)
        if quiet < max(_QUIET_BETWEEN_LOGIN_PROBES, next_probe):
            return False
        text = line.rstrip()
        return not text or (not text.endswith(_ENDS_OF_QUESTIONS) and self._has_user_view())

    def _has_user_view(self) -> bool:
        return any(begins_as_user_view(line) for line in self._screen.lines[-_LONG_OUTPUT:])

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
        self._type_reply(question.answer)
        return True

    def quieten(self) -> None:
        """Switch off the pager and the log lines of this terminal. A refusal is no error: both are coped with (facts
        3.5, 3.8)."""
        # Neither may raise a question, and nothing hangs on their answers, so the next command does not wait for them.
        # An account that may not switch off the pager may not run the long display commands either (fact 3.8).
        # Their prompts are counted, so that none is taken for that of the next command.
        self._send("screen-length 0 temporary\nundo terminal monitor\n")
        self._unanswered += 2

    # -- commands ------------------------------------------------------------------------------------------------------

    def ask(
        self,
        command: str,
        *,
        occasion: PromptContext = PromptContext.NAVIGATION,
        timeout: float | None = None,
        secrets: Sequence[str] = (),
        answers: Sequence[ExpectedQuestion] = (),
    ) -> Answer:
        """Send a line that may raise a question; the answer with the prompt that follows it.

        answers: of the user, to questions that he expects; no other is answered with more than a refusal

        Raises QuestionError for a question without a safe answer (the session then stands at a prompt again, or is
        lost), BusyError when the device puts the line off for too long, and SessionError. A commit is not sent again
        here: whether it may be is the caller's business.
        """
        sending = Sending(command, probing=occasion in _PROBED, answers=tuple(answers))
        limit = timeout or self.timeouts.command
        if occasion is PromptContext.COMMIT:
            return self._converse(sending, occasion, limit, secrets)[1]
        return self._until_not_busy(lambda: self._converse(sending, occasion, limit, secrets)[1])

    def show(self, command: str, *, frame_end: str = "", lenient: bool = False, timeout: float | None = None) -> Answer:
        """Send a display command. Text that looks like a question is only text here.

        frame_end: the last line that the text is known to have. Without it the answer is an error after the time-out;
        so is a message of the device in place of the text, unless it is a refusal
        lenient: a text without its frame's end comes back as an answer that is not complete
        """
        sending = Sending(command, frame_end=frame_end, lenient=lenient, probing=True)
        limit = timeout or self.timeouts.command
        answer = self._until_not_busy(lambda: self._converse(sending, None, limit)[1])
        if not answer.complete and not answer.unavailable and not lenient:
            raise answer.error(DeviceError, f"The device did not show what was asked for with `{command}`.")
        return answer

    def show_both(self, first: str, second: str) -> tuple[Answer, Answer]:
        """Send two display commands in one round trip. The first must have an answer too short for a pager."""
        sending = Sending(second, ahead=first, probing=True)
        exchange, answer = self._converse(sending, None, self.timeouts.command)
        ahead = exchange.answer_ahead(answer.prompt)
        if ahead is None or ahead.busy:
            ahead = self.show(first)
        return ahead, self.show(second) if answer.busy else answer

    def return_and_show(self, command: str) -> Answer:
        """Leave for the user view and send a display command there, in one round trip.

        Only where nothing is pending; else the device would ask a question, and take the command for the answer.
        """
        answer = self._converse(Sending(command, ahead="return", probing=True), None, self.timeouts.command)[1]
        if self.prompt.system:  # the device may be busy
            self.ask("return", occasion=PromptContext.LEAVING)
        return answer

    def recover(self, timeout: float) -> None:
        """Find back to a prompt after an exchange was broken off, declining what may be asked."""
        with contextlib.suppress(QuestionError):
            self._converse(Sending("", echoing=False, probing=True), PromptContext.LEAVING, timeout)

    def _until_not_busy(self, send: Callable[[], Answer]) -> Answer:
        """Fact 9.6: a device may be busy at any line, and takes it a little later."""
        answer = send()
        for delay in self.retry.delays():
            if not answer.busy:
                return answer
            self.pause(delay)
            answer = send()
        if answer.busy:
            raise answer.error(BusyError, f"The device is busy, after {self.retry.retries + 1} attempts.")
        return answer

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
            self._feed(text)
            left = end - self._clock()

    # -- the exchange --------------------------------------------------------------------------------------------------

    def _converse(
        self, sending: Sending, occasion: PromptContext | None, timeout: float, secrets: Sequence[str] = ()
    ) -> tuple[Exchange, Answer]:
        """Send what there is to send, and take what comes up to the prompt."""
        for line in (sending.ahead, sending.command):
            refuse_untypable(line, secrets)
        self._recording.began(secrets)
        sending = replace(sending, unanswered=self._unanswered)
        self._screen.forget()
        exchange = Exchange(self._screen, sending, self._known_name(), self.prompt)
        watch = _Watch(self._clock, timeout)
        # Fact 3.5: after a long output the first character typed may be lost. An empty line may.
        start = "\n" if self._after_long_output else ""
        ahead = f"{sending.ahead}\n" if sending.ahead else ""
        self._send(f"{start}{ahead}{sending.command}\n")
        declined: list[str] = []
        expected = f"the answer to '{mask(sending.command, secrets)}'"
        while True:
            try:
                quiet = self._receive(watch, expected)
            except SessionError as error:
                self._recording.broke_off(exchange, exchange.text() or self._screen.lines, self.sysname)
                raise self._unfinished(exchange, error, occasion, secrets) from None
            if self._turn_page():
                watch.heard()
                continue
            prompt = exchange.ending(quiet)
            if prompt is not None:
                break
            if quiet >= _QUIET_FOR_ANOTHER_NAME and self._renamed(exchange):
                exchange.rename(self._known_name())
                continue
            reply = None if occasion is None else self._reply(exchange, occasion, quiet, declined)
            if reply is not None:
                self._type_reply(reply)
                watch.heard()
            elif exchange.wants_probe(quiet):
                exchange.probed(quiet)
                self._send("\n")
        answer = exchange.answer(prompt, secrets)
        self._recording.ended(exchange, answer, self._screen.lines[-1].rstrip(), self.sysname)
        self.prompt = prompt
        self._unanswered = exchange.unanswered()
        self._after_long_output = len(answer.lines) >= _LONG_OUTPUT
        if declined:
            raise QuestionError(
                "The device asked something that has no known safe answer; it was declined.",
                line=mask(sending.command, secrets),
                view=answer.view,
                words=mask(declined[0], secrets),
            )
        return exchange, answer

    def _unfinished(
        self, exchange: Exchange, error: SessionError, occasion: PromptContext | None, secrets: Sequence[str]
    ) -> SessionError:
        """What to say when an answer did not come to its end: what is missing, and the last words of a display.

        Nothing is quoted of the answer to a line that may hold a secret, for its echo may be broken.
        """
        if not isinstance(error, _SilenceError):
            return error
        words = ""
        if occasion is None and exchange.echoed and not secrets:
            words = _tail("\n".join(exchange.text()))
        return SessionError(f"{error} {exchange.missing()}", words=words)

    def _turn_page(self) -> bool:
        """Fact 3.5: the device waits for a key in the middle of a long text."""
        current = self._screen.current
        if len(current) > _LONGEST_PAGER or not _is_pager(current):
            return False
        self._screen.blank_current()
        self._send(" ")
        return True

    def _reply(self, exchange: Exchange, occasion: PromptContext, quiet: float, declined: list[str]) -> str | None:
        text = exchange.question(quiet)
        if text is None:
            return None
        expected = expected_answer(text, exchange.sending.answers)
        question = known_question(text, occasion, exchange.sending.command)
        if exchange.replies >= _ANSWERED_QUESTIONS:
            self.lost = True
            raise QuestionError("The device goes on asking.", words=_tail(text))
        if expected is not None and not declined:
            exchange.answered()
            return expected
        if question is not None and question.answer is not None and not declined:
            exchange.answered()
            return question.answer
        if question is None and quiet < _QUIET_FOR_UNKNOWN_QUESTION:
            return None
        advice = question.advice + "\n" if question else ""
        declined.append(advice + _tail(text))
        exchange.answered()
        return declining_answer(text)

    def _renamed(self, exchange: Exchange) -> bool:
        """Fact 3.1: a commit can give the device another name. Believed when an empty line brings the same prompt
        again."""
        line = self._screen.current.rstrip()
        sysname = sysname_of_system_view(line) or sysname_of_user_view(line)
        if not sysname or sysname == self.sysname or not exchange.echoed:
            return False
        if exchange.probed_name == line and self._line_before() == line:
            self._matcher = PromptMatcher(sysname, self._known_name().lead)
            return True
        if exchange.probed_name != line:
            exchange.probed_name = line
            self._send("\n")
        return False

    def _known_name(self) -> PromptMatcher:
        if self._matcher is None:
            raise SessionError("A command was sent before the login.")
        return self._matcher

    # -- the channel ---------------------------------------------------------------------------------------------------

    def _type_reply(self, reply: str) -> None:
        self._recording.replied(len(self._screen.lines) - 1, self._screen.current, reply)
        self._send(reply + "\n")

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
            self._feed(text)
        if watch.expired:
            self.lost = True
            raise _SilenceError(
                f"No end of {expected} after {watch.limit:g} seconds of silence.", words=self._last_words()
            )
        return watch.quiet

    def _feed(self, text: str) -> None:
        try:
            self._screen.feed(text)
        except ScreenError as error:
            self.lost = True
            raise SessionError(f"{error} The session was ended.") from error

    def _last_words(self) -> str:
        # The echo of a line may carry a secret, so nothing is quoted once commands are sent.
        return "" if self._matcher else _tail("\n".join(self._screen.lines))


class _SilenceError(SessionError):
    """Nothing came for as long as the user allows."""


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


def refuse_untypable(line: str, secrets: Sequence[str] = ()) -> None:
    """Raise UserError for a line that a command line would not take as it stands, whoever wants it sent.

    A line end would begin another line, other control characters edit the line, and `?` opens the help (fact 3.5).
    """
    if line.isprintable() and "?" not in line:
        return
    for position, character in enumerate(line):
        if not character.isprintable() or character == "?":
            raise UserError(
                f"A line with the character U+{ord(character):04X} at its position {position + 1} is not sent to a "
                f"device. It begins with: {mask(line[:position], secrets).split(' ', 1)[0]}"
            )


def _is_pager(line: str) -> bool:
    """Fact 3.5: `  ---- More ----`, on other releases `--More--` or `---- +More+ ----`."""
    text = line.strip()
    inner = text.strip("-").strip(" +")
    return inner.casefold() == "more" and text.startswith("--") and text.endswith("--")


def _tail(text: str, lines: int = 6) -> str:
    return "\n".join([line.rstrip() for line in mask(text).split("\n") if line.strip()][-lines:])
