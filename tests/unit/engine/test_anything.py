# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens in whatever order: the core goes on, its status can be told, its bounds hold, nothing escapes."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.engine.simulation import KEY, RING, START, client_configuration, server_configuration
from unit.engine.test_discipline import SteeredClock

from ntp_multicast_engine.clock.discipline import Chrony, Kernel
from ntp_multicast_engine.config.configuration import Loaded
from ntp_multicast_engine.daemon import state_file as state
from ntp_multicast_engine.observe import metrics
from ntp_multicast_engine.observe import text as report
from ntp_multicast_engine.observe.status import (
    EngineStatus,
    Status,
    association_status,
    counters,
    server_status,
    system_status,
)
from ntp_multicast_engine.protocol.association import Association, SendRequest
from ntp_multicast_engine.protocol.client import MAXIMUM_ASSOCIATIONS, State
from ntp_multicast_engine.protocol.system import Engine, reference_id_of
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.mac import Algorithm, Key
from ntp_multicast_engine.wire.packet import Header
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, to_ntp

SOURCES = [*(f"10.0.0.{number}" for number in range(1, 11)), "fe80::1", "fd00::1"]
RINGS = [
    RING,
    KeyRing(),
    KeyRing({42: KEY, 43: Key(43, Algorithm.MD5, b"x")}, frozenset({42, 43}), False),
    KeyRing({43: Key(43, Algorithm.SHA256, b"y")}, frozenset({43}), True),
]
CONFIGURATIONS = [
    client_configuration(),
    client_configuration("224.0.1.1", "239.1.1.1", fallback_delay=0.01),
    server_configuration(),
]
SECONDS = st.sampled_from([0, 0, 0, 1e-6, 1e-3, 0.9, -0.9, 1, -1, 60, -3600, 1e6, 1e8, -1e8, 3e9])
SHORT = st.sampled_from([0, 1, 65536, 15 << 16, 16 << 16, (1 << 32) - 1])

HEADERS = st.fixed_dictionaries(
    {
        "leap": st.sampled_from([0, 0, 0, 1, 2, 3]),
        "version": st.sampled_from([4, 4, 4, 3, 1, 0, 7]),
        "stratum": st.sampled_from([1, 2, 2, 2, 0, 15, 16, 255]),
        "poll": st.sampled_from([3, 3, 3, 6, 17, 0, -128]),
        "precision": st.sampled_from([-20, 0, 127, -128]),
        "root_delay_short": SHORT,
        "root_dispersion_short": SHORT,
        "reference_id": st.sampled_from([b"LOCL", b"RATE", b"DENY", reference_id_of("10.0.0.9"), bytes(4)]),
    }
)
EVENTS = st.one_of(
    st.tuples(st.just("multicast"), HEADERS, st.sampled_from(SOURCES), SECONDS, st.sampled_from([0, 42, 43])),
    st.tuples(st.just("multicast"), st.just({}), st.just(SOURCES[0]), st.just(0), st.just(42)),
    st.tuples(st.just("answer"), HEADERS, SECONDS, st.booleans()),
    st.tuples(st.just("answer"), st.just({}), st.just(0), st.just(True)),
    st.tuples(st.just("time"), st.sampled_from([0.001, 0.5, 2, 8, 64, 1000, 1e5]), SECONDS),
    st.tuples(st.just("time"), st.sampled_from([0.5, 2, 8]), st.just(0)),
    st.tuples(st.just("reload"), st.sampled_from(CONFIGURATIONS), st.sampled_from(RINGS)),
    st.tuples(st.just("peace"), st.integers(1, 6)),
    st.tuples(st.just("resumed")),
    st.tuples(st.just("restart")),
)


