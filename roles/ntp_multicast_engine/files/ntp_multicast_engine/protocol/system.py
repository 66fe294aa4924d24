# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol core as a whole: client, senders, responder and selection, without a socket and without a clock.

Datagrams come in with instants, actions and octets go out. `daemon` carries them to the network; the tests carry them
through a simulated one.
"""

from __future__ import annotations

import functools
import ipaddress
from collections import Counter
from collections.abc import Callable

from ntp_multicast_engine.config.configuration import Loaded, MulticastClient, MulticastServer
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Correction, Estimator
from ntp_multicast_engine.instant import Instant, KernelStatus
from ntp_multicast_engine.protocol.association import Association, CloseRequest, SendRequest
from ntp_multicast_engine.protocol.client import Client, State
from ntp_multicast_engine.protocol.leap import credible
from ntp_multicast_engine.protocol.multicast_server import Announcement, Sender
from ntp_multicast_engine.protocol.packet_tests import MAXDISP, MAXIMUM_STRATUM
from ntp_multicast_engine.protocol.refusals import Refusals
from ntp_multicast_engine.protocol.responder import Reply, Responder
from ntp_multicast_engine.protocol.selection import Candidate, Judgement, judge, select
from ntp_multicast_engine.protocol.standstill import Standstill
from ntp_multicast_engine.protocol.upstream import Tracking, Upstream
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_SAMPLES_FOR_FREQUENCY = 16
"""Before the frequency is one to be kept for the next run; it changes nothing in this one."""
_KEY_TROUBLE = frozenset({"request_unknown_key", "request_bad_mac"})


class Engine:
    """See the head of the file.

    :param kernel: tells the state of the kernel's clock, or None if that can't be known.
    :param chrony: tells chronyd's newest report, or if it can why there is none.
    :param random: gives numbers from 0 to 1.
    :param cookie: gives random 64-bit numbers that nobody can predict.
    """

    def __init__(
        self,
        loaded: Loaded,
        state: State,
        now: Instant,
        *,
        kernel: Callable[[], KernelStatus | None],
        random: Callable[[], float],
        cookie: Callable[[], int],
        chrony: Callable[[Instant], Tracking | str | None] = lambda _now: None,
    ) -> None:
        self.configuration = loaded.configuration
        self.keys = loaded.keys
        self.frequency: float | None = None
        self._remembered_frequency = state.frequency
        self._upstream = Upstream(loaded.configuration, now, kernel, chrony)
        status = self._upstream.kernel_status(now)
        # A kernel that nobody has synchronised knows nothing of its oscillator.
        self._kernel_frequency = status.frequency if status and status.synchronised else None
        self._random = random
        self.client = Client(loaded.configuration.clients, state.memory, cookie, random, self._estimator)
        self.senders: dict[MulticastServer, Sender] = {}
        self._start_senders(now)
        self.responder = Responder()
        self.selected: Association | None = None
        self.standstill: Standstill | None = None
        """The last time that this host stood still with its clocks, as its servers show."""
        self.judged: dict[Candidate[Association], Judgement] = {}
        """The servers that selection had to do with the last time."""
        self.refusals = Refusals()
        self.own_addresses: frozenset[str] = frozenset()
        """Of the interfaces that it listens to or sends on."""
        self.received = self.sent = 0
        self.dropped: Counter[str] = Counter()

    def _start_senders(self, now: Instant) -> None:
        self.senders = {
            server: self.senders.get(server) or Sender(server, self._random, now.raw)
            for server in self.configuration.servers
        }

    def _estimator(self) -> Estimator:
        known = [self._remembered_frequency, self._kernel_frequency]
        if self.configuration.discipline.mode != "kernel":
            known.reverse()
        return Estimator(next((frequency for frequency in (self.frequency, *known) if frequency is not None), None))

    def reconfigure(self, loaded: Loaded, now: Instant) -> list[Association]:
        """Go on with another configuration; what didn't change goes on undisturbed. Returns the associations gone."""
        self.configuration = self._upstream.configuration = loaded.configuration
        if not loaded.keys.judges_like(self.keys):
            self.refusals.forget()
        self.keys = loaded.keys
        self._start_senders(now)
        gone = self.client.reconfigure(loaded.configuration.clients, loaded.keys)
        self.choose(now)
        return gone

    def state(self) -> State:
        """What the next run should know."""
        frequency = self.frequency if self.frequency is not None else self._remembered_frequency
        return State(self.client.memory, frequency)

    # Packets

    def drop(self, reason: str) -> None:
        self.received += 1
        self.dropped[reason] += 1

    def take_broadcast(
        self, group: MulticastClient, data: bytes, source: str, arrival: Instant, stamps: str
    ) -> Association | None:
        """A datagram came to a group. Returns the association that accepted it."""
        self.received += 1
        try:
            association = self.client.take_broadcast(group, data, source, arrival, stamps, self.keys)
        except PacketError as error:
            self.dropped[error.reason] += 1
            self.refusals.note(group, source, error, len(data), arrival.raw)
            known = self.client.associations.get((group, source))
            if known is not None and known.unfit is not None:
                self.choose(arrival)
            return None
        self._count_warnings(association, arrival)
        self._note_standstill(association)
        self.choose(arrival)
        return association

    def _note_standstill(self, witness: Association) -> None:
        """Take what is new: several servers show one and the same standstill, each between two packets of its own."""
        found = witness.standstill
        if found is not None and (self.standstill is None or found.begin >= self.standstill.end):
            self.standstill = found

    def _count_warnings(self, association: Association, arrival: Instant) -> None:
        header = association.header
        if header is not None and credible(header.leap, arrival.real) != header.leap:
            association.warnings.append("leap_month")
        if self.follows_us(association):
            association.warnings.append("loop")
        self.dropped.update(association.warnings)
        association.warnings.clear()

    def take_response(self, association: Association, data: bytes, arrival: Instant) -> CloseRequest | None:
        """A datagram came to the port of an exchange."""
        self.received += 1
        try:
            action = association.take_response(data, arrival, self.keys)
        except PacketError as error:
            self.dropped[error.reason] += 1
            if association.unfit is not None or association.denied is not None:
                self.choose(arrival)
            return None
        self._note_standstill(association)
        self.client.confirm(association)
        self.choose(arrival)
        return action

    def take_request(self, data: bytes, source: str, arrival: Instant) -> Reply | None:
        """A datagram came to the responder."""
        self.received += 1
        try:
            told, clients = self.announcement(arrival), self.configuration.server.allow
            return self.responder.respond(data, source, arrival, told, self.keys, clients)
        except PacketError as error:
            self.dropped[error.reason] += 1
            if error.reason in _KEY_TROUBLE:
                self.refusals.note(None, source, error, len(data), arrival.raw)
            return None

    # Time

    def deadline(self) -> int | None:
        """Raw time at which `wake` or a sender has something to do."""
        client, senders = self.client.deadline(), [sender.due for sender in self.senders.values()]
        return min(senders if client is None else [client, *senders], default=None)

    def wake(self, now: Instant) -> list[SendRequest | CloseRequest]:
        """Do what is due in the client."""
        due = self.client.deadline()
        if due is None or now.raw < due:
            return []
        actions = self.client.wake(now.raw, self.keys)
        self.choose(now)
        return actions

    def due_senders(self, now: Instant) -> list[Sender]:
        return [sender for sender in self.senders.values() if now.raw >= sender.due]

    # Selection

    def choose(self, now: Instant) -> None:
        """Look again which server to follow."""
        candidates: list[Candidate[Association]] = []
        for association in self.client.associations.values():
            estimate = association.estimator.estimate() if association.usable else None
            if estimate is None or association.header is None or self.follows_us(association):
                continue
            distance = association.root_distance(estimate, now.raw)
            offset = estimate.offset(now) / NANOSECONDS
            candidates.append(Candidate(association, offset, distance, association.header.stratum))
        self.judged = judge(candidates)
        self.selected = select(candidates, self.selected)
        correction = self.correction(now)
        if self.selected and correction and self.selected.estimator.samples >= _SAMPLES_FOR_FREQUENCY:
            self.frequency = correction.estimate.frequency

    def follows_us(self, association: Association) -> bool:
        """RFC 5905 section 11.2.1, the loop error: a server that has its time from here has none to give back."""
        header = association.header
        references = map(reference_id_of, self.own_addresses)
        return header is not None and header.stratum > 1 and header.reference_id in references

    def correction(self, now: Instant) -> Correction | None:
        """What the discipline is to work on; None, if no server is followed."""
        if self.selected is None or self.selected.header is None:
            return None
        estimate = self.selected.estimator.estimate()
        if estimate is None:
            return None
        leap = credible(self.selected.header.leap, now.raw + estimate.at(now.raw))
        return Correction(estimate, leap, self.selected.root_distance(estimate, now.raw), self.frequency)

    def news(self, association: Association, now: Instant) -> Correction | None:
        """What a discipline should hear after an association has accepted something; None, if that tells it nothing.

        An unconfirmed estimate is old: the clock may have been right to go another way, as after a suspend.
        """
        return None if association is not self.selected or association.unconfirmed else self.correction(now)

    def resumed(self, now: Instant) -> list[CloseRequest]:
        """The host was suspended: raw time stood still, but servers went on."""
        closed = [
            item.begin_anew(now.raw, "this host was resumed from suspend") for item in self.client.associations.values()
        ]
        self.choose(now)
        return closed

    # What is told to others

    def announcement(self, now: Instant) -> Announcement | None:
        """What this host may say about its own clock; None, if it has no time to give."""
        told = self.announced_by(now)
        return told[1] if told is not None else None

    def announced_by(self, now: Instant) -> tuple[str, Announcement] | None:
        """Who keeps the clock, and the announcement that follows."""
        told = self._upstream.announcement(now, lambda: self._followed(now))
        return None if isinstance(told, str) else told

    def why_silent(self, now: Instant) -> str | None:
        """Why there is nothing to announce; None, if there is."""
        told = self._upstream.announcement(now, lambda: self._followed(now))
        return told if isinstance(told, str) else None

    def _followed(self, now: Instant) -> Announcement | None:
        association, correction = self.selected, self.correction(now)
        if association is None or association.header is None or correction is None:
            return None
        estimate, stratum = correction.estimate, association.header.stratum + 1
        # What the discipline has still to slew, or may not touch, is an error of the time that is given.
        dispersion = association.root_dispersion(estimate, now.raw) + abs(estimate.offset(now)) / NANOSECONDS
        if stratum > MAXIMUM_STRATUM or dispersion >= MAXDISP:
            return None
        return Announcement(
            leap=correction.leap,
            stratum=stratum,
            reference_id=reference_id_of(association.source),
            root_delay=association.root_delay(estimate),
            root_dispersion=dispersion,
            reference=now.real,
            source=association.source,
        )


@functools.lru_cache(maxsize=64)
def reference_id_of(source: str) -> bytes:
    """RFC 5905 section 7.3: the IPv4 address, or the first octets of the MD5 hash of the IPv6 address."""
    address = ipaddress.ip_address(source)
    if address.version == 4:
        return address.packed
    import hashlib  # not loaded where it isn't needed, see `authentication`

    return hashlib.new("md5", address.packed, usedforsecurity=False).digest()[:4]
