# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys and `-e name=false` give text, and a text that is not empty is true in Jinja. Each boolean variable of both
roles is either made one (`| bool`) or handed on whole to something that does so."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
import yaml
from ansible.module_utils.parsing.convert_bool import boolean

ROLES = pathlib.Path(__file__).resolve().parents[3] / "roles"
DECIDING = ("when", "that", "until", "failed_when", "changed_when", "-")


def booleans() -> list[tuple[str, str]]:
    found = []
    for role in ("ntp_multicast", "ntp_multicast_engine"):
        specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        options: dict[str, Any] = specs["argument_specs"]["main"]["options"]
        found += [(role, name) for name, option in options.items() if option["type"] == "bool"]
    return found


def lines_with(role: str, name: str) -> list[str]:
    files = [
        path
        for folder in ("tasks", "templates", "vars", "handlers")
        for path in (ROLES / role / folder).rglob("*")
        if path.is_file()
    ]
    return [
        line.strip()
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(rf"\b{name}\b", line) and not line.strip().startswith("#")
    ]


def is_made_a_boolean(line: str, name: str) -> bool:
    bare = re.sub(rf"\b{name}\b\s*\|\s*bool\b", "", line)
    return re.search(rf"\b{name}\b(?!`| to | \()", bare) is None


def is_handed_on_whole(line: str, name: str) -> bool:
    key, _colon, value = line.partition(":")
    return value.strip().strip("\"'") == f"{{{{ {name} }}}}" and key.strip("- ") not in DECIDING


def in_a_sentence(line: str, name: str) -> bool:
    """Named for the user rather than evaluated."""
    return re.search(rf"(?:[Ss]et|in|[Uu]se) {name}\b", line) is not None and "{{ " + name not in line


@pytest.mark.parametrize(("role", "name"), booleans())
def test_a_text_for_a_boolean(role: str, name: str) -> None:
    for line in lines_with(role, name):
        safe = is_made_a_boolean(line, name) or is_handed_on_whole(line, name) or in_a_sentence(line, name)
        assert safe, f"a text that says false would be true here: {line}"


def test_there_are_booleans_and_they_are_used() -> None:
    found = booleans()
    assert ("ntp_multicast_engine", "ntp_multicast_engine_require_interfaces") in found and len(found) >= 6
    assert lines_with("ntp_multicast_engine", "ntp_multicast_engine_require_interfaces")


@pytest.mark.parametrize("value", ["false", "no", "0", "off", 0, False])
def test_what_ansible_takes_for_false(value: Any) -> None:
    assert boolean(value) is False
