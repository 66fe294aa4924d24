# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to the system's clocks.

Two clocks are read: CLOCK_REALTIME, which carries the time of day and is slewed and stepped by whoever owns it, and
CLOCK_MONOTONIC_RAW, which nobody touches. Measurements are kept in raw time, so no correction of the clock, ours or
another's, can be mistaken for path delay. `KernelClock` is the one thing here that changes a clock.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ntp_multicast_engine.errors import ClockError
from ntp_multicast_engine.instant import Instant, KernelStatus
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_SHORTEST_SUSPEND = NANOSECONDS // 10
"""More than it takes to read two clocks, less than it takes a host to fall asleep."""
_READ_ATTEMPTS = 4
_GOOD_READ = 2_000
"""Nanoseconds between two reads of one clock below which nothing came in between."""


class SystemClock:
    """The clocks of this machine, read only."""

    def now(self) -> Instant:
        """The present on both clocks; the reading least disturbed by other processes is taken."""
        best, narrowest = Instant(0, 0), None
        for _unused in range(_READ_ATTEMPTS):
            before = time.clock_gettime_ns(time.CLOCK_REALTIME)
            raw = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
            after = time.clock_gettime_ns(time.CLOCK_REALTIME)
            width = after - before
            if width >= 0 and (narrowest is None or width < narrowest):
                best, narrowest = Instant(before + width // 2, raw), width
            if narrowest is not None and narrowest < _GOOD_READ:
                break
        return best


class SuspendDetector:
    """Tells when the host was suspended, which CLOCK_MONOTONIC_RAW doesn't count.

    :param suspended: tells how long it was in all so far, nanoseconds.
    """

    def __init__(self, suspended: Callable[[], int] | None = None) -> None:
        self._suspended = suspended or time_suspended
        self._known = self._suspended()

    def is_over(self) -> bool:
        """Whether there was one since the last question."""
        before, self._known = self._known, self._suspended()
        return self._known - before > _SHORTEST_SUSPEND


def time_suspended() -> int:
    """How long this host was suspended since it was started, nanoseconds; good to a fraction of _SHORTEST_SUSPEND."""
    while True:
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        with_sleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if after - before < _SHORTEST_SUSPEND // 4:
            return with_sleep - after


class SteerableClock(Protocol):
    """The whole width of the door: what a discipline may do to a clock."""

    def status(self) -> KernelStatus: ...

    def set_frequency(self, ratio: float, drift: float) -> None:
        """Let the clock run faster by `ratio`; `drift` is what of it stays right when nobody steers any more."""

    def step(self, nanoseconds: int) -> None: ...

    def set_synchronised(self, leap: int, maximum_error: float, estimated_error: float) -> None: ...

    def set_unsynchronised(self) -> None: ...


class _Timeval(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("fraction", ctypes.c_long)]


class Timex(ctypes.Structure):
    """struct timex, adjtimex(2)."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("tick", ctypes.c_long),
        # Those of a pulse and of TAI, which nothing here reads, and room to spare.
        ("others", ctypes.c_long * 32),
    ]


_ADJ_OFFSET, _ADJ_FREQUENCY, _ADJ_MAXERROR, _ADJ_ESTERROR, _ADJ_STATUS = 0x1, 0x2, 0x4, 0x8, 0x10
_ADJ_SETOFFSET, _ADJ_NANO, _ADJ_TICK, _ADJ_OFFSET_SINGLESHOT = 0x100, 0x2000, 0x4000, 0x8001
_STA_PLL, _STA_INS, _STA_DEL, _STA_UNSYNC = 0x1, 0x10, 0x20, 0x40
_TIME_ERROR = 5
_FREQUENCY_UNIT = 65536e6
"""freq of struct timex is ppm with a 16-bit fraction."""
MAXIMUM_FREQUENCY = 500e-6
"""The kernel clips `freq` there (MAXFREQ); what is above has to go into `tick`."""
MAXIMUM_DRIFT = 1e-3
"""Ratio. An oscillator that is further off is broken, or what is known of it is."""
_MAXIMUM_RATIO = 0.05
"""Half of what the kernel takes as a `tick` (adjtimex(2): 10 % to either side)."""
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_NOMINAL_TICK = (1_000_000 + _TICKS_A_SECOND // 2) // _TICKS_A_SECOND
_TICK_UNIT = 1e-6 * _TICKS_A_SECOND
"""`tick` is in microseconds; one of them changes the frequency by this ratio."""
_MAXIMUM_ERROR = 16.0
"""Seconds, NTP_PHASE_LIMIT of the kernel (include/linux/timex.h): a clock with an error above is not synchronised."""
CAP_SYS_TIME = 25


def _system_call() -> Callable[[Timex], int]:
    library = ctypes.CDLL(None, use_errno=True)
    return lambda timex: int(library.adjtimex(ctypes.byref(timex)))


def _microseconds(error: float) -> int:
    """An error in seconds as the kernel takes it, whatever it is."""
    return round((error if 0 <= error <= _MAXIMUM_ERROR else _MAXIMUM_ERROR) * 1e6)


class KernelClock:
    """adjtimex(2). Without CAP_SYS_TIME the kernel refuses all but `status`.

    :param adjtimex: the system call; tests give another one.
    """

    def __init__(self, adjtimex: Callable[[Timex], int] | None = None) -> None:
        self._adjtimex = adjtimex or _system_call()
        self._taken_over = False

    def _adjust(self, timex: Timex) -> int:
        state = self._adjtimex(timex)
        if state < 0:
            raise ClockError(f"adjtimex: {os.strerror(ctypes.get_errno())}")
        return state

    def status(self) -> KernelStatus:
        timex = Timex()
        state = self._adjust(timex)
        leap = 1 if timex.status & _STA_INS else 2 if timex.status & _STA_DEL else 0
        return KernelStatus(
            synchronised=state != _TIME_ERROR and not timex.status & _STA_UNSYNC,
            leap=leap,
            maximum_error=timex.maxerror / 1e6,
            estimated_error=timex.esterror / 1e6,
            frequency=timex.freq / _FREQUENCY_UNIT + (timex.tick - _NOMINAL_TICK) * _TICK_UNIT,
        )

    def set_frequency(self, ratio: float, drift: float) -> None:
        """Make CLOCK_REALTIME run faster than raw time by `ratio`, up to 5 percent; the kernel keeps no `drift`."""
        self._take_over()
        ticks, fine = split_frequency(ratio)
        self._adjust(
            Timex(modes=_ADJ_FREQUENCY | _ADJ_TICK, freq=round(fine * _FREQUENCY_UNIT), tick=_NOMINAL_TICK + ticks)
        )

    def _take_over(self) -> None:
        """Drop what another owner of the clock has left to be slewed: by adjtime(3), and by the kernel's own loop."""
        if not self._taken_over:
            self._adjust(Timex(modes=_ADJ_OFFSET_SINGLESHOT, offset=0))
            # The kernel takes an offset only while its loop is on.
            self._adjust(Timex(modes=_ADJ_OFFSET | _ADJ_STATUS, offset=0, status=_STA_PLL | _STA_UNSYNC))
            self._adjust(Timex(modes=_ADJ_STATUS, status=_STA_UNSYNC))
            self._taken_over = True

    def step(self, nanoseconds: int) -> None:
        seconds, fraction = divmod(nanoseconds, NANOSECONDS)
        self._adjust(Timex(modes=_ADJ_SETOFFSET | _ADJ_NANO, time=_Timeval(seconds, fraction)))

    def set_synchronised(self, leap: int, maximum_error: float, estimated_error: float) -> None:
        status = {1: _STA_INS, 2: _STA_DEL}.get(leap, 0)
        self._adjust(
            Timex(
                modes=_ADJ_STATUS | _ADJ_MAXERROR | _ADJ_ESTERROR,
                status=status,
                maxerror=_microseconds(maximum_error),
                esterror=_microseconds(estimated_error),
            )
        )

    def set_unsynchronised(self) -> None:
        self._adjust(Timex(modes=_ADJ_STATUS, status=_STA_UNSYNC))


def split_frequency(ratio: float) -> tuple[int, float]:
    """A frequency as whole units of the kernel's `tick`, 0 as long as `freq` can do it, and the rest as a ratio."""
    clipped = max(-_MAXIMUM_RATIO, min(_MAXIMUM_RATIO, ratio))
    ticks = round(clipped / _TICK_UNIT) if abs(clipped) > MAXIMUM_FREQUENCY else 0
    return ticks, clipped - ticks * _TICK_UNIT


def may_set_time() -> bool:
    """Whether this process holds CAP_SYS_TIME (capabilities(7)); the kernel may still refuse in a user namespace."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_TIME & 1)
    return False


def kernel_status(clock: SteerableClock | None = None) -> KernelStatus | None:
    """What adjtimex tells, asked of `clock` or directly; None where that can't be."""
    try:
        return (clock or KernelClock()).status()
    except (ClockError, OSError, AttributeError):
        return None
