# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine tells about itself: data classes, made from the state of the protocol, which doesn't know of it.

All times are seconds; None means unknown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

from ntp_multicast_engine.errors import DisciplineError
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.association import Association, Stream
from ntp_multicast_engine.protocol.system import Engine, reference_id_of
from ntp_multicast_engine.wire.packet import reference_id_text
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

LEAPS = ("none", "insert", "delete", "unsynchronised")
"""By the leap indicator of packets."""


@dataclass(frozen=True)
class EngineStatus:
    version: str
    pid: int
    uptime: float


@dataclass(frozen=True)
class SystemStatus:
    synchronised: bool = False
    leap: str | None = LEAPS[3]
    stratum: int | None = None
    reference_id: str | None = None
    offset: float | None = None
    jitter: float | None = None
    root_delay: float | None = None
    root_dispersion: float | None = None
    frequency: float | None = None
    """Parts per million by which raw time must be sped up."""
    discipline: str = "monitor"
    discipline_error: str | None = None
    upstream: str | None = None
    """Whose word about this host's clock a server passes on: local, kernel, chrony, or association."""
    discipline_state: str = "measures"
    """What becomes of the clock: measures, waits, steers, refused, panic, or fails."""
    panic_threshold: float | None = None
    """Seconds of offset beyond which the clock is left alone; None where the engine doesn't steer it."""
    reason: str | None = None
    """Why it is not synchronised."""


@dataclass(frozen=True)
class AssociationStatus:
    source: str
    interface: str
    group: str
    mode: str
    stratum: int | None
    reference_id: str | None
    reach: int
    poll: int
    offset: float | None
    delay: float | None
    jitter: float | None
    dispersion: float | None
    selected: bool
    authenticated: bool
    key_id: int | None
    last_received: float | None
    """Seconds ago."""
    timestamps: str | None
    interleaved: bool
    """Whether its multicasts tell when the one before left (RFC 9769)."""
    interleaved_answers: bool
    """Whether its answers do."""


@dataclass(frozen=True)
class ServerStatus:
    interface: str
    group: str
    port: int
    key_id: int | None
    ttl: int
    version: int
    poll: int
    sent: int
    last_error: str | None
    timestamps: str | None


@dataclass(frozen=True)
class ResponderStatus:
    """One socket that takes requests. `interface` is None for all of them."""

    interface: str | None
    family: str
    port: int
    timestamps: str | None


@dataclass(frozen=True)
class GroupStatus:
    """A group that is listened to. `packets` came to it, `accepted` of them were good; `filtered` are datagrams that
    the kernel kept away by size, version, mode or sender.
    """

    interface: str
    group: str
    port: int
    listening: float | None
    """Seconds for which it has been listened to; None while that can't be."""
    packets: int
    accepted: int
    filtered: int
    last_received: float | None
    """Seconds ago."""
    last_error: str | None
    link: str | None = None
    """What is wrong with the link of the interface, if nothing comes."""


@dataclass(frozen=True)
class ProblemStatus:
    """One thing that is wrong: its kind, what a person should read, what to do, what it is about, and how often."""

    code: str
    sentence: str
    advice: str
    subject: str
    count: int | None = None


@dataclass(frozen=True)
class Counters:
    received: int
    sent: int
    dropped: dict[str, int]


@dataclass(frozen=True)
class Status:
    engine: EngineStatus
    system: SystemStatus
    associations: tuple[AssociationStatus, ...]
    servers: tuple[ServerStatus, ...]
    counters: Counters
    responders: tuple[ResponderStatus, ...] = ()
    groups: tuple[GroupStatus, ...] = ()
    problems: tuple[ProblemStatus, ...] = ()

    def document(self) -> dict[str, Any]:
        return asdict(self)


def _discipline_state(engine: Engine, discipline: str) -> str:
    if discipline == "monitor":
        return "measures"
    return "steers" if engine.selected is not None else "waits"


