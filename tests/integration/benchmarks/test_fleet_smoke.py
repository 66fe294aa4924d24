# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet benchmark still runs: three devices, no judgement of any time."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]


def free_port() -> int:
    """A port that is free on the first device's address, and most likely on its neighbours'."""
    with socket.socket() as probe:
        probe.bind(("127.20.0.1", 0))
        return int(probe.getsockname()[1])


def test_three_devices(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "fleet", "--devices", "3", "--others", "0", "--sessions", "2"]
    done = subprocess.run(
        [*command, "--port", str(free_port()), "--output", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "benchmarks")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("floor", "ours"))]
    assert len(rows) == 4, done.stdout
    assert [float(row[-4]) for row in rows] == [1.0] * 4, done.stdout  # one login for each device, always
    assert (tmp_path / "table.txt").read_text(encoding="utf-8") == done.stdout
