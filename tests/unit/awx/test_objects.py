# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects in docs/awx load: what the modules take, what is named exists, what is required has its value."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.launch import AS_DESCRIBED
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import (
    PLAYBOOK_VARIABLES,
    options_of_role,
)

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "awx"
FIXTURE = ROOT / "tests" / "fixtures" / "awx" / "argument_specs.json"
SPECIFICATIONS: dict[str, dict[str, Any]] = json.loads(FIXTURE.read_text(encoding="utf-8"))
BUILT_IN = {"Network", "Machine"}
# What AWX lets such credentials have.
INPUTS = {
    "Network": {"username", "password", "ssh_key_data", "ssh_key_unlock", "authorize", "authorize_password"},
    "Machine": {
        "username",
        "password",
        "ssh_key_data",
        "ssh_public_key_data",
        "ssh_key_unlock",
        "become_method",
        "become_username",
        "become_password",
    },
}
SURVEY_TYPES = {"text": {"str"}, "multiplechoice": {"str"}, "integer": {"int"}}


class UnsafeLoader(yaml.SafeLoader):
    """Ansible's ``!unsafe`` texts, read as texts."""


UnsafeLoader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def load(name: str) -> Any:
    return yaml.load((FOLDER / name).read_text(encoding="utf-8"), UnsafeLoader)


OBJECTS: dict[str, list[dict[str, Any]]] = {
    name: entries for path in sorted(FOLDER.glob("controller_*.yml")) for name, entries in load(path.name).items()
}
TASKS: list[dict[str, Any]] = load("load.yml")[0]["tasks"]
MODULES = {
    re.sub(r"\W", "", task["loop"]): key.rpartition(".")[2] for task in TASKS for key in task if "awx.awx" in key
}
TEMPLATES = OBJECTS["controller_templates"]
QUESTIONS = [
    pytest.param(question, id=f"{template['name']}: {question['variable']}")
    for template in TEMPLATES
    for question in template["survey_spec"]["spec"]
]


def names(kind: str) -> set[str]:
    return {entry["name"] for entry in OBJECTS[kind]}


def test_every_object_is_loaded_by_a_module() -> None:
    assert set(MODULES) == set(OBJECTS)
    play = load("load.yml")[0]
    assert set(play["vars_files"]) == {path.name for path in FOLDER.glob("controller_*.yml")}


@pytest.mark.parametrize("kind", sorted(OBJECTS))
def test_every_option_is_one_of_the_module_and_of_the_right_type(kind: str) -> None:
    options = SPECIFICATIONS[MODULES[kind]]
    (task,) = [task for task in TASKS if f"awx.awx.{MODULES[kind]}" in task]
    handed = task[f"awx.awx.{MODULES[kind]}"]
    for entry in OBJECTS[kind]:
        found = ArgumentSpecValidator(options).validate(entry)
        assert found.error_messages == []
        assert set(entry) <= set(handed), "the playbook hands over all that the object has"
    for option, value in handed.items():
        assert option in options
        assert f"item.{option}" in value
        optional = "default(omit)" in value
        assert optional or all(option in entry for entry in OBJECTS[kind])


def test_what_was_printed_of_awx_is_what_is_installed() -> None:
    installed = list(ROOT.glob(".venv-bench/lib/python*/site-packages/ansible_collections/awx/awx"))
    if not installed:
        pytest.skip("LEFT OUT: no awx.awx is installed here (.venv-bench has one); the fixture stands for it")
    script = ROOT / "tests" / "tools" / "awx_argument_specs"
    printed = subprocess.run([sys.executable, script, installed[0]], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == SPECIFICATIONS


def test_all_that_is_named_is_created_here() -> None:
    for template in TEMPLATES:
        assert template["project"] in names("controller_projects")
        assert template["inventory"] in names("controller_inventories")
        assert template["execution_environment"] in names("controller_execution_environments")
        assert set(template["credentials"]) <= names("controller_credentials")
    for credential in OBJECTS["controller_credentials"]:
        assert credential["credential_type"] in BUILT_IN | names("controller_credential_types")
    for source in OBJECTS["controller_inventory_sources"]:
        assert source["inventory"] in names("controller_inventories")
        assert source["source_project"] in names("controller_projects")
    for schedule in OBJECTS["controller_schedules"]:
        assert schedule["unified_job_template"] in names("controller_templates")


def test_credentials_have_the_inputs_of_their_types() -> None:
    own = {
        kind["name"]: {field["id"] for field in kind["inputs"]["fields"]}
        for kind in OBJECTS["controller_credential_types"]
    }
    required = {kind["name"]: set(kind["inputs"]["required"]) for kind in OBJECTS["controller_credential_types"]}
    for credential in OBJECTS["controller_credentials"]:
        kind = credential["credential_type"]
        assert set(credential["inputs"]) <= {**INPUTS, **own}[kind]
        assert required.get(kind, set()) <= set(credential["inputs"])
    (task,) = [task for task in TASKS if "awx.awx.credential" in task]
    assert task["no_log"] is True


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_of_a_survey_is_a_variable(question: dict[str, Any]) -> None:
    option = {**options_of_role("ntp_multicast"), **PLAYBOOK_VARIABLES}[question["variable"]]
    assert option["type"] in SURVEY_TYPES[question["type"]]
    assert set(question.get("choices", ())) <= set(option.get("choices", ()))
    assert not option.get("no_log")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_that_is_not_answered_leaves_it_at_the_inventory(question: dict[str, Any]) -> None:
    if question["required"]:
        assert "default" not in question, "what has to be answered is not answered by one click"
    elif question["type"] == "multiplechoice":
        assert question["choices"][0] == question["default"] == AS_DESCRIBED
    else:
        assert "default" not in question


def test_nobody_deletes_with_one_click() -> None:
    choices = [
        choice for template in TEMPLATES for q in template["survey_spec"]["spec"] for choice in q.get("choices", ())
    ]
    assert "deleted" not in choices
    removing = [template for template in TEMPLATES if "deleted" in str(template.get("extra_vars"))]
    assert [template["job_type"] for template in removing] == ["check"]
    (question,) = removing[0]["survey_spec"]["spec"]
    assert (question["variable"], question["required"]) == ("ntp_multicast_hosts", True)


def test_a_schedule_answers_what_its_template_asks() -> None:
    surveys = {template["name"]: template["survey_spec"]["spec"] for template in TEMPLATES}
    for schedule in OBJECTS["controller_schedules"]:
        questions = surveys[schedule["unified_job_template"]]
        asked = {question["variable"] for question in questions}
        required = {question["variable"] for question in questions if question["required"]}
        assert required <= set(schedule["extra_data"]) <= asked


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["name"])
def test_each_job_template_runs_a_playbook_of_the_collection(template: dict[str, Any]) -> None:
    name = pathlib.Path(template["playbook"]).stem.removeprefix("ntp_multicast_")
    assert (ROOT / "playbooks" / f"{name}.yml").is_file()


def test_a_commit_can_be_described_at_launch() -> None:
    asked = {q["variable"] for template in TEMPLATES for q in template["survey_spec"]["spec"]}
    assert {"ntp_multicast_launch_trial", "ntp_multicast_launch_label"} <= asked


def test_the_playbook_needs_the_variables_that_it_says() -> None:
    text = (FOLDER / "load.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"ntp_multicast_awx_\w+", "".join(path.read_text() for path in FOLDER.glob("controller_*"))))
    assert used == set(re.findall(r"ntp_multicast_awx_\w+", text))
