# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring one device to a wanted configuration: read, plan, apply, commit, read back, verify.

Rules of this file: it holds the order of the steps and what follows from a failure, but no word of the command line
and nothing of
Ansible. A report says what is true of the device, also when a step failed.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..ntp.changes import Change, Listen, SetAssociation
from ..ntp.errors import NtpMulticastError, UserError
from ..ntp.key_memory import KeyMemory, remember
from ..ntp.model import ALL, AddressFamily, Configuration
from ..ntp.plan import Plan, State, UpdateSecrets, plan
from .candidate import Candidate, CommitSettings, Outcome, save, trial_runs
from .dialect import Dialect
from .display import find_dialect
from .display_configuration import read_configuration
from .errors import CommitError, ConflictError, DeviceError, RefusedError, SessionError
from .grammar import DeviceConfiguration, interface_name, parse_configuration, render_changes
from .lines import ConfigurationLine
from .retry import RetryPolicy
from .session import Session


class Logins(Protocol):
    """Where sessions come from."""

    @property
    def retry(self) -> RetryPolicy:
        """How long to bear with locks."""

    def session(self) -> Session:
        """The session of this task; a new login when the last one was lost."""

    def second_session(self) -> AbstractContextManager[Session]:
        """Another login at the same time."""


class Save(enum.Enum):
    """When the running configuration is written to the startup file."""

    NEVER = "never"
    CHANGED = "changed"
    ALWAYS = "always"


@dataclass(frozen=True)
class Request:
    """What a task asks for."""

    wanted: Configuration
    state: State
    update_secrets: UpdateSecrets = UpdateSecrets.ON_CREATE
    memory: Mapping[int, KeyMemory] = field(default_factory=dict)
    dialect: Dialect | None = None
    check: bool = False
    save: Save = Save.NEVER
    lock: bool = False
    allow_immediate: bool = False
    commit: CommitSettings = field(default_factory=CommitSettings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True)
class Report:
    """What was found and what was done. With a check, `after` is predicted and nothing was done.

    predicted: what was planned; unlike what is read back, it still tells which secrets are new
    """

    before: Configuration
    after: Configuration
    predicted: Configuration
    dialect: Dialect | None
    lines: tuple[ConfigurationLine, ...] = ()
    automatic: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    memory: Mapping[int, KeyMemory] | None = None  # None: nothing new is known
    commit_id: str | None = None
    saved: bool = False
    perhaps_layer2: frozenset[str] = frozenset()  # interfaces whose lines do not tell the layer

    @property
    def changed(self) -> bool:
        return bool(self.lines)


class VerificationError(DeviceError):
    """After the commit the device does not show what was configured."""


def gather(session: Session, dialect: Dialect | None, interfaces: tuple[str, ...] = ()) -> DeviceConfiguration:
    """The whole present configuration. Raises UserError where the account may read only parts of it."""
    return _read(session, dialect, interfaces, all_of_it=True)


def converge(logins: Logins, request: Request) -> Report:
    """Bring the device to the wanted configuration, beginning anew when another user's commit came in between.

    Raises UserError before anything was sent, and DeviceError with a last sentence that tells what became of the
    device.
    """
    for attempt in range(request.retry.retries):
        try:
            return _converge_once(logins, request, again=attempt > 0)
        except CommitError as error:
            # The words for a stale candidate are not published: a refusal without a known reason gets a second chance.
            if not error.cleared or (attempt > 0 and not isinstance(error, ConflictError)):
                raise
            logins.session().pause(request.retry.delay * 2**attempt)
    return _converge_once(logins, request, again=request.retry.retries > 0)


