# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page shows, worked out from the document, so that the template has nothing to decide."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..document import STATES, WELL, Commit, Document, Finding, Host, Kind, Platform, State
from .domain_map import DomainMap, domain_map
from .graph import graph_of, severity
from .grouping import LABELS, GroupedFinding, about_line, both_sides, findings_of, grouped
from .offsets import OffsetPlot, Sparkline, offset_plot, offset_text, size_text, sparkline
from .texts import natural, ranges, several, slugs

STATE_TEXTS: Mapping[State, str] = {
    State.IN_SYNC: "in sync",
    State.DRIFTED: "drifted",
    State.KEYS_NOT_COMPARED: "keys not compared",
    State.SYNCHRONISED: "synchronised",
    State.UNSYNCHRONISED: "not synchronised",
    State.UNREACHABLE: "unreachable",
    State.FAILED: "failed",
}
PLATFORM_TEXTS: Mapping[Platform, str] = {
    Platform.VRP: "VRP",
    Platform.LINUX: "Linux",
    Platform.UNKNOWN: "unknown",
}
_MOST_FINDINGS = 9
_MOST_COMMITS = 7
_MOST_SOURCES = 8
_MOST_RANGES = 4
_OPEN_CARDS = 12
_SHOWN_DIFF = 200


@dataclass(frozen=True)
class Count:
    """How many hosts are in a state, with their share of all in thousandths."""

    state: State
    text: str
    number: int
    share: int


@dataclass(frozen=True)
class Platforms:
    """How many hosts of a platform are in each state, in the order of the columns."""

    text: str
    numbers: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class Trouble:
    """A finding with its hosts, as the first table of the page shows it."""

    finding: GroupedFinding
    where: str
    hosts: str
    first: str


@dataclass(frozen=True)
class CommitRow:
    """What somebody committed on one device or, in the same way, on several. commit: the last of them."""

    where: str
    hosts: str
    first: str
    devices: int
    number: int
    commit: Commit


@dataclass(frozen=True)
class Followed:
    """A source, how many hosts follow it, and the median of their offsets, whatever the sign."""

    source: str
    hosts: int
    offset: str


@dataclass(frozen=True)
class DiffLine:
    """A line of a unified diff. kind: add, remove, place or same."""

    kind: str
    text: str


@dataclass(frozen=True)
class FindingText:
    """A finding in the card of its host."""

    label: str
    finding: Finding
    about: str
    sides: tuple[str, str] | None


@dataclass(frozen=True)
class Card:
    """All about one host."""

    host: Host
    anchor: str
    number: int
    state_text: str
    platform: str
    headline: str
    reason: str
    follows: str
    stratum: str
    offset: str
    offset_size: float
    severity: int
    open: bool
    findings: tuple[FindingText, ...]
    diff: tuple[DiffLine, ...]
    diff_left_off: int
    sends: tuple[str, ...]
    listens: tuple[str, ...]
    sparkline: Sparkline | None


@dataclass(frozen=True)
class Page:
    """The whole page."""

    document: Document
    title: str
    verdict: str
    well: bool
    subtitle: str
    counts: tuple[Count, ...]
    columns: tuple[Count, ...]
    platforms: tuple[Platforms, ...]
    troubles: tuple[Trouble, ...]
    more_troubles: tuple[Trouble, ...]
    commits: tuple[CommitRow, ...]
    commits_left_off: int
    commits_asked: bool
    followed: tuple[Followed, ...]
    map: DomainMap | None
    offsets: OffsetPlot | None
    cards: tuple[Card, ...]
    places: Mapping[str, str]

    @property
    def verify(self) -> bool:
        return self.document.kind is Kind.VERIFY


