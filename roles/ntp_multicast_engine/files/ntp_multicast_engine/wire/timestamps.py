# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP timestamps, short format and eras (RFC 5905, section 6).

Inside the engine a time is an integer of nanoseconds: Unix time for server time and CLOCK_REALTIME, an arbitrary
zero for raw time. Only the wire speaks NTP format.
"""

from __future__ import annotations

NANOSECONDS = 1_000_000_000
UNIX_EPOCH = 2_208_988_800
"""Seconds from 1900-01-01 (the zero of NTP era 0) to 1970-01-01."""
ERA_SECONDS = 1 << 32
SECOND = 1 << 32
"""Of a 64-bit timestamp."""
STAMP_MASK = (1 << 64) - 1


def to_ntp(unix_ns: int) -> int:
    """The 64-bit timestamp of a Unix time, in whatever era that is; never 0, which means "unknown" on the wire."""
    seconds, nanoseconds = divmod(unix_ns, NANOSECONDS)
    stamp = ((seconds + UNIX_EPOCH) % ERA_SECONDS) << 32 | (nanoseconds << 32) // NANOSECONDS
    return stamp or 1


def from_ntp(stamp: int, near_ns: int) -> int:
    """The Unix time, in nanoseconds, of a 64-bit timestamp, in the era that brings it nearest to `near_ns`."""
    near_seconds = near_ns // NANOSECONDS + UNIX_EPOCH
    ahead = ((stamp >> 32) - near_seconds + (ERA_SECONDS >> 1)) % ERA_SECONDS - (ERA_SECONDS >> 1)
    fraction = ((stamp & 0xFFFFFFFF) * NANOSECONDS + (1 << 31)) >> 32
    return (near_seconds + ahead - UNIX_EPOCH) * NANOSECONDS + fraction


def odd(stamp: int) -> int:
    """The timestamp itself, or the one just before it."""
    return (stamp - 1) | 1


def even(stamp: int) -> int:
    """The timestamp itself, or the one just after it; never 0."""
    return (stamp + 1) & STAMP_MASK & ~1 or 2


def later(stamp: int, than: int) -> int:
    """How much `stamp` lies after `than`, in units of 2**-32 s, signed, across the end of an era."""
    return ((stamp - than + (1 << 63)) & STAMP_MASK) - (1 << 63)


def to_short(seconds: float) -> int:
    """A root delay or root dispersion in 16.16 format, rounded up: an error bound must not shrink on the wire."""
    return min(max(-int(-seconds * 65536 // 1), 0), 0xFFFFFFFF)


def from_short(value: int) -> float:
    """Seconds of a 16.16 value."""
    return value / 65536
