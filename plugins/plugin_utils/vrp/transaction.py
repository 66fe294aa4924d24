# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring one device to a wanted configuration: read, plan, apply, commit, read back, verify.

Rules of this file: it holds the order of the steps, but no word of the command line and nothing of Ansible. What
follows from a failure is decided in `failure`. A report says what is true of the device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from ..ntp.changes import Change, KeyReason, reasons_of_keys
from ..ntp.errors import NtpMulticastError
from ..ntp.interface_names import interface_name
from ..ntp.key_memory import KeyMemory, keys_as_before, remember
from ..ntp.model import Configuration
from ..ntp.plan import Plan
from .candidate import Candidate, refuse_missing_trial, save
from .confirmation import Confirm, wait_until_synchronised
from .dialect import Dialect
from .display import find_dialect
from .errors import CommitError, ConflictError, DeviceError, SessionError
from .failure import Attempt, broken_off, located, settle, told
from .grammar import DeviceConfiguration, render_changes
from .outcome import Outcome
from .present import dialect_of, plan_from, read, read_all, refuse_abbreviations, refuse_unfit_interfaces
from .request import Logins, Report, Request, Save
from .session import Session

__all__ = ["Logins", "Report", "Request", "Save", "VerificationError", "converge", "gather"]


class VerificationError(DeviceError):
    """After the commit the device does not show what was configured."""


def gather(session: Session, dialect: Dialect | None, interfaces: tuple[str, ...] = ()) -> DeviceConfiguration:
    """The whole present configuration. Raises UserError where the account may read only parts of it."""
    return read_all(session, dialect, interfaces)


def converge(logins: Logins, request: Request) -> Report:
    """Bring the device to the wanted configuration, beginning anew when another user's commit came in between.

    Raises UserError before anything was sent, and DeviceError with a last sentence that tells what became of the
    device.
    """
    for attempt, delay in enumerate(request.retry.delays()):
        try:
            return _converge_once(logins, request, again=attempt > 0)
        except CommitError as error:
            # The words for a stale candidate are not published: a refusal without a known reason gets a second chance.
            if not error.cleared or (attempt > 0 and not isinstance(error, ConflictError)):
                raise
            logins.session().pause(delay)
    return _converge_once(logins, request, again=request.retry.retries > 0)


def _converge_once(logins: Logins, request: Request, *, again: bool) -> Report:
    session = logins.session()
    session.retry = request.retry
    try:
        present = read(session, request)
        steps = plan_from(present.configuration, request, request.memory)
        dialect = dialect_of(session, present, request)
    except DeviceError as error:
        raise told(error, Outcome.NOTHING_SENT) from error
    refuse_abbreviations(request.wanted, present)
    report = Report(
        before=present.configuration,
        after=steps.predicted,
        predicted=steps.predicted,
        dialect=dialect,
        automatic=present.automatic,
        unknown=present.unknown,
        perhaps_layer2=frozenset(
            interface_name(name) for name, facts in present.interfaces.items() if facts.layer2 is None
        ),
    )
    if steps:
        refuse_unfit_interfaces(steps.changes, present)
        report = replace(report, lines=render_changes(steps.changes, dialect), keys=reasons_of_keys(steps.changes))
        if not request.check:
            report = _apply(logins, session, request, steps, report, again=again)
    if not request.check and (request.save is Save.ALWAYS or (request.save is Save.CHANGED and report.changed)):
        with _telling(Outcome.COMMITTED if report.changed else Outcome.NOTHING_SENT):
            save(logins.session())
        report = replace(report, saved=True)
    return report


def _apply(logins: Logins, session: Session, request: Request, steps: Plan, report: Report, *, again: bool) -> Report:
    candidate = Candidate(
        session,
        lock=request.lock,
        allow_immediate=request.allow_immediate,
        refresh=again,
        retry=request.retry,
    )
    commit_id = None
    try:
        with candidate:
            refuse_missing_trial(candidate, request.commit)
            candidate.apply(report.lines)
            candidate.commit(request.commit)
            if candidate.outcome is Outcome.TRIAL:
                _prove_trial(logins, session, request, steps, report, candidate)
            commit_id = candidate.leave()
    except BaseException as error:
        settle(Attempt(logins, request, steps, report, candidate, session), error)
    with _telling(Outcome.TRIAL_LEFT if request.commit.stays_on_trial else Outcome.COMMITTED):
        after, memory = _verify(logins.session(), request, steps, candidate)
    return replace(
        report,
        after=after,
        memory=memory,
        commit_id=commit_id,
        label_left_out=candidate.label_left_out,
        notices=tuple(candidate.notices),
    )


def _prove_trial(
    logins: Logins, session: Session, request: Request, steps: Plan, report: Report, candidate: Candidate
) -> None:
    """Confirm a trial once it is proven; or leave it to somebody else."""
    # A second login proves what a trial is for: that the device can still be reached.
    with _second_session(logins) as second:
        present, _memory = _verify(second, request, steps, candidate)
    commit = request.commit
    if commit.stays_on_trial:
        candidate.leave_on_trial()
        return
    if commit.confirm is Confirm.SYNCHRONISED and commit.trial is not None:
        # In the session of the trial: idle, it would be logged out, and no other can confirm.
        wait_until_synchronised(session, report.dialect or find_dialect(session), present, commit.trial)
    candidate.confirm()


@contextlib.contextmanager
def _telling(outcome: Outcome) -> Iterator[None]:
    """What fails in here fails after the change: the error says so."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise told(error if isinstance(error, NtpMulticastError) else broken_off(error), outcome) from error


@contextlib.contextmanager
def _second_session(logins: Logins) -> Iterator[Session]:
    """Another login; what it fails with is a failure of the transaction, not of the connection."""
    with contextlib.ExitStack() as stack:
        try:
            session = stack.enter_context(logins.second_session())
        except NtpMulticastError:
            raise
        except Exception as error:
            raise SessionError(f"The second login, which has to confirm the trial, failed: {error}") from error
        yield session


def _verify(
    session: Session, request: Request, steps: Plan, candidate: Candidate
) -> tuple[Configuration, dict[int, KeyMemory]]:
    """Read back; the plan from what the device shows now must be empty."""
    session.retry = request.retry
    present = read(session, request)
    memory = remember(request.memory, steps.changes, present.configuration)
    left = plan_from(present.configuration, request, memory)
    missing = (*_keys_not_taken(steps, present.configuration, candidate.notices), *left.changes)
    if missing:
        lines = render_changes(missing, dialect_of(session, present, request))
        raise VerificationError(
            "\n".join(
                [
                    "The device took all lines, but does not show what was configured. Still missing: "
                    + "; ".join(located(line) for line in lines),
                    *(f"The device said to {notice}" for notice in candidate.notices),
                ]
            )
        )
    return present.configuration, memory


def _keys_not_taken(steps: Plan, read_back: Configuration, notices: list[str]) -> list[Change]:
    """The keys whose old ciphertext is shown, where that proves something: the secret is new, or the device remarked
    on the line. The plan can't tell, since nobody knows what stands in a ciphertext."""
    return [
        change
        for change in keys_as_before(steps.changes, read_back)
        if change.reason is KeyReason.ROTATED
        or any(f" authentication-keyid {change.id} " in notice.partition(":")[0] for notice in notices)
    ]
