# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the folder that the option ``src`` names on the controller; everything else happens in the module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.private import arguments_stay_in_memory

LEFT_OUT = {"__pycache__", "tests"}


def read_tree(source: Path) -> dict[str, str]:
    """Names, starting with the folder's own, and contents of the text files in a folder of the controller."""
    return {
        str(Path(source.name) / path.relative_to(source)): path.read_text(encoding="utf-8")
        for path in sorted(source.rglob("*"))
        if path.is_file() and not LEFT_OUT.intersection(path.relative_to(source).parts)
    }


def reason(action: ActionBase) -> str:
    """Why Ansible has to copy a module to the host before it runs it."""
    become = getattr(action._connection, "become", None)
    if become is not None and become.name == "su":
        return "become_method su needs a terminal"
    return (
        f"the connection {action._connection.transport} does no pipelining here (ansible_pipelining, "
        "ANSIBLE_KEEP_REMOTE_FILES)"
    )


class ActionModule(ActionBase):  # type: ignore[misc]
    """Completes the option ``files`` and runs the module of the same name on the host."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        source = arguments.pop("src", None)
        if source:
            arguments["files"] = {**self._tree(source), **(arguments.get("files") or {})}
        if arguments.get("secrets") and not arguments_stay_in_memory(self):
            raise AnsibleActionFail(
                f"secrets: they would stand in temporary files on host and controller, since {reason(self)}. "
                "Nothing was written. Use become_method sudo and a connection with pipelining, such as ssh."
            )
        result.update(
            self._execute_module(
                module_name="timecast.ntp_multicast.ntp_multicast_engine_files",
                module_args=arguments,
                task_vars=task_vars,
            )
        )
        return result

    def _tree(self, source: str) -> dict[str, str]:
        try:
            folder = Path(self._find_needle("files", source))
            return read_tree(folder)
        except (AnsibleError, OSError, UnicodeDecodeError) as error:
            raise AnsibleActionFail(f"src '{source}': {error}") from error
