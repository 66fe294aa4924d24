# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host is judged by what it says of its clock, and the table of who is synchronised to whom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from .words import offset_text

NOTHING = "-"
NO_REASON = "it gives no reason"
MISSED_POLLS = 3
MAXIMUM_OFFSET = 0.128
CLOCK_OFF = "clock_off"
"""The code of the problem that an engine has with a clock that is off."""
RIGHT_ALIGNED = frozenset({"STRATUM", "OFFSET", "REACH", "KEY"})


@dataclass(frozen=True)
class Row:
    """One line of the table, as text; the field order is the column order."""

    host: str
    synchronised: str
    role: str
    source: str
    group: str
    interface: str
    stratum: str
    offset: str
    reach: str
    key: str
    reason: str = ""


HEADINGS = Row(
    "HOST", "SYNCHRONISED", "ROLE", "SOURCE", "GROUP", "INTERFACE", "STRATUM", "OFFSET", "REACH", "KEY", "REASON"
)


def reach_text(reach: int | None) -> str:
    """The reachability register in octal, as every NTP tool prints it (RFC 5905, section 9.2)."""
    return NOTHING if reach is None else f"{reach:o}"


def text(value: Any) -> str:
    return NOTHING if value in (None, "") else str(value)


@dataclass(frozen=True)
class HostState:
    """What a host told. reason: why it is not synchronised, "" where it is. note: what it finds wrong all the same."""

    host: str
    ntp: Mapping[str, Any]
    names: Mapping[str, str]
    reason: str
    note: str = ""

    @property
    def associations(self) -> list[Mapping[str, Any]]:
        """The sources, the selected one first."""
        return sorted(self.ntp.get("associations") or [], key=lambda association: not association.get("selected"))

    @property
    def first(self) -> dict[str, str]:
        """The columns that only the first line of a host has."""
        shown = "" if self.reason == NO_REASON else self.reason or self.note
        return {"synchronised": "NO" if self.reason else "yes", "reason": shown}

    def name(self, address: Any) -> str:
        """The host that has an address, where that is known."""
        return self.names.get(str(address)) or text(address)

    def rows(self) -> list[Row]:
        """A line for each group that a server sends to, or for each source of everyone else."""
        associations = self.associations
        if self.ntp.get("role") == "server" or not associations:
            return self._served(associations[0] if associations else {"source": self.ntp.get("reference_id")})
        return [
            Row(
                host=self.host,
                role=text(self.ntp.get("role")),
                source=self.name(association.get("source")),
                group=text(association.get("group")),
                interface=text(association.get("interface")),
                # The host's own stratum on its first line; what the other sources announce on theirs.
                stratum=text(self.ntp.get("stratum") if first else association.get("stratum")),
                offset=offset_text(association.get("offset")),
                reach=reach_text(association.get("reach")),
                key=text(association.get("key_id")),
                **(self.first if first else {"synchronised": NOTHING}),
            )
            for first, association in zip([True, *[False] * len(associations)], associations)
        ]

    def _served(self, source: Mapping[str, Any]) -> list[Row]:
        """The groups that a host sends to, each with what the host itself goes by."""
        servers: Sequence[Mapping[str, Any]] = self.ntp.get("servers") or [{}]
        return [
            Row(
                host=self.host,
                role=text(self.ntp.get("role")),
                source=self.name(source.get("source")),
                group=text(server.get("group")),
                interface=text(server.get("interface")),
                stratum=text(self.ntp.get("stratum")),
                offset=offset_text(self.ntp.get("offset")),
                reach=reach_text(source.get("reach")),
                key=text(server.get("key_id")),
                **self.first,
            )
            for server in servers
        ]


def why_not(result: Mapping[str, Any], ntp: Mapping[str, Any], names: Mapping[str, str], maximum_offset: float) -> str:
    """Why a host is not synchronised, by what it says itself and by the age of its source; "" where it is."""
    if not ntp.get("synchronised"):
        told = [*sentences(result), *sentences(ntp), *sentences(result.get("engine"))]
        message = first_line(result.get("msg")) if result.get("msg") else ""
        return next(iter(told), "") or message or no_source(ntp) or NO_REASON
    return lost_source(ntp, names) or wrong_clock(result, ntp, names, maximum_offset)


def no_source(ntp: Mapping[str, Any]) -> str:
    """What is seen of the sources of a host that says nothing itself; "" where that explains nothing."""
    entries: Sequence[Mapping[str, Any]] | None = ntp.get("associations")
    if ntp.get("role") == "server" or entries is None or any(entry.get("selected") for entry in entries):
        return ""
    return "it has selected none of its sources" if entries else "it has no source"


