# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may drift: patterns of hosts and lines that are told but fail nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from .document import Finding, FindingKind

# Nothing was seen of such a host, so that nothing of it can be allowed.
_NEVER = frozenset({FindingKind.UNREACHABLE, FindingKind.FAILED, FindingKind.NOT_SYNCHRONISED})
_PATTERNS = ("host", "line")
_OPEN_SET = re.compile(r"\[(?!!?\]?[^\]]*\])")


@dataclass(frozen=True)
class Allowed:
    """Shell patterns of a host's name and of a finding's line."""

    host: str = "*"
    line: str = "*"

    @classmethod
    def of(cls, value: Any) -> Allowed:
        """One entry of ntp_multicast_drift_allowed."""
        entry = value if isinstance(value, Mapping) else {"line": value}
        return cls(str(entry.get("host") or "*"), str(entry.get("line") or "*"))

    def names(self, host: str, finding: Finding) -> bool:
        """Whether this allows a finding on a host."""
        return finding.kind not in _NEVER and fnmatchcase(host, self.host) and fnmatchcase(finding.line, self.line)


def allowed_problems(value: Any, name: str) -> Iterator[str]:
    """What is wrong with ntp_multicast_drift_allowed: an entry that was meant for little, and would allow all."""
    for number, entry in enumerate(value if isinstance(value, (list, tuple)) else ()):
        if not isinstance(entry, Mapping):
            continue  # its type is told already
        place = f"{name}[{number}]"
        given = [key for key in _PATTERNS if key in entry]
        if not given:
            yield f"{place}: it names neither host nor line, so that all drift would be allowed. Name at least one."
        for key in given:
            pattern = str("" if entry[key] is None else entry[key])
            if not pattern.strip():
                yield f"{place}.{key}: it is empty. Write a pattern, '*' for any {key}, or leave {key} away."
            elif _OPEN_SET.search(pattern):
                yield f"{place}.{key}: '{pattern}' has a '[' without its ']'. Write '[[]' for the character."


def marked(host: str, findings: Iterable[Finding], allowed: Iterable[Allowed]) -> tuple[Finding, ...]:
    """The findings of a host, those marked that are allowed."""
    patterns = tuple(allowed)
    return tuple(
        replace(finding, allowed=any(pattern.names(host, finding) for pattern in patterns)) for finding in findings
    )
