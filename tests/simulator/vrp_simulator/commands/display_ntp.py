# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``display ntp ...``: real values from the NTP process when one runs (fact 2.4)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..ntp_entries import LOCAL_CLOCK, LocalClock
from ..release import Release
from ..syntax import Match
from .table import Command, shows

if TYPE_CHECKING:
    from ..device import Device
    from ..session import Session

_NEVER = "00:00:00.000 UTC Jan 1 1900(00000000.00000000)"
# Parts of the names that the NTP process gives to drops for want of a valid authenticator.
_PROOF = ("auth", "mac", "key", "nak")
_EPOCH = datetime.datetime(1900, 1, 1, tzinfo=datetime.timezone.utc)


def _number(data: Mapping[str, Any], name: str) -> float:
    value = data.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _milliseconds(data: Mapping[str, Any], name: str, digits: int) -> str:
    return f"{_number(data, name) * 1000:.{digits}f} ms"


def _timestamp(moment: datetime.datetime | None) -> str:
    """``11:55:56.833 UTC Feb 2 2020(C7B15BCC.D5604189)``: readable and as an NTP timestamp."""
    if moment is None:
        return _NEVER
    since = moment - _EPOCH
    seconds = int(since.total_seconds()) & 0xFFFFFFFF
    fraction = int(moment.microsecond / 1e6 * 2**32)
    milliseconds = moment.microsecond // 1000
    readable = f"{moment:%H:%M:%S}.{milliseconds:03d} UTC {moment:%b} {moment.day} {moment.year}"
    return f"{readable}({seconds:08X}.{fraction:08X})"


def _heard(item: Mapping[str, Any]) -> datetime.datetime | None:
    """When the source was last heard; the NTP process says it in seconds ago."""
    value = item.get("last_received")
    if isinstance(value, int | float):
        return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=value)
    return None


async def _read(device: Device) -> Mapping[str, Any] | None:
    return await device.ntp_process.status() if device.ntp_process is not None else None


def _without_process(device: Device) -> dict[str, Any]:
    """What a device without an NTP process can say: a local clock, or nothing at all."""
    clock = device.running.get(LOCAL_CLOCK)
    if isinstance(clock, LocalClock):
        return {"synchronised": True, "stratum": clock.stratum, "reference_id": "LOCL", "root_dispersion": 0.0}
    return {"synchronised": False}


def _reference(value: object) -> str:
    text = str(value or "none")
    return "LOCAL(0)" if text in ("LOCL", "127.127.1.0") else text


async def _status(session: Session, match: Match) -> Sequence[str]:
    device = session.device
    data = await _read(device)
    system = data["system"] if data is not None else _without_process(device)
    synchronised = bool(system.get("synchronised"))
    newest = _latest(data) or datetime.datetime.now(datetime.timezone.utc)
    release = device.release
    lines = [
        f"clock status: {'synchronized' if synchronised else 'unsynchronized'}",
        f"clock stratum: {system.get('stratum') if synchronised else 16}",
        f"reference clock ID: {_reference(system.get('reference_id')) if synchronised else 'none'}",
        f"nominal frequency: {release.frequency} Hz",
        f"actual frequency: {release.frequency} Hz",
        f"clock precision: {release.precision}",
        f"clock offset: {_milliseconds(system, 'offset', 4)}",
        f"root delay: {_milliseconds(system, 'root_delay', 2)}",
        f"root dispersion: {_milliseconds(system, 'root_dispersion', 2)}",
        f"peer dispersion: {_milliseconds(_selected(data), 'dispersion', 2)}",
        f"reference time: {_timestamp(newest) if synchronised else _NEVER}",
    ]
    if synchronised:  # fact 2.4: the unsynchronised form may lack this line
        lines.append("synchronization state: clock synchronized")
    blank = " " if release.trailing_blanks else ""
    return [f" {line}{blank}" for line in lines]


def _latest(data: Mapping[str, Any] | None) -> datetime.datetime | None:
    times = [_heard(item) for item in (data or {}).get("associations", ())]
    known = [time for time in times if time is not None]
    return max(known) if known else None


def _selected(data: Mapping[str, Any] | None) -> Mapping[str, Any]:
    associations: Sequence[Mapping[str, Any]] = (data or {}).get("associations", ())
    return next((item for item in associations if item.get("selected")), {})