def _converge_once(logins: Logins, request: Request, *, again: bool) -> Report:
    session = logins.session()
    try:
        present = _read(session, request.dialect, _interfaces_of(request.wanted), all_of_it=_needs_all(request))
        steps = _plan(present.configuration, request, request.memory)
        dialect = _dialect(session, present, request, needed=bool(steps))
    except DeviceError as error:
        raise _told(error, Outcome.NOTHING_SENT.value) from error
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
        _refuse_unfit_interfaces(steps.changes, present)
        report = replace(report, lines=render_changes(steps.changes, dialect))
        if not request.check:
            report = _apply(logins, session, request, steps, report, again=again)
    if not request.check and (request.save is Save.ALWAYS or (request.save is Save.CHANGED and report.changed)):
        try:
            save(logins.session())
        except DeviceError as error:
            told = Outcome.COMMITTED if report.changed else Outcome.NOTHING_SENT
            raise _told(error, told.value, changed=report.changed) from error
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
            candidate.apply(report.lines)
            candidate.commit(request.commit)
            if candidate.outcome is Outcome.TRIAL:
                # A second login proves what a trial is for: that the device can still be reached.
                with _second_session(logins) as second:
                    _verify(second, request, steps)
                candidate.confirm()
            commit_id = candidate.leave()
    except SessionError as error:
        if candidate.outcome not in (Outcome.UNKNOWN, Outcome.CONFIRMING):
            raise _with_outcome(error, candidate, logins, request, report) from error
        confirming = candidate.outcome is Outcome.CONFIRMING
        _find_out_what_became(logins, request, steps, report, error, confirming=confirming)
    except NtpMulticastError as error:
        raise _with_outcome(error, candidate, logins, request, report) from error
    try:
        after, memory = _verify(logins.session(), request, steps)
    except DeviceError as error:
        raise _told(error, Outcome.COMMITTED.value, changed=True) from error
    return replace(report, after=after, memory=memory, commit_id=commit_id, notices=tuple(candidate.notices))


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


def _verify(session: Session, request: Request, steps: Plan) -> tuple[Configuration, dict[int, KeyMemory]]:
    """Read back; the plan from what the device shows now must be empty."""
    present = _read(session, request.dialect, _interfaces_of(request.wanted), all_of_it=_needs_all(request))
    memory = remember(request.memory, steps.changes, present.configuration)
    left = _plan(present.configuration, request, memory)
    if left:
        lines = render_changes(left.changes, _dialect(session, present, request, needed=True))
        raise VerificationError(
            "The device took all lines, but does not show what was configured. Still missing: "
            + "; ".join(_located(line) for line in lines)
        )
    return present.configuration, memory


def _find_out_what_became(
    logins: Logins, request: Request, steps: Plan, report: Report, error: SessionError, *, confirming: bool
) -> None:
    """The session was lost while committing. A new login tells which of the two it was."""
    try:
        session = logins.session()
        present = _read(session, request.dialect, _interfaces_of(request.wanted), all_of_it=_needs_all(request))
    except Exception as second_error:
        told = f"{Outcome.UNKNOWN.value} A new login failed: {second_error}"
        raise _told(error, told, changed=True) from error
    memory = remember(request.memory, steps.changes, present.configuration)
    if not _plan(present.configuration, request, memory):
        if request.commit.trial is None or (confirming and trial_runs(session) is False):
            return
        if confirming and trial_runs(session) is None:
            raise _told(error, Outcome.CONFIRMING.value, changed=True) from error
        raise _told(error, Outcome.TRIAL_EXPIRES.value, changed=True) from error
    if present.configuration == report.before:
        raise _told(error, "A new login shows that nothing was changed.") from error
    told = f"{Outcome.UNKNOWN.value} A new login shows a configuration that is neither the old nor the new one."
    raise _told(error, told, changed=True) from error


# -- failures ----------------------------------------------------------------------------------------------------------


_UNCHANGED = (Outcome.NOTHING_SENT, Outcome.CLEARED, Outcome.DROPPED, Outcome.TRIAL_ABORTED)


def _told(error: NtpMulticastError, *sentences: str, changed: bool = False) -> NtpMulticastError:
    """The same error, saying also what became of the device."""
    kind = type(error) if isinstance(error, (UserError, DeviceError)) else DeviceError
    told = kind("\n".join([str(error), *sentences]))
    told.changed = changed
    return told


def _with_outcome(
    error: NtpMulticastError, candidate: Candidate, logins: Logins, request: Request, report: Report
) -> NtpMulticastError:
    """The same error, telling also what became of the device."""
    hint = ""
    refused = report.lines[len(candidate.applied)].view if len(candidate.applied) < len(report.lines) else None
    if isinstance(error, RefusedError) and refused and interface_name(refused) in report.perhaps_layer2:
        # Fact 1.4: CloudEngine ports begin as layer 2 ports, and print no line that says so.
        hint = (
            f"{refused} has no address and no `undo portswitch`: perhaps it is a layer 2 port; NTP needs a layer 3 one."
        )
    if isinstance(error, RefusedError) and " md5 " in error.line:
        # Fact 1.7: without the package for weak algorithms the keyword does not exist.
        hint = (
            "md5 needs the package for weak algorithms on CloudEngine devices (`install feature-software WEAKEA` "
            "in the user view). Better: hmac-sha256 or aes-128-cmac."
        )
    sentences = [candidate.outcome.value]
    changed = candidate.outcome not in _UNCHANGED
    if candidate.outcome is Outcome.IMMEDIATE:
        changed = False
        if candidate.applied:
            undone, changed = _undo_immediate_lines(logins, request, report, candidate)
            sentences += undone
    told = _told(error, *([hint] if hint else []), *sentences, changed=changed)
    if isinstance(told, CommitError):
        told.cleared = candidate.outcome is Outcome.CLEARED
    return told


