# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated devices of both dialects, an inventory for them, and ansible-playbook on it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from vrp_simulator.testing import RunningDevice, RunningDevices, running_devices

ROOT = pathlib.Path(__file__).resolve().parents[3]
USER, PASSWORD = "operator", "Simulator-Login-1"
SECRETS = {"secret_42": "Aa1-integration!", "secret_43": "Bb2-another-integration"}
SYSNAMES = {"ce1": "CE1", "ne1": "NE1"}
DEVICES = [
    {
        "name": "CE1",
        "release": "ce-v300r023",
        "interfaces": [{"name": "100GE1/0/1", "layer2": False, "ipv4": "10.0.0.1/24", "ipv6": "fd00::1/64"}],
    },
    {
        "name": "NE1",
        "release": "ne40e-v800r012",
        "interfaces": [{"name": "GigabitEthernet0/1/0", "layer2": False, "ipv4": "10.0.0.2/24", "ipv6": "fd00::2/64"}],
    },
]
AUTHENTICATION = {
    "enabled": True,
    "keys": [
        {"id": 42, "algorithm": "aes-128-cmac", "secret": "{{ secret_42 }}", "trusted": True},
        {"id": 43, "algorithm": "hmac-sha256", "secret": "{{ secret_43 }}", "trusted": True},
    ],
}
GROUP_VARIABLES = {
    "ansible_connection": "timecast.ntp_multicast.vrp_ssh",
    "ansible_network_os": "timecast.ntp_multicast.vrp",
    "ansible_facts_modules": [],
    "ansible_user": USER,
    "ansible_password": PASSWORD,
    "ntp_multicast_authentication": AUTHENTICATION,
    **SECRETS,
}
CE1 = {
    "ntp_multicast_server": {"enabled": True, "listen": ["100GE1/0/1"], "reference_stratum": 2},
    "ntp_multicast_interfaces": [
        {"name": "100ge 1/0/1", "servers": [{"address": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4}]}
    ],
}
NE1 = {
    "ntp_multicast_interfaces": [
        {
            "name": "GigabitEthernet0/1/0",
            "clients": [{"address": "224.0.1.1"}],
            "servers": [{"address": "FF0E::0101", "key_id": 43, "ttl": 8}],
        }
    ]
}


@dataclass(frozen=True)
class Run:
    """A finished run of a playbook."""

    exit_code: int
    printed: str

    def recap(self) -> dict[str, dict[str, int]]:
        """The counters of each host."""
        lines = self.printed.rpartition("PLAY RECAP")[2].splitlines()[1:]
        counters = (line.partition(" : ") for line in lines if " : " in line)
        return {
            name.strip(): {key: int(value) for key, value in (pair.split("=") for pair in found.split())}
            for name, _unused, found in counters
        }


@dataclass
class Network:
    """The devices, with what an administrator would have at hand."""

    directory: pathlib.Path
    devices: RunningDevices
    hosts: dict[str, dict[str, Any]]
    fleet: bool = False  # whether a single task works on all devices
    fact_cache: bool = True  # whether a user has switched it on

    def device(self, host: str) -> RunningDevice:
        return self.devices[SYSNAMES[host]]

    def write_inventory(self, hosts: dict[str, dict[str, Any]]) -> pathlib.Path:
        """One inventory of these hosts; those that are no device have to say how they are reached."""
        reached = {
            name: {"ansible_host": "127.0.0.1", "ansible_port": self.device(name).port, **variables}
            if name in SYSNAMES
            else variables
            for name, variables in hosts.items()
        }
        path = self.directory / "inventory.yml"
        path.write_text(yaml.safe_dump({"all": {"hosts": reached, "vars": GROUP_VARIABLES}}), encoding="utf-8")
        return path

    @property
    def key_memory(self) -> pathlib.Path:
        """The file in which keys are remembered unless the user says otherwise."""
        return self.directory / "home" / ".ansible" / "ntp_multicast_key_memory.json"

    def play(
        self,
        name: str,
        *arguments: str,
        hosts: dict[str, dict[str, Any]] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Run:
        """Run a playbook of the collection, or one of the directory, on both devices or on the given hosts."""
        command, settings = self.command(name, *arguments, hosts=hosts, environment=environment)
        finished = subprocess.run(
            command,
            env=settings,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(finished.returncode, finished.stdout)

    def command(
        self,
        name: str,
        *arguments: str,
        hosts: dict[str, dict[str, Any]] | None = None,
        environment: dict[str, str] | None = None,
    ) -> tuple[list[str], dict[str, str]]:
        """The command of such a run, and its environment."""
        cache = {
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.directory / "facts"),
        }
        settings = {
            **os.environ,
            "HOME": str(self.directory / "home"),
            "ANSIBLE_HOME": str(self.directory / "home" / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            **(cache if self.fact_cache else {}),
            "LC_ALL": "C.UTF-8",
            **(environment or {}),
        }
        executable = pathlib.Path(sys.executable).with_name("ansible-playbook")
        inventory = self.write_inventory(self.hosts if hosts is None else hosts)
        if self.fleet:
            arguments = (*arguments, "-e", "ntp_multicast_fleet_from=1")
        playbook = name if "." in name else f"timecast.ntp_multicast.{name}"
        return [str(executable), "-i", str(inventory), playbook, *arguments], settings

    def configuration_lines(self) -> list[str]:
        """What has been typed to change any of the devices."""
        return [
            entry["line"]
            for device in self.devices.values()
            for entry in device.commands()
            if entry["kind"] == "configuration"
        ]

    def configurations(self) -> dict[str, str]:
        return {name: device.running_configuration() for name, device in self.devices.items()}


@contextmanager
def running_network(directory: pathlib.Path, fleet: bool = False) -> Iterator[Network]:
    """The devices, factory fresh, and a home whose owner knows their host keys."""
    users = [{"name": USER, "password": PASSWORD, "level": 3}]
    with running_devices([{**device, "users": users} for device in DEVICES], log_directory=directory) as devices:
        ssh = directory / "home" / ".ssh"
        ssh.mkdir(parents=True)
        (ssh / "known_hosts").write_text(devices.known_hosts(), encoding="utf-8")
        yield Network(directory, devices, {"ce1": CE1, "ne1": NE1}, fleet)