def system_status(engine: Engine, now: Instant, discipline: str, error: DisciplineError | None = None) -> SystemStatus:
    """All but the reason why it is not synchronised, for which see `problems`."""
    settings = engine.configuration.discipline
    told = engine.announced_by(now) if engine.configuration.serves else None
    status = SystemStatus(
        discipline=discipline,
        discipline_error=error.sentence if error is not None else None,
        upstream=told[0] if told is not None else None,
        discipline_state=error.state if error is not None else _discipline_state(engine, discipline),
        panic_threshold=settings.panic_threshold if settings.mode == "kernel" else None,
    )
    association, correction = engine.selected, engine.correction(now)
    if association is not None and association.header is not None and correction is not None:
        estimate = correction.estimate
        return replace(
            status,
            synchronised=True,
            leap=LEAPS[correction.leap],
            stratum=association.header.stratum + 1,
            # RFC 5905 section 7.3 has the hash of an IPv6 address in a packet, which tells nobody anything.
            reference_id=association.source,
            offset=estimate.offset(now) / NANOSECONDS,
            jitter=estimate.jitter,
            root_delay=association.root_delay(estimate),
            root_dispersion=association.root_dispersion(estimate, now.raw),
            frequency=estimate.frequency * 1e6,
        )
    if told is None:
        return status
    announcement = told[1]
    return replace(
        status,
        synchronised=True,
        leap=LEAPS[announcement.leap],
        stratum=announcement.stratum,
        reference_id=_reference(engine, announcement.reference_id, announcement.stratum, announcement.source),
        offset=0.0,
        root_delay=announcement.root_delay,
        root_dispersion=announcement.root_dispersion,
    )


def _reference(engine: Engine, reference_id: bytes, stratum: int, address: str | None = None) -> str:
    """The address of a server whose IPv6 address is known, for the hash of which a reference identifier has room."""
    if address is not None:
        return address
    sources = {item.source for item in engine.client.associations.values()} | engine.own_addresses
    known = {reference_id_of(source): source for source in sources if ":" in source}
    return known.get(reference_id) or reference_id_text(reference_id, stratum)


def association_status(engine: Engine, now: Instant) -> tuple[AssociationStatus, ...]:
    return tuple(_association_status(engine, item, now) for item in engine.client.associations.values())


def _association_status(engine: Engine, association: Association, now: Instant) -> AssociationStatus:
    header, estimate = association.header, association.estimator.estimate()
    arrival = association.last_arrival
    group = association.configuration
    return AssociationStatus(
        source=association.source,
        interface=group.interface,
        group=str(group.group),
        mode=association.phase.value,
        stratum=header.stratum if header else None,
        reference_id=_reference(engine, header.reference_id, header.stratum) if header else None,
        reach=association.reach,
        poll=association.poll_interval // NANOSECONDS,
        offset=estimate.offset(now) / NANOSECONDS if estimate else None,
        delay=estimate.delay if estimate else None,
        jitter=estimate.jitter if estimate else None,
        dispersion=association.dispersion(estimate, now.raw) if estimate else None,
        selected=association is engine.selected,
        authenticated=association.key_id is not None,
        key_id=association.key_id,
        last_received=(now.raw - arrival.raw) / NANOSECONDS if arrival else None,
        timestamps=association.stamps,
        interleaved=association.stream is Stream.INTERLEAVED,
        interleaved_answers=association.interleaved,
    )


def server_status(engine: Engine) -> tuple[ServerStatus, ...]:
    return tuple(
        ServerStatus(
            interface=server.interface,
            group=str(server.group),
            port=server.port,
            key_id=server.key_id,
            ttl=server.ttl,
            version=server.version,
            poll=1 << server.poll,
            sent=sender.sent,
            last_error=sender.last_error,
            timestamps=sender.stamps,
        )
        for server, sender in engine.senders.items()
    )


def counters(engine: Engine, refused: int = 0) -> Counters:
    """All counts; `refused` is what the kernel didn't let through."""
    dropped = engine.dropped + Counter({"kernel_filter": refused})
    return Counters(engine.received + refused, engine.sent, dict(sorted(dropped.items())))
