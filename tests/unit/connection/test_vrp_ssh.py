# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin as Ansible handles it: options, credentials, and the sessions that it hands out."""

from __future__ import annotations

import os
import pathlib
import stat
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext
from unit.plugin_utils.connection.servers import PASSWORD, Behaviour, Server, serving

from ansible_collections.timecast.ntp_multicast.plugins.connection import vrp_ssh
from ansible_collections.timecast.ntp_multicast.plugins.connection.vrp_ssh import Connection

NAME = "timecast.ntp_multicast.vrp_ssh"
CONTROLLER = ("ANSIBLE_NET_USERNAME", "ANSIBLE_NET_PASSWORD", "ANSIBLE_NET_SSH_KEYFILE", "ANSIBLE_REMOTE_USER")
NET = {"ANSIBLE_NET_USERNAME": "net", "ANSIBLE_NET_PASSWORD": "Net-Pass-1"}
NET_KEY = {"ANSIBLE_NET_USERNAME": "net", "ANSIBLE_NET_SSH_KEYFILE": "/net/key"}
MACHINE = {"remote_user": "machine", "password": "Machine-Pass-1", "private_key_file": "/machine/key"}


@pytest.fixture(name="connection")
def connection_fixture(monkeypatch: pytest.MonkeyPatch) -> Connection:
    for name in CONTROLLER:
        monkeypatch.delenv(name, raising=False)
    # What Ansible's loader does.
    options = yaml.safe_load(vrp_ssh.DOCUMENTATION)["options"]
    constants.config.initialize_plugin_configuration_definitions("connection", NAME, options)
    made = Connection(PlayContext(), None)
    made._load_name = NAME
    return made


@pytest.mark.parametrize(
    ("environment", "keywords", "variables", "expected"),
    [
        ({}, {}, {}, (None, None, None)),
        ({}, MACHINE, {}, ("machine", "Machine-Pass-1", "/machine/key")),
        (NET, {}, {}, ("net", "Net-Pass-1", None)),
        (NET, MACHINE, {}, ("net", "Net-Pass-1", None)),
        (NET_KEY, MACHINE, {}, ("net", None, "/net/key")),
        ({**NET, "ANSIBLE_NET_PASSWORD": ""}, MACHINE, {}, ("net", None, None)),
        (NET, MACHINE, {"ansible_user": "mine"}, ("mine", "Net-Pass-1", "/machine/key")),
        (NET, MACHINE, {"ansible_user": "mine", "ansible_password": "Own"}, ("mine", "Own", "/machine/key")),
        (NET, MACHINE, {"ansible_password": "Own"}, ("net", "Own", None)),
        (NET, MACHINE, {"ansible_ssh_private_key_file": "/own"}, ("net", "Net-Pass-1", "/own")),
        (NET, MACHINE, {"ansible_user": "", "ansible_password": ""}, ("net", "Net-Pass-1", None)),
    ],
)
def test_credentials(
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    keywords: dict[str, str],
    variables: dict[str, str],
    expected: tuple[str | None, ...],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connection.set_options(task_keys=keywords, var_options=variables)
    assert connection._credentials() == expected


def reach(connection: Connection, server: Server, tmp_path: pathlib.Path, **variables: Any) -> Connection:
    known_hosts = tmp_path / "known_hosts"
    with known_hosts.open("a") as file:
        file.write(server.known_hosts)
    connection.set_options(
        var_options={
            "ansible_host": "127.0.0.1",
            "ansible_port": server.port,
            "ansible_user": "ops",
            "ansible_password": PASSWORD,
            "ansible_known_hosts_file": str(known_hosts),
            "ansible_ssh_common_args": "-F none",
            **variables,
        }
    )
    return connection


def test_equal_options_share_a_session(connection: Connection, tmp_path: pathlib.Path) -> None:
    with serving() as server:
        first = reach(connection, server, tmp_path).session()
        assert reach(connection, server, tmp_path).session() is first
        assert server.connections == 1
        connection.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"ansible_user": "other"},
        {"ansible_command_timeout": 7},
        {"ansible_ssh_common_args": "-F none -o User=x"},
        {"ansible_vrp_legacy_algorithms": True},
        {"ansible_host": "localhost", "ansible_host_key_checking": False},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_option_is_another_login(
    connection: Connection, tmp_path: pathlib.Path, changed: dict[str, Any]
) -> None:
    with serving() as server:
        first = reach(connection, server, tmp_path).session()
        assert reach(connection, server, tmp_path, **changed).session() is not first
        assert server.connections == 2
        connection.close()


def test_a_second_session_is_to_the_same_device(connection: Connection, tmp_path: pathlib.Path) -> None:
    with serving() as server:
        first = reach(connection, server, tmp_path).session()
        with connection.second_session() as second:
            assert second is not first
        assert connection.session() is first
        assert server.connections == 2
        connection.close()


def test_a_device_that_shows_no_prompt_names_the_timeout(connection: Connection, tmp_path: pathlib.Path) -> None:
    with serving(Behaviour(mute=True)) as server:
        reach(connection, server, tmp_path, ansible_login_timeout=0.5)
        with pytest.raises(AnsibleConnectionFailure, match="ansible_login_timeout") as failed:
            connection.session()
    assert failed.value.__cause__ is None


def test_a_missing_library_is_named(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(vrp_ssh, "PARAMIKO_IMPORT_ERROR", ImportError("No module named 'paramiko'"))
    with serving() as server, pytest.raises(AnsibleError, match="pip install paramiko"):
        reach(connection, server, tmp_path).session()


def test_a_transcript_that_cannot_be_written_stops_before_the_login(
    connection: Connection, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    with serving() as server:
        for path in (tmp_path / "link", tmp_path / "pipe", tmp_path, "/proc/nowhere/file"):
            reach(connection, server, tmp_path, ansible_vrp_transcript_file=str(path))
            with pytest.raises(AnsibleConnectionFailure, match="ansible_vrp_transcript_file"):
                connection.session()
        assert server.connections == 0
    assert not (tmp_path / "elsewhere").exists()


def test_a_transcript_is_private_and_grows(connection: Connection, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new" / "device.jsonl"
    with serving() as server:
        reach(connection, server, tmp_path, ansible_vrp_transcript_file=str(path)).session()
        path.chmod(0o644)
        with connection.second_session():
            pass
        connection.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    assert PASSWORD not in path.read_text(encoding="utf-8")
