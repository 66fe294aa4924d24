# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public workflows: targets that exist, actions that nobody can move, no more rights than needed."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}  # v[0-9]+(?:\.[0-9]+)*")


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        yield from job["steps"]


def test_they_are_there() -> None:
    assert [path.stem for path in WORKFLOWS] == ["docs", "gates", "release", "test"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_rights_are_few(path: pathlib.Path) -> None:
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for used in re.findall(r"uses: (.*)", text):
        assert PINNED.fullmatch(used), used
    for step in steps(workflow):
        assert "${{" not in step.get("run", ""), "what others write must not become a command"
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_they_run_the_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    called = {
        target
        for path in WORKFLOWS
        for step in steps(yaml.safe_load(path.read_text(encoding="utf-8")))
        for target in re.findall(r"\bmake ([a-z][a-z-]*)", step.get("run", ""))
    }
    assert called <= targets
    of_the_project = set(
        re.findall(r"^make ([a-z]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert of_the_project <= called
