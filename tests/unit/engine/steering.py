# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated host whose clock the engine steers, beside an ideal two-way client with the same luck.

Both run on one simulated oscillator and steer a clock each through the same door with the same discipline, so that
nothing but the knowledge of the server's time makes the difference.

The ideal client has one exchange with the server at each multicast. Its answer is under way exactly as long as the
multicast was, and its request as long as another draw of the same distribution says. It computes the offset of
RFC 5905, half the sum of both ways, and feeds it to a Kalman filter, which has been told what no client can know: the
wander of the oscillator and the distribution of the delays on either way, asymmetry included. There are two of it.

`linear` takes all samples alike, with the mean and the variance that the offset has over all draws: the best linear
estimator there is. With queues, which only ever lengthen a way, it is not the best of all: so `weighing` looks at each
sample's round trip too, and takes mean and variance of the offset under the condition of that round trip. A quick
exchange is nearly accepted, a slow one nearly ignored. That is how chrony and ntpd gain on a mean, done with full
knowledge, and the stricter of the two measures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from unit.engine.simulation import (
    RING,
    SECOND,
    START,
    Node,
    Sent,
    SimulatedClock,
    Simulation,
    client_configuration,
    server_configuration,
)

from ntp_multicast_engine.clock.discipline import Kernel
from ntp_multicast_engine.clock.system_clock import MAXIMUM_FREQUENCY
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.config.configuration import Loaded, MulticastClient
from ntp_multicast_engine.filter.estimator import Correction, Estimate
from ntp_multicast_engine.instant import Instant, KernelStatus
from ntp_multicast_engine.protocol.association import Association
from ntp_multicast_engine.protocol.client import State
from ntp_multicast_engine.protocol.multicast_server import Announcement
from ntp_multicast_engine.wire.keyring import KeyRing

INITIAL_OFFSET, INITIAL_FREQUENCY = 5.0, 50e-6
"""How wrong the clock is at the start: seconds, and a ratio."""
WANDER = 1e-9
"""Random walk of the oscillator's frequency, a ratio for each square root of a second, as in NTP fact 4."""
SERVER, CLIENT = "10.0.0.1", "10.0.0.2"
_FREQUENCY_UNIT = 1e-6 / 65536
"""What the kernel's clock can be set to: a ppm in 16 bits."""
_SHORTEST_QUEUE = 100e-9
"""Seconds: no stamp is better."""
_LOOK = 7.0
"""Seconds between two looks at the clocks: no multiple of any interval."""


@dataclass
class Delays:
    """Delays as a path: at least `base`, with exponential queues of mean `up` and `down` on top, all in seconds.

    In bursts, `burst_length` seconds long and `burst_every` seconds apart on average, the queues are `burst` seconds
    longer on average. `symmetric` is the deviation of a jitter that lengthens and shortens alike; `symmetric_down` is
    added to it on the way to the client.

    PollIo know nothing of the rest. The client stamps multicasts when they have been there for `late` and an
    exponential part of mean `late_mean`, as a host does that has to wake up first. The server writes the transmit time
    of its answers `answer_early` before they leave.
    """

    up_mean: float = 0.0
    down_mean: float = 0.0
    base: float = 100e-6
    symmetric: float = 0.0
    symmetric_down: float = 0.0
    burst: float = 0.0
    burst_length: float = 64.0
    burst_every: float = 640.0
    late: float = 0.0
    late_mean: float = 0.0
    answer_early: float = 0.0
    _burst_ends: int = field(default=0, init=False)
    _burst_begins: int = field(default=-1, init=False)

    def up(self, chance: random.Random, now: int) -> float:
        return self._draw(self.up_mean, self.symmetric, chance, now)

    def down(self, chance: random.Random, now: int) -> float:
        return self._draw(self.down_mean, self.symmetric + self.symmetric_down, chance, now)

    def _draw(self, mean: float, jitter: float, chance: random.Random, now: int) -> float:
        delay = self.base + (chance.expovariate(1 / mean) if mean else 0.0)
        if jitter:
            delay += max(chance.gauss(0, jitter), -0.9 * self.base)
        return delay + (chance.expovariate(1 / self.burst) if self.burst and self._bursting(chance, now) else 0.0)

    def _bursting(self, chance: random.Random, now: int) -> bool:
        if now >= self._burst_ends:
            quiet = self.burst_every - self.burst_length
            self._burst_begins = now + round(chance.expovariate(1 / quiet) * SECOND)
            self._burst_ends = self._burst_begins + round(chance.expovariate(1 / self.burst_length) * SECOND)
        return now >= self._burst_begins

    def lateness(self, chance: random.Random) -> float:
        """Seconds by which a multicast is stamped late."""
        return self.late + (chance.expovariate(1 / self.late_mean) if self.late_mean else 0.0)

    def overall(self) -> tuple[float, float]:
        """Mean and variance of the error of half the sum of both ways: seconds, seconds squared."""
        share = self.burst_length / self.burst_every
        # Both ways see the same burst, so what it adds to them has independent draws, but no mean that differs.
        queue = share * 2 * self.burst**2 - share * self.burst**2
        jitter = self.symmetric**2 + (self.symmetric + self.symmetric_down) ** 2
        variance = (self.up_mean**2 + self.down_mean**2) / 4 + queue / 2 + jitter / 4
        return (self.up_mean - self.down_mean) / 2, variance

    def given(self, round_trip: float) -> tuple[float, float]:
        """The same for an exchange with a round trip of so many seconds.

        Of two exponential queues with a known sum, the longer one on average has an exponential share cut at the sum;
        if they are alike on average, all shares are equally likely. (In a burst they are the sum of two each, which is
        nearly the same.) A jitter that goes both ways tells nothing about its share.
        """
        if self.symmetric:
            return self.overall()
        queues = max(round_trip - 2 * self.base, _SHORTEST_QUEUE)
        if self.up_mean == self.down_mean:
            return 0.0, queues**2 / 12
        # The density of the upward share u falls as exp(-u / scale) between 0 and `queues`.
        scale = 1 / (1 / self.up_mean - 1 / self.down_mean)
        cut = queues / scale
        if abs(cut) < 1e-3:
            return 0.0, queues**2 / 12
        mean = scale - queues / math.expm1(cut)
        variance = scale**2 - queues**2 * math.exp(cut) / math.expm1(cut) ** 2
        return mean - queues / 2, max(variance, _SHORTEST_QUEUE**2 / 12)


