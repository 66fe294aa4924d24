# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: tells this machine's clock to the host, through memory that both share.

    guest_witness serve                  answer the host's questions until ended
    guest_witness step SECONDS           put the clock SECONDS ahead of where it is
    guest_witness forget                 leave the kernel's clock as if nobody had ever steered it

No network and no program under test has a part in it: the host writes a number, this program sees it and writes down
what the clock says. Both look at the memory all the time while they measure, so an exchange takes some microseconds.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import sys
import time
from pathlib import Path

DEVICE = "0x1110"
"""PCI device of the vendor 1af4: memory that is shared with the host (ivshmem)."""
WORDS = 16
BURST, READY, REQUEST, REPLY, SEEN, SEEN_RAW, ANSWERED, FREQUENCY, TICK, STATUS, MAXIMUM_ERROR = range(11)
"""Words of the shared memory, 64 bits each; see `witness.py` for who writes which."""
LOOK = 0.02
"""Seconds between two looks whether the host wants to measure."""
BURST_LIMIT = 0.5
_TIMEX = struct.Struct("@I4xqqqqi4xqqqqqq112x")
"""struct timex of adjtimex(2), the fields up to tick."""
_FREQUENCY, _STATUS, _TICK = 0x2, 0x10, 0x4000
_UNSYNCHRONISED = 0x40
_NOMINAL_TICK = 10_000


def adjtimex(modes: int = 0, frequency: int = 0, status: int = 0, tick: int = 0) -> tuple[int, ...]:
    """adjtimex(2): modes, offset, freq, maxerror, esterror, status, constant, precision, tolerance, s, us and tick."""
    buffer = ctypes.create_string_buffer(
        _TIMEX.pack(modes, 0, frequency, 0, 0, status, 0, 0, 0, 0, 0, tick), _TIMEX.size
    )
    if ctypes.CDLL(None, use_errno=True).adjtimex(buffer) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")
    return _TIMEX.unpack(buffer.raw)


def shared_memory() -> ctypes.Array[ctypes.c_uint64]:
    for device in Path("/sys/bus/pci/devices").iterdir():
        if (device / "device").read_text().strip() == DEVICE:
            (device / "enable").write_text("1")
            descriptor = os.open(device / "resource2", os.O_RDWR)
            return (ctypes.c_uint64 * WORDS).from_buffer(mmap.mmap(descriptor, mmap.PAGESIZE))
    raise SystemExit("guest_witness: no memory is shared with the host")


def answer_burst(words: ctypes.Array[ctypes.c_uint64]) -> None:
    """Answer requests until the host ends the burst."""
    real, raw = time.CLOCK_REALTIME, time.CLOCK_MONOTONIC_RAW
    read = time.clock_gettime_ns
    burst, answered = words[BURST], 0
    words[REQUEST] = words[REPLY] = 0
    end = time.monotonic() + BURST_LIMIT
    words[READY] = burst
    while words[BURST] == burst and time.monotonic() < end:
        for _unused in range(64):
            number = words[REQUEST]
            if number != answered:
                words[SEEN] = read(real)
                words[SEEN_RAW] = read(raw)
                answered = number
                words[ANSWERED] = read(real)
                words[REPLY] = number


def serve() -> None:
    words = shared_memory()
    done = words[READY]
    while True:
        time.sleep(LOOK)
        if words[BURST] == done:
            continue
        done = words[BURST]
        kernel = adjtimex()
        words[FREQUENCY], words[TICK] = kernel[2] & (1 << 64) - 1, kernel[11]
        words[STATUS], words[MAXIMUM_ERROR] = kernel[5], kernel[3]
        answer_burst(words)


def step(seconds: float) -> None:
    time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns() + round(seconds * 1e9))


def forget() -> None:
    adjtimex(_FREQUENCY | _TICK | _STATUS, 0, _UNSYNCHRONISED, _NOMINAL_TICK)


def main(arguments: list[str]) -> None:
    if arguments == ["serve"]:
        serve()
    elif arguments == ["forget"]:
        forget()
    elif len(arguments) == 2 and arguments[0] == "step":
        step(float(arguments[1]))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
