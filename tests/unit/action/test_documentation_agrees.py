# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of each module says what its action plugin takes."""

from __future__ import annotations

import importlib
import pathlib
from typing import Any

import pytest
import yaml

from ansible_collections.timecast.ntp_multicast.plugins.doc_fragments.attributes import ModuleDocFragment
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action import specification

COLLECTION = "ansible_collections.timecast.ntp_multicast.plugins"
SPECIFICATIONS = {
    "ntp_multicast_report": specification.NTP_MULTICAST_REPORT,
    "vrp_command": specification.VRP_COMMAND,
    "vrp_commit": specification.VRP_COMMIT,
    "vrp_config": specification.VRP_CONFIG,
    "vrp_facts": specification.VRP_FACTS,
    "vrp_ntp_multicast": specification.VRP_NTP_MULTICAST,
    "vrp_ntp_multicast_fleet": specification.VRP_NTP_MULTICAST_FLEET,
    "vrp_ntp_multicast_info": specification.VRP_NTP_MULTICAST_INFO,
}
LOOK_LIKE_SECRETS = ("key", "secret", "password", "token")


def documentation(module: str) -> dict[str, Any]:
    return yaml.safe_load(importlib.import_module(f"{COLLECTION}.modules.{module}").DOCUMENTATION)


def documented(options: dict[str, Any]) -> dict[str, Any]:
    """What both sides say of options: names, types, choices, defaults, whether required, and the options inside."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "choices": option.get("choices"),
            "default": option.get("default"),
            "required": option.get("required", False),
            "aliases": option.get("aliases", []),
            "inside": documented(option.get("suboptions") or option.get("options") or {}),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("module", SPECIFICATIONS)
def test_options_are_documented_as_they_are(module: str) -> None:
    assert documented(documentation(module)["options"]) == documented(SPECIFICATIONS[module]["argument_spec"])


@pytest.mark.parametrize("module", SPECIFICATIONS)
def test_every_option_is_described(module: str) -> None:
    def described(options: dict[str, Any]) -> None:
        for name, option in options.items():
            assert option["description"], name
            described(option.get("suboptions", {}))

    described(documentation(module)["options"])


@pytest.mark.parametrize("module", SPECIFICATIONS)
def test_what_looks_like_a_secret_says_whether_it_is_one(module: str) -> None:
    found = {}

    def look(options: dict[str, Any], path: str) -> None:
        for name, option in options.items():
            if any(word in name for word in LOOK_LIKE_SECRETS):
                found[f"{path}{name}"] = option.get("no_log")
            look(option.get("options", {}), f"{path}{name}.")

    look(SPECIFICATIONS[module]["argument_spec"], "")
    assert None not in found.values()
    if module == "vrp_ntp_multicast":
        assert [path for path, secret in found.items() if secret] == ["config.authentication.keys.secret"]


@pytest.mark.parametrize("module", SPECIFICATIONS)
def test_examples_use_options_that_exist(module: str) -> None:
    examples = yaml.safe_load(importlib.import_module(f"{COLLECTION}.modules.{module}").EXAMPLES)
    tasks = [task for example in examples for task in example.get("tasks", [example])]
    known = SPECIFICATIONS[module]["argument_spec"]
    name = f"timecast.ntp_multicast.{module}"
    used = {option for task in tasks for option in task.get(name) or {}}
    assert any(name in task for task in tasks) and used <= set(known)


@pytest.mark.parametrize("module", SPECIFICATIONS)
def test_results_are_described(module: str) -> None:
    returned = yaml.safe_load(importlib.import_module(f"{COLLECTION}.modules.{module}").RETURN)
    assert returned
    for name, result in returned.items():
        assert {"description", "returned", "type"} <= set(result), name


def test_the_action_group_is_the_one_that_the_documentation_names(pytestconfig: pytest.Config) -> None:
    runtime = yaml.safe_load(pathlib.Path(pytestconfig.rootpath, "meta", "runtime.yml").read_text(encoding="utf-8"))
    fragment = yaml.safe_load(ModuleDocFragment.ACTIONGROUP_VRP)
    assert fragment["attributes"]["action_group"]["membership"] == ["timecast.ntp_multicast.vrp"]
    using = {
        path.stem
        for path in pathlib.Path(pytestconfig.rootpath, "plugins", "modules").glob("*.py")
        if "timecast.ntp_multicast.attributes.actiongroup_vrp" in path.read_text(encoding="utf-8")
    }
    assert using == set(runtime["action_groups"]["vrp"])
    # What reads the controller's variables alone has no connection to a device.
    assert using == set(SPECIFICATIONS) - {"ntp_multicast_report"}
