# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated devices, in a process of their own."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import measurement, scenario

_START_SECONDS = 120.0
SIMULATOR = pathlib.Path(__file__).resolve().parents[2] / "simulator"


@dataclass(frozen=True)
class Traffic:
    """What went over the wire."""

    connections: int
    turns: int
    octets: int

    def since(self, before: Traffic) -> Traffic:
        return Traffic(self.connections - before.connections, self.turns - before.turns, self.octets - before.octets)


class RunningSimulator:
    """Devices that listen."""

    def __init__(self, pid: int, control: pathlib.Path, host_key: str, start_seconds: float) -> None:
        self.pid = pid
        self.host_key = host_key
        self.start_seconds = start_seconds
        self._control = control

    def traffic(self) -> Traffic:
        return Traffic(**self._ask({"do": "traffic"}))

    def reset(self, names: Sequence[str]) -> None:
        """Bring devices back to their startup files."""
        for name in names:
            self._ask({"do": "reset", "device": name})

    def configuration(self, name: str) -> str:
        return str(self._ask({"do": "state", "device": name})["running_configuration"])

    def processor_seconds(self) -> float:
        return measurement.processor_seconds(self.pid)

    def memory(self) -> int:
        return measurement.resident_octets(self.pid)

    def _ask(self, request: dict[str, str]) -> dict[str, object]:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._control))
            line.sendall(json.dumps(request).encode() + b"\n")
            line.shutdown(socket.SHUT_WR)
            answer = json.loads(b"".join(iter(lambda: line.recv(65536), b"")))
        if not answer["ok"]:
            raise RuntimeError(f"simulator: {answer['error']}")
        return answer["result"] or {}


@contextlib.contextmanager
def running(
    directory: pathlib.Path, fleet: Sequence[scenario.Target], round_trip_time: float
) -> Iterator[RunningSimulator]:
    """Start the devices of a fleet and stop them at the end. round_trip_time: seconds."""
    directory.mkdir(parents=True, exist_ok=True)
    devices, ready, control = directory / "devices.json", directory / "ready.json", directory / "control"
    scenario.write_devices(devices, fleet, round_trip_time)
    ready.unlink(missing_ok=True)
    start = time.monotonic()
    command = [sys.executable, "-m", "vrp_simulator", "--devices", str(devices), "--ready-file", str(ready)]
    with (directory / "simulator.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--control", str(control), "--host-key", str(directory / "host_key")],
            env={**os.environ, "PYTHONPATH": str(SIMULATOR)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        while not ready.exists():
            if process.poll() is not None or time.monotonic() - start > _START_SECONDS:
                raise RuntimeError(f"The simulator did not start; {directory / 'simulator.log'} tells why.")
            time.sleep(0.05)
        told = json.loads(ready.read_text(encoding="utf-8"))
        yield RunningSimulator(process.pid, control, told["host_key"], time.monotonic() - start)
    finally:
        process.terminate()
        process.wait(30)
