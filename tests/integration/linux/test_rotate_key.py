# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate_key on simulated devices and Linux hosts, which hear each other on one bridge.

TIMECAST_TEST_EFFORT above 1 makes six clients of it, and kills the run at each of its steps, on both platforms.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import needs
import pytest
import yaml

from .conftest import LAB, ROOT, Host, Lab

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "vrp"))
from test_killed_controller import kill, processes_under

EFFORT = needs.EFFORT
longer = needs.effort(2)
INTERVAL = 8.0
USER, PASSWORD = "operator", "Simulator-Login-1"
SECRETS = {42: "Aa1-integration!", 43: "Bb2-new-key-of-43"}
GROUP = "224.0.1.1"
PORT = "100GE1/0/1"
LINUX = {"l1": 11, "l2": 12, **({"l3": 13, "l4": 14} if EFFORT > 1 else {})}
DEVICES = {"v1": 21, "v2": 22, **({"v3": 23, "v4": 24} if EFFORT > 1 else {})}
SERVERS = ("l1", "v1")
CLIENTS = [name for name in (*LINUX, *DEVICES) if name not in SERVERS]


def key(key_id: int) -> dict[str, Any]:
    algorithm = "aes-128-cmac" if key_id == 42 else "hmac-sha256"
    return {"id": key_id, "algorithm": algorithm, "secret": SECRETS[key_id], "trusted": True}


