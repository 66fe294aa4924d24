# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A single-stage VRP5 switch, for contrast: no candidate, `[H]` prompts, the `ntp-service` dialect (facts 2.1, 3.9)."""

from __future__ import annotations

from ..interfaces import Family
from ..release import NTP_SERVICE, Behaviour, CipherShape, Release, Save

CARETS = {  # fact 3.6: some without a blank
    "unrecognized": "Error: Unrecognized command found at '^' position.",
    "wrong": "Error: Wrong parameter found at '^' position.",
    "incomplete": "Error:Incomplete command found at '^' position.",
    "ambiguous": "Error:Ambiguous command found at '^' position.",
    "too-many": "Error:Too many parameters found at '^' position.",
}

RELEASE = Release(
    name="vrp5",
    version="V200R010C00SPC600",
    platform="S1720-28GWR-4P",
    dialect=NTP_SERVICE,
    families=(
        Family("GigabitEthernet", switched=True, aliases=("GE",)),
        Family("XGigabitEthernet", switched=True),
        Family("Eth-Trunk", physical=False, switched=True),
        Family("Vlanif", physical=False),
        Family("MEth", ntp_multicast=False),
        Family("LoopBack", physical=False, ntp_multicast=False),
        Family("NULL", physical=False, ntp_multicast=False),
    ),
    display_version=(
        "Huawei Versatile Routing Platform Software",
        "VRP (R) software, Version 5.170 (S1720 V200R010C00SPC600)",
        "Copyright (C) 2000-2016 HUAWEI TECH CO., LTD",
        "HUAWEI S1720-28GWR-4P Routing Switch uptime is 0 week, 0 day, 1 hour, 20 minutes",
    ),
    behaviour=Behaviour(
        complexity_check=False,
        default_ttl=255,  # fact 1.3: one VRP5 S-series manual
        reenter="merge",
        defaults_shown=True,
    ),
    cipher=CipherShape("%$%$", "%$%$", (48, 88, 168)),
    two_stage=False,
    header=("[{version}]",),  # fact 2.1: looks like a prompt
    system_view_text="Enter system view, return user view with Ctrl+Z.",
    save=Save(
        question=" The current configuration will be written to the device.\n Are you sure to continue?[Y/N]",
        progress=("  It will take several minutes to save configuration file, please wait...............",),
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
    # Fact 3.7.
    quit_text="Info:Configuration console exit, please retry to log on",
)
