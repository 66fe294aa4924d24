# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in the guest: sends datagrams and prints what the kernel and the card say of each, a JSON object a line."""

from __future__ import annotations

import ipaddress
import json
import os
import sys
import time

from ntp_multicast_engine.clock.system_clock import SystemClock
from ntp_multicast_engine.config.configuration import MulticastServer
from ntp_multicast_engine.hardware import Cards
from ntp_multicast_engine.net.sockets import SenderSocket

PATIENCE = 0.5


def measure(interface: str, number: int) -> None:
    clock = SystemClock()
    card = Cards([interface], clock).of(interface)
    opened = SenderSocket(MulticastServer(interface, ipaddress.ip_address("239.77.9.2")), 1123, card)
    for _unused in range(number):
        before = clock.now().real
        opened.send(b"\x25" + bytes(47))
        found: dict[str, int] = {}
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and len(found) < 2:
            found.update((kind, real - before) for real, kind in opened.departures())
        print(json.dumps(found))
        time.sleep(0.3)


def step_card(path: str, seconds: float) -> None:
    """Set the card's clock, as ptp4l would."""
    descriptor = os.open(path, os.O_RDWR)
    # FD_TO_CLOCKID, clock_getres(2).
    number = (~descriptor << 3) | 3
    time.clock_settime(number, time.clock_gettime(number) + seconds)
    os.close(descriptor)


if __name__ == "__main__":
    if sys.argv[1] == "measure":
        measure(sys.argv[2], int(sys.argv[3]))
    else:
        step_card(sys.argv[2], float(sys.argv[3]))
