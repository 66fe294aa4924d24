# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets network cards to stamp packets: what needs rights that the service has not.

What another program, such as ptp4l(8), has set stays as it is if it suffices, and is widened if it doesn't: a card that
stamps everything also stamps what that program needs.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from ntp_multicast_engine.hardware import EVERYTHING
from ntp_multicast_engine.hardware_door import (
    FILTER_NONE,
    RAW_HARDWARE,
    RX_HARDWARE,
    TX_HARDWARE,
    TX_OFF,
    TX_ON,
    Door,
    KernelDoor,
    Offer,
    Stamping,
    clock_path,
)


def wanted(offer: Offer, now: Stamping) -> Stamping:
    """What to set a card to, given what it can do and what it is set to."""
    transmit, receive = now.transmit, now.receive
    if transmit == TX_OFF and offer.stamps & TX_HARDWARE and offer.transmit >> TX_ON & 1:
        transmit = TX_ON
    if receive not in EVERYTHING and offer.stamps & RX_HARDWARE:
        receive = next((one for one in EVERYTHING if offer.receive >> one & 1), receive)
    return Stamping(transmit, receive, now.flags)


def enable(interfaces: Sequence[str], door: Door | None = None) -> int:
    """Set the cards and say what came of it; 1, if one of them stamps nothing then."""
    door = door or KernelDoor()
    failed = 0
    for interface in interfaces:
        try:
            print(f"{interface}: {_set(interface, door)}")
        except OSError as error:
            print(f"{interface}: no hardware time stamps: {error.strerror or error}", file=sys.stderr)
            failed = 1
    return failed


def _set(interface: str, door: Door) -> str:
    offer = door.offer(interface)
    if offer.clock is None or not offer.stamps & RAW_HARDWARE:
        raise OSError(0, "its driver has no clock to stamp with")
    try:
        now = door.stamping(interface)
    except OSError:
        # A driver that only lets it be set.
        now = Stamping(TX_OFF, FILTER_NONE)
    asked = wanted(offer, now)
    told = "was set before to stamp"
    if asked != now:
        now = door.set_stamping(interface, asked)
        told = "is set to stamp"
    directions = [
        name
        for name, given in (("what is sent", now.transmit != TX_OFF), ("what is received", now.receive in EVERYTHING))
        if given
    ]
    if not directions:
        raise OSError(0, "it can stamp neither what is sent nor NTP packets that are received")
    return f"{told} {' and '.join(directions)}, by {clock_path(offer.clock)}"


def grant(interfaces: Sequence[str], directory: Path, door: Door | None = None) -> int:
    """Let the group of the directory read the clocks of the cards; 1, if one can't be given."""
    group, failed = directory.stat().st_gid, 0
    for path in _clocks(interfaces, door or KernelDoor()):
        try:
            found = path.stat()
            if found.st_gid not in (0, group):
                raise OSError(0, "another group has the right to read it, which stays")
            os.chown(path, -1, group)
            path.chmod(stat.S_IMODE(found.st_mode) | stat.S_IRGRP)
        except OSError as error:
            print(f"{path}: {error.strerror or error}", file=sys.stderr)
            failed = 1
    return failed


def withdraw(interfaces: Sequence[str], directory: Path | None, door: Door | None = None) -> int:
    """Undo `grant`: a group of a dynamic user may be another service's tomorrow."""
    for path in _clocks(interfaces, door or KernelDoor()):
        try:
            found = path.stat()
            if found.st_gid != 0 and (directory is None or found.st_gid == directory.stat().st_gid):
                path.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IRGRP)
                os.chown(path, -1, 0)
        except OSError as error:
            print(f"{path}: {error.strerror or error}", file=sys.stderr)
    return 0


def _clocks(interfaces: Sequence[str], door: Door) -> list[Path]:
    """The devices of the cards' clocks."""
    found: dict[Path, None] = {}
    for interface in interfaces:
        try:
            number = door.offer(interface).clock
        except OSError:
            continue
        if number is not None:
            found[clock_path(number)] = None
    return list(found)
