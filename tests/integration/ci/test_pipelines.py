# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pipelines of docs/ci run, taken from their files and run on simulated devices.

The repository is docs/awx/project with docs/ci/ci beside it. Only the registries are stand-ins, which take down what is
asked of them.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import needs
import pytest
import yaml
from integration.vrp.clock import hears

from vrp_simulator.testing import RunningDevices, running_devices

ROOT = pathlib.Path(__file__).resolve().parents[3]
CI = ROOT / "docs" / "ci"
USER, PASSWORD, SECRET = "pipeline", "Pipeline-Login-1", "Aa1-pipelines-1!"
LOGIN = {"ANSIBLE_NET_USERNAME": USER, "ANSIBLE_NET_PASSWORD": PASSWORD, "NTP_MULTICAST_SECRET": SECRET}
DEVICES = {
    "ce1": ("CE1", "ce-v300r023", "100GE1/0/1", "10.0.0.1/24"),
    "ne1": ("NE1", "ne40e-v800r012", "GigabitEthernet0/1/0", "10.0.0.2/24"),
}
REPORTS = {"drift.json", "drift.junit.xml", "drift.sarif", "drift.md", "drift.prom"}
IN_SYNC, DRIFTED, UNREACHABLE, FAILED = 0, 2, 3, 4


def job_of_github(name: str) -> list[str]:
    workflow = yaml.safe_load((CI / "github-actions.yml").read_text(encoding="utf-8"))
    return [step["run"] for step in workflow["jobs"][name]["steps"] if "run" in step]


def job_of_gitlab(name: str) -> list[str]:
    pipeline = yaml.safe_load((CI / "gitlab-ci.yml").read_text(encoding="utf-8"))
    return [*pipeline["default"]["before_script"], *pipeline[name]["script"]]


def job_of_jenkins(name: str) -> list[str]:
    """The shell lines of a stage, after that of the first stage which makes the environment of all."""
    text = (CI / "Jenkinsfile").read_text(encoding="utf-8")
    stages = dict(re.findall(r"stage\('(\w+)'\)(.*?)(?=stage\('|\n  post \{)", text, re.DOTALL))
    stage = {"descriptions": "Descriptions", "drift": "Drift", "apply": "Apply"}[name]
    lines = {name: re.findall(r"\bsh(?:\(script:)? '([^']+)'", text) for name, text in stages.items()}
    assert lines["Descriptions"][0] == "ci/install"
    return list(dict.fromkeys(["ci/install", *lines[stage]]))


FORGES = {"github": job_of_github, "gitlab": job_of_gitlab, "jenkins": job_of_jenkins}


@dataclass(frozen=True)
class Done:
    """What came of a job: the exit code of the first line that failed."""

    code: int
    printed: str


