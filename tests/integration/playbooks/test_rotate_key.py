# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate_key over SSH, on simulated devices whose servers send and whose clients listen."""

from __future__ import annotations

import contextlib
import copy
import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from vrp_simulator.testing import RunningDevice, running_devices

from .air import Air, air_of
from .network import PASSWORD, USER, Network, Run

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "vrp"))
from test_killed_controller import kill, processes_under

OLD, NEW = 42, 43
SECRETS = {OLD: "Aa1-integration!", NEW: "Bb2-new-key-of-43", 44: "Cc3-a-third-key-44"}
SERVERS, CLIENTS = ["s1", "s2"], ["c1", "c2", "c3"]
HOSTS = [*CLIENTS, *SERVERS]
GROUP = "224.0.1.1"
INTERVAL = 1.0
PORTS = {"ce-v300r023": "100GE1/0/1", "ne40e-v800r012": "GigabitEthernet0/1/0"}
RELEASES = {name: "ne40e-v800r012" if name in ("c3", "s2") else "ce-v300r023" for name in HOSTS}
VARIABLES = {
    "ansible_connection": "timecast.ntp_multicast.vrp_ssh",
    "ansible_network_os": "timecast.ntp_multicast.vrp",
    "ansible_user": USER,
    "ansible_password": PASSWORD,
}


def port(host: str) -> str:
    return PORTS[RELEASES[host]]


def key(key_id: int) -> dict[str, Any]:
    algorithm = "aes-128-cmac" if key_id == OLD else "hmac-sha256"
    return {"id": key_id, "algorithm": algorithm, "secret": SECRETS[key_id], "trusted": True}


