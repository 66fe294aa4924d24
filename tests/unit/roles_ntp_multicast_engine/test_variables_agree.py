# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One list of options: data model, argument specification, defaults and the engine's own ranges say the same."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import yaml

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options import CONFIG_OPTIONS

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "ntp_multicast_engine"
PREFIX = "ntp_multicast_engine_"


def load(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


OPTIONS: dict[str, Any] = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
DEFAULTS: dict[str, Any] = load("defaults/main.yml")


def shape(option: dict[str, Any]) -> dict[str, Any]:
    """What of an option has a meaning for validation; a false flag says as much as an absent one."""
    found = {
        key: value
        for key, value in option.items()
        if key not in ("description", "options", "default") and value is not False
    }
    if "options" in option:
        found["options"] = {name: shape(suboption) for name, suboption in option["options"].items()}
    return found


@pytest.mark.parametrize("section", CONFIG_OPTIONS)
def test_the_role_takes_the_sections_of_the_model(section: str) -> None:
    assert shape(OPTIONS[PREFIX + section]) == shape(CONFIG_OPTIONS[section])


def test_every_default_is_specified_and_every_specified_default_is_there() -> None:
    assert {name: option["default"] for name, option in OPTIONS.items() if "default" in option} == DEFAULTS


def test_only_what_may_be_left_out_has_no_default() -> None:
    assert [name for name, option in OPTIONS.items() if "default" not in option] == [PREFIX + "fallback_delay"]


@pytest.mark.parametrize("name", [*OPTIONS, *DEFAULTS])
def test_variables_carry_the_name_of_the_role(name: str) -> None:
    assert name.startswith(PREFIX)


@pytest.mark.parametrize("name", [*load("vars/main/main.yml"), *load("vars/main/distributions.yml")])
def test_internal_variables_are_marked_as_such(name: str) -> None:
    assert name.startswith(f"__{PREFIX}")


def test_defaults_have_the_type_that_is_specified() -> None:
    types = {"str": str, "path": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list}
    for name, value in DEFAULTS.items():
        assert value.__class__ is types[OPTIONS[name]["type"]], name