@dataclass(frozen=True)
class Trouble:
    """What else may befall a client.

    `loss` is the share of packets that don't arrive, of multicasts, requests and answers alike. The oscillator's
    frequency walks by `wander` and swings by `sine`, a ratio, as temperature has it. In the middle of the time it makes
    a `jump`, the server's clock makes a `step`, all packets take a `detour` from then on, or none arrives for
    `silence`: seconds. `leap` is a warning that the server announces from then on, in a month that never had a leap
    second. No request is ever answered if it is `unanswered`; then the client has been told the shortest delay.
    """

    loss: float = 0.0
    wander: float = WANDER
    sine: float = 0.0
    step: float = 0.0
    silence: float = 0.0
    leap: int = 0
    detour: float = 0.0
    unanswered: bool = False
    jump: float = 0.0

    def befall(self, simulation: Simulation, server: Node, oscillator: SimulatedClock, seconds: float) -> None:
        oscillator.sine = self.sine
        middle = round(seconds * SECOND / 2)
        end = middle + round(self.silence * SECOND)

        def lost() -> bool:
            return middle <= simulation.time < end or (self.loss > 0 and simulation.random.random() < self.loss)

        simulation.multicast_lost = lost
        simulation.unicast_lost = (lambda: True) if self.unanswered else lost
        simulation.at(middle, lambda: self._change(simulation, server, oscillator))

    def _change(self, simulation: Simulation, server: Node, oscillator: SimulatedClock) -> None:
        server.clock.offset += self.step
        oscillator.now()
        oscillator.frequency += self.jump
        if self.detour and isinstance(simulation.path, Delays):
            simulation.path.base += self.detour
        if self.leap:
            announce = server.engine.announcement

            def warn(now: Instant) -> Announcement | None:
                told = announce(now)
                return replace(told, leap=self.leap) if told is not None else None

            server.engine.announcement = warn  # type: ignore[method-assign]


NO_TROUBLE = Trouble()


class SteeredClock:
    """A clock of the kernel that runs on a simulated oscillator; the door of `discipline`."""

    def __init__(self, oscillator: SimulatedClock, offset: float) -> None:
        self._oscillator = oscillator
        self._ratio = 0.0
        self._known = oscillator.now()
        self._real = self._known.real + offset * SECOND
        self.steps = 0

    def now(self) -> Instant:
        present = self._oscillator.now()
        self._real += (present.raw - self._known.raw) * (1 + self._ratio)
        self._known = present
        return Instant(round(self._real), present.raw)

    def status(self) -> KernelStatus:
        return KernelStatus(False, 0, 16.0, 16.0, self._ratio)

    def set_frequency(self, ratio: float, drift: float) -> None:
        self.now()
        clipped = max(-MAXIMUM_FREQUENCY, min(MAXIMUM_FREQUENCY, ratio))
        self._ratio = round(clipped / _FREQUENCY_UNIT) * _FREQUENCY_UNIT

    def step(self, nanoseconds: int) -> None:
        self.now()
        self._real += nanoseconds
        self.steps += 1

    def set_synchronised(self, leap: int, maximum_error: float, estimated_error: float) -> None:
        pass

    def set_unsynchronised(self) -> None:
        pass


