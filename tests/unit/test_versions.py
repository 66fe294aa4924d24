# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version is one, wherever it is written; and so is the oldest ansible-core."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import ntp_multicast_engine

ROOT = Path(__file__).parents[2]
VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_the_engine_and_the_release_notes_have_the_version_of_the_collection() -> None:
    releases = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"]
    assert ntp_multicast_engine.__version__ == VERSION
    assert max(releases, key=numbers) == VERSION
    assert f"\nv{VERSION}\n" in (ROOT / "CHANGELOG.rst").read_text()


def test_nothing_was_added_in_a_version_that_was_never_released() -> None:
    releases = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"]
    paths = [path for folder in ("plugins", "roles") for path in (ROOT / folder).rglob("*") if path.is_file()]
    added = {
        (version, path)
        for path in paths
        if path.suffix in (".py", ".yml")
        for version in re.findall(r"""version_added: ['"]?([0-9.]+)""", path.read_text(encoding="utf-8"))
    }
    assert added and [item for item in sorted(added) if item[0] not in releases] == []


def test_the_oldest_ansible_core_is_the_same_everywhere() -> None:
    oldest = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["requires_ansible"]
    assert oldest == ">=2.16.0"
    for name in ("README.md", "docs/docsite/rst/guide_quickstart.rst"):
        stated = re.findall(r"ansible-core[^0-9\n]{0,8}([0-9]+\.[0-9]+)", (ROOT / name).read_text(encoding="utf-8"))
        assert stated and min(stated, key=numbers) == "2.16", name
