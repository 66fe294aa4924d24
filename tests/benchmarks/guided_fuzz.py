# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of `engine_fuzz.py`, and the texts of devices, with inputs that atheris makes after what they reach.

Needs the environment .venv-fuzz (tests/tools/setup fuzz). Each target runs in a process of its own, from valid examples
made wrong (`make` of the target). An input that fails is kept in .build/fuzz and printed as hex; the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import atheris

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
sys.path[:0] = [
    str(TESTS),
    str(ROOT / "roles" / "ntp_multicast_engine" / "files"),
    str(ROOT / ".build" / "collections"),
]

SEEDS = 200
"""Examples with which a target begins."""
LONGEST = 4096
PATIENCE = 60
"""Seconds after which one input counts as a hang."""
FOUND = ROOT / ".build" / "fuzz"


def load_targets() -> list[type]:
    from unit.engine.fuzz_targets import TARGETS as engine
    from unit.plugin_utils.fuzz_targets import TARGETS as devices

    return [*engine, *devices]


def fuzz_in_this_process(name: str, inputs: int, seed: int, corpus: str) -> None:
    """Does not return: the fuzzer ends the process."""
    # What was loaded before is not instrumented, and guides to nothing.
    with atheris.instrument_imports(
        include=["ntp_multicast_engine", "ansible_collections"], enable_loader_override=False
    ):
        kinds = load_targets()
    (kind,) = (target for target in kinds if target.name == name)
    maker, target = kind(), kind()
    chance = random.Random(f"{seed} {name}")
    for number in range(SEEDS):
        (Path(corpus) / str(number)).write_bytes(maker.make(chance)[:LONGEST])
    maker.close()
    options = {"runs": inputs, "seed": seed, "max_len": LONGEST, "timeout": PATIENCE, "rss_limit_mb": 1024}
    FOUND.mkdir(parents=True, exist_ok=True)
    found = f"-artifact_prefix={FOUND}/{name.replace(' ', '-').replace(chr(39), '')}-"
    arguments = [sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), found, corpus]

    def take(data: bytes) -> None:
        target.ready()
        target.take(bytes(data))

    atheris.Setup(arguments, take)
    atheris.Fuzz()


@dataclass(frozen=True)
class Result:
    """features: what the inputs reached, as the fuzzer counts; failure: what it said, "" when all went well."""

    name: str
    inputs: int
    features: int
    corpus: int
    seconds: float
    failure: str


def fuzz(name: str, inputs: int, seed: int) -> Result:
    began = time.monotonic()
    command = [sys.executable, __file__, "--child", name, "--inputs", str(inputs), "--seed", str(seed)]
    with tempfile.TemporaryDirectory() as corpus:
        done = subprocess.run(
            [*command, "--corpus", corpus],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    said = done.stdout + done.stderr
    ended = re.findall(r"#([0-9]+)\s+DONE.*?ft: ([0-9]+) corp: ([0-9]+)", said)
    ran, features, kept = map(int, ended[-1]) if ended else (0, 0, 0)
    failure = "" if done.returncode == 0 and ended else said[-3000:]
    return Result(name, ran, features, kept, time.monotonic() - began, failure)


def report(ended: Iterable[Result]) -> bool:
    """Print each result as it comes: all of them take a quarter of an hour."""
    print(f"{'target':<24}{'inputs':>9}{'features':>10}{'corpus':>8}{'seconds':>9}", flush=True)
    results = []
    for result in ended:
        figures = f"{result.inputs:>9}{result.features:>10}{result.corpus:>8}{result.seconds:>9.0f}"
        print(f"{result.name:<24}{figures}", flush=True)
        results.append(result)
    failed = [result for result in results if result.failure]
    for result in failed:
        print(f"FAILED {result.name}\n{result.failure}")
    print("NOT only documented errors" if failed else "only documented errors")
    return not failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all, shared by the weights of the targets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", help="names of targets")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--corpus", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        fuzz_in_this_process(options.child, options.inputs, options.seed, options.corpus)
    kinds = [kind for kind in load_targets() if not options.only or kind.name in options.only]
    if not kinds or len(kinds) < len(options.only or ()):
        parser.error(f"the targets are: {', '.join(kind.name for kind in load_targets())}")
    total = sum(kind.weight for kind in kinds)
    with ThreadPoolExecutor(options.processes) as pool:
        running = [
            pool.submit(fuzz, kind.name, max(round(options.inputs * kind.weight / total), 1), options.seed)
            for kind in kinds
        ]
        return 0 if report(item.result() for item in running) else 1


if __name__ == "__main__":
    sys.exit(main())
