# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The offsets of all hosts as one plot, and those of one host over time as a line."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..document import Association, Document, Host, Sample, State
from .texts import several, shortened

WIDTH = 1240
_LEFT, _RIGHT, _TOP, _BOTTOM = 190, 20, 8, 30
_LINEAR = 1e-6
"""Below a microsecond the axis is linear: offsets have two signs, and a logarithm has none for zero."""
_RADIUS, _STEP = 3.0, 6.5
_MOST_ROWS = 8
_NAMED = 3
UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))


@dataclass(frozen=True)
class Dot:
    """A host in the plot."""

    x: float
    y: float
    state: State
    label: str


@dataclass(frozen=True)
class Name:
    """The name of a host beside its dot."""

    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Band:
    """The hosts that follow one source."""

    y: float
    height: float
    title: str
    subtitle: str
    dots: tuple[Dot, ...]
    names: tuple[Name, ...]


@dataclass(frozen=True)
class Tick:
    """A mark of the axis."""

    x: float
    text: str


@dataclass(frozen=True)
class OffsetPlot:
    """The plot, and in one sentence what it shows."""

    height: float
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    summary: str


@dataclass(frozen=True)
class Sparkline:
    """The offsets of a host over time as a line, and in one sentence what it shows."""

    points: str
    zero: float
    last: tuple[float, float]
    summary: str


def offset_text(seconds: float) -> str:
    """An offset in the unit that a person would choose: +12.3 µs."""
    if not math.isfinite(seconds):
        return "unknown"
    for unit, size in UNITS:
        if abs(seconds) >= size:
            number = seconds / size
            return f"{number:+.{max(0, 2 - int(math.log10(abs(number))))}f} {unit}"
    return f"{seconds / 1e-9:+.0f} ns" if seconds else "0 s"


def size_text(seconds: float) -> str:
    """How much it is off, whatever the sign."""
    return offset_text(abs(seconds)).lstrip("+")


def offset_plot(document: Document) -> OffsetPlot | None:
    """The plot of a document; None where no host told an offset to somebody whom it follows."""
    measured = [
        (host, host.ntp.offset)
        for host in document.hosts
        if host.ntp and _is_number(host.ntp.offset) and (host.ntp.synchronised or _selected(host))
    ]
    if not measured:
        return None
    offsets = [offset for _host, offset in measured if offset is not None]
    decades = _decades(offsets)
    of_source: dict[str, list[tuple[Host, float]]] = {}
    for host, offset in measured:
        of_source.setdefault(_source(host), []).append((host, offset or 0.0))
    bands, y = [], float(_TOP)
    for title, members in _fewer(of_source).items():
        band = _band(title, members, y, decades)
        bands.append(band)
        y += band.height + 6
    return OffsetPlot(y + _BOTTOM, tuple(bands), tuple(_ticks(decades)), _summary(offsets))


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _selected(host: Host) -> Association | None:
    return next((entry for entry in host.ntp.associations if entry.selected), None) if host.ntp else None


def _source(host: Host) -> str:
    """Whom a host follows, by the name of that host where it is known."""
    selected = _selected(host)
    if selected is not None:
        return selected.host or selected.source
    return (host.ntp.reference_id if host.ntp else None) or "nobody"


def _fewer(of_source: dict[str, list[tuple[Host, float]]]) -> dict[str, list[tuple[Host, float]]]:
    """The sources of most hosts; the hosts of all others together."""
    names = sorted(of_source, key=lambda name: -len(of_source[name]))
    if len(names) <= _MOST_ROWS:
        return {name: of_source[name] for name in names}
    kept = {name: of_source[name] for name in names[: _MOST_ROWS - 1]}
    others = names[_MOST_ROWS - 1 :]
    return {**kept, f"{several(len(others), 'other source')}": [one for name in others for one in of_source[name]]}


def _decades(offsets: Sequence[float]) -> int:
    """How many decades from a microsecond up the axis needs on each side."""
    largest = max(abs(offset) for offset in offsets)
    return min(12, max(3, math.ceil(math.log10(max(largest, _LINEAR) / _LINEAR))))


