# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit, trial, rollback, lock and save (facts 3.2, 3.3, 3.4)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..configuration import SYSNAME, Line
from ..errors import LineLost, Refusal
from ..printing import pending_lines
from ..release import Release
from ..syntax import Match
from ..transaction import Lock, conflict, now
from .table import ALL_VIEWS, CONFIGURATION_VIEWS, Command, View

if TYPE_CHECKING:
    from ..session import Session

USER = frozenset({View.USER})


def _check_rights(session: Session) -> None:
    """A lock or a trial of another user stops a commit (fact 3.2)."""
    device = session.device
    if device.faults.locked_by and device.faults.spend("lock_times"):
        raise Refusal(f"Error: The configuration is locked by other user. [Session ID = {device.faults.locked_by}]")
    lock = device.transactions.lock_owner()
    if lock is not None and not _owns(session, lock):
        raise Refusal(f"Error: The configuration is locked by other user. [Session ID = {lock.author.session}]")
    if _is_held_up(session):
        raise Refusal(device.wordings.text("busy"))
    session.check_editing()


def _is_held_up(session: Session) -> bool:
    """Whether another session's commit runs, and shows."""
    other = session.device.transactions.committing
    if other is None or other is session:
        return False
    return not other.terminal.gone or session.device.style.behaviour.lost_commit_shows != "nothing"


def _owns(session: Session, lock: Lock) -> bool:
    return lock.author.session == session.number or (lock.by_user_name and lock.author.user == session.user.name)


def _check_service(session: Session) -> None:
    """Refusals that the device may give whatever the candidate says (facts 3.2 and 8.2)."""
    device, faults = session.device, session.device.faults
    if faults.spend("busy_times"):
        raise Refusal(device.wordings.text("busy"))
    if faults.stale_times:
        raise Refusal(device.wordings.text("stale"))
    lines = pending_lines(session.candidate, device.style)
    if faults.spend("conflict_times"):
        raise conflict(lines[-1].strip() if lines else "", "Error: The configuration already exists.")
    hit = faults.stage2_refusal and any(re.search(faults.stage2_refusal, line) for line in lines)
    if hit and faults.spend("stage2_times"):
        raise Refusal(device.wordings.text("stage-2"))


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """What ``commit trial`` asks for."""

    seconds: int
    persist: str


async def commit_candidate(
    session: Session, label: str = "", description: str = "", trial: TrialTerms | None = None
) -> None:
    """Make the candidate of a session the running configuration; raises ``Refusal`` and leaves it pending."""
    device, faults = session.device, session.device.faults
    lost = faults.lose_session
    if lost == "before-commit":
        faults.lose_session = ""
        raise LineLost
    await device.holds.reach("before-commit")
    _check_rights(session)
    if not session.candidate:
        session.say(device.wordings.text("nothing-to-commit"))
        return
    _check_service(session)
    device.transactions.second_stage(session.candidate)
    if lost == "during-commit-undone":
        faults.lose_session = ""
        raise LineLost
    await device.holds.reach("during-commit")
    before = dict(device.running)
    with _committing(session):
        await _take_time(session)
        if faults.late_refusal and faults.spend("late_refusal_times"):
            raise LineLost if session.terminal.gone else Refusal(faults.late_refusal)
        device.transactions.commit(session.candidate, session.author, label, description)
        session.candidate.clear()
        if trial is not None:  # the trial runs from here on, also when the session is lost before it is told
            device.transactions.start_trial(session.author, before, trial.seconds, trial.persist)
    if session.terminal.gone:
        raise LineLost
    if faults.sysname_after_commit:
        device.running[SYSNAME] = Line(f"sysname {faults.sysname_after_commit}")
    if lost == "during-commit":
        faults.lose_session = ""
        raise LineLost
    await device.holds.reach("after-commit")
    _done(session)
    if trial is not None:  # fact 3.2
        session.say("Info: The system enters the trial configuration mode.")
        session.say(
            "The system will revert to previous configuration if the trial configuration is not confirmed "
            f"in {trial.seconds} seconds."
        )
    if lost == "after-commit":
        await session.terminal.flush()
        faults.lose_session = ""
        raise LineLost


async def _take_time(session: Session) -> None:
    """The part of a commit that may take long, and in which the session may be lost without an end to the commit."""
    faults = session.device.faults
    if faults.lose_session == "while-committing":
        await session.terminal.flush()
        faults.lose_session = ""
        session.cut()
    await session.device.holds.reach("while-committing")
    await _progress(session)
    if session.abandoned.is_set():
        raise LineLost


