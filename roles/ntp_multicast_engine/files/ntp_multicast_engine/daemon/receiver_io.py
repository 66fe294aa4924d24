# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries multicasts from the groups' sockets to the core: many at a time, for that is how a flood comes."""

from __future__ import annotations

from collections.abc import Iterator

from ntp_multicast_engine.batch import Buffers
from ntp_multicast_engine.clock.system_clock import Clock
from ntp_multicast_engine.net.control_messages import Datagram
from ntp_multicast_engine.net.sockets import GroupSocket
from ntp_multicast_engine.protocol.association import Association
from ntp_multicast_engine.protocol.system import Engine


class ReceiverIo:
    """See the head of the file."""

    def __init__(self, engine: Engine, clock: Clock, buffers: Buffers) -> None:
        self._engine = engine
        self._clock = clock
        self._buffers = buffers

    def read(self, opened: GroupSocket) -> Iterator[Association]:
        """Judge what has come; gives the associations that believed some of it."""
        batch = self._buffers.of(opened.version)
        if batch is None:
            for datagram, _refusal in opened.receive(self._clock):
                yield from self._take(opened, datagram)
            return
        try:
            now, alike, odd = opened.receive_batch(batch, self._clock)
        except OSError as error:
            # Such as an interface that went down; what is behind it makes the socket ready again.
            self._buffers.failed(opened.version, error)
            return
        for packets in alike:
            for place in self._engine.worth_judging(opened.configuration, packets.rows, allowed=opened.screened):
                yield from self._take(opened, opened.datagram(batch, packets, place, now))
        for datagram in odd:
            yield from self._take(opened, datagram)

    def _take(self, opened: GroupSocket, datagram: Datagram) -> Iterator[Association]:
        refusal = opened.refusal(datagram)
        if refusal:
            self._engine.drop(refusal)
            return
        believed = self._engine.take_broadcast(
            opened.configuration, datagram.data, datagram.source, datagram.arrival, datagram.stamps
        )
        if believed:
            yield believed