@dataclass
class Watch(threading.Thread):
    """Asks each client again and again when it took its last authenticated packet."""

    ask: Mapping[str, Callable[[], str]]
    moments: dict[str, list[float]] = field(default_factory=dict)
    keys: dict[str, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._ended = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self._ended.is_set():
            for name, ask in self.ask.items():
                before = time.monotonic()
                with contextlib.suppress(ValueError):
                    self._note(name, before, json.loads(ask()))
            self._ended.wait(0.5)

    def _note(self, name: str, moment: float, status: Mapping[str, Any]) -> None:
        for entry in status["associations"]:
            if entry["authenticated"] and entry["last_received"] is not None:
                self.moments.setdefault(name, []).append(moment - entry["last_received"])
                self.keys.setdefault(name, set()).add(entry["key_id"])

    def end(self) -> None:
        self._ended.set()
        self.join()

    def longest_pauses(self, began: float) -> dict[str, float]:
        """The longest time of each client between two authenticated packets, or until the watch ended."""
        ended, found = time.monotonic(), {}
        for name in self.ask:
            times = [began, *sorted(moment for moment in self.moments.get(name, []) if moment > began), ended]
            found[name] = max(later - earlier for earlier, later in zip(times, times[1:]))
        return found


@dataclass
class Site:
    """The hosts and devices, the inventory, and ansible-playbook inside the lab's namespace."""

    lab: Lab
    folder: pathlib.Path
    linux: dict[str, Host]
    key_id: int = 42
    """With which the servers sign."""
    connections_stay: bool = True
    """Whether Ansible keeps its connections open, which outlive the service that has accepted them."""

    def command(self, playbook: str, hosts: dict[str, dict[str, Any]], *arguments: str) -> list[str]:
        (self.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        program = str(ROOT / ".venv" / "bin" / "ansible-playbook")
        return [
            *(str(LAB), "net", "exec", program, "-i", "inventory.json"),
            *(f"timecast.ntp_multicast.{playbook}", *arguments),
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.lab.environment,
            "HOME": str(self.folder),
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_FORKS": "8",
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s"
            if self.connections_stay
            else "-o ControlMaster=no -o ControlPath=none",
            "LC_ALL": "C.UTF-8",
        }

    def play(self, playbook: str, hosts: dict[str, dict[str, Any]], *arguments: str) -> tuple[int, str]:
        with self.started(playbook, hosts, *arguments) as process:
            process.wait()
        return process.returncode, self.printed()

    @contextlib.contextmanager
    def started(
        self, playbook: str, hosts: dict[str, dict[str, Any]], *arguments: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A run beside the test; whatever of it is left at the end is killed."""
        with (self.folder / "printed").open("wb") as printed:
            process = subprocess.Popen(
                self.command(playbook, hosts, *arguments),
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            try:
                yield process
            finally:
                if process.poll() is None:
                    kill(processes_under(process.pid))
                    process.wait()

    def printed(self) -> str:
        return (self.folder / "printed").read_text(encoding="utf-8", errors="replace")

    def wait_until_printed(self, process: subprocess.Popen[bytes], pattern: str) -> None:
        """Until a run has printed something."""
        end = time.monotonic() + 300
        while not re.search(pattern, self.printed(), re.DOTALL):
            assert process.poll() is None, self.printed()
            assert time.monotonic() < end, self.printed()
            time.sleep(0.1)

    def status(self, name: str) -> str:
        """What the engine of a host, or of a device, says of itself."""
        if name in self.linux:
            return self.linux[name].run("ntp-multicast-engine", "status", "--json", check=False).stdout
        socket = self.folder / f"ntp-{name}" / name.upper() / "status.sock"
        return subprocess.run(
            [sys.executable, "-m", "ntp_multicast_engine", "status", "--json", "--socket", socket],
            env={**os.environ, "PYTHONPATH": str(ROOT / "roles/ntp_multicast_engine/files")},
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    @contextlib.contextmanager
    def watched(self) -> Iterator[Watch]:
        """Watch the clients, and see in the end that none has paused."""
        watch = Watch({name: lambda name=name: self.status(name) for name in CLIENTS})  # type: ignore[misc]
        began = time.monotonic()
        watch.start()
        try:
            yield watch
        finally:
            watch.end()
        pauses = watch.longest_pauses(began)
        assert max(pauses.values()) <= 2 * INTERVAL, pauses


@pytest.fixture(scope="module")
def site(
    lab: Lab, suite: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory, reached_by: dict[str, Any]
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("rotation")
    linux = {name: lab.host(name, suite("bookworm"), number) for name, number in LINUX.items()}
    made = Site(lab, folder, linux)
    with contextlib.ExitStack() as stack:
        for name, number in DEVICES.items():
            stack.enter_context(running_device(made, name, number))
        code, printed = made.play("site", described(made, reached_by, 42))
        assert code == 0, printed
        wait_until_all_hear(made)
        yield made


@contextlib.contextmanager
def running_device(site: Site, name: str, number: int) -> Iterator[None]:
    """A simulated device on a node of its own, with an NTP process on its interface."""
    site.lab.node(name, number)
    v4, v6 = site.lab.addresses(number)
    interface = {"name": PORT, "layer2": False, "ipv4": v4, "ipv6": v6, "host_interface": "eth0"}
    device = {
        "name": name.upper(),
        "address": v4.partition("/")[0],
        "port": 22,
        "release": "ce-v300r023",
        "users": [{"name": USER, "password": PASSWORD, "level": 3}],
        "interfaces": [interface],
    }
    ntp = {
        "command": [sys.executable, "-m", "ntp_multicast_engine"],
        "environment": {"PYTHONPATH": str(ROOT / "roles/ntp_multicast_engine/files")},
        "poll": 3,
        "directory": str(site.folder / f"ntp-{name}"),
    }
    described_in, ready = site.folder / f"{name}.yml", site.folder / f"{name}.ready"
    described_in.write_text(yaml.safe_dump({"devices": [device], "ntp": ntp}), encoding="utf-8")
    with (site.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(LAB, "exec", name, "env", f"PYTHONPATH={ROOT / 'tests' / 'simulator'}", sys.executable),
                *("-m", "vrp_simulator", "--devices", described_in, "--log-directory", site.folder / "log"),
                *("--ready-file", ready),
            ],
            env=site.lab.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + 60
        while not ready.exists() or not ready.read_text(encoding="utf-8"):
            assert process.poll() is None and time.monotonic() < end, (site.folder / f"{name}.log").read_text()
            time.sleep(0.1)
        host_key = json.loads(ready.read_text(encoding="utf-8"))["host_key"]
        ssh = site.folder / ".ssh"
        ssh.mkdir(exist_ok=True)
        with (ssh / "known_hosts").open("a", encoding="utf-8") as known:
            known.write(f"{device['address']} {host_key}\n")
        yield
    finally:
        process.terminate()
        process.wait()


def described(site: Site, reached_by: dict[str, Any], key_id: int, old: int | None = None) -> dict[str, dict[str, Any]]:
    """The variables of all hosts, and how they are reached."""
    hosts: dict[str, dict[str, Any]] = {}
    for name, number in {**LINUX, **DEVICES}.items():
        interface = "eth0" if name in LINUX else PORT
        role = {"servers": [{"address": GROUP, "key_id": key_id, "version": 4}]} if name in SERVERS else {}
        hosts[name] = {
            "ansible_host": site.lab.addresses(number)[0].partition("/")[0],
            "ntp_multicast_authentication": {"enabled": True, "keys": [key(key_id)]},
            "ntp_multicast_interfaces": [{"name": interface, **(role or {"clients": [{"address": GROUP}]})}],
        }
        if name in SERVERS:
            hosts[name]["ntp_multicast_server"] = {"enabled": True, "listen": [interface], "reference_stratum": 2}
        if name in LINUX:
            of_host = {"ansible_host_key_checking": False, "ntp_multicast_engine_poll": 3}
            hosts[name].update(reached_by, **of_host)
        else:
            hosts[name].update(
                ansible_connection="timecast.ntp_multicast.vrp_ssh",
                ansible_network_os="timecast.ntp_multicast.vrp",
                ansible_user=USER,
                ansible_password=PASSWORD,
            )
        if old is not None:
            hosts[name]["ntp_multicast_rotation"] = {"old": key(old), "new": key_id}
    return hosts


def to_the_other_key(site: Site, reached_by: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The variables of a rotation from the key that is used to the other one."""
    old, site.key_id = site.key_id, 43 if site.key_id == 42 else 42
    return described(site, reached_by, site.key_id, old=old)


def wait_until_all_hear(site: Site) -> None:
    """Until each client is synchronised and hears both servers."""
    end = time.monotonic() + 120
    for name in CLIENTS:
        while True:
            told = site.status(name)
            with contextlib.suppress(ValueError):
                status = json.loads(told)
                if status["system"]["synchronised"] and len(status["associations"]) == len(SERVERS):
                    break
            assert time.monotonic() < end, f"{name}: {told}"
            time.sleep(0.5)


def test_a_rotation_on_devices_and_hosts_lets_no_client_pause(site: Site, reached_by: dict[str, Any]) -> None:
    hosts = to_the_other_key(site, reached_by)
    with site.watched() as watch:
        code, printed = site.play("rotate_key", hosts)
        assert code == 0, printed
    for name in CLIENTS:
        kind = "by the key: the last packets of" if name in LINUX else "by counters: fresh packets of"
        assert f"{name}: {kind} 10.99.7." in printed, printed
        assert watch.keys[name] == {42, 43}
    assert not any(secret in printed for secret in SECRETS.values())
    code, printed = site.play("check_drift", hosts)
    assert code == 0, printed


# What a run has printed when it is killed, of which step.
KILLED = {
    "1": r"PLAY \[Bring the new key.*changed: \[v2\]",
    "1, on Linux": r"PLAY \[Bring the new key.*TASK \[[^\]]*Write the keys\]",
    "2": r"PLAY \[Let the servers sign.*changed: \[",
    "3": r"PLAY \[Prove each client.*TASK \[Wait for fresh packets\]",
    "4": r"PLAY \[Take the old key away\].*changed: \[",
    "4, on Linux": r"PLAY \[Take the old key away\].*TASK \[[^\]]*Write the keys\]",
}


@longer
def test_a_rotation_that_is_killed_at_each_step_lets_no_client_pause(site: Site, reached_by: dict[str, Any]) -> None:
    hosts = to_the_other_key(site, reached_by)
    with site.watched():
        for pattern in KILLED.values():
            with site.started("rotate_key", hosts) as process:
                site.wait_until_printed(process, pattern)
        code, printed = site.play("rotate_key", hosts)
        assert code == 0, printed
    assert site.play("check_drift", hosts)[0] == 0


@longer
def test_a_host_that_is_unreachable_in_the_middle_stops_the_rotation(site: Site, reached_by: dict[str, Any]) -> None:
    hosts = to_the_other_key(site, reached_by)
    site.connections_stay = False
    with site.watched():
        with site.started("rotate_key", hosts) as process:
            site.wait_until_printed(process, r"PLAY \[Bring the new key")
            site.linux["l2"].run("systemctl", "stop", "ssh")
            process.wait()
        printed = site.printed()
        assert process.returncode != 0
        assert re.search(r"Stopped (in|before) step [12]\.", printed), printed
        assert re.search(r"l2: .*(unreachable|connect)", printed, re.IGNORECASE), printed
        site.linux["l2"].run("systemctl", "start", "ssh")
        code, printed = site.play("rotate_key", hosts)
        assert code == 0, printed
