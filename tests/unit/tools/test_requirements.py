# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pinned files: each package has a version and hashes, and one lane has the lowest versions that are supported."""

from __future__ import annotations

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SETUP = (ROOT / "tests" / "tools" / "setup").read_text(encoding="utf-8")
PINNED = [ROOT / path for path in re.findall(r"^ +environment \S+ (\S+)", SETUP, re.MULTILINE)]


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.stem)
def test_each_package_has_a_version_and_hashes(path: pathlib.Path) -> None:
    """To write the hashes of a file: tests/tools/pin FILE PYTHON."""
    packages = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip())
    for package in packages:
        assert re.fullmatch(r"[\w.-]+==[\w.]+(?: \\\n +--hash=sha256:[0-9a-f]{64})+", package), package[:200]


def test_the_lowest_lane_is_what_is_promised() -> None:
    text = (ROOT / "tests" / "requirements" / "core-2.16.txt").read_text(encoding="utf-8")
    lowest = dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))
    assert lowest["ansible-core"] == "2.16.0"
    promised = dict(
        re.findall(r"^([\w.-]+)>=([\w.]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for name, version in promised.items():
        assert f"{lowest[name]}.".startswith(f"{version}."), name
    assert 'requires_ansible: ">=2.16.0"' in (ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8")
