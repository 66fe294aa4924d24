# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries requests from the responder's sockets to the protocol, and its answers back.

A request's arrival is the kernel's stamp, and so is an answer's departure where the client may ask for it (RFC 9769).
Otherwise the transmit timestamp is taken as late as possible: only the authenticator is computed after it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ntp_multicast_engine.instant import Clock
from ntp_multicast_engine.net.control_messages import Datagram
from ntp_multicast_engine.net.sockets import ResponderSocket
from ntp_multicast_engine.observe.status import ResponderStatus
from ntp_multicast_engine.protocol.system import Engine


class ResponderIo:
    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def read(self, opened: ResponderSocket) -> int:
        """Answer what has come; returns how many requests were refused."""
        self._read_departures(opened)
        refused = 0
        for datagram in opened.receive(self._clock):
            refused += not self._take(opened, datagram)
        # The stamp of an answer is mostly there as soon as it was sent.
        self._read_departures(opened)
        return refused

    def _read_departures(self, opened: ResponderSocket) -> None:
        for receive, real in opened.departures():
            self._engine.responder.sent.departed(receive, real)

    def _take(self, opened: ResponderSocket, datagram: Datagram) -> bool:
        """Whether there was an answer to the request."""
        refusal = opened.refusal(datagram)
        if refusal:
            self._engine.drop(refusal)
            return False
        reply = self._engine.take_request(datagram.data, datagram.source, datagram.arrival)
        if reply is None:
            return False
        opened.stamps = datagram.stamps
        stamp_for = reply.receive if reply.remembered else None
        if opened.answer(datagram, lambda: reply.encode(self._clock.now().real), stamp_for):
            self._engine.sent += 1
        return True

    @staticmethod
    def status(sockets: Iterable[ResponderSocket]) -> tuple[ResponderStatus, ...]:
        return tuple(
            ResponderStatus(
                interface=opened.interface, family=f"ipv{opened.version}", port=opened.port, timestamps=opened.stamps
            )
            for opened in sockets
        )