def page_of(document: Document) -> Page:
    """The page of a document, whose texts are visible already."""
    ordered = sorted(document.hosts, key=lambda host: (severity(host.state), host.allowed, natural(host.name)))
    anchors = {
        name: f"host-{slug}" for name, slug in zip((host.name for host in ordered), slugs([h.name for h in ordered]))
    }
    places = {host.name: number for number, host in enumerate(ordered)}
    troubles = [_trouble(finding, anchors, places) for finding in grouped(document.hosts)]
    commits = _commits(document.hosts, anchors, places)
    drawn = domain_map(graph_of(document), lambda state: STATE_TEXTS[state])
    return Page(
        document=document,
        title="Synchronisation" if document.kind is Kind.VERIFY else "Drift",
        verdict=_verdict(document),
        well=_bad(document) == 0 and bool(document.hosts),
        subtitle=_subtitle(document),
        counts=_counts(document),
        columns=tuple(count for count in _counts(document) if count.number),
        platforms=_platforms(document),
        troubles=tuple(troubles[:_MOST_FINDINGS]),
        more_troubles=tuple(troubles[_MOST_FINDINGS:]),
        commits=tuple(commits[:_MOST_COMMITS]),
        commits_left_off=max(0, len(commits) - _MOST_COMMITS)
        + sum(host.commits.left_off for host in document.hosts if host.commits),
        commits_asked=any(host.commits for host in document.hosts),
        followed=tuple(_followed(document.hosts)),
        map=drawn,
        offsets=offset_plot(document),
        cards=tuple(_cards(document, ordered, anchors)),
        places={box.key: _numbers(box.hosts, places) for box in drawn.boxes} if drawn else {},
    )


def _bad(document: Document) -> int:
    return sum(host.state not in WELL and not host.allowed for host in document.hosts)


def _verdict(document: Document) -> str:
    """What was found in a sentence, which calls nothing well that was not seen to be so."""
    total, bad = len(document.hosts), _bad(document)
    well = "synchronised" if document.kind is Kind.VERIFY else "in sync"
    if not total:
        return "No host was looked at"
    if not bad and document.allowed:
        return f"{several(total, 'host')} differ in nothing but what is allowed"
    if not bad:
        return f"All {several(total, 'host')} are {well}" if total > 1 else f"The host is {well}"
    if all(host.state is State.KEYS_NOT_COMPARED for host in document.hosts if host.state not in WELL):
        return f"{bad:,} of {several(total, 'host')}: in sync, but keys could not be compared"
    return f"{bad:,} of {several(total, 'host')} {'is' if bad == 1 else 'are'} not {well}"


def _subtitle(document: Document) -> str:
    parts = [
        f"{count.number:,} {count.text}" for count in _counts(document) if count.number and count.state not in WELL
    ]
    if document.allowed:
        parts.append(f"{document.allowed:,} allowed to differ")
    if document.hosts_left_off:
        parts.append(f"{several(document.hosts_left_off, 'host')} left off this report")
    return " · ".join(parts)


def _counts(document: Document) -> tuple[Count, ...]:
    """The states of this kind of report, the worst first."""
    total = len(document.hosts) or 1
    numbers = {state: sum(host.state is state for host in document.hosts) for state in STATES[document.kind]}
    return tuple(
        Count(state, STATE_TEXTS[state], number, round(1000 * number / total))
        for state, number in sorted(numbers.items(), key=lambda entry: severity(entry[0]))
    )


def _platforms(document: Document) -> tuple[Platforms, ...]:
    columns = [count.state for count in _counts(document) if count.number]
    found = []
    for platform, text in PLATFORM_TEXTS.items():
        hosts = [host for host in document.hosts if host.platform is platform]
        if hosts:
            numbers = tuple(sum(host.state is state for host in hosts) for state in columns)
            found.append(Platforms(text, numbers, len(hosts)))
    return tuple(found)


def _trouble(finding: GroupedFinding, anchors: Mapping[str, str], places: Mapping[str, int]) -> Trouble:
    return Trouble(finding, _where(finding.hosts), _numbers(finding.hosts, places), anchors[finding.hosts[0]])


def _numbers(hosts: Iterable[str], places: Mapping[str, int]) -> str:
    """The places of hosts in the list as text: 0-3,7."""
    numbers = sorted(places[name] for name in hosts if name in places)
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _commits(hosts: Iterable[Host], anchors: Mapping[str, str], places: Mapping[str, int]) -> list[CommitRow]:
    """Who committed what by which way, the newest first."""
    alike: dict[tuple[str, str, str | None, str], list[tuple[str, Commit]]] = {}
    for host in hosts:
        for commit in host.commits.entries if host.commits else ():
            key = (commit.user, commit.type, commit.label, commit.description)
            alike.setdefault(key, []).append((host.name, commit))
    rows = []
    for members in alike.values():
        names = sorted({name for name, _commit in members}, key=natural)
        last = max((commit for _name, commit in members), key=lambda commit: commit.time)
        row = CommitRow(_where(names), _numbers(names, places), anchors[names[0]], len(names), len(members), last)
        rows.append(row)
    return sorted(rows, key=lambda row: row.commit.time, reverse=True)


