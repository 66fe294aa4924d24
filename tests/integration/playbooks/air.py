# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One link for simulated devices: what their servers send to a group is heard, or refused, by their clients.

Who sends, who listens, and which key proves what is read from the devices' own configurations at each packet: a client
takes a packet that is signed with a key that it has, trusts, and with the same secret (facts 1.2, 5).
"""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from vrp_simulator.device import Device
from vrp_simulator.ntp_entries import AUTHENTICATION, Association, Key, Trust, key_place
from vrp_simulator.testing import RunningDevices

POLLS_TO_UNREACHABLE = 8  # RFC 5905, section 9.2


@dataclass
class Heard:
    """A server as a client hears it."""

    address: str
    reach: int = 0
    last: float = float("-inf")
    reason: str = "Peer reachability lost"


@dataclass
class Listener:
    """The NTP process of a client: what it took and what it refused.

    silent, longest: for how many intervals it has taken no packet, and how many that was at most
    """

    device: Device
    interval: float
    sources: dict[str, Heard] = field(default_factory=dict)
    taken: int = 0
    refused: int = 0
    silent: int = 0
    longest: int = 0
    deaf: bool = False
    losses: list[dict[str, str]] = field(default_factory=list)
    pid: int | None = None

    def hear(self, server: str, signed: Key | None, groups: set[str], group: str) -> None:
        """Take a packet or refuse it."""
        running = self.device.running
        if group not in groups or self.deaf:
            return
        source = self.sources.setdefault(server, Heard(server))
        if AUTHENTICATION in running and not self._proves(signed):
            self.refused += 1
            source.reason = "Authentication failure"
            return
        source.reach |= 1
        source.last = time.monotonic()
        source.reason = "Peer reachability lost"
        self.taken += 1
        self.silent = 0

    def _proves(self, signed: Key | None) -> bool:
        running = self.device.running
        own = running.get(key_place(signed.key_id)) if signed else None
        trusted = {entry.key_id for entry in running.values() if isinstance(entry, Trust)}
        same = isinstance(own, Key) and signed is not None and (own.mode, own.secret) == (signed.mode, signed.secret)
        return same and signed is not None and signed.key_id in trusted

    def tick(self) -> None:
        """An interval begins: shift the registers, and count it as silent until a packet is taken."""
        self.silent += 1
        for source in list(self.sources.values()):
            reach, source.reach = source.reach, source.reach << 1 & 0xFF
            if reach and not source.reach:
                now = datetime.datetime.now(datetime.timezone.utc)
                self.losses.insert(
                    0,
                    {
                        "source": source.address,
                        "session": "bdcast client (Interface: 100GE1/0/1), dynamic",
                        "reason": source.reason,
                        "time": f"{now:%Y-%m-%d %H:%M:%S}+00:00",
                    },
                )

    def count(self) -> None:
        """All has been sent in this interval."""
        self.longest = max(self.longest, self.silent)

    async def status(self) -> Mapping[str, Any]:
        """In the form of the engine's `status --json`, as far as the simulator reads it."""
        known = [source for source in self.sources.values() if source.reach]
        first = known[0] if known else None
        associations = [
            {
                "source": source.address,
                "stratum": 2,
                "reference_id": "LOCL",
                "reach": source.reach,
                "poll": self.interval,
                "mode": "broadcast client",
                "selected": source is first,
                "last_received": time.monotonic() - source.last,
            }
            for source in known
        ]
        reference = first.address if first else None
        return {
            "system": {"synchronised": first is not None, "stratum": 3, "reference_id": reference},
            "associations": associations,
            "counters": {"received": self.taken + self.refused, "sent": 0, "dropped": {"bad_mac": self.refused}},
            "losses": self.losses,
        }


@dataclass
class Air:
    """The link. interval: seconds between the packets of a server"""

    devices: Mapping[str, Device]
    interval: float = 1.0
    listeners: dict[str, Listener] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, device in self.devices.items():
            self.listeners[name] = Listener(device, self.interval)

    async def run(self) -> None:
        """Send in each interval, for ever."""
        while True:
            for listener in self.listeners.values():
                listener.tick()
            for number, device in enumerate(self.devices.values()):
                self._send(f"10.0.0.{200 + number}", device)
            self._show()
            for listener in self.listeners.values():
                listener.count()
            await asyncio.sleep(self.interval)

    def _send(self, address: str, device: Device) -> None:
        running = device.running
        for place, entry in running.items():
            if not isinstance(entry, Association) or entry.role != "multicast-server":
                continue
            signs = AUTHENTICATION in running and place not in device.transactions.unauthenticated
            key = running.get(key_place(entry.key_id)) if signs and entry.key_id is not None else None
            for name, listener in self.listeners.items():
                if self.devices[name] is not device:
                    groups = _groups(listener.device)
                    listener.hear(address, key if isinstance(key, Key) else None, groups, str(entry.group))

    def _show(self) -> None:
        """A client's process is there as soon as it listens; a reset takes it away."""
        for name, device in self.devices.items():
            if _groups(device):
                device.ntp_process = self.listeners[name]  # type: ignore[assignment]

    def deafen(self, name: str) -> None:
        """Let a client hear nothing from now on, and forget what it has heard."""
        self.listeners[name].deaf = True
        self.listeners[name].sources.clear()

    def wait_until_heard(self) -> None:
        """Until each client has taken a packet."""
        end = time.monotonic() + 60
        while not all(item.taken for item in self.listeners.values() if _groups(item.device)):
            assert time.monotonic() < end, "no packet was taken"
            time.sleep(self.interval / 10)

    def begin_to_count(self) -> None:
        """Forget what was before."""
        for listener in self.listeners.values():
            listener.silent = listener.longest = 0

    def longest_pauses(self) -> dict[str, int]:
        """For each client, for how many intervals in a row it has taken no packet, at most."""
        return {name: item.longest for name, item in self.listeners.items() if _groups(item.device)}


def _groups(device: Device) -> set[str]:
    return {
        str(entry.group)
        for entry in device.running.values()
        if isinstance(entry, Association) and entry.role == "multicast-client"
    }


@contextmanager
def air_of(devices: RunningDevices, interval: float = 1.0) -> Iterator[Air]:
    """The link of running devices, as long as the context lasts."""
    found = {name: item.call(lambda device: device) for name, item in devices.items()}
    air = Air(found, interval)

    async def begin() -> asyncio.Task[None]:
        return asyncio.ensure_future(air.run())

    async def end(task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    task = devices.run(begin())
    try:
        yield air
    finally:
        devices.run(end(task))
