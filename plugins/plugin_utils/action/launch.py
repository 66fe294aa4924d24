# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for at the launch of one run, by the survey of an automation controller.

The answers of a survey come as extra variables, which go before all of the inventory. So each has a name of its own,
and one answer that asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREFIX = "ntp_multicast_launch_"
AS_DESCRIBED = "as described"
SETTINGS = ("state", "save", "update_secrets")
COMMIT_SETTINGS = ("trial", "label", "confirm")
NAMES = tuple(f"{PREFIX}{name}" for name in (*SETTINGS, *COMMIT_SETTINGS))


def asks_for_nothing(value: Any) -> bool:
    """Whether an answer leaves it at what the inventory describes."""
    return value is None or str(value).strip() in ("", AS_DESCRIBED)


def at_launch(settings: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a host with the answers of the launch before them.

    Args:
        settings: by the names of the module's options.
        answers: by the names of the variables, templates resolved.
    """
    asked = {
        name: answers[PREFIX + name]
        for name in (*SETTINGS, *COMMIT_SETTINGS)
        if not asks_for_nothing(answers.get(PREFIX + name))
    }
    commit = {name: _number_if_it_is_one(asked[name]) for name in COMMIT_SETTINGS if name in asked}
    found = {**settings, **{name: asked[name] for name in SETTINGS if name in asked}}
    return {**found, "commit": {**(settings.get("commit") or {}), **commit}} if commit else found


def _number_if_it_is_one(value: Any) -> Any:
    """Surveys and command lines have texts for numbers."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value
