# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts: recognised by the device's own name, never by the shape of brackets (facts 3.1, 4.1 item 5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...ntp.interface_names import interface_key

# Facts 3.1 and 9.2: `HRP_M<FW1>`, `HRP-A<FW1>` on older releases.
_FIREWALL_ROLE = r"(?:(?i:HRP[_-][A-Z]{1,8}) ?)?"
_ROLE = re.compile(_FIREWALL_ROLE)
_MARKS = ("~", "*", "")
_VIEW = re.compile(r"(?:-(?P<view>[^\[\]]+))?\]")
_ANY_USER_VIEW = re.compile(rf"{_FIREWALL_ROLE}<(?P<sysname>[^<>\r\n]{{1,246}})>\s*")
# At the login a name may hold what else limits it, and any mark may stand before it: the prompt has to come twice.
_FIRST_PROMPT = re.compile(r"(?P<lead>[\w()\[\]:./%*~+-]{0,24} ?)<(?P<sysname>[^\r\n]{1,246})>\s*")
_ANY_SYSTEM_VIEW = re.compile(rf"{_FIREWALL_ROLE}\[(?P<mark>[~*])(?P<sysname>[^\[\]\r\n]{{1,246}})\]\s*")


@dataclass(frozen=True)
class Prompt:
    """Where the session stands.

    system: False in the user view, True in the system view and below it
    mark: "~" nothing pending, "*" lines pending, "" no candidate (user view, or configuration takes effect at once)
    view: what follows the name, "" in the user and the system view, else e.g. "100GE1/0/1"
    """

    system: bool
    mark: str = ""
    view: str = ""

    @property
    def pending(self) -> bool:
        return self.mark == "*"

    @property
    def two_stage(self) -> bool:
        return self.mark != ""

    @property
    def view_name(self) -> str:
        """`user`, `system`, or what the prompt shows behind the name."""
        return self.view or ("system" if self.system else "user")


USER_VIEW = Prompt(system=False)


class PromptMatcher:
    """Tells whether a line is, or begins with, a prompt of the device that calls itself `sysname`.

    lead: what stood before the name's bracket at the login, such as the role of a firewall; it may go and come
    """

    def __init__(self, sysname: str, lead: str = "") -> None:
        self.sysname = sysname
        self.lead = lead
        self._user_view = f"<{sysname}>"

    def match(self, line: str) -> Prompt | None:
        """The prompt that this whole line is, or None."""
        prompt, end = self._begun(line)
        return prompt if end == len(line) else None

    def behind(self, line: str) -> str | None:
        """What follows the prompt that the line begins with, "" for a bare prompt, None when it begins with none."""
        prompt, end = self._begun(line)
        return None if prompt is None else line[end:]

    def _begun(self, line: str) -> tuple[Prompt | None, int]:
        """The prompt that the line begins with, and where it ends. Without a pattern: one would be made anew for each
        device."""
        role = _ROLE.match(line)
        start = role.end() if role else 0
        if self.lead and line.startswith(self.lead):
            start = len(self.lead)
        if line.startswith(self._user_view, start):
            return USER_VIEW, start + len(self._user_view)
        if not line.startswith("[", start):
            return None, 0
        for mark in (line[start + 1 : start + 2], ""):
            end = start + 1 + len(mark) + len(self.sysname)
            if mark in _MARKS and line.startswith(self.sysname, start + 1 + len(mark)):
                view = _VIEW.match(line, end)
                if view:
                    return Prompt(system=True, mark=mark, view=view["view"] or ""), view.end()
        return None, 0


def matcher_of_first_prompt(line: str) -> PromptMatcher | None:
    """For a line that may be the first prompt: what knows the prompts of that device."""
    found = _FIRST_PROMPT.fullmatch(line)
    return PromptMatcher(found["sysname"], found["lead"]) if found else None


def sysname_of_user_view(line: str) -> str | None:
    """The name in a line that may be the prompt of the user view of a device whose name is not known yet."""
    found = _ANY_USER_VIEW.fullmatch(line)
    return found["sysname"] if found else None


def begins_as_user_view(line: str) -> bool:
    """Whether a line begins as with the prompt of the user view; other text may stand behind it."""
    return _ANY_USER_VIEW.match(line) is not None


def sysname_of_system_view(line: str) -> str | None:
    """The name in a line that may be the prompt of the system view after the device was given another name."""
    found = _ANY_SYSTEM_VIEW.fullmatch(line)
    return found["sysname"] if found else None


def same_view(interface: str, view: str) -> bool:
    """Whether the view of a prompt is that of the interface, which has more than one spelling (facts 2.1 and 9.4)."""
    return interface_key(interface) == interface_key(view)
