# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m fleet`: the table of one run. See tests/benchmarks/README.md."""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace

from . import contestants, measurement, report, scenario, simulator
from .contestants import Command, Stage
from .report import Row

OTHERS: dict[str, Callable[[Stage], Command]] = {
    "network_cli, paramiko": lambda stage: contestants.network_cli(stage, "paramiko"),
    "network_cli, libssh": lambda stage: contestants.network_cli(stage, "libssh"),
    "netmiko in threads": lambda stage: contestants.client(stage, "client_netmiko.py"),
    "nornir with netmiko": lambda stage: contestants.client(stage, "client_nornir.py"),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fleet", description="Measure a fleet of simulated devices.")
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.0, help="round-trip time in milliseconds")
    parser.add_argument("--sessions", type=int, default=20, help="parallel sessions: threads, or Ansible's forks")
    parser.add_argument("--others", type=int, default=20, help="devices for the other tools; 0 leaves them out")
    parser.add_argument("--repeat", type=int, default=1, help="take the quickest of so many runs")
    parser.add_argument("--port", type=int, default=scenario.PORT, help="TCP port of all devices")
    parser.add_argument("--only-ours", action="store_true", help="leave out the floor, too")
    parser.add_argument("--output", type=pathlib.Path, help="folder for the table, the logs and the inventory")
    parser.add_argument("--guide", type=pathlib.Path, help="page that has the output in it, to be renewed")
    return parser.parse_args()


def measured(name: str, stage: Stage, command: Command, keep: str) -> Row:
    """Run one contestant and count what went over the wire."""
    before, busy = stage.simulator.traffic(), stage.simulator.processor_seconds()
    cost = measurement.run(
        command.arguments,
        {**contestants.plain_environment(stage), **command.environment},
        stage.directory,
        stage.directory / f"{keep}.log",
        timeout=1200,
    )
    busy = stage.simulator.processor_seconds() - busy
    return Row(name, len(stage.fleet), stage.sessions, cost, busy, stage.simulator.traffic().since(before))


def from_scratch(name: str, stage: Stage, make: Callable[[Stage], Command], keep: str, repeat: int) -> Row:
    """The quickest of several runs on devices that are as new; every device has to end as wanted."""
    rows = []
    for _unused in range(repeat):
        stage.simulator.reset([target.name for target in stage.fleet])
        shutil.rmtree(stage.directory / "facts", ignore_errors=True)
        row = measured(name, stage, make(stage), keep)
        shown = [stage.simulator.configuration(target.name) for target in stage.fleet]
        if not all(scenario.EXPECTED in text for text in shown):
            print(f"{name}: not all devices are configured; see {keep}.log", file=sys.stderr)
            row = replace(row, cost=replace(row.cost, exit_code=row.cost.exit_code or 1))
        rows.append(row)
    return min(rows, key=lambda row: row.cost.wall)


def again(name: str, stage: Stage, playbook: str, keep: str, repeat: int) -> Row:
    """The quickest of several runs that have nothing to change."""
    rows = [measured(name, stage, contestants.ours(stage, playbook), keep) for _unused in range(repeat)]
    return min(rows, key=lambda row: row.cost.wall)


def compete(stage: Stage, options: argparse.Namespace) -> tuple[list[Row], Row | None]:
    """All runs; the floor among them."""
    rows: list[Row] = []
    floor = None
    repeat = options.repeat
    if not options.only_ours:
        floor = from_scratch(
            "floor: paramiko in threads",
            stage,
            lambda on: contestants.client(on, "client_paramiko.py"),
            "floor",
            repeat,
        )
        rows.append(floor)
    rows.append(from_scratch("ours, first run", stage, lambda on: contestants.ours(on, "site"), "first", repeat))
    rows.append(again("ours, nothing to do", stage, "site", "again", repeat))
    rows.append(again("ours, check_drift", stage, "check_drift", "drift", repeat))
    if options.others:
        few = stage.part(options.others)
        for number, (name, make) in enumerate(OTHERS.items()):
            rows.append(from_scratch(name, few, make, f"other{number}", 1))
    return rows, floor


def targets(rows: list[Row], floor: Row | None, latency: float) -> list[str]:
    """The targets that can be judged in this run."""
    named = {row.name: row for row in rows}
    first, no_op, drift = (named[f"ours, {kind}"] for kind in ("first run", "nothing to do", "check_drift"))
    lines = []
    if latency == 0 and first.devices == 1000:
        lines.append(report.verdict("first run of 1,000 devices, s", first.cost.wall, 35))
        lines.append(report.verdict("nothing to do, s", no_op.cost.wall, 25))
        lines.append(report.verdict("check_drift, s", drift.cost.wall, 25))
    if floor is not None:
        limit = 3.0 if latency == 0 else 1.3
        if latency in (0, 80):
            lines.append(report.verdict("first run against the floor", first.cost.wall / floor.cost.wall, limit))
    for name in ("network_cli, paramiko", "network_cli, libssh"):
        if name in named and latency == 0:
            ratio = named[name].wall_of_device / first.wall_of_device
            lines.append(report.verdict(f"{name} against ours, for each device", ratio, 20, at_least=True))
    lines.append(
        report.verdict("controller memory, MiB", max(r.cost.memory for r in (first, no_op, drift)) / report.MIB, 1024)
    )
    return lines


def main() -> int:
    options = arguments()
    directory = options.output or pathlib.Path(tempfile.mkdtemp(prefix="fleet-"))
    directory.mkdir(parents=True, exist_ok=True)
    fleet = scenario.targets(options.devices, options.port)
    lines = report.machine(contestants.BENCH_PYTHON)
    with simulator.running(directory / "simulator", fleet, options.latency / 1000) as devices:
        stage = Stage(directory, fleet, devices, options.sessions)
        scenario.write_known_hosts(stage.known_hosts, fleet, devices.host_key)
        rows, floor = compete(stage, options)
        lines.append(
            f"devices: {len(fleet)} simulated in one process ({devices.memory() / report.MIB:.0f} MiB, started in "
            f"{devices.start_seconds:.1f} s), on the same cores; round-trip time {options.latency:g} ms"
        )
    lines += ["", *report.table(rows, floor), "", *targets(rows, floor, options.latency)]
    if options.others and options.others != options.devices:
        lines.append(
            f"The other tools ran on {options.others} devices, since all would take them minutes; "
            "ms/device, CPU ms/device and x floor are for each device."
        )
    text = "\n".join(lines)
    print(text)
    (directory / "table.txt").write_text(text + "\n", encoding="utf-8")
    if options.guide:
        document = options.guide.read_text(encoding="utf-8")
        options.guide.write_text(report.with_output(document, text), encoding="utf-8")
    if options.output is None:
        shutil.rmtree(directory)
    return 0 if all(row.cost.exit_code == 0 for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
