# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the engine reads from outside, fed with valid examples made wrong.

A target makes an input and takes it. What it says of an input is the outcome: accepted, or the documented error
(`errors.py`) that refused it. Anything else that happens is a failure: another exception, an answer longer than its
request, a secret in a complaint, a collection that grows without bound, more than a minute for a few inputs.

Targets have a memory, as engines have: an association that a mutated packet has moved meets the next one. So a failure
is told with the seed and the number of the input; the same seed leads there again.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ACCEPTED = "accepted"
_PATIENCE, _TOGETHER = 60, 64
"""Seconds in which so many inputs have to be dealt with."""


class Target:
    """One kind of input. `weight`: its share of the inputs, from how much there is to find and how fast it goes."""

    name = ""
    weight = 1.0

    def make(self, chance: random.Random) -> bytes:
        """An input: a valid one, or nearly one."""
        raise NotImplementedError

    def take(self, data: bytes) -> str:
        """Deal with an input and name the outcome."""
        raise NotImplementedError

    def ready(self) -> None:
        """Bring about the state in which inputs come, where `make` does that and inputs come from elsewhere."""

    def close(self) -> None:
        """Leave nothing behind."""


@dataclass
class Result:
    """How the inputs of one target ended; `failure` tells what went wrong, and `data` is the input that did it."""

    name: str
    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failure: str | None = None
    data: bytes = b""


def fuzz(kind: type[Target], inputs: int, seed: int) -> Result:
    """Feed a target, up to its first failure."""
    chance = random.Random(f"{seed} {kind.name}")
    target = kind()
    result = Result(kind.name)
    with _patience():
        try:
            for number in range(inputs):
                if number % _TOGETHER == 0:
                    signal.alarm(_PATIENCE)
                data = b""
                try:
                    data = target.make(chance)
                    outcome = target.take(data)
                except Exception as error:
                    result.failure = f"input {number} of seed {seed}: {type(error).__name__}: {error}"
                    result.data = data
                    break
                result.inputs += 1
                result.outcomes[outcome] += 1
        finally:
            target.close()
    return result


@contextmanager
def _patience() -> Iterator[None]:
    """Whoever takes longer hangs."""

    def give_up(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"not done after {_PATIENCE} s")

    before = signal.signal(signal.SIGALRM, give_up)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
