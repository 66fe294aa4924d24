# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status for people: fixed columns, a unit on every number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
_NOTHING = "-"


def seconds(value: float | None, *, signed: bool = False) -> str:
    """A time with the unit that suits its size, such as `+12.3 us`."""
    if value is None:
        return _NOTHING
    sign = "+" if signed and value >= 0 else ""
    for unit, name in _TIME_UNITS:
        if abs(value) >= unit:
            return f"{sign}{value / unit:.1f} {name}"
    return f"{sign}{value / 1e-9:.0f} ns"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell; the first is flush left, the others flush right."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = []
    for row in [heads, *rows]:
        cells = [cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return lines


def _text(value: Any) -> str:
    return _NOTHING if value is None else str(value)


def _system(system: dict[str, Any]) -> list[str]:
    frequency = system.get("frequency")
    facts = [
        ("Synchronised", "yes" if system.get("synchronised") else "no"),
        ("Stratum", _text(system.get("stratum"))),
        ("Reference", _text(system.get("reference_id"))),
        ("Leap", _text(system.get("leap"))),
        ("Offset", seconds(system.get("offset"), signed=True)),
        ("Jitter", seconds(system.get("jitter"))),
        ("Root delay", seconds(system.get("root_delay"))),
        ("Root dispersion", seconds(system.get("root_dispersion"))),
        ("Frequency", _NOTHING if frequency is None else f"{frequency:+.3f} ppm"),
        ("Discipline", f"{_text(system.get('discipline'))}, {_text(system.get('discipline_state'))}"),
    ]
    if system.get("upstream"):
        facts.append(("Upstream", str(system["upstream"])))
    if system.get("discipline_error"):
        facts.append(("", str(system["discipline_error"])))
    if system.get("reason"):
        facts.insert(1, ("Reason", str(system["reason"])))
    return [f"{name:<16} {value}" for name, value in facts]


def _association(item: dict[str, Any]) -> list[str]:
    proof = f"key {item.get('key_id')}" if item.get("authenticated") else "none"
    stamps = _text(item.get("timestamps")) + (", interleaved" if item.get("interleaved") else "")
    return [
        ("* " if item.get("selected") else "  ") + _text(item.get("source")),
        _text(item.get("group")),
        _text(item.get("interface")),
        _text(item.get("mode")),
        _text(item.get("stratum")),
        f"{int(item.get('reach') or 0):03o}",
        f"{_text(item.get('poll'))} s",
        seconds(item.get("last_received")),
        seconds(item.get("offset"), signed=True),
        seconds(item.get("delay")),
        seconds(item.get("jitter")),
        seconds(item.get("dispersion")),
        proof,
        stamps,
    ]


_ASSOCIATION_HEADS = (
    "  Server",
    "Group",
    "Interface",
    "Mode",
    "Stratum",
    "Reach",
    "Poll",
    "Last",
    "Offset",
    "Delay",
    "Jitter",
    "Dispersion",
    "Proof",
    "Time stamps",
)
_SERVER_HEADS = ("  Group", "Interface", "Port", "Version", "TTL", "Key", "Poll", "Sent", "Time stamps", "Last error")


def _server(item: dict[str, Any]) -> list[str]:
    return [
        "  " + _text(item.get("group")),
        _text(item.get("interface")),
        _text(item.get("port")),
        _text(item.get("version")),
        _text(item.get("ttl")),
        _text(item.get("key_id")),
        f"{_text(item.get('poll'))} s",
        _text(item.get("sent")),
        _text(item.get("timestamps")),
        _text(item.get("last_error")),
    ]


_RESPONDER_HEADS = ("  Interface", "Family", "Port", "Time stamps")


def _responder(item: dict[str, Any]) -> list[str]:
    return [
        "  " + (item.get("interface") or "all"),
        _text(item.get("family")),
        _text(item.get("port")),
        _text(item.get("timestamps")),
    ]


_GROUP_HEADS = ("  Group", "Interface", "Port", "Packets", "Accepted", "Last packet", "Last error")


def _group(item: dict[str, Any]) -> list[str]:
    return [
        "  " + _text(item.get("group")),
        _text(item.get("interface")),
        _text(item.get("port")),
        _text(item.get("packets")),
        _text(item.get("accepted")),
        _NOTHING if item.get("last_received") is None else f"{seconds(item['last_received'])} ago",
        _text(item.get("last_error")),
    ]


def _problem(item: dict[str, Any]) -> list[str]:
    return [f"  {item.get('sentence')}", f"    {item.get('advice')}"]


def text(document: dict[str, Any]) -> str:
    """The whole status, as lines. `reach` is octal, as everywhere in NTP."""
    lines = _system(document.get("system") or {})
    if document.get("problems"):
        lines += ["", "Problems", *(line for item in document["problems"] for line in _problem(item))]
    if document.get("groups"):
        lines += ["", "Listening", *table(_GROUP_HEADS, [_group(item) for item in document["groups"]])]
    if document.get("associations"):
        lines += [
            "",
            "Associations",
            *table(_ASSOCIATION_HEADS, [_association(item) for item in document["associations"]]),
        ]
    if document.get("servers"):
        lines += ["", "Sending", *table(_SERVER_HEADS, [_server(item) for item in document["servers"]])]
    if document.get("responders"):
        lines += ["", "Responders", *table(_RESPONDER_HEADS, [_responder(item) for item in document["responders"]])]
    counters = document.get("counters") or {}
    lines += ["", f"Packets          {counters.get('received', 0)} received, {counters.get('sent', 0)} sent"]
    dropped = counters.get("dropped") or {}
    lines += [f"  dropped        {count:>8}  {reason}" for reason, count in sorted(dropped.items())]
    return "\n".join(lines) + "\n"
