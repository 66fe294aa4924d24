# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine keeps a clock in simulated hours; `tests/benchmarks/engine_simulation.py` does it for more than a day."""

from __future__ import annotations

import calendar
import math
import random
import statistics

import pytest
from unit.engine.simulation import (
    RING,
    SECOND,
    START,
    Node,
    Path,
    Simulation,
    client_configuration,
    server_configuration,
)
from unit.engine.steering import CLIENT, SERVER, Delays, SteeredNode, compare

from ntp_multicast_engine.config.configuration import Configuration, Discipline, Loaded, Server
from ntp_multicast_engine.instant import KernelStatus
from ntp_multicast_engine.observe.status import association_status
from ntp_multicast_engine.protocol.association import Phase


@pytest.mark.parametrize(
    "delays",
    [
        Delays(50e-6, 50e-6),
        Delays(100e-6, 1e-3),
        Delays(1e-3, 100e-6),
        Delays(50e-6, 50e-6, burst=2e-3),
        Delays(symmetric=20e-6, base=200e-6),
    ],
    ids=["symmetric", "slow down", "slow up", "bursts", "jitter"],
)
def test_a_clock_5_s_wrong_and_50_ppm_off_is_brought_in_and_held(delays: Delays) -> None:
    outcomes = [compare(delays, poll=4, seconds=12_000, seed=seed) for seed in (3, 4)]
    assert all(outcome.steps == 1 and outcome.settled < 600 for outcome in outcomes)
    engine = statistics.mean(outcome.engine**2 for outcome in outcomes)
    linear = statistics.mean(outcome.linear**2 for outcome in outcomes)
    assert math.sqrt(engine / linear) < 1.8


def test_keys_make_no_difference_to_time() -> None:
    delays = Delays(50e-6, 50e-6)
    with_keys, without = (
        compare(delays, poll=4, seconds=3_000, seed=1, authentication=authentication)
        for authentication in (True, False)
    )
    assert with_keys == without


def test_the_ideal_client_is_as_good_as_theory_says() -> None:
    """A steady Kalman filter: the variance of the offset is sqrt(2) r**0.75 q**0.25 with the densities r and q."""
    outcome = compare(Delays(50e-6, 50e-6), poll=4, seconds=40_000, seed=5)
    density = 2 * (50e-6 / 2) ** 2 * 16
    assert outcome.linear == pytest.approx(math.sqrt(math.sqrt(2) * density**0.75 * 1e-18**0.25), rel=0.2)
    assert outcome.weighing < outcome.linear


@pytest.mark.parametrize("base", [600e-6, 20e-6])
def test_another_way_through_the_network_is_learned(base: float) -> None:
    path = Path(100e-6, 20e-6)
    simulation = Simulation(2, path)
    Node(simulation, SERVER, server_configuration(poll=4))
    client = Node(simulation, CLIENT, client_configuration(), frequency=20e-6, wander=1e-9)
    simulation.run(2000)
    path.base = base
    simulation.run(2600)
    errors = []
    for _unused in range(40):
        simulation.run(16)
        assert client.error is not None
        errors.append(abs(client.error))
    assert statistics.median(errors) < 15e-6
    (row,) = association_status(client.engine, client.clock.now())
    assert row.delay == pytest.approx(2 * base, abs=150e-6)


LATE = Delays(50e-6, 50e-6, late=250e-6, late_mean=30e-6)
EARLY = Delays(10e-6, 10e-6, base=20e-6, answer_early=70e-6)


@pytest.mark.parametrize("delays", [LATE, EARLY], ids=["multicasts are stamped late", "answers are stamped early"])
@pytest.mark.parametrize("seed", [1, 2])
def test_whichever_way_down_lags_makes_no_bias(delays: Delays, seed: int) -> None:
    """Taken for equally long as the way up, the lagging one would put the clock wrong by half the lag."""
    outcome = compare(delays, poll=4, seconds=6_000, seed=seed)
    assert abs(outcome.mean) < 5e-6
    assert outcome.engine < 1.8 * outcome.linear


