# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the device when a transaction failed: look, take back what may be, and say what is true.

Rules of this file: `changed` is false only where the device was seen to be as before, or where the candidate
configuration guarantees it. A commit goes on without its session, so a device that still looks as before is looked at
until the commit must have come to its end; what is not known by then is said to be unknown.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..ntp.errors import NtpMulticastError, UserError
from ..ntp.interface_names import interface_name
from ..ntp.key_memory import keys_as_before, remember
from ..ntp.plan import Plan, State, plan
from .candidate import Candidate, trial_runs
from .errors import BrokenOffError, CommitError, DeviceError, RefusedError, SessionError
from .grammar import DeviceConfiguration, render_changes
from .lines import ConfigurationLine
from .outcome import Outcome
from .present import dialect_of, plan_from, read
from .request import Logins, Report, Request
from .session import Session

_LONGEST_PAUSE = 5.0  # seconds between two looks


@dataclass(frozen=True)
class Attempt:
    """One transaction that did not come to its good end."""

    logins: Logins
    request: Request
    steps: Plan
    report: Report
    candidate: Candidate
    session: Session


def settle(attempt: Attempt, error: BaseException) -> None:
    """Raise the error again, telling what became of the device.

    Returns when only the session was lost, and a new login shows that the change has taken effect.
    """
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error  # nobody is left to be told
    known = error if isinstance(error, NtpMulticastError) else broken_off(error)
    timeouts = attempt.session.timeouts
    # A task whose time is over has none for a commit.
    outcome, sentences = _what_became(attempt, timeouts.commit if known is error else timeouts.command)
    if outcome is Outcome.COMMITTED and isinstance(error, SessionError) and attempt.candidate.outcome in _IN_DOUBT:
        return
    raise told(known, outcome, *_hints(attempt, known), *sentences) from error


def broken_off(error: BaseException) -> DeviceError:
    """An error for what is none of ours, such as a failed login or the time-out of the task."""
    told_by_name = not isinstance(error, Exception) or type(error).__module__ == "builtins" or not str(error)
    reason = f"{type(error).__name__}: {error}" if told_by_name else str(error)
    return BrokenOffError(f"The work was broken off: {reason}".rstrip(": "))


def told(error: NtpMulticastError, outcome: Outcome, *sentences: str) -> NtpMulticastError:
    """The same error, saying also what became of the device."""
    kind = type(error) if isinstance(error, (UserError, DeviceError)) else DeviceError
    new = kind("\n".join([str(error), *sentences, outcome.sentence]))
    if isinstance(error, DeviceError) and isinstance(new, DeviceError):
        new.line, new.view, new.caret, new.words = error.line, error.view, error.caret, error.words
    if isinstance(new, CommitError):
        new.cleared = outcome is Outcome.CLEARED
    new.outcome = outcome.value
    new.changed = outcome.changed
    return new


