# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bounded part of `tests/benchmarks/guided_fuzz.py`."""

from __future__ import annotations

import pathlib
import re
import subprocess

import needs

ROOT = pathlib.Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-fuzz" / "bin" / "python"
# What comes from outside: packets, files, the status socket, and whatever a device says.
TARGETS = (
    *("packet", "response", "key file", "configuration", "control", "state"),
    *("vrp screen", "vrp session", "vrp grammar"),
)
INPUTS = 1800

pytestmark = needs.unless(needs.no_file(PYTHON, "fuzz"))


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "tests/benchmarks/guided_fuzz.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def test_guided_inputs_raise_only_documented_errors() -> None:
    done = fuzz("--inputs", str(INPUTS), "--only", *TARGETS)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(re.findall(r"^(\S.*?)  +([0-9]+) +[0-9]+ +[0-9]+ +[0-9]+$", done.stdout, re.MULTILINE))
    assert set(rows) == set(TARGETS)
    assert sum(map(int, rows.values())) >= 0.9 * INPUTS
    features = [int(number) for number in re.findall(r"^\S.*?  +[0-9]+ +([0-9]+)", done.stdout, re.MULTILINE)]
    assert all(number > 10 for number in features), "nothing guides the inputs"


def test_a_target_that_is_none_is_refused() -> None:
    done = fuzz("--inputs", "1", "--only", "nothing")
    assert done.returncode == 2
    assert "vrp session" in done.stderr
