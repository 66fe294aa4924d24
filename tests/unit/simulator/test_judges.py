# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign clients complete a configure-commit-read session against each release."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator

import needs
import pytest

from vrp_simulator.testing import RunningDevices, running_devices

from .conftest import COMMANDS, KEY, PORTS, REPOSITORY, TWO_STAGE, device_entry

JUDGES = REPOSITORY / ".venv-judges" / "bin" / "python"
ANSIBLE = REPOSITORY / ".venv-judges-ansible" / "bin" / "ansible-playbook"
HUAWEI = ["ce-v200r005", "ce-v300r023", "s-v600"]  # what Huawei's modules were made for: `ntp`, two stages
HERE = pathlib.Path(__file__).resolve().parent / "judges"
RELEASES = sorted(PORTS)
TIMEOUT = 120  # seconds, for a hang


@pytest.fixture(scope="module")
def devices() -> Iterator[RunningDevices]:
    with running_devices([{**device_entry(release), "name": release} for release in RELEASES]) as running:
        yield running


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, devices: RunningDevices) -> str:
    devices[request.param].reset()
    return str(request.param)


def lines_of(release: str) -> list[str]:
    command = COMMANDS[release]
    trusted = "reliable" if command == "ntp-service" else "trusted"
    return [
        f"{command} authentication enable",
        f"{command} authentication-keyid 42 authentication-mode hmac-sha256 {KEY}",
        f"{command} {trusted} authentication-keyid 42",
        f"interface {PORTS[release]}",
        f"{command} multicast-client",
        "quit",
    ]


def check(devices: RunningDevices, release: str, current: str) -> None:
    """What the client read is what the device has."""
    device, command = devices[release], COMMANDS[release]
    assert device.secret(42) == KEY
    assert f"{command} authentication enable" in current.splitlines()
    assert f" {command} multicast-client" in current.splitlines()
    assert device.pending() == {}


def order(devices: RunningDevices, release: str) -> dict[str, object]:
    device = devices[release]
    return {
        "address": device.address,
        "port": device.port,
        "user": "netops",
        "password": "Login-Pass-1",
        "two_stage": release in TWO_STAGE,
        "lines": lines_of(release),
    }


@pytest.mark.parametrize("client", ["netmiko", "scrapli"])
def test_a_python_client(devices: RunningDevices, client: str, tmp_path: pathlib.Path) -> None:
    needs.require(needs.no_file(JUDGES, "judges"))
    for device in devices.values():
        device.reset()
    done = subprocess.run(
        [JUDGES, HERE / f"{client}_session.py"],
        input=json.dumps([order(devices, release) for release in RELEASES]),
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    for release, answer in zip(RELEASES, answers, strict=True):
        assert answer["version"].startswith("Huawei") and answer["prompt"].strip() == f"<{release}>"
        check(devices, release, answer["current"])
        if client == "netmiko":
            assert "successfully" in answer["saved"]
            assert devices[release].saved_configuration().count("multicast-client")
        else:
            assert answer["failed"] is False


def test_ce_config_and_ce_command(devices: RunningDevices, tmp_path: pathlib.Path) -> None:
    """Huawei's own modules: `mmi-mode`, `system-view immediately`, and a `return` in the user view (fact 9.8)."""
    needs.require(needs.no_file(ANSIBLE, "judges-ansible"))
    lines = ["ntp refclock-master 2", "ntp authentication enable"]
    hosts = {}
    for release in HUAWEI:
        device = devices[release]
        device.reset()
        hosts[release] = {"ansible_host": device.address, "ansible_port": device.port, "port": PORTS[release]}
    variables = {
        "ansible_connection": "ansible.netcommon.network_cli",
        "ansible_network_os": "community.network.ce",
        "ansible_user": "netops",
        "ansible_password": "Login-Pass-1",
        "lines": lines,
        "port_lines": ["ntp multicast-client 239.1.2.3"],
    }
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="ce-") as sockets:  # their names must be short
        done = subprocess.run(
            [ANSIBLE, "-i", inventory, HERE / "ce_config.yml"],
            capture_output=True,
            check=False,
            text=True,
            timeout=TIMEOUT,
            env={
                "HOME": str(tmp_path),
                "PATH": "/usr/bin:/bin",
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_HOST_KEY_CHECKING": "0",
                "ANSIBLE_NETWORK_CLI_SSH_TYPE": "libssh",
                "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": sockets,
                "ANSIBLE_PERSISTENT_COMMAND_TIMEOUT": "60",
            },
        )
    assert done.returncode == 0, done.stdout + done.stderr
    for release in HUAWEI:
        device = devices[release]
        device.wait_until_deserted()
        for text in (device.running_configuration(), device.saved_configuration()):
            assert all(f"\n{line}\n" in text for line in lines)
            assert f"interface {PORTS[release]}\n" in text and "\n ntp multicast-client 239.1.2.3\n" in text
        typed = [line for prompt, line in device.typed() if prompt == f"<{release}>"]
        assert typed.count("return") >= 5, "the modules no longer end with `return` in the user view"
        assert device.pending() == {}


def test_openssh(devices: RunningDevices, release: str, tmp_path: pathlib.Path) -> None:
    """The command line client, with host key checking on."""
    needs.require(needs.no_command("ssh", "sshpass"))
    hosts = tmp_path / "known_hosts"
    hosts.write_text(devices.known_hosts(), encoding="utf-8")
    device = devices[release]
    commit = ["commit"] if release in TWO_STAGE else []
    typed = [
        "screen-length 0 temporary",
        "system-view",
        *lines_of(release),
        *commit,
        "quit",
        "display current-configuration",
        "quit",
    ]
    done = subprocess.run(
        [
            *("sshpass", "-e", "ssh", "-tt", "-F", "none", "-o", f"UserKnownHostsFile={hosts}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "PreferredAuthentications=password,keyboard-interactive"),
            *("-p", str(device.port), f"netops@{device.address}"),
        ],
        input="".join(f"{line}\n" for line in typed),
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SSHPASS": "Login-Pass-1"},
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stdout
    check(devices, release, done.stdout)


@pytest.mark.parametrize(("moment", "applied"), [("before-commit", False), ("during-commit", True)])
def test_openssh_notices_a_cut_line(
    devices: RunningDevices, tmp_path: pathlib.Path, moment: str, applied: bool
) -> None:
    needs.require(needs.no_command("ssh", "sshpass"))
    device = devices["ce-v300r023"]
    device.reset()
    device.set_faults(lose_session=moment)
    hosts = tmp_path / "known_hosts"
    hosts.write_text(devices.known_hosts(), encoding="utf-8")
    done = subprocess.run(
        [
            *("sshpass", "-e", "ssh", "-T", "-F", "none", "-o", f"UserKnownHostsFile={hosts}"),
            *("-p", str(device.port), f"netops@{device.address}"),
        ],
        input="system-view\nsysname CUT\ncommit\nreturn\nquit\n",
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SSHPASS": "Login-Pass-1"},
    )
    assert done.returncode == 255
    assert ("sysname CUT" in device.running_configuration()) == applied and device.pending() == {}
