# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server is followed."""

from __future__ import annotations

from ntp_multicast_engine.selection import Candidate, select, truechimers


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