class JustStarted(Delays):
    """A host that is busy with its own start: its first request is late, answers are so for longer."""

    first_late = 500e-6

    def up(self, chance: random.Random, now: int) -> float:
        late, self.first_late = self.first_late, 0.0
        return super().up(chance, now) + late

    def down(self, chance: random.Random, now: int) -> float:
        return super().down(chance, now) + (chance.expovariate(1 / 400e-6) if now < 14 * SECOND else 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_a_host_that_has_just_started_is_not_led_astray(seed: int) -> None:
    delays = JustStarted(15e-6, 30e-6, late=50e-6, late_mean=120e-6)
    simulation = Simulation(seed, delays)
    Node(simulation, SERVER, server_configuration(poll=3))
    clients = client_configuration().configuration.clients
    loaded = Loaded(Configuration("/s", clients=clients, discipline=Discipline("kernel")), RING)
    client = SteeredNode(simulation, delays, loaded, [], frequency=-50e-6)
    simulation.run(25)
    errors = []
    for _unused in range(200):
        simulation.run(1)
        errors.append((client.steered.now().real - START - simulation.time) / SECOND)
    assert client.steered.steps == 1
    assert max(map(abs, errors)) < 1e-3
    assert statistics.fmean(error * error for error in errors[-100:]) ** 0.5 < 60e-6


def test_an_oscillator_that_jumps_is_followed() -> None:
    simulation = Simulation(4, Path(100e-6, 20e-6))
    Node(simulation, SERVER, server_configuration(poll=4))
    client = Node(simulation, CLIENT, client_configuration(), frequency=20e-6)
    simulation.run(2000)
    client.clock.now()
    client.clock.frequency += 2e-6
    simulation.run(800)
    assert client.error is not None and abs(client.error) < 30e-6
    assert simulation.time == 2800 * SECOND


def steered_pair(poll: int = 6) -> tuple[Simulation, Node, SteeredNode]:
    """A host that may step its clock whenever it wants to, and has found no reason for long."""
    simulation = Simulation(6, Delays(20e-6, 20e-6))
    server = Node(simulation, SERVER, server_configuration(poll=poll))
    clients = client_configuration().configuration.clients
    loaded = Loaded(Configuration("/s", clients=clients, discipline=Discipline("kernel", step="always")), RING)
    client = SteeredNode(simulation, Delays(), loaded, [], frequency=20e-6)
    simulation.run(4000)
    assert client.steered.steps == 1
    return simulation, server, client


@pytest.mark.parametrize("noticed", [True, False])
def test_a_host_that_has_slept_does_not_step_its_clock_back(noticed: bool) -> None:
    """Raw time stands still meanwhile, and what is known of the server is in raw time."""
    simulation, server, client = steered_pair()
    slept = 300
    server.clock.offset += slept
    client.steered.now()
    client.steered._real += slept * SECOND
    if noticed:
        assert len(client.engine.resumed(client.clock.now())) == 1
        assert client.association.phase is Phase.VOLLEY and client.engine.selected is None
        client.wake_up()
    for _unused in range(100):
        simulation.run(2)
        error = (client.steered.now().real - START - simulation.time) / SECOND - slept
        assert client.steered.steps == 1 and abs(error) < (1e-3 if noticed else 64 * 500e-6 + 1e-3)
        if noticed:
            assert client.offset is None or abs(client.offset) < 1e-3
    assert client.offset is not None and client.engine.selected is client.association


def test_an_answer_from_before_the_sleep_is_not_waited_for() -> None:
    simulation, server, client = steered_pair()
    client.association.poll_soon(client.clock.now().raw)
    simulation.unicast_lost = lambda: True
    asked = len(client.requests)
    while len(client.requests) == asked:
        simulation.run(0.1)
    client.engine.resumed(client.clock.now())
    exchanges = client.association.estimator.exchanges
    server.answer(client, client.association, client.requests[-1])
    simulation.unicast_lost = lambda: False
    server.answer(client, client.association, client.requests[-1])
    simulation.run(0.05)
    assert client.association.estimator.exchanges == exchanges == 0
    assert client.engine.dropped["no_exchange"] == 1


@pytest.mark.parametrize("poll", [3, 6])
def test_a_leap_second_that_both_kernels_insert_makes_no_step(poll: int) -> None:
    """What is known of the server is a second wrong then, until a multicast contradicts it and an answer tells."""
    new_year = calendar.timegm((2027, 1, 1, 0, 0, 0))
    simulation = Simulation(6, Delays(20e-6, 20e-6))
    streams = server_configuration(poll=poll).configuration.servers
    loaded = Loaded(Configuration("/s", server=Server(True), servers=streams), RING)
    offset = new_year - START // SECOND - 4000
    server = Node(simulation, SERVER, loaded, kernel=KernelStatus(True, 1, 0.02, 0.001, 0.0), offset=offset)
    clients = client_configuration().configuration.clients
    loaded = Loaded(Configuration("/s", clients=clients, discipline=Discipline("kernel", step="always")), RING)
    client = SteeredNode(simulation, Delays(), loaded, [], frequency=20e-6)
    simulation.run(4000)
    steps = client.steered.steps
    server.clock.offset -= 1
    client.steered.now()
    client.steered._real -= SECOND
    for _unused in range(150):
        simulation.run(2)
        error = (client.steered.now().real - server.clock.now().real) / SECOND
        assert client.steered.steps == steps and abs(error) < 2**poll * 500e-6
    assert abs(error) < 1e-3 and client.engine.selected is client.association
