# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network and clocks made of numbers: hours of protocol in a second, the same on every run.

Nodes are real engines; only sockets and clocks are simulated. True time is an integer of nanoseconds.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ntp_multicast_engine.config.configuration import Configuration, Loaded, MulticastClient, MulticastServer, Server
from ntp_multicast_engine.instant import Instant, KernelStatus
from ntp_multicast_engine.observe.status import system_status
from ntp_multicast_engine.protocol.association import Association, SendRequest
from ntp_multicast_engine.protocol.client import State
from ntp_multicast_engine.protocol.system import Engine
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.mac import Algorithm, Key

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
"""2026-09-21, the Unix time at which a simulation starts."""
KEY = Key(42, Algorithm.HMAC_SHA256, b"of the simulation")
RING = KeyRing({42: KEY}, frozenset({42}), True)


@dataclass
class SimulatedClock:
    """Raw time runs off true time by `frequency`, with a random walk of `wander` a square root of a second.

    `sine` is the amplitude of a frequency that goes up and down with `period` (seconds), as temperature does.
    """

    simulation: Simulation
    frequency: float = 0.0
    offset: float = 0.0
    wander: float = 0.0
    sine: float = 0.0
    period: float = 7200.0
    _true: int = field(default=0, init=False)
    _raw: float = field(default=0.0, init=False)

    def now(self) -> Instant:
        while self._true < self.simulation.time:
            step = min(SECOND, self.simulation.time - self._true)
            swing = self.sine * math.sin(2 * math.pi * self._true / SECOND / self.period) if self.sine else 0.0
            self._raw += step * (1 + self.frequency + swing)
            self._true += step
            if self.wander:
                self.frequency += self.simulation.random.gauss(0, self.wander * (step / SECOND) ** 0.5)
        return Instant(START + round(self._raw + self.offset * SECOND), round(self._raw))


class Way(Protocol):
    """How long packets are under way that leave at true time `now`, seconds."""

    def up(self, chance: random.Random, now: int) -> float:
        """From a client to a server."""

    def down(self, chance: random.Random, now: int) -> float:
        """From a server to a client."""


@dataclass
class Path:
    """How long packets are under way: seconds, at least `base`, with exponential queues on top."""

    base: float = 100e-6
    queue: float = 0.0

    def up(self, chance: random.Random, now: int) -> float:
        return self.down(chance, now)

    def down(self, chance: random.Random, now: int) -> float:
        return self.base + (chance.expovariate(1 / self.queue) if self.queue else 0.0)


@dataclass(frozen=True)
class Sent:
    """A multicast packet on the wire."""

    time: int
    group: str
    port: int
    source: str
    data: bytes


class Simulation:
    def __init__(self, seed: int = 1, path: Way | None = None) -> None:
        self.random = random.Random(seed)
        self.time = 0
        self.path = path or Path()
        self.nodes: list[Node] = []
        self.wire: list[Sent] = []
        self.unicast_lost: Callable[[], bool] = lambda: False
        self.multicast_lost: Callable[[], bool] = lambda: False
        self.hold_multicast: Callable[[], float] = lambda: 0.0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, time: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(time, self.time), next(self._order), act))

    def run(self, seconds: float) -> None:
        end = self.time + round(seconds * SECOND)
        while self._events and self._events[0][0] <= end:
            self.time, _unused, act = heapq.heappop(self._events)
            act()
        self.time = end

    def up(self) -> int:
        """Nanoseconds that a packet to a server takes that leaves now."""
        return round(self.path.up(self.random, self.time) * SECOND)

    def down(self) -> int:
        return round(self.path.down(self.random, self.time) * SECOND)

    def multicast(self, sent: Sent) -> None:
        self.wire.append(sent)
        self.inject(sent)

    def inject(self, sent: Sent) -> None:
        for node in self.nodes:
            for group in node.engine.configuration.clients:
                wanted = (str(group.group), group.port) == (sent.group, sent.port) and node.address != sent.source
                if wanted and not self.multicast_lost():
                    delay = self.down() + round(self.hold_multicast() * SECOND)
                    self.at(self.time + delay, lambda node=node, group=group: node.hear(group, sent))


