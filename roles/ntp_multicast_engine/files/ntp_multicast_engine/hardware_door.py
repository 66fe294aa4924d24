# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to a network card's stamps and to its clock: ioctls, and nothing is decided here.

Imported only where the configuration asks for hardware time stamps. The numbers are those of sockios.h, ethtool.h,
net_tstamp.h and ptp_clock.h in include/uapi/linux, on x86 and Arm; where they are others, the kernel refuses them, and
its own stamps are used.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ntp_multicast_engine.hardware_clock import Reading
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_SIOCETHTOOL, _SIOCSHWTSTAMP, _SIOCGHWTSTAMP = 0x8946, 0x89B0, 0x89B1
_ETHTOOL_GET_TS_INFO = 0x41
_IFREQ = struct.Struct("@16sP16x")
_CONFIGURATION = struct.Struct("@3i")
_TS_INFO = struct.Struct("@2Ii4I4I")
TX_OFF, TX_ON = 0, 1
FILTER_NONE, FILTER_ALL, FILTER_NTP_ALL = 0, 1, 15
TX_HARDWARE, RX_HARDWARE, RAW_HARDWARE = 1 << 0, 1 << 2, 1 << 6

_SAMPLES = 10
_MAXIMUM_SAMPLES = 25
_TIME = struct.Struct("@qII")
_HEAD = 16


