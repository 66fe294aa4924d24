# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the clocks of a host tell about it."""

from __future__ import annotations

import time

import pytest

from ntp_multicast_engine.clock.system_clock import SuspendDetector, time_suspended
from ntp_multicast_engine.wire.timestamps import NANOSECONDS


def test_a_sleep_is_told_once() -> None:
    asleep = [5 * NANOSECONDS]
    sleep = SuspendDetector(lambda: asleep[0])
    assert not sleep.is_over()
    asleep[0] += NANOSECONDS
    assert sleep.is_over() and not sleep.is_over()


@pytest.mark.parametrize("difference", [0, 1_000_000, -NANOSECONDS])
def test_what_reading_two_clocks_takes_is_no_sleep(difference: int) -> None:
    asleep = [0]
    sleep = SuspendDetector(lambda: asleep[0])
    asleep[0] += difference
    assert not sleep.is_over()


def test_this_host_is_awake() -> None:
    assert not any(SuspendDetector().is_over() for _unused in range(1000))
    boot, monotonic = (time.clock_gettime_ns(number) for number in (time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC))
    assert time_suspended() == pytest.approx(boot - monotonic, abs=60 * NANOSECONDS)
