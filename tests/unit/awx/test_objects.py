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

import needs
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.launch import AS_DESCRIBED
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import (
    PLAYBOOK_VARIABLES,
    options_of_role,
    problems_of_values,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.waves import Settings, plan

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "awx"
PROJECT = FOLDER / "project"
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
# Which variables take the answer to a question of a type. Waves read texts, as a command line has them.
SURVEY_TYPES = {"text": {"str", "raw"}, "multiplechoice": {"str", "bool"}, "integer": {"int"}}
# What AWX lets a webhook have; the first three have no default there (awx/main/notifications/webhook_backend.py).
WEBHOOK = {"url": str, "headers": dict, "http_method": str, "disable_ssl_verification": bool}
# AWX offers a file as a playbook when one of its lines is like this (awx/main/utils/ansible.py).
PLAYBOOK_OF_AWX = re.compile(r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?import_playbook):\s*?.*?$", re.MULTILINE)
# Which prompt of a template allows what a schedule or a node of a workflow gives it.
PROMPTS = {
    "job_type": "ask_job_type_on_launch",
    "limit": "ask_limit_on_launch",
    "diff_mode": "ask_diff_mode_on_launch",
    "job_slice_count": "ask_job_slice_count_on_launch",
}


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
WORKFLOWS = OBJECTS["controller_workflows"]
QUESTIONS = [
    pytest.param(question, id=f"{asking['name']}: {question['variable']}")
    for asking in TEMPLATES + WORKFLOWS
    for question in asking["survey_spec"]["spec"]
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
    installed = list(ROOT.glob(".venv-judges-ansible/lib/python*/site-packages/ansible_collections/awx/awx"))
    needs.require("" if installed else needs.no_file(ROOT / ".venv-judges-ansible", "judges-ansible"))
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
    for workflow in WORKFLOWS:
        assert workflow["inventory"] in names("controller_inventories")
        told = {name for key, value in workflow.items() if key.startswith("notification_") for name in value}
        assert told <= names("controller_notifications")
    for kind, entries in OBJECTS.items():
        for entry in entries:
            assert entry.get("organization", "NTP multicast") in names("controller_organizations"), kind


def test_a_notification_has_what_its_type_wants() -> None:
    for notification in OBJECTS["controller_notifications"]:
        assert notification["notification_type"] == "webhook"
        configuration = notification["notification_configuration"]
        assert {name: type(value) for name, value in configuration.items()} == WEBHOOK
    (task,) = [task for task in TASKS if "awx.awx.notification_template" in task]
    assert task["no_log"] is True


def nodes_of(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["identifier"]: node for node in workflow["workflow_nodes"]}


def template_of(node: dict[str, Any]) -> dict[str, Any]:
    (found,) = [template for template in TEMPLATES if template["name"] == node["unified_job_template"]["name"]]
    return found


def is_approval(node: dict[str, Any]) -> bool:
    return bool(node["unified_job_template"]["type"] == "workflow_approval")


def followers(node: dict[str, Any], when: str) -> list[str]:
    return [follower["identifier"] for follower in node.get("related", {}).get(f"{when}_nodes", [])]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow["name"])
def test_a_workflow_applies_only_after_a_check_and_an_approval_and_then_verifies(workflow: dict[str, Any]) -> None:
    nodes = nodes_of(workflow)
    reached = {
        name for node in nodes.values() for when in ("success", "failure", "always") for name in followers(node, when)
    }
    assert reached <= set(nodes)
    (first,) = set(nodes) - reached
    assert template_of(nodes[first])["name"] == "NTP multicast - check drift"
    (approval,) = followers(nodes[first], "failure")
    assert is_approval(nodes[approval])
    (applying,) = followers(nodes[approval], "success")
    assert template_of(nodes[applying])["name"] == "NTP multicast - apply"
    before = [
        name
        for name, node in nodes.items()
        for when in ("success", "failure", "always")
        if applying in followers(node, when)
    ]
    assert before == [approval]
    (last,) = followers(nodes[applying], "success")
    assert template_of(nodes[last])["name"] == "NTP multicast - verify"
    assert followers(nodes[first], "success") == [last]
    assert nodes[last]["all_parents_must_converge"] is False, "it is enough that one of the two ways leads here"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow["name"])
