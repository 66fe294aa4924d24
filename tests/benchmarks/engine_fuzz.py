# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds the engine a million wrong inputs, as packets, files and at its sockets: only documented errors may come.

The targets and what counts as a failure are in `tests/unit/engine/fuzzing.py` and the files beside it. The same seed
gives the same inputs. A failure is printed with the input as hex, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "roles" / "ntp_multicast_engine" / "files")]

from unit.engine.fuzz_targets import TARGETS  # noqa: E402
from unit.engine.fuzzing import Result, Target, fuzz  # noqa: E402

PIECE = 20_000
"""Inputs after which a target starts anew with the next seed."""
MAXIMUM_GROWTH = 64.0
"""Megabytes by which a process may grow from its first piece to its last."""
SHOWN = 6


@dataclass(frozen=True)
class Piece:
    target: int
    inputs: int
    seed: int


def run(piece: Piece) -> tuple[Result, float, float]:
    """The result, the seconds of processor time that it took, and the most memory that the process has had, in MB."""
    began = time.process_time()
    result = fuzz(TARGETS[piece.target], piece.inputs, piece.seed)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return result, time.process_time() - began, memory


def share(kinds: list[type[Target]], inputs: int) -> list[int]:
    total = sum(kind.weight for kind in kinds)
    return [max(round(inputs * kind.weight / total), 1) for kind in kinds]


def pieces(kinds: list[type[Target]], inputs: int, seed: int) -> list[Piece]:
    made = []
    for kind, count in zip(kinds, share(kinds, inputs)):
        for number, start in enumerate(range(0, count, PIECE)):
            made.append(Piece(TARGETS.index(kind), min(PIECE, count - start), seed + number))
    # One after the other of each target, so that memory is compared between alike.
    return sorted(made, key=lambda piece: piece.seed)


def report(kinds: list[type[Target]], results: list[tuple[Result, float, float]]) -> bool:
    print(f"{'target':<16}{'inputs':>9}{'a second':>10}  outcomes (accepted; the most frequent refusals)")
    held = True
    for kind in kinds:
        mine = [(result, seconds) for result, seconds, _unused in results if result.name == kind.name]
        count = sum(result.inputs for result, _unused in mine)
        rate = count / max(sum(seconds for _unused, seconds in mine), 1e-9)
        outcomes = sum((result.outcomes for result, _unused in mine[1:]), mine[0][0].outcomes)
        accepted = outcomes.pop("accepted", 0)
        often = ", ".join(f"{name} {number}" for name, number in outcomes.most_common(SHOWN))
        more = f", and {len(outcomes) - SHOWN} others" if len(outcomes) > SHOWN else ""
        print(f"{kind.name:<16}{count:>9}{rate:>10.0f}  accepted {accepted}; {often}{more}")
        for result, _unused in mine:
            if result.failure is not None:
                held = False
                print(f"FAILED {kind.name}, {result.failure}\n  {result.data.hex()}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[kind.name for kind in TARGETS], help="one target")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    kinds = [kind for kind in TARGETS if options.only in (None, kind.name)]
    began = time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool:
        results = list(pool.map(run, pieces(kinds, options.inputs, options.seed)))
    took = time.monotonic() - began
    total = sum(result.inputs for result, _seconds, _memory in results)
    memories = [memory for _result, _seconds, memory in results]
    print(f"{total} inputs, seed {options.seed}, in {took:.0f} s; largest process {max(memories):.0f} MB")
    held = report(kinds, results)
    growth = max(memories) - min(memories)
    if growth > MAXIMUM_GROWTH:
        held = False
        print(f"FAILED: a process has grown by {growth:.0f} MB")
    print("only documented errors" if held else "NOT only documented errors")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
