# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network card that isn't there, behind the door to cards and their clocks."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

from ntp_multicast_engine.clock.system_clock import Instant
from ntp_multicast_engine.hardware_clock import Reading
from ntp_multicast_engine.hardware_door import (
    FILTER_ALL,
    RAW_HARDWARE,
    RX_HARDWARE,
    TX_HARDWARE,
    TX_ON,
    CardClock,
    Offer,
    Stamping,
)

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
GIGABIT = 1_000_000_000
PTP_V2_EVENT = 12
EVERYTHING = Offer(TX_HARDWARE | RX_HARDWARE | RAW_HARDWARE, 3, 1 << TX_ON | 1, 1 << FILTER_ALL | 1)


class SimulatedClock:
    """The system's clocks; raw time 0 is at START."""

    def __init__(self) -> None:
        self.raw = 100 * SECOND

    def now(self) -> Instant:
        self.raw += 1_000
        return Instant(START + self.raw, self.raw)


@dataclass
class SimulatedDoor:
    """One card, whose clock is `ahead` of the system's."""

    clock: SimulatedClock
    offered: Offer = EVERYTHING
    set_to: Stamping = field(default_factory=lambda: Stamping(TX_ON, FILTER_ALL))
    bits: int | None = GIGABIT
    ahead: int = 37 * SECOND
    tells: bool = True
    broken: bool = False
    interface: int = 1
    sets: list[Stamping] = field(default_factory=list)
    opened: int = 0

    def index(self, interface: str) -> int:
        return self.interface

    def offer(self, interface: str) -> Offer:
        if interface != "eth0":
            raise OSError(errno.ENODEV, "No such device")
        return self.offered

    def stamping(self, interface: str) -> Stamping:
        if not self.tells:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return self.set_to

    def set_stamping(self, interface: str, wanted: Stamping) -> Stamping:
        self.sets.append(wanted)
        self.set_to = wanted
        return wanted

    def speed(self, interface: str) -> int | None:
        return self.bits

    def open_clock(self, number: int) -> CardClock:
        self.opened += 1
        return self

    def read(self) -> list[Reading]:
        if self.broken:
            raise OSError(errno.ENODEV, "No such device")
        real = START + self.clock.raw
        self.clock.raw += 2_000
        return [Reading(real, real + 1_000 + self.ahead, real + 2_000)]

    def close(self) -> None:
        pass

    def shows(self, real: int) -> int:
        return real + self.ahead
