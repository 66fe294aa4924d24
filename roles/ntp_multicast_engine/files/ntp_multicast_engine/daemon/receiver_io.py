# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries multicasts from the groups' sockets to the protocol."""

from __future__ import annotations

from collections.abc import Callable

from ntp_multicast_engine.daemon.groups import Groups
from ntp_multicast_engine.instant import Clock
from ntp_multicast_engine.net.sockets import GroupSocket
from ntp_multicast_engine.protocol.association import Association
from ntp_multicast_engine.protocol.system import Engine


class ReceiverIo:
    """:param accepted: called with the association of each accepted packet."""

    def __init__(self, engine: Engine, clock: Clock, groups: Groups, accepted: Callable[[Association], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._groups = groups
        self._accepted = accepted

    def read(self, opened: GroupSocket) -> int:
        """Judge what has come; returns how many packets were refused."""
        engine, group, refused = self._engine, opened.configuration, 0
        for datagram in opened.receive(self._clock):
            refusal = opened.refusal(datagram)
            if refusal:
                engine.drop(refusal)
                refused += 1
                continue
            association = engine.take_broadcast(
                group, datagram.data, datagram.source, datagram.arrival, datagram.stamps
            )
            self._groups.heard(group, datagram.arrival.raw, accepted=association is not None)
            if association is None:
                refused += 1
            else:
                self._accepted(association)
        return refused