def described(key_id: int, rotation: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """The variables of all hosts, with one key."""
    common: dict[str, Any] = {"ntp_multicast_authentication": {"enabled": True, "keys": [key(key_id)]}}
    if rotation is not None:
        common["ntp_multicast_rotation"] = rotation
    server = {"ntp_multicast_server": {"enabled": True, "reference_stratum": 2}}
    hosts = {}
    for name in HOSTS:
        role: dict[str, Any] = {"servers": [{"address": GROUP, "key_id": key_id}]}
        if name in CLIENTS:
            role = {"clients": [{"address": GROUP}]}
        interfaces = {"ntp_multicast_interfaces": [{"name": port(name), **role}]}
        hosts[name] = {**common, **interfaces, **(server if name in SERVERS else {})}
    return copy.deepcopy(hosts)


def rotating(old: int = OLD, new: int = NEW) -> dict[str, dict[str, Any]]:
    """The variables of all hosts as they shall be afterwards, and what is rotated."""
    return described(new, {"old": key(old), "new": new})


def by_hand(host: str) -> list[str]:
    """The lines of a host before the rotation."""
    dialect, trusted = ("ntp-service", "reliable") if RELEASES[host].startswith("ne") else ("ntp", "trusted")
    common = [
        f"{dialect} authentication enable",
        f"{dialect} authentication-keyid {OLD} authentication-mode aes-128-cmac {SECRETS[OLD]}",
        f"{dialect} {trusted} authentication-keyid {OLD}",
    ]
    if host in CLIENTS:
        return [*common, f"interface {port(host)}", f"{dialect} multicast-client"]
    return [
        *common,
        f"{dialect} refclock-master 2",
        f"undo {dialect} server disable",
        f"undo {dialect} ipv6 server disable",
        f"interface {port(host)}",
        f"{dialect} multicast-server authentication-keyid {OLD}",
    ]


class Site(Network):
    """Two servers and three clients, of both dialects."""

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
        """The hosts on which anything was typed to change them."""
        return [n for n in HOSTS if any(e["kind"] == "configuration" for e in self.device(n).commands())]

    def keys(self, host: str) -> set[int]:
        """The ids of the keys that a host has and trusts."""
        lines = self.device(host).running_configuration().splitlines()
        trusted = {int(x.split()[-1]) for x in lines if re.search("(trusted|reliable) authentication-keyid", x)}
        there = {int(x.split()[2]) for x in lines if "authentication-mode" in x}
        return trusted & there

    def signs(self, host: str) -> int:
        """The key that a server signs with."""
        line = next(x for x in self.device(host).running_configuration().splitlines() if "multicast-server" in x)
        return int(line.partition("authentication-keyid ")[2].split()[0])

    def finished(self) -> bool:
        return all(self.keys(name) == {NEW} for name in HOSTS) and all(self.signs(name) == NEW for name in SERVERS)

    def nobody_paused(self) -> None:
        """No client was for more than two intervals without a packet that it took."""
        pauses = self.air.longest_pauses()
        assert sorted(pauses) == CLIENTS
        assert max(pauses.values()) <= 2, pauses

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A run that goes on beside the test."""
        command, environment = self.command("rotate_key", *arguments)
        with (self.directory / "printed").open("w", encoding="utf-8") as printed:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                text=True,
            )
            try:
                yield process
            finally:
                if process.poll() is None:
                    kill(processes_under(process.pid))
                    process.wait()

    def printed(self) -> str:
        return (self.directory / "printed").read_text(encoding="utf-8")

    def killed_at(self, host: str, hold: str) -> str:
        """What a run has printed that was killed when a device stood at a step."""
        device = self.device(host)
        device.set_faults(hold=hold)
        with self.started():
            device.wait_until_held()
        device.release()
        device.wait_until_deserted()
        return self.printed()


@pytest.fixture(name="site")
def site_fixture(tmp_path: pathlib.Path) -> Iterator[Site]:
    users = [{"name": USER, "password": PASSWORD, "level": 3}]
    entries = [
        {
            "name": name,
            "release": RELEASES[name],
            "users": users,
            "interfaces": [{"name": port(name), "layer2": False, "ipv4": "10.0.0.1/24"}],
        }
        for name in HOSTS
    ]
    with running_devices(entries, log_directory=tmp_path) as devices, air_of(devices, INTERVAL) as air:
        ssh = tmp_path / "home" / ".ssh"
        ssh.mkdir(parents=True)
        (ssh / "known_hosts").write_text(devices.known_hosts(), encoding="utf-8")
        for name in HOSTS:
            devices[name].change_as("somebody", by_hand(name))
        made = Site(tmp_path, devices, rotating())
        made.air = air
        air.wait_until_heard()
        yield made


def succeeded(run: Run) -> Run:
    assert run.exit_code == 0, run.printed
    return run


def words(run: Run) -> str:
    return " ".join(run.printed.split())


# Each run is killed at one of these moments: a host, the step of its session there, and in which step of the rotation.
KILLED = [
    ("c2", "during-commit", "1. key 43 is brought to every host and trusted"),
    ("s2", "before-commit", "2. the servers sign with key 43"),
    ("c1", "taken:statistics packet", "3. each client is proven on key 43"),
    ("s1", "before-commit", "4. key 42 is removed"),
]


def test_a_rotation_that_is_killed_at_each_step_goes_on(site: Site) -> None:
    """One client has another secret under the id of the new key, which only a comparison can tell."""
    site.device("c1").change_as(
        "somebody",
        [
            f"ntp authentication-keyid {NEW} authentication-mode hmac-sha256 Dd4-typed-by-hand",
            f"ntp trusted authentication-keyid {NEW}",
        ],
    )
    looked = succeeded(site.play("rotate_key", "--check"))
    assert site.touched() == []
    assert "1. key 43 is brought to every host and trusted: c2, c3, s1, s2 (4)" in looked.printed, looked.printed
    assert "2. the servers sign with key 43: s1, s2 (2)" in looked.printed
    assert "3. each client is proven on key 43: c1, c2, c3 (3)" in looked.printed
    site.air.begin_to_count()
    for host, hold, step in KILLED:
        printed = site.killed_at(host, hold)
        plan = printed.partition("Rotation of key 42 to key 43:")[2]
        assert re.search(rf"{re.escape(step)}: (?!done)", plan), f"{step}\n{printed}"
    refused = site.play("site")
    assert refused.exit_code != 0
    assert "Until the rotation is finished" in words(refused), refused.printed
    run = succeeded(site.play("rotate_key", "-vvv"))
    site.nobody_paused()
    assert site.finished()
    for name in CLIENTS:
        proof = rf"{name}: by counters: fresh packets of .* no authentication failed"
        assert re.search(proof, run.printed), run.printed
    assert not any(secret in run.printed + looked.printed for secret in SECRETS.values())
    drift = succeeded(site.play("check_drift"))
    assert "in sync" in drift.printed


@pytest.mark.end_to_end
def test_a_client_that_is_unreachable_in_the_middle_stops_the_rotation(site: Site) -> None:
    site.air.begin_to_count()
    held = site.device("c2")
    held.set_faults(hold="after-commit")
    with site.started() as process:
        held.wait_until_held()
        held.set_faults(refuse_channels=1000)
        held.release()
        assert process.wait() != 0
    run = Run(process.returncode, site.printed())
    assert "Stopped before step 2. the servers sign with key 43." in run.printed, run.printed
    assert re.search(r"c2: unreachable: ", run.printed), run.printed
    assert run.recap()["c2"]["unreachable"] >= 1
    assert {site.signs(name) for name in SERVERS} == {OLD}
    held.reset_faults()
    succeeded(site.play("rotate_key"))
    site.nobody_paused()
    assert site.finished()


# -- what is refused before anything is touched ------------------------------------------------------------------------


def another_rotation(site: Site) -> dict[str, dict[str, Any]]:
    site.device("c1").change_as(
        "somebody",
        [
            f"ntp authentication-keyid 44 authentication-mode hmac-sha256 {SECRETS[44]}",
            "ntp trusted authentication-keyid 44",
        ],
    )
    return rotating()


def a_silent_client(site: Site) -> dict[str, dict[str, Any]]:
    site.air.deafen("c2")
    return rotating()


WRONG = {
    "two rotations at once": (another_rotation, "it trusts key 44, which is neither described nor the old key"),
    "a client that is not synchronised": (a_silent_client, "c2: it is a client and not synchronised"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_can_not_go_well_is_refused_before_anything_is_touched(site: Site, wrong: str) -> None:
    describe, sentence = WRONG[wrong]
    hosts = describe(site)
    before = {name: site.device(name).running_configuration() for name in HOSTS}
    run = site.play("rotate_key", hosts=hosts)
    assert run.exit_code != 0
    assert sentence in words(run), run.printed
    assert site.touched() == []
    assert {name: site.device(name).running_configuration() for name in HOSTS} == before


def test_a_client_without_proof_keeps_the_old_key_everywhere(site: Site) -> None:
    """One server has typed another secret by hand: its packets are refused, and the old key stays."""
    site.air.begin_to_count()
    short = ["-e", "ntp_multicast_timeout=2"]
    site.device("s1").set_faults(hold="before-commit", hold_passes=1)
    with site.started(*short) as process:
        site.device("s1").wait_until_held()  # the key is there, and not in use yet
        line = f"ntp authentication-keyid {NEW} authentication-mode hmac-sha256 Dd4-typed-by-hand"
        site.device("s1").change_as("somebody", [line])
        second = site.play("rotate_key")
        assert second.exit_code != 0
        assert "Another run of rotate_key goes on here (process" in words(second), second.printed
        site.device("s1").release()
        assert process.wait() != 0
    run = Run(process.returncode, site.printed())
    assert "Stopped in step 3. each client is proven on key 43." in run.printed, run.printed
    assert re.search(r"c1: not proven on key 43: the authentication of \d+ packets failed", run.printed), run.printed
    assert all(OLD in site.keys(name) for name in HOSTS)
    site.nobody_paused()  # the other server is still heard