@dataclass
class Repository:
    """A working copy on a runner."""

    folder: pathlib.Path
    devices: RunningDevices

    @property
    def reports(self) -> pathlib.Path:
        return self.folder / "reports"

    def run(self, forge: str, job: str, **environment: str) -> Done:
        """Run all that a job runs, whatever fails before: `if: always()` does so, and the first failure counts."""
        printed, code = "", 0
        for line in FORGES[forge](job):
            done = subprocess.run(
                ["bash", "-e", "-c", line],
                cwd=self.folder,
                env={**self.environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            printed += done.stdout
            code = code or done.returncode
        return Done(code, printed)

    def environment(self) -> dict[str, str]:
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "PATH": f"{self.folder.parent / 'stand-ins'}:{os.environ['PATH']}",
            "HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "GITHUB_STEP_SUMMARY": str(self.folder.parent / "summary.md"),
            "LC_ALL": "C.UTF-8",
        }

    def change(self, host: str, **variables: Any) -> None:
        path = self.folder / "inventory" / "host_vars" / f"{host}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(variables), encoding="utf-8")

    def exit_code_of_the_report(self) -> int:
        if not self.reports.exists():
            return -1
        return int(json.loads((self.reports / "drift.json").read_text(encoding="utf-8"))["exit_code"])

    def logins(self) -> int:
        return sum(len(device.attempts()) for device in self.devices.values())


def install_stand_ins(folder: pathlib.Path) -> None:
    """`python3 -m venv` makes a .venv that is this environment, whose pip and ansible-galaxy only take notes."""
    real = pathlib.Path(sys.prefix) / "bin"
    ready = folder / "ready" / "bin"
    ready.mkdir(parents=True)
    for path in real.iterdir():
        if path.name not in ("python", "ansible-galaxy"):
            (ready / path.name).symlink_to(path)
    note = f'echo "$(basename "$0") $*" >> {folder / "asked"}\n'
    script(ready / "ansible-galaxy", note)
    script(ready / "python", note)
    stand_ins = folder / "stand-ins"
    stand_ins.mkdir()
    script(
        stand_ins / "python3",
        f'[ "$1 $2" = "-m venv" ] && exec ln -sfn {ready.parent} "$3"\nexec {real}/python3 "$@"\n',
    )


def script(path: pathlib.Path, text: str) -> None:
    path.write_text(f"#!/usr/bin/env bash\n{text}", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> Iterator[Repository]:
    users = [{"name": USER, "password": PASSWORD, "level": 3}]
    settings = [
        {
            "name": name,
            "release": release,
            "users": users,
            "interfaces": [{"name": interface, "layer2": False, "ipv4": address}],
        }
        for name, release, interface, address in DEVICES.values()
    ]
    with running_devices(settings, log_directory=tmp_path) as devices:
        folder = tmp_path / "repository"
        shutil.copytree(ROOT / "docs" / "awx" / "project", folder)
        shutil.copytree(CI / "ci", folder / "ci")
        shutil.copy(CI / "pre-commit-config.yaml", folder / ".pre-commit-config.yaml")
        (folder / "known_hosts").write_text(devices.known_hosts(), encoding="utf-8")
        inventory = folder / "inventory" / "hosts.yml"
        found = yaml.safe_load(inventory.read_text(encoding="utf-8"))
        del found["all"]["children"]["linux"]
        for host, variables in found["all"]["children"]["vrp"]["hosts"].items():
            variables.update(ansible_host="127.0.0.1", ansible_port=devices[DEVICES[host][0]].port, ansible_timeout=3)
            variables["ntp_multicast_wait"] = False
        inventory.write_text(yaml.safe_dump(found), encoding="utf-8")
        install_stand_ins(tmp_path)
        yield Repository(folder, devices)


@pytest.mark.parametrize("forge", FORGES)
def test_descriptions_are_checked_without_a_device_and_without_a_secret(forge: str, repository: Repository) -> None:
    good = repository.run(forge, "descriptions")
    assert good.code == 0, good.printed
    asked = (repository.folder.parent / "asked").read_text(encoding="utf-8").splitlines()
    assert asked == [
        "python -m pip install --quiet -r ci/requirements.txt",
        "ansible-galaxy collection install -r collections/requirements.yml -p collections",
    ]
    assert all((repository.folder / line.split(" -r ")[1].split()[0]).is_file() for line in asked)
    repository.change("ne1", ntp_multicast_interfaces=[{"name": "GigabitEthernet0/1/0", "servers": [{"ttl": 256}]}])
    bad = repository.run(forge, "descriptions")
    assert bad.code != 0
    assert "ntp_multicast_interfaces[0].servers[0].ttl: 256" in bad.printed
    assert "ce1" not in bad.printed.partition("PLAY RECAP")[0].replace("ok: [ce1]", "")
    assert repository.logins() == 0


def test_each_forge_finds_drift_applies_and_finds_none(repository: Repository) -> None:
    """One after another, as if the repository had moved; exit codes are those of the report."""
    found = repository.run("github", "drift", **LOGIN)
    assert (found.code, repository.exit_code_of_the_report()) == (DRIFTED, DRIFTED), found.printed
    assert {path.name for path in repository.reports.iterdir()} >= REPORTS
    assert "ce1" in (repository.folder.parent / "summary.md").read_text(encoding="utf-8")
    assert not any(entry["kind"] == "configuration" for d in repository.devices.values() for entry in d.commands())

    early = repository.run("jenkins", "apply", **LOGIN)
    assert early.code != 0, "the client has heard nobody yet, and the pipeline says so"
    assert all("multicast" in device.running_configuration() for device in repository.devices.values()), early.printed
    hears(repository.devices["NE1"])
    applied = repository.run("gitlab", "apply", **LOGIN)
    assert applied.code == 0, applied.printed
    printed = found.printed + early.printed + applied.printed
    for forge in FORGES:
        again = repository.run(forge, "drift", **LOGIN)
        assert (again.code, repository.exit_code_of_the_report()) == (IN_SYNC, IN_SYNC), again.printed
        printed += again.printed
    for text in (printed, *(path.read_text(encoding="utf-8") for path in repository.reports.iterdir())):
        assert PASSWORD not in text
        assert SECRET not in text


def test_what_cannot_be_looked_at_is_told_from_drift(repository: Repository) -> None:
    repository.change("ne1", ansible_port=1)
    gone = repository.run("jenkins", "drift", **LOGIN)
    assert gone.code == UNREACHABLE, gone.printed
    repository.change("ne1", ntp_multicast_interfaces="none")
    wrong = repository.run("gitlab", "drift", **LOGIN)
    assert wrong.code == FAILED, wrong.printed
    (repository.folder / "inventory" / "host_vars" / "ne1.yml").unlink()
    check = repository.folder / "ci" / "check_drift"
    lines = check.read_text(encoding="utf-8").replace('"$@"', "-e ntp_multicast_hosts=srevers $MORE")
    check.write_text(lines, encoding="utf-8")
    nobody = {**LOGIN, "MORE": "-e ntp_multicast_allow_none=true"}
    assert repository.run("gitlab", "drift", **nobody).code == IN_SYNC
    nobody["MORE"] += " -e ntp_multicast_drift_summary=/proc/nowhere/summary.json"
    unwritten = repository.run("gitlab", "drift", **nobody)
    assert (unwritten.code, repository.exit_code_of_the_report()) == (FAILED, IN_SYNC), unwritten.printed
    (repository.folder / "ci" / "secrets.yml").unlink()
    nothing = repository.run("gitlab", "drift", **nobody)
    assert nothing.code == FAILED, "no report was written: nobody knows anything"
    assert not repository.reports.exists()


def test_pre_commit_refuses_a_wrong_description(repository: Repository) -> None:
    pre_commit = ROOT / ".venv-ci" / "bin" / "pre-commit"
    needs.require(needs.no_file(pre_commit, "ci"))
    install_environment = repository.run("jenkins", "descriptions")
    assert install_environment.code == 0, install_environment.printed
    for command in (["git", "init", "-q"], ["git", "add", "inventory", "ci", ".pre-commit-config.yaml"]):
        subprocess.run(command, cwd=repository.folder, check=True)

    def judged() -> Done:
        command = [pre_commit, "run", "--all-files"]
        done = subprocess.run(
            command,
            cwd=repository.folder,
            env={**repository.environment(), "PRE_COMMIT_HOME": str(repository.folder.parent / "pre-commit")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    good = judged()
    assert good.code == 0, good.printed
    assert "Passed" in good.printed
    repository.change("ce1", ntp_multicast_interfaces=[{"name": "100GE1/0/1", "servers": [{"address": "10.0.0.9"}]}])
    subprocess.run(["git", "add", "inventory"], cwd=repository.folder, check=True)
    bad = judged()
    assert bad.code == 1
    assert "10.0.0.9" in bad.printed
    assert repository.logins() == 0
