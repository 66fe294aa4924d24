# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliberate mistakes that the tests have to notice. `make mutants` makes each of them in a copy of the tree."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One deliberate mistake.

    Attributes:
        name: what is wrong then, in a few words.
        path: the file, from the top of the repository.
        old: text that stands in the file exactly once.
        new: what takes its place.
        tests: arguments of pytest that name the tests which have to fail.
    """

    name: str
    path: str
    old: str
    new: str
    tests: str