def test_each_node_runs_a_template_that_is_created_here_and_asks_for_what_it_is_given(workflow: dict[str, Any]) -> None:
    for node in workflow["workflow_nodes"]:
        job = node["unified_job_template"]
        if is_approval(node):
            assert set(job) == {"name", "description", "type", "timeout"}
            continue
        assert (job["type"], job["organization"]["name"]) == ("job_template", "NTP multicast")
        template = template_of(node)
        assert all(template.get(PROMPTS[given]) for given in set(PROMPTS) & set(node))
        assert all(template.get(PROMPTS["limit"]) for _limit in [workflow["ask_limit_on_launch"]] if _limit)
        answered = {q["variable"] for q in workflow["survey_spec"]["spec"] if q["required"]}
        needed = {q["variable"] for q in template["survey_spec"]["spec"] if q["required"]}
        assert needed <= answered | set(node.get("extra_data", {}))


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


CAREFUL = {
    "ntp_multicast_batches": "1, 10, 100%",
    "ntp_multicast_check_between": "synchronised",
    "ntp_multicast_rollback_others": "false",
    "ntp_multicast_adopt_overwrite": "false",
    "ntp_multicast_rotate_unsynchronised": "false",
}


def option_of(question: dict[str, Any]) -> dict[str, Any]:
    variables = {**options_of_role("ntp_multicast"), **PLAYBOOK_VARIABLES}
    return dict(variables[question["variable"]])


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_of_a_survey_is_a_variable(question: dict[str, Any]) -> None:
    option = option_of(question)
    assert option["type"] in SURVEY_TYPES[question["type"]]
    assert not option.get("no_log")
    if question["type"] == "multiplechoice":
        allowed = {"true", "false"} if option["type"] == "bool" else set(option["choices"])
        assert set(question["choices"]) <= allowed
    else:
        assert "choices" not in option, "a variable with choices is asked for with them"


def ends(question: dict[str, Any]) -> list[Any]:
    """The smallest and the largest answer that a question takes."""
    if question["type"] == "multiplechoice":
        return list(question["choices"])
    if question["type"] == "integer":
        return [question["min"], question["max"]]
    return LARGEST.get(question["variable"], ["a", "b" * int(question["max"])])