@contextlib.contextmanager
def in_doubt(outcome: Outcome, holds: Callable[[BaseException], bool] = lambda _error: True) -> Iterator[None]:
    """What fails in here may have changed the device: the error says so, the end of the task's time included.

    holds: whether that is so, by the error
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if not holds(error):
            raise
        raise told(error if isinstance(error, NtpMulticastError) else broken_off(error), outcome) from error


# -- what became -------------------------------------------------------------------------------------------------------

_IN_DOUBT = (Outcome.UNKNOWN, Outcome.CONFIRMING)


def _what_became(attempt: Attempt, longest_commit: float) -> tuple[Outcome, list[str]]:
    """The outcome, and what else to tell."""
    outcome = attempt.candidate.outcome
    if outcome in _IN_DOUBT:
        return _end_of_commit(attempt, longest_commit)
    if outcome is Outcome.IMMEDIATE:
        return _after_immediate_lines(attempt)
    return outcome, []


def _end_of_commit(attempt: Attempt, bound: float) -> tuple[Outcome, list[str]]:
    """Look until the commit is known to have ended.

    The session of the commit, if it lives, answers a look only after the commit. Every other login may come too early.
    """
    alive = not attempt.session.lost
    last: _Look | None = None
    failure: Exception | None = None
    for present, session, failed in _looks(attempt, bound):
        failure = failed
        if present is None or session is None:
            continue
        last = _Look.at(attempt, present, session)
        if last.outcome is not None:
            return last.outcome, []
        if alive and session is attempt.session:
            return (Outcome.UNCHANGED, []) if last.old else (last.outcome_in_doubt, [f"The device shows {last.words}."])
    if last is None or failure is not None:
        return attempt.candidate.outcome, [f"A new login failed: {failure}"]
    return last.outcome_in_doubt, [f"{bound:g} seconds later a new login still shows {last.words}."]


@dataclass(frozen=True)
class _Look:
    """What a look at the device shows of a commit. trial_runs: None where it does not matter, or is not told."""

    new: bool
    old: bool
    with_trial: bool
    confirming: bool
    trial_runs: bool | None

    @classmethod
    def at(cls, attempt: Attempt, present: DeviceConfiguration, session: Session) -> _Look:
        memory = remember(attempt.request.memory, attempt.steps.changes, present.configuration)
        with_trial = attempt.request.commit.trial is not None
        return cls(
            new=not plan_from(present.configuration, attempt.request, memory)
            and not keys_as_before(attempt.steps.changes, present.configuration),
            old=present.configuration == attempt.report.before,
            with_trial=with_trial,
            confirming=attempt.candidate.outcome is Outcome.CONFIRMING,
            trial_runs=trial_runs(session) if with_trial else None,
        )

    @property
    def outcome(self) -> Outcome | None:
        """What is certain; None for nothing yet."""
        if self.confirming and self.trial_runs is False and (self.new or self.old):
            return Outcome.COMMITTED if self.new else Outcome.TRIAL_ABORTED
        if not self.new or self.confirming:
            return None
        if not self.with_trial:
            return Outcome.COMMITTED
        return None if self.trial_runs is False else Outcome.TRIAL_EXPIRES

    @property
    def outcome_in_doubt(self) -> Outcome:
        """What has to be said when nothing more becomes certain."""
        if not self.confirming:
            return Outcome.UNKNOWN
        return Outcome.TRIAL_EXPIRES if self.new and self.trial_runs else Outcome.CONFIRMING

    @property
    def words(self) -> str:
        """What is shown."""
        if self.new:
            return "the change" + (", with its trial running" if self.trial_runs else "")
        return "the old configuration" if self.old else "a configuration that is neither the old nor the new one"


def _looks(
    attempt: Attempt, bound: float
) -> Iterator[tuple[DeviceConfiguration | None, Session | None, Exception | None]]:
    """Look at the device again and again for `bound` seconds; where a look fails, with the reason."""
    pauses = itertools.chain((1.0, 2.0, 4.0), itertools.repeat(_LONGEST_PAUSE))
    begin, paused, failures = time.monotonic(), 0.0, 0
    while True:
        session: Session | None = None
        try:
            session = attempt.logins.session()
            yield read(session, attempt.request), session, None
            failures = 0
        except Exception as error:
            # A device counts failed logins, so there are only a few.
            failures += 1
            yield None, None, error
            if failures > attempt.request.retry.retries:
                return
        left = bound - max(paused, time.monotonic() - begin)
        if left <= 0:
            return
        pause = min(next(pauses, _LONGEST_PAUSE), left)
        paused += pause
        _pause(session, pause)


def _pause(session: Session | None, seconds: float) -> None:
    if session is None or session.lost:
        time.sleep(seconds)
        return
    try:
        session.pause(seconds)
    except SessionError:
        return  # the next look logs in anew


# -- devices without a candidate ---------------------------------------------------------------------------------------


def _after_immediate_lines(attempt: Attempt) -> tuple[Outcome, list[str]]:
    """Without a candidate, what was taken before the failure stands, perhaps the line that failed too. Take it back."""
    sentences = [f"Took effect: {located(line)}" for line in attempt.candidate.applied]
    lost = attempt.session.lost
    failure: Exception | None = None
    for present, session, failed in _looks(attempt, attempt.session.timeouts.command if lost else 0.0):
        failure = failed
        if present is None or session is None or present.configuration == attempt.report.before:
            continue
        try:
            lines = _take_back(attempt, present, session)
        except NtpMulticastError as error:
            return Outcome.IMMEDIATE, [*sentences, f"Taking back what took effect failed: {error}"]
        return Outcome.TAKEN_BACK, [*sentences, *(f"Taken back with: {located(line)}" for line in lines)]
    if failure is not None:
        return Outcome.IMMEDIATE, [*sentences, f"A new look at the device failed: {failure}"]
    return Outcome.UNCHANGED, []


def _take_back(attempt: Attempt, present: DeviceConfiguration, session: Session) -> tuple[ConfigurationLine, ...]:
    """Go back to what was there before, and look whether it is."""
    before = attempt.report.before
    way_back = plan(present.configuration, before, state=State.OVERRIDDEN)
    lines = render_changes(way_back.changes, dialect_of(session, present, attempt.request))
    with Candidate(session, allow_immediate=True, retry=attempt.request.retry) as candidate:
        candidate.apply(lines)
    left = plan(read(session, attempt.request).configuration, before, state=State.OVERRIDDEN)
    if left:
        missing = render_changes(left.changes, dialect_of(session, present, attempt.request))
        raise DeviceError("The device does not show it: " + "; ".join(located(line) for line in missing))
    return lines


# -- words -------------------------------------------------------------------------------------------------------------


def located(line: ConfigurationLine) -> str:
    """A line with its interface, for a message."""
    return f"{line.masked} (interface {line.view})" if line.view else line.masked


def _hints(attempt: Attempt, error: NtpMulticastError) -> list[str]:
    """What a refusal probably means."""
    if not isinstance(error, RefusedError):
        return []
    if " md5 " in error.line:
        # Fact 1.7: without the package for weak algorithms the keyword does not exist.
        return [
            "md5 needs the package for weak algorithms on CloudEngine devices (`install feature-software WEAKEA` "
            "in the user view). Better: hmac-sha256 or aes-128-cmac."
        ]
    done, lines = len(attempt.candidate.applied), attempt.report.lines
    view = lines[done].view if done < len(lines) else None
    if view and interface_name(view) in attempt.report.perhaps_layer2:
        # Fact 1.4: CloudEngine ports begin as layer 2 ports, and print no line that says so.
        return [
            f"{view} has no address and no `undo portswitch`: perhaps it is a layer 2 port; NTP needs a layer 3 one."
        ]
    return []
