# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real engine processes, on loopback or in network namespaces that the test makes and removes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[3] / "roles" / "ntp_multicast_engine" / "files"
PATIENCE = 90.0
"""Seconds after which waiting has failed. Nothing is asserted about how long things take."""

KEYS = """\
1 md5 ascii:lab-md5-secret
2 sha1 hex:2222222222222222222222222222222222222222
3 sha256 hex:3333333333333333333333333333333333333333333333333333333333333333
4 aes-128-cmac hex:2b7e151628aed2a6abf7158809cf4f3c
9 aes-256-cmac hex:603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4
42 hmac-sha256 ascii:a-shared-secret
"""


def wait_for(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Look again and again until `condition` gives something true."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {patience:.0f} s in vain for {what}")


class EngineProcess:
    """`run` in a process of its own.

    :param namespace: the name of a network namespace.
    :param without: a capability that root has and the process shall not have, as setpriv(1) names it.
    """

    def __init__(
        self,
        directory: Path,
        document: dict[str, Any],
        keys: str = KEYS,
        namespace: str | None = None,
        without: str | None = None,
    ) -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.configuration = directory / "engine.json"
        self.socket = directory / "s"
        keys_file = directory / "keys"
        keys_file.touch(mode=0o600)
        keys_file.write_text(keys)
        self.write(document)
        self._prefix = ["ip", "netns", "exec", namespace] if namespace else []
        if without:
            self._prefix += ["setpriv", f"--bounding-set=-{without}", f"--inh-caps=-{without}"]
        self.environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process: subprocess.Popen[str] | None = None

    def write(self, document: dict[str, Any]) -> None:
        document = {
            "version": 1,
            "status_socket": str(self.socket),
            "state_directory": str(self.directory / "state"),
            "authentication": {
                "enabled": True,
                "keys_file": str(self.directory / "keys"),
                "trusted_keys": [1, 2, 3, 4, 9, 42],
            },
            **document,
        }
        self.configuration.write_text(json.dumps(document))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ntp_multicast_engine", *arguments, "--config", str(self.configuration)]

    def start(self) -> None:
        log = (self.directory / "log").open("a")
        self.process = subprocess.Popen(
            [*self._prefix, *self.command("run")], env=self.environment, stderr=log, text=True
        )
        log.close()
        wait_for(self._answers, f"the status socket {self.socket}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        return self.ask("status", "--json").returncode == 0

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, check=False
        )

    def status(self) -> dict[str, Any]:
        answer = self.ask("status", "--json")
        assert answer.returncode == 0, answer.stderr
        document = json.loads(answer.stdout)
        assert isinstance(document, dict)
        return document

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def synchronised(self, associations: int = 1) -> dict[str, Any]:
        """Wait until so many servers are listened to, and one is selected; gives the status."""

        def look() -> dict[str, Any] | None:
            status = self.status()
            ready = [item for item in status["associations"] if item["mode"] == "broadcast client"]
            return status if status["system"]["synchronised"] and len(ready) >= associations else None

        try:
            found = wait_for(look, "synchronisation")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.status(), indent=1)}\n{self.log()}") from None
        assert isinstance(found, dict)
        return found

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and give the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.send(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(*engines: EngineProcess) -> Iterator[None]:
    """Starts the engines, and stops whatever is left of them."""
    try:
        for engine in engines:
            engine.start()
        yield
    finally:
        for engine in engines:
            if engine.process is not None and engine.process.poll() is None:
                engine.process.kill()
                engine.process.wait()


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Bridge:
    """Hosts on one switch, each a network namespace with an interface `eth0`: 10.99.1.N and fd00:99:1::N."""

    def __init__(self, name: str, hosts: Sequence[str]) -> None:
        self.hosts = {host: f"{name}-{host}" for host in hosts}
        self.switch = f"{name}-switch"

    def __enter__(self) -> Bridge:
        try:
            ip("netns", "add", self.switch)
            ip("-n", self.switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "mcast_querier", "0")
            ip("-n", self.switch, "link", "set", "br0", "up")
            for number, host in enumerate(self.hosts, start=1):
                ip("netns", "add", self.hosts[host])
                ip("-n", self.hosts[host], "link", "set", "lo", "up")
                self.plug(host, "eth0", f"10.99.1.{number}", f"fd00:99:1::{number}")
        except subprocess.CalledProcessError:
            self.__exit__()
            raise
        return self

    def port(self, host: str, interface: str) -> str:
        """The switch's end of a host's interface."""
        return f"v{host}{interface}"[:15]

    def plug(self, host: str, interface: str, ipv4: str, ipv6: str) -> None:
        """Give a host another interface on the switch."""
        namespace, port = self.hosts[host], self.port(host, interface)
        peer = ("peer", "name", interface, "netns", namespace)
        ip("-n", self.switch, "link", "add", port, "type", "veth", *peer)
        ip("-n", self.switch, "link", "set", port, "master", "br0", "up")
        ip("netns", "exec", namespace, "sysctl", "-qw", f"net.ipv6.conf.{interface}.accept_dad=0")
        ip("-n", namespace, "addr", "add", f"{ipv4}/24", "dev", interface)
        ip("-n", namespace, "addr", "add", f"{ipv6}/64", "dev", interface, "nodad")
        ip("-n", namespace, "link", "set", interface, "up")

    def __exit__(self, *_unused: object) -> None:
        for namespace in (*self.hosts.values(), self.switch):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
