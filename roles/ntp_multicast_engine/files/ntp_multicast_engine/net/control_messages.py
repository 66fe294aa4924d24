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
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from ntp_multicast_engine.config.schema import Address
from ntp_multicast_engine.instant import Clock, Instant, at
from ntp_multicast_engine.wire.packet import MAXIMUM_LENGTH
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_IP_TTL, IP_PKTINFO, _IP_RECVERR = 2, 8, 11
_IPV6_RECVERR, IPV6_RECVPKTINFO, _IPV6_PKTINFO, _IPV6_HOPLIMIT = 25, 49, 50, 52
SO_TIMESTAMPING = 37
# include/uapi/linux/net_tstamp.h
_TX_SOFTWARE, _RX_SOFTWARE, _REPORT_SOFTWARE, _OPT_ID, _OPT_TSONLY = 1 << 1, 1 << 3, 1 << 4, 1 << 7, 1 << 11
STAMP_RECEIVED = _RX_SOFTWARE | _REPORT_SOFTWARE
STAMP_ON_REQUEST = STAMP_RECEIVED | _OPT_ID | _OPT_TSONLY
"""As STAMP_BOTH, but stamps of sending only for datagrams that carry STAMP_THIS."""
STAMP_BOTH = STAMP_ON_REQUEST | _TX_SOFTWARE

STAMP_THIS = (socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@I", _TX_SOFTWARE))
"""Ancillary data of one datagram (Documentation/networking/timestamping.rst, section 1.3.4)."""

_SO_EE_ORIGIN_TIMESTAMPING = 4
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_STAMPS = struct.Struct("@6l")
"""struct scm_timestamping: the kernel's stamp, one that is no longer used, the network card's."""
_PKTINFO4 = struct.Struct("@i4s4s")
_PKTINFO6 = struct.Struct("@16sI")
_ANCILLARY_SPACE = 512
_CREDIBLE_AGE = NANOSECONDS
"""A packet doesn't lie in the queue for longer; if it seems to, the clock was stepped meanwhile."""

KERNEL, USER = "kernel", "user"


class Datagram(NamedTuple):
    """A datagram with what the kernel tells about it. `stamps` says who took the time of arrival; `ttl` is what is left
    of it, where the socket asks for that."""

    data: bytes
    source: str
    source_port: int
    scope: int
    destination: Address | None
    interface: int
    arrival: Instant
    stamps: str
    truncated: bool
    ttl: int | None = None


class Departure(NamedTuple):
    """The kernel's stamp of sending, Unix nanoseconds; `number` counts the stamped datagrams of the socket from 0."""

    number: int
    real: int


def enable_stamps(sock: socket.socket, flags: int) -> bool:
    """Ask for kernel time stamps; False, if the kernel has none to give."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags)
    except OSError:
        return False
    return True


def receive(sock: socket.socket, clock: Clock, at_most: int = 1, size: int = MAXIMUM_LENGTH) -> list[Datagram]:
    """What is there, oldest first, and no more than `at_most`. What the network reports as an error is skipped."""
    found = []
    for _unused in range(at_most):
        try:
            found.append(sock.recvmsg(size, _ANCILLARY_SPACE))
        except (BlockingIOError, InterruptedError):
            break
        except OSError:
            # Such as an interface that went down, or an ICMP error about an answer; reading it has removed it.
            continue
    if not found:
        return []
    now = clock.now()
    return [assemble(*item, now) for item in found]


def assemble(
    data: bytes, ancillary: Iterable[tuple[int, int, bytes]], flags: int, address: Any, now: Instant
) -> Datagram:
    """What recvmsg(2) has given, as a datagram. `now` is a moment after it."""
    arrival, stamps = now, USER
    destination: Address | None = None
    interface, ttl = 0, None
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
            real = stamp_of(value)
            if real and 0 <= now.real - real < _CREDIBLE_AGE:
                arrival, stamps = at(real, now), KERNEL
        elif (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            interface, _local, packed = _PKTINFO4.unpack(value)
            destination = _address(packed)
        elif (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            packed, interface = _PKTINFO6.unpack(value)
            destination = _address(packed)
        elif (level, kind) in ((socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)):
            ttl = int.from_bytes(value, sys.byteorder)
    host = address[0].partition("%")[0] if address else ""
    port = address[1] if address else 0
    scope = address[3] if address and len(address) == 4 else 0
    truncated = bool(flags & socket.MSG_TRUNC)
    return Datagram(data, host, port, scope, destination, interface, arrival, stamps, truncated, ttl)


def departure(sock: socket.socket) -> Departure | None:
    """The next stamp of sending from the error queue, or None if the queue is empty. Other errors are skipped."""
    while True:
        try:
            _data, ancillary, _flags, _address = sock.recvmsg(0, _ANCILLARY_SPACE, socket.MSG_ERRQUEUE)
        except (BlockingIOError, InterruptedError):
            return None
        real = 0
        number: int | None = None
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                real = stamp_of(value)
            elif (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                _errno, origin, _type, _code, _pad, _info, data = _EXTENDED_ERROR.unpack_from(value)
                number = data if origin == _SO_EE_ORIGIN_TIMESTAMPING else None
        if real and number is not None:
            return Departure(number, real)


def forget_departures(sock: socket.socket, flags: int) -> bool:
    """Let the kernel count stamped datagrams from 0 again; what `enable_stamps` returns.

    After a datagram that wasn't sent it isn't known whether the kernel has counted it.
    """
    enable_stamps(sock, 0)
    while departure(sock) is not None:
        pass
    return enable_stamps(sock, flags)


def source_address(local: Address, interface: int) -> list[tuple[int, int, bytes]]:
    """Ancillary data that makes an answer leave from the address that was asked."""
    if local.version == 4:
        return [(socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO4.pack(0, local.packed, bytes(4)))]
    return [(socket.IPPROTO_IPV6, _IPV6_PKTINFO, _PKTINFO6.pack(local.packed, interface))]


@lru_cache(maxsize=256)
def _address(packed: bytes) -> Address:
    """A host has few addresses, and making one of these objects takes longer than finding it."""
    return ipaddress.ip_address(packed)


def stamp_of(value: bytes) -> int:
    """The kernel's stamp of a control message, nanoseconds; 0, if there is none."""
    if len(value) < _STAMPS.size:
        return 0
    seconds, nanoseconds, *_others = _STAMPS.unpack_from(value)
    return int(seconds) * NANOSECONDS + int(nanoseconds)