# Of texts that are numbers or sizes.
LARGEST: dict[str, list[str]] = {
    "ntp_multicast_launch_trial": ["60", "65535"],
    "ntp_multicast_batches": ["1", "1, 10, 100%"],
    "ntp_multicast_max_failed": ["0", "100 %"],
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_a_question_takes_is_taken_by_the_collection(question: dict[str, Any]) -> None:
    trial = {"ntp_multicast_launch_trial": "60"} if question["variable"].endswith("_confirm") else {}
    for answer in ends(question) + ([""] if question["type"] == "text" and question["min"] == 0 else []):
        assert question["type"] != "text" or len(answer) <= question["max"]
        assert list(problems_of_values("vrp", {**trial, question["variable"]: answer})) == []
    if question["variable"] in ("ntp_multicast_batches", "ntp_multicast_max_failed"):
        name = question["variable"].removeprefix("ntp_multicast_")
        found = {"vrp": ["a", "b"], "linux": [], "failed": {}, "servers": []}
        for answer in ends(question) + ([""] if question["min"] == 0 else []):
            assert plan(found, Settings(**{name: answer}))["hosts"] == ["a", "b"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_that_is_not_answered_leaves_it_at_the_inventory(question: dict[str, Any]) -> None:
    if question["required"]:
        # What has to be answered is not answered by one click, except with what is careful.
        assert question.get("default") == CAREFUL.get(question["variable"])
    elif question["type"] == "multiplechoice":
        assert question["choices"][0] == question["default"] == AS_DESCRIBED
    else:
        assert "default" not in question
        assert question["min"] == 0 or question["type"] == "integer", "AWX refuses an empty text that is too short"


def test_nobody_deletes_with_one_click() -> None:
    choices = [
        choice
        for asking in TEMPLATES + WORKFLOWS
        for q in asking["survey_spec"]["spec"]
        for choice in q.get("choices", ())
    ]
    assert "deleted" not in choices
    removing = [template for template in TEMPLATES if "deleted" in str(template.get("extra_vars"))]
    assert [template["job_type"] for template in removing] == ["check"]
    (question,) = removing[0]["survey_spec"]["spec"]
    assert (question["variable"], question["required"]) == ("ntp_multicast_hosts", True)


@pytest.mark.parametrize("name", ["rollback", "rotate_key"])
def test_what_changes_much_predicts_unless_it_is_told_to_run(name: str) -> None:
    (found,) = [template for template in TEMPLATES if template["playbook"].endswith(f"_{name}.yml")]
    assert (found["job_type"], found["ask_job_type_on_launch"]) == ("check", True)


def test_only_what_reads_is_sliced() -> None:
    """A canary, an order of waves and a rotation are of all hosts together."""
    sliced = [t for t in TEMPLATES if t.get("job_slice_count", 1) > 1 or t.get("ask_job_slice_count_on_launch")]
    assert [template["playbook"] for template in sliced] == ["playbooks/ntp_multicast_check_drift.yml"]
    # A slice may hold nobody whom the pattern names, and has no fact cache.
    assert sliced[0]["extra_vars"] == {"ntp_multicast_allow_none": True}
    assert "use_fact_cache" not in sliced[0]


def test_a_schedule_answers_what_its_template_asks() -> None:
    surveys = {template["name"]: template["survey_spec"]["spec"] for template in TEMPLATES}
    for schedule in OBJECTS["controller_schedules"]:
        questions = surveys[schedule["unified_job_template"]]
        asked = {question["variable"] for question in questions}
        required = {question["variable"] for question in questions if question["required"]}
        assert required <= set(schedule["extra_data"]) <= asked


@pytest.mark.parametrize("schedule", OBJECTS["controller_schedules"], ids=lambda schedule: schedule["name"])
def test_a_schedule_gives_only_what_its_template_asks_for_at_launch(schedule: dict[str, Any]) -> None:
    (template,) = [t for t in TEMPLATES if t["name"] == schedule["unified_job_template"]]
    assert all(template.get(PROMPTS[given]) for given in set(PROMPTS) & set(schedule))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["name"])
def test_each_job_template_runs_a_playbook_of_the_collection(template: dict[str, Any]) -> None:
    text = (PROJECT / template["playbook"]).read_text(encoding="utf-8")
    assert PLAYBOOK_OF_AWX.search(text), "AWX would not offer it"
    (play,) = yaml.safe_load(text)
    collection, _dot, name = play["ansible.builtin.import_playbook"].rpartition(".")
    assert collection == "timecast.ntp_multicast"
    assert (ROOT / "playbooks" / f"{name}.yml").is_file()


def test_every_playbook_of_the_collection_has_a_template() -> None:
    run = {pathlib.Path(template["playbook"]).stem.removeprefix("ntp_multicast_") for template in TEMPLATES}
    assert run == {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert {path.name for path in (PROJECT / "playbooks").glob("*.yml")} == {
        f"ntp_multicast_{name}.yml" for name in run
    }


def test_the_example_inventory_asks_for_known_host_keys_and_for_injected_secrets() -> None:
    (source,) = OBJECTS["controller_inventory_sources"]
    variables = load(f"project/{source['source_path']}/group_vars/all.yml")
    assert variables["ansible_host_key_checking"] is True
    secrets = [key["secret"] for key in variables["ntp_multicast_authentication"]["keys"]]
    injected = {name for kind in OBJECTS["controller_credential_types"] for name in kind["injectors"]["extra_vars"]}
    assert {re.sub(r"\W", "", secret) for secret in secrets} <= injected


def test_a_commit_can_be_described_at_launch() -> None:
    asked = {q["variable"] for template in TEMPLATES for q in template["survey_spec"]["spec"]}
    assert {f"ntp_multicast_launch_{name}" for name in ("trial", "label", "confirm")} <= asked


def test_the_playbook_needs_the_variables_that_it_says() -> None:
    text = (FOLDER / "load.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"ntp_multicast_awx_\w+", "".join(path.read_text() for path in FOLDER.glob("controller_*"))))
    assert used == set(re.findall(r"ntp_multicast_awx_\w+", text))
