# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_COMMIT
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.commit_rules import is_label
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.commits import (
    Commit,
    Rollback,
    Target,
    Trial,
    abort_trial,
    changes_of_last,
    confirm_trial,
    plan_rollback,
    read_commits,
    read_trial,
    reversed_changes,
    roll_back,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session


class ActionModule(VrpAction):
    """The commits of a device: list them, end a trial, go back."""

    SPECIFICATION = VRP_COMMIT

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the state asks for."""
        refuse_wrong_options(options)
        session = self.logins().session()
        if options["state"] == "rolled_back":
            return self.rolled_back(session, options, str(task_vars.get("inventory_hostname", "")))
        trial = read_trial(session)
        result = {"trial": told_trial(trial)}
        if options["state"] == "listed":
            commits = read_commits(session, changes=options["changes"])
            return {**result, "commits": [told_commit(commit) for commit in commits[: options["last"]]]}
        return {**result, **self.ended(session, trial, options)}

    def ended(self, session: Session, trial: Trial | None, options: dict[str, Any]) -> dict[str, Any]:
        """Confirm or abort the trial that runs; nothing to do where none runs."""
        if trial is None:
            return {"changed": False, "outcome": "no_trial"}
        if not self._task.check_mode:
            if options["state"] == "confirmed":
                confirm_trial(session, trial)
            else:
                abort_trial(session, trial, options["session_id"])
        return {"changed": True, "outcome": options["state"], "trial": None}

    def rolled_back(self, session: Session, options: dict[str, Any], host: str) -> dict[str, Any]:
        """Take commits back, and tell which and what they had changed."""
        target = Target(**{name: options[name] for name in ("commit_id", "label", "before_label", "last")})
        rollback = plan_rollback(read_commits(session), target)
        changes = reversed_changes(changes_of_last(session, len(rollback.commits)))
        if not changes_anything(changes):
            # It was taken back already: by an earlier run that could not tell so, or by hand.
            return {"changed": False, "commits": [], "outcome": "unchanged"}
        others = commits_of_others(rollback, target, str(self._connection.get_option("remote_user") or ""))
        if others and not options["rollback_others"]:
            raise UserError(
                "The rollback would also take back commits that are not yours:\n"
                + "\n".join(described(commit) for commit in others)
                + "\nSet rollback_others to true to take them back as well."
            )
        result: dict[str, Any] = {
            "changed": True,
            "commits": [told_commit(commit) for commit in rollback.commits],
            "outcome": "rolled_back",
        }
        result["diff"] = {"prepared": "".join(f"{line}\n" for line in (f"--- {host}: {rollback.command}", *changes))}
        if not self._task.check_mode:
            result["commit"] = {"id": roll_back(session, rollback)}
        return result


def refuse_wrong_options(options: Mapping[str, Any]) -> None:
    """What the argument specification can't say, in the user's words. Raises UserError."""
    if options["last"] is not None and options["last"] < 1:
        raise UserError(f"last: {options['last']} has to be 1 or more.")
    commit_id = options["commit_id"]
    if commit_id is not None and not (commit_id.isascii() and commit_id.isdecimal() and len(commit_id) == 10):
        raise UserError(f"commit_id: {commit_id!r} has to be ten digits, such as 1000000123.")
    for name in ("label", "before_label"):
        label = options[name]
        if label is not None and not is_label(label):
            raise UserError(f"{name}: {label!a} is no label that a commit can have.")


def changes_anything(lines: Iterable[str]) -> bool:
    """Whether any of the lines is more than context."""
    return any(line[:1] in ("+", "-") for line in lines)


def commits_of_others(rollback: Rollback, target: Target, user: str) -> list[Commit]:
    """The commits that go although neither this user nor the run of this label made them."""
    return [
        commit
        for commit in rollback.commits
        if commit.label != target.before_label
        if (target.before_label is not None or commit.user != user)
    ]


def described(commit: Commit) -> str:
    """A commit in one line."""
    label = f", label {commit.label}" if commit.label else ""
    description = f": {commit.description}" if commit.description else ""
    return f"{commit.commit_id} by {commit.user or 'unknown'} at {commit.time} ({commit.kind}{label}){description}"


def told_commit(commit: Commit) -> dict[str, Any]:
    """A commit as data."""
    told = dataclasses.asdict(commit)
    told["id"], told["type"] = told.pop("commit_id"), told.pop("kind")
    if commit.changes is None:
        del told["changes"]
    else:
        told["changes"] = list(commit.changes)
    return told


def told_trial(trial: Trial | None) -> dict[str, Any] | None:
    """A trial as data."""
    return None if trial is None else dataclasses.asdict(trial)
