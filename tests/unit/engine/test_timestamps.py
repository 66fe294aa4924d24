# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP timestamps and eras."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.wire.timestamps import ERA_SECONDS, NANOSECONDS, UNIX_EPOCH, from_ntp, to_ntp, to_ntp_all

TIMES = st.integers(-(2**62), 2**63)


@given(st.lists(TIMES, max_size=5))
def test_many_times_together_are_those_of_each(times: list[int]) -> None:
    assert to_ntp_all(times) == [to_ntp(time) for time in times]


def test_the_stamp_that_means_unknown_is_never_given() -> None:
    zero = (ERA_SECONDS - UNIX_EPOCH) * NANOSECONDS
    assert to_ntp(zero) == 1 and to_ntp_all([zero, zero - 1]) == [1, (1 << 64) - 5]


@given(TIMES, st.integers(-(10**18), 10**18))
def test_a_time_survives_the_wire(time: int, apart: int) -> None:
    assert abs(from_ntp(to_ntp(time), time + apart) - time) <= 1
