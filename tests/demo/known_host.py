# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the known_hosts line of a simulated device: known_host.py READY-FILE ADDRESS PORT."""

from __future__ import annotations

import json
import pathlib
import sys

ready_file, address, port = sys.argv[1:]
host_key = json.loads(pathlib.Path(ready_file).read_text(encoding="utf-8"))["host_key"].split()
name = address if port == "22" else f"[{address}]:{port}"
sys.stdout.write(f"{name} {host_key[0]} {host_key[1]}\n")