def _associations(device: Device, data: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The associations to show; a local clock is one of them (fact 2.4, verbose sample)."""
    shown: list[Mapping[str, Any]] = [item for item in (data or {}).get("associations", ()) if item.get("source")]
    clock = device.running.get(LOCAL_CLOCK)
    if isinstance(clock, LocalClock):
        local = {
            "source": f"127.127.1.{clock.unit}",
            "stratum": clock.stratum - 1,
            "reference_id": "LOCL",
            "reach": 255,
            "poll": 64,
            "selected": not any(item.get("selected") for item in shown),
            "mode": "local",
        }
        shown.insert(0, local)
    return shown


def _state(item: Mapping[str, Any]) -> str:
    kind = "configured" if item.get("mode") in ("local", "client") else "dynamic"
    return f"{kind}, master, sane, valid" if item.get("selected") else f"{kind}, sane, valid"


def _now(item: Mapping[str, Any]) -> int:
    return max(0, round(_number(item, "last_received")))


def _poll_seconds(item: Mapping[str, Any]) -> int:
    return int(_number(item, "poll")) or 64


async def _sessions(session: Session, match: Match) -> Sequence[str]:
    device = session.device
    items = _associations(device, await _read(device))
    if "verbose" in match.words:
        return [line for item in items for line in _verbose(item)]
    first = " " if device.release.session_first_blank else ""
    lines: list[str] = []
    for item in items:
        lines += [
            f"{first}clock source: {item['source']}",
            f" clock stratum: {item.get('stratum') or 0}",
            f" clock status: {_state(item)}",
            f" reference clock ID: {_reference(item.get('reference_id'))}",
            f" reach: {item.get('reach') or 0}",
            f" current poll: {_poll_seconds(item)}",
            f" now: {_now(item)}",
            f" offset: {_milliseconds(item, 'offset', 4)}",
            f" delay: {_milliseconds(item, 'delay', 2)}",
            f" disper: {_milliseconds(item, 'dispersion', 2)}",
        ]
    return lines


def _verbose(item: Mapping[str, Any]) -> list[str]:
    """Comma-joined pairs on a line (fact 2.4)."""
    poll = _poll_seconds(item)
    multicast = item.get("mode") not in ("local", "client")
    modes = ("broadcast client", "broadcast") if multicast else ("client", "server")
    distance = _number(item, "delay") / 2 + _number(item, "dispersion")
    received = _timestamp(_heard(item))
    zeros = "  0.00" + "   0.00" * 7 + " "
    return [
        f" clock source: {item['source']} ",
        f" clock stratum: {item.get('stratum') or 0}",
        f" clock status: {_state(item)}",
        f" reference clock ID: {_reference(item.get('reference_id'))}",
        f" local mode: {modes[0]}, local poll: {poll}, current poll: {poll}",
        f" peer mode: {modes[1]}, peer poll: {poll}, now: {_now(item)}",
        f" offset: {_milliseconds(item, 'offset', 4)}, delay: {_milliseconds(item, 'delay', 2)}, "
        f"disper: {_milliseconds(item, 'dispersion', 2)}",
        " root delay: 0.00 ms, root disper: 10.00 ms",
        f" reach: {item.get('reach') or 0}, sync dist: {distance:.3f}, sync state: 4",
        f" precision: 2^18, version: 3, peer interface: {item.get('interface') or 'InLoopBack0'}",
        f" reftime: {received}",
        f" orgtime: {received}",
        f" rcvtime: {received}",
        f" xmttime: {received}",
        f" filter delay :{zeros}",
        f" filter offset:{zeros}",
        f" filter disper:{zeros}",
        " reference clock status: normal",
        "",
    ]


async def _statistics(session: Session, match: Match) -> Sequence[str]:
    """An indentation tree (fact 2.4)."""
    counters = ((await _read(session.device)) or {}).get("counters") or {}
    dropped: Mapping[str, Any] = counters.get("dropped") or {}
    lost = sum(int(value) for value in dropped.values())
    unauthenticated = sum(int(value) for name, value in dropped.items() if any(part in name for part in _PROOF))
    received = int(counters.get("received") or 0)
    rows = [
        ("Sent", int(counters.get("sent") or 0)),
        ("   Send failures", 0),
        ("Received", received),
        ("   Processed", max(0, received - lost)),
        ("   Dropped", lost),
        ("      Validity test failures", lost),
        ("         Authentication failures", unauthenticated),
        ("      Invalid packets", 0),
        ("      Access denied", 0),
        ("      Rate-limited", 0),
        ("      Processing delay", 0),
        ("      Interface disabled", 0),
        ("      Max dynamic association reached", 0),
        ("      Server disabled", 0),
        ("      Others", 0),
    ]
    heading = [" NTP IPv4 Packet Statistical Information", f" {'-' * 50}"]
    return [*heading, *(f" {name:<38s}:          {value}" for name, value in rows), "Last 0 packets drop reasons:"]


def _events(session: Session, match: Match) -> Sequence[str]:
    return []


def commands(release: Release) -> list[Command]:
    return [
        shows("display NTP status", _status),
        shows("display NTP sessions [ verbose ]", _sessions),
        shows("display NTP statistics packet", _statistics),
        shows("display NTP event clock-unsync", _events),
    ]
