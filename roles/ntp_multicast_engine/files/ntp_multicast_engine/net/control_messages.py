# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ancillary data of Linux datagram sockets: time stamps, destination address and arriving interface.

Numbers that Python's socket module doesn't name come from the kernel's uapi headers, as they are on all
architectures that Debian supports for servers.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ntp_multicast_engine.clock.system_clock import Clock, Instant, at
from ntp_multicast_engine.config.schema import Address
from ntp_multicast_engine.wire.packet import MAXIMUM_LENGTH
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

IP_PKTINFO, IP_RECVERR, IP_MULTICAST_ALL = 8, 11, 49
IPV6_RECVERR, IPV6_MULTICAST_ALL, IPV6_RECVPKTINFO, IPV6_PKTINFO = 25, 29, 49, 50
SO_TIMESTAMPING = 37
# include/uapi/linux/net_tstamp.h
_TX_SOFTWARE, _RX_SOFTWARE, _REPORT_SOFTWARE, _OPT_ID, _OPT_TSONLY = 1 << 1, 1 << 3, 1 << 4, 1 << 7, 1 << 11
_TX_HARDWARE, _RX_HARDWARE, _REPORT_HARDWARE, _OPT_TX_BOTH = 1 << 0, 1 << 2, 1 << 6, 1 << 14
STAMP_RECEIVED = _RX_SOFTWARE | _REPORT_SOFTWARE
STAMP_ON_REQUEST = STAMP_RECEIVED | _OPT_ID | _OPT_TSONLY
"""As STAMP_BOTH, but stamps of sending only for datagrams that carry STAMP_THIS."""
STAMP_BOTH = STAMP_ON_REQUEST | _TX_SOFTWARE
CARD_RECEIVED = _RX_HARDWARE | _REPORT_HARDWARE
"""In addition to these: the card's stamps, beside the kernel's."""
CARD_SENT = _TX_HARDWARE | _REPORT_HARDWARE | _OPT_TX_BOTH

STAMP_THIS = (socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@I", _TX_SOFTWARE))
"""Ancillary data of one datagram (Documentation/networking/timestamping.rst, section 1.3.4)."""

_SO_EE_ORIGIN_TIMESTAMPING = 4
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_STAMPS = struct.Struct("@6l")
"""struct scm_timestamping: the kernel's stamp, one that is no longer used, the card's."""
_PKTINFO4 = struct.Struct("@i4s4s")
_PKTINFO6 = struct.Struct("@16sI")
_ANCILLARY_SPACE = 512
_CREDIBLE_AGE = NANOSECONDS
"""A packet doesn't lie in the queue for longer; if it seems to, the clock was stepped meanwhile."""

HARDWARE, KERNEL, USER = "hardware", "kernel", "user"


@dataclass(frozen=True)
class Datagram:
    """A datagram with what the kernel tells about it. `stamps` says who took the time of arrival.

    `hardware` is the card's stamp by the card's own clock, nanoseconds, or 0.
    """

    data: bytes
    source: str
    source_port: int
    scope: int
    destination: Address | None
    interface: int
    arrival: Instant
    stamps: str
    truncated: bool
    hardware: int = 0


@dataclass(frozen=True)
class Departure:
    """A stamp of sending; `number` counts the datagrams of the socket from 0.

    `real` is the kernel's, Unix nanoseconds, or 0 where this tells `hardware`, the card's by the card's own clock.
    """

    number: int
    real: int
    hardware: int = 0


def enable_stamps(sock: socket.socket, flags: int) -> bool:
    """Ask for kernel time stamps; False, if the kernel has none to give."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags)
    except OSError:
        return False
    return True


def receive(sock: socket.socket, clock: Clock) -> Datagram | None:
    """The next datagram, or None if there is none now. Raises OSError for what the network reports."""
    try:
        data, ancillary, flags, address = sock.recvmsg(MAXIMUM_LENGTH, _ANCILLARY_SPACE)
    except (BlockingIOError, InterruptedError):
        return None
    return assemble(data, ancillary, flags, address, clock.now())


def assemble(
    data: bytes, ancillary: Iterable[tuple[int, int, bytes]], flags: int, address: Any, now: Instant
) -> Datagram:
    """What recvmsg(2) has given, as a datagram. `now` is a moment after it."""
    arrival, stamps = now, USER
    destination: Address | None = None
    interface = hardware = 0
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
            real, hardware = stamps_of(value)
            if real and credible(real, now):
                arrival, stamps = at(real, now), KERNEL
        elif level == socket.IPPROTO_IP and kind == IP_PKTINFO and len(value) == _PKTINFO4.size:
            destination, interface = place_of(value, 4)
        elif level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO and len(value) == _PKTINFO6.size:
            destination, interface = place_of(value, 6)
    host = str(address[0]).partition("%")[0] if address else ""
    port = address[1] if address else 0
    scope = address[3] if address and len(address) == 4 else 0
    truncated = bool(flags & socket.MSG_TRUNC)
    return Datagram(data, host, port, scope, destination, interface, arrival, stamps, truncated, hardware)


def credible(real: int, now: Instant) -> bool:
    """Whether a datagram that is read now can have come at that time."""
    return 0 <= now.real - real < _CREDIBLE_AGE


def departure(sock: socket.socket) -> Departure | None:
    """The next stamp of sending from the error queue, or None if the queue is empty. Other errors are skipped."""
    while True:
        try:
            _data, ancillary, _flags, _address = sock.recvmsg(0, _ANCILLARY_SPACE, socket.MSG_ERRQUEUE)
        except (BlockingIOError, InterruptedError):
            return None
        real = hardware = 0
        number: int | None = None
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                real, hardware = stamps_of(value)
            elif (level, kind) in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)):
                _errno, origin, _type, _code, _pad, _info, data = _EXTENDED_ERROR.unpack_from(value)
                number = data if origin == _SO_EE_ORIGIN_TIMESTAMPING else None
        if (real or hardware) and number is not None:
            return Departure(number, real, hardware)


def source_address(local: Address, interface: int) -> list[tuple[int, int, bytes]]:
    """Ancillary data that makes an answer leave from the address that was asked."""
    if local.version == 4:
        return [(socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO4.pack(0, local.packed, bytes(4)))]
    return [(socket.IPPROTO_IPV6, IPV6_PKTINFO, _PKTINFO6.pack(local.packed, interface))]


def place_of(info: bytes, version: int) -> tuple[Address, int]:
    """Destination address and arriving interface that a packet info tells."""
    if version == 4:
        interface, _local, packed = _PKTINFO4.unpack(info)
    else:
        packed, interface = _PKTINFO6.unpack(info)
    return _address(packed), interface


@lru_cache(maxsize=256)
def _address(packed: bytes) -> Address:
    """A host has few addresses, and making one of these objects takes longer than finding it."""
    return ipaddress.ip_address(packed)


def stamps_of(value: bytes) -> tuple[int, int]:
    """The kernel's stamp and the card's of a control message, nanoseconds; 0 for one that isn't there."""
    if len(value) < _STAMPS.size:
        return 0, 0
    seconds, nanoseconds, _none, _nothing, card_seconds, card_nanoseconds = _STAMPS.unpack_from(value)
    software = int(seconds) * NANOSECONDS + int(nanoseconds) if seconds else 0
    return software, int(card_seconds) * NANOSECONDS + int(card_nanoseconds)
