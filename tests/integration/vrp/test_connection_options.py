# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device a task reaches, as whom, and what the user reads when it reaches none: real ansible-playbook runs."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import asyncssh
import pytest
import yaml
from harness import PASSWORD, Playbooks, server_config, task
from unit.plugin_utils.connection.servers import Behaviour, serving

from vrp_simulator.testing import RunningDevices

MACHINE_PASSWORD = "Machine-Pass-5"
INTERFACES = {"CE1": "100GE1/0/1", "NE1": "GigabitEthernet0/1/0"}


# -- one connection, several devices -----------------------------------------------------------------------------------


def in_a_loop(**options: Any) -> dict[str, Any]:
    """A task for each device that a single host runs."""
    return {**task(**options), "loop": list(INTERFACES), "delegate_to": "{{ item }}"}


def test_a_loop_reaches_each_device_that_it_names(playbooks: Playbooks) -> None:
    """They share an address; only the port differs."""
    config = server_config("{{ interfaces[item] }}")
    run = playbooks.run([in_a_loop(config=config)], hosts="CE1", interfaces=INTERFACES)
    assert run.code == 0, run.output
    results = run.results["CE1"]["results"]
    assert [result["changed"] for result in results] == [True, True]
    for name, item in playbooks.devices.items():
        assert len(item.commits()) == 1, name
        assert len({entry["session"] for entry in item.commands()}) == 1
        assert f"interface {INTERFACES[name]}" in item.running_configuration()
        assert "multicast-server 239.1.2.3" in item.running_configuration()


def test_a_loop_logs_in_as_the_user_that_it_names(playbooks: Playbooks) -> None:
    """Two entries of the inventory for one device, with different users."""
    ce1 = playbooks.devices["CE1"]
    playbooks.host_variables = {"NE1": {"ansible_port": ce1.port, "ansible_user": "low"}}
    run = playbooks.run([in_a_loop(_name="vrp_ntp_multicast_info")], hosts="CE1")
    assert run.code == 0, run.output
    assert {entry["user"] for entry in ce1.commands()} == {"ops", "low"}
    assert playbooks.devices["NE1"].commands() == []


def test_a_loop_takes_the_proxy_that_it_names(playbooks: Playbooks) -> None:
    """Same address and same port; the way is another."""
    ce1, ne1 = playbooks.devices["CE1"], playbooks.devices["NE1"]
    proxy = playbooks.directory / "proxy.py"
    proxy.write_text(
        "import os, socket, sys, threading\n"
        "line = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "def up():\n    while data := os.read(0, 65536):\n        line.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := line.recv(65536):\n    os.write(1, data)\n"
    )
    playbooks.host_variables = {
        "NE1": {"ansible_port": ce1.port, "ansible_ssh_proxy_command": f"{sys.executable} {proxy} {ne1.port}"}
    }
    run = playbooks.run([in_a_loop(state="gathered")], hosts="CE1")
    assert run.code == 0, run.output
    for item in (ce1, ne1):
        assert len({entry["session"] for entry in item.commands()}) == 1


def test_a_loop_over_one_device_logs_in_once(playbooks: Playbooks) -> None:
    again = {**task(state="gathered"), "loop": [1, 2, 3], "delegate_to": "NE1"}
    run = playbooks.run([again], hosts="CE1")
    assert run.code == 0, run.output
    assert len({entry["session"] for entry in playbooks.devices["NE1"].commands()}) == 1


# -- what the user reads -----------------------------------------------------------------------------------------------


