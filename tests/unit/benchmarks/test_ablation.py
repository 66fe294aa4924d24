# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No constant of the estimator stands by itself: each has been varied, and the table says what that was worth."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILTER = ROOT / "roles" / "ntp_multicast_engine" / "files" / "ntp_multicast_engine" / "filter"
BENCHMARKS = ROOT / "tests" / "benchmarks"
MATHEMATICS = {"_HALF_LOG_TWO_PI", "_SMALLEST_VARIANCE"}
"""No choice of anybody's: a number's other name, and what a division by nothing is spared by."""


def constants(module: Path) -> Iterator[str]:
    """Names in capitals that a module assigns numbers to."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        for target in node.targets if isinstance(node, ast.Assign) else []:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            yield from (name.id for name in names if isinstance(name, ast.Name) and re.match(r"_?[A-Z]", name.id))


NAMES = sorted({name for module in ("estimator.py", "kalman.py") for name in constants(FILTER / module)} - MATHEMATICS)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_has_been_varied_and_stands_in_the_table(name: str) -> None:
    table = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in table
    varied = (BENCHMARKS / "engine_ablation.py").read_text(encoding="utf-8")
    assert f'"{name}"' in varied
