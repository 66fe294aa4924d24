# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S-series V600R023 campus switch (an S5735): the `source-interface all disable` pair stands alone (fact 1.5)."""

from __future__ import annotations

from ..interfaces import Family
from ..release import NTP, Behaviour, CipherShape, Release, Save

RELEASE = Release(
    name="s-v600",
    version="V600R023C00SPC500",
    platform="S5735-L48T4XE-A-V2",
    dialect=NTP,
    families=(
        Family("GE", switched=True, aliases=("GigabitEthernet",)),
        Family("10GE", switched=True),
        Family("25GE", switched=True),
        Family("100GE", switched=True),
        Family("Stack-Port", ntp_multicast=False),
        Family("Eth-Trunk", physical=False, switched=True),
        Family("Vlanif", physical=False),
        Family("MEth", ntp_multicast=False),
        Family("LoopBack", physical=False, ntp_multicast=False),
        Family("NULL", physical=False, ntp_multicast=False),
    ),
    display_version=(
        "Huawei YunShan OS",
        "Version 1.23.0.1 (S5700 V600R023C00SPC500)",
        "Copyright (C) 2021-2023 Huawei Technologies Co., Ltd.",
        "HUAWEI S5735-L48T4XE-A-V2 uptime is 0 day, 0 hour, 12 minutes",
        "",
        "S5735-L48T4XE-A-V2(Master) 1 : uptime is  0 day, 0 hour, 11 minutes",
        "        StartupTime 2024/07/14   04:50:55",
        "Memory      Size    : 2048 M bytes",
        "Flash       Size    : 1024 M bytes",
    ),
    # Permission text: fact 3.6; ciphertext shape with its header: fact 2.3.
    behaviour=Behaviour(
        forward_to_upper_view=True,
        commit_output="dots",
        permission_text="Error: You do not have permission to run the command or the command is incomplete.",
    ),
    cipher=CipherShape("%@%#", "%@%#", (168, 328), header='#!!!!!!!!!"!!!!"!!!!*!!!!'),
    header=(
        "!Software Version {version}",
        "!Last configuration was updated at {updated}",
        "!Last configuration was saved at {saved}",
        "!grpc VRPV800R006C00B016D0127-0.0.1",
        "!kms_feature --",
        "!md_tlm VRPV800R006C00B016D0127-0.0.1",
        "!telem VRPV800R006C00B016D0127-0.0.1",
    ),
    save=Save(progress=("Now saving the current configuration ........",)),
    source_all_disabled_printed=True,
    diff_heading="Building configuration...",
    vty_limit=5,
)
