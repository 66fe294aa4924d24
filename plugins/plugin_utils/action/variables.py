# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a task, taken from the variables of the role ntp_multicast.

Ansible compiles each template of a task anew for each host: seven of them took longer than to log in, to read a device
and to plan. A value that is no template costs nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import launch

_PREFIX = "ntp_multicast_"
SECTIONS = ("authentication", "server", "interfaces")
SETTINGS = ("state", "update_secrets", "save", "lock", "allow_immediate", "commit", "run_id", "key_memory_file")


def options_from_variables(variables: Mapping[str, Any], templar: Any) -> dict[str, Any]:
    """The options that the variables ask for; what is not set, or is empty, is left out.

    Args:
        variables: the variables of the task's host, with their templates.
        templar: Ansible's templar for this host, with the method ``template``.

    Raises:
        AnsibleError: a template in one of the variables cannot be resolved.
    """
    config = _values(variables, SECTIONS, templar)
    settings = _values(variables, SETTINGS, templar)
    if not settings.get("commit"):
        settings.pop("commit", None)
    answers = {name: templar.template(variables[name]) for name in launch.NAMES if name in variables}
    return {"config": config, **launch.at_launch(settings, answers)}


def _values(variables: Mapping[str, Any], names: tuple[str, ...], templar: Any) -> dict[str, Any]:
    found = {name: templar.template(variables[_PREFIX + name]) for name in names if _PREFIX + name in variables}
    return {name: value for name, value in found.items() if value is not None}
