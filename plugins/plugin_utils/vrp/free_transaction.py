# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring free lines onto one device in one transaction: read, compare, apply, commit, read back.

Rules of this file: as in `transaction`. The candidate tells whether the lines change anything; where it does not,
nothing is committed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from ..ntp.errors import NtpMulticastError, UserError
from .candidate import Candidate, CommitSettings, refuse_missing_trial, save, trial_runs
from .confirmation import Confirm, wait_until_synchronised
from .display import find_dialect
from .display_configuration import read_configuration
from .errors import DeviceError, SessionError
from .failure import broken_off, told
from .free_lines import FreeLine, Shown, is_undo, missing_lines, not_as_written, shown_lines
from .grammar import parse_configuration
from .outcome import Outcome
from .request import Logins, Save
from .session import Session

_SECONDS_BETWEEN_LOOKS = 2.0


@dataclass(frozen=True)
class FreeRequest:
    """What a task asks for. before, after: lines that are sent as well when any of `lines` is."""

    lines: tuple[FreeLine, ...]
    before: tuple[FreeLine, ...] = ()
    after: tuple[FreeLine, ...] = ()
    check: bool = False
    save: Save = Save.NEVER
    lock: bool = False
    allow_immediate: bool = False
    commit: CommitSettings = field(default_factory=CommitSettings)


@dataclass(frozen=True)
class FreeReport:
    """What was found and done. With a check, `sent` is what would be sent.

    other_spelling: lines that the device took and shows in another form, so that the next run will send them again
    """

    text_before: str
    sent: tuple[FreeLine, ...] = ()
    changed: bool = False
    commit_id: str | None = None
    saved: bool = False
    notices: tuple[str, ...] = ()
    other_spelling: tuple[FreeLine, ...] = ()


def converge_lines(logins: Logins, request: FreeRequest) -> FreeReport:
    """Bring the device to the lines.

    Raises UserError before anything was sent, and DeviceError that tells what became of the device.
    """
    session = logins.session()
    text = _read(session)
    missing = missing_lines(request.lines, shown_lines(text))
    report = FreeReport(text)
    if missing:
        report = replace(report, sent=(*request.before, *missing, *request.after), changed=True)
        if not request.check:
            report = _apply(logins, session, request, report)
    if not request.check and (request.save is Save.ALWAYS or (request.save is Save.CHANGED and report.changed)):
        try:
            save(logins.session())
        except DeviceError as error:
            raise told(error, Outcome.COMMITTED if report.changed else Outcome.NOTHING_SENT) from error
        report = replace(report, saved=True)
    return report


def _read(session: Session) -> str:
    text = read_configuration(session, ())
    if not text.complete:
        raise UserError(
            "This account may read only single views of the configuration. Use an account of level 3, since free lines "
            "are compared with all of it."
        )
    return text.text


def _apply(logins: Logins, session: Session, request: FreeRequest, report: FreeReport) -> FreeReport:
    candidate = Candidate(session, lock=request.lock, allow_immediate=request.allow_immediate, retry=logins.retry)
    commit_id = None
    try:
        with candidate:
            refuse_missing_trial(candidate, request.commit)
            candidate.apply_free(report.sent)
            if candidate.two_stage and not session.prompt.pending:
                return replace(report, sent=(), changed=False, notices=tuple(candidate.notices))
            candidate.commit(request.commit)
            if candidate.outcome is Outcome.TRIAL:
                _prove_trial(logins, session, request.commit, report, candidate)
            commit_id = candidate.leave()
    except BaseException as error:
        if not _took_effect(logins, session, candidate, request, report, error):
            raise
    try:
        shown = shown_lines(_read(logins.session()))
    except Exception as error:
        known = error if isinstance(error, NtpMulticastError) else broken_off(error)
        raise told(known, Outcome.COMMITTED) from error
    return replace(
        report,
        commit_id=commit_id,
        notices=tuple(candidate.notices),
        other_spelling=not_as_written(report.sent, shown),
    )


def _prove_trial(
    logins: Logins, session: Session, commit: CommitSettings, report: FreeReport, candidate: Candidate
) -> None:
    """Confirm a trial once it is proven; or leave it to somebody else."""
    with logins.second_session() as second:
        text = _read(second)
    _refuse_without_effect(report.sent, shown_lines(text))
    if commit.stays_on_trial:
        candidate.leave_on_trial()
        return
    if commit.confirm is Confirm.SYNCHRONISED and commit.trial is not None:
        present = parse_configuration(text, None)
        dialect = present.dialect or find_dialect(session)
        wait_until_synchronised(session, dialect, present.configuration, commit.trial)
    candidate.confirm()


def _refuse_without_effect(sent: tuple[FreeLine, ...], shown: Shown) -> None:
    """After a trial commit, the second login has to see something of what was sent."""
    seen = [line for line in sent if not is_undo(line)]
    if seen and len(not_as_written(seen, shown)) == len(seen):
        raise DeviceError("The second login sees none of the lines that were committed on trial.")


def _took_effect(
    logins: Logins,
    session: Session,
    candidate: Candidate,
    request: FreeRequest,
    report: FreeReport,
    error: BaseException,
) -> bool:
    """Whether only the session was lost, and a new login shows the lines. Raises the error with what is known
    otherwise."""
    known = error if isinstance(error, NtpMulticastError) else broken_off(error)
    outcome = candidate.outcome
    if outcome in (Outcome.UNKNOWN, Outcome.CONFIRMING) and isinstance(error, SessionError):
        outcome = _look_for_lines(logins, session.timeouts.commit, request, report, outcome)
        if outcome is Outcome.COMMITTED:
            return True
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return False
    applied = [f"Took effect: {line.masked}" for line in candidate.applied] if outcome is Outcome.IMMEDIATE else []
    raise told(known, outcome, *applied) from error


def _look_for_lines(
    logins: Logins, bound: float, request: FreeRequest, report: FreeReport, outcome: Outcome
) -> Outcome:
    """Look until the lines are seen, or the commit must have come to its end."""
    end = time.monotonic() + bound
    while True:
        try:
            session = logins.session()
            if _proves(report.sent, shown_lines(report.text_before), shown_lines(_read(session))):
                runs = trial_runs(session) if request.commit.trial is not None else False
                return Outcome.COMMITTED if runs is False else Outcome.TRIAL_EXPIRES
            left = end - time.monotonic()
            if left <= 0:
                return outcome
            session.pause(min(_SECONDS_BETWEEN_LOOKS, left))
        except Exception:
            return outcome  # a failed login among them: what became of the commit is not known


def _proves(sent: tuple[FreeLine, ...], before: Shown, now: Shown) -> bool:
    """Whether the device shows all that was sent, and something of it that it did not show before.

    An `undo` of a line that never stood is shown by every configuration, the old one included.
    """
    return not not_as_written(sent, now) and bool(not_as_written(sent, before))
