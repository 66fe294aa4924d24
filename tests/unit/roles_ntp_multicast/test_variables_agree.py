# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One list of options: data model, role, defaults, survey and guide say the same."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.launch import AS_DESCRIBED, COMMIT_SETTINGS
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options import CONFIG_OPTIONS

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "ntp_multicast"
SECTIONS = {f"ntp_multicast_{section}": options for section, options in CONFIG_OPTIONS.items()}


class UnsafeLoader(yaml.SafeLoader):
    """Ansible's ``!unsafe`` texts, read as texts."""


UnsafeLoader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def load(path: pathlib.Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), UnsafeLoader)


ENTRY_POINTS: dict[str, Any] = load(ROLE / "meta" / "argument_specs.yml")["argument_specs"]
ALL_OPTIONS: dict[str, Any] = {
    name: option for entry_point in ENTRY_POINTS.values() for name, option in entry_point["options"].items()
}


def shape(option: dict[str, Any]) -> dict[str, Any]:
    """What of an option has a meaning for validation; a false flag says as much as an absent one."""
    found = {
        key: value for key, value in option.items() if key not in ("description", "options") and value is not False
    }
    if "options" in option:
        found["options"] = {name: shape(suboption) for name, suboption in option["options"].items()}
    return found


def paths(options: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, option in options.items():
        yield prefix + name
        yield from paths(option.get("options", {}), f"{prefix}{name}.")


@pytest.mark.parametrize("variable", SECTIONS)
def test_the_role_takes_the_sections_of_the_model(variable: str) -> None:
    assert shape(ENTRY_POINTS["main"]["options"][variable]) == shape(SECTIONS[variable])


def test_every_secret_of_the_role_is_hidden() -> None:
    assert ENTRY_POINTS["main"]["options"]["ntp_multicast_authentication"]["options"]["keys"]["options"]["secret"][
        "no_log"
    ]


def test_defaults_and_specification_agree() -> None:
    specified = {name: option["default"] for name, option in ALL_OPTIONS.items() if "default" in option}
    assert load(ROLE / "defaults" / "main.yml") == specified


def test_only_the_sections_have_no_default() -> None:
    assert {name for name, option in ALL_OPTIONS.items() if "default" not in option} == set(SECTIONS)


def test_an_option_of_several_entry_points_has_one_shape() -> None:
    for entry_point in ENTRY_POINTS.values():
        for name, option in entry_point["options"].items():
            assert shape(option) == shape(ALL_OPTIONS[name])


@pytest.mark.parametrize("path", list(paths(CONFIG_OPTIONS)))
def test_the_guide_describes_every_option(path: str) -> None:
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_data_model.rst").read_text(encoding="utf-8")
    assert f"``{path}``" in guide


@pytest.mark.parametrize("answer", ["", AS_DESCRIBED])
def test_an_answer_at_launch_that_asks_for_nothing_leaves_the_commit_as_it_is_described(answer: str) -> None:
    """On Linux the role reads the answers itself; on VRP the module does."""
    template = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["__ntp_multicast_commit"]
    environment = NativeEnvironment()
    environment.filters["combine"] = lambda *parts: {key: value for part in parts for key, value in part.items()}
    described = {"trial": 90, "confirm": "synchronised"}
    answers = {f"ntp_multicast_launch_{name}": answer if name == "confirm" else "" for name in COMMIT_SETTINGS}
    assert environment.from_string(template).render(ntp_multicast_commit=described, **answers) == described
    answers["ntp_multicast_launch_confirm"] = "login"
    made = environment.from_string(template).render(ntp_multicast_commit=described, **answers)
    assert made == {"trial": 90, "confirm": "login"}
