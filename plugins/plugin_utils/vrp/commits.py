# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commits of a device: what they are, what each changed, and how to go back to one (fact 3.2).

Rules of this file: a rollback is told as done only when the device says so and lists a new commit. What else is known
of it is in the error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..ntp.errors import UserError
from ..ntp.masking import mask
from .errors import DeviceError, ParseError, RefusedError
from .failure import in_doubt
from .outcome import Outcome
from .session import Answer, Session
from .session.questions import PromptContext

_ENTRY = re.compile(r"\s*\d+\)\s*CommitId:\s*(?P<id>\d{10})\s*")
_FIELD = re.compile(r"\s+(?P<name>Label|User|User-Intf|Type|TimeStamp|Description):\s?(?P<value>.*)")
_CHANGES_OF = re.compile(r"Commit changes of commitId (?P<id>\d{10})\b.*")
_CHANGES_BEGIN = re.compile(r"\s*building configuration\b", re.IGNORECASE)  # fact 3.2
_CHANGED_LINE = re.compile(r"[-+ ] .*")
_TRIAL_STATUS = re.compile(r"Trial status:\s*(?P<state>\w+)", re.IGNORECASE)
_TRIAL_PERSIST = re.compile(r"Persist id:\s*(?P<id>\S.*)", re.IGNORECASE)
_TRIAL_LEFT = re.compile(r"Trial time left \(sec\):\s*(?P<seconds>\d+)", re.IGNORECASE)
_ROLLED_BACK = "configuration rollback succeeded"


@dataclass(frozen=True)
class Commit:
    """One entry of `display configuration commit list verbose`.

    Attributes:
        commit_id: ten digits.
        user: who committed.
        time: as the device prints it.
        kind: CLI, SNMP, NETCONF, ROLLBACK, RESTORE or SYSTEM.
        label: None for a commit without one.
        description: "" for a commit without one.
        changes: its lines with `+`, `-` or a blank in front, secrets masked; None where nobody asked.
    """

    commit_id: str
    user: str = ""
    time: str = ""
    kind: str = ""
    label: str | None = None
    description: str = ""
    changes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Trial:
    """A trial commit that waits for its confirmation.

    Attributes:
        seconds_left: until the device goes back by itself; None where it does not tell.
        persist_id: with which any login can confirm it; None where only the login that began it can.
    """

    seconds_left: int | None = None
    persist_id: str | None = None


@dataclass(frozen=True)
class Target:
    """Where a rollback goes: exactly one of the four.

    Attributes:
        commit_id: the state after this commit.
        label: the state after the newest commit with this label.
        before_label: the state before the oldest commit with this label.
        last: how many of the last commits to take back.
    """

    commit_id: str | None = None
    label: str | None = None
    before_label: str | None = None
    last: int | None = None

    def __str__(self) -> str:
        return ", ".join(f"{name}: {value}" for name, value in vars(self).items() if value is not None)


@dataclass(frozen=True)
class Rollback:
    """What a rollback takes back.

    Attributes:
        command: the line that does it (fact 3.2). It names a commit id where there is one, so that a commit that comes
            in between does not shift the target.
        commits: the commits that go, the newest first.
    """

    command: str
    commits: tuple[Commit, ...]


def parse_commit_list(text: str) -> tuple[Commit, ...]:
    """The commits of `display configuration commit list verbose`, the newest first.

    Raises ParseError for a text that is no such list.
    """
    commits: list[Commit] = []
    for line in text.split("\n"):
        if entry := _ENTRY.fullmatch(line):
            commits.append(Commit(entry["id"]))
        elif commits and (field := _FIELD.fullmatch(line)):
            commits[-1] = _with_field(commits[-1], field["name"], field["value"].strip())
        elif line.strip() and not commits:
            raise ParseError("The list of commits was not understood.", words=mask(line.strip()))
    return tuple(commits)


