# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate_key over SSH, on simulated devices whose servers send and whose clients listen."""

from __future__ import annotations

import copy
import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from vrp_simulator.testing import RunningDevice, running_devices

from .air import Air, air_of
from .network import PASSWORD, USER, Network, Run

OLD, NEW = 42, 43
SECRETS = {OLD: "Aa1-integration!", NEW: "Bb2-new-key-of-43", 44: "Cc3-a-third-key-44"}
SERVERS, CLIENTS = ["s1", "s2"], ["c1", "c2", "c3"]
HOSTS = [*CLIENTS, *SERVERS]
GROUP = "224.0.1.1"
INTERVAL = 1.0
VARIABLES = {
    "ansible_connection": "timecast.ntp_multicast.vrp_ssh",
    "ansible_network_os": "timecast.ntp_multicast.vrp",
    "ansible_user": USER,
    "ansible_password": PASSWORD,
}


def key(key_id: int) -> dict[str, Any]:
    algorithm = "aes-128-cmac" if key_id == OLD else "hmac-sha256"
    return {"id": key_id, "algorithm": algorithm, "secret": SECRETS[key_id], "trusted": True}


def described(key_id: int, rotation: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """The variables of all hosts, with one key."""
    common = {"ntp_multicast_authentication": {"enabled": True, "keys": [key(key_id)]}}
    if rotation is not None:
        common["ntp_multicast_rotation"] = rotation
    server = {
        "ntp_multicast_server": {"enabled": True, "listen": ["all"], "reference_stratum": 2},
        "ntp_multicast_interfaces": [{"name": "100GE1/0/1", "servers": [{"address": GROUP, "key_id": key_id}]}],
    }
    client = {"ntp_multicast_interfaces": [{"name": "100GE1/0/1", "clients": [{"address": GROUP}]}]}
    return copy.deepcopy({name: {**common, **(server if name in SERVERS else client)} for name in HOSTS})


def rotating(old: int = OLD, new: int = NEW) -> dict[str, dict[str, Any]]:
    """The variables of all hosts as they shall be afterwards, and what is rotated."""
    return described(new, {"old": key(old), "new": new})


class Site(Network):
    """Two servers and some clients."""

    air: Air

    def device(self, host: str) -> RunningDevice:
        return self.devices[host]

    def write_inventory(self, hosts: dict[str, dict[str, Any]]) -> pathlib.Path:
        reached = {
            name: {"ansible_host": "127.0.0.1", "ansible_port": self.device(name).port, **variables}
            for name, variables in hosts.items()
        }
        path = self.directory / "inventory.json"
        path.write_text(json.dumps({"all": {"hosts": reached, "vars": VARIABLES}}), encoding="utf-8")
        return path

    def touched(self) -> list[str]:
        return [n for n in HOSTS if any(e["kind"] == "configuration" for e in self.device(n).commands())]

    def forget(self) -> None:
        for name in HOSTS:
            self.device(name).call(lambda device: device.journal.commands.pop(device.settings.name, None))

    def keys(self, host: str) -> set[int]:
        """The ids of the keys that a host has and trusts."""
        lines = self.device(host).running_configuration().splitlines()
        return {int(line.split()[-1]) for line in lines if "trusted authentication-keyid" in line}

    def signs(self, host: str) -> int:
        line = next(x for x in self.device(host).running_configuration().splitlines() if "ntp multicast-server" in x)
        return int(line.partition("authentication-keyid ")[2].split()[0])


@pytest.fixture(name="site")
def site_fixture(tmp_path: pathlib.Path) -> Iterator[Site]:
    users = [{"name": USER, "password": PASSWORD, "level": 3}]
    entries = [
        {
            "name": name,
            "release": "ce-v300r023",
            "users": users,
            "interfaces": [{"name": "100GE1/0/1", "layer2": False, "ipv4": "10.0.0.1/24"}],
        }
        for name in HOSTS
    ]
    with running_devices(entries, log_directory=tmp_path) as devices, air_of(devices, INTERVAL) as air:
        ssh = tmp_path / "home" / ".ssh"
        ssh.mkdir(parents=True)
        (ssh / "known_hosts").write_text(devices.known_hosts(), encoding="utf-8")
        made = Site(tmp_path, devices, rotating())
        made.air = air
        run = made.play("site", hosts=described(OLD))
        assert run.exit_code == 0, run.printed
        made.forget()
        yield made


def succeeded(run: Run) -> Run:
    assert run.exit_code == 0, run.printed
    return run


def words(run: Run) -> str:
    return " ".join(run.printed.split())


def finished(site: Site) -> bool:
    return all(site.keys(name) == {NEW} for name in HOSTS) and all(site.signs(name) == NEW for name in SERVERS)


def test_a_rotation_leaves_every_client_with_its_servers(site: Site) -> None:
    looked = succeeded(site.play("rotate_key", "--check"))
    assert site.touched() == []
    assert "1. key 43 is brought to every host and trusted: c1, c2, c3, s1, s2 (5)" in looked.printed, looked.printed
    assert "2. the servers sign with key 43: s1, s2 (2)" in looked.printed
    assert "3. each client is proven on key 43: c1, c2, c3 (3)" in looked.printed
    began = time.monotonic()
    run = succeeded(site.play("rotate_key"))
    assert max(site.air.gaps(began).values()) <= 2 * INTERVAL, run.printed
    assert finished(site)
    print(run.printed)