class SteeredNode(Node):
    """A host whose engine steers its clock, as the daemon has it do. `ideals` are told of each multicast."""

    def __init__(
        self,
        simulation: Simulation,
        delays: Delays,
        loaded: Loaded,
        ideals: Sequence[IdealClient],
        state: State | None = None,
        *,
        frequency: float,
        wander: float = 0.0,
    ) -> None:
        self.delays = delays
        self.ideals = ideals
        super().__init__(simulation, CLIENT, loaded, state=state, frequency=frequency, wander=wander)
        self.oscillator = self.clock
        self.steered = SteeredClock(self.oscillator, INITIAL_OFFSET)
        self.clock = self.steered  # type: ignore[assignment]
        self.discipline = Kernel(loaded.configuration.discipline, self.steered)
        self._tick()

    def _tick(self) -> None:
        now = self.clock.now()
        due = self.discipline.tick(self.engine.correction(now), now)
        if due is not None:
            self.simulation.at(self.simulation.time + due - now.raw, self._tick)

    def _changed(self, association: Association | None) -> None:
        now = self.clock.now()
        correction = self.engine.news(association, now) if association is not None else None
        if correction is not None:
            self.discipline.update(correction, now)

    def hear(self, group: MulticastClient, sent: Sent) -> None:
        for ideal in self.ideals:
            ideal.exchange(self.simulation.time - sent.time)
        late = round(self.delays.lateness(self.simulation.random) * SECOND)
        self.simulation.at(self.simulation.time + late, lambda: self._hear_late(group, sent))

    def _hear_late(self, group: MulticastClient, sent: Sent) -> None:
        accepted = self.engine.take_broadcast(group, sent.data, sent.source, self.clock.now(), "kernel")
        self._changed(accepted)
        self.wake_up()

    def hear_answer(self, association: Association, data: bytes) -> None:
        if self.engine.take_response(association, data, self.clock.now()) is not None:
            self._changed(association)
        self.wake_up()


class Kalman:
    """Offset and frequency of an oscillator with a random walk of its frequency, from measured offsets: seconds."""

    def __init__(self, wander: float, offset: float, variance: float) -> None:
        self._intensity = wander**2
        self.offset, self.frequency = offset, 0.0
        # Nothing is known of the frequency at first: a thousandth is more than any oscillator is off.
        self._offsets, self._both, self._frequencies = variance, 0.0, 1e-6

    def advance(self, seconds: float) -> None:
        self.offset += self.frequency * seconds
        self._offsets += 2 * self._both * seconds + self._frequencies * seconds**2
        self._offsets += self._intensity * seconds**3 / 3
        self._both += self._frequencies * seconds + self._intensity * seconds**2 / 2
        self._frequencies += self._intensity * seconds

    def measure(self, offset: float, variance: float) -> None:
        """Joseph's form: it stays positive however sure a measurement is."""
        total = self._offsets + variance
        gain, gain_of_frequency = self._offsets / total, self._both / total
        surprise = offset - self.offset
        self.offset += gain * surprise
        self.frequency += gain_of_frequency * surprise
        offsets, both = self._offsets, self._both
        self._offsets = gain * variance
        self._both = both * variance / total
        self._frequencies += gain_of_frequency**2 * (offsets + variance) - 2 * gain_of_frequency * both


