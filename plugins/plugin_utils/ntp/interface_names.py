# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spelling of interface names."""

from __future__ import annotations

import re

# The spellings that devices print (facts 1.4 and 2.1), by the spelling that compares.
_TYPES = {
    name.casefold(): name
    for name in (
        "10GE 25GE 40GE 50GE 100GE 200GE 400GE 800GE GE XGE XGigabitEthernet MultiGE GigabitEthernet Ethernet MEth "
        "Eth-Trunk Ip-Trunk Vlanif Vbdif LoopBack NULL Tunnel Virtual-Template Virtual-Ethernet Global-VE Pos Nve "
        "Stack-Port Remote-AP Serial Dialer Cellular Atm Bridge-if Sip VE-Group"
    ).split()
}
_NAME = re.compile(r"\s*(\d*[A-Za-z][A-Za-z-]*?)\s*(\d.*?)?\s*")


def interface_name(text: str) -> str:
    """Return the spelling that a device prints: ``100ge 1/0/1`` becomes ``100GE1/0/1``.

    A name of an unknown type keeps its spelling, without blanks.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        return "".join(text.split())
    kind, number = match.group(1), match.group(2) or ""
    return _TYPES.get(kind.casefold(), kind) + "".join(number.split())


def interface_key(name: str) -> str:
    """Return the form in which two names of the same VRP interface are equal: devices ignore case and blanks."""
    return "".join(name.split()).casefold()
