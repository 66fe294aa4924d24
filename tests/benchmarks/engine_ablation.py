# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each constant of the estimator is worth: the simulated clock with the constant changed, over that with it.

Each constant is made four times smaller and four times larger (or what ALTERNATIVES says), each pair of models is left
out, and the same runs are made: hours on networks of several kinds, hours in which something changes, and the first
minutes of many starts, with the frequency of the last run unknown, known, or wrong. A figure is the RMS error of the
clock, or the largest error, over that of the constant as it stands: 1.00 in all columns means that the constant isn't
worth its line.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "roles" / "ntp_multicast_engine" / "files")]

from unit.engine.steering import INITIAL_FREQUENCY, NO_TROUBLE, Delays, Outcome, Trouble, compare  # noqa: E402

from ntp_multicast_engine.clock import discipline  # noqa: E402
from ntp_multicast_engine.filter import estimator, kalman  # noqa: E402
from ntp_multicast_engine.protocol import association, system  # noqa: E402


@dataclass(frozen=True)
class Case:
    """Delays, what changes, and what the engine remembers of the frequency; one of `starts` lasts five minutes."""

    delays: Delays
    trouble: Trouble = NO_TROUBLE
    frequency: float | None = None
    starts: int = 0
    interleaved: bool = True

    def compare(self, seconds: float, seed: int) -> Outcome:
        return compare(
            self.delays,
            poll=4,
            seconds=START if self.starts else seconds,
            seed=seed,
            trouble=self.trouble,
            frequency=self.frequency,
            interleaved=self.interleaved,
            with_ideals=False,
        )


START = 300.0
QUEUES = Delays(50e-6, 50e-6)
CASES = {
    "quiet": Case(Delays(10e-6, 10e-6, base=20e-6)),
    "queues": Case(QUEUES),
    "bursts": Case(Delays(50e-6, 50e-6, burst=2e-3)),
    "quiet bursts": Case(Delays(2e-6, 2e-6, base=20e-6, burst=2e-3)),
    "ms bursts": Case(Delays(1e-3, 1e-3, base=2e-3, burst=40e-3)),
    "ms jitter": Case(Delays(symmetric=1e-3, base=20e-3, burst=40e-3)),
    "jitter": Case(Delays(symmetric=20e-6, base=200e-6)),
    "late": Case(Delays(50e-6, 50e-6, late=250e-6, late_mean=30e-6)),
    "late a bit": Case(Delays(10e-6, 10e-6, base=20e-6, late=10e-6)),
    "to client": Case(Delays(100e-6, 1e-3)),
    "wander": Case(QUEUES, Trouble(wander=1e-8)),
    "heat": Case(QUEUES, Trouble(sine=0.5e-6)),
    "jump": Case(QUEUES, Trouble(jump=2e-6)),
    "detour": Case(QUEUES, Trouble(detour=1e-3)),
    "step": Case(QUEUES, Trouble(step=0.01)),
    "loss": Case(QUEUES, Trouble(loss=0.3)),
    "unanswered": Case(QUEUES, Trouble(unanswered=True)),
    "basic": Case(Delays(50e-6, 50e-6, late=2e-3, late_mean=30e-6), interleaved=False),
    "start": Case(QUEUES, starts=20),
    "known": Case(QUEUES, frequency=INITIAL_FREQUENCY, starts=20),
    "wrong": Case(QUEUES, frequency=INITIAL_FREQUENCY + 5e-6, starts=20),
    "ms known": Case(Delays(1e-3, 1e-3), frequency=INITIAL_FREQUENCY, starts=20),
    "ms wrong": Case(Delays(1e-3, 1e-3), frequency=INITIAL_FREQUENCY + 5e-6, starts=20),
}
CONSTANTS: dict[str, Any] = {
    "_FORGETTING": estimator,
    "_CERTAINTY": estimator,
    "_PRIOR_ODDS": estimator,
    "_PRIOR_DEVIATION": estimator,
    "_UNKNOWN_DEVIATION": estimator,
    "_STEADY": estimator,
    "_ENOUGH_DIFFERENCES": estimator,
    "WINDOW": estimator,
    "EXCHANGES": estimator,
    "LOOKED_AT_AGAIN": estimator,
    "MINIMUM_SCALE": estimator,
    "RESPONSE_UNCERTAINTY": estimator,
    "MULTICAST_UNCERTAINTY": estimator,
    "SMALLEST_ASYMMETRY": estimator,
    "_STAMP_NOISE": kalman,
    "_ASYMMETRY_WALK": kalman,
    "_DISTURBED": kalman,
    "_DISTURBED_AGAIN": kalman,
    "_LONG_QUEUES": kalman,
    "_LONG_QUEUE": kalman,
    "_SUSPICIOUS": kalman,
    "_EXPONENTIAL_SCATTER": kalman,
    "_NORMAL_SCATTER": kalman,
    "_UNKNOWN": kalman,
    "GOOD_EXCHANGES": association,
    "WELL_KNOWN": association,
    "RECALIBRATION_POLLS": association,
    "RECALIBRATION_POLLS_ASYMMETRIC": association,
    "PERHAPS_LOST": association,
    "JUMP_FLOOR": association,
    "ROUGHLY": association,
    "_JUMPS_TO_START_AGAIN": association,
    "_MISMATCHES_TO_BASIC": association,
    "_SAMPLES_FOR_FREQUENCY": system,
    "_TIME_CONSTANT": discipline,
}
ALTERNATIVES: dict[str, Sequence[float]] = {"_FORGETTING": (0.9, 1.0), "_DISTURBED_AGAIN": (0.15, 0.95)}


