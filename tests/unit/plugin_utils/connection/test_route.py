# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a device, with `ssh -G` as the judge: it prints what OpenSSH makes of options and files."""

from __future__ import annotations

import pathlib
import shlex
import subprocess
from typing import Any

import needs
import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection import ssh_config
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.errors import SshError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.route import (
    Route,
    jump_command,
    route_of,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.settings import Settings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.ssh_config import arguments_from

CONFIG = """
Port 2022

Host ce1
  HostName 192.0.2.1
  User netops
  Port 2201
  IdentityFile ~/.ssh/id_devices

Host ce2
  HostName=192.0.2.2
  ProxyJump ops@gate:2222

Host ce3
  ProxyCommand nc -X connect %h %p

Host ce4
  ProxyJump none
  ProxyCommand nc %h %p

Host ce5
  Include more.conf
  User fifth

Host ce6
  Include more.conf

Host *.example
  HostName %h.net
  ProxyJump one,two:22

Match originalhost ce7 user admin
  Port 2207

Host *
  User everyone
  ProxyJump last-gate
"""
MORE = "Port 2205\nProxyJump included-gate\n"
CASES = [
    ("ce1", "", {}),
    ("ce2", "", {}),
    ("ce3", "", {}),
    ("ce4", "", {}),
    ("ce5", "", {}),
    ("ce6", "", {}),
    ("ce7", "-l admin", {}),
    ("ce7", "", {}),
    ("sw.example", "", {}),
    ("other", "", {}),
    ("ce1", "", {"port": 2299, "user": "root"}),
    ("other", "-J gate", {}),
    ("other", "-Jgate", {}),
    ("other", "-vJ gate", {}),
    ("other", "-o ProxyJump=gate", {}),
    ("other", "-oProxyJump=gate", {}),
    ("other", "-o 'ProxyJump gate'", {}),
    ("other", "-o 'ProxyJump = gate'", {}),
    ("other", "-o ProxyJump=none", {}),
    ("other", "-o ProxyCommand='nc %h %p'", {}),
    ("other", "-o ProxyCommand=none", {}),
    ("ce2", "-o ProxyCommand='nc %h %p'", {}),
    ("ce3", "-J gate", {}),
    ("ce1", "-o HostName=192.0.2.99", {}),
    ("other", "-p 2200 -l someone", {}),
    ("other", "-o Port=2200 -o User=someone", {}),
    ("other", "-C -o ControlMaster=auto -o ControlPersist=60s -L 1:h:2 -J gate", {}),
]


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(CONFIG)
    (tmp_path / ".ssh" / "more.conf").write_text(MORE)
    monkeypatch.setattr(ssh_config, "SYSTEM_FILE", str(tmp_path / "none"))
    return tmp_path


def openssh_says(host: str, arguments: str, options: dict[str, Any], home: pathlib.Path) -> dict[str, str]:
    """OpenSSH looks for ~ in the user database, so it gets the files by name."""
    config = home / "for_openssh"
    config.write_text(CONFIG.replace("Include more.conf", f"Include {home}/.ssh/more.conf"))
    explicit = [f"-oPort={options['port']}"] if "port" in options else []
    explicit += [f"-oUser={options['user']}"] if "user" in options else []
    command = ["ssh", "-G", "-F", str(config), *explicit, *shlex.split(arguments), host]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return dict(line.partition(" ")[::2] for line in done.stdout.splitlines())


@pytest.mark.parametrize(("host", "arguments", "options"), CASES)
def test_the_way_is_that_of_openssh(host: str, arguments: str, options: dict[str, Any], home: pathlib.Path) -> None:
    needs.require(needs.no_command("ssh"))
    route = route_of(Settings(host, ssh_arguments=arguments, **options))
    judge = openssh_says(host, arguments, options, home)
    assert (route.host, str(route.port), route.user) == (judge["hostname"], judge["port"], judge["user"])
    place = (route.host, route.port, route.user)
    if judge.get("proxyjump", "none") != "none":
        assert route.proxy == jump_command(judge["proxyjump"], place, 10)
    elif judge.get("proxycommand", "none") != "none":
        assert route.proxy == judge["proxycommand"].replace("%h", route.host).replace("%p", str(route.port))
    else:
        assert route.proxy == ""


def test_identity_files(home: pathlib.Path) -> None:
    assert route_of(Settings("ce1")).identity_files == (f"{home}/.ssh/id_devices",)
    assert route_of(Settings("other")).identity_files == ()
    assert route_of(Settings("ce1", ssh_arguments="-i /a -o IdentityFile=none")).identity_files == (
        "/a",
        f"{home}/.ssh/id_devices",
    )


def test_options_of_the_connection_count_first(home: pathlib.Path) -> None:
    way = Settings("ce2", proxy_jump="mine", ssh_arguments="-J other")
    assert route_of(way).proxy.endswith("-W '[192.0.2.2]:2022' mine")
    way = Settings("ce2", proxy_command="nc %h %p %r %%h", proxy_jump="mine", ssh_arguments="-J other")
    assert route_of(way).proxy == "nc 192.0.2.2 2022 everyone %h"


def test_a_chosen_file_takes_the_place_of_the_others(home: pathlib.Path) -> None:
    chosen = home / "chosen"
    chosen.write_text("Host ce1\n  Port 77\n  ProxyJump gate\n")
    route = route_of(Settings("ce1", user="ops", ssh_arguments=f"-F {chosen}"))
    assert (route.host, route.port) == ("ce1", 77)
    assert f"-F {chosen}" in route.proxy  # the jump is made with the same file
    assert route_of(Settings("ce1", user="ops", ssh_arguments="-F none")) == Route("ce1", 22, "ops")


def test_without_files_and_arguments_nothing_is_asked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ssh_config, "SYSTEM_FILE", str(tmp_path / "none"))
    assert route_of(Settings("ce1", user="ops")) == Route("ce1", 22, "ops")


