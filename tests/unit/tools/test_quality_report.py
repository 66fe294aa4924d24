# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of `make quality`: text that stands twice is found, and coverage is summed by room."""

from __future__ import annotations

import importlib.util
import json
import pathlib
from types import ModuleType

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "tests" / "tools" / "quality_report.py"
SAME = "".join(f"    total += weight_{number} * value\n" for number in range(9))


@pytest.fixture(name="report")
def report_fixture() -> ModuleType:
    specification = importlib.util.spec_from_file_location("quality_report", SCRIPT)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_text_that_stands_twice(
    report: ModuleType, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "one.py").write_text(f"def one():\n{SAME}", encoding="utf-8")
    (tmp_path / "plugins" / "two.py").write_text(f"import x\n\n\ndef two():\n    x = 1\n\n{SAME}", encoding="utf-8")
    (tmp_path / "plugins" / "three.py").write_text(f'"""Words.\n{SAME}"""\n', encoding="utf-8")
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "files", lambda: ["plugins/one.py", "plugins/three.py", "plugins/two.py"])
    report.show_duplicates()
    shown = capsys.readouterr().out
    assert "1 places" in shown
    assert "plugins/one.py:2  and  plugins/two.py:7" in shown


def test_coverage_by_room(report: ModuleType, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = {"num_statements": 4, "missing_lines": 1, "num_branches": 2, "covered_lines": 3, "covered_branches": 1}
    measured = {"files": {"plugins/action/a.py": {"summary": summary}, "plugins/filter/b.py": {"summary": summary}}}
    (tmp_path / "coverage.json").write_text(json.dumps(measured), encoding="utf-8")
    report.show_coverage(str(tmp_path / "coverage.json"))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["plugins/action", "75.0", "%", "50.0", "%"] in rows
    assert ["all", "75.0", "%", "50.0", "%"] in rows
