# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to the running configuration: commit, trial, rollback, lock (fact 3.2)."""

from __future__ import annotations

import asyncio
import collections
import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .configuration import Candidate, Configuration, Entry, InterfaceHeader, Place, Style, apply, difference
from .errors import Refusal
from .ntp_entries import AUTHENTICATION, is_ntp
from .ntp_rules import dangling_key, exceeds_limits, unauthenticated_after, with_automatic_lines
from .wordings import Wordings

if TYPE_CHECKING:
    from .session import Session

FIRST_COMMIT = 1000000001  # fact 3.2
KEPT_COMMITS = 100
CANCELLED = (
    "Commit canceled, the configuration conflicted with other user, you can modify \n"
    "the configuration and commit again."
)


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes the configuration, and from where."""

    user: str
    line: str  # "VTY 0"
    session: int


@dataclass(frozen=True, slots=True)
class Commit:
    commit_id: int
    author: Author
    kind: str  # CLI, ROLLBACK, ...
    time: datetime.datetime
    changes: Mapping[Place, Entry | None]
    before: Mapping[Place, Entry | None]
    label: str = ""
    description: str = ""


@dataclass(slots=True)
class Lock:
    """The exclusive right to commit; free after a time without a change (fact 3.2)."""

    author: Author
    since: datetime.datetime
    last_change: float  # seconds of the loop's clock
    by_user_name: bool = False


@dataclass(slots=True)
class Trial:
    """A commit that is taken back unless it is confirmed in time (fact 3.2)."""

    author: Author
    before: Configuration
    deadline: float
    persist: str
    timer: asyncio.TimerHandle


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


class Transactions:
    """The running configuration of one device and everything that may change it."""

    def __init__(self, style: Style, wordings: Wordings, running: Configuration) -> None:
        self._style = style
        self._wordings = wordings
        self.running: Configuration = running  # changed in place: candidates look through to it
        self.commits: collections.deque[Commit] = collections.deque(maxlen=KEPT_COMMITS)
        self._next_id = FIRST_COMMIT
        self.lock: Lock | None = None
        self.lock_timeout = 30.0  # seconds, fact 3.2
        self.trial: Trial | None = None
        self.committing: Session | None = None  # whose commit runs; the session may be lost
        self.updated: tuple[datetime.datetime, str] = (now(), "")
        self.unauthenticated: frozenset[Place] = frozenset()
        self.listeners: list[Callable[[Commit], None]] = []

    # commit

    def second_stage(self, candidate: Candidate) -> Configuration:
        """Check the candidate against the running configuration of now; return what it would become."""
        for place, entry in candidate.changes.items():
            present = self.running.get(place)
            if isinstance(entry, InterfaceHeader):
                continue  # two users may create the same interface
            if entry is not None and present == entry and candidate.before.get(place) != present:
                # Two users with the same line: only the first counts (fact 3.2).
                raise conflict(candidate.lines.get(place, ""), "Error: The configuration already exists.")
        new = apply(self.running, candidate.changes)
        if self._style.behaviour.missing_key != "accept" or self._style.behaviour.key_in_use != "accept":
            self._check_keys(candidate, new)
        if exceeds_limits(new):
            raise Refusal(self._wordings.text("limit"))
        return with_automatic_lines(self.running, new, candidate.changes, self._style)

    def _check_keys(self, candidate: Candidate, new: Configuration) -> None:
        dangling = dangling_key(new)
        if dangling is None:
            return
        place, key_id = dangling
        removed = place not in candidate.changes
        behaviour = self._style.behaviour
        if (behaviour.key_in_use if removed else behaviour.missing_key) != "accept":
            raise Refusal(self._wordings.text("key-in-use" if removed else "key-missing", key_id=key_id))

    def commit(self, candidate: Candidate, author: Author, label: str = "", description: str = "") -> Commit:
        """Make the candidate the running configuration."""
        new = self.second_stage(candidate)
        return self.replace(new, author, "CLI", label, description, dict(candidate.changes))

    def replace(
        self,
        new: Configuration,
        author: Author,
        kind: str,
        label: str = "",
        description: str = "",
        touched: Mapping[Place, Entry | None] | None = None,
    ) -> Commit:
        """Put ``new`` in the place of the running configuration and remember the way back."""
        changes = difference(self.running, new)
        before = {place: self.running.get(place) for place in changes}
        self.unauthenticated = unauthenticated_after(
            self.unauthenticated, self.running, touched if touched is not None else _enable_first(changes), new
        )
        commit = Commit(self._next_id, author, kind, now(), changes, before, label, description)
        self._next_id += 1
        self.running.clear()
        self.running.update(new)
        self.updated = (commit.time, author.user)
        self.commits.append(commit)
        if self.lock is not None:
            self.lock.last_change = asyncio.get_running_loop().time()
        for listener in self.listeners:
            listener(commit)
        return commit

    # trial

    def start_trial(self, author: Author, before: Configuration, seconds: float, persist: str) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, self.end_trial)
        self.trial = Trial(author, before, loop.time() + seconds, persist, timer)

    def confirm_trial(self) -> None:
        if self.trial is not None:
            self.trial.timer.cancel()
            self.trial = None

    def end_trial(self) -> None:
        """Take the trial back: it was aborted, or not confirmed in time."""
        trial, self.trial = self.trial, None
        if trial is not None:
            trial.timer.cancel()
            self.replace(trial.before, trial.author, "ROLLBACK")

    def check_trial(self, session: int, user: str) -> None:
        """Only the user of the trial may configure meanwhile (fact 3.2)."""
        if self.trial is not None and (self.trial.author.session, self.trial.author.user) != (session, user):
            raise Refusal(self._wordings.text("trial-of-other-user"))

    # rollback

    def state_after(self, commit_id: int) -> Configuration:
        """The configuration as it stood right after a commit."""
        state = dict(self.running)
        for commit in reversed(self.commits):
            if commit.commit_id <= commit_id:
                return state
            state = apply(state, commit.before)
        return state

    def find_label(self, label: str) -> Commit | None:
        return next((commit for commit in reversed(self.commits) if commit.label == label), None)

    # lock

    def lock_owner(self) -> Lock | None:
        """The lock, unless it has run out; it does not while a commit of its owner runs."""
        if self.lock is None:
            return None
        if self.committing is not None and self.committing.number == self.lock.author.session:
            return self.lock
        if asyncio.get_running_loop().time() - self.lock.last_change > self.lock_timeout:
            self.lock = None
        return self.lock


def conflict(line: str, sentence: str) -> Refusal:
    """The text of a commit that runs into another user's (fact 3.2)."""
    return Refusal(f"{line}\n{sentence}\n\n{CANCELLED}")


def _enable_first(changes: Mapping[Place, Entry | None]) -> dict[Place, Entry | None]:
    """A rollback delivers the authentication switch before the associations."""
    first = {place: entry for place, entry in changes.items() if place == AUTHENTICATION}
    return {**first, **{place: entry for place, entry in changes.items() if is_ntp(place) and place not in first}}