def _where(names: Iterable[str]) -> str:
    """Names as ranges, and how many more ranges there are."""
    told = ranges(names)
    return ", ".join(told[:_MOST_RANGES]) + (
        f" and {len(told) - _MOST_RANGES} more" if len(told) > _MOST_RANGES else ""
    )


def _followed(hosts: Iterable[Host]) -> Iterable[Followed]:
    """The sources that most hosts follow."""
    offsets: dict[str, list[float]] = {}
    for host in hosts:
        if host.ntp is not None and _follows(host):
            offsets.setdefault(_follows(host), []).append(abs(host.ntp.offset or 0.0))
    for source in sorted(offsets, key=lambda name: (-len(offsets[name]), natural(name)))[:_MOST_SOURCES]:
        yield Followed(source, len(offsets[source]), size_text(statistics.median(offsets[source])))


def _cards(document: Document, ordered: Sequence[Host], anchors: Mapping[str, str]) -> Iterable[Card]:
    sends: dict[str, list[str]] = {}
    for sender in document.domain.senders:
        key = "no key" if sender.key_id is None else f"key {sender.key_id}"
        rest = "".join(f", {name} {value}" for name, value in _about_sending(sender.ttl, sender.version, sender.port))
        sends.setdefault(sender.host, []).append(f"{sender.group} on {sender.interface}, {key}{rest}")
    listens: dict[str, list[str]] = {}
    for listener in document.domain.listeners:
        listens.setdefault(listener.host, []).append(f"{listener.group} on {listener.interface}")
    for number, host in enumerate(ordered):
        diff = tuple(map(_diff_line, host.diff[:_SHOWN_DIFF]))
        follows = _follows(host)
        offset = host.ntp.offset if host.ntp else None
        yield Card(
            host=host,
            anchor=anchors[host.name],
            number=number,
            state_text=STATE_TEXTS[host.state],
            platform=PLATFORM_TEXTS[host.platform],
            headline=_headline(host),
            reason="" if any(finding.text == host.reason for finding in findings_of(host)) else host.reason,
            follows=follows,
            stratum="" if host.ntp is None or host.ntp.stratum is None else str(host.ntp.stratum),
            offset="" if offset is None else offset_text(offset),
            offset_size=-1.0 if offset is None else abs(offset),
            severity=severity(host.state),
            open=number < _OPEN_CARDS and host.state not in WELL,
            findings=tuple(map(_finding_text, findings_of(host))),
            diff=diff,
            diff_left_off=host.diff_left_off + max(0, len(host.diff) - _SHOWN_DIFF),
            sends=tuple(sends.get(host.name, ())),
            listens=tuple(listens.get(host.name, ())),
            sparkline=sparkline(host.offsets),
        )


def _finding_text(finding: Finding) -> FindingText:
    about = about_line(finding.kind, finding.line, finding.text)
    return FindingText(LABELS[finding.kind], finding, about, both_sides(about))


def _about_sending(ttl: int | None, version: int | None, port: int | None) -> Iterable[tuple[str, int]]:
    for name, value in (("ttl", ttl), ("version", version), ("port", port)):
        if value is not None:
            yield name, value


def _headline(host: Host) -> str:
    """What is wrong with a host in one line."""
    if host.state in WELL and not host.findings:
        return ""
    findings = findings_of(host)
    if host.state in (State.UNREACHABLE, State.FAILED, State.UNSYNCHRONISED) and host.reason:
        return host.reason.splitlines()[0]
    first = findings[0]
    told = first.line or first.text
    more = len(findings) - 1 + host.findings_left_off
    return f"{LABELS[first.kind]}: {told}" + (f" (and {more} more)" if more else "")


def _follows(host: Host) -> str:
    if host.ntp is None:
        return ""
    selected = next((entry for entry in host.ntp.associations if entry.selected), None)
    if selected is not None:
        return selected.host or selected.source
    return (host.ntp.reference_id or "") if host.ntp.synchronised else ""


def _diff_line(line: str) -> DiffLine:
    if line.startswith(("--- ", "+++ ", "@@")):
        return DiffLine("place", line)
    kind = {"+": "add", "-": "remove"}.get(line[:1], "same")
    return DiffLine(kind, line[1:] if kind != "same" or line[:1] == " " else line)