def wrong_clock(
    result: Mapping[str, Any], ntp: Mapping[str, Any], names: Mapping[str, str], maximum_offset: float
) -> str:
    """A sentence where the host measures and its clock is wrong or not steered all the same; "" where it is right."""
    told = result.get("clock")
    clock: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    error, offset = clock.get("discipline_error"), ntp.get("offset")
    if error:
        return next((line for line in sentences(result) if str(error) in line), f"its clock is not in order: {error}")
    if not isinstance(offset, (int, float)) or abs(offset) <= maximum_offset:
        return ""
    source = names.get(str(ntp.get("reference_id"))) or text(ntp.get("reference_id"))
    what = f"its clock is {offset_text(offset)} off from {source}, and at most {offset_text(maximum_offset)} is right"
    told_itself = next(iter(sentences(result, CLOCK_OFF)), "")
    if told_itself:
        # How long slewing takes, or why the clock is left alone, only the host knows.
        return told_itself
    return f"{what}: the discipline is {clock['discipline']}" if clock.get("discipline") else what


def sentences(value: Any, code: str | None = None) -> list[str]:
    """The problems that a host tells of itself, or those of one code."""
    found = value.get("problems") if isinstance(value, Mapping) else None
    entries = found if isinstance(found, Sequence) and not isinstance(found, str) else []
    wanted = [entry for entry in entries if isinstance(entry, Mapping) and code in (None, entry.get("code"))]
    return [str(entry.get("sentence") or "") for entry in wanted]


def lost_source(ntp: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A sentence where the selected source fell silent; "" where it did not, or where nothing is known of it.

    A client stays synchronised for up to eight polls without a packet. Each poll without one shifts a zero into the
    reachability register from the right (RFC 5905, section 9.2), so that its zeros tell the age.
    """
    selected = next((entry for entry in ntp.get("associations") or [] if entry.get("selected")), None)
    reach = selected.get("reach") if selected else None
    if selected is None or not isinstance(reach, int) or ntp.get("role") == "server":
        return ""
    missed = 8 if reach == 0 else (reach & -reach).bit_length() - 1
    if missed < MISSED_POLLS:
        return ""
    poll = selected.get("poll")
    since = f", about {missed * poll} s" if isinstance(poll, int) else ""
    source = names.get(str(selected.get("source"))) or text(selected.get("source"))
    return f"{source} was not heard for {missed} polls{since}"


def aligned(rows: Sequence[Row]) -> list[str]:
    """The rows as lines of equal column widths, headings first."""
    # A column for reasons only where there is one.
    columns = None if any(row.reason for row in rows) else -1
    cells = [astuple(row)[:columns] for row in (HEADINGS, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells)]
    names = astuple(HEADINGS)
    return [
        "  ".join(
            cell.rjust(width) if name in RIGHT_ALIGNED else cell.ljust(width)
            for name, cell, width in zip(names, line, widths)
        ).rstrip()
        for line in cells
    ]


def known_names(names: Mapping[str, str] | None) -> dict[str, str]:
    """Addresses with the names of their hosts, as texts."""
    return {str(address): str(name) for address, name in (names or {}).items() if address}


def with_failed(states: Mapping[str, Any], failed: Mapping[str, str] | None) -> dict[str, Any]:
    """What each host told, and those that were not asked."""
    return {**states, **{host: {"failed": True, "msg": reason} for host, reason in (failed or {}).items()}}


def first_line(message: Any) -> str:
    lines = str(message or "").strip().splitlines()
    return lines[0] if lines else "gave no state"


def end(result: Any, reason: str) -> str:
    """How a host that is not synchronised ends."""
    kind = "unreachable" if isinstance(result, Mapping) and result.get("unreachable") else "failed"
    return json.dumps({kind: True, "msg": f"Not synchronised: {reason}"})


def report_of(
    results: Mapping[str, Any], names: Mapping[str, str], maximum_offset: float = MAXIMUM_OFFSET
) -> dict[str, Any]:
    """The report over host names and what each told."""
    rows: list[Row] = []
    silent: list[str] = []
    ends: dict[str, str] = {}
    for host, result in results.items():
        ntp = result.get("ntp") if isinstance(result, Mapping) else None
        if not isinstance(ntp, Mapping):
            reason = first_line(result.get("msg") if isinstance(result, Mapping) else None)
            silent.append(f"{host}: {reason}")
        else:
            reason = why_not(result, ntp, names, maximum_offset)
            rows.extend(HostState(str(host), ntp, names, reason, next(iter(sentences(result)), "")).rows())
        if reason:
            ends[str(host)] = end(result, reason)
    lines = [*aligned(rows), *silent]
    return {"lines": lines, "unsynchronised": list(ends), "ends": ends, "first": next(iter(map(str, results)), "")}
