# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server is followed."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ntp_multicast_engine.protocol.selection import Candidate, intersection, select, truechimers


def test_nobody_is_followed_without_candidates() -> None:
    assert select([], None) is None


def test_one_server_is_enough() -> None:
    assert select([Candidate(1, 0.0, 0.01, 3)], None) == 1


def test_a_distant_server_is_no_candidate() -> None:
    assert select([Candidate(1, 0.0, 2.0, 3)], None) is None


def test_two_that_disagree_are_no_majority() -> None:
    assert select([Candidate(1, 0.0, 0.01, 3), Candidate(2, 1.0, 0.01, 1)], None) is None


def test_the_majority_wins_over_the_better_stratum() -> None:
    candidates = [Candidate(1, 0.0, 0.01, 3), Candidate(2, 0.001, 0.01, 4), Candidate(3, 1.0, 0.01, 1)]
    assert {item.server for item in truechimers(candidates)} == {1, 2}
    assert select(candidates, None) == 1


def test_the_present_one_stays_unless_another_is_clearly_better() -> None:
    candidates = [Candidate(1, 0.0, 0.015, 3), Candidate(2, 0.001, 0.01, 3)]
    assert select(candidates, 1) == 1
    assert select([Candidate(1, 0.0, 0.5, 3), candidates[1]], 1) == 2
    assert select([Candidate(1, 0.0, 0.01, 4), candidates[1]], 1) == 2


def test_a_stratum_is_worth_a_second_of_distance() -> None:
    assert select([Candidate(1, 0.0, 0.5, 2), Candidate(2, 0.0, 0.01, 3)], None) == 1
    assert select([Candidate(1, 0.0, 1.2, 2), Candidate(2, 0.0, 0.01, 3)], None) == 2


def test_intervals_that_only_touch_do_not_agree() -> None:
    """RFC 5905 section 11.2.1: the intersection has to be an interval."""
    assert intersection([Candidate(1, 0.0, 0.5, 2), Candidate(2, 1.0, 0.5, 2)]) is None


def test_who_only_touches_the_intersection_disagrees() -> None:
    candidates = [Candidate(1, 0.0, 1.0, 2), Candidate(2, 0.5, 1.0, 2), Candidate(3, 2.5, 1.0, 2)]
    assert intersection(candidates) == (-0.5, 1.5), "its end is where the third interval begins"
    assert {item.server for item in truechimers(candidates)} == {1, 2}
    mirrored = [Candidate(item.server, -item.offset, item.distance, item.stratum) for item in candidates]
    assert {item.server for item in truechimers(mirrored)} == {1, 2}


def test_the_intersection_holds_the_midpoints_of_those_who_agree() -> None:
    """Intervals that overlap by their ends alone prove nothing: neither server is likely to be right there."""
    assert intersection([Candidate(1, 0.0, 1.0, 2), Candidate(2, 0.9, 1.0, 2)]) == pytest.approx((-0.1, 1.0))
    assert intersection([Candidate(1, 0.0, 1.0, 2), Candidate(2, 1.1, 1.0, 2)]) is None


def test_a_midpoint_outside_counts_as_a_falseticker() -> None:
    trio = [Candidate(1, 0.0, 1.0, 2), Candidate(2, 0.2, 0.3, 2), Candidate(3, 1.4, 1.0, 2)]
    assert intersection(trio) == pytest.approx((-0.1, 1.0)), "with one falseticker"
    assert [item.server for item in truechimers(trio)] == [1, 2, 3], "its interval still shares points"


@pytest.mark.parametrize(("liars", "agree"), [(0, True), (1, True), (2, True), (3, False), (4, False)])
def test_less_than_half_may_lie(liars: int, agree: bool) -> None:
    honest = [Candidate(number, 0.001 * number, 0.01, 3) for number in range(6 - liars)]
    lying = [Candidate(10 + number, 5.0 + number, 0.01, 1) for number in range(liars)]
    assert {item.server for item in truechimers(honest + lying)} == (
        {item.server for item in honest} if agree else set()
    )


def test_a_wide_interval_does_not_widen_the_intersection() -> None:
    trio = [Candidate(1, 0.0, 0.01, 2), Candidate(2, 0.005, 0.01, 2), Candidate(3, 0.002, 1.4, 2)]
    assert intersection(trio) == pytest.approx((-0.005, 0.01))


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(1e-6, 1.4)), min_size=1, max_size=8),
)
def test_most_intervals_reach_both_ends_and_most_midpoints_lie_between(drawn: list[tuple[float, float]]) -> None:
    candidates = [Candidate(number, *values, 2) for number, values in enumerate(drawn)]
    found = intersection(candidates)
    assume(found is not None)
    assert found is not None
    low, high = found
    assert low < high
    for end in found:
        assert 2 * len([item for item in candidates if item.low <= end <= item.high]) > len(candidates)
    assert 2 * len([item for item in candidates if not low <= item.offset <= high]) < len(candidates)


def test_a_distance_of_the_limit_is_too_far() -> None:
    assert select([Candidate(1, 0.0, 1.5, 3)], None) is None and select([Candidate(1, 0.0, 1.499, 3)], None) == 1


def test_the_present_one_stays_up_to_twice_the_distance() -> None:
    near = Candidate(2, 0.0, 0.25, 3)
    assert select([Candidate(1, 0.0, 0.5, 3), near], 1) == 1
    assert select([Candidate(1, 0.0, 0.501, 3), near], 1) == 2
