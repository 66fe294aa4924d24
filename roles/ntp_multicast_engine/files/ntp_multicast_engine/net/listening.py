# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket that hears all that comes to a group, with the time to live that is left. It never sends."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.instant import Clock
from ntp_multicast_engine.net.control_messages import Datagram, assemble
from ntp_multicast_engine.net.netlink import link
from ntp_multicast_engine.net.sockets import GroupSocket
from ntp_multicast_engine.wire.packet import MAXIMUM_LENGTH

# include/uapi/linux/in.h, in6.h
_IP_TTL, _IP_RECVTTL, _IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 2, 12, 51, 52
_SPACE = 512


@dataclass(frozen=True)
class Heard:
    """A datagram and its time to live or hop limit; None, if the kernel doesn't tell."""

    datagram: Datagram
    ttl: int | None


class ListeningSocket(GroupSocket):
    """As the engine's own for that group, without its filter."""

    def __init__(self, interface: str, group: str, port: int) -> None:
        super().__init__(MulticastClient(interface, ipaddress.ip_address(group), port), filtered=False)
        try:
            if self.version == 4:
                self.socket.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
            else:
                self.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
        except OSError as error:
            self.socket.close()
            raise TransportError(f"can't be told the ttl of packets to {group}: {error.strerror}") from error

    def hear(self, clock: Clock) -> Heard | None:
        """The next one that came to this group over this interface; None, if there is none."""
        while True:
            try:
                data, ancillary, flags, address = self.socket.recvmsg(MAXIMUM_LENGTH, _SPACE)
            except BlockingIOError:
                return None
            except OSError:
                continue
            datagram = assemble(data, ancillary, flags, address, clock.now())
            if self._misplaced(datagram.destination, datagram.interface) is None:
                return Heard(datagram, _ttl(ancillary))


def _ttl(ancillary: Iterable[tuple[int, int, bytes]]) -> int | None:
    for level, kind, value in ancillary:
        if (level, kind) in ((socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)) and len(value) >= 4:
            return int(struct.unpack_from("=i", value)[0])
    return None


def multicast_interfaces() -> list[str]:
    """Those that are up and may hear a group, without the loopback."""
    links = ((name, link(index)) for index, name in socket.if_nameindex())
    return [name for name, found in links if found is not None and found.is_up and found.has_groups]
