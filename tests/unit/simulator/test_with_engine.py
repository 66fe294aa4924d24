# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two devices in two network namespaces, one the other's multicast server: the real engine and real packets."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import needs
import pytest
import yaml

from .conftest import REPOSITORY

PATIENCE = 120.0  # seconds until a silence counts as a failure
ENGINE = REPOSITORY / "roles" / "ntp_multicast_engine" / "files"

SERVER = """#
ntp authentication-keyid 42 authentication-mode aes-128-cmac Sixteen-octets-1
ntp refclock-master 2
ntp authentication enable
ntp server source-interface 100GE1/0/1
#
interface 100GE1/0/1
 undo portswitch
 ntp multicast-server 224.5.5.5 authentication-keyid 42 ttl 2 version 4
#
return
"""
CLIENT = """#
ntp-service server disable
ntp-service authentication-keyid 42 authentication-mode aes-128-cmac Sixteen-octets-1
ntp-service reliable authentication-keyid 42
ntp-service authentication enable
#
interface GigabitEthernet0/1/0
 ntp-service multicast-client 224.5.5.5
#
return
"""


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """Two namespaces with a cable between them."""
    needs.require(needs.no_root(), needs.no_command("ip"))
    names = f"vrp-a-{os.getpid()}", f"vrp-b-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        for name in names:
            run("ip", "netns", "add", name)
            stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", names[0], "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for number, name in enumerate(names, 1):
            run("ip", "-n", name, "addr", "add", f"10.99.0.{number}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
        yield names


@contextlib.contextmanager
def device(namespace: str, folder: pathlib.Path, entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run one device in a namespace."""
    folder.mkdir()
    ntp = {
        "command": [sys.executable, "-m", "ntp_multicast_engine"],
        "environment": {"PYTHONPATH": str(ENGINE)},
        "poll": 3,
        "directory": str(folder / "ntp"),
    }
    (folder / "devices.yml").write_text(yaml.safe_dump({"devices": [entry], "ntp": ntp}), encoding="utf-8")
    ready = folder / "ready.json"
    process = subprocess.Popen(
        [
            *("ip", "netns", "exec", namespace, sys.executable, "-m", "vrp_simulator", "--ready-file", str(ready)),
            *("--devices", str(folder / "devices.yml"), "--log-directory", str(folder)),
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests" / "simulator")},
    )
    try:
        end = time.monotonic() + PATIENCE
        while not ready.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        yield json.loads(ready.read_text(encoding="utf-8"))
    finally:
        process.terminate()
        process.wait(PATIENCE)


def typed(namespace: str, place: dict[str, Any], *lines: str) -> str:
    """What a device answers to a person with OpenSSH in its namespace."""
    done = subprocess.run(
        [
            *("ip", "netns", "exec", namespace, "sshpass", "-e", "ssh", "-T", "-F", "none"),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-p", str(place["port"]), f"netops@{place['address']}"),
        ],
        input="".join(f"{line}\n" for line in (*lines, "quit")),
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SSHPASS": "Login-Pass-1"},
    )
    return done.stdout.replace("\r", "")


@pytest.mark.root
def test_a_device_synchronises_to_another(namespaces: tuple[str, str], tmp_path: pathlib.Path) -> None:
    needs.require(needs.no_command("ssh", "sshpass"))
    user = {"name": "netops", "password": "Login-Pass-1"}
    server = {
        "name": "CE1",
        "users": [user],
        "interfaces": [{"name": "100GE1/0/1", "layer2": False, "ipv4": "10.99.0.1/24", "host_interface": "eth0"}],
        "startup_configuration": SERVER,
    }
    client = {
        "name": "NE1",
        "release": "ne40e-v800r012",
        "users": [user],
        "interfaces": [{"name": "GigabitEthernet0/1/0", "ipv4": "10.99.0.2/24", "host_interface": "eth0"}],
        "startup_configuration": CLIENT,
    }
    with device(namespaces[0], tmp_path / "a", server) as a, device(namespaces[1], tmp_path / "b", client) as b:
        end = time.monotonic() + PATIENCE
        status = ""
        while "clock status: synchronized" not in status and time.monotonic() < end:
            status = typed(namespaces[1], b["devices"]["NE1"], "display ntp-service status")
            time.sleep(1)
        assert " clock stratum: 3\n reference clock ID: 10.99.0.1\n" in status
        sessions = typed(namespaces[1], b["devices"]["NE1"], "display ntp-service sessions")
        assert "clock source: 10.99.0.1\n clock stratum: 2\n clock status: dynamic, master, sane, valid\n" in sessions
        assert "reference clock ID: LOCAL(0)" in typed(namespaces[0], a["devices"]["CE1"], "display ntp status")
        # A device that no longer trusts the key drops what it hears.
        lines = ("system-view", "undo ntp-service reliable authentication-keyid 42", "commit", "return")
        typed(namespaces[1], b["devices"]["NE1"], *lines)
        dropped = 0
        while dropped == 0 and time.monotonic() < end:
            shown = typed(namespaces[1], b["devices"]["NE1"], "display ntp-service statistics packet | no-more")
            dropped = int(shown.partition("Authentication failures")[2].partition(":")[2].split()[0])
            time.sleep(1)
        assert dropped > 0
