# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document of drift: every host as its results in check mode show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .allowed import Allowed, marked
from .bounds import DIFF_LINES_MOST, FINDINGS_MOST, first_of, said
from .commits import commits_of_others
from .document import (
    Document,
    Domain,
    Finding,
    FindingKind,
    Host,
    Kind,
    Location,
    Platform,
    State,
    counts_of,
    exit_code_of,
)
from .findings import finding, findings_of, keys_changed
from .judgement import HostDrift, drift_of_host, named_results


@dataclass(frozen=True)
class Seen:
    """What is known of a host before it is told.

    results: of its tasks in check mode
    commits: the result of a listing of its commits, and user the account that listed them
    """

    name: str
    platform: Platform
    results: Sequence[Any] = ()
    allowed: tuple[Allowed, ...] = ()
    commits: Mapping[str, Any] | None = None
    user: str = ""
    location: Location | None = None


@dataclass(frozen=True)
class About:
    """What is known of a run: when, and by which id."""

    generated: str
    run_id: str


def drift_document(
    seen: Iterable[Seen], about: About, domain: Domain | None = None, *, keys_count: bool = False
) -> Document:
    """The document over these hosts. keys_count: whether a key that can't be compared fails its host."""
    hosts = tuple(drifted_host(entry, keys_count=keys_count) for entry in seen)
    return Document(
        kind=Kind.DRIFT,
        generated=about.generated,
        run_id=about.run_id,
        exit_code=exit_code_of(hosts, keys_count=keys_count),
        counts=counts_of(Kind.DRIFT, hosts),
        allowed=sum(host.allowed for host in hosts),
        keys_count=keys_count,
        hosts=hosts,
        domain=domain or Domain(),
    )


def drifted_host(seen: Seen, *, keys_count: bool = False) -> Host:
    """One host of the document."""
    judged = drift_of_host(seen.results)
    state = State(judged.status)
    results = list(named_results(seen.results))
    findings = marked(seen.name, _findings(seen.name, judged, state, findings_of(seen.name, results)), seen.allowed)
    diff, diff_left_off = first_of(map(said, judged.diff), DIFF_LINES_MOST)
    kept, left_off = first_of(findings, FINDINGS_MOST)
    return Host(
        name=seen.name,
        platform=seen.platform,
        state=state,
        allowed=_is_allowed(findings, keys_count),
        reason=_reason(findings),
        findings=kept,
        findings_left_off=left_off,
        diff=diff,
        diff_left_off=diff_left_off,
        keys_changed=keys_changed(results),
        keys_not_compared=tuple(judged.keys_not_compared),
        commits=None if seen.commits is None else commits_of_others(seen.commits, seen.user),
        location=seen.location,
    )


def _findings(name: str, judged: HostDrift, state: State, found: list[Finding]) -> list[Finding]:
    """What is found of a host; of one that was not seen as a whole, only that."""
    if state is State.UNREACHABLE:
        return [finding(name, FindingKind.UNREACHABLE, "", judged.message)]
    if state is State.FAILED:
        return [finding(name, FindingKind.FAILED, "", judged.message)]
    return found


def _is_allowed(findings: Sequence[Finding], keys_count: bool) -> bool:
    """Whether nothing of it fails the host, thanks to what is allowed."""
    fails = [
        entry
        for entry in findings
        if not entry.allowed and (keys_count or entry.kind is not FindingKind.KEY_NOT_COMPARED)
    ]
    return not fails and any(entry.allowed for entry in findings)


def _reason(findings: Sequence[Finding]) -> str:
    more = len(findings) - 1
    return (findings[0].text + (f" And {more} more." if more > 0 else "")) if findings else ""