@contextlib.contextmanager
def _committing(session: Session) -> Iterator[None]:
    """A commit runs: it holds the others up, and goes on when its session is lost."""
    transactions = session.device.transactions
    session.committing, transactions.committing = True, session
    try:
        yield
    finally:
        session.committing = False
        if transactions.committing is session:
            transactions.committing = None


async def _progress(session: Session) -> None:
    """A commit that takes long prints dots (fact 3.2, probably depending on duration)."""
    seconds = session.device.faults.slow_commit
    if seconds or session.device.style.behaviour.commit_output != "silent":
        session.write("Committing")
    step = seconds / 4
    for _unused in range(4 if seconds else 0):
        session.write(".")
        await session.terminal.flush()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(session.abandoned.wait(), step)


def _done(session: Session) -> None:
    output = session.device.style.behaviour.commit_output
    if session.device.faults.slow_commit:
        session.write("done.\n")
    elif output == "done":
        session.write("....done.\n")
    elif output == "dots":  # other dot counts and a trailing blank exist (fact 3.2)
        session.write("..done. \n")


async def _commit(session: Session, match: Match) -> None:
    """``commit`` in all its forms; there is no ``comment`` keyword (fact 3.2)."""
    label = str(match.values.get("label", ""))
    if label and (label[0].isdigit() or label[0] == "-" or len(label) > 256):
        raise Refusal("Error: The label is invalid.")
    description = str(match.values.get("description", ""))
    if len(description) > 60:
        raise Refusal("Error: The length of the description is invalid.")
    transactions = session.device.transactions
    persist = str(match.values.get("persist", ""))
    trial = transactions.trial
    if persist and trial is None and "trial" not in match.words:
        raise Refusal("Error: The persist ID does not exist.")
    if trial is not None and "trial" not in match.words:
        await _confirm(session, persist, label, description)
        return
    if "trial" not in match.words:
        await commit_candidate(session, label, description)
        return
    if trial is not None:
        raise Refusal("Error: The trial configuration has not been confirmed.")
    await commit_candidate(session, label, description, TrialTerms(match.number("seconds") or 600, persist))


async def _confirm(session: Session, persist: str, label: str, description: str) -> None:
    """A plain commit in the session of the trial confirms it, or ``commit persist ID`` in any (fact 3.2)."""
    transactions = session.device.transactions
    trial = transactions.trial
    assert trial is not None
    if persist and persist == trial.persist:
        trial.author = session.author
    elif trial.persist or persist:
        raise Refusal(session.device.wordings.text("trial-of-other-user"))
    session.check_editing()
    if session.candidate:
        await commit_candidate(session, label, description)
    elif session.device.faults.lose_session == "before-commit":
        session.device.faults.lose_session = ""
        raise LineLost
    else:
        with _committing(session):
            await _take_time(session)
        _done(session)
    transactions.confirm_trial()
    if session.terminal.gone:
        raise LineLost


async def _abort_trial(session: Session, match: Match) -> None:
    """``abort trial``: question and success as in fact 3.2; the refusals are worded by us, no fact gives them."""
    transactions = session.device.transactions
    trial = transactions.trial
    if trial is None:
        raise Refusal("Error: The system is not in the trial configuration mode.")
    persist = str(match.values.get("persist", ""))
    if (persist or trial.persist) and persist != trial.persist:
        raise Refusal("Error: The persist ID is incorrect.")
    number = match.number("session")
    if number is not None and number != trial.author.session:
        raise Refusal("Error: The session is not in the trial configuration mode.")
    if not persist and number is None:
        session.check_editing()
    if await session.ask("Warning: The trial configuration will be rolled back. Continue? [Y/N]:") == "y":
        transactions.end_trial()
        session.say("Info: The trial configuration rollback succeeded.")


async def _clear(session: Session, match: Match) -> None:
    """Drops everything and lands in the system view (fact 3.2)."""
    session.candidate.clear()
    session.enter_system()


async def _refresh(session: Session, match: Match) -> None:
    session.device.faults.stale_times = 0


async def leave_pending(session: Session) -> bool:
    """Ask what becomes of pending lines; returns whether the view may be left (fact 3.3)."""
    if not session.candidate:
        return True
    if session.device.style.behaviour.leaving == "drop":
        session.candidate.clear()
        return True
    answer = await session.ask(session.device.release.leaving_question)
    if answer == "c":
        return False
    if answer == "y":
        await commit_candidate(session)
    session.candidate.clear()
    return True


