# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role asks a task whether nothing may be changed: ansible_check_mode does not know of a play in check mode."""

from __future__ import annotations

from fixtures.places import REPOSITORY

ROLE = REPOSITORY / "roles" / "ntp_multicast_engine"


def test_no_task_trusts_the_command_line_alone() -> None:
    trusting = {
        path.name
        for path in ROLE.rglob("*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "ansible_check_mode" in line and not line.lstrip().startswith("#")
    }
    assert trusting == {"main.yml"}
    variables = (ROLE / "vars" / "main" / "main.yml").read_text(encoding="utf-8")
    assert variables.count("ansible_check_mode") == 1


def test_every_entry_that_looks_asks_first() -> None:
    for name in ("main", "roll_back", "confirm"):
        assert "file: check_mode.yml" in (ROLE / "tasks" / f"{name}.yml").read_text(encoding="utf-8")
