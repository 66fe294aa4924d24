# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as a program: ready file, logs, control socket, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import asyncssh
import paramiko
import pytest
import yaml

from vrp_simulator.testing import running_devices

from .conftest import REPOSITORY, device_entry

PATIENCE = 30.0  # seconds until a start or an end counts as a hang


@contextlib.contextmanager
def program(
    tmp_path: pathlib.Path, settings: dict[str, Any]
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    (tmp_path / "devices.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    ready = tmp_path / "ready.json"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "vrp_simulator", "--devices", tmp_path / "devices.yml", "--ready-file", ready),
            *("--log-directory", tmp_path / "logs", "--control", str(tmp_path / "control")),
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests" / "simulator")},
        stderr=subprocess.PIPE,
    )
    try:
        end = time.monotonic() + PATIENCE
        while not ready.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        yield process, json.loads(ready.read_text(encoding="utf-8")) if ready.exists() else {}
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def ask(path: str, **request: object) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        link.sendall(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(link.makefile().readline())
        return answer


def test_ready_file_logs_and_control(tmp_path: pathlib.Path) -> None:
    with program(tmp_path, {"devices": [device_entry(), {**device_entry("vrp5"), "name": "S1"}]}) as (process, ready):
        assert ready["pid"] == process.pid and set(ready["devices"]) == {"CE1", "S1"}
        hosts = tmp_path / "known_hosts"
        place = ready["devices"]["CE1"]
        hosts.write_text(f"[{place['address']}]:{place['port']} {ready['host_key']}\n", encoding="utf-8")
        control = ready["control"]
        assert oct(os.stat(control).st_mode & 0o777) == "0o600"
        assert ask(control, device="CE1", do="faults", options={"banner": "Hello there"})["ok"]
        assert not ask(control, device="CE1", do="faults", options={"mood": "bad"})["ok"]
        assert not ask(control, device="CE9", do="state")["ok"]
        done = subprocess.run(
            [
                *("sshpass", "-e", "ssh", "-T", "-F", "none", "-o", f"UserKnownHostsFile={hosts}"),
                *("-p", str(place["port"]), f"netops@{place['address']}"),
            ],
            input="system-view\nntp refclock-master 2\ncommit\nreturn\nquit\n",
            capture_output=True,
            check=False,
            text=True,
            timeout=PATIENCE,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SSHPASS": "Login-Pass-1"},
        )
        assert "Hello there" in done.stdout
        assert ask(control, device="CE1", do="change", user="other", lines=["ntp kod-enable"])["result"] == 1000000002
        state = ask(control, device="CE1", do="state")["result"]
        assert "ntp kod-enable\n" in state["running_configuration"] and state["pending"] == {}
    assert process.returncode == 0
    commands = [json.loads(line) for line in (tmp_path / "logs" / "CE1.jsonl").read_text().splitlines()]
    assert [entry["kind"] for entry in commands] == ["other", "configuration", "configuration", "other", "other"]
    commits = [json.loads(line) for line in (tmp_path / "logs" / "CE1.commits.jsonl").read_text().splitlines()]
    assert [entry["user"] for entry in commits] == ["netops", "other"]


def test_faults_and_the_ssh_side_by_file_and_control(tmp_path: pathlib.Path) -> None:
    """What the Python API can do, a user of the program can."""
    entry = device_entry(
        faults={"prompt_prefix": "HRP_M", "busy_lines": {"^interface": 2}},
        ssh={"methods": ["keyboard-interactive"], "host_keys": ["ssh-ed25519", "ecdsa-sha2-nistp256"]},
    )
    with program(tmp_path, {"devices": [entry]}) as (_process, ready):
        place, control = ready["devices"]["CE1"], ready["control"]
        assert [key.split()[0] for key in place["host_keys"]] == ["ssh-ed25519", "ecdsa-sha2-nistp256"]
        options = {"log_lines": "always", "log_at": ["first-prompt"], "stalls": {"^x": 4}, "stall_seconds": [4, 10]}
        assert ask(control, device="CE1", do="faults", options=options)["ok"]
        assert "log_at" in ask(control, device="CE1", do="faults", options={"log_at": ["nowhere"]})["error"]
        with paramiko.Transport((place["address"], place["port"])) as transport:
            transport.start_client(timeout=PATIENCE)
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_interactive("netops", lambda *asked: ["wrong"])
            transport.auth_interactive("netops", lambda *asked: ["Login-Pass-1"])
            channel = transport.open_session(timeout=PATIENCE)
            channel.settimeout(PATIENCE)
            channel.get_pty()
            channel.invoke_shell()
            screen = channel.makefile("r")
            while "%%01NTP" not in screen.readline():
                pass
            assert ask(control, device="CE1", do="print", text="\nbe warned\n")["ok"]
            while screen.readline() != "be warned\r\n":
                pass
            state = ask(control, device="CE1", do="state")["result"]
        assert state["logins"] == {"refused": 1, "accepted": 1} and not state["committing"] and state["sessions"] == 1


def test_a_wrong_file_ends_it_with_a_sentence(tmp_path: pathlib.Path) -> None:
    with program(tmp_path, {"devices": [{"name": "A", "colour": 1}]}) as (process, ready):
        assert ready == {} and process.returncode == 1


ENGINE = """
import json, pathlib, signal, socket, sys, time
command, _, path = sys.argv[1:4]
if command == "status":
    print(json.dumps({"system": {"synchronised": True, "stratum": 3, "reference_id": "192.0.2.7", "offset": 0.0015,
        "root_delay": 0.02, "root_dispersion": 0.1}, "associations": [{"source": "192.0.2.7", "interface": "lo",
        "group": "224.0.1.1", "mode": "multicast", "stratum": 2, "reference_id": "LOCL", "reach": 255, "poll": 8,
        "offset": 0.0015, "delay": 0.02, "dispersion": 0.001, "selected": True, "authenticated": True, "key_id": 42,
        "last_received": 5.2}], "servers": [],
        "counters": {"received": 9, "sent": 1, "dropped": {"authentication": 2}}}))
    sys.exit(0)
log = pathlib.Path(path).parent / "seen"
def note(*_):
    with log.open("a") as file:
        file.write(pathlib.Path(path).read_text().replace("\\n", "") + "\\n")
signal.signal(signal.SIGHUP, note)
note()
while True:
    signal.pause()
"""


@pytest.fixture
def stub(tmp_path: pathlib.Path) -> dict[str, object]:
    """A program with the engine's command line: the real one is tested with packets elsewhere."""
    (tmp_path / "engine.py").write_text(ENGINE, encoding="utf-8")
    return {"command": [sys.executable, str(tmp_path / "engine.py")], "directory": str(tmp_path / "ntp"), "poll": 4}


def seen(tmp_path: pathlib.Path, count: int) -> list[dict[str, Any]]:
    """The configurations that the NTP process was given, when there are so many."""
    end = time.monotonic() + PATIENCE
    path = tmp_path / "ntp" / "CE1" / "seen"
    while time.monotonic() < end:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if len(lines) >= count:
            return [json.loads(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(f"the NTP process was not told {count} times")


def test_the_ntp_process_follows_the_commits(tmp_path: pathlib.Path, stub: dict[str, object]) -> None:
    entry = device_entry(
        interfaces=[{"name": "100GE1/0/1", "layer2": False, "ipv4": "10.0.0.1/24", "host_interface": "lo"}]
    )
    with running_devices([entry], ntp=stub) as devices:
        ce1 = devices["CE1"]
        assert ce1.call(lambda device: device.ntp_process.pid if device.ntp_process else None) is None, "no NTP lines"
        ce1.change_as(
            "other",
            [
                "ntp authentication enable",
                "ntp authentication-keyid 42 authentication-mode aes-128-cmac Sixteen-octets-1",
                "ntp trusted authentication-keyid 42",
                "ntp refclock-master 2",
                "ntp server source-interface 100GE1/0/1",
                "undo ntp server disable",
                "interface 100GE1/0/1",
                "ntp multicast-server 224.5.5.5 authentication-keyid 42 version 4 ttl 9 port 1123",
            ],
        )
        first = seen(tmp_path, 1)[-1]
        assert first["servers"] == [
            {
                "interface": "lo",
                "group": "224.5.5.5",
                "ttl": 9,
                "version": 4,
                "port": 1123,
                "poll": 4,
                "key_id": 42,
            }
        ]
        assert first["server"] == {"enabled": True, "listen": ["lo"], "stratum": 2, "port": 123}
        assert first["authentication"]["enabled"] and first["authentication"]["trusted_keys"] == [42]
        keys = pathlib.Path(first["authentication"]["keys_file"])
        assert keys.read_text(encoding="utf-8") == f"42 aes-128-cmac hex:{b'Sixteen-octets-1'.hex()}\n"
        assert oct(keys.stat().st_mode & 0o777) == "0o600"
        ce1.change_as("other", ["ntp server disable", "interface 100GE1/0/1", "ntp multicast-client"])
        second = seen(tmp_path, 2)[-1]
        assert second["server"]["enabled"] is False
        assert second["clients"] == [{"interface": "lo", "group": "224.0.1.1", "volley_port": 123}]
        pid = ce1.call(lambda device: device.ntp_process.pid if device.ntp_process else None)
        assert pid is not None
        link = ce1.open_link()
        shown = link.converse("display ntp status\n").replace("\r", "")
        assert " clock stratum: 3\n reference clock ID: 192.0.2.7\n" in shown
        assert " clock offset: 1.5000 ms\n root delay: 20.00 ms\n" in shown
        shown = link.converse("display ntp sessions\n").replace("\r", "")
        assert "clock source: 192.0.2.7\n clock stratum: 2\n clock status: dynamic, master, sane, valid\n" in shown
        assert " reach: 255\n current poll: 8\n now: 5\n offset: 1.5000 ms\n delay: 20.00 ms\n" in shown
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_without_a_clock_is_silent(tmp_path: pathlib.Path, stub: dict[str, object]) -> None:
    entry = device_entry(
        interfaces=[{"name": "100GE1/0/1", "layer2": False, "host_interface": "lo"}],
        startup_configuration="#\ninterface 100GE1/0/1\n undo portswitch\n ntp multicast-server\n#\n",
    )
    with running_devices([entry], ntp=stub):
        assert seen(tmp_path, 1)[0]["servers"] == []


def test_the_program_takes_its_ntp_processes_with_it(tmp_path: pathlib.Path, stub: dict[str, object]) -> None:
    entry = device_entry(
        interfaces=[{"name": "100GE1/0/1", "layer2": False, "host_interface": "lo"}],
        startup_configuration="#\nntp refclock-master 2\n#\n",
    )
    with program(tmp_path, {"devices": [entry], "ntp": stub}) as (process, ready):
        seen(tmp_path, 1)
        pid = ask(ready["control"], device="CE1", do="state")["result"]["ntp_pid"]
        os.kill(pid, 0)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_keyboard_interactive_and_public_keys(tmp_path: pathlib.Path) -> None:
    import asyncio

    key = asyncssh.generate_private_key("ssh-ed25519")
    public = key.export_public_key().decode()
    entry = device_entry(
        behaviour={"keyboard_interactive": True},
        users=[{"name": "netops", "password": "Login-Pass-1", "public_key": public}],
    )

    async def log_in(port: int, hosts: str, **how: Any) -> str:
        options: dict[str, Any] = {"known_hosts": asyncssh.import_known_hosts(hosts), "username": "netops", **how}
        async with asyncssh.connect("127.0.0.1", port, config=None, **options) as connection:
            process = await connection.create_process(term_type="vt100")
            process.stdin.write("quit\n")
            return str(await process.stdout.read())

    with running_devices([entry]) as devices:
        port, hosts = devices["CE1"].port, devices.known_hosts()
        for how in (
            {"client_keys": [key], "preferred_auth": "publickey"},
            {"password": "Login-Pass-1", "client_keys": None, "preferred_auth": "keyboard-interactive"},
        ):
            assert "<CE1>quit" in asyncio.run(log_in(port, hosts, **how))
        with pytest.raises(asyncssh.PermissionDenied):
            asyncio.run(log_in(port, hosts, password="wrong", client_keys=None))


def test_many_devices_in_one_process() -> None:
    """Devices share their grammar; none has a thread of its own."""
    import threading

    before = threading.active_count()
    with running_devices([{**device_entry(), "name": f"D{number}"} for number in range(100)]) as devices:
        assert threading.active_count() <= before + 5
        links = [device.open_link() for device in devices.values()]
        for link in links:
            assert link.converse("display clock\n").endswith(">")
        assert sum(device.session_count() for device in devices.values()) == 100


def test_a_transcript_is_replayed(tmp_path: pathlib.Path) -> None:
    entries = [
        {"transcript": 1, "session": "a", "shown": [["Welcome"]], "replies": [], "prompt": "<D>"},
        {"transcript": 1, "session": "a", "line": "save", "shown": [["Sure? [Y/N]:"], ["Saved."]], "prompt": "<D>"},
        {"transcript": 1, "session": "a", "line": "ntp key ********", "shown": [["Error: no"]], "prompt": "[~D]"},
    ]
    file = tmp_path / "device.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "vrp_simulator", "--transcript", file],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests" / "simulator")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        port, user, password = int(words[2].rstrip(",")), words[4].rstrip(","), words[6]
        client.connect("127.0.0.1", port, user, password, allow_agent=False, look_for_keys=False)
        channel = client.invoke_shell(width=400)
        channel.settimeout(PATIENCE)
        channel.sendall(b"save\ny\nntp key Anything\nother\nquit-this\n")
        said = b""
        while said.count(b"not in the transcript") < 2:
            said += channel.recv(65536)
        client.close()
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    text = said.decode().replace("\r\n", "\n")
    assert "Welcome\n<D>save\nSure? [Y/N]:y\nSaved.\n<D>ntp key Anything\nError: no\n[~D]other\n" in text


@pytest.mark.parametrize("content", ["", "{}\n", "[]\n", '{"transcript": 1, "shown": "x"}\n', "no\n"])
def test_a_wrong_transcript_is_refused(tmp_path: pathlib.Path, content: str) -> None:
    file = tmp_path / "device.jsonl"
    file.write_text(content, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "vrp_simulator", "--transcript", file],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests" / "simulator")},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("vrp_simulator: ") and str(file) in done.stderr
