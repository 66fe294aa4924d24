# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A boot takes a minute, so one guest serves all tests that don't ask for an oscillator of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from virtual_machine.guest import Guest


@pytest.fixture(scope="session")
def plain_guest() -> Iterator[Guest]:
    made = Guest(f"timecast-vp{os.getpid() % 100000}")
    try:
        made.up()
        yield made
    finally:
        made.down()
