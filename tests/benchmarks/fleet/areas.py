# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m fleet.areas`: where the processor time of the playbooks goes, by area, sampled by py-spy."""

from __future__ import annotations

import argparse
import collections
import pathlib
import subprocess
import tempfile
from collections.abc import Iterable

from . import contestants, report, scenario, simulator
from .contestants import Stage

PY_SPY = contestants.BENCH_PYTHON.with_name("py-spy")
SAMPLES_PER_SECOND = 200
# The first area whose mark is in any frame of a sample gets it, from the inside to the outside.
AREAS = (
    ("SSH: paramiko and its cryptography", ("paramiko/",)),
    ("reading the configuration that a device shows", ("grammar",)),
    ("planning, key memory", ("plan.py", "target.py", "key_memory.py", "key_policy.py", "slow_hash.py")),
    ("the command line: prompts, answers, transaction", ("session", "candidate", "display", "prompt.py", "ssh.py")),
    ("results without secrets", ("remove_values", "configure.py", "options_codec.py")),
    ("variables, options and connection of each device", ("fleet.py",)),
    ("Ansible: processes of single tasks", ("WorkerProcess",)),
    ("Ansible: main process", ("ansible",)),
)


def area_of(frames: str) -> str:
    """Which area a sample belongs to; frames are divided by semicolons, the outermost first."""
    return next((area for area, marks in AREAS if any(mark in frames for mark in marks)), "other")


def counted(lines: Iterable[str]) -> collections.Counter[str]:
    """Samples by area, from py-spy's raw format: frames, a blank, and how often they were seen."""
    found: collections.Counter[str] = collections.Counter()
    for line in lines:
        frames, _unused, count = line.rpartition(" ")
        found[area_of(frames)] += int(count)
    return found


def profiled(stage: Stage, playbook: str) -> collections.Counter[str]:
    """Run a playbook under the sampler, which counts threads that compute and leaves out those that wait."""
    command = contestants.ours(stage, playbook)
    raw = stage.directory / "samples.txt"
    sampler = [str(PY_SPY), "record", "--subprocesses", "--gil", "--rate", str(SAMPLES_PER_SECOND)]
    subprocess.run(
        [*sampler, "--format", "raw", "--output", str(raw), "--", *command.arguments],
        env={**contestants.plain_environment(stage), **command.environment},
        cwd=stage.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return counted(raw.read_text(encoding="utf-8").splitlines())


def table(title: str, devices: int, samples: collections.Counter[str]) -> list[str]:
    """Milliseconds for each device and shares."""
    total = sum(samples.values())
    lines = [f"{title}: {1000 * total / SAMPLES_PER_SECOND / devices:.1f} ms of Python for each device", ""]
    for area, count in samples.most_common():
        milliseconds = 1000 * count / SAMPLES_PER_SECOND / devices
        lines.append(f"  {milliseconds:6.1f} ms  {100 * count / total:5.1f} %  {area}")
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(prog="fleet.areas")
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--sessions", type=int, default=10)
    options = parser.parse_args()
    print("\n".join(report.machine(contestants.BENCH_PYTHON)), flush=True)
    told = subprocess.run([str(PY_SPY), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(
        f"sampler: {told}, {SAMPLES_PER_SECOND} samples a second, which slow the runs down; without the system's part"
    )
    print(f"{options.devices} devices, {options.sessions} sessions.\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="fleet-") as path:
        directory = pathlib.Path(path)
        fleet = scenario.targets(options.devices)
        with simulator.running(directory / "simulator", fleet, 0.0) as running:
            stage = Stage(directory, fleet, running, options.sessions)
            scenario.write_known_hosts(stage.known_hosts, fleet, running.host_key)
            for title, playbook in (("first run", "site"), ("nothing to do", "site"), ("check_drift", "check_drift")):
                print("\n".join(table(title, options.devices, profiled(stage, playbook))), flush=True)


if __name__ == "__main__":
    main()
