# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket of one exchange. As in `transport`, no decision about time is made here."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

from ntp_multicast_engine.clock.system_clock import Clock, Instant, at
from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.net.addresses import has_address, interface_index
from ntp_multicast_engine.net.control_messages import (
    CARD_RECEIVED,
    CARD_SENT,
    STAMP_BOTH,
    Datagram,
    departure,
    enable_stamps,
    receive,
)
from ntp_multicast_engine.net.sockets import EXPEDITED_FORWARDING, ask_for_destination, datagram_socket, stamped_by

if TYPE_CHECKING:
    from ntp_multicast_engine.hardware import Card

_CARD_PATIENCE = 2
"""Milliseconds. Drivers fetch the stamp of what was sent after an interrupt, or by looking for it."""


class RequestSocket:
    """One exchange with one server, from a port of its own that nobody can foresee."""

    def __init__(self, server: str, port: int, interface: str, clock: Clock, card: Card | None = None) -> None:
        self._clock = clock
        # An exchange with stamps of two kinds is worse than one with the kernel's alone.
        self._card = card if card is not None and card.receives and card.sends else None
        self._departed: int | None = None
        self._complete = False
        version = 6 if ":" in server else 4
        self._version = version
        self.socket = datagram_socket(version)
        try:
            # A link-local server is one only on the interface where its multicasts came in.
            scope = interface_index(interface) if server.lower().startswith("fe80") else 0
            option = socket.IPV6_TCLASS if version == 6 else socket.IP_TOS
            level = socket.IPPROTO_IPV6 if version == 6 else socket.IPPROTO_IP
            self.socket.setsockopt(level, option, EXPEDITED_FORWARDING)
            self.socket.connect((server, port) if version == 4 else (server, port, 0, scope))
            if self._card is not None and not has_address(interface, self.socket.getsockname()[0]):
                # It leaves by another interface, whose card has a clock of its own.
                self._card = None
            if self._card is not None:
                ask_for_destination(self.socket, version)
            enable_stamps(self.socket, STAMP_BOTH | (CARD_SENT | CARD_RECEIVED if self._card else 0))
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
        best: Instant | None = None
        while (found := departure(self.socket)) is not None:
            real: int | None = found.real or None
            if found.real:
                self._departed = found.real
            elif self._card is not None and self._departed is not None:
                real = self._card.departure(found.hardware, self._departed)
                self._complete = True
            if real is not None:
                best = at(real, self._clock.now())
            if self._card is None:
                break
        return best

    def late_departure(self) -> Instant | None:
        """The card's stamp of the request, if the answer was quicker: it is waited for, but not for long."""
        if self._card is None or self._complete:
            return None
        waiting = select.poll()
        # No event is asked for: what is in the error queue is told in any case.
        waiting.register(self.socket, 0)
        waiting.poll(_CARD_PATIENCE)
        return self.departure()

    def receive(self) -> Datagram | None:
        """Raises OSError for what the network reports, such as a closed port."""
        datagram = receive(self.socket, self._clock)
        if datagram is None or self._card is None or datagram.interface != self._card.index:
            return datagram
        return stamped_by(self._card, datagram, self._clock.now(), self._version)

    def close(self) -> None:
        self.socket.close()
