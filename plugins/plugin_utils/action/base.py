# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins for VRP devices have in common: options in, a clean result out, errors as failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..ntp.errors import NtpMulticastError, UserError
from ..vrp.transaction import Logins
from .before_fork import VRP_SSH, load_connection
from .failure import cut_short, failure
from .private import TIMEOUT_ERROR
from .words import Words

load_connection()


class VrpAction(ActionBase):  # type: ignore[misc]
    """An action plugin that works on a VRP device, or on a text, in the process that runs the task."""

    UNMASKED_RESULTS: frozenset[str] = frozenset()

    _requires_connection = False
    SPECIFICATION: Mapping[str, Any] = {}
    VALIDATOR = ArgumentSpecValidator({})

    def __init_subclass__(cls) -> None:
        # Made when the plugin is loaded, before Ansible forks: a copy of the whole specification for each device costs.
        super().__init_subclass__()
        cls.VALIDATOR = ArgumentSpecValidator(**cls.SPECIFICATION)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the options, work, and return a result without secrets."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        result["changed"] = False
        if result.get("failed") or result.get("skipped"):
            return result
        validation = self.VALIDATOR.validate(self.arguments(task_vars or {}))
        secrets = validation._no_log_values
        if validation.error_messages:
            return scrubbed({**result, "failed": True, "msg": ". ".join(validation.error_messages)}, secrets)
        options = validation.validated_parameters
        work = Work(lambda: self.work(options, task_vars or {}), secrets, Words.of(options))
        return {**result, **work.result(self.UNMASKED_RESULTS, self._task.timeout)}

    def arguments(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the task, before they are validated."""
        return dict(self._task.args)

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the validated options ask for; the keys of the result. Raises NtpMulticastError for a failure."""
        raise NotImplementedError

    def logins(self) -> Logins:
        """The connection of the task. Raises UserError when it is not one to a VRP device."""
        transport = getattr(self._connection, "transport", None)
        if transport != VRP_SSH:
            raise UserError(
                f"A VRP device is reached with ansible_connection={VRP_SSH}, but this host has '{transport}'. "
                "Only the states rendered and parsed need no device."
            )
        return cast(Logins, self._connection)


@dataclass(frozen=True)
class Work:
    """What is to be done on a device, and how its end is told. Nothing secret comes out of it."""

    do: Callable[[], dict[str, Any]]
    secrets: set[str]
    words: Words

    def result(self, unmasked: frozenset[str] = frozenset(), timeout: int = 0) -> dict[str, Any]:
        """The result of a task; an NtpMulticastError as a failure.

        Args:
            unmasked: keys of the result that are not to be masked.
            timeout: the task's own, in seconds.
        """
        result: dict[str, Any] = {"changed": False}
        try:
            result.update(self.do())
        except NtpMulticastError as error:
            result.update(failure(error, TIMEOUT_ERROR, timeout))
        except TIMEOUT_ERROR:
            result.update(cut_short(timeout))
        kept = {name: result.pop(name) for name in unmasked & set(result)}
        if "msg" in result:
            result["msg"] = self.words.said(result["msg"])
        if "warnings" in result:
            result["warnings"] = [self.words.said(warning) for warning in result["warnings"]]
        return {**scrubbed(result, self.secrets), **kept}


def scrubbed(result: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
    """The result with every secret in its texts masked."""
    return cast(dict[str, Any], remove_values(result, secrets))
