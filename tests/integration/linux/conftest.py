# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with a real systemd, in a lab of these tests alone."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import needs
import pytest

from .role import (
    CLIENT_OF_BOTH,
    SECRETS,
    SITE,
    SUITES,
    description,
    files_of,
    keys,
    wait_until_synchronised,
    with_secret,
)

ROOT = pathlib.Path(__file__).resolve().parents[3]
LAB = ROOT / "tests" / "testbed" / "lab"
CLOCK_GUARD = ROOT / "tests" / "testbed" / "clock_guard"
PREFIX = "timecast-t-"
CACHE = pathlib.Path(os.environ.get("LAB_CACHE", "/var/cache/timecast-lab"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if pathlib.Path(__file__).parent in item.path.parents:
            for mark in needs.root:
                item.add_marker(mark)


@dataclass(frozen=True)
class Host:
    """A host or node of a lab."""

    name: str
    v4: str
    v6: str
    lab: Lab

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.lab("exec", self.name, *command, check=check, **options)

    def output(self, *command: str) -> str:
        return self.run(*command).stdout.strip()


@dataclass(frozen=True)
class Lab:
    """The command `lab` for one name of a lab."""

    network: str

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "LAB_NET": self.network}

    def __call__(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [LAB, *arguments], env=self.environment, capture_output=True, text=True, check=False, **options
        )
        assert not check or done.returncode == 0, f"lab {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def addresses(self, number: int) -> tuple[str, str]:
        return f"10.99.7.{number}/24", f"fd00:99:7::{number}/64"

    def host(self, name: str, suite: str, number: int) -> Host:
        self("up", name, suite, *self.addresses(number))
        return Host(name, *(address.partition("/")[0] for address in self.addresses(number)), lab=self)

    def node(self, name: str, number: int) -> Host:
        self("node", name, *self.addresses(number))
        return Host(name, *(address.partition("/")[0] for address in self.addresses(number)), lab=self)


def traces(network: str) -> list[str]:
    """Whatever of a lab is on this machine: namespaces, mounts, cgroups, its folder."""
    found = [str(path) for path in pathlib.Path("/run/netns").glob(f"{network}*")] if network else []
    found += [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if f"/run/{network}/" in line]
    found += [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"*/{network}")]
    found += [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(network)]
    found += [str(path) for path in pathlib.Path("/run").glob(network)]
    return found


@pytest.fixture(scope="session", autouse=True)
def clock_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test of this folder moves the machine's clock."""
    record = tmp_path_factory.mktemp("clock") / "before.json"
    subprocess.run([CLOCK_GUARD, "record", record], check=True)
    yield
    subprocess.run([CLOCK_GUARD, "check", record], check=True)


def remove_abandoned() -> None:
    """Remove the labs of test processes that were killed."""
    for path in pathlib.Path("/run").glob(f"{PREFIX}*"):
        owner = path.name.rpartition("-")[2]
        if owner.isdigit() and not pathlib.Path("/proc", owner).exists():
            Lab(path.name)("clean")


def lab_name(concern: str) -> str:
    """A name of this process alone, so that nothing else that runs on this machine has a lab of the same name."""
    return f"{PREFIX}{concern}-{os.getpid()}"


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """An empty lab, removed in the end; suites that can't be had are skipped by name."""
    remove_abandoned()
    made = Lab(lab_name(request.module.__name__.rsplit("test_", 1)[-1].replace("_", "-")))
    made("clean")
    made("net", "up")
    yield made
    made("clean")
    assert traces(made.network) == []


@pytest.fixture(scope="session")
def suite() -> Callable[[str], str]:
    """Makes sure that there is a base tree of a Debian release."""

    def available(name: str) -> str:
        done = subprocess.run([LAB, "base", name], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            needs.leave_out(f"no Debian {name} can be had: {done.stderr.strip().splitlines()[-1]}")
        return name

    return available


@dataclass(frozen=True)
class Run:
    """A finished run of ansible-playbook."""

    code: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """Host -> number of changed tasks."""
        recap = self.output.partition("PLAY RECAP")[2]
        lines = [line.split() for line in recap.splitlines() if "changed=" in line]
        return {words[0]: int(next(word for word in words if word.startswith("changed="))[8:]) for words in lines}

    def task(self, name: str) -> str:
        """What was printed under the tasks and handlers whose names end so."""
        parts = self.output.replace("RUNNING HANDLER [", "TASK [").split("\nTASK [")
        return "\n".join(part for part in parts if part.partition("]")[0].endswith(name))


@dataclass(frozen=True)
class Ansible:
    """Runs plays from inside a lab's namespace, where its hosts are reachable."""

    lab: Lab
    folder: pathlib.Path
    environment: str = ".venv"

    def play(self, text: str, inventory: dict[str, Any], *arguments: str, **environment: str) -> Run:
        (self.folder / "play.yml").write_text(text, encoding="utf-8")
        (self.folder / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        settings = {
            "HOME": str(self.folder),
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "LC_ALL": "C.UTF-8",
            **environment,
        }
        program = ROOT / self.environment / "bin" / "ansible-playbook"
        done = subprocess.run(
            [LAB, "net", "exec", program, "-i", "inventory.json", "play.yml", *arguments],
            env={**self.lab.environment, **settings},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout)


@pytest.fixture(scope="module")
def ansible(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(lab, tmp_path_factory.mktemp("ansible"))


@pytest.fixture
def oldest_ansible(ansible: Ansible) -> Ansible:
    """The same with the oldest ansible-core, which hands some values on as text."""
    environment = ".venv-core-2.16"
    needs.require(needs.no_file(ROOT / environment, "lanes"))
    return dataclasses.replace(ansible, environment=environment)


@pytest.fixture(scope="module")
def reached_by() -> dict[str, Any]:
    """Connection variables of every host."""
    return {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(CACHE / "id"),
        "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
    }


@pytest.fixture(scope="module")
def hosts(lab: Lab, suite: Callable[[str], str]) -> dict[str, Host]:
    return {name: lab.host(name, suite(release), 11 + n) for n, (name, release) in enumerate(SUITES.items())}


@pytest.fixture(scope="module")
def inventory(hosts: dict[str, Host], reached_by: dict[str, Any]) -> dict[str, Any]:
    server = description(
        server={"enabled": True, "listen": ["eth0"], "reference_stratum": 2},
        allow_clients=["10.99.7.0/24", "fd00:99:7::/64"],
        metrics=True,
        poll=3,
        interfaces=[
            {
                "name": "eth0",
                "servers": [
                    {"address": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4},
                    {"afi": "ipv6", "key_id": 42, "ttl": 8},
                ],
            }
        ],
    )
    client = description(interfaces=CLIENT_OF_BOTH)
    return {
        "all": {
            "hosts": {
                "server": {"ansible_host": hosts["server"].v4, **server},
                "client": {"ansible_host": hosts["client"].v4, **client},
            },
            "vars": {**reached_by, **description(authentication=keys(SECRETS["first"]))},
        }
    }


@pytest.fixture(scope="module")
def untouched(hosts: dict[str, Host]) -> dict[str, list[str]]:
    return {name: files_of(host) for name, host in hosts.items()}


@pytest.fixture(scope="module")
def deployed(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], untouched: dict[str, list[str]]
) -> None:
    """The role has run on both hosts, with the second secret, and the client follows the server."""
    run = ansible.play(SITE, with_secret(inventory, SECRETS["second"]))
    assert run.code == 0, run.output
    for host in hosts.values():
        wait_until_synchronised(host)
