# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP timestamps and eras."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.wire.timestamps import (
    ERA_SECONDS,
    NANOSECONDS,
    UNIX_EPOCH,
    even,
    from_ntp,
    later,
    odd,
    to_ntp,
)

TIMES = st.integers(-(2**62), 2**63)


def test_the_stamp_that_means_unknown_is_never_given() -> None:
    zero = (ERA_SECONDS - UNIX_EPOCH) * NANOSECONDS
    assert to_ntp(zero) == 1 and to_ntp(zero - 1) == (1 << 64) - 5


@given(TIMES, st.integers(-(10**18), 10**18))
def test_a_time_survives_the_wire(time: int, apart: int) -> None:
    assert abs(from_ntp(to_ntp(time), time + apart) - time) <= 1


@given(st.integers(0, (1 << 64) - 1))
def test_odd_and_even_timestamps_keep_their_order(stamp: int) -> None:
    """What is stamped at one moment doesn't seem to leave before it came."""
    assert odd(stamp) & 1 == 1 and even(stamp) & 1 == 0 and even(stamp) != 0
    assert 0 <= later(stamp, odd(stamp)) <= 1 and 0 <= later(even(stamp), stamp) <= 3
