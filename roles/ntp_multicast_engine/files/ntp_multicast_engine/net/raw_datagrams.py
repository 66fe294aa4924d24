# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams of a raw socket of UDP: IPv4 with the IP header before them, IPv6 without it (raw(7))."""

from __future__ import annotations

import socket
import struct

from ntp_multicast_engine.net.control_messages import Datagram
from ntp_multicast_engine.wire.packet import MAXIMUM_LENGTH

_UDP = struct.Struct(">HHHH")
_ADDRESSES = slice(12, 20)
LARGEST = 60 + _UDP.size + MAXIMUM_LENGTH
"""Octets: the longest header of IPv4, that of UDP, and the longest NTP packet."""


def unwrapped(received: Datagram, version: int, port: int) -> Datagram | None:
    """What a socket of UDP that is bound to `port` would have given; None for what it wouldn't."""
    start = 4 * (received.data[0] & 0xF) if version == 4 and received.data else 0
    segment = received.data[start:]
    if len(segment) < _UDP.size:
        return None
    source_port, destination_port, length, checksum = _UDP.unpack_from(segment)
    whole = _UDP.size <= length <= len(segment)
    if destination_port != port or not (whole or received.truncated):
        return None
    if version == 4 and checksum and whole:
        pseudo_header = received.data[_ADDRESSES] + struct.pack(">HH", socket.IPPROTO_UDP, length)
        # A packet that has not left this machine carries what the network card would have completed.
        if _sum(pseudo_header) != checksum and _sum(pseudo_header + segment[:length]) != 0xFFFF:
            return None
    data = segment[_UDP.size : min(length, _UDP.size + MAXIMUM_LENGTH)]
    truncated = received.truncated or length > _UDP.size + MAXIMUM_LENGTH
    return received._replace(data=data, source_port=source_port, truncated=truncated)


def _sum(data: bytes) -> int:
    """The sum in ones' complement of RFC 768, which is 0xffff over data with a right checksum."""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    return (total - 1) % 0xFFFF + 1 if total else 0
