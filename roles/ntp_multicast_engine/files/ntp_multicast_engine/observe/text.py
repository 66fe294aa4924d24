# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status for people: fixed columns, a unit on every number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
NOTHING = "-"

Item = Mapping[str, Any]
Columns = Mapping[str, Callable[[Item], str]]
"""Head of each column, and what it says of an item."""


def seconds(value: float | None, *, signed: bool = False) -> str:
    """A time with the unit that suits its size, such as `+12.3 us`."""
    if value is None:
        return NOTHING
    sign = "+" if signed and value >= 0 else ""
    for unit, name in _TIME_UNITS:
        if abs(value) >= unit:
            return f"{sign}{value / unit:.1f} {name}"
    return f"{sign}{value / 1e-9:.0f} ns"


def plain(name: str) -> Callable[[Item], str]:
    """A column that shows a field as it is."""
    return lambda item: _text(item.get(name))


def time(name: str, *, signed: bool = False) -> Callable[[Item], str]:
    """A column that shows a field in seconds."""
    return lambda item: seconds(item.get(name), signed=signed)


def table(columns: Columns, items: Sequence[Item]) -> list[str]:
    """Columns as wide as their widest cell; the first is flush left, the others flush right."""
    rows = [list(columns), *([cell(item) for cell in columns.values()] for item in items)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:]))]
        lines.append("  ".join(cells).rstrip())
    return lines


def _text(value: Any) -> str:
    return NOTHING if value is None else str(value)


def _system(system: Item) -> list[str]:
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
        ("Frequency", NOTHING if frequency is None else f"{frequency:+.3f} ppm"),
        ("Discipline", f"{_text(system.get('discipline'))}, {_text(system.get('discipline_state'))}"),
    ]
    if system.get("upstream"):
        facts.append(("Upstream", str(system["upstream"])))
    if system.get("discipline_error"):
        facts.append(("", str(system["discipline_error"])))
    if system.get("reason"):
        facts.insert(1, ("Reason", str(system["reason"])))
    return [f"{name:<16} {value}" for name, value in facts]


_GROUPS: Columns = {
    "  Group": lambda item: f"  {_text(item.get('group'))}",
    "Interface": plain("interface"),
    "Port": plain("port"),
    "Packets": plain("packets"),
    "Accepted": plain("accepted"),
    "Last packet": lambda item: NOTHING if item.get("last_received") is None else time("last_received")(item) + " ago",
    "Last error": plain("last_error"),
}
_ASSOCIATIONS: Columns = {
    "  Server": lambda item: f"{'*' if item.get('selected') else ' '} {_text(item.get('source'))}",
    "Group": plain("group"),
    "Interface": plain("interface"),
    "Mode": plain("mode"),
    "Stratum": plain("stratum"),
    # Octal, as everywhere in NTP.
    "Reach": lambda item: f"{int(item.get('reach') or 0):03o}",
    "Poll": lambda item: f"{_text(item.get('poll'))} s",
    "Last": time("last_received"),
    "Offset": time("offset", signed=True),
    "Delay": time("delay"),
    "Jitter": time("jitter"),
    "Dispersion": time("dispersion"),
    "Proof": lambda item: f"key {item.get('key_id')}" if item.get("authenticated") else "none",
    "Time stamps": lambda item: _text(item.get("timestamps")) + (", interleaved" if item.get("interleaved") else ""),
}
_SERVERS: Columns = {
    "  Group": lambda item: f"  {_text(item.get('group'))}",
    "Interface": plain("interface"),
    "Port": plain("port"),
    "Version": plain("version"),
    "TTL": plain("ttl"),
    "Key": plain("key_id"),
    "Poll": lambda item: f"{_text(item.get('poll'))} s",
    "Sent": plain("sent"),
    "Time stamps": plain("timestamps"),
    "Last error": plain("last_error"),
}
_RESPONDERS: Columns = {
    "  Interface": lambda item: f"  {item.get('interface') or 'all'}",
    "Family": plain("family"),
    "Port": plain("port"),
    "Time stamps": plain("timestamps"),
}
_SECTIONS = (
    ("groups", "Listening", _GROUPS),
    ("associations", "Associations", _ASSOCIATIONS),
    ("servers", "Sending", _SERVERS),
    ("responders", "Responders", _RESPONDERS),
)


def text(document: Item) -> str:
    """The whole status, as lines."""
    lines = _system(document.get("system") or {})
    if document.get("problems"):
        lines += ["", "Problems"]
        for problem in document["problems"]:
            lines += [f"  {problem.get('sentence')}", f"    {problem.get('advice')}"]
    for key, title, columns in _SECTIONS:
        if document.get(key):
            lines += ["", title, *table(columns, document[key])]
    counters = document.get("counters") or {}
    lines += ["", f"Packets          {counters.get('received', 0)} received, {counters.get('sent', 0)} sent"]
    dropped = counters.get("dropped") or {}
    lines += [f"  dropped        {count:>8}  {reason}" for reason, count in sorted(dropped.items())]
    return "\n".join(lines) + "\n"
