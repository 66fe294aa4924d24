# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark of accuracy judges: one unlucky start of ntpd decides nothing, one bad engine does."""

from __future__ import annotations

import pytest
from benchmarks.engine_accuracy import Row, report

US = 1e-6
ENGINE = [2 * US, -2 * US]
UNLUCKY = [58 * US] * 8


def rows(
    engines: list[list[float]], ours: list[list[float]], theirs: float = 26 * US, chrony: float = 4 * US
) -> list[Row]:
    return [
        Row("engine <- engine", engines),
        Row("ntpd <- engine", ours, lottery=True),
        Row("ntpd <- ntpd (basic)", [[theirs] * 8] * 20, lottery=True),
        Row("engine <- ntpd (basic)", [ENGINE]),
        Row("chrony <- chrony (unicast)", [[chrony, -chrony]]),
        Row("chrony <- engine (unicast)", [[chrony, -chrony]]),
    ]


@pytest.mark.parametrize(
    ("engines", "ours", "holds"),
    [
        ([ENGINE] * 3, [[28 * US] * 8] * 20, True),
        ([ENGINE] * 3, [*[[8 * US] * 8] * 19, UNLUCKY], True),
        ([ENGINE] * 3, [[29 * US] * 8] * 20, False),
        ([ENGINE] * 3, [*[[8 * US] * 8] * 9, *[UNLUCKY] * 11], False),
        ([[4.1 * US, -4.1 * US]] * 3, [[8 * US] * 8] * 20, False),
        ([[3.1 * US] * 2] * 3, [[8 * US] * 8] * 20, False),
        ([ENGINE, ENGINE, [40 * US, -40 * US]], [[8 * US] * 8] * 20, False),
    ],
)
def test_what_decides(engines: list[list[float]], ours: list[list[float]], holds: bool) -> None:
    assert report(rows(engines, ours), jitter=False) is holds


def test_the_engine_is_held_to_ntpd_as_well() -> None:
    """Where chrony is bad as well, three tenths of ntpd's errors decide."""
    wide = [[9 * US, -9 * US]] * 3
    assert report(rows(wide, [[8 * US] * 8] * 20, theirs=31 * US, chrony=40 * US), jitter=False)
    assert not report(rows(wide, [[8 * US] * 8] * 20, theirs=29 * US, chrony=40 * US), jitter=False)


def test_with_jitter_what_ntpd_has_measured_is_chance() -> None:
    assert report(rows([ENGINE], [UNLUCKY]), jitter=True)


def test_an_unlucky_start_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    report(rows([ENGINE], [*[[8 * US] * 8] * 19, UNLUCKY]), jitter=False)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ntpd <- engine  ")]
    assert line.split()[4] == "15.1" and line.split()[-2:] == ["8.0", "0.31"]
