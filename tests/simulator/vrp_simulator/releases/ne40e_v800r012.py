# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetEngine 40E V800R012: the `ntp-service` dialect (fact 0 item 1)."""

from __future__ import annotations

from ..interfaces import Family
from ..release import NTP_SERVICE, Behaviour, CipherShape, Release, Save

RELEASE = Release(
    name="ne40e-v800r012",
    version="V800R012C10",
    platform="NE40E-M2",
    dialect=NTP_SERVICE,
    families=(  # fact 1.4, NE
        Family("10GE"),
        Family("40GE"),
        Family("100GE"),
        Family("400GE"),
        Family("GigabitEthernet", aliases=("GE",)),
        # fact 9.4; that their sub-interfaces take the commands too is our inference.
        Family("25|10GE", sub_interface_ntp=True),
        Family("50|100GE", sub_interface_ntp=True),
        Family("FlexE-50|100G", sub_interface_ntp=True),
        Family("Eth-Trunk", physical=False),
        Family("Ip-Trunk", physical=False),
        Family("LoopBack", physical=False),
        Family("Pos"),
        Family("Tunnel", physical=False),
        Family("Vlanif", physical=False),
        Family("Virtual-Template", physical=False),
        Family("Ethernet", ntp_multicast=False),
        Family("NULL", physical=False, ntp_multicast=False),
    ),
    display_version=(
        "Huawei Versatile Routing Platform Software",
        "VRP (R) software, Version 8.200 (NE40E V800R012C10SPC300)",
        "Copyright (C) 2012-2019 Huawei Technologies Co., Ltd.",
        "HUAWEI NE40E-M2 uptime is 3 days, 7 hours, 2 minutes",
    ),
    # fact 1.1: the manual's own examples use keys of eight characters, so the check is off here.
    behaviour=Behaviour(
        complexity_check=False,
        commit_output="silent",
        missing_key="commit",
        include_keeps_separators=True,
        interface_word_needs_number=False,
    ),
    cipher=CipherShape("%#%#", "%#%#", (48, 88, 168)),
    leaving_question=(  # fact 3.3, NE40E V8.180
        "Warning: Uncommitted configurations found, commit them before exiting? [Y(yes)/N(no)/C(cancel)]:"
    ),
    save=Save(repeated=2),
    enabled_server_printed=True,
    cipher_takes_plain=True,
    session_first_blank=True,
    shutdown_printed=True,
    lock_words="occupied",
)
