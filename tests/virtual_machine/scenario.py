# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on this machine, which never touches a clock, and the programs that steer the guest's clock by it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.engine.process import EngineProcess
from virtual_machine.guest import Guest
from virtual_machine.witness import Reading

GROUP = "239.77.9.1"
POLL = 3
"""log2 of the interval in seconds, for all."""
SECRET = "2b7e151628aed2a6abf7158809cf4f3c"
KEYS = f"4 aes-128-cmac hex:{SECRET}\n"
WRONG = 5.0
"""Seconds by which the guest's clock is ahead at first."""
OSCILLATOR = 50.0
"""ppm by which it runs too fast."""
INTERVAL = 1.0
"""Seconds between two looks at the guest's clock."""
_ENGINE, _CHRONY = "/opt/engine", "/opt/chrony"


def server(directory: Path, guest: Guest) -> EngineProcess:
    """The engine as a multicast server and responder on this machine: its clock is read, by right it is true."""
    made = EngineProcess(directory, {}, keys=KEYS, namespace=guest.namespace)
    made.write(
        {
            "authentication": {"enabled": True, "keys_file": str(directory / "keys"), "trusted_keys": [4]},
            "server": {"enabled": True, "listen": ["br0"], "stratum": 1},
            "servers": [{"interface": "br0", "group": GROUP, "key_id": 4, "poll": POLL}],
            "discipline": {"mode": "monitor"},
        }
    )
    return made


class Engine:
    """The engine in the guest, steering its clock.

    :param helper: by way of the clock helper, as the role sets it up.
    """

    name = "engine"

    def __init__(self, guest: Guest, *, helper: bool = False) -> None:
        self._guest = guest
        self._helper = helper
        self.configure()

    def configure(self, **discipline: Any) -> None:
        """Write its configuration; `discipline` are members of that section."""
        document = {
            "version": 1,
            "status_socket": f"{_ENGINE}/status.sock",
            "state_directory": f"{_ENGINE}/state",
            "authentication": {"enabled": True, "keys_file": f"{_ENGINE}/keys", "trusted_keys": [4]},
            "clients": [{"interface": "eth0", "group": GROUP}],
            "discipline": {"mode": "kernel", **discipline},
        }
        if self._helper:
            document["clock_socket"] = f"{_ENGINE}/clock/socket"
        self._guest.write(f"{_ENGINE}/keys", KEYS)
        self._guest.write(f"{_ENGINE}/engine.json", json.dumps(document))

    def _command(self, *arguments: str) -> tuple[str, ...]:
        return ("python3", "-m", "ntp_multicast_engine", *arguments, "--config", f"{_ENGINE}/engine.json")

    def start(self) -> None:
        """Returns when it says that it is ready, before it has heard of any server."""
        if self._helper:
            self._guest.run("mkdir", "-p", f"{_ENGINE}/clock")
            self._guest.run("rm", "-f", f"{_ENGINE}/clock/initial-step-used")
            helper = (*self._command("run-clock"), "--service", _ENGINE)
            self._guest.start("engine-clock", *helper, kind="notify")
        self._guest.start("engine", *self._command("run"), kind="notify")

    def stop(self) -> None:
        self._guest.stop("engine")
        if self._helper:
            self._guest.stop("engine-clock")

    def reconfigure(self, **discipline: Any) -> None:
        """Change the section `discipline` while it runs."""
        self.configure(**discipline)
        self._guest.run("systemctl", "kill", "--kill-whom=main", "--signal=HUP", "engine.service")

    def status(self) -> dict[str, Any]:
        text = self._guest.run("env", "PYTHONPATH=/opt/test", *self._command("status", "--json"))
        document: dict[str, Any] = json.loads(text)
        return document

    def remembered(self) -> float:
        """The frequency of the state file, ppm; raises TypeError if there is none."""
        state = json.loads(self._guest.run("cat", f"{_ENGINE}/state/state.json"))
        return float(state["frequency"]) * 1e6

    def remembers(self) -> bool:
        """Whether the state file has a frequency."""
        return json.loads(self._guest.run("cat", f"{_ENGINE}/state/state.json"))["frequency"] is not None

    def log(self) -> str:
        return self._guest.log("engine")


class Chrony:
    """chronyd in the guest, which asks the same server by unicast, authenticated, at the same interval."""

    name = "chronyd"

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        guest.write(f"{_CHRONY}/keys", f"4 AES128 HEX:{SECRET}\n")
        configuration = f"""\
server {guest.host_address} key 4 minpoll {POLL} maxpoll {POLL} iburst
keyfile {_CHRONY}/keys
driftfile {_CHRONY}/drift
makestep 0.125 1
cmdport 0
bindcmdaddress /
pidfile {_CHRONY}/pid
"""
        guest.write(f"{_CHRONY}/chrony.conf", configuration)

    def start(self) -> None:
        self._guest.start("chronyd", "chronyd", "-d", "-u", "root", "-f", f"{_CHRONY}/chrony.conf")

    def stop(self) -> None:
        self._guest.stop("chronyd")

    def log(self) -> str:
        return self._guest.log("chronyd")


def watch(
    guest: Guest, seconds: float, done: Callable[[Sequence[Reading]], bool] = lambda _seen: False
) -> list[Reading]:
    """Look at the guest's clock every second for so long, or until `done` says that it was enough."""
    seen: list[Reading] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.append(guest.clock())
        if done(seen):
            break
        time.sleep(INTERVAL)
    return seen


def settled(readings: Sequence[Reading], limit: float, start: float) -> float | None:
    """Seconds from `start` until the offset was within `limit` for good; None, if it never was."""
    outside = [reading.time for reading in readings if abs(reading.offset) >= limit]
    inside = [reading.time for reading in readings if not outside or reading.time > outside[-1]]
    return inside[0] - start if inside else None


@dataclass(frozen=True)
class Held:
    """How well a clock was held: seconds."""

    root_mean_square: float
    mean: float
    deviation: float
    maximum: float

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> Held:
        offsets = [reading.offset for reading in readings]
        mean = math.fsum(offsets) / len(offsets)
        square = math.fsum(offset * offset for offset in offsets) / len(offsets)
        return cls(math.sqrt(square), mean, math.sqrt(max(square - mean * mean, 0.0)), max(map(abs, offsets)))
