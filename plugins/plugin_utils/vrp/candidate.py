# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The candidate configuration as a transaction: open, apply, commit or discard (facts 3.2, 3.3, 4.1).

Rules of this file: whatever happens between entering and leaving the context, no line of ours stays pending and no
lock of ours stays
held. What cannot be cleared by a command is left to the device, which drops the candidate of a session that ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import TracebackType

from ..ntp.errors import NtpMulticastError, UserError
from .confirmation import PERSIST_ID, Confirm
from .errors import CommitError, ConflictError, DeviceError, LockedError, PendingError, QuestionError, RefusedError
from .free_lines import FreeLine, secrets_of
from .lines import ConfigurationLine
from .outcome import Outcome
from .retry import RetryPolicy
from .session import Session
from .session.answer import Answer
from .session.prompt import same_view
from .session.questions import PromptContext

_CANCELED = re.compile(r"^\s*commit cancell?ed", re.IGNORECASE | re.MULTILINE)  # fact 3.2
_CONFLICT = re.compile(r"conflict", re.IGNORECASE)
_LOCKED = re.compile(r"\block|\boccupied\b|\bexclusive\b", re.IGNORECASE)
_BUSY = re.compile(r"\bbusy\b|\bagain\b|\blater\b|\bin progress\b|\bbeing\b|\brecover", re.IGNORECASE)
_COMMIT_ID = re.compile(r"(?<!\d)1\d{9}(?!\d)")  # fact 3.2: 1000000001..1999999999
# A device may say no without the word `Error` and without a caret (fact 3.6).
_FAILED = re.compile(
    r"\bfail(?:s|ed|ure)?\b|\baborted\b|\breject(?:ed)?\b|\brefused?\b|\bdenied\b|\bunable\b|\bcancell?ed\b",
    re.IGNORECASE,
)
_NOT_SAVED = re.compile(
    rf"{_FAILED.pattern}|\bcan(?:not| not|'t)\b"
    r"|\bnot (?:been |be )?(?:allowed|saved|written|permitted|possible|ready|enough)\b"
    r"|\bprotected\b|\bno (?:free |enough )?space\b|\binsufficient\b",
    re.IGNORECASE,
)
_LOCKED_BY_OTHERS = re.compile(
    rf"{_FAILED.pattern}|\b(?:an)?other (?:user|session)\b|\balready\b(?!.*\b(?:current|this) (?:user|session)\b)",
    re.IGNORECASE,
)
# Fact 3.4: `Info: Save the configuration successfully.`, on VRP5 `Configuration file had been saved successfully`.
_SUCCEEDED = re.compile(r"\bsuccess|\bsucceeded\b|\b(?:been|was|is) saved\b|\bdone\b|\bcompleted\b", re.IGNORECASE)
_ASKED = re.compile(r"\?|[\[(]\s*y(?:es)?\s*/", re.IGNORECASE)
_TRIAL_STATUS = re.compile(r"^\s*trial status\s*:\s*(?P<state>(?:in)?active)\b", re.IGNORECASE | re.MULTILINE)
_RECOVERY_TIMEOUT = 10.0
_DEEPEST_VIEW = 8


@dataclass(frozen=True)
class CommitSettings:
    """What the commit command carries, and what confirms it.

    trial: seconds after which the device goes back by itself, None = no trial
    label_may_go: whether the label, which the user did not write, is left away where the device knows none
    """

    trial: int | None = None
    label: str | None = None
    description: str | None = None
    confirm: Confirm = Confirm.LOGIN
    label_may_go: bool = False

    @property
    def without_label(self) -> CommitSettings:
        """The same for a device whose commits have no labels."""
        return replace(self, label=None)

    @property
    def stays_on_trial(self) -> bool:
        """Whether the trial is left for somebody else to confirm."""
        return self.trial is not None and self.confirm is Confirm.NONE

    @property
    def command(self) -> str:
        """Fact 3.2: `commit [ trial [ seconds ] [ label L ] ] [ persist ID ] [ description T ]`, or `commit label L
        [ description T ]`."""
        words = ["commit"]
        if self.trial is not None:
            words.append(f"trial {self.trial}")
        if self.label is not None:
            words.append(f"label {self.label}")
        if self.stays_on_trial:
            # Without an id only this session could confirm it, and it ends.
            words.append(f"persist {PERSIST_ID}")
        if self.description is not None:
            words.append(f"description {self.description}")
        return " ".join(words)


