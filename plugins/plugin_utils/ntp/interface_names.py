# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spelling of interface names."""

from __future__ import annotations

import re

# The spellings that devices print (facts 1.4 and 2.1).
_TYPES = (
    *("10GE", "25GE", "40GE", "50GE", "100GE", "200GE", "400GE", "800GE", "GE", "XGE", "MultiGE"),
    *("GigabitEthernet", "XGigabitEthernet", "Ethernet", "MEth", "Eth-Trunk", "Ip-Trunk", "Vlanif", "Vbdif"),
    *("LoopBack", "NULL", "Tunnel", "Virtual-Template", "Virtual-Ethernet", "Pos", "Nve", "Remote-AP", "Serial"),
)
_PRINTED = {name.casefold(): name for name in _TYPES}
_TYPE = re.compile(r"[0-9]*[A-Za-z][A-Za-z-]*(?=[0-9]|$)")


def interface_name(text: str) -> str:
    """Return the spelling that a device prints: ``100ge 1/0/1`` becomes ``100GE1/0/1``.

    A name of an unknown type keeps its spelling, without blanks.
    """
    compact = "".join(text.split())
    kind = _TYPE.match(compact)
    if kind is None:
        return compact
    return _PRINTED.get(kind.group().casefold(), kind.group()) + compact[kind.end() :]


def interface_key(name: str) -> str:
    """Return the form in which two names of one VRP interface are equal: devices ignore case and blanks."""
    return "".join(name.split()).casefold()


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts ``100GE1/0/2`` before ``100GE1/0/10``."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"([0-9]+)", name) if part
    )