def _with_field(commit: Commit, name: str, value: str) -> Commit:
    if name == "Label":
        return replace(commit, label=None if value in ("", "-") else value)
    if name == "User":
        return replace(commit, user=value)
    if name == "Type":
        return replace(commit, kind=value)
    if name == "TimeStamp":
        return replace(commit, time=value)
    return replace(commit, description=value) if name == "Description" else commit


def parse_commit_changes(text: str) -> dict[str, tuple[str, ...]]:
    """What each commit changed, by its id: the answer to `display configuration commit changes N`."""
    changes: dict[str, tuple[str, ...]] = {}
    current: str | None = None
    for line in text.split("\n"):
        if found := _CHANGES_OF.fullmatch(line.strip()):
            current = found["id"]
            changes[current] = ()
        elif current is not None and line.strip() and _CHANGED_LINE.fullmatch(line):
            changes[current] += (mask(line.rstrip()),)
    return changes


def read_commits(session: Session, *, changes: bool = False) -> tuple[Commit, ...]:
    """The commits that the device lists, the newest first.

    Raises RefusedError where the account may not list them (level 3, fact 3.8) or the device has none.
    """
    answer = _shown(session, "display configuration commit list verbose", "to list the commits")
    commits = parse_commit_list(answer.text)
    if not changes or not commits:
        return commits
    shown = _shown(session, f"display configuration commit changes {len(commits)}", "to show what commits changed")
    by_id = parse_commit_changes(shown.text)
    return tuple(replace(commit, changes=by_id.get(commit.commit_id)) for commit in commits)


def changes_of_last(session: Session, count: int) -> tuple[str, ...]:
    """What the last `count` commits changed altogether, secrets masked.

    Raises ParseError for a text that is no such display: it does not say that nothing was changed.
    """
    if count == 0:
        return ()
    answer = _shown(session, f"display configuration commit changes last {count}", "to show what commits changed")
    lines = [mask(line.rstrip()) for line in answer.text.split("\n")]
    if not any(_CHANGES_BEGIN.match(line) or line[:1] in ("+", "-") for line in lines):
        raise ParseError("What the commits changed was not understood.", words=answer.words)
    return tuple(line for line in lines if _CHANGED_LINE.fullmatch(line))


def read_trial(session: Session) -> Trial | None:
    """The trial that runs on the device, None when none does. Raises RefusedError and ParseError."""
    answer = _shown(session, "display configuration trial status", "to show the trial")
    state = _TRIAL_STATUS.search(answer.text)
    if state is None:
        raise ParseError("The device does not say whether a trial runs.", words=answer.words)
    if state["state"].casefold() != "active":
        return None
    left, persist = _TRIAL_LEFT.search(answer.text), _TRIAL_PERSIST.search(answer.text)
    return Trial(int(left["seconds"]) if left else None, persist["id"].strip() if persist else None)


def plan_rollback(commits: Sequence[Commit], target: Target) -> Rollback:
    """What has to go for this target. Raises UserError for a target that the device does not list."""
    count = _count_to_take_back(commits, target)
    if count < len(commits):
        command = f"rollback configuration to commit-id {commits[count].commit_id}"
    else:
        command = f"rollback configuration last {count}"
    return Rollback(command, tuple(commits[:count]))


def _count_to_take_back(commits: Sequence[Commit], target: Target) -> int:
    if target.last is not None:
        if target.last <= len(commits):
            return target.last
        raise UserError(f"last: {target.last} commits are to be taken back, but the device lists {len(commits)}.")
    if target.before_label is not None:
        labelled = [number for number, commit in enumerate(commits) if commit.label == target.before_label]
        if labelled:
            return labelled[-1] + 1
    for number, commit in enumerate(commits):
        if target.commit_id == commit.commit_id or (target.label is not None and target.label == commit.label):
            return number
    listed = ", ".join(_named(commit) for commit in commits[:5]) or "none"
    raise UserError(f"{target} is not among the commits that the device lists. The newest ones are: {listed}.")


