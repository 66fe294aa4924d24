# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point of `python3 -m ntp_multicast_engine`."""

from __future__ import annotations

import sys

from ntp_multicast_engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
