# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server whose clock is kept by a living chronyd announces what chronyd says, and is silent when that knows nothing.

chronyd runs with `-x` and without the capability to set the clock.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.process import Bridge, EngineProcess, running, wait_for
from interop.peers import CHRONY

pytestmark = [*needs.root, needs.commands("setpriv")]

DROP = ("setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "--no-new-privs")


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(f"tu{os.getpid() % 100000}", ["up", "s", "c"]) as made:
        yield made


class Chronyd:
    """One chronyd of the unpacked package. Not in a root of its own, so that its Unix socket has one path for all."""

    def __init__(self, directory: Path, namespace: str, text: str) -> None:
        directory.mkdir(exist_ok=True)
        self.socket = directory / "run" / "chronyd.sock"
        self._directory, self._namespace = directory, namespace
        self._root = CHRONY.root()
        common = f"pidfile {directory}/pid\nbindcmdaddress {self.socket}\n"
        (directory / "chrony.conf").write_text(common + text)

    def _command(self, program: str, *arguments: str) -> list[str]:
        libraries = ":".join(str(self._root / "usr" / "lib" / place) for place in ("x86_64-linux-gnu", ""))
        loader = self._root / "lib64" / "ld-linux-x86-64.so.2"
        run = [str(loader), "--library-path", libraries, str(self._root / "usr" / program), *arguments]
        return ["ip", "netns", "exec", self._namespace, *DROP, *run]

    @contextmanager
    def running(self) -> Iterator[Chronyd]:
        configuration = str(self._directory / "chrony.conf")
        with (self._directory / "log").open("ab") as log:
            process = subprocess.Popen(
                self._command("sbin/chronyd", "-x", "-d", "-u", "root", "-f", configuration), stdout=log, stderr=log
            )
        try:
            wait_for(self.socket.exists, f"chronyd\n{(self._directory / 'log').read_text()}")
            yield self
        finally:
            process.terminate()
            process.wait(20)

    def order(self, *words: str) -> None:
        done = subprocess.run(
            self._command("bin/chronyc", "-h", str(self.socket), *words), capture_output=True, text=True, check=False
        )
        assert "200 OK" in done.stdout, done.stdout + done.stderr


def server(directory: Path, namespace: str, **more: Any) -> EngineProcess:
    stream = {"interface": "eth0", "group": "239.77.8.1", "key_id": 42, "poll": 3}
    document = {"server": {"enabled": True, "listen": ["eth0"], **more}, "servers": [stream]}
    return EngineProcess(directory, document, namespace=namespace)


def says(engine: EngineProcess, **wanted: Any) -> bool:
    system = engine.status()["system"]
    return {name: system[name] for name in wanted} == wanted


@pytest.mark.parametrize("way", ["unix", "loopback"])
def test_what_chronyd_says_goes_out(tmp_path: Path, bridge: Bridge, way: str) -> None:
    """chronyd has the time from another one, of stratum 3; our client hears of stratum 4 and of nothing else."""
    upper = Chronyd(tmp_path / "upper", bridge.hosts["up"], "local stratum 3\nallow\ncmdport 0\n")
    source = "server 10.99.1.1 iburst minpoll -2 maxpoll 0\n"
    own = Chronyd(tmp_path / "own", bridge.hosts["s"], source + ("cmdport 0\n" if way == "unix" else ""))
    path = str(own.socket) if way == "unix" else str(tmp_path / "nothing")
    engine = server(tmp_path / "server", bridge.hosts["s"], upstream="chrony", chrony_command_socket=path)
    group = {"interface": "eth0", "group": "239.77.8.1"}
    client = EngineProcess(tmp_path / "client", {"clients": [group]}, namespace=bridge.hosts["c"])
    with upper.running(), own.running(), running(engine, client):
        wait_for(lambda: says(engine, synchronised=True), "chronyd to be synchronised")
        assert says(engine, upstream="chrony", stratum=4, reference_id="10.99.1.1", leap="none")
        system = engine.status()["system"]
        assert 0 < system["root_delay"] < 0.1 and 0 < system["root_dispersion"] < 1
        (association,) = client.synchronised()["associations"]
        assert (association["stratum"], association["reference_id"]) == (4, "10.99.1.1")


def test_silence_when_chronyd_knows_nothing(tmp_path: Path, bridge: Bridge) -> None:
    own = Chronyd(tmp_path / "own", bridge.hosts["s"], "cmdport 0\n")
    engine = server(tmp_path / "server", bridge.hosts["s"], chrony_command_socket=str(own.socket))
    with own.running() as living:
        with running(engine):
            assert says(engine, synchronised=False, leap="unsynchronised", upstream=None, stratum=None)
            assert engine.status()["servers"][0]["sent"] == 0
            living.order("local", "stratum", "6")
            wait_for(lambda: says(engine, synchronised=True, stratum=6, upstream="chrony"), "chronyd's own time")
            wait_for(lambda: engine.status()["servers"][0]["sent"] > 0, "a multicast")
            living.order("local", "off")
            wait_for(lambda: says(engine, synchronised=False), "chronyd to be unsynchronised")
            sent = engine.status()["servers"][0]["sent"]
            living.order("local", "stratum", "7")
            wait_for(lambda: says(engine, stratum=7), "chronyd's own time again")
            assert engine.status()["servers"][0]["sent"] - sent <= 1
            assert engine.stop() == 0
        assert not (tmp_path / "server" / "chrony.sock").exists()