def _undo_immediate_lines(
    logins: Logins, request: Request, report: Report, failed: Candidate
) -> tuple[list[str], bool]:
    """Without a candidate, what was taken before the failure stands. Take it back; what to tell line by line, and
    whether the device remains changed."""
    sentences = [f"Took effect: {_located(line)}" for line in failed.applied]
    try:
        session = logins.session()
        present = _read(session, request.dialect, _interfaces_of(request.wanted), all_of_it=_needs_all(request))
        way_back = plan(present.configuration, report.before, state=State.OVERRIDDEN)
        lines = render_changes(way_back.changes, _dialect(session, present, request, needed=True))
        with Candidate(session, allow_immediate=True, retry=request.retry) as candidate:
            candidate.apply(lines)
    except NtpMulticastError as error:
        return [*sentences, f"Taking these back failed: {error}"], True
    return [*sentences, *(f"Taken back with: {_located(line)}" for line in lines)], False


def _located(line: ConfigurationLine) -> str:
    return f"{line.masked} (interface {line.view})" if line.view else line.masked


# -- reading and planning ----------------------------------------------------------------------------------------------


def _plan(present: Configuration, request: Request, memory: Mapping[int, KeyMemory]) -> Plan:
    return plan(present, request.wanted, state=request.state, update_secrets=request.update_secrets, memory=memory)


def _interfaces_of(wanted: Configuration) -> tuple[str, ...]:
    return tuple(interface.name for interface in wanted.interfaces or ())


def _needs_all(request: Request) -> bool:
    """Whether what to do depends on interfaces that the wanted configuration does not name."""
    return request.state is State.OVERRIDDEN or (request.state is State.DELETED and not request.wanted.interfaces)


def _read(
    session: Session, dialect: Dialect | None, interfaces: tuple[str, ...], *, all_of_it: bool
) -> DeviceConfiguration:
    text = read_configuration(session, interfaces)
    if all_of_it and not text.complete:
        raise UserError(
            "This account may read only single views of the configuration, and this state depends on all of them. "
            "Use an account of level 3, or the state merged or replaced with the interfaces named."
        )
    return parse_configuration(text.text, dialect)


def _dialect(session: Session, present: DeviceConfiguration, request: Request, *, needed: bool) -> Dialect:
    chosen = request.dialect or present.dialect
    if request.dialect is not None and present.dialect not in (None, request.dialect):
        raise UserError(
            f"The option dialect says {request.dialect.value}, but the lines on the device say "
            f"{present.dialect.value}. Leave the option away to go by the device."
        )
    if chosen is not None:
        return chosen
    return find_dialect(session)


def _refuse_unfit_interfaces(changes: tuple[Change, ...], present: DeviceConfiguration) -> None:
    """Say before the first line what the device would only refuse with a caret (fact 4.1 item 21)."""
    reasons: list[str] = []
    known = {interface_name(name): facts for name, facts in present.interfaces.items()}
    for change in changes:
        if isinstance(change, Listen):
            name = change.source
            if change.afi is AddressFamily.IPV4 and change.enabled and name != ALL and known and name not in known:
                reasons.append(f"{name}, which shall listen for requests, does not exist on the device.")
        if not isinstance(change, SetAssociation):
            continue
        name = change.interface
        facts = known.get(name)
        if facts is None:
            reasons.append(f"{name} does not exist on the device.")
        elif facts.layer2:
            reasons.append(
                f"{name} is a layer 2 port; NTP needs a layer 3 one (`undo portswitch`, or the Vlanif of its VLAN)."
            )
        elif change.association.afi is AddressFamily.IPV6 and not facts.ipv6_enabled:
            reasons.append(f"{name} has no IPv6; an IPv6 group needs `ipv6 enable` there first.")
    if reasons:
        raise UserError("\n".join(dict.fromkeys(reasons)))
