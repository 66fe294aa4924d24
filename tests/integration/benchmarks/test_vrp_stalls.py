# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bounded part of the benchmark of silences: a tenth of the time, and few devices."""

from __future__ import annotations

import pytest
from benchmarks import vrp_stalls

from vrp_simulator.testing import running_devices

DEVICES = 20


@pytest.fixture(name="devices", scope="module")
def devices_fixture():
    with running_devices(vrp_stalls.entries(DEVICES)) as running:
        yield list(running.values())


@pytest.mark.parametrize("kind", vrp_stalls.KINDS)
def test_silences_within_the_time_out_are_sat_through(devices, kind: str) -> None:
    verdicts = vrp_stalls.side_by_side(kind, devices, vrp_stalls.Stalls(scale=0.1))
    assert [verdict for verdict in verdicts if verdict.word == "wrong"] == []
    assert "right" in {verdict.word for verdict in verdicts}


@pytest.mark.parametrize("kind", vrp_stalls.KINDS)
def test_silences_beyond_the_time_out_are_told(devices, kind: str) -> None:
    """Most texts have a silence in them that is longer than the user allows."""
    stalls = vrp_stalls.Stalls(share=0.1, scale=0.1, command_timeout=2.0)
    verdicts = vrp_stalls.side_by_side(kind, devices, stalls)
    assert [verdict for verdict in verdicts if verdict.word == "wrong"] == []
    assert "failed" in {verdict.word for verdict in verdicts}