async def _lock(session: Session, match: Match) -> None:
    """``configuration exclusive`` in any view (fact 3.2)."""
    transactions = session.device.transactions
    if match.words[0] == "undo":
        lock = transactions.lock_owner()
        if lock is not None and lock.author.session == session.number:
            transactions.lock = None
        return
    _check_rights(session)
    author = replace(session.author, user=str(match.values.get("user", session.user.name)))
    transactions.lock = Lock(author, now(), asyncio.get_running_loop().time(), "user" in match.values)


async def _lock_timeout(session: Session, match: Match) -> None:
    session.device.transactions.lock_timeout = float(match.number("seconds") or 30)


async def _rollback(session: Session, match: Match) -> None:
    """Runs at once and makes a new commit id (fact 3.2)."""
    device, transactions = session.device, session.device.transactions
    _check_rights(session)
    target = _rollback_target(session, match)
    if await session.ask(device.release.rollback_question) != "y":
        return
    if device.release.rollback_checks_changes:
        session.say("Checking changes...")
    session.say("Loading rollback changes")
    session.say("Committing")
    transactions.replace(transactions.state_after(target), session.author, "ROLLBACK")
    session.say("Check rollback result")
    session.say("Configuration rollback succeeded.")
    session.say("Please use 'display configuration commit changes last 1' to view the changes.")


def _rollback_target(session: Session, match: Match) -> int:
    """Return the commit id whose outcome is wanted; the refusals are worded by us, no fact gives them."""
    commits = session.device.transactions.commits
    count = match.number("count")
    if count is not None:
        if count > len(commits):
            raise Refusal("Error: The number of commits exceeds the existing ones.")
        return commits[-count].commit_id - 1
    if "label" in match.values:
        found = session.device.transactions.find_label(match.text("label"))
        if found is None:
            raise Refusal("Error: The label does not exist.")
        return found.commit_id
    wanted = match.number("commit_id")
    if wanted not in [commit.commit_id for commit in commits]:
        raise Refusal("Error: The commit ID does not exist.")
    assert wanted is not None
    return wanted


async def _save(session: Session, match: Match) -> None:
    """The dialog of fact 3.4; independent of commit."""
    device, dialog = session.device, session.device.release.save
    name = str(match.values.get("name", ""))
    question = f"Warning: Are you sure to save the configuration to {name}? [Y/N]:" if name else dialog.question
    for text in device.faults.save_questions or (question,):
        if not session.is_choice(text):
            await session.ask_text(text)
        elif await session.ask(text) != "y":
            return
    for slot in range(dialog.repeated):
        for line in dialog.progress if not name else ():
            session.say(line.replace("slot 1 ", f"slot {slot + 13} ") if dialog.repeated > 1 else line)
        for line in dialog.done:
            session.say(line)
    if not name:
        device.save(session.user.name)


def commands(release: Release) -> list[Command]:
    """``kind`` is configuration for everything that a session that only reads has no need of."""

    def does(syntax: str, views: frozenset[View], run: object, level: int = 2, only: str = "two-stage") -> Command:
        return Command(syntax, views, level, run=run, kind="configuration", only=only)  # type: ignore[arg-type]

    return [
        does(
            "commit [ trial [ <seconds:60..65535> ] [ label <label:word> ] ] [ persist <persist:word> ] "
            "[ description <description:text> ]",
            CONFIGURATION_VIEWS,
            _commit,
        ),
        does("commit label <label:word> [ description <description:text> ]", CONFIGURATION_VIEWS, _commit),
        does("abort trial [ persist <persist:word> | session <session:1..999999> ]", CONFIGURATION_VIEWS, _abort_trial),
        does("clear configuration candidate", CONFIGURATION_VIEWS, _clear),
        does("refresh configuration candidate", CONFIGURATION_VIEWS, _refresh),
        does("configuration exclusive [ by-user-name <user:word> ]", ALL_VIEWS, _lock),
        does("undo configuration exclusive", ALL_VIEWS, _lock),
        does(f"configuration-{release.lock_words} timeout <seconds:1..7200>", ALL_VIEWS, _lock_timeout)
        if release.lock_words != "exclusive"
        else does("configuration exclusive timeout <seconds:1..7200>", ALL_VIEWS, _lock_timeout),
        does(
            "rollback configuration { to commit-id <commit_id:1000000001..1999999999> | to label <label:word> | "
            "last <count:1..100> }",
            USER,
            _rollback,
            level=3,
        ),
        does("save [ <name:word> ]", USER, _save, only=""),
    ]
