# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine, the table and the targets, as text."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from .measurement import Cost
from .simulator import Traffic

MIB = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One run. simulator: processor seconds of the simulated devices meanwhile."""

    name: str
    devices: int
    sessions: int
    cost: Cost
    simulator: float
    traffic: Traffic

    @property
    def wall_of_device(self) -> float:
        return self.cost.wall / self.devices


HEADINGS = (
    "run", "devices", "sessions", "wall s", "ms/device", "CPU s", "CPU with devices s", "CPU ms/device",
    "memory MiB", "logins", "round trips", "octets", "x floor",
)  # fmt: skip


def cells(row: Row, floor: Row | None) -> tuple[str, ...]:
    """A row as texts; what is counted is given for each device."""
    ratio = f"{row.wall_of_device / floor.wall_of_device:.2f}" if floor is not None else "-"
    return (
        row.name if row.cost.exit_code == 0 else f"{row.name} (FAILED: {row.cost.exit_code})",
        str(row.devices),
        str(row.sessions),
        f"{row.cost.wall:.1f}",
        f"{1000 * row.wall_of_device:.1f}",
        f"{row.cost.processor:.1f}",
        f"{row.cost.processor + row.simulator:.1f}",
        f"{1000 * row.cost.processor / row.devices:.1f}",
        f"{row.cost.memory / MIB:.0f}",
        f"{row.traffic.connections / row.devices:.2f}",
        f"{row.traffic.turns / row.devices:.1f}",
        f"{row.traffic.octets / row.devices:.0f}",
        ratio,
    )


def table(rows: Sequence[Row], floor: Row | None) -> list[str]:
    """Aligned columns, first left, others right."""
    grid = [HEADINGS, *(cells(row, floor) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*grid, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in grid
    ]


def machine(bench_python: pathlib.Path) -> list[str]:
    """What the figures depend on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MIB / 1024
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("ansible-core", "paramiko", "asyncssh")]
    return [
        f"machine: {len(os.sched_getaffinity(0))} cores, {model}, {memory:.0f} GiB; load before {load}",
        f"software: {platform.python_implementation()} {platform.python_version()}, {', '.join(versions)}",
        *bench_versions(bench_python),
    ]


def bench_versions(python: pathlib.Path) -> list[str]:
    names = ["ansible-core", "ansible", "ansible-pylibssh", "paramiko", "netmiko", "nornir", "nornir-netmiko"]
    if not python.exists():
        return []
    program = "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    told = subprocess.run([str(python), "-c", program, *names], capture_output=True, text=True, check=False)
    return [f"others: {told.stdout.strip()}"]


def with_output(document: str, text: str) -> str:
    """A guide whose first block of text after the mark has become the output of a run. ValueError: it has none."""
    mark, opening = ".. begin of benchmark\n", ".. code-block:: text\n\n"
    before, found, rest = document.partition(mark)
    introduction, opened, rest = rest.partition(opening)
    if not (found and opened):
        raise ValueError(f"no block of text after {mark.strip()!r}")
    end = re.search(r"^(?=\S)", rest, re.MULTILINE)
    after = rest[end.start() :] if end else ""
    indented = "\n".join(f"   {line}".rstrip() for line in text.rstrip().splitlines())
    return f"{before}{found}{introduction}{opened}{indented}\n\n{after}"


def verdict(text: str, measured: float, limit: float, at_least: bool = False) -> str:
    """A target and whether it was met in this run."""
    met = measured >= limit if at_least else measured <= limit
    return f"{'met   ' if met else 'MISSED'}  {text}: {measured:.2f} (target {'>=' if at_least else '<='} {limit:g})"
