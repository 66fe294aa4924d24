# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names in messages are those that the user wrote: options of the module, or variables of the role."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE_PREFIX = "ntp_multicast_"
# How the rooms below name options in their sentences. Words of everyday language such as `lock` are not among them.
_NAMED = re.compile(
    r"(?<![\w.])(?:(?P<section>authentication\.(?=\w)|server\.(?=(?:enabled|listen|reference_stratum|upstream)\b)|interfaces(?=:|\[))"
    r"|(?P<setting>allow_immediate|update_secrets|commit\.(?=trial|label|description|confirm))\b"
    r"|(?P<state>state (?=merged|replaced|overridden|deleted)))"
)


@dataclass(frozen=True)
class Words:
    """How the user named what the options say. variables: whether they came from the variables of the role."""

    variables: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Words:
        """Those of validated options."""
        return cls(bool(options.get("from_variables")))

    @property
    def section_prefix(self) -> str:
        """What stands before the name of a section."""
        return VARIABLE_PREFIX if self.variables else "config."

    def option(self, name: str) -> str:
        """The name of a setting."""
        return f"{VARIABLE_PREFIX}{name}" if self.variables else name

    def said(self, message: str) -> str:
        """A message of the rooms below with the names that the user wrote."""
        return _NAMED.sub(self._named, message)

    def _named(self, found: re.Match[str]) -> str:
        if found["section"]:
            return f"{self.section_prefix}{found['section']}"
        if found["setting"]:
            return self.option(found["setting"])
        return f"{self.option('state')} " if self.variables else found["state"]
