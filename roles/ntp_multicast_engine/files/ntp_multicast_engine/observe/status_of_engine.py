# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the status from the protocol's state, which doesn't know of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ntp_multicast_engine.errors import DisciplineError
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.observe.status import AssociationStatus, Counters, ServerStatus, SystemStatus
from ntp_multicast_engine.protocol.association import Association, Stream
from ntp_multicast_engine.protocol.system import Engine, offset_of, reference_id_of
from ntp_multicast_engine.wire.packet import reference_id_text
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_LEAPS = {0: "none", 1: "insert", 2: "delete", 3: "unsynchronised"}


def system_status(engine: Engine, now: Instant, discipline: str, error: DisciplineError | None = None) -> SystemStatus:
    """All but the reason why it is not synchronised, for which see `problems`."""
    settings = engine.configuration.discipline
    return replace(
        _system_status(engine, now, discipline),
        discipline_error=error.sentence if error is not None else None,
        discipline_state=error.state if error is not None else _discipline_state(engine, discipline),
        panic_threshold=settings.panic_threshold if settings.mode == "kernel" else None,
    )


def _discipline_state(engine: Engine, discipline: str) -> str:
    if discipline == "monitor":
        return "measures"
    return "steers" if engine.selected is not None else "waits"


def _system_status(engine: Engine, now: Instant, discipline: str) -> SystemStatus:
    association, correction = engine.selected, engine.correction(now)
    told = engine.announced_by(now) if engine.configuration.serves else None
    upstream = told[0] if told is not None else None
    if association is not None and association.header is not None and correction is not None:
        estimate = correction.estimate
        return SystemStatus(
            synchronised=True,
            leap=_LEAPS[correction.leap],
            stratum=association.header.stratum + 1,
            # RFC 5905 section 7.3 has the hash of an IPv6 address in a packet, which tells nobody anything.
            reference_id=association.source,
            offset=offset_of(estimate, now) / NANOSECONDS,
            jitter=estimate.jitter,
            root_delay=association.root_delay(estimate),
            root_dispersion=association.root_dispersion(estimate, now.raw),
            frequency=estimate.frequency * 1e6,
            discipline=discipline,
            upstream=upstream,
        )
    if told is None:
        nothing = (None,) * 7
        return SystemStatus(False, _LEAPS[3], *nothing, discipline)
    announcement = told[1]
    return SystemStatus(
        synchronised=True,
        leap=_LEAPS[announcement.leap],
        stratum=announcement.stratum,
        reference_id=_reference(engine, announcement.reference_id, announcement.stratum, announcement.source),
        offset=0.0,
        jitter=None,
        root_delay=announcement.root_delay,
        root_dispersion=announcement.root_dispersion,
        frequency=None,
        discipline=discipline,
        upstream=upstream,
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
        offset=offset_of(estimate, now) / NANOSECONDS if estimate else None,
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