def refuse_missing_trial(candidate: Candidate, settings: CommitSettings) -> None:
    """Raise UserError where the user relies on a trial that the device can't make."""
    if not candidate.two_stage and settings.trial is not None and settings.confirm is not Confirm.LOGIN:
        raise UserError(
            "The device has no candidate configuration, so it has no trial commit either, and nothing would be taken "
            f"back. Leave commit.confirm ({settings.confirm.value}) and commit.trial away to accept that."
        )


class Candidate:
    """One transaction. Use as a context; what was not committed when it ends is cleared."""

    def __init__(
        self,
        session: Session,
        *,
        lock: bool = False,
        allow_immediate: bool = False,
        refresh: bool = False,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.outcome = Outcome.NOTHING_SENT
        self.two_stage = True
        self.label_left_out = False
        self.applied: list[ConfigurationLine] = []
        self.notices: list[str] = []  # what the device remarked on lines that it took, masked
        self._session = session
        self._lock = lock
        self._locked = False
        self._allow_immediate = allow_immediate
        self._refresh = refresh
        if retry is not None:
            session.retry = retry
        self._retry = session.retry

    # -- opening -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Candidate:
        try:
            self._open()
        except BaseException:
            self._abandon()
            raise
        return self

    def _open(self) -> None:
        session = self._session
        session.ask("system-view").expect("to enter the system view")
        if not session.prompt.system:
            raise DeviceError("The device did not enter the system view.", line="system-view")
        if session.prompt.pending:
            # Fact 4.1 item 4. Hanging up leaves those lines to whoever they belong to.
            session.lost = True
            raise PendingError(
                "Uncommitted lines that are not ours stand in the candidate configuration. Commit or clear them "
                "(`display configuration candidate` shows them), then run again."
            )
        self.two_stage = session.prompt.two_stage
        if not self.two_stage and not self._allow_immediate:
            raise UserError(
                "The device has no candidate configuration: each line would take effect at once and there is no "
                "transaction. Set allow_immediate to true to accept that."
            )
        if self._refresh:
            # Fact 3.2: another user's commit makes a candidate stale. A device that does not know the command has no
            # such candidate.
            session.ask("refresh configuration candidate")
        if self._lock:
            self._take_lock()

    def _take_lock(self) -> None:
        answer = self._session.ask("configuration exclusive")
        for delay in self._retry.delays():
            if not _lock_refused(answer):
                break
            self._session.pause(delay)
            answer = self._session.ask("configuration exclusive")
        if _lock_refused(answer):
            raise answer.error(LockedError, "The configuration could not be locked.")
        self._locked = True

    # -- lines ---------------------------------------------------------------------------------------------------------

    def apply(self, lines: Iterable[ConfigurationLine]) -> None:
        """Send the lines one at a time; raises RefusedError at the first that is not taken.

        Ends in the view of the last line, where `commit` and `return` are known as well.
        """
        for line in lines:
            self._enter_view(line.view)
            self._send(line)

    def _send(self, line: ConfigurationLine) -> None:
        view = self._session.prompt.view
        self.outcome = Outcome.PENDING if self.two_stage else Outcome.IMMEDIATE
        answer = self._session.ask(line.text, occasion=PromptContext.CONFIGURATION, secrets=line.secrets)
        answer.expect("a configuration line")
        if not same_view(view, answer.prompt.view) or not answer.prompt.system:
            # Fact 3.1, intelligent rollback: a line that does not fit is tried in the views above.
            raise answer.error(
                RefusedError,
                f"The line led out of the view '{view or 'system'}' into '{answer.prompt.view or 'system'}'; "
                "it probably does not exist in the former.",
            )
        self.applied.append(line)
        if answer.words:
            self.notices.append(f"{line.masked}: {answer.words}")

    def _enter_view(self, view: str | None) -> None:
        session = self._session
        if same_view(view or "", session.prompt.view):
            return
        if session.prompt.view:
            session.ask("quit").expect("to leave a view")
            if session.prompt.view or not session.prompt.system:
                raise DeviceError("The device did not return to the system view.", line="quit")
        if view is None:
            return
        pending = session.prompt.pending
        answer = session.ask(f"interface {view}").expect(f"the interface {view}")
        if not same_view(view, session.prompt.view):
            raise answer.error(
                RefusedError, f"The device entered the view '{session.prompt.view or 'system'}' instead of '{view}'."
            )
        if session.prompt.pending and not pending:
            # Fact 3.1: entering an existing view leaves no line pending.
            raise answer.error(RefusedError, f"The interface {view} does not exist; the line would create it.")

    # -- lines of the user's -------------------------------------------------------------------------------------------

    def apply_free(self, lines: Iterable[FreeLine]) -> None:
        """Send lines under the views that the user names; raises RefusedError at the first that is not taken."""
        path: tuple[str, ...] = ()
        for line in lines:
            if path != line.parents or (not path and self._session.prompt.view):
                self._enter_path(line.parents)
                path = line.parents
            self._send_free(line)

    def _enter_path(self, path: tuple[str, ...]) -> None:
        session = self._session
        for _view in range(_DEEPEST_VIEW):
            if not session.prompt.view:
                break
            session.ask("quit").expect("to leave a view")
        if session.prompt.view or not session.prompt.system:
            raise DeviceError("The device did not return to the system view.", line="quit")
        for parent in path:
            view = session.prompt.view
            self.outcome = Outcome.PENDING if self.two_stage else Outcome.IMMEDIATE
            answer = session.ask(parent, occasion=PromptContext.CONFIGURATION, secrets=secrets_of(parent)).expect(
                "to enter a view"
            )
            if session.prompt.view == view or not session.prompt.system:
                raise answer.error(RefusedError, "The line opens no view.")

    def _send_free(self, line: FreeLine) -> None:
        view = self._session.prompt.view
        self.outcome = Outcome.PENDING if self.two_stage else Outcome.IMMEDIATE
        secrets = secrets_of(line.text)
        answer = self._session.ask(line.text, occasion=PromptContext.CONFIGURATION, secrets=secrets)
        answer.expect("a configuration line")
        # Fact 3.1, intelligent rollback: a line that does not fit is tried in the views above. One that opens a view
        # below this one is what the user asked for.
        if not answer.prompt.system or not answer.prompt.view.startswith(view):
            raise answer.error(
                RefusedError,
                f"The line led out of the view '{view or 'system'}' into '{answer.prompt.view or 'system'}'; "
                "it probably does not exist in the former.",
            )
        if answer.prompt.view != view:
            self._enter_path(line.parents)
        self.applied.append(ConfigurationLine(line.text, secrets=secrets))
        if answer.words:
            self.notices.append(f"{line.masked}: {answer.words}")

    # -- commit --------------------------------------------------------------------------------------------------------

    def commit(self, settings: CommitSettings) -> None:
        """Make the lines effective; on a device without a candidate they already are.

        Raises ConflictError when the configuration has to be read and planned anew, LockedError, CommitError.
        """
        if not self.two_stage:
            return
        answer = self._commit_once(settings.command)
        if settings.label is not None and settings.label_may_go and answer.refused and answer.caret:
            self.label_left_out = True
            settings = settings.without_label
            answer = self._commit_once(settings.command)
        for delay in self._retry.delays():
            if not _commit_refused(answer) or not _passes(answer):
                break
            self._session.pause(delay)
            answer = self._commit_once(settings.command)
        if not _commit_refused(answer):
            if _FAILED.search(answer.words):  # nothing is pending, so what was committed has to be looked at
                raise answer.error(CommitError, "The device says that the commit failed, and nothing is pending.")
            self.outcome = Outcome.COMMITTED if settings.trial is None else Outcome.TRIAL
        elif _CONFLICT.search(answer.words):
            raise answer.error(ConflictError, "The change conflicts with another user's.")
        else:
            kind = LockedError if _LOCKED.search(answer.words) else CommitError
            raise answer.error(kind, "The device refused the commit.")

    def _commit_once(self, command: str) -> Answer:
        self.outcome = Outcome.UNKNOWN
        try:
            answer = self._session.ask(command, occasion=PromptContext.COMMIT, timeout=self._session.timeouts.commit)
        except QuestionError:
            if not self._session.lost and self._session.prompt.pending:
                self.outcome = Outcome.PENDING
            raise
        if _commit_refused(answer):
            self.outcome = Outcome.PENDING
        return answer

    def confirm(self) -> None:
        """Make a trial commit permanent: a plain commit in the session that began it (fact 3.2)."""
        self.outcome = Outcome.CONFIRMING
        answer = self._session.ask("commit", occasion=PromptContext.COMMIT, timeout=self._session.timeouts.commit)
        if _commit_refused(answer) or _FAILED.search(answer.words):
            self.outcome = Outcome.TRIAL
            raise answer.error(CommitError, "The device refused to confirm the trial commit.")
        self.outcome = Outcome.COMMITTED

    def leave_on_trial(self) -> None:
        """Keep the trial running when the session ends."""
        self.outcome = Outcome.TRIAL_LEFT

    # -- leaving -------------------------------------------------------------------------------------------------------

    def leave(self) -> str | None:
        """Leave for the user view after a commit.

        Returns the id of the newest commit; None where there are no commits or the user may not list them (fact 3.8).
        """
        if self.outcome not in (Outcome.COMMITTED, Outcome.TRIAL_LEFT) or self._session.prompt.pending:
            return None
        self._unlock()
        answer = self._session.return_and_show("display configuration commit list")
        self._expect_user_view()
        found = None if answer.unavailable else _COMMIT_ID.search(answer.text)
        return found.group() if found else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._leave()
        else:
            self._abandon()

    def _abandon(self) -> None:
        """Leave after an error, which must not be hidden by another one."""
        session = self._session
        try:
            if not session.lost:
                session.recover(_RECOVERY_TIMEOUT)
                self._leave()
        except NtpMulticastError:
            session.lost = True
        if self.outcome is Outcome.PENDING:
            self.outcome = Outcome.DROPPED
        elif self.outcome is Outcome.TRIAL:
            self.outcome = Outcome.TRIAL_EXPIRES

    def _leave(self) -> None:
        session = self._session
        if not session.prompt.system:
            return
        if self.outcome is Outcome.TRIAL:
            self._abort_trial()
        if session.prompt.pending or self.outcome is Outcome.PENDING:
            self._clear()
        self._unlock()
        session.ask("return", occasion=PromptContext.LEAVING)
        self._expect_user_view()

    def _unlock(self) -> None:
        if self._locked:
            # A refusal is no error: the lock ends with the session (fact 3.2).
            self._session.ask("undo configuration exclusive")
            self._locked = False

    def _expect_user_view(self) -> None:
        if self._session.prompt.system:
            raise DeviceError("The device did not return to the user view.", line="return")

    def _abort_trial(self) -> None:
        answer = self._session.ask(
            "abort trial", occasion=PromptContext.ABORT_TRIAL, timeout=self._session.timeouts.commit
        ).expect("to roll back the trial commit")
        # Without words of success only the device's own status tells that it is over.
        if _SUCCEEDED.search(answer.words) or trial_runs(self._session) is False:
            self.outcome = Outcome.TRIAL_ABORTED

    def _clear(self) -> None:
        answer = self._session.ask("clear configuration candidate")
        if answer.refused or answer.prompt.pending:
            raise DeviceError("The candidate configuration could not be cleared.", words=answer.words)
        if self.outcome is Outcome.PENDING:
            self.outcome = Outcome.CLEARED


def _lock_refused(answer: Answer) -> bool:
    """Whether somebody else has the lock, in whatever form the device says so."""
    return answer.refused or _LOCKED_BY_OTHERS.search(answer.words) is not None


def _commit_refused(answer: Answer) -> bool:
    """Fact 4.1 item 2: success may be silent, so a refusal shows in words or in a prompt that still says pending."""
    return answer.refused or bool(_CANCELED.search(answer.text)) or answer.prompt.pending


def _passes(answer: Answer) -> bool:
    """Whether the reason of a refused commit is one that passes: a lock, or a device that is busy."""
    if _CONFLICT.search(answer.words):
        return False
    return bool(_LOCKED.search(answer.words) or _BUSY.search(answer.words))


def trial_runs(session: Session) -> bool | None:
    """Whether a trial commit waits for its confirmation (fact 3.2); None when the device does not say."""
    answer = session.show("display configuration trial status")
    found = None if answer.unavailable else _TRIAL_STATUS.search(answer.text)
    return None if found is None else found["state"].casefold() == "active"


def _behind_questions(words: str) -> str:
    """What the device said after its last question, which only tells what may happen."""
    lines = words.split("\n")
    asked = [row for row, line in enumerate(lines) if _ASKED.search(line)]
    return "\n".join(lines[asked[-1] + 1 :] if asked else lines)


def save(session: Session) -> None:
    """Write the running configuration to the startup file, from the user view (fact 3.4).

    Raises DeviceError unless the device says that it is done.
    """
    try:
        answer = session.ask("save", occasion=PromptContext.SAVE, timeout=session.timeouts.commit)
    except QuestionError as error:
        raise DeviceError(f"The configuration is effective but was not saved. {error}") from error
    answer.expect("to save the configuration")
    words = _behind_questions(answer.words)
    if _NOT_SAVED.search(words):
        raise answer.error(DeviceError, "The configuration is effective but was not saved.")
    if not _SUCCEEDED.search(words):
        raise answer.error(DeviceError, "The configuration is effective. The device does not say that it was saved.")
