# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's table of threats is true: its tests exist, its counters exist, and no counter goes untested."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ntp_multicast_engine.protocol.packet_tests import BROADCAST_TESTS, REQUEST_TESTS, RESPONSE_TESTS

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_threats.rst"
MANUAL = ROOT / "roles" / "ntp_multicast_engine" / "files" / "ntp-multicast-engine.8"
FOLDERS = [ROOT / "tests" / "unit", ROOT / "tests" / "integration"]


def reasons() -> list[str]:
    """Counters of packets that were dropped: the names of the tests, and whatever else drops a packet by name."""
    engine = MANUAL.parent / "ntp_multicast_engine"
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(engine.rglob("*.py")))
    others = re.findall(r"""(?:PacketError|\.drop|warnings\.append)\("(\w+)\"""", text)
    others += re.findall(r'return "(wrong_\w+)"', text)
    names = [test.name for tests in (BROADCAST_TESTS, RESPONSE_TESTS, REQUEST_TESTS) for test in tests]
    return list(dict.fromkeys([*names, *others, "kernel_filter"]))


REASONS = reasons()


def rows() -> list[list[str]]:
    """The three cells of each row of the table: threat, what the engine does with its counters, tests."""
    text = GUIDE.read_text(encoding="utf-8").partition("\nThreats\n")[2]
    table = text.partition(".. list-table::")[2]
    cells = re.findall(r"^   (\* -|  -) (.*)$", table, re.MULTILINE)
    found: list[list[str]] = []
    for mark, cell in cells:
        if mark == "* -":
            found.append([])
        found[-1].append(cell)
    return found[1:]


def words(cell: str) -> list[str]:
    return re.findall(r"``([^`]+)``", cell)


def sources() -> dict[Path, str]:
    paths = (path for folder in FOLDERS for path in folder.rglob("test_*.py"))
    return {path: path.read_text(encoding="utf-8") for path in paths if path != Path(__file__)}


SOURCES = sources()
EXISTING = {
    node.name
    for text in SOURCES.values()
    for node in ast.walk(ast.parse(text))
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
} | {path.name for path in SOURCES}


def test_what_drops_packets_is_found() -> None:
    assert {"replay", "version", "rate_limited", "wrong_group", "truncated", "loop", "offset_jump"} <= set(REASONS)
    assert len(REASONS) >= 45


def test_the_table_has_all_threats() -> None:
    assert len(rows()) == 15


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_threat_has_tests_that_exist_and_counters_that_exist(row: list[str]) -> None:
    _threat, defence, tests = row
    assert words(tests) and set(words(tests)) <= EXISTING
    assert set(words(defence)) <= set(REASONS)


def test_every_threat_that_packets_carry_out_has_a_counter() -> None:
    bare = [threat for threat, defence, _tests in rows() if not words(defence)]
    assert bare == ["Own corrections of the clock poison the measured delay", "Keys in outputs"]


@pytest.mark.parametrize("reason", REASONS)
def test_every_counter_is_seen_by_a_test(reason: str) -> None:
    assert any(re.search(rf"""["'=]{reason}["'\]]""", text) for text in SOURCES.values())


@pytest.mark.parametrize("reason", REASONS)
def test_the_manual_explains_every_counter(reason: str) -> None:
    explained = MANUAL.read_text(encoding="utf-8").partition(".SH COUNTERS")[2].partition(".SH ")[0]
    assert re.search(rf"\b{reason}\b", explained)


def test_the_manual_says_what_a_shared_key_cannot_prevent() -> None:
    manual = MANUAL.read_text(encoding="utf-8")
    assert "A shared key can't prevent one thing" in manual and "allow_servers" in manual
