# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong and where: the findings of all hosts, equal ones told once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..document import WELL, Finding, FindingKind, Host, State
from .texts import natural

LABELS: Mapping[FindingKind, str] = {
    FindingKind.FAILED: "Not checked",
    FindingKind.UNREACHABLE: "Unreachable",
    FindingKind.NOT_SYNCHRONISED: "Not synchronised",
    FindingKind.SERVICE_NOT_RUNNING: "Service not running",
    FindingKind.KEY_CHANGED: "Key changed on device",
    FindingKind.KEY_FILE_CHANGED: "Key file changed",
    FindingKind.KEY_TO_WRITE: "Key to write",
    FindingKind.LINE_MISSING: "Line missing",
    FindingKind.LINE_DIFFERENT: "Line differs",
    FindingKind.LINE_EXTRA: "Extra line",
    FindingKind.CONFIGURATION_CHANGED: "Configuration changed",
    FindingKind.UNIT_CHANGED: "Unit changed",
    FindingKind.ENGINE_CHANGED: "Engine's files changed",
    FindingKind.HOST_CHANGED: "Host's settings changed",
    FindingKind.KEY_NOT_COMPARED: "Key not compared",
}
"""Two or three words for each kind, the gravest first."""

STATE_OF_KIND: Mapping[FindingKind, State] = {
    FindingKind.FAILED: State.FAILED,
    FindingKind.UNREACHABLE: State.UNREACHABLE,
    FindingKind.NOT_SYNCHRONISED: State.UNSYNCHRONISED,
    FindingKind.KEY_NOT_COMPARED: State.KEYS_NOT_COMPARED,
}
"""The state that a finding of this kind makes of its host; DRIFTED for all others."""
KIND_OF_STATE: Mapping[State, FindingKind] = {state: kind for kind, state in STATE_OF_KIND.items()}

_SAID_BY_LABEL = frozenset(
    {
        FindingKind.LINE_MISSING,
        FindingKind.LINE_EXTRA,
        FindingKind.KEY_CHANGED,
        FindingKind.KEY_FILE_CHANGED,
        FindingKind.KEY_NOT_COMPARED,
        FindingKind.SERVICE_NOT_RUNNING,
    }
)
_GRAVITY = {kind: place for place, kind in enumerate(LABELS)}
_BOTH_SIDES = re.compile(r"the device has '(?P<has>.*)', described is '(?P<described>.*)'\.")
_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")


@dataclass(frozen=True)
class GroupedFinding:
    """One finding with all the hosts that have it.

    Attributes:
        alike: whether the hosts have it with other numbers, so that its text is one of many.
    """

    kind: FindingKind
    line: str
    text: str
    allowed: bool
    hosts: tuple[str, ...]
    alike: bool

    @property
    def label(self) -> str:
        return LABELS[self.kind]

    @property
    def about(self) -> str:
        return about_line(self.kind, self.line, self.text)

    @property
    def sides(self) -> tuple[str, str] | None:
        return both_sides(self.about)

    @property
    def state(self) -> State:
        return STATE_OF_KIND.get(self.kind, State.DRIFTED)


def about_line(kind: FindingKind, line: str, text: str) -> str:
    """What a sentence tells beyond the label and the line that stand beside it."""
    if kind in _SAID_BY_LABEL:
        return ""
    return text[len(line) :].lstrip(": ") if line and text.startswith(line) else text


def both_sides(about: str) -> tuple[str, str] | None:
    """What a device has and what is described, where a sentence tells just that."""
    found = _BOTH_SIDES.fullmatch(about)
    return (found["has"], found["described"]) if found else None


def findings_of(host: Host) -> tuple[Finding, ...]:
    """What is wrong with a host; one that is not well always has something to tell."""
    if host.findings or host.state in WELL:
        return host.findings
    kind = KIND_OF_STATE.get(host.state, FindingKind.HOST_CHANGED)
    return (Finding(kind=kind, line="", text=host.reason, allowed=host.allowed),)


def grouped(hosts: Iterable[Host]) -> list[GroupedFinding]:
    """The findings, the gravest first, of equal gravity those of most hosts first; what is allowed last."""
    found: dict[tuple[FindingKind, bool, str, str], list[tuple[str, Finding]]] = {}
    for host in hosts:
        for finding in findings_of(host):
            # Lines are what was configured; sentences differ in the addresses and seconds that they happen to name.
            about = finding.line or _NUMBER.sub("0", finding.text.replace(host.name, ""))
            told = finding.text.replace(host.name, "") if finding.line else ""
            found.setdefault((finding.kind, finding.allowed, about, told), []).append((host.name, finding))
    return sorted(
        map(_group, found.values()), key=lambda group: (group.allowed, _GRAVITY[group.kind], -len(group.hosts))
    )


def _group(members: Sequence[tuple[str, Finding]]) -> GroupedFinding:
    finding = members[0][1]
    return GroupedFinding(
        kind=finding.kind,
        line=finding.line,
        text=finding.text,
        allowed=finding.allowed,
        hosts=tuple(sorted({name for name, _finding in members}, key=natural)),
        alike=len({inner.text for _name, inner in members}) > 1,
    )
