# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit with 0 if the engine's status, on standard input, is synchronised and reaches so many servers."""

from __future__ import annotations

import json
import sys

try:
    status = json.load(sys.stdin)
except ValueError:
    sys.exit(1)
reached = [
    association for association in status["associations"] if association["reach"] and association["offset"] is not None
]
sys.exit(not (status["system"]["synchronised"] and len(reached) >= int(sys.argv[1])))
