# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_COMMAND
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.masking import mask
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.failure import in_doubt
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.free_commands import (
    Command,
    Condition,
    Writing,
    refuse_writing,
    run_until,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.outcome import Outcome
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.questions import ExpectedQuestion


class ActionModule(VrpAction):
    """Commands of the user view, and waiting for what they show."""

    SPECIFICATION = VRP_COMMAND

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Run the commands until they show what is waited for, or the time is over."""
        refuse_numbers(options)
        commands = commands_of(options)
        conditions = conditions_of(options, len(commands))
        if options["read_only"]:
            refuse_writing(commands)
        writes = not all(command.reads_only for command in commands)
        if writes and self._task.check_mode:
            return {"changed": True, "skipped": True, "msg": "Check mode sends no command that may change the device."}
        session = self.logins().session()
        end: float = time.monotonic() + options["timeout"]

        def pause() -> bool:
            left = end - time.monotonic()
            if left > 0:
                session.pause(min(options["interval"], left))
            return left > 0

        writing = Writing(session)
        with in_doubt(Outcome.IMMEDIATE, holds=lambda _error: writing.begun):
            texts, missing = run_until(commands, conditions, lambda command: mask(writing.run(command).text), pause)
        result: dict[str, Any] = {
            "changed": writes,
            "stdout": list(texts),
            "stdout_lines": [text.split("\n") for text in texts],
        }
        if missing:
            result["failed"] = True
            result["unmet"] = [str(condition) for condition in missing]
            result["msg"] = f"After {options['timeout']} seconds this does not hold: {'; '.join(result['unmet'])}."
        return result


def refuse_numbers(options: Mapping[str, Any]) -> None:
    """Raise UserError for seconds that are none."""
    for name, least in (("timeout", 0), ("interval", 1)):
        if options[name] < least:
            raise UserError(f"{name}: {options[name]} is not allowed. It has to be {least} or more.")


def commands_of(options: Mapping[str, Any]) -> list[Command]:
    """The commands with their answers. Raises UserError where there are none."""
    if not options["commands"]:
        raise UserError("commands: the list is empty, so nothing would be asked. Name at least one command.")
    return [
        Command(
            entry["command"],
            tuple(ExpectedQuestion(answer["question"], answer["answer"]) for answer in entry["answers"] or ()),
        )
        for entry in options["commands"]
    ]


def conditions_of(options: Mapping[str, Any], count: int) -> list[Condition]:
    """What is waited for. Raises UserError for a condition that can't be judged."""
    conditions = []
    for position, entry in enumerate(options["wait_for"] or (), 1):
        number = entry["command"]
        if not 1 <= number <= count:
            raise UserError(f"wait_for[{position}].command: {number} is none of the {count} commands.")
        if entry["contains"] is entry["lacks"] is entry["matches"] is None:
            raise UserError(f"wait_for[{position}] needs contains, lacks or matches.")
        for name in ("contains", "lacks", "matches"):
            if entry[name] == "":
                raise UserError(f"wait_for[{position}].{name} is empty, and an empty text is in every answer.")
        try:
            pattern = re.compile(entry["matches"]) if entry["matches"] is not None else None
        except re.error as error:
            raise UserError(
                f"wait_for[{position}].matches: '{entry['matches']}' is no regular expression: {error}."
            ) from error
        conditions.append(Condition(number, entry["contains"], entry["lacks"], pattern))
    return conditions
