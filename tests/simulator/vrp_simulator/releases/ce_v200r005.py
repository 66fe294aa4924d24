# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudEngine V200R005: older texts, one automatic line only (facts 1.5, 2.3, 3.4; sample of a CE6880)."""

from __future__ import annotations

from ..interfaces import Family
from ..release import NTP, Behaviour, CipherShape, Release

# fact 1.4, CE: ports, Eth-Trunk, Tunnel and VLANIF take the multicast commands; management, loopback and null do not.
FAMILIES = (
    Family("10GE", switched=True),
    Family("25GE", switched=True),
    Family("40GE", switched=True),
    Family("100GE", switched=True),
    Family("400GE", switched=True),
    Family("GE", switched=True, aliases=("GigabitEthernet",)),
    Family("Eth-Trunk", physical=False, switched=True),
    Family("Tunnel", physical=False),
    Family("Vlanif", physical=False),
    Family("MEth", ntp_multicast=False),
    Family("LoopBack", physical=False, ntp_multicast=False),
    Family("NULL", physical=False, ntp_multicast=False),
)

RELEASE = Release(
    name="ce-v200r005",
    version="V200R005C10SPC800",
    platform="CE6880-24S4Q2CQ-EI",
    dialect=NTP,
    families=FAMILIES,
    display_version=(  # the first half of the sample of `display version`, with this platform
        "Huawei Versatile Routing Platform Software",
        "VRP (R) software, Version 8.180 (CE6880EI V200R005C10SPC800)",
        "Copyright (C) 2012-2018 Huawei Technologies Co., Ltd.",
        "HUAWEI CE6880-24S4Q2CQ-EI uptime is 322 days, 3 hours, 31 minutes",
        "Patch Version: V200R005SPH036",
        "",
        "CE6880-24S4Q2CQ-EI(Master) 1 : uptime is  322 days, 3 hours, 30 minutes",
        "        StartupTime 2025/01/06   13:05:32+06:00",
        "Memory    Size    : 4096 M bytes",
        "Flash     Size    : 2048 M bytes",
    ),
    behaviour=Behaviour(forward_to_upper_view=True, complexity_check=True, commit_output="done"),
    cipher=CipherShape("%^%#", "%^%#", (48, 88, 168)),
    automatic_lines=("ipv4",),  # fact 1.5: the CE6880 shows `ntp server disable` only
    sub_separator=" #",
    vty_limit=15,
)
