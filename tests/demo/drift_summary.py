# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print ``host=status`` of every host of a check_drift summary, in the order of their names."""

from __future__ import annotations

import json
import pathlib
import sys

hosts = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))["hosts"]
sys.stdout.write(" ".join(f"{name}={hosts[name]['status']}" for name in sorted(hosts)) + "\n")
