# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each deliberate mistake of `make mutants` can still be made."""

from __future__ import annotations

import pathlib

import pytest
from mutants import Mutant
from mutants.engine import MUTANTS as OF_THE_ENGINE
from mutants.plugins import MUTANTS as OF_THE_PLUGINS

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("mutant", (*OF_THE_ENGINE, *OF_THE_PLUGINS), ids=lambda mutant: mutant.name)
def test_its_text_stands_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.path).read_text(encoding="utf-8").count(mutant.old) == 1
    assert (ROOT / mutant.tests.split("::")[0].split()[0]).exists()
