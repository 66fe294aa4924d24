# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to a device: keys, agent, keyboard-interactive, proxies. One play; each device is reached in another way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import asyncssh
import needs
import pytest
from harness import PASSWORD, Playbooks, device, task

from vrp_simulator.testing import running_devices

PASSPHRASE = "Open-Sesame-3"
WAYS = (
    "key",
    "encrypted key",
    "agent",
    "keyboard-interactive",
    "proxy command",
    "proxy jump",
    "jump in arguments",
    "command in arguments",
    "jump in the file",
    "command in the file",
    "name in the file",
    "closed gate",
    "wrong key",
    "no agent",
)
REFUSED = {
    "closed gate": 'and said: "',
    "wrong key": "refused the login: the device does not take the key",
    "no agent": "refused the login: there is neither a password nor a key",
}
JUMPS = ("proxy jump", "jump in arguments", "jump in the file")
COMMANDS = ("proxy command", "command in arguments", "command in the file")
NAMES = {way: way.replace(" ", "_").replace("-", "_") for way in WAYS}
FORWARD = """
import os, socket, sys, threading
pathname, host, port = sys.argv[1:]
open(pathname, "a").write(f"{host} {port}\\n")
line = socket.create_connection((host, int(port)))

def upwards():
    while data := os.read(0, 65536):
        line.sendall(data)
    line.shutdown(socket.SHUT_WR)

threading.Thread(target=upwards, daemon=True).start()
while data := line.recv(65536):
    os.write(1, data)
"""

pytestmark = needs.commands("ssh", "ssh-keygen", "ssh-agent", "ssh-add")


