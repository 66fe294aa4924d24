# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server and client as real processes on loopback, without any privilege."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.process import EngineProcess, running, wait_for

PORTS = {"port": 20123 + os.getpid() % 10000}
RESPONDER = PORTS["port"] + 20000


def server_document(**stream: Any) -> dict[str, Any]:
    return {
        "server": {"enabled": True, "listen": ["lo"], "stratum": 2, "port": RESPONDER},
        "servers": [{"interface": "lo", "group": "239.255.77.1", "key_id": 42, "poll": 3, **PORTS, **stream}],
    }


def client_document(**more: Any) -> dict[str, Any]:
    return {"clients": [{"interface": "lo", "group": "239.255.77.1", "volley_port": RESPONDER, **PORTS}], **more}


@pytest.fixture
def server(tmp_path: Path) -> EngineProcess:
    return EngineProcess(tmp_path / "server", server_document())


@pytest.fixture
def client(tmp_path: Path) -> EngineProcess:
    return EngineProcess(tmp_path / "client", client_document())


def test_a_client_synchronises_and_lives_through_its_signals(server: EngineProcess, client: EngineProcess) -> None:
    with running(server, client):
        status = client.synchronised()
        system, (association,) = status["system"], status["associations"]
        assert abs(system["offset"]) < 0.05, "one clock, so only scheduling is measured"
        assert (system["stratum"], system["reference_id"], system["discipline"]) == (3, "127.0.0.1", "monitor")
        assert association["authenticated"] and association["key_id"] == 42 and association["selected"]
        assert status["counters"]["dropped"] == {}
        (stream,) = server.status()["servers"]
        assert stream["sent"] >= 1 and stream["last_error"] is None
        assert server.status()["system"]["reference_id"] == "LOCL"

        _reload_keeps_the_association(client, status)
        _a_wrong_configuration_is_refused(client)
        _the_text_is_for_people(client)

        assert client.stop() == 0 and server.stop() == 0
        assert not client.socket.exists()
        state = json.loads((client.directory / "state" / "state.json").read_text())
        assert [entry["source"] for entry in state["transmit"]] == ["127.0.0.1"]


def _reload_keeps_the_association(client: EngineProcess, before: dict[str, Any]) -> None:
    client.write(
        client_document(server={"enabled": False, "stratum": 9}, metrics_file=str(client.directory / "m.prom"))
    )
    client.send(signal.SIGHUP)
    wait_for(lambda: "reloaded" in client.log(), "the reload")
    after = client.status()
    assert after["engine"]["pid"] == before["engine"]["pid"]
    assert after["system"]["synchronised"]
    wait_for((client.directory / "m.prom").exists, "the metrics")
    assert "ntp_multicast_engine_synchronised 1" in (client.directory / "m.prom").read_text().splitlines()
    assert after["associations"][0]["mode"] == "broadcast client"
    assert after["associations"][0]["reach"] >= before["associations"][0]["reach"]


def _a_wrong_configuration_is_refused(client: EngineProcess) -> None:
    good = client.configuration.read_text()
    client.configuration.write_text('{"version": 1, "status_socket": "nowhere"}')
    check = client.ask("check-config")
    assert check.returncode == 1 and "status_socket" in check.stderr and "absolute path" in check.stderr
    client.send(signal.SIGHUP)
    wait_for(lambda: "reload refused" in client.log(), "the refusal")
    client.configuration.write_text(good)
    assert client.status()["system"]["synchronised"]
    assert client.ask("check-config").returncode == 0


def _the_text_is_for_people(client: EngineProcess) -> None:
    text = client.ask("status").stdout
    assert "Synchronised     yes" in text and "* 127.0.0.1" in text and "key 42" in text