def test_a_local_user_without_a_name(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1000790000")

    monkeypatch.setattr("getpass.getuser", nobody)
    route = route_of(Settings("ce1", user="ops", ssh_arguments="-J gate -J other -i /key"))
    assert (route.host, route.port, route.user) == ("ce1", 22, "ops")
    assert route.proxy.endswith(" gate") and route.identity_files == ("/key",)
    with pytest.raises(SshError, match="Set ansible_user"):
        route_of(Settings("ce1"))


@pytest.mark.parametrize(
    ("jump", "words"),
    [
        ("gate", "gate"),
        ("ops@gate:2222", "-p 2222 ops@gate"),
        ("one, two:22,ops@three", "ops@three"),
        ("ssh://ops@gate:2222", "ssh://ops@gate:2222"),
        ("ops@[2001:db8::1]:22", "-p 22 ops@2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("a;reboot", "'a;reboot'"),
    ],
)
def test_jump_commands(jump: str, words: str) -> None:
    command = jump_command(jump, ("192.0.2.1", 22, "ops"), 7)
    assert command.endswith(f" -W '[192.0.2.1]:22' {words}")
    assert command.startswith("ssh -o BatchMode=yes -o ConnectTimeout=7 ")
    assert ("-J one,two:22" in command) == ("one" in jump)


@pytest.mark.parametrize("jump", ["-oProxyCommand=reboot", "one,-oProxyCommand=reboot", ",", " "])
def test_a_jump_is_a_host(jump: str) -> None:
    with pytest.raises(SshError, match="names no host to jump over"):
        jump_command(jump, ("192.0.2.1", 22, "ops"), 7)


@pytest.mark.parametrize("host", ["a b", "a;reboot", "$(reboot)", "-oProxyCommand=x", "a\nProxyCommand reboot", "a`b`"])
def test_odd_names_are_refused(host: str, home: pathlib.Path) -> None:
    with pytest.raises(SshError, match="ansible_host"):
        route_of(Settings(host))


def test_odd_users_are_refused_where_a_shell_reads_them(home: pathlib.Path) -> None:
    for user in ("o'neil", "a b", "a;reboot", "$HOME"):
        assert route_of(Settings("ce1", user=user, ssh_arguments="-F none")).user == user
        with pytest.raises(SshError, match="ansible_user"):
            route_of(Settings("ce1", user=user, ssh_arguments="-J gate"))
    with pytest.raises(SshError, match="ansible_user"):
        route_of(Settings("ce1", user="ops\nProxyCommand reboot"))
    assert route_of(Settings("ce1", user="DOMAIN\\ops@tacacs", ssh_arguments="-J gate")).user == "DOMAIN\\ops@tacacs"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [("-o 'a", "ansible_ssh_common_args can't be read"), ("-o ProxyJump", "ansible_ssh_common_args holds an option")],
)
def test_arguments_that_cannot_be_read(arguments: str, words: str) -> None:
    with pytest.raises(SshError, match=words):
        arguments_from(arguments)


@pytest.mark.parametrize("text", ["Host ce1\n  Port abc\n", "nonsense\n", "Match all host x\n"])
def test_a_file_that_cannot_be_read_is_named(text: str, home: pathlib.Path) -> None:
    (home / ".ssh" / "config").write_text(text)
    with pytest.raises(SshError, match=r"\.ssh/config|Check Port"):
        route_of(Settings("ce1"))


def test_the_files_are_read_once_for_all_devices_and_anew_when_they_were_written(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text("Host ce*\n  Port 2201\n", encoding="utf-8")
    opened: list[str] = []

    def counted(path: Any, *arguments: Any, **keywords: Any) -> Any:
        opened.append(str(path))
        return open(path, *arguments, **keywords)

    monkeypatch.setattr(ssh_config, "open", counted, raising=False)
    chosen = arguments_from(f"-F {file}")
    assert [ssh_config.lookup(host, [], chosen).get("port") for host in ("ce1", "ce2", "x1")] == ["2201", "2201", None]
    assert opened == [str(file)]
    file.write_text("Host ce*\n  Port 22010\n", encoding="utf-8")
    assert ssh_config.lookup("ce1", [], chosen)["port"] == "22010"
