# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m fleet.growth`: how time and memory grow with the number of devices, as figures and as a picture."""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import tempfile

from . import contestants, report, scenario, simulator
from .__main__ import from_scratch, measured
from .contestants import Stage

PICTURE = contestants.ROOT / "docs" / "benchmarks" / "fleet_growth.png"


def measured_size(directory: pathlib.Path, devices: int, sessions: int) -> dict[str, float]:
    """Configure so many devices with the floor's program, then check them for drift."""
    fleet = scenario.targets(devices)
    with simulator.running(directory / "simulator", fleet, 0.0) as running:
        stage = Stage(directory, fleet, running, sessions)
        scenario.write_known_hosts(stage.known_hosts, fleet, running.host_key)
        floor = from_scratch("floor", stage, lambda on: contestants.client(on, "client_paramiko.py"), "floor", 1)
        drift = measured("check_drift", stage, contestants.ours(stage, "check_drift"), "drift")
        return {
            "devices": devices,
            "floor_wall": floor.cost.wall,
            "wall": drift.cost.wall,
            "processor": drift.cost.processor,
            "memory": drift.cost.memory / report.MIB,
            "simulator_memory": running.memory() / report.MIB,
            "exit_code": drift.cost.exit_code,
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="fleet.growth")
    parser.add_argument("--sizes", default="100,300,1000,3000")
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--picture", type=pathlib.Path, default=PICTURE)
    options = parser.parse_args()
    print("\n".join(report.machine(contestants.BENCH_PYTHON)), flush=True)
    print(
        "devices  check_drift s  ms/device  CPU ms/device  controller MiB  simulator MiB  floor (first run) s",
        flush=True,
    )
    sizes = []
    for count in (int(text) for text in options.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="fleet-") as directory:
            size = measured_size(pathlib.Path(directory), count, options.sessions)
        sizes.append(size)
        print(
            f"{count:7d}  {size['wall']:13.1f}  {1000 * size['wall'] / count:9.1f}  "
            f"{1000 * size['processor'] / count:13.1f}  {size['memory']:14.0f}  {size['simulator_memory']:13.0f}  "
            f"{size['floor_wall']:19.1f}{'' if size['exit_code'] == 0 else '  FAILED'}",
            flush=True,
        )
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    plot = pathlib.Path(__file__).with_name("plot.py")
    subprocess.run(
        [str(contestants.BENCH_PYTHON), str(plot), str(options.picture)], input=json.dumps(sizes), text=True, check=True
    )


if __name__ == "__main__":
    main()