def assert_readable(output: str) -> None:
    """No traceback, nothing that Ansible calls errant, no name of an exception."""
    for noise in ("Traceback", "errantly", "paramiko.", "ChannelException", "SSHException", "[Errno", "None]"):
        assert noise not in output, output


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (Behaviour(options={"kex_algs": ["curve25519-sha256"]}), "offers no key exchange that is accepted here"),
        (Behaviour(sessions=False), "let the user in but opens no session"),
        (Behaviour(host_keys=[asyncssh.generate_private_key("ssh-ed448")]), "offers no type of host key"),
        (
            Behaviour(password=False, rounds=[("", "", [("Password:", False)]), ("", "", [("Token:", False)])]),
            "the device asks for more than the password",
        ),
        (Behaviour(), "is not known: ssh-ed25519 SHA256:"),
    ],
    ids=["kex", "channel", "host key type", "token", "unknown key"],
)
def test_an_error_is_one_sentence(playbooks: Playbooks, behaviour: Behaviour, sentence: str) -> None:
    with serving(behaviour) as server:
        playbooks.host_variables = {"CE1": {"ansible_port": server.port}}
        if "is not known" not in sentence:
            known_hosts = pathlib.Path(playbooks.environment["HOME"], ".ssh", "known_hosts")
            known_hosts.write_text(server.known_hosts)
        run = playbooks.run([{**task(state="gathered"), "ignore_unreachable": True}], hosts="CE1")
    message = run.results["CE1"]["msg"]
    assert message.count(sentence) == 1
    # Core prints it in the result and, from 2.19 on, once more above it.
    assert run.output.count(sentence) <= 2
    assert_readable(run.output)


def test_a_device_that_is_switched_off(playbooks: Playbooks) -> None:
    playbooks.host_variables = {"CE1": {"ansible_port": 1}}
    run = playbooks.run([{**task(state="gathered"), "ignore_unreachable": True}], hosts="CE1")
    assert "No connection to ops@127.0.0.1:1: Connection refused." in run.results["CE1"]["msg"]
    assert_readable(run.output)


def test_the_host_wins_over_the_controller(playbooks: Playbooks) -> None:
    """Automation controllers switch the checking of host keys off in the environment of every job."""
    pathlib.Path(playbooks.environment["HOME"], ".ssh", "known_hosts").write_text("")
    playbooks.host_variables = {"CE1": {"ansible_host_key_checking": True}}
    run = playbooks.run(
        [{**task(state="gathered"), "ignore_unreachable": True}],
        environment={"ANSIBLE_HOST_KEY_CHECKING": "False"},
    )
    assert "is not known" in run.results["CE1"]["msg"]
    assert playbooks.devices["CE1"].commands() == []
    assert run.results["NE1"].get("gathered") is not None


# -- two credentials in one job ----------------------------------------------------------------------------------------


def of_network(**variables: str) -> dict[str, str]:
    return {"ANSIBLE_NET_USERNAME": "ops", "ANSIBLE_NET_PASSWORD": PASSWORD, **variables}


def as_machine(directory: pathlib.Path) -> list[str]:
    """What a machine credential adds to the command; a file stands for the question of --ask-pass."""
    file = directory / "machine_password"
    file.write_text(MACHINE_PASSWORD + "\n")
    file.chmod(0o600)
    return ["-u", "machine", "--connection-password-file", str(file)]


def test_the_network_credential_is_for_devices(playbooks: Playbooks) -> None:
    gather = [{**task(state="gathered"), "ignore_unreachable": True}]
    run = playbooks.run(
        gather,
        *as_machine(playbooks.directory),
        ansible_user=None,
        ansible_password=None,
        environment=of_network(),
    )
    for name, item in playbooks.devices.items():
        assert run.results[name].get("gathered") is not None, run.output
        assert {entry["user"] for entry in item.commands()} == {"ops"}


def test_variables_of_the_host_win_over_both_credentials(playbooks: Playbooks) -> None:
    playbooks.host_variables = {"CE1": {"ansible_user": "low", "ansible_password": PASSWORD}}
    run = playbooks.run(
        [task("vrp_ntp_multicast_info")],
        *as_machine(playbooks.directory),
        ansible_user=None,
        ansible_password=None,
        environment=of_network(),
    )
    assert run.code == 0, run.output
    assert {entry["user"] for entry in playbooks.devices["CE1"].commands()} == {"low"}
    assert {entry["user"] for entry in playbooks.devices["NE1"].commands()} == {"ops"}


