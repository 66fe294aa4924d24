# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server is followed."""

from __future__ import annotations

from ntp_multicast_engine.protocol.selection import Candidate, select, truechimers


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
    assert {item.name for item in truechimers(candidates)} == {1, 2}
    assert select(candidates, None) == 1


def test_the_present_one_stays_unless_another_is_clearly_better() -> None:
    candidates = [Candidate(1, 0.0, 0.015, 3), Candidate(2, 0.001, 0.01, 3)]
    assert select(candidates, 1) == 1
    assert select([Candidate(1, 0.0, 0.5, 3), candidates[1]], 1) == 2
    assert select([Candidate(1, 0.0, 0.01, 4), candidates[1]], 1) == 2


def test_a_stratum_is_worth_a_second_of_distance() -> None:
    assert select([Candidate(1, 0.0, 0.5, 2), Candidate(2, 0.0, 0.01, 3)], None) == 1
    assert select([Candidate(1, 0.0, 1.2, 2), Candidate(2, 0.0, 0.01, 3)], None) == 2


def test_intervals_that_only_touch_agree() -> None:
    assert len(truechimers([Candidate(1, 0.0, 0.5, 2), Candidate(2, 1.0, 0.5, 2)])) == 2
    assert len(truechimers([Candidate(1, 0.0, 0.5, 2), Candidate(2, 1.001, 0.5, 2)])) == 0


def test_a_distance_of_the_limit_is_too_far() -> None:
    assert select([Candidate(1, 0.0, 1.5, 3)], None) is None and select([Candidate(1, 0.0, 1.499, 3)], None) == 1


def test_the_present_one_stays_up_to_twice_the_distance() -> None:
    near = Candidate(2, 0.0, 0.25, 3)
    assert select([Candidate(1, 0.0, 0.5, 3), near], 1) == 1
    assert select([Candidate(1, 0.0, 0.501, 3), near], 1) == 2