class IdealClient:
    """See the head of the file."""

    def __init__(
        self, simulation: Simulation, delays: Delays, seed: int, settings: configuration.Discipline, *, weighing: bool
    ) -> None:
        self.simulation = simulation
        self.delays = delays
        self._weighing = weighing
        self._chance = random.Random(seed)
        self._settings = settings
        self._filter: Kalman | None = None
        self._base = self._measured = 0
        self._correction: Correction | None = None

    def begin(self, oscillator: SimulatedClock) -> None:
        self.steered = SteeredClock(oscillator, INITIAL_OFFSET)
        self.discipline = Kernel(self._settings, self.steered)
        self._tick()

    def _tick(self) -> None:
        now = self.steered.now()
        due = self.discipline.tick(self._correction, now)
        if due is not None:
            self.simulation.at(self.simulation.time + due - now.raw, self._tick)

    def exchange(self, down: int) -> None:
        """Ask now; the answer will be under way for `down` nanoseconds."""
        sent = self.steered.now().raw
        arrived = self.simulation.time + round(self.delays.up(self._chance, self.simulation.time) * SECOND)
        self.simulation.at(arrived + down, lambda: self._hear(sent, arrived))

    def _hear(self, sent: int, server_time: int) -> None:
        now = self.steered.now()
        measured = (2 * (START + server_time) - sent - now.raw) // 2
        raw = (sent + now.raw) // 2
        round_trip = (now.raw - sent) / SECOND
        bias, variance = self.delays.given(round_trip) if self._weighing else self.delays.overall()
        if self._filter is None:
            self._base = measured
            self._filter = Kalman(WANDER, -bias, variance)
        else:
            self._filter.advance((raw - self._measured) / SECOND)
            self._filter.measure((measured - self._base) / SECOND - bias, variance)
        self._measured = raw
        difference = self._base + round(self._filter.offset * SECOND)
        estimate = Estimate(raw, difference, self._filter.frequency, 0.0, 0.0, 0.0)
        self._correction = Correction(estimate, 0, 0.0)
        self.discipline.update(self._correction, now)


@dataclass(frozen=True)
class Outcome:
    """Root mean squares of the errors of the clocks, and of the engine's the mean and the largest: seconds. `settled`
    is when the engine's clock came near for good, seconds after the start."""

    engine: float
    linear: float
    weighing: float
    mean: float
    worst: float
    settled: float
    steps: int
    exchanges: int


def compare(
    delays: Delays,
    *,
    poll: int,
    seconds: float,
    seed: int,
    authentication: bool = True,
    warm_up: float = 0.1,
    trouble: Trouble = NO_TROUBLE,
    frequency: float | None = None,
    interleaved: bool = True,
    with_ideals: bool = True,
) -> Outcome:
    """Let all steer a clock that is wrong at first; the first `warm_up` of the time isn't counted in the RMS.

    `frequency` is what the engine remembers of an earlier run. A server that isn't `interleaved` stamps its multicasts
    as they are written. Without ideals their errors are no numbers.
    """
    delays = replace(delays)
    simulation = Simulation(seed, delays)
    key_id = 42 if authentication else None
    server = Node(simulation, SERVER, server_configuration(poll=poll, key_id=key_id, interleaved=interleaved))
    server.answer_early = delays.answer_early
    fallback_delay = delays.base if trouble.unanswered else None
    loaded = client_configuration(ring=RING if authentication else KeyRing(), fallback_delay=fallback_delay)
    settings = configuration.Discipline(mode="kernel")
    loaded = Loaded(replace(loaded.configuration, discipline=settings), loaded.keys)
    kinds = (False, True) if with_ideals else ()
    ideals = [IdealClient(simulation, delays, seed, settings, weighing=weighing) for weighing in kinds]
    engine = SteeredNode(
        simulation,
        delays,
        loaded,
        ideals,
        State(frequency=frequency),
        frequency=-INITIAL_FREQUENCY,
        wander=trouble.wander,
    )
    trouble.befall(simulation, server, engine.oscillator, seconds)
    for ideal in ideals:
        ideal.begin(engine.oscillator)
    clocks = [engine.steered, *(ideal.steered for ideal in ideals)]
    squares, total, worst, settled, counted = [0.0 for _unused in clocks], 0.0, 0.0, 0.0, 0
    near = 1e-3 + 20 * (delays.up_mean + delays.down_mean)
    while simulation.time < seconds * SECOND:
        simulation.run(_LOOK)
        true = START + simulation.time + round(server.clock.offset * SECOND)
        errors = [(clock.now().real - true) / SECOND for clock in clocks]
        if abs(errors[0]) > near:
            settled = simulation.time / SECOND
        if simulation.time >= seconds * warm_up * SECOND:
            counted += 1
            squares = [square + error * error for square, error in zip(squares, errors)]
            total += errors[0]
            worst = max(worst, abs(errors[0]))
    roots = [math.sqrt(square / counted) for square in squares]
    engine_error, linear, weighing = roots if with_ideals else (*roots, math.nan, math.nan)
    return Outcome(
        engine_error, linear, weighing, total / counted, worst, settled, engine.steered.steps, len(engine.requests)
    )