class JumpHost:
    """An SSH server that only forwards, and remembers where to."""

    def __init__(self) -> None:
        self.destinations: list[tuple[str, int]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> JumpHost:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)
        return self

    async def _listen(self) -> None:
        destinations = self.destinations

        class Forwarder(asyncssh.SSHServer):
            def begin_auth(self, username: str) -> bool:
                return False

            def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
                destinations.append((dest_host, dest_port))
                return True

        key = asyncssh.generate_private_key("ssh-ed25519")
        self._server = await asyncssh.listen("127.0.0.1", 0, server_factory=Forwarder, server_host_keys=[key])
        self.port = self._server.get_port()
        self.known_host = f"[127.0.0.1]:{self.port} {key.export_public_key().decode()}"

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        asyncio.run_coroutine_threadsafe(self._server.wait_closed(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()


def make_key(path: pathlib.Path, passphrase: str = "") -> str:
    """A new key; its public line."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path.with_suffix(".pub").read_text().strip()


@contextlib.contextmanager
def agent_with(key: pathlib.Path, socket: pathlib.Path) -> Iterator[None]:
    """An SSH agent of our own that holds one key."""
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE, text=True)
    try:
        assert agent.stdout is not None
        agent.stdout.readline()  # it listens when it tells where
        environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment, capture_output=True)
        yield
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(30)


def test_the_ways_to_a_device(tmp_path: pathlib.Path, pytestconfig: pytest.Config) -> None:
    public = make_key(tmp_path / "plain")
    encrypted = make_key(tmp_path / "encrypted", PASSPHRASE)
    held = make_key(tmp_path / "held")
    stranger = make_key(tmp_path / "stranger")
    assert stranger
    keys = {"key": public, "encrypted key": encrypted, "agent": held, "wrong key": public, "no agent": held}
    keys["name in the file"] = public
    entries = []
    for way, name in NAMES.items():
        user = {"name": "ops", "password": PASSWORD, "level": 3}
        users = [{**user, "public_key": keys[way]}] if way in keys else [user]
        behaviour = {"keyboard_interactive": True} if way == "keyboard-interactive" else {}
        entries.append(device(name, "ce-v300r023", "100GE1/0/1") | {"users": users, "behaviour": behaviour})
    forward, used = tmp_path / "forward.py", tmp_path / "used"
    forward.write_text(FORWARD)
    with (
        running_devices(entries) as devices,
        JumpHost() as jump,
        agent_with(tmp_path / "held", tmp_path / "agent.socket"),
    ):
        playbooks = Playbooks(tmp_path, devices, pytestconfig.rootpath)
        # The real ssh client, but with a configuration of our own.
        programs = tmp_path / "programs"
        programs.mkdir()
        (tmp_path / "jump_known_hosts").write_text(jump.known_host)
        (tmp_path / "ssh_config").write_text(
            f"Host *\n  UserKnownHostsFile {tmp_path}/jump_known_hosts\n  StrictHostKeyChecking yes\n"
            "  GlobalKnownHostsFile none\n  IdentityAgent none\n  IdentityFile none\n"
        )
        (programs / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/ssh_config "$@"\n')
        (programs / "ssh").chmod(0o755)
        playbooks.environment["PATH"] = f"{programs}:{playbooks.environment['PATH']}"
        playbooks.environment["SSH_AUTH_SOCK"] = str(tmp_path / "agent.socket")
        playbooks.environment["ANSIBLE_FORKS"] = str(len(WAYS))
        ways = {
            "key": {"ansible_private_key_file": str(tmp_path / "plain")},
            "encrypted key": {
                "ansible_private_key_file": str(tmp_path / "encrypted"),
                "ansible_password": PASSPHRASE,
            },
            "agent": {},
            "keyboard-interactive": {"ansible_password": PASSWORD},
            "proxy command": {
                "ansible_password": PASSWORD,
                "ansible_ssh_proxy_command": f"{sys.executable} {forward} {used} %h %p",
            },
            "proxy jump": {"ansible_password": PASSWORD, "ansible_proxy_jump": f"ops@127.0.0.1:{jump.port}"},
            "jump in arguments": {
                "ansible_password": PASSWORD,
                "ansible_ssh_common_args": f"-o ControlMaster=auto -J ops@127.0.0.1:{jump.port}",
            },
            "command in arguments": {
                "ansible_password": PASSWORD,
                "ansible_ssh_common_args": f"-o ProxyCommand='{sys.executable} {forward} {used} %h %p'",
            },
            "jump in the file": {"ansible_password": PASSWORD, "ansible_host": "behind-the-gate"},
            "command in the file": {"ansible_password": PASSWORD, "ansible_host": "behind-the-command"},
            "name in the file": {"ansible_host": "known-by-name", "ansible_port": None, "ansible_user": None},
            "closed gate": {"ansible_password": PASSWORD, "ansible_proxy_jump": "ops@127.0.0.1:1"},
            "wrong key": {"ansible_private_key_file": str(tmp_path / "stranger"), "ansible_vrp_allow_agent": False},
            "no agent": {"ansible_vrp_allow_agent": False},
        }
        pathlib.Path(playbooks.environment["HOME"], ".ssh", "config").write_text(
            f"Host behind-the-gate\n  HostName 127.0.0.1\n  ProxyJump ops@127.0.0.1:{jump.port}\n"
            f"Host behind-the-command\n  HostName 127.0.0.1\n"
            f"  ProxyCommand {sys.executable} {forward} {used} %h %p\n"
            f"Host known-by-name\n  HostName 127.0.0.1\n  Port {devices[NAMES['name in the file']].port}\n"
            f"  User ops\n  IdentityFile {tmp_path}/plain\n"
        )
        playbooks.host_variables = {NAMES[way]: {"ansible_user": "ops", **given} for way, given in ways.items()}
        gather = {**task(state="gathered"), "ignore_unreachable": True}
        run = playbooks.run([gather], "-vvv", ansible_password=None, ansible_user=None)
        for way, name in NAMES.items():
            result = run.results[name]
            if way in REFUSED:
                assert result["unreachable"], way
                assert REFUSED[way] in result["msg"]
                assert devices[name].commands() == []
            else:
                assert result.get("gathered") is not None, f"{way}: {result}"
        assert sorted(used.read_text().splitlines()) == sorted(
            f"127.0.0.1 {devices[NAMES[way]].port}" for way in COMMANDS
        )
        assert sorted(jump.destinations) == sorted(("127.0.0.1", devices[NAMES[way]].port) for way in JUMPS)
        assert "Connection refused" in run.results[NAMES["closed gate"]]["msg"]
        for secret in (PASSWORD, PASSPHRASE):
            assert secret not in run.output