def _place(offset: float, decades: int) -> float:
    """Where an offset is on the axis: linear below a microsecond, logarithmic above."""
    scaled = abs(offset) / _LINEAR
    distance = scaled if scaled < 1 else 1 + math.log10(scaled)
    share = math.copysign(min(distance / (decades + 1), 1.0), offset)
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    return middle + share * (WIDTH - _RIGHT - middle)


def _ticks(decades: int) -> Iterable[Tick]:
    yield Tick(_place(0, decades), "0")
    for decade in range(decades + 1):
        size = _LINEAR * 10**decade
        unit, scale = next((entry for entry in UNITS if size >= entry[1] * 0.999), UNITS[-1])
        for sign, mark in ((-1, "−"), (1, "+")):  # noqa: RUF001
            yield Tick(_place(sign * size, decades), f"{mark}{size / scale:.0f} {unit}")


def _band(title: str, members: Sequence[tuple[Host, float]], top: float, decades: int) -> Band:
    """Dots in columns around the middle of the band, as many above each other as have nearly the same offset."""
    columns: dict[int, list[tuple[Host, float]]] = {}
    for host, offset in sorted(members, key=lambda member: member[1]):
        columns.setdefault(round(_place(offset, decades) / _STEP), []).append((host, offset))
    tallest = max(len(column) for column in columns.values())
    step = min(_STEP, 84 / tallest)
    height = max(36.0, step * tallest + 8)
    dots = [
        Dot(
            x=round(number * _STEP, 1),
            y=round(top + height / 2 + (place - (len(column) - 1) / 2) * step, 1),
            state=host.state,
            label=f"{host.name} {offset_text(offset)}",
        )
        for number, column in columns.items()
        for place, (host, offset) in enumerate(column)
    ]
    offsets = sorted(abs(offset) for _host, offset in members)
    subtitle = f"{several(len(members), 'host')}, median {size_text(statistics.median(offsets))}"
    names = tuple(_names(members, top + height / 2, decades))
    return Band(top, height, shortened(title, 24), subtitle, tuple(dots), names)


def _names(members: Sequence[tuple[Host, float]], y: float, decades: int) -> Iterable[Name]:
    """The names of the hosts that are not well, where they stand alone."""
    worst = sorted(
        (entry for entry in members if entry[0].state is State.UNSYNCHRONISED), key=lambda entry: -abs(entry[1])
    )
    taken: list[float] = []
    for host, offset in worst[:_NAMED]:
        x = _place(offset, decades)
        if any(abs(x - other) < 110 for other in taken):
            continue
        taken.append(x)
        beyond = x > WIDTH - 170
        yield Name(round(x + (-8 if beyond else 8), 1), y, "end" if beyond else "start", shortened(host.name, 18))


def _summary(offsets: Sequence[float]) -> str:
    sizes = sorted(abs(offset) for offset in offsets)
    high = sizes[min(len(sizes) - 1, math.ceil(0.95 * len(sizes)) - 1)]
    return (
        f"{several(len(sizes), 'host')}: median {size_text(statistics.median(sizes))}, "
        f"95 % within {size_text(high)}, largest {size_text(sizes[-1])}"
    )


def sparkline(samples: Sequence[Sample], width: float = 220, height: float = 36) -> Sparkline | None:
    """The line of one host; None where there are not two offsets."""
    offsets = [sample.offset for sample in samples if math.isfinite(sample.offset)]
    if len(offsets) < 2:
        return None
    low, high = min(*offsets, 0.0), max(*offsets, 0.0)
    span = (high - low) or 1.0
    points = [
        (round(3 + number * (width - 6) / (len(offsets) - 1), 1), round(3 + (high - offset) / span * (height - 6), 1))
        for number, offset in enumerate(offsets)
    ]
    return Sparkline(
        points=" ".join(f"{x:g},{y:g}" for x, y in points),
        zero=round(3 + high / span * (height - 6), 1),
        last=points[-1],
        summary=f"{len(offsets)} offsets since {samples[0].time}, from {offset_text(min(offsets))} "
        f"to {offset_text(max(offsets))}",
    )
