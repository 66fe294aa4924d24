# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may drift: patterns of hosts and lines that are told but fail nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from .document import Finding, FindingKind

# Nothing was seen of such a host, so that nothing of it can be allowed.
_NEVER = frozenset({FindingKind.UNREACHABLE, FindingKind.FAILED, FindingKind.NOT_SYNCHRONISED})


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


def marked(host: str, findings: Iterable[Finding], allowed: Iterable[Allowed]) -> tuple[Finding, ...]:
    """The findings of a host, those marked that are allowed."""
    patterns = tuple(allowed)
    return tuple(
        replace(finding, allowed=any(pattern.names(host, finding) for pattern in patterns)) for finding in findings
    )