class Host:
    """An engine, its clock and its disciplines, as the daemon has them; the network is whatever the test says."""

    def __init__(self) -> None:
        self.steered = SteeredClock(0.0)
        self.loaded = CONFIGURATIONS[0]
        self.engine = self._engine(State())
        self.kernel = Kernel(dataclasses.replace(self.loaded.configuration.discipline, step="always"), self.steered)
        self.chrony = Chrony(lambda _data: None)
        self.pending: dict[Association, bytes] = {}
        self._cookies = iter(range(1, 1 << 30))
        self.last = 0

    def _engine(self, known: State) -> Engine:
        made = Engine(
            self.loaded,
            known,
            self.steered.now(),
            kernel=self.steered.status,
            random=lambda: 0.5,
            cookie=lambda: next(self._cookies),
        )
        made.own_addresses = frozenset({"10.0.0.9"})
        return made

    def multicast(self, changes: dict[str, object], source: str, ahead: float, key_id: int) -> None:
        now = self.steered.now()
        self.last = max(self.last + 1000, now.real + round(ahead * NANOSECONDS)) if ahead == 0 else self.last
        stamp = to_ntp(self.last if ahead == 0 else now.real + round(ahead * NANOSECONDS))
        header = Header(0, 4, 5, 2, 3, -20, transmit=stamp)
        header = dataclasses.replace(header, **changes)  # type: ignore[arg-type]
        for group in self.engine.configuration.clients:
            accepted = self.engine.take_broadcast(group, self._signed(header, key_id), source, now, "kernel")
            if accepted is not None:
                self._changed(accepted)

    def _signed(self, header: Header, key_id: int) -> bytes:
        ring = RINGS[2] if key_id in RINGS[2].keys else RING
        return ring.sign(header.encode(), key_id, header.version) if key_id else header.encode()

    def _changed(self, association: Association) -> None:
        correction = self.engine.news(association, self.steered.now())
        if correction is not None:
            self.chrony.update(correction, self.steered.now())
            self.kernel.update(correction, self.steered.now())

    def answer(self, changes: dict[str, object], ahead: float, proven: bool) -> None:
        now = self.steered.now()
        for association, data in list(self.pending.items()):
            stamp = to_ntp(now.real + round(ahead * NANOSECONDS))
            cookie = Header.decode(data).transmit
            header = Header(0, association.version, 4, 2, 3, -20, origin=cookie, receive=stamp, transmit=stamp)
            header = dataclasses.replace(header, **changes)  # type: ignore[arg-type]
            signed = self._signed(header, association.key_id or 0 if proven else 0)
            if self.engine.take_response(association, signed, now) is not None:
                self.pending.pop(association, None)
                self._changed(association)

    def time(self, seconds: float, jump: float) -> None:
        self.steered.advance(seconds)
        self.steered.real = max(self.steered.real + round(jump * NANOSECONDS), 0)

    def reload(self, loaded: Loaded, ring: KeyRing) -> None:
        if all(server.key_id in ring.keys for server in loaded.configuration.servers):
            self.loaded = Loaded(loaded.configuration, ring)
            self._close(self.engine.reconfigure(self.loaded, self.steered.now()))

    def peace(self, polls: int) -> None:
        """Some time in which all is as it should be."""
        for _unused in range(polls):
            for source in SOURCES[:2]:
                self.multicast({}, source, 0, 42)
            for _other in range(4):
                self.go_on()
                self.time(2, 0)
                self.go_on()
                self.answer({}, 0, True)

    def resumed(self) -> None:
        self._close(item.association for item in self.engine.resumed(self.steered.now()))

    def restart(self) -> None:
        self.engine = self._engine(state.decode(state.encode(self.engine.state())))
        self.pending.clear()

    def _close(self, associations: object) -> None:
        for association in associations:  # type: ignore[attr-defined]
            self.pending.pop(association, None)

    def go_on(self) -> None:
        """What the daemon does after each event."""
        for action in self.engine.wake(self.steered.now()):
            self.pending.pop(action.association, None)
            if isinstance(action, SendRequest):
                self.pending[action.association] = action.data
                action.association.request_sent(self.steered.now())
        now = self.steered.now()
        for sender in self.engine.due_senders(now):
            announcement = self.engine.announcement(now)
            if announcement is not None:
                sender.packet(now, announcement, self.engine.keys)
                sender.stamped(now.real + 20_000)
            sender.schedule(now.raw)
        self.kernel.tick(self.engine.correction(now), now)

    def check(self) -> None:
        now = self.steered.now()
        engine = self.engine
        document = Status(
            EngineStatus("1", 1, 0.0),
            system_status(engine, now, "kernel", self.kernel.last_error),
            association_status(engine, now),
            server_status(engine),
            counters(engine),
        ).document()
        assert json.loads(json.dumps(document, allow_nan=False)) is not None
        assert report.text(document) and metrics.text(document)
        assert state.decode(state.encode(engine.state())) == engine.state()
        living = [item for item in engine.client.associations.values() if not item.abandoned]
        groups = len(engine.configuration.clients)
        assert len(living) <= MAXIMUM_ASSOCIATIONS * groups
        assert all(len(item.events) + len(item.warnings) < 20 for item in living)
        assert engine.selected is None or engine.selected in living
        assert -0.1 < self.steered.frequency < 0.1
        deadline = engine.deadline()
        assert deadline is None or deadline > now.raw, "nothing is left to be done at once, so the loop doesn't spin"


@settings(max_examples=50)
@given(st.lists(EVENTS, max_size=60))
def test_nothing_that_happens_stops_the_core(events: list[tuple[object, ...]]) -> None:
    host = Host()
    host.steered.real = START
    for name, *arguments in events:
        getattr(host, str(name))(*arguments)
        host.go_on()
        host.check()
