# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client: which associations exist, and what comes in for which of them.

Rules of the file: no sockets, no clock. The file decides about mobilising, the association about measuring.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Estimator
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.association import Association, CloseRequest, Phase, SendRequest
from ntp_multicast_engine.protocol.packet_tests import BROADCAST_TESTS, Broadcast, first_failure
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.packet import parse
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, later

MAXIMUM_ASSOCIATIONS = 8
"""For each group: whoever knows the group's key can pretend to be a server, but not to be hundreds."""
MAXIMUM_REMEMBERED = 256
"""Servers whose newest timestamp is kept after their association has gone."""
_CHALLENGE_SPACING = 64 * NANOSECONDS
"""Between two requests that old packets bring about: whoever plays them again must not make a client ask all day."""
WITHDRAWN = frozenset({"unsynchronised", "stratum", "root_distance"})
"""Tests that a server fails by its own word."""


@dataclass(frozen=True)
class Remembered:
    """What outlives an association and the process: the newest accepted transmit timestamp."""

    interface: str
    group: str
    port: int
    source: str
    key_id: int


@dataclass(frozen=True)
class State:
    """`frequency`: how much faster than raw time the servers run, as a ratio; None, if it was never measured."""

    memory: Mapping[Remembered, int] = field(default_factory=dict)
    frequency: float | None = None


class Client:
    """All associations of the host.

    :param memory: newest accepted transmit timestamps of earlier runs; kept up to date here.
    :param cookie: gives random 64-bit numbers.
    :param random: gives random numbers from 0 to below 1.
    :param estimator: makes an empty estimator.
    """

    def __init__(
        self,
        configurations: Iterable[MulticastClient],
        memory: Mapping[Remembered, int],
        cookie: Callable[[], int],
        random: Callable[[], float],
        estimator: Callable[[], Estimator],
    ) -> None:
        self.configurations = tuple(configurations)
        self.associations: dict[tuple[MulticastClient, str], Association] = {}
        self.memory = dict(sorted(memory.items(), key=lambda entry: entry[1]))
        self._cookie = cookie
        self._random = random
        self._estimator = estimator

    def reconfigure(self, configurations: Iterable[MulticastClient], keys: KeyRing) -> list[Association]:
        """Go on with other groups and keys. Returns the associations that went.

        Those of unchanged groups stay, unless what has proved them, or the lack of it, is no proof any more. A server
        that has refused service is asked anew.
        """
        self.configurations = tuple(configurations)
        gone = [
            key
            for key, association in self.associations.items()
            if key[0] not in self.configurations
            or not keys.would_prove(association.key_id)
            or association.denied is not None
        ]
        return [self.associations.pop(key) for key in gone]

    def take_broadcast(
        self, group: MulticastClient, data: bytes, source: str, arrival: Instant, stamps: str, keys: KeyRing
    ) -> Association:
        """Judge a datagram that came to a group; returns the association that accepted it.

        :raises PacketError: with the reason to drop it.
        """
        packet = parse(data, keys.long_tag)
        verdict = keys.judge_source(packet)
        key_id = packet.key[0] if verdict is Verdict.VALID else None
        association = self.associations.get((group, source))
        remembered = Remembered(group.interface, str(group.group), group.port, source, key_id or 0)
        last = association.last_transmit if association else self._newest(group, remembered)
        broadcast = Broadcast(packet.header, source, verdict, keys.required, group.allow_servers, last)
        failed = first_failure(BROADCAST_TESTS, broadcast)
        if failed == "replay":
            self._challenge(association, group, source, arrival)
            self.associations[group, source].take_over(packet.header.version, key_id, last)
        if failed in WITHDRAWN and association is not None and association.key_id == key_id:
            association.withdraw(failed, packet.header.transmit)
        if failed:
            raise PacketError(failed, *packet.key)
        if association is None:
            association = self._mobilise(group, source, arrival)
        # Where authentication is optional, a server that has proved itself isn't replaced by one that hasn't.
        if association.key_id is not None and key_id is None and association.reach:
            raise PacketError("unauthenticated", *packet.key)
        association.key_id = key_id
        association.accept(packet, arrival, stamps)
        # A server that proves itself, but doesn't answer, can be known from its own old packets by nothing else.
        if association.confirmed or (association.phase is Phase.LISTENING and key_id is not None):
            self._remember(remembered, packet.header.transmit)
        return association

    def _newest(self, group: MulticastClient, server: Remembered) -> int | None:
        """The newest transmit timestamp that a server which isn't known now must not fall behind.

        Where nobody is asked, an old stream is accepted as soon as it comes from a new address or to another group,
        which no MAC covers. So it has to be newer than everything that the same key has proved.
        """
        own = self.memory.get(server)
        if own is not None or group.fallback_delay is None or not server.key_id:
            return own
        stamps = [stamp for other, stamp in self.memory.items() if other.key_id == server.key_id]
        known = [item for item in self.associations.values() if item.key_id == server.key_id]
        stamps += [item.last_transmit for item in known if item.last_transmit is not None]
        return max(stamps, key=functools.cmp_to_key(later), default=None)

    def _remember(self, server: Remembered, transmit: int) -> None:
        """Those that were heard last are kept. The dictionary has them in that order."""
        self.memory.pop(server, None)
        self.memory[server] = transmit
        if len(self.memory) > MAXIMUM_REMEMBERED:
            del self.memory[next(iter(self.memory))]

    def _mobilise(self, group: MulticastClient, source: str, now: Instant) -> Association:
        others = [item for (other, _unused), item in self.associations.items() if other == group and not item.abandoned]
        if len(others) >= MAXIMUM_ASSOCIATIONS:
            # Packets can be played again under any sender's address, but nobody answers from there.
            unheard = next((other for other in others if other.unheard), None)
            if unheard is None:
                raise PacketError("too_many_associations")
            unheard.abandoned = True
        association = Association(group, source, now, self._cookie, self._random, self._estimator)
        self.associations[group, source] = association
        return association

    def _challenge(self, association: Association | None, group: MulticastClient, source: str, now: Instant) -> None:
        """Authentic packets from the past: a replay, or a server whose clock was set back. An exchange can tell."""
        if association is None:
            self._mobilise(group, source, now).challenged = now.raw
        elif association.challenged is None or now.raw - association.challenged >= _CHALLENGE_SPACING:
            association.challenged = now.raw
            association.poll_soon(now.raw)

    def confirm(self, association: Association) -> None:
        """Remember how far an association has come, after an exchange has confirmed or corrected it."""
        if association.confirmed and association.last_transmit is not None:
            group = association.configuration
            key = Remembered(group.interface, str(group.group), group.port, association.source, association.key_id or 0)
            self._remember(key, association.last_transmit)

    def deadline(self) -> int | None:
        """Raw time at which `wake` has something to do."""
        return min((association.deadline() for association in self.associations.values()), default=None)

    def wake(self, raw: int, keys: KeyRing) -> list[SendRequest | CloseRequest]:
        """Do what is due in all associations and drop those that gave up."""
        actions: list[SendRequest | CloseRequest] = []
        for association in self.associations.values():
            actions += association.wake(raw, keys)
        gone = [key for key, association in self.associations.items() if association.abandoned]
        return actions + [CloseRequest(self.associations.pop(key)) for key in gone]
