# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that follow from the code: every error with a cause and a cure, and the reference of the engine."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import pathlib
import re
from types import ModuleType

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]


def load_tool(name: str) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "tests" / "tools" / name))
    specification = importlib.util.spec_from_loader(name, loader)
    assert specification
    module = importlib.util.module_from_spec(specification)
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def messages() -> ModuleType:
    return load_tool("messages")


def test_every_text_of_the_code_is_described_and_no_other(messages: ModuleType) -> None:
    missing, gone = messages.differences()
    assert not missing, f"Describe them in docs/docsite/messages.yml (tests/tools/messages --missing): {missing}"
    assert not gone, f"No code has these texts any more; take them out of docs/docsite/messages.yml: {gone}"


def test_every_message_has_a_cause_and_a_cure() -> None:
    for entries in yaml.safe_load((ROOT / "docs/docsite/messages.yml").read_text(encoding="utf-8")).values():
        for entry in entries:
            assert set(entry) == {"text", "cause", "cure"}, entry
            assert entry["cause"].endswith(".") and entry["cure"].endswith("."), entry


def test_the_page_is_as_the_file_has_it(messages: ModuleType) -> None:
    assert messages.PAGE.read_text(encoding="utf-8") == messages.page(), "Run tests/tools/messages."


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('raise UserError(f"No {what} here.")', ["No … here."]),
        ('raise answer.error(CommitError, "The device refused it.")', ["The device refused it."]),
        ('rule = "it has to be a number"', ["it has to be a number"]),
        ('yield Problem(path, value, "it has to be short", source)', ["it has to be short"]),
        ('raise TypeError("not of ours")', []),
        ('log.info("nothing is wrong")', []),
    ],
)
def test_what_counts_as_a_text(messages: ModuleType, tmp_path: pathlib.Path, code: str, expected: list[str]) -> None:
    (tmp_path / "some.py").write_text(f"def function():\n    {code}\n", encoding="utf-8")
    assert list(messages.texts_of(tmp_path / "some.py")) == expected


def test_the_reference_of_the_engine_is_as_the_engine_has_it() -> None:
    tool = load_tool("engine_reference")
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(), "Run tests/tools/engine_reference."


def test_every_code_of_the_engine_stands_on_the_page_of_messages(messages: ModuleType) -> None:
    """Apart from those of packets that are refused, which the manual page lists as counters."""
    folder = ROOT / "roles/ntp_multicast_engine/files/ntp_multicast_engine"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    page = messages.PAGE.read_text(encoding="utf-8")
    codes = set(re.findall(r"(?:ProblemStatus|_problem)\(\s*\"(\w+)\"", text)) - {"refused"}
    assert len(codes) > 10
    assert {code for code in codes if f"``{code}``" not in page} == set()
