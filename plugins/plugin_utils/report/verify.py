# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document of verify: every host as it says of its clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .bounds import said
from .document import (
    Association,
    Document,
    Domain,
    Finding,
    FindingKind,
    Host,
    Kind,
    Link,
    Location,
    NtpState,
    Platform,
    Sample,
    State,
    counts_of,
    exit_code_of,
)
from .drift import About
from .findings import finding
from .synchronisation import MAXIMUM_OFFSET, first_line, why_not

SAMPLES_MOST = 96
"""Of one host."""

SAMPLES_OF_ALL = 20000


@dataclass(frozen=True)
class Told:
    """What a host told.

    result: of the modules vrp_ntp_multicast_info and ntp_multicast_engine_info
    earlier: its offsets in earlier documents, the oldest first
    """

    name: str
    platform: Platform
    result: Mapping[str, Any]
    location: Location | None = None
    earlier: Sequence[Sample] = ()


def verify_document(
    told: Sequence[Told],
    about: About,
    names: Mapping[str, str],
    domain: Domain | None = None,
    maximum_offset: float = MAXIMUM_OFFSET,
) -> Document:
    """The document over these hosts. names: addresses with the names of their hosts."""
    most = max(2, min(SAMPLES_MOST, SAMPLES_OF_ALL // max(1, len(told))))
    hosts = tuple(_host(entry, about, names, maximum_offset, most) for entry in told)
    return Document(
        kind=Kind.VERIFY,
        generated=about.generated,
        run_id=about.run_id,
        exit_code=exit_code_of(hosts),
        counts=counts_of(Kind.VERIFY, hosts),
        hosts=hosts,
        domain=replace(domain or Domain(), links=tuple(links_of(hosts))),
    )


def _host(told: Told, about: About, names: Mapping[str, str], maximum_offset: float, samples: int) -> Host:
    ntp = told.result.get("ntp")
    if not isinstance(ntp, Mapping):
        state = State.UNREACHABLE if told.result.get("unreachable") else State.FAILED
        reason = said(first_line(told.result.get("msg")))
        return Host(
            told.name,
            told.platform,
            state,
            reason=reason,
            findings=(_finding(told.name, FindingKind(state.value), reason),),
            location=told.location,
            offsets=tuple(told.earlier)[-samples:],
        )
    reason = said(why_not(told.result, ntp, names, maximum_offset))
    offset = _number(ntp.get("offset"))
    # What is not synchronised has no offset from anything, whatever number it shows.
    seen = (Sample(about.generated, offset),) if offset is not None and ntp.get("synchronised") else ()
    return Host(
        told.name,
        told.platform,
        State.UNSYNCHRONISED if reason else State.SYNCHRONISED,
        reason=reason,
        findings=(_finding(told.name, FindingKind.NOT_SYNCHRONISED, reason),) if reason else (),
        location=told.location,
        ntp=_state(ntp, names),
        offsets=(*told.earlier, *seen)[-samples:],
    )


def _finding(host: str, kind: FindingKind, reason: str) -> Finding:
    return finding(host, kind, "", reason)


def _state(ntp: Mapping[str, Any], names: Mapping[str, str]) -> NtpState:
    associations = sorted(ntp.get("associations") or [], key=lambda entry: not entry.get("selected"))
    return NtpState(
        synchronised=bool(ntp.get("synchronised")),
        role=_text(ntp.get("role")),
        stratum=_whole(ntp.get("stratum")),
        reference_id=_text(ntp.get("reference_id")),
        offset=_number(ntp.get("offset")),
        root_delay=_number(ntp.get("root_delay")),
        root_dispersion=_number(ntp.get("root_dispersion")),
        associations=tuple(_association(entry, names) for entry in associations),
    )


def _association(entry: Mapping[str, Any], names: Mapping[str, str]) -> Association:
    source = str(entry.get("source") or "")
    return Association(
        source=said(source),
        host=names.get(source),
        group=_text(entry.get("group")),
        interface=_text(entry.get("interface")),
        stratum=_whole(entry.get("stratum")),
        offset=_number(entry.get("offset")),
        reach=_whole(entry.get("reach")),
        key_id=_whole(entry.get("key_id")),
        selected=bool(entry.get("selected")),
    )


def links_of(hosts: Iterable[Host]) -> Iterable[Link]:
    """Who follows whom, of those that are synchronised in earnest."""
    for host in hosts:
        if host.ntp is None or not host.ntp.synchronised:
            continue
        selected = next((entry for entry in host.ntp.associations if entry.selected), None)
        if selected is not None:
            yield Link(host.name, selected.source, selected.host, selected.group, selected.key_id)


def earlier_samples(data: Any) -> dict[str, tuple[Sample, ...]]:
    """The offsets in an earlier document of verify, by host; nothing of what is none."""
    if not isinstance(data, Mapping) or data.get("kind") != Kind.VERIFY.value:
        return {}
    hosts = data.get("hosts")
    found: dict[str, tuple[Sample, ...]] = {}
    for host in hosts if isinstance(hosts, list) else ():
        try:
            found[str(host["name"])] = tuple(map(_sample, host["offsets"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
    return found


def _sample(data: Any) -> Sample:
    offset = float(data["offset"])
    if not math.isfinite(offset):
        raise ValueError("no offset")
    datetime.fromisoformat(data["time"])
    return Sample(data["time"], offset)


def _text(value: Any) -> str | None:
    return None if value in (None, "") else said(value)


def _number(value: Any) -> float | None:
    return float(value) if _is_number(value) else None


def _whole(value: Any) -> int | None:
    return int(value) if _is_number(value) else None


def _is_number(value: Any) -> bool:
    # JSON has no word for what is not finite, nor has a plot a place for it.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
