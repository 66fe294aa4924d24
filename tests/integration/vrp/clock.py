# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NTP process of a device that hears one server: it sends to one group, with one key."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from vrp_simulator.device import Device
from vrp_simulator.ntp_entries import Association, Trust
from vrp_simulator.testing import RunningDevice

SOURCE = "10.0.0.254"


@dataclasses.dataclass
class Heard:
    """What a device hears of a server that sends each second. A change of what it hears by begins anew.

    group, key_id: of the server; a device has to listen to the group and to trust the key
    silent: whether the server sends nothing any more
    """

    device: Device
    group: str = "224.0.1.1"
    key_id: int = 42
    silent: bool = False
    pid: int | None = None
    last: float | None = None

    async def status(self) -> Mapping[str, Any] | None:
        """In the form of the engine's `status --json`, as far as the simulator reads it."""
        running = self.device.running.values()
        listens = any(
            isinstance(entry, Association) and entry.role == "multicast-client" and str(entry.group) == self.group
            for entry in running
        )
        trusts = any(isinstance(entry, Trust) and entry.key_id == self.key_id for entry in running)
        if listens and trusts and not self.silent:
            self.last = time.monotonic()
        if self.last is None:
            return {"system": {"synchronised": False}, "associations": []}
        # Without a packet it stays synchronised for a while, as RFC 5905 has it.
        source = {
            "source": SOURCE,
            "stratum": 2,
            "reference_id": "LOCL",
            "reach": 255,
            "poll": 64,
            "mode": "broadcast client",
            "selected": True,
            "last_received": time.monotonic() - self.last,
        }
        system = {"synchronised": True, "stratum": 3, "reference_id": SOURCE}
        return {"system": system, "associations": [source]}


def hears(item: RunningDevice, **settings: Any) -> Heard:
    """Let the device hear a server from now on."""

    def give(device: Device) -> Heard:
        heard = Heard(device, **settings)
        device.ntp_process = heard  # type: ignore[assignment]
        return heard

    return item.call(give)


def deaf(item: RunningDevice) -> None:
    """Take the NTP process away again."""
    item.call(lambda device: setattr(device, "ntp_process", None))