def test_systemd_is_told(tmp_path: Path, server: EngineProcess) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        server.environment.update({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
        with running(server):
            heard = manager.recv(200)
            assert heard.startswith(b"READY=1")
            while heard != b"WATCHDOG=1":
                heard = manager.recv(200)
            server.send(signal.SIGHUP)
            while not heard.startswith(b"RELOADING=1\nMONOTONIC_USEC="):
                heard = manager.recv(200)
            while not heard.startswith(b"READY=1"):
                heard = manager.recv(200)
            assert server.stop() == 0
            while heard != b"STOPPING=1":
                heard = manager.recv(200)


def test_two_engines_do_not_share_a_port(tmp_path: Path, server: EngineProcess) -> None:
    second = EngineProcess(tmp_path / "second", server_document())
    with running(server, second):
        wait_for(lambda: f"port {RESPONDER}" in second.log(), "the complaint about the port")
        assert "is taken by python" in second.log()
        assert "can't answer" not in server.log()


def test_a_wrong_key_proves_nothing(tmp_path: Path, server: EngineProcess) -> None:
    client = EngineProcess(tmp_path / "client", client_document(), keys="42 hmac-sha256 ascii:another-secret\n")
    client.write(
        client_document(
            authentication={"enabled": True, "keys_file": str(client.directory / "keys"), "trusted_keys": [42]}
        )
    )
    with running(server, client):
        wait_for(lambda: client.status()["counters"]["dropped"].get("bad_mac"), "a refused packet")
        status = client.status()
        assert not status["system"]["synchronised"] and not status["associations"]
        assert "another-secret" not in client.log()


def test_an_open_key_file_is_refused(server: EngineProcess) -> None:
    (server.directory / "keys").chmod(0o644)
    check = server.ask("check-config")
    assert check.returncode == 1 and "0640 or less" in check.stderr and "lab-md5-secret" not in check.stderr


def test_status_without_an_engine(server: EngineProcess) -> None:
    answer = server.ask("status")
    assert answer.returncode == 1 and "no engine answers" in answer.stderr


def test_rubbish_on_the_status_socket_does_no_harm(server: EngineProcess) -> None:
    with running(server):
        for rubbish in (b"\0" * 1000, b"statu", b"status\nstatus\n", b""):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(60)
                sock.connect(str(server.socket))
                sock.sendall(rubbish)
        assert server.status()["engine"]["version"]


def test_who_asks_nothing_on_the_status_socket_keeps_nobody_away(server: EngineProcess) -> None:
    with running(server), contextlib.ExitStack() as idle:
        for _unused in range(20):
            sock = idle.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            while sock.connect_ex(str(server.socket)):
                time.sleep(0.05)  # its queue is full
        for _unused in range(3):
            assert server.status()["engine"]["version"]


def test_a_client_that_is_dropped_just_as_it_asks(server: EngineProcess) -> None:
    """Both come to the engine at once, which has had no time for a moment."""

    def connect() -> socket.socket:
        sock = clients.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        sock.settimeout(60)
        sock.connect(str(server.socket))
        return sock

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{process.pid}/fd"))

    with running(server), contextlib.ExitStack() as clients:
        assert server.process is not None and server.status()["engine"]["pid"] == server.process.pid
        process = server.process
        before = descriptors()
        idle = [connect() for _unused in range(8)]
        wait_for(lambda: descriptors() == before + 8, "eight connections")
        process.send_signal(signal.SIGSTOP)
        late = connect()
        for sock in idle:
            sock.sendall(b"status\n")
        process.send_signal(signal.SIGCONT)
        late.sendall(b"status\n")
        assert late.recv(1) == b"{" and idle[-1].recv(1) == b"{"
        assert server.status()["engine"]["pid"] == process.pid


NUMBER_OF_SOCKET = {"x86_64": 41, "aarch64": 198}
WITHOUT_IPV6 = """
import ctypes, os, socket, struct, sys
# seccomp(2): socket(AF_INET6, ...) fails with EAFNOSUPPORT, as after `ipv6.disable=1` on the command line of Linux.
NUMBER = int(sys.argv.pop(1))
program = [(0x20, 0, 0, 0), (0x15, 0, 3, NUMBER), (0x20, 0, 0, 16), (0x15, 0, 1, socket.AF_INET6),
           (0x06, 0, 0, 0x00050000 | 97), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
description = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.addressof(description), 0, 0):
    sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@needs.unless(
    "" if os.uname().machine in ("x86_64", "aarch64") else "the number of socket(2) is known for two processors"
)
def test_a_host_without_ipv6_is_served_over_ipv4(tmp_path: Path) -> None:
    server = EngineProcess(tmp_path / "server", server_document())
    plain, number = server.command, str(NUMBER_OF_SOCKET[os.uname().machine])
    server.command = lambda *words: [sys.executable, "-c", WITHOUT_IPV6, number, *plain(*words)[1:]]  # type: ignore[method-assign]
    client = EngineProcess(tmp_path / "client", client_document())
    with running(server, client):
        assert client.synchronised()["system"]["stratum"] == 3
        complaints = [line for line in server.log().splitlines() if "can't have a socket for IPv6" in line]
        assert len(complaints) == 1 and "Address family not supported" in complaints[0]
        assert [item["family"] for item in server.status()["responders"]] == ["ipv4"]
