# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failed task as data, so that a playbook can branch on what happened."""

from __future__ import annotations

from typing import Any

from ..ntp.errors import NtpMulticastError
from ..vrp.outcome import Outcome

# Passing states, which no task ends in.
OUTCOMES = tuple(outcome.value for outcome in Outcome if outcome not in (Outcome.PENDING, Outcome.TRIAL))


def failure(error: NtpMulticastError, timeout_error: type[BaseException], timeout: int) -> dict[str, Any]:
    """The result of a task that failed.

    Args:
        error: why. It knows what became of the device.
        timeout_error: what Ansible raises when the time of a task is over.
        timeout: of the task, in seconds.
    """
    result: dict[str, Any] = {
        "failed": True,
        "msg": str(error),
        "changed": error.changed,
        "outcome": error.outcome or Outcome.NOTHING_SENT.value,
    }
    if error.refused is not None:
        result["refused"] = error.refused
    if isinstance(error.__cause__, timeout_error):
        result["msg"] = f"{_over(timeout)}\n{error}"
        result["timedout"] = {"period": timeout}
    return result


def cut_short(timeout: int) -> dict[str, Any]:
    """The result of a task that Ansible ended, because its `timeout` was over, before anything was configured."""
    return {
        "failed": True,
        "msg": f"{_over(timeout)} {Outcome.NOTHING_SENT.sentence}",
        "changed": False,
        "outcome": Outcome.NOTHING_SENT.value,
        "timedout": {"period": timeout},
    }


def _over(timeout: int) -> str:
    return f"The task's timeout of {timeout} seconds was over before the device was done."
