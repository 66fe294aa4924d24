# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet benchmark counts and prints."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest
from benchmarks.fleet import measurement, report, scenario
from benchmarks.fleet.measurement import Cost
from benchmarks.fleet.report import Row
from benchmarks.fleet.simulator import Traffic

MIB = report.MIB


def row(name: str, devices: int, wall: float, exit_code: int = 0) -> Row:
    return Row(name, devices, 10, Cost(wall, 2.0, 64 * MIB, exit_code), 1.0, Traffic(devices, 20 * devices, 100))


def test_ratios_are_for_each_device() -> None:
    floor = row("floor", 100, 10.0)
    assert report.cells(row("other", 10, 4.0), floor)[-1] == "4.00"
    assert report.cells(floor, floor)[-1] == "1.00"
    assert report.cells(floor, None)[-1] == "-"


def test_the_columns_are_aligned_and_a_failure_shows() -> None:
    lines = report.table([row("a long name", 100, 10.0), row("b", 10, 1.0, exit_code=2)], None)
    assert len({len(line) for line in lines}) == 1
    assert "b (FAILED: 2)" in lines[2]


def test_a_document_gets_the_output_of_a_run() -> None:
    block = ".. code-block:: text\n\n   {}\n\n"
    document = block.format("kept") + ".. begin of benchmark\n\n" + block.format("old") + "End.\n"
    renewed = report.with_output(document, "run  wall\nours  1.0\n")
    assert renewed == document.replace("old\n", "run  wall\n   ours  1.0\n")
    assert report.with_output(renewed, "old") == document
    with pytest.raises(ValueError, match="no block of text"):
        report.with_output("# Title\n", "text")


def test_a_missed_target_says_so() -> None:
    assert report.verdict("wall, s", 36.0, 35).startswith("MISSED")
    assert report.verdict("ratio", 21.0, 20, at_least=True).startswith("met")


def test_a_daemon_that_is_left_behind_counts_and_ends(tmp_path: pathlib.Path) -> None:
    program = (
        "import os, sys, time\n"
        "done, tell = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        end = time.process_time() + 1.0\n"
        "        while time.process_time() < end: pass\n"
        "        print(os.getpid(), flush=True)\n"
        "        os.write(tell, b'.')\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "os.read(done, 1)\n"
        "sys.exit(3)\n"
    )
    log = tmp_path / "log"
    cost = measurement.run([sys.executable, "-c", program], os.environ, tmp_path, log, timeout=60)
    assert cost.exit_code == 3
    assert cost.processor >= 1.0
    assert cost.memory > MIB
    assert not pathlib.Path(f"/proc/{log.read_text(encoding='utf-8').strip()}").exists()


def test_each_device_has_an_address_of_its_own() -> None:
    fleet = scenario.targets(3000)
    assert len({target.address for target in fleet}) == len({target.name for target in fleet}) == 3000
    assert all(target.address.startswith("127.") for target in fleet)
