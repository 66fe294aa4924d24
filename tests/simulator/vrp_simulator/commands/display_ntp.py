# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``display ntp ...``: real values from the NTP process when one runs (fact 2.4)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..ntp_entries import LOCAL_CLOCK, Association, LocalClock
from ..release import Release
from ..syntax import Match
from .table import Command, shows

if TYPE_CHECKING:
    from ..device import Device
    from ..session import Session

_NEVER = "00:00:00.000 UTC Jan 1 1900(00000000.00000000)"
# Parts of the names that the NTP process gives to drops for want of a valid authenticator.
_PROOF = ("auth", "mac", "key", "nak")
_EVENTS = 10  # fact 2.4
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
    return shown + (_own_servers(device) if device.style.behaviour.own_server_sessions else [])


def _own_servers(device: Device) -> list[Mapping[str, Any]]:
    """The device's own multicast servers, which are no sources (fact 9.5)."""
    clock = device.running.get(LOCAL_CLOCK)
    stratum = clock.stratum if isinstance(clock, LocalClock) else 16
    return [
        {
            "source": str(entry.group).upper(),
            "stratum": stratum,
            "reference_id": "LOCL" if stratum < 16 else "",
            "reach": 0,
            "poll": 64,
            "mode": "own server",
            "interface": place.view,
            "last_received": 31,
        }
        for place, entry in device.running.items()
        if isinstance(entry, Association) and entry.role == "multicast-server"
    ]


def _state(item: Mapping[str, Any]) -> str:
    if item.get("mode") == "own server":
        return "configured, insane, valid, unsynced"
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
    if device.style.behaviour.sessions_table:
        return _table(items)
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


def _table(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The table of old releases (fact 9.5); fact 9 gives no columns, these are ours after their manuals' terms."""
    rows = [
        f"{('[125]' if item.get('selected') else '[5]') + str(item['source']):<23s}"
        f"{_reference(item.get('reference_id')):<16s}{item.get('stratum') or 0:>5}{item.get('reach') or 0:>6}"
        f"{_poll_seconds(item):>6}{_now(item):>6}{_number(item, 'offset') * 1000:>8.1f}"
        f"{_number(item, 'delay') * 1000:>7.1f}{_number(item, 'dispersion') * 1000:>7.1f}"
        for item in items
    ]
    return [
        f"{'':7s}{'source':<16s}{'reference':<16s}{'stra':>5s}{'reach':>6s}{'poll':>6s}{'now':>6s}"
        f"{'offset':>8s}{'delay':>7s}{'disper':>7s}",
        "*" * 84,
        *rows,
        "note: 1 source(master), 2 source(peer), 3 selected, 4 candidate, 5 configured",
        f"Total associations : {len(items)}",
    ]


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


async def _events(session: Session, match: Match) -> Sequence[str]:
    """The last ten losses of a source (fact 2.4), as far as the NTP process keeps them."""
    losses: Sequence[Mapping[str, Any]] = ((await _read(session.device)) or {}).get("losses", ())
    lines: list[str] = []
    for number, loss in enumerate(list(losses)[:_EVENTS], 1):
        lines += [
            f" {number}. Clock source   :  {loss['source']}",
            f"    Session type   :  {loss['session']}",
            f"    Unsync reason  :  {loss['reason']}",
            f"    Unsync time    :  {loss['time']}",
            "",
        ]
    return lines


def commands(release: Release) -> list[Command]:
    return [
        shows("display NTP status", _status),
        shows("display NTP sessions [ verbose ]", _sessions),
        shows("display NTP statistics packet", _statistics),
        shows("display NTP event clock-unsync", _events),
    ]
