# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine tells about itself: one set of data classes that JSON and text both show.

All times are seconds; None means unknown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EngineStatus:
    version: str
    pid: int
    uptime: float


@dataclass(frozen=True)
class SystemStatus:
    synchronised: bool
    leap: str | None
    stratum: int | None
    reference_id: str | None
    offset: float | None
    jitter: float | None
    root_delay: float | None
    root_dispersion: float | None
    frequency: float | None
    """Parts per million by which raw time must be sped up."""
    discipline: str
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
        """For JSON."""
        return asdict(self)
