# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine keeps a clock in simulated hours; `tests/benchmarks/engine_simulation.py` does it for more than a day."""

from __future__ import annotations

import math
import statistics

import pytest
from unit.engine.simulation import SECOND, Node, Path, Simulation, client_configuration, server_configuration
from unit.engine.steering import CLIENT, SERVER, Delays, compare


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
    (row,) = client.engine.association_status(client.clock.now())
    assert row.delay == pytest.approx(2 * base, abs=150e-6)


LATE = Delays(50e-6, 50e-6, late=250e-6, late_mean=30e-6)
EARLY = Delays(10e-6, 10e-6, base=20e-6, answer_lead=70e-6)


@pytest.mark.parametrize("delays", [LATE, EARLY], ids=["multicasts are stamped late", "answers are stamped early"])
@pytest.mark.parametrize("seed", [1, 2])
def test_whichever_way_down_lags_makes_no_bias(delays: Delays, seed: int) -> None:
    """Taken for equally long as the way up, the lagging one would put the clock wrong by half the lag."""
    outcome = compare(delays, poll=4, seconds=6_000, seed=seed)
    assert abs(outcome.mean) < 5e-6
    assert outcome.engine < 1.8 * outcome.linear


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
