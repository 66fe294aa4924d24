# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports in folders of every kind: each file is written as a whole, or it is said why not."""

from __future__ import annotations

import json
import pathlib

import pytest
from fixtures.reports import examples

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.report_files import (
    earlier_document,
    folder_of,
    write_reports,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import Kind
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.formats import FORMATS


def test_a_folder_is_the_users(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")
    assert folder_of("reports") == tmp_path / "reports"
    assert folder_of("~/reports") == pathlib.Path("/home/anna/reports")
    with pytest.raises(OSError, match="home"):
        folder_of("~nobody-of-this-name/reports")


def test_every_format_is_written_through_a_link_and_over_what_was_there(tmp_path: pathlib.Path) -> None:
    real, link = tmp_path / "real" / "deep", tmp_path / "link"
    real.mkdir(parents=True)
    link.symlink_to(real)
    (real / "drift.json").write_text("old", encoding="utf-8")
    written, problems = write_reports(examples.drift(), link, FORMATS)
    assert (len(written), problems) == (len(FORMATS), [])
    assert json.loads((real / "drift.json").read_text(encoding="utf-8"))["kind"] == "drift"
    assert len(list(real.iterdir())) == len(FORMATS)


@pytest.mark.parametrize("place", ["file", "link-to-nowhere", "file/below", "a\0b", "n" * 300])
def test_where_nothing_can_be_written_each_file_is_told(tmp_path: pathlib.Path, place: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "link-to-nowhere").symlink_to(tmp_path / "nowhere")
    written, problems = write_reports(examples.drift(), tmp_path / place, ["json", "md"])
    assert written == []
    assert [problem.partition(": ")[0].rpartition("/")[2] for problem in problems] == ["drift.json", "drift.md"]
    assert all(problem.partition(": ")[2] for problem in problems)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\udcff"])
def test_what_an_earlier_run_has_not_left_is_nothing(tmp_path: pathlib.Path, text: str) -> None:
    assert earlier_document(tmp_path, Kind.VERIFY) is None
    (tmp_path / "verify.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert earlier_document(tmp_path, Kind.VERIFY) is None