def _number(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("=") << 8 | number


_PRECISE_SIZE = 3 * _TIME.size + 16
_EXTENDED_SIZE = _HEAD + 3 * _MAXIMUM_SAMPLES * _TIME.size
_PLAIN_SIZE = _HEAD + (2 * _MAXIMUM_SAMPLES + 1) * _TIME.size
PTP_SYS_OFFSET = _number(1, 5, _PLAIN_SIZE)
PTP_SYS_OFFSET_PRECISE = _number(3, 8, _PRECISE_SIZE)
PTP_SYS_OFFSET_EXTENDED = _number(3, 9, _EXTENDED_SIZE)


@dataclass(frozen=True)
class Stamping:
    """What the card is set to: one of HWTSTAMP_TX_* and one of HWTSTAMP_FILTER_*; `flags` are kept as they are."""

    transmit: int
    receive: int
    flags: int = 0


@dataclass(frozen=True)
class Offer:
    """What the card can do: SOF_TIMESTAMPING_* as bits, values of Stamping as bits, the number of its clock."""

    stamps: int
    clock: int | None
    transmit: int
    receive: int


class Door(Protocol):
    """What is asked of a card. Methods raise OSError; the system call's number says why."""

    def index(self, interface: str) -> int: ...

    def offer(self, interface: str) -> Offer: ...

    def stamping(self, interface: str) -> Stamping: ...

    def set_stamping(self, interface: str, wanted: Stamping) -> Stamping: ...

    def speed(self, interface: str) -> int | None: ...

    def open_clock(self, number: int) -> CardClock: ...


class CardClock(Protocol):
    """A card's clock, read only."""

    def read(self) -> list[Reading]: ...

    def close(self) -> None: ...


def clock_path(number: int) -> Path:
    """The device of a clock."""
    return Path(f"/dev/ptp{number}")


class KernelDoor:
    """The cards of this machine."""

    def index(self, interface: str) -> int:
        """What tells the interface from another one that had its name before."""
        return socket.if_nametoindex(interface)

    def offer(self, interface: str) -> Offer:
        """What the card can do (ETHTOOL_GET_TS_INFO)."""
        buffer = ctypes.create_string_buffer(_TS_INFO.pack(_ETHTOOL_GET_TS_INFO, *[0] * 10), _TS_INFO.size)
        self._ask(_SIOCETHTOOL, interface, buffer)
        _command, stamps, clock, transmit, *others = _TS_INFO.unpack(buffer.raw)
        return Offer(stamps, clock if clock >= 0 else None, transmit, others[3])

    def stamping(self, interface: str) -> Stamping:
        """What the card is set to (SIOCGHWTSTAMP)."""
        return self._configure(_SIOCGHWTSTAMP, interface, Stamping(TX_OFF, FILTER_NONE))

    def set_stamping(self, interface: str, wanted: Stamping) -> Stamping:
        """Set the card (SIOCSHWTSTAMP, needs CAP_NET_ADMIN); gives what it is set to then, which may be more."""
        return self._configure(_SIOCSHWTSTAMP, interface, wanted)

    def _configure(self, request: int, interface: str, wanted: Stamping) -> Stamping:
        data = _CONFIGURATION.pack(wanted.flags, wanted.transmit, wanted.receive)
        buffer = ctypes.create_string_buffer(data, len(data))
        self._ask(request, interface, buffer)
        flags, transmit, receive = _CONFIGURATION.unpack(buffer.raw)
        return Stamping(transmit, receive, flags)

    def _ask(self, request: int, interface: str, buffer: ctypes.Array[ctypes.c_char]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as question:
            fcntl.ioctl(question, request, _IFREQ.pack(interface.encode(), ctypes.addressof(buffer)))

    def speed(self, interface: str) -> int | None:
        """Bits in a second, or None where the link has none."""
        try:
            megabits = int(Path(f"/sys/class/net/{interface}/speed").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return megabits * 1_000_000 if megabits > 0 else None

    def open_clock(self, number: int) -> CardClock:
        """Open the clock for reading."""
        return DeviceClock(os.open(clock_path(number), os.O_RDONLY | os.O_CLOEXEC))


class DeviceClock:
    """A clock by its device: read together with the system's clock, in the best way that the driver knows."""

    def __init__(self, descriptor: int, ioctl: Callable[[int, int, bytearray], object] = fcntl.ioctl) -> None:
        self._descriptor = descriptor
        self._ioctl = ioctl
        self._ways = [self._precise, self._extended, self._plain]

    def read(self) -> list[Reading]:
        """Readings of the clock, just taken; raises OSError."""
        while True:
            try:
                return self._ways[0]()
            except OSError as error:
                unknown = error.errno in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.ENOSYS)
                if len(self._ways) == 1 or not unknown:
                    raise
                del self._ways[0]

    def _precise(self) -> list[Reading]:
        """Both clocks at one moment, by hardware that can do that."""
        data = bytearray(_PRECISE_SIZE)
        self._ioctl(self._descriptor, PTP_SYS_OFFSET_PRECISE, data)
        real = _time(data, _TIME.size)
        return [Reading(real, _time(data, 0), real)]

    def _extended(self) -> list[Reading]:
        """The system's clock just before and after the register of the card."""
        data = bytearray(_EXTENDED_SIZE)
        struct.pack_into("@I", data, 0, _SAMPLES)
        self._ioctl(self._descriptor, PTP_SYS_OFFSET_EXTENDED, data)
        times = [_time(data, _HEAD + place * _TIME.size) for place in range(3 * _SAMPLES)]
        return [Reading(*times[place : place + 3]) for place in range(0, 3 * _SAMPLES, 3)]

    def _plain(self) -> list[Reading]:
        """The system's clock before and after the driver's whole work."""
        data = bytearray(_PLAIN_SIZE)
        struct.pack_into("@I", data, 0, _SAMPLES)
        self._ioctl(self._descriptor, PTP_SYS_OFFSET, data)
        times = [_time(data, _HEAD + place * _TIME.size) for place in range(2 * _SAMPLES + 1)]
        return [Reading(*times[place : place + 3]) for place in range(0, 2 * _SAMPLES, 2)]

    def close(self) -> None:
        os.close(self._descriptor)


def _time(data: bytearray, place: int) -> int:
    seconds, nanoseconds, _reserved = _TIME.unpack_from(data, place)
    return int(seconds) * NANOSECONDS + int(nanoseconds)
