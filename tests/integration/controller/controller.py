# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX starts them with ansible-runner: docs/awx/project is the project, simulated devices are the inventory.

What a job gets, and in which form, was read in awx/main/tasks/jobs.py of AWX (devel of 2024-10): the methods
build_env, build_args, build_passwords, write_inventory_file and build_extra_vars_file.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ansible_runner
import asyncssh

from vrp_simulator.testing import RunningDevice, RunningDevices, running_devices

ROOT = pathlib.Path(__file__).resolve().parents[3]
AWX = ROOT / "docs" / "awx"
USER, PASSWORD, PASSPHRASE = "netops", "Controller-Login-1", "Controller-Passphrase-1"
SECRET = "Aa1-controllers!"
DEVICES = {
    "ce1": {
        "name": "CE1",
        "release": "ce-v300r023",
        "interfaces": [{"name": "100GE1/0/1", "layer2": False, "ipv4": "10.0.0.1/24"}],
    },
    "ne1": {
        "name": "NE1",
        "release": "ne40e-v800r012",
        "interfaces": [{"name": "GigabitEthernet0/1/0", "layer2": False, "ipv4": "10.0.0.2/24"}],
    },
}
Inventory = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A job that has ended."""

    folder: pathlib.Path
    artifacts: pathlib.Path
    status: str
    code: int

    @property
    def printed(self) -> str:
        return (self.artifacts / "stdout").read_text(encoding="utf-8")

    def events(self) -> list[dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in (self.artifacts / "job_events").glob("*-*.json")]
        return sorted(found, key=lambda event: int(event["counter"]))

    def statistics(self) -> dict[str, dict[str, int]]:
        """What AWX keeps of each host."""
        (last,) = [event for event in self.events() if event["event"] == "playbook_on_stats"]
        return dict(last["event_data"])

    def failed_hosts(self) -> list[str]:
        """Those that AWX names when a job is launched again on failed hosts."""
        counts = self.statistics()
        return sorted({*counts["failures"], *counts["dark"]})

    def handed_on(self) -> dict[str, Any]:
        """What set_stats gave, which AWX keeps as the artifacts of the job."""
        (last,) = [event for event in self.events() if event["event"] == "playbook_on_stats"]
        return dict(last["event_data"].get("artifact_data", {}))

    def written(self) -> list[pathlib.Path]:
        """All that the job has left."""
        return [path for path in sorted(self.artifacts.rglob("*")) if path.is_file()]


@dataclass
class Controller:
    """What a controller keeps between jobs: the project, the inventory, the credentials, the facts."""

    directory: pathlib.Path
    devices: RunningDevices
    inventory: Inventory
    facts: dict[str, str] = field(default_factory=dict)
    jobs: int = 0
    image: str = ""  # of the execution environment; without one a job runs in this environment

    def device(self, host: str) -> RunningDevice:
        return self.devices[str(DEVICES[host]["name"])]

    def sliced(self, number: int, count: int) -> Inventory:
        """The inventory of one slice: every count-th host."""
        hosts = sorted(self.inventory["_meta"]["hostvars"])[number - 1 :: count]
        groups = {
            name: {**group, "hosts": [host for host in group.get("hosts", []) if host in hosts]}
            for name, group in self.inventory.items()
            if name != "_meta"
        }
        variables = {host: self.inventory["_meta"]["hostvars"][host] for host in hosts}
        return {**groups, "_meta": {"hostvars": variables}}

    def launch(
        self,
        template: str,
        *arguments: str,
        variables: dict[str, Any] | None = None,
        inventory: Inventory | None = None,
        network: dict[str, str] | None = None,
        passwords: dict[str, str] | None = None,
        fact_cache: bool = False,
        cancel: Callable[[], bool] | None = None,
    ) -> Job:
        """Run a playbook of the project as a job.

        Args:
            template: the playbook's name without its prefix.
            arguments: what build_args adds.
            variables: those of the survey and of the template.
            network: what a credential of the type Network becomes in the environment; the login with a password
                unless it is given.
            passwords: answers to the prompts that `arguments` ask for.
            cancel: whether somebody has pressed the button; asked again and again.
        """
        self.jobs += 1
        folder = self.directory / f"awx_{self.jobs}"
        artifacts = folder / "artifacts" / str(self.jobs)
        shutil.copytree(self.directory / "project", folder / "project")
        (folder / "home").mkdir()
        write(folder / "inventory" / "hosts", script(inventory or self.inventory), 0o700)
        write(folder / "env" / "extravars", json.dumps({**(variables or {}), "awx_job_id": self.jobs}))
        write(folder / "env" / "keys_of_a_credential", json.dumps({"vault_ntp_multicast_secret": SECRET}))
        login = {"ANSIBLE_NET_USERNAME": USER, "ANSIBLE_NET_PASSWORD": PASSWORD} if network is None else network
        write(folder / "env" / "envvars", json.dumps({**self.environment(folder), **login}))
        write(folder / "env" / "passwords", json.dumps(passwords or {}))
        write(folder / "env" / "settings", json.dumps({"pexpect_timeout": 0.2, "fact_cache_type": "jsonfile"}))
        if fact_cache:
            for host, facts in self.facts.items():
                write(artifacts / "fact_cache" / host, facts)
        seen = "/runner" if self.image else str(folder)
        line = ["-u", "root", *arguments, "-e", f"@{seen}/env/keys_of_a_credential"]
        isolation = {
            "process_isolation": True,
            "process_isolation_executable": "podman",
            "container_image": self.image,
            "container_options": ["--user=root", "--network=host"],
        }
        runner = ansible_runner.interface.run(
            private_data_dir=str(folder),
            playbook=f"playbooks/ntp_multicast_{template}.yml",
            ident=str(self.jobs),
            cmdline=ansible_runner.utils.args2cmdline(*line),
            fact_cache="fact_cache" if fact_cache else None,
            cancel_callback=cancel,
            quiet=True,
            **(isolation if self.image else {}),
        )
        if fact_cache:
            kept = (artifacts / "fact_cache" / host for host in self.inventory["_meta"]["hostvars"])
            self.facts.update({path.name: path.read_text() for path in kept if path.exists()})
        return Job(folder, artifacts, runner.status, runner.rc)

    def environment(self, folder: pathlib.Path) -> dict[str, str]:
        here = {
            # A container's, which ends with the job.
            "HOME": str(folder / "home"),
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_HOME": str(folder / "home" / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "LC_ALL": "C.UTF-8",
        }
        return {
            **({} if self.image else here),
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "AWX_PRIVATE_DATA_DIR": str(folder),
            "JOB_ID": str(self.jobs),
        }


def write(path: pathlib.Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def script(inventory: Inventory) -> str:
    return f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(inventory)!r})\n"


@functools.cache
def imported() -> str:
    """The inventory of the project as AWX reads it, without the Linux hosts; JSON."""
    project = AWX / "project"
    executable = pathlib.Path(sys.executable).with_name("ansible-inventory")
    command = [executable, "-i", project / "inventory", "--list", "--export", "--limit", "vrp"]
    return subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout


def private_key(directory: pathlib.Path) -> str:
    """Make a key that a passphrase protects, and return its public half."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path = directory / "ssh_key_of_a_credential"
    write(path, key.export_private_key("openssh", passphrase=PASSPHRASE).decode())
    return str(key.export_public_key().decode().strip())


@contextmanager
def running_controller(directory: pathlib.Path) -> Iterator[Controller]:
    """The devices, factory fresh, and a controller that has read the project."""
    users = [
        {"name": USER, "password": PASSWORD, "level": 3},
        {"name": "keyed", "password": "never-said", "level": 3, "public_key": private_key(directory)},
    ]
    settings = [{**device, "users": users} for device in DEVICES.values()]
    with running_devices(settings, log_directory=directory) as devices:
        project = directory / "project"
        shutil.copytree(AWX / "project", project)
        write(project / "known_hosts", devices.known_hosts())
        inventory = json.loads(imported())
        for host, device in DEVICES.items():
            inventory["_meta"]["hostvars"][host] |= {
                "ansible_host": "127.0.0.1",
                "ansible_port": devices[str(device["name"])].port,
            }
        yield Controller(directory, devices, inventory)
