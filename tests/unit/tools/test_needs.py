# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that is left out says what is missing and how to get it, and is a failure where nothing may be left out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import needs
import pytest

TESTS = Path(__file__).parents[2]
EXAMPLES = """
import pathlib

import needs
import pytest


@needs.commands("true", "no-such-command")
def test_of_a_command():
    pass


@pytest.fixture
def peer():
    needs.leave_out("no peer; make peer")


def test_of_a_fixture(peer):
    pass


def test_in_the_middle():
    needs.require("", needs.no_file(pathlib.Path("/nowhere/tool"), "judges"))


@needs.effort(2)
def test_that_takes_minutes():
    pass


@pytest.mark.xfail(strict=True)
def test_that_fails_as_expected():
    raise AssertionError


def test_that_needs_nothing():
    needs.require("", needs.no_command("true"))
"""
REASONS = (
    "LEFT OUT: the command no-such-command is missing; apt-get install no-such-command",
    "LEFT OUT: no peer; make peer",
    "LEFT OUT: tool is missing; tests/tools/setup judges",
)
LONG = "LEFT OUT: it takes minutes; TIMECAST_TEST_EFFORT=2"


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    (tmp_path / "test_examples.py").write_text(EXAMPLES, encoding="utf-8")
    return tmp_path


def run(folder: Path, nothing_left_out: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rsfE", "-p", "needs", "-p", "no:cacheprovider", "--rootdir=.", "."],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TIMECAST"))},
            "PYTHONPATH": str(TESTS),
            "COLUMNS": "200",
            "TIMECAST_LEAVE_NOTHING_OUT": nothing_left_out,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("nothing_left_out", ["", "0"])
def test_each_says_what_is_missing_and_the_cure(examples: Path, nothing_left_out: str) -> None:
    code, told = run(examples, nothing_left_out)
    assert code == 0 and "1 passed, 4 skipped, 1 xfailed" in told, told
    for reason in (*REASONS, LONG):
        assert re.search(rf"^SKIPPED \[1\] test_examples\.py:\d+: {re.escape(reason)}$", told, re.MULTILINE), told


def test_where_nothing_may_be_left_out_each_has_failed(examples: Path) -> None:
    code, told = run(examples, "1")
    assert code == 1 and "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors" in told, told
    for reason in REASONS:
        assert f"{reason} (nothing may be left out here)" in told, told
    assert re.search(rf"^SKIPPED .*{re.escape(LONG)}$", told, re.MULTILINE), told


def test_all_tests_say_it_in_this_way() -> None:
    own = re.compile(r"pytest\.(skip\(|importorskip|mark\.skip)|unittest\.skip")
    files = [path for path in TESTS.rglob("*.py") if path not in (TESTS / "needs.py", Path(__file__))]
    assert len(files) > 300
    assert [path for path in files if own.search(path.read_text(encoding="utf-8"))] == []


def test_every_command_that_a_test_needs_is_installed_by_the_setup() -> None:
    """Except those of a package that every Debian has."""
    listed = (TESTS / "requirements" / "apt.txt").read_text(encoding="utf-8").splitlines()
    packages = {line.split()[0] for line in listed if line and not line.startswith("#")} | {"systemd", "util-linux"}
    asked = re.compile(r"needs\.(?:no_command|commands)\(([^)]*)\)")
    files = [path for path in TESTS.rglob("*.py") if path != Path(__file__)]
    names = {name for path in files for found in asked.findall(path.read_text("utf-8")) for name in found.split(", ")}
    commands = {name.strip('"') for name in names if name.startswith('"')}
    assert {"ip", "java", "node"} <= commands
    assert {needs.PACKAGES.get(name, name) for name in commands} - packages == set()
