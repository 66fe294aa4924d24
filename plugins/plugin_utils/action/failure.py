# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failed task as data, so that a playbook can branch on what happened."""

from __future__ import annotations

from typing import Any

from ..ntp.errors import NtpMulticastError, UserError
from ..vrp.candidate import Outcome
from ..vrp.errors import DeviceError
from ..vrp.progress import Progress

# Said where a look at the device after the failure showed that it is as it was; no state of a candidate.
UNCHANGED = "unchanged"
OUTCOMES = (*(outcome.name.lower() for outcome in Outcome if outcome is not Outcome.PENDING), UNCHANGED)

# Where the session was not lost, but Ansible did not wait for the answer.
CUT_SHORT = {
    Outcome.UNKNOWN: "The commit was sent, and its answer had not come: the change may or may not have taken effect.",
    Outcome.CONFIRMING: "The trial commit was being confirmed: it may or may not be permanent.",
}


def failure(error: NtpMulticastError, message: str, progress: Progress) -> dict[str, Any]:
    """The result of a task that failed.

    Args:
        error: why.
        message: its text, in the words of the user.
        progress: of the transaction, if there was one.
    """
    result: dict[str, Any] = {
        "failed": True,
        "msg": message,
        "changed": error.changed,
        "outcome": outcome_of(error, progress),
    }
    refused = refused_line(error, progress)
    if refused is not None:
        result["refused"] = refused
    return result


def cut_short(progress: Progress, timeout: int, *, as_described: bool = False) -> dict[str, Any]:
    """The result of a task that Ansible ended because its `timeout` was over.

    Args:
        progress: of the transaction, if there was one.
        timeout: in seconds.
        as_described: whether a look afterwards showed that the device has what was to be committed.
    """
    outcome = Outcome.COMMITTED if as_described else progress.outcome
    changed = outcome not in (Outcome.NOTHING_SENT, Outcome.CLEARED, Outcome.DROPPED, Outcome.TRIAL_ABORTED)
    sentence = CUT_SHORT.get(outcome, outcome.value)
    return {
        "failed": True,
        "msg": f"The task's timeout of {timeout} seconds was over before the device was done. {sentence}",
        "changed": changed,
        "outcome": outcome.name.lower(),
        "timedout": {"period": timeout},
    }


def outcome_of(error: NtpMulticastError, progress: Progress) -> str:
    """What became of the device: the state that the error tells of, which may know more than the candidate."""
    text = str(error)
    told = [outcome for outcome in Outcome if outcome.value in text]
    if told:
        last = max(told, key=lambda outcome: text.rindex(outcome.value))
        taken_back = last is Outcome.IMMEDIATE and not error.changed
        return UNCHANGED if taken_back else last.name.lower()
    if isinstance(error, UserError) or progress.candidate is None:
        return Outcome.NOTHING_SENT.name.lower()
    return progress.outcome.name.lower() if error.changed else UNCHANGED


def refused_line(error: BaseException, progress: Progress) -> dict[str, Any] | None:
    """The line that the device did not take, with its view, the column of the caret and the device's words."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, DeviceError) and cause.line):
        cause = cause.__cause__
    if not isinstance(cause, DeviceError):
        return None
    expected = progress.next_line
    return {
        "line": cause.line,
        "view": expected.view if expected is not None and expected.masked == cause.line else None,
        "column": cause.caret.index("^") + 1 if "^" in cause.caret else None,
        "words": cause.words,
    }
