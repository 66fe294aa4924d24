# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth about a guest's clock: it is compared with this machine's through memory that both share.

An exchange goes as in RFC 5905: this side writes a number, the guest's witness writes when it saw it and when it
answered, this side sees the answer. The fastest of many exchanges counts; half of its time bounds the error. This
machine's clocks are only read.
"""

from __future__ import annotations

import ctypes
import mmap
import time
from dataclasses import dataclass
from pathlib import Path

from virtual_machine.guest_witness import (
    ANSWERED,
    BURST,
    FREQUENCY,
    MAXIMUM_ERROR,
    READY,
    REPLY,
    REQUEST,
    SEEN,
    SEEN_RAW,
    STATUS,
    TICK,
    WORDS,
)

EXCHANGES = 40
PATIENCE = 20.0
"""Seconds. A busy machine may keep the guest waiting, but not for ever."""
_EXCHANGE_LIMIT = 0.02
_FREQUENCY_UNIT = 65536.0
_NOMINAL_TICK = 10_000
_UNSYNCHRONISED = 0x40


@dataclass(frozen=True)
class Reading:
    """The guest's clock at `time` (seconds of this machine's CLOCK_MONOTONIC).

    `offset`: guest minus host, seconds. `raw`: the guest's CLOCK_MONOTONIC_RAW minus the host's CLOCK_MONOTONIC,
    seconds. `uncertainty`: seconds. `frequency`: what the guest's kernel adds to its clock's rate, ppm.
    `maximum_error`: what it tells of itself, seconds.
    """

    time: float
    offset: float
    raw: float
    uncertainty: float
    frequency: float
    synchronised: bool
    maximum_error: float


class Witness:
    """Asks the guest's witness. :param memory: the file that is the shared memory."""

    def __init__(self, memory: Path) -> None:
        with memory.open("r+b") as file:
            self._words = (ctypes.c_uint64 * WORDS).from_buffer(mmap.mmap(file.fileno(), mmap.PAGESIZE))

    def read(self) -> Reading:
        """Compare the clocks now; raises TimeoutError if nobody answers."""
        words = self._words
        words[BURST] += 1
        deadline = time.monotonic() + PATIENCE
        while words[READY] != words[BURST]:
            if time.monotonic() > deadline:
                raise TimeoutError("the guest's witness doesn't answer")
            time.sleep(0.001)
        best: tuple[int, int, int, int] | None = None
        for number in range(1, EXCHANGES + 1):
            exchange = self._exchange(number)
            if exchange is not None and (best is None or exchange < best):
                best = exchange
        words[BURST] += 1
        words[READY] = words[BURST]
        if best is None:
            raise TimeoutError("the guest's witness ended in the middle of a measurement")
        duration, offset, raw, monotonic = best
        signed = ctypes.c_int64(words[FREQUENCY]).value
        return Reading(
            time=monotonic / 1e9,
            offset=offset / 1e9,
            raw=raw / 1e9,
            uncertainty=duration / 2e9,
            frequency=signed / _FREQUENCY_UNIT + (words[TICK] - _NOMINAL_TICK) * 100.0,
            synchronised=not words[STATUS] & _UNSYNCHRONISED,
            maximum_error=words[MAXIMUM_ERROR] / 1e6,
        )

    def _exchange(self, number: int) -> tuple[int, int, int, int] | None:
        """(duration, offset, raw offset, monotonic time), nanoseconds; None, if it took too long."""
        words, real = self._words, time.CLOCK_REALTIME
        read = time.clock_gettime_ns
        sent_monotonic = read(time.CLOCK_MONOTONIC)
        sent = read(real)
        words[REQUEST] = number
        end = time.monotonic() + _EXCHANGE_LIMIT
        while words[REPLY] != number:
            if time.monotonic() > end:
                return None
        received = read(real)
        received_monotonic = read(time.CLOCK_MONOTONIC)
        seen, answered = words[SEEN], words[ANSWERED]
        offset = (seen - sent + answered - received) // 2
        monotonic = (sent_monotonic + received_monotonic) // 2
        # All that may be interrupted lies within: an interruption anywhere spoils one of the readings.
        return received_monotonic - sent_monotonic, offset, words[SEEN_RAW] - monotonic, monotonic
