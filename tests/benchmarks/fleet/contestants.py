# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who takes part, and how each is started."""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from . import lines, scenario
from .simulator import RunningSimulator

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True)
class Stage:
    """Where a run happens: the devices, a folder of its own, and how many sessions at a time."""

    directory: pathlib.Path
    fleet: Sequence[scenario.Target]
    simulator: RunningSimulator
    sessions: int

    @property
    def known_hosts(self) -> pathlib.Path:
        return self.directory / "known_hosts"

    def part(self, count: int) -> Stage:
        return replace(self, fleet=self.fleet[:count])


@dataclass(frozen=True)
class Command:
    """A program and its environment beside the usual one."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)


def plain_environment(stage: Stage) -> dict[str, str]:
    """The environment of the caller, with a home of the run's own."""
    home = stage.directory / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    return {**kept, "HOME": str(home), "ANSIBLE_HOME": str(home / ".ansible"), "LC_ALL": "C.UTF-8"}


def ours(stage: Stage, playbook: str) -> Command:
    """A playbook of the collection, as a user runs it, with a fact cache so that keys are remembered."""
    inventory = stage.directory / "inventory"
    scenario.write_inventory(inventory, stage.fleet, stage.known_hosts)
    command = pathlib.Path(sys.executable).with_name("ansible-playbook")
    return Command(
        [str(command), "-i", str(inventory / "hosts.json"), f"timecast.ntp_multicast.{playbook}"],
        {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "ANSIBLE_FORKS": str(stage.sessions),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(stage.directory / "facts"),
            "ANSIBLE_TIMEOUT": "60",
            "ANSIBLE_NOCOLOR": "1",
        },
    )


def client(stage: Stage, program: str) -> Command:
    """One of the programs `client_*.py`. The floor runs on our own interpreter, the others on that of the bench."""
    job = stage.directory / "job.json"
    lines.Job(
        devices=[{"name": target.name, "address": target.address, "port": target.port} for target in stage.fleet],
        user=scenario.USER,
        password=scenario.PASSWORD,
        known_hosts=str(stage.known_hosts),
        sessions=stage.sessions,
        read=scenario.READ,
        system_lines=list(scenario.SYSTEM_LINES),
        interface=scenario.INTERFACE,
        interface_lines=list(scenario.INTERFACE_LINES),
        expected=scenario.EXPECTED,
    ).write(job)
    python = sys.executable if program == "client_paramiko.py" else str(BENCH_PYTHON)
    return Command([python, str(HERE / program), str(job)])


def network_cli(stage: Stage, ssh_type: str) -> Command:
    """ansible.netcommon.cli_config over network_cli. ssh_type: paramiko or libssh."""
    inventory = stage.directory / "network_cli.json"
    hosts = {target.name: {"ansible_host": target.address} for target in stage.fleet}
    variables = {
        "ansible_connection": "ansible.netcommon.network_cli",
        "ansible_network_os": "bench.vrp.vrp",
        "ansible_network_cli_ssh_type": ssh_type,
        "ansible_host_key_checking": False,
        "ansible_port": stage.fleet[0].port,
        "ansible_user": scenario.USER,
        "ansible_password": scenario.PASSWORD,
        "lines": [*scenario.SYSTEM_LINES, f"interface {scenario.INTERFACE}", *scenario.INTERFACE_LINES],
    }
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}), encoding="utf-8")
    return Command(
        [
            str(BENCH_PYTHON.with_name("ansible-playbook")),
            "-i",
            str(inventory),
            str(HERE / "network_cli/configure.yml"),
        ],
        {
            "ANSIBLE_COLLECTIONS_PATH": str(HERE / "network_cli"),
            "ANSIBLE_FORKS": str(stage.sessions),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PERSISTENT_CONNECT_TIMEOUT": "60",
            "ANSIBLE_PERSISTENT_COMMAND_TIMEOUT": "60",
        },
    )