@dataclass(frozen=True)
class Change:
    """A constant's other value; or the models number `value` and the one after it left out, for MODELS."""

    name: str
    value: float

    @property
    def text(self) -> str:
        return f"{self.name} = {self.value:.3g}" if self.name != "MODELS" else f"without models {self.value:.0f}, +1"


@contextmanager
def changed(change: Change | None) -> Iterator[None]:
    if change is None:
        yield
        return
    module = CONSTANTS.get(change.name, estimator)
    before = getattr(module, change.name)
    left_out = int(change.value)
    value = before[:left_out] + before[left_out + 2 :] if change.name == "MODELS" else type(before)(change.value)
    setattr(module, change.name, value)
    try:
        yield
    finally:
        setattr(module, change.name, before)


@dataclass(frozen=True)
class Run:
    change: Change | None
    case: str
    seconds: float
    seeds: int

    def errors(self) -> tuple[float, float]:
        """RMS and largest."""
        case = CASES[self.case]
        with changed(self.change):
            found = [case.compare(self.seconds, seed + 1) for seed in range(case.starts or self.seeds)]
        return math.sqrt(statistics.fmean(one.engine**2 for one in found)), max(one.worst for one in found)


def act(run: Run) -> tuple[float, float]:
    return run.errors()


def changes(names: Sequence[str]) -> list[Change]:
    found = []
    for name in names:
        if "=" in name:
            name, _unused, value = name.partition("=")
            found.append(Change(name, float(value)))
            continue
        if name == "MODELS":
            found += [Change(name, number) for number in range(0, len(estimator.MODELS), 2)]
            continue
        value = getattr(CONSTANTS[name], name)
        smaller = max(value // 4, 1) if isinstance(value, int) else value / 4
        found += [Change(name, other) for other in ALTERNATIVES.get(name, (smaller, value * 4))]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", default=[*CONSTANTS, "MODELS"], help="constants, or NAME=VALUE; default: all"
    )
    parser.add_argument("--cases", type=lambda text: text.split(","), default=[*CASES], help="names, with commas")
    parser.add_argument("--seconds", type=float, default=20_000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    wanted: list[Change | None] = [None, *changes(options.names)]
    print(f"{'RMS, and largest error, over that of the constant as it is':<34}")
    print(f"{'':<34}" + "".join(f"{name:>13}" for name in options.cases), flush=True)
    standing: list[tuple[float, float]] = []
    with ProcessPoolExecutor(options.processes) as pool:
        runs = [Run(change, case, options.seconds, options.seeds) for change in wanted for case in options.cases]
        outcomes = pool.map(act, runs)
        for change in wanted:
            row = [next(outcomes) for _unused in options.cases]
            standing = standing or row
            cells = [f"{rms / of:.2f} {worst / most:.2f}" for (rms, worst), (of, most) in zip(row, standing)]
            print(f"{change.text if change else 'as it is':<34}" + "".join(f"{cell:>13}" for cell in cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
