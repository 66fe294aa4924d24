# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An AR router: VRP5 without a candidate, with questions that end in a default (facts 3.4, 3.9, 9.3)."""

from __future__ import annotations

from ..interfaces import Family
from ..release import NTP_SERVICE, Behaviour, CipherShape, Release, Save
from .vrp5 import CARETS

RELEASE = Release(
    name="ar-v300r024",
    version="V300R024C00SPC100",
    platform="AR5710-S8T2X",
    dialect=NTP_SERVICE,
    families=(
        Family("GigabitEthernet", aliases=("GE",)),
        Family("XGigabitEthernet"),
        Family("Eth-Trunk", physical=False),
        Family("Vlanif", physical=False),
        Family("LoopBack", physical=False, ntp_multicast=False),
        Family("NULL", physical=False, ntp_multicast=False),
    ),
    display_version=(
        "Huawei Versatile Routing Platform Software",
        "VRP (R) software, Version 5.170 (AR5710 V300R024C00SPC100)",
        "Copyright (C) 2011-2024 HUAWEI TECH CO., LTD",
        "Huawei AR5710-S8T2X Router uptime is 0 week, 2 days, 3 hours, 4 minutes",
    ),
    behaviour=Behaviour(complexity_check=False, reenter="merge"),
    cipher=CipherShape("%^%#", "%^%#", (48, 88, 168)),
    two_stage=False,
    header=("[{version}]",),  # fact 2.1
    system_view_text="Enter system view, return user view with Ctrl+Z.",
    save=Save(
        question=("  The current configuration will be written to the device. \n  Are you sure to continue? (y/n)[n]:"),
        progress=(
            "  It will take several minutes to save configuration file, please wait.......",
            "  Writing the configuration file.......",
        ),
        done=(
            "  Configuration file had been saved successfully",
            "  Note: The configuration file will take effect after being activated",
        ),
    ),
    carets=CARETS,
    automatic_lines=(),
    undo_takes_tail=True,
    algorithms=("md5", "hmac-sha256"),
    vty_limit=5,
    frequency="100.0000",
    trailing_blanks=True,
    session_first_blank=True,
    quit_text="Info:Configuration console exit, please retry to log on",  # fact 3.7
)