class Node:
    """A host: an engine with a clock and an address."""

    def __init__(
        self,
        simulation: Simulation,
        address: str,
        loaded: Loaded,
        *,
        state: State | None = None,
        frequency: float = 0.0,
        offset: float = 0.0,
        wander: float = 0.0,
        kernel: KernelStatus | None = None,
    ) -> None:
        self.simulation = simulation
        self.address = address
        self.clock = SimulatedClock(simulation, frequency, offset, wander)
        self.requests: list[bytes] = []
        self.alive = True
        self.answer_early = 0.0
        """Seconds from writing an answer's transmit time to its departure."""
        self._generation = 0
        self.engine = Engine(
            loaded,
            state or State(),
            self.clock.now(),
            kernel=lambda: kernel,
            random=simulation.random.random,
            cookie=lambda: simulation.random.getrandbits(64) or 1,
        )
        self.engine.own_addresses = frozenset({address})
        simulation.nodes.append(self)
        self.wake_up()

    def stop(self) -> State:
        """The host goes down; what it leaves behind."""
        self.alive = False
        self.simulation.nodes.remove(self)
        return self.engine.state()

    def wake_up(self) -> None:
        """Do what is due now, and come back for what is due next."""
        if not self.alive:
            return
        self._generation += 1
        self._send_multicasts()
        for action in self.engine.wake(self.clock.now()):
            if isinstance(action, SendRequest):
                self._send_request(action)
        due = self.engine.deadline()
        if due is not None:
            generation = self._generation
            wait = max(due - self.clock.now().raw, 0) + 1000
            self.simulation.at(
                self.simulation.time + wait, lambda: self.wake_up() if generation == self._generation else None
            )

    def _send_multicasts(self) -> None:
        now = self.clock.now()
        for sender in self.engine.due_senders(now):
            announcement = self.engine.announcement(now)
            if announcement is None:
                sender.silence()
            else:
                group = sender.configuration
                data = sender.packet(now, announcement, self.engine.keys)
                self.simulation.multicast(Sent(self.simulation.time, str(group.group), group.port, self.address, data))
                sender.stamped(now.real)
                sender.sent += 1
            sender.schedule(now.raw)

    def _send_request(self, action: SendRequest) -> None:
        association = action.association
        association.request_sent(self.clock.now())
        self.requests.append(action.data)
        server = next((node for node in self.simulation.nodes if node.address == association.source), None)
        if server is None or self.simulation.unicast_lost():
            return
        self.simulation.at(
            self.simulation.time + self.simulation.up(), lambda: server.answer(self, association, action.data)
        )

    def answer(self, client: Node, association: Association, data: bytes) -> None:
        now = self.clock.now()
        reply = self.engine.take_request(data, client.address, now)
        if reply is not None and not self.simulation.unicast_lost():
            answer = reply.encode(now.real)
            if reply.remembered:
                self.engine.responder.sent.departed(reply.receive, now.real + round(self.answer_early * SECOND))
            arrival = self.simulation.time + self.simulation.down() + round(self.answer_early * SECOND)
            self.simulation.at(arrival, lambda: client.hear_answer(association, answer))

    def hear(self, group: MulticastClient, sent: Sent) -> None:
        if self.alive:
            self.engine.take_broadcast(group, sent.data, sent.source, self.clock.now(), "kernel")
            self.wake_up()

    def hear_answer(self, association: Association, data: bytes) -> None:
        if self.alive:
            self.engine.take_response(association, data, self.clock.now())
            self.wake_up()

    @property
    def association(self) -> Association:
        (found,) = self.engine.client.associations.values()
        return found

    @property
    def offset(self) -> float | None:
        """What the status shows: server time minus this clock, seconds."""
        return system_status(self.engine, self.clock.now(), "monitor", None).offset

    @property
    def error(self) -> float | None:
        """The shown offset minus the true one, if the first node is a perfect server."""
        shown = self.offset
        true = (START + self.simulation.time - self.clock.now().real) / SECOND
        return None if shown is None else shown - true


def server_configuration(
    *, group: str = "224.0.1.1", poll: int = 3, interleaved: bool = True, key_id: int | None = 42, version: int = 4
) -> Loaded:
    import ipaddress

    server = MulticastServer(
        "eth0", ipaddress.ip_address(group), key_id, poll=poll, interleaved=interleaved, version=version
    )
    return Loaded(Configuration("/s", server=Server(True, None, 2), servers=(server,)), RING)


def client_configuration(*groups: str, ring: KeyRing = RING, fallback_delay: float | None = None) -> Loaded:
    import ipaddress

    clients = tuple(
        MulticastClient("eth0", ipaddress.ip_address(group), fallback_delay=fallback_delay)
        for group in groups or ("224.0.1.1",)
    )
    return Loaded(Configuration("/s", clients=clients), ring)
