# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of vrp_ntp_multicast ask of one device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ntp import validation
from ..ntp.errors import UserError
from ..ntp.key_memory import KeyMemory
from ..ntp.options_codec import configuration_from_options
from ..ntp.plan import State, UpdateSecrets
from ..vrp.candidate import CommitSettings
from ..vrp.commit_rules import commit_problems, run_id_problems, save_problems
from ..vrp.confirmation import Confirm
from ..vrp.dialect import Dialect
from ..vrp.retry import RetryPolicy
from ..vrp.transaction import Request, Save
from .words import Words


def refuse_problems(options: Mapping[str, Any]) -> None:
    """Raise UserError with all that is wrong with the validated options."""
    words = Words.of(options)
    problems = validation.problems(
        options["config"],
        platform="vrp",
        state=options["state"],
        prefix=words.section_prefix,
        update_secrets=options["update_secrets"],
    )
    commit = options["commit"] or {}
    problems += commit_problems(commit, words.option("commit"))
    problems += run_id_problems(options.get("run_id"), words.option("run_id"))
    problems += save_problems(commit, options["save"], words.option("save"))
    if problems:
        raise UserError("\n".join(str(problem) for problem in problems))


def warnings_about(options: Mapping[str, Any]) -> list[str]:
    """What is allowed, but better done otherwise."""
    prefix = Words.of(options).section_prefix
    return [str(warning) for warning in validation.warnings(options["config"], platform="vrp", prefix=prefix)]


def request_from_options(
    options: Mapping[str, Any], memory: Mapping[int, KeyMemory], *, check: bool, retry: RetryPolicy
) -> Request:
    """The validated options as a request.

    Args:
        options: of the module, with their defaults.
        memory: what is remembered of the device's keys.
        check: whether only to tell what would be done.
        retry: how long to bear with locks.
    """
    return Request(
        wanted=configuration_from_options(options["config"]),
        state=State(options["state"]),
        update_secrets=UpdateSecrets(options["update_secrets"]),
        memory=memory,
        dialect=chosen_dialect(options),
        check=check,
        save=Save(options["save"]),
        lock=options["lock"],
        allow_immediate=options["allow_immediate"],
        commit=commit_settings(commit_of(options)),
        retry=retry,
    )


def commit_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the commit carries; without a label of the user's, that of the run."""
    commit = dict(options["commit"] or {})
    if commit.get("label") is None and options.get("run_id"):
        commit |= {"label": options["run_id"], "label_may_go": True}
    return commit


def commit_settings(commit: Mapping[str, Any]) -> CommitSettings:
    """The option `commit`, validated."""
    given = {name: value for name, value in commit.items() if value is not None}
    return CommitSettings(**{**given, "confirm": Confirm(given.get("confirm", Confirm.LOGIN.value))})


def chosen_dialect(options: Mapping[str, Any]) -> Dialect | None:
    """The dialect that the user named, None to go by the device or the text."""
    return Dialect(options["dialect"]) if options["dialect"] else None
