# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket of one exchange. As in `sockets`, no decision about time is made here."""

from __future__ import annotations

import os
import socket

from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.instant import Clock, Instant, at
from ntp_multicast_engine.net.addresses import interface_index
from ntp_multicast_engine.net.control_messages import STAMP_BOTH, Datagram, departure, enable_stamps, receive
from ntp_multicast_engine.net.sockets import datagram_socket, enter_vrf


class RequestSocket:
    """One exchange with one server, from a port of its own that nobody can predict."""

    def __init__(self, server: str, port: int, interface: str, clock: Clock) -> None:
        self._clock = clock
        version = 6 if ":" in server else 4
        self.socket = datagram_socket(version)
        try:
            # A link-local server is one only on the interface where its multicasts came in.
            scope = interface_index(interface) if server.lower().startswith("fe80") else 0
            # The server is asked in the VRF where it was heard, over whichever of its interfaces the way leads.
            enter_vrf(self.socket, interface_index(interface), whole=True)
            self.socket.connect((server, port) if version == 4 else (server, port, 0, scope))
            enable_stamps(self.socket, STAMP_BOTH)
        except (OSError, TransportError):
            self.socket.close()
            raise

    def send(self, data: bytes) -> Instant:
        """Send, and say when by the user-space clock; raises OSError."""
        before = self._clock.now()
        self.socket.send(data)
        return before

    def departure(self) -> Instant | None:
        """When the request left by the kernel's clock, as soon as that is known."""
        found = departure(self.socket)
        return at(found.real, self._clock.now()) if found is not None else None

    def receive(self) -> Datagram | None:
        """What has come. Raises OSError, if it is what the network says about the request (ICMP)."""
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))
        found = receive(self.socket, self._clock)
        return found[0] if found else None

    def close(self) -> None:
        self.socket.close()
