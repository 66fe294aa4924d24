# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line between a card's clock and raw time, against simulated cards whose truth is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.clock.system_clock import Instant
from ntp_multicast_engine.hardware_clock import HardwareClock, Reading, best_of

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
"""Unix time at raw time 0."""
BEHIND = 37 * SECOND
"""The card shows TAI."""


class SimulatedCard:
    """A card's clock that gains `ratio` on raw time."""

    def __init__(self, ratio: float = 0.0) -> None:
        self.ratio = ratio
        self.offset = START + BEHIND

    def at(self, raw: float) -> int:
        return round(raw * (1 + self.ratio)) + self.offset

    def readings(self, raw: int, windows: list[tuple[int, float]]) -> list[Reading]:
        """Readings one after the other from `raw`: each with its width, and where in it the card was really read."""
        found = []
        for width, place in windows:
            found.append(Reading(START + raw, self.at(raw + width * place), START + raw + width))
            raw += width + 300
        return found


def take(line: HardwareClock, card: SimulatedCard, raw: int, windows: list[tuple[int, float]] | None = None) -> bool:
    readings = card.readings(raw, windows or [(2_000, 0.5)])
    behind = readings[-1].after - START + 5_000
    return line.add(readings, Instant(START + behind, behind))


windows = st.lists(st.tuples(st.integers(200, 20_000), st.floats(0.0, 1.0)), min_size=1, max_size=10)


@given(
    ratio=st.floats(-400e-6, 400e-6), rounds=st.lists(st.tuples(st.integers(1, 8000), windows), min_size=1, max_size=30)
)
def test_the_line_is_never_further_off_than_the_readings_allow(
    ratio: float, rounds: list[tuple[int, list[tuple[int, float]]]]
) -> None:
    line, card, raw = HardwareClock(), SimulatedCard(ratio), SECOND
    for milliseconds, taken in rounds:
        raw += milliseconds * 1_000_000
        take(line, card, raw, taken)
        # A packet that came 0.2 ms before it was asked for.
        moment = raw - 200_000
        found = line.raw(card.at(moment))
        if found is not None:
            widest = max(min(width for width, _place in one) for _ms, one in rounds)
            assert abs(found - moment) <= 2 * widest + 1_000
    assert line.jumps == 0


def test_a_frequency_error_is_learnt_and_quiet_readings_are_good_to_nanoseconds() -> None:
    line, card = HardwareClock(), SimulatedCard(80e-6)
    for second in range(1, 12):
        assert take(line, card, second * SECOND)
    assert line.frequency == pytest.approx(-80e-6, abs=1e-8)
    for ahead in (-SECOND // 2, 0, SECOND // 2):
        moment = 11 * SECOND + ahead
        assert line.raw(card.at(moment)) == pytest.approx(moment, abs=10)


def test_of_noisy_readings_the_narrow_ones_count() -> None:
    card = SimulatedCard()
    taken = card.readings(0, [(90_000, 0.9), (1_000, 0.5), (1_100, 0.45), (1_050, 0.55), (60_000, 0.1)])
    end = taken[-1].after - START
    point = best_of(taken, Instant(START + end, end))
    assert point is not None and point.doubt == 500
    assert point.raw == pytest.approx(point.hardware - START - BEHIND, abs=100)


@pytest.mark.parametrize("readings", [[], [Reading(START, 1, START - 5)], [Reading(START, 1, START + 10 * SECOND)]])
def test_readings_that_say_nothing_change_nothing(readings: list[Reading]) -> None:
    line = HardwareClock()
    assert line.add(readings, Instant(START + 11 * SECOND, 11 * SECOND))
    assert line.raw(1) is None and line.wants_reading(0)


def test_a_system_clock_that_was_set_meanwhile_spoils_a_reading() -> None:
    line, card = HardwareClock(), SimulatedCard()
    readings = card.readings(0, [(1_000, 0.5)])
    line.add(readings, Instant(START + 3_600 * SECOND, 2_000))
    line.add(readings, Instant(START - SECOND, 2_000))
    assert line.raw(readings[0].hardware) is None


def test_before_its_frequency_is_known_a_clock_is_believed_for_a_hundredth_of_a_second() -> None:
    line, card = HardwareClock(), SimulatedCard(100e-6)
    take(line, card, SECOND)
    assert line.frequency is None
    assert line.raw(card.at(SECOND - 1_000_000)) == pytest.approx(SECOND - 1_000_000, abs=200)
    assert line.raw(card.at(SECOND - 50_000_000)) is None
    assert not line.wants_reading(SECOND + 5_000_000)
    assert line.wants_reading(SECOND + 50_000_000)


def test_the_line_does_not_reach_far_beyond_its_readings() -> None:
    line, card = HardwareClock(), SimulatedCard()
    for second in range(1, 9):
        take(line, card, second * SECOND)
    assert line.raw(card.at(10 * SECOND)) is None
    assert line.raw(card.at(-2 * SECOND)) is None
    assert line.wants_reading(10 * SECOND) and not line.wants_reading(8 * SECOND + SECOND // 2)


def test_one_reading_that_is_wrong_silences_the_line_until_the_next() -> None:
    line, card = HardwareClock(), SimulatedCard()
    for second in range(1, 5):
        take(line, card, second * SECOND)
    card.offset += 400_000
    assert not take(line, card, 5 * SECOND)
    card.offset -= 400_000
    assert line.raw(card.at(5 * SECOND)) is None and line.wants_reading(5 * SECOND)
    assert take(line, card, 5 * SECOND + 100_000)
    assert line.raw(card.at(5 * SECOND)) == pytest.approx(5 * SECOND, abs=10)
    assert line.jumps == 0


@given(jump=st.integers(20_000, 10**18), backwards=st.booleans())
def test_a_clock_that_was_set_is_followed_and_what_it_stamped_before_is_refused(jump: int, backwards: bool) -> None:
    line, card = HardwareClock(), SimulatedCard(20e-6)
    for second in range(1, 5):
        take(line, card, second * SECOND)
    old = card.at(5 * SECOND - 1_000_000)
    card.offset += -jump if backwards else jump
    assert not take(line, card, 5 * SECOND)
    assert line.raw(old) is None
    assert take(line, card, 5 * SECOND + 50_000)
    assert line.jumps == 1
    moment = 5 * SECOND + 40_000
    assert line.raw(card.at(moment)) == pytest.approx(moment, abs=1_100)
    # What the old clock would have called a moment before the new one was read.
    assert line.raw(card.at(5 * SECOND - 1_000_000)) is None


def test_a_clock_that_is_steered_is_followed() -> None:
    line, card = HardwareClock(), SimulatedCard(10e-6)
    raw = 0
    for second in range(1, 60):
        raw = second * SECOND
        if second % 7 == 0:
            # ptp4l steers: the frequency changes, the time doesn't.
            now = card.at(raw)
            card.ratio += 2e-6
            card.offset += now - card.at(raw)
        take(line, card, raw, [(1_000, 0.5)] * 5)
        assert line.raw(card.at(raw - 300_000)) == pytest.approx(raw - 300_000, abs=1_500)
    assert line.jumps == 0


def test_a_clock_that_runs_impossibly_fast_is_not_believed() -> None:
    line, card = HardwareClock(), SimulatedCard(0.05)
    for second in range(1, 6):
        take(line, card, second * SECOND)
    assert line.raw(card.at(5 * SECOND)) is None