def test_the_machine_password_is_not_sent_to_devices(playbooks: Playbooks) -> None:
    """A network credential with a key only: the password on the command line belongs to another user."""
    with serving(Behaviour()) as server:
        pathlib.Path(playbooks.environment["HOME"], ".ssh", "known_hosts").write_text(server.known_hosts)
        playbooks.host_variables = {"CE1": {"ansible_port": server.port}}
        run = playbooks.run(
            [{**task(state="gathered"), "ignore_unreachable": True}],
            *as_machine(playbooks.directory),
            hosts="CE1",
            ansible_user=None,
            ansible_password=None,
            environment=of_network(ANSIBLE_NET_PASSWORD=""),
        )
        assert server.told == []
    assert "refused the login" in run.results["CE1"]["msg"]


FROM_ENVIRONMENT = {
    "ansible_user": "{{ lookup('ansible.builtin.env', 'ANSIBLE_NET_USERNAME') }}",
    "ansible_password": "{{ lookup('ansible.builtin.env', 'ANSIBLE_NET_PASSWORD') }}",
}


def write_job(
    directory: pathlib.Path, pair: RunningDevices, variables: dict[str, Any], collections: pathlib.Path
) -> None:
    """A private data directory as a controller writes it, with a machine and a network credential in one job."""
    for part in ("env", "inventory", "project"):
        (directory / part).mkdir(parents=True)
    play = {"hosts": "devices", "gather_facts": False, "tasks": [task(state="gathered")]}
    (directory / "project" / "play.yml").write_text(yaml.safe_dump([play]))
    (directory / "project" / "known_hosts").write_text(pair.known_hosts())
    hosts = {name: {"ansible_host": item.address, "ansible_port": item.port} for name, item in pair.items()}
    (directory / "inventory" / "hosts.json").write_text(
        json.dumps({"all": {"children": {"devices": {"hosts": hosts, "vars": variables}}}})
    )
    environment = {
        **of_network(),
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "HOME": str(directory),
    }
    (directory / "env" / "envvars").write_text(json.dumps(environment))
    (directory / "env" / "cmdline").write_text("-u machine --ask-pass")
    (directory / "env" / "passwords").write_text(json.dumps({r"SSH password:\s*?$": MACHINE_PASSWORD}))


def run_job(directory: pathlib.Path) -> subprocess.CompletedProcess[str]:
    programs = pathlib.Path(sys.executable).parent
    return subprocess.run(
        [sys.executable, "-m", "ansible_runner", "run", str(directory), "-p", "play.yml"],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("more", [{}, FROM_ENVIRONMENT], ids=["as in the guide", "from the environment"])
def test_the_example_of_the_guide_under_ansible_runner(
    more: dict[str, Any], pair: RunningDevices, tmp_path: pathlib.Path, pytestconfig: pytest.Config
) -> None:
    for item in pair.values():
        item.reset()
    variables = {**example_of_the_guide(pytestconfig.rootpath), **more}
    write_job(tmp_path / "job", pair, variables, pytestconfig.rootpath / ".build" / "collections")
    done = run_job(tmp_path / "job")
    assert done.returncode == 0, done.stdout + done.stderr
    for item in pair.values():
        assert {entry["user"] for entry in item.commands()} == {"ops"}
    assert PASSWORD not in done.stdout and MACHINE_PASSWORD not in done.stdout
    # The example's variable wins over the environment, which lets any key pass.
    (tmp_path / "job" / "project" / "known_hosts").write_text("")
    refused = run_job(tmp_path / "job")
    assert refused.returncode != 0 and "is not known" in refused.stdout


def example_of_the_guide(rootpath: pathlib.Path) -> dict[str, Any]:
    """The variables for the group of devices that the guide on security shows."""
    text = (rootpath / "docs" / "docsite" / "rst" / "guide_security.rst").read_text(encoding="utf-8")
    _before, _mark, block = text.partition("# group_vars/devices.yml\n")
    example = yaml.safe_load(block.partition("\n\n")[0])
    assert isinstance(example, dict)
    return example