def roll_back(session: Session, rollback: Rollback) -> str:
    """Roll back from the user view; the id of the commit that this made.

    Raises:
        RefusedError: the device refused it; nothing was changed.
        DeviceError: `changed` is true: the device did not say that it is done, or lists no new commit.
    """
    newest = rollback.commits[0].commit_id
    with in_doubt(Outcome.UNKNOWN, holds=_is_in_doubt(session)):
        answer = session.ask(rollback.command, occasion=PromptContext.ROLLBACK, timeout=session.timeouts.commit)
    answer.expect("to roll back")
    if _ROLLED_BACK not in " ".join(answer.text.split()).casefold():
        raise _unproven("The device does not say that the rollback succeeded.", answer.words)
    with in_doubt(Outcome.UNKNOWN):
        commits = read_commits(session)
    if not commits or commits[0].commit_id == newest:
        raise _unproven("The device says that the rollback succeeded, but lists no commit of it.", answer.words)
    return commits[0].commit_id


def confirm_trial(session: Session, trial: Trial) -> None:
    """Make a running trial permanent. Raises DeviceError where this login can't, or the trial still runs afterwards."""
    command = "commit" if trial.persist_id is None else f"commit persist {trial.persist_id}"
    with in_doubt(Outcome.CONFIRMING, holds=_is_in_doubt(session)):
        _in_system_view(session, command, PromptContext.COMMIT, "to confirm the trial")
    with in_doubt(Outcome.CONFIRMING):
        left = read_trial(session)
    if left is not None:
        raise DeviceError(
            "The trial still runs: without a persist id only the login that began it can confirm it. "
            "It is rolled back when its time is over, unless it is aborted before."
        )


def abort_trial(session: Session, trial: Trial, session_id: int | None = None) -> None:
    """Roll a running trial back at once. Raises DeviceError when it still runs afterwards."""
    command = "abort trial"
    if trial.persist_id is not None:
        command += f" persist {trial.persist_id}"
    elif session_id is not None:
        command += f" session {session_id}"
    with in_doubt(Outcome.TRIAL_EXPIRES, holds=_is_in_doubt(session)):
        _in_system_view(session, command, PromptContext.ABORT_TRIAL, "to abort the trial")
    with in_doubt(Outcome.TRIAL_EXPIRES):
        left = read_trial(session)
    if left is not None:
        raise DeviceError("The trial still runs.", line=command)


def _in_system_view(session: Session, command: str, occasion: PromptContext, task: str) -> None:
    session.ask("system-view").expect("to enter the system view")
    try:
        if session.prompt.pending:
            session.lost = True
            raise DeviceError("Uncommitted lines stand in the candidate configuration. Commit or clear them first.")
        session.ask(command, occasion=occasion, timeout=session.timeouts.commit).expect(task)
    finally:
        if not session.lost and session.prompt.system:
            session.ask("return", occasion=PromptContext.LEAVING)


def _shown(session: Session, command: str, task: str) -> Answer:
    answer = session.show(command)
    if answer.unavailable:
        raise RefusedError(f"The device refused {task}.", line=command, caret=answer.caret, words=answer.words)
    return answer


def _named(commit: Commit) -> str:
    return f"{commit.commit_id} ({commit.label})" if commit.label else commit.commit_id


def _is_in_doubt(session: Session) -> Callable[[BaseException], bool]:
    """Whether a command may have taken effect in spite of an error: not where the device answered it."""
    return lambda error: session.lost or not isinstance(error, DeviceError)


def _unproven(message: str, words: str) -> DeviceError:
    error = DeviceError(message, words=words)
    error.changed, error.outcome = True, Outcome.UNKNOWN.value
    return error


def reversed_changes(lines: Iterable[str]) -> tuple[str, ...]:
    """What a rollback will change: the changes of the commits, the other way round."""
    signs = {"+": "-", "-": "+"}
    return tuple(signs.get(line[:1], line[:1]) + line[1:] for line in lines)
