# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudEngine 6800 V300R023 (YunShan OS): the manuals that most of the facts come from."""

from __future__ import annotations

from ..release import NTP, Behaviour, CipherShape, Release, Save
from .ce_v200r005 import FAMILIES

RELEASE = Release(
    name="ce-v300r023",
    version="V300R023C00",
    platform="CE6863E-48S6CQ",
    dialect=NTP,
    families=FAMILIES,
    display_version=(
        "Huawei YunShan OS",
        "Version 1.23.0.1 (CE6800 V300R023C00SPC500)",
        "Copyright (C) 2021-2023 Huawei Technologies Co., Ltd.",
        "HUAWEI CE6863E-48S6CQ uptime is 12 days, 4 hours, 12 minutes",
        "",
        "CE6863E-48S6CQ(Master) 1 : uptime is  12 days, 4 hours, 11 minutes",
        "        StartupTime 2026/04/26   17:09:55",
        "Memory      Size    : 4096 M bytes",
        "Flash       Size    : 2048 M bytes",
    ),
    behaviour=Behaviour(forward_to_upper_view=True, complexity_check=True, commit_output="silent"),
    cipher=CipherShape("%+%#", "%+%#", (48, 88, 168)),
    save=Save(  # fact 3.4, the manual's dialog: a question without a colon
        question="Warning: all configuration will be written to the device.\nAre you sure to continue?[Y/N]",
        progress=("Now saving all configuration to the slot 1",),
    ),
    md5_needs_weak_algorithms=True,
    rollback_question=(
        "Warning: This operation will revert configuration changes to the previous status. During the rollback "
        "configuration process, some configurations involving differences may be temporarily invalid. Continue? [Y/N]:"
    ),
    rollback_checks_changes=True,
    quit_text=(
        "Info: The max number of VTY users is {limit}, the number of current VTY users online is {online}, "
        "and total number of terminal users online is {online}."
    ),
)
