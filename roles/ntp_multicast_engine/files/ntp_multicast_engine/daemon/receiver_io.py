# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries multicasts from the groups' sockets to the protocol, and knows what has come to each group."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.instant import Clock
from ntp_multicast_engine.net.addresses import link_trouble
from ntp_multicast_engine.net.bpf import refused
from ntp_multicast_engine.net.sockets import GroupSocket
from ntp_multicast_engine.observe.status import GroupStatus
from ntp_multicast_engine.protocol.association import Association
from ntp_multicast_engine.protocol.system import Engine
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_FIRST_REJOIN = 128 * NANOSECONDS
"""Silence after which a membership is renewed: two usual intervals. Then after twice as long each time, up to the last
one. A switch or a kernel may have forgotten it without a word."""
_LAST_REJOIN = 1024 * NANOSECONDS
_QUIET = 16 * NANOSECONDS
"""Two of the shortest intervals."""


@dataclass
class _Group:
    """One group. `opened` is the raw time since when it is listened to without a break."""

    opened: int | None = None
    packets: int = 0
    accepted: int = 0
    last: int | None = None
    last_error: str | None = None
    filtered_before: int = 0
    rejoin_after: int = _FIRST_REJOIN
    joined: int = 0


class ReceiverIo:
    """:param accepted: called with the association of each accepted packet."""

    def __init__(self, engine: Engine, clock: Clock, accepted: Callable[[Association], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._accepted = accepted
        self._groups: dict[MulticastClient, _Group] = {}

    def read(self, opened: GroupSocket) -> int:
        """Judge what has come; returns how many packets were refused."""
        engine, configuration, refusals = self._engine, opened.configuration, 0
        group = self._groups[configuration]
        for datagram in opened.receive(self._clock):
            refusal = opened.refusal(datagram)
            if refusal:
                engine.drop(refusal)
                refusals += 1
                continue
            association = engine.take_broadcast(
                configuration, datagram.data, datagram.source, datagram.arrival, datagram.stamps
            )
            group.packets += 1
            group.last, group.rejoin_after = datagram.arrival.raw, _FIRST_REJOIN
            if association is None:
                refusals += 1
            else:
                group.accepted += 1
                self._accepted(association)
        return refusals

    def keep(self, wanted: Iterable[MulticastClient]) -> None:
        self._groups = {configuration: self._groups.get(configuration, _Group()) for configuration in wanted}

    def opened(self, configuration: MulticastClient, error: str | None) -> None:
        """A socket was opened for the group, or couldn't be."""
        group, raw = self._groups[configuration], self._clock.now().raw
        group.last_error = error
        if error is not None:
            group.opened = None
            return
        group.joined = raw
        group.opened = raw if group.opened is None else group.opened

    def closed(self, opened: GroupSocket) -> None:
        if opened.configuration in self._groups:
            self._groups[opened.configuration].filtered_before += refused(opened.socket)

    def interrupted(self, raw: int) -> None:
        """Nobody could listen for a while."""
        for group in self._groups.values():
            group.opened = raw if group.opened is not None else None

    def to_be_joined_anew(self, opened: GroupSocket, raw: int) -> bool:
        """Whether the group has been silent for so long that its membership is to be renewed; told once each time."""
        group = self._groups[opened.configuration]
        if raw - max(group.joined, group.last or 0) < group.rejoin_after:
            return False
        group.rejoin_after = min(group.rejoin_after * 2, _LAST_REJOIN)
        return True

    def status(self, sockets: Iterable[GroupSocket]) -> tuple[GroupStatus, ...]:
        raw = self._clock.now().raw
        filtered = {opened.configuration: refused(opened.socket) for opened in sockets}
        return tuple(
            GroupStatus(
                interface=configuration.interface,
                group=str(configuration.group),
                port=configuration.port,
                listening=None if group.opened is None else (raw - group.opened) / NANOSECONDS,
                packets=group.packets,
                accepted=group.accepted,
                filtered=group.filtered_before + filtered.get(configuration, 0),
                last_received=None if group.last is None else (raw - group.last) / NANOSECONDS,
                last_error=group.last_error,
                link=_link(configuration, group, raw),
            )
            for configuration, group in self._groups.items()
        )


def _link(configuration: MulticastClient, group: _Group, raw: int) -> str | None:
    """Looked at only where nothing comes."""
    silent = group.opened is not None and raw - max(group.opened, group.last or 0) >= _QUIET
    return link_trouble(configuration.interface, configuration.group.version) if silent else None
