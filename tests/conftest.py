# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for all tests: no property depends on how fast the machine is, and what is left out says why."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from needs import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
