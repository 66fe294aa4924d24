# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine steers a real kernel's clock: a guest's, 5 s wrong and 50 ppm off.

Not part of `make test`: a boot under emulation takes a minute. The figures, beside chronyd's, are the business of
tests/benchmarks/engine_clock_control.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import needs
import pytest
from integration.engine.process import running
from virtual_machine.guest import Guest, tools_missing
from virtual_machine.scenario import OSCILLATOR, WRONG, Engine, server, watch

NEAR = 0.005
"""Seconds. A guest under emulation on a busy machine has no better word of the time."""
PATIENCE = 120
pytestmark = [*needs.root, needs.unless(tools_missing())]


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    made = Guest(f"timecast-vt{os.getpid() % 100000}")
    try:
        made.up_with_error(OSCILLATOR)
        yield made
    finally:
        made.down()


def brought_in(guest: Guest) -> bool:
    """Whether the guest's clock comes near and is still there some intervals later."""
    near = watch(guest, PATIENCE, lambda seen: abs(seen[-1].offset) < NEAR)[-1]
    return abs(near.offset) < NEAR and all(abs(reading.offset) < NEAR for reading in watch(guest, 20))


def test_a_wrong_clock_is_brought_in_and_its_drift_outlives_a_boot(guest: Guest, tmp_path: Path) -> None:
    guest.make_wrong(WRONG)
    engine = Engine(guest)
    with running(server(tmp_path / "server", guest)):
        engine.start()
        assert brought_in(guest), engine.log()
        told = guest.clock()
        assert told.synchronised and abs(told.offset) <= told.maximum_error
        watch(guest, 200, lambda _seen: engine.remembers())
        remembered = engine.remembered()
        assert abs(remembered + OSCILLATOR) < 5
        guest.step(WRONG)
        assert all(reading.offset > WRONG - 0.1 for reading in watch(guest, 20)), "a later offset isn't stepped"
        engine.reconfigure(step="always")
        assert brought_in(guest), engine.log()
        engine.stop()
        guest.reboot()
        assert guest.clock().frequency == 0.0
        engine.start()
        # Long before the volley is over.
        assert guest.clock().frequency == pytest.approx(remembered, abs=5)
        engine.stop()
