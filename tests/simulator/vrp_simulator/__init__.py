# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated Huawei VRP devices that speak SSH, written from the numbered facts about VRP and from nothing else.

"fact 3.3" in a comment or docstring means section 3.3 of docs/docsite/rst/reference_facts_vrp.rst.
"""

from __future__ import annotations

__version__ = "1.0.0"
