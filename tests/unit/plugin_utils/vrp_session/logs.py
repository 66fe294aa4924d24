# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices write between, before and after their answers."""

from __future__ import annotations

LOGS = {
    "date": "May 04 2026 06:07:08 CE1 %%01FIB/4/ECMP_LIMIT(l)[3]:ECMP groups reach 80 percent",
    "date with zone": "May 04 2026 06:07:08+02:00 CE1 %%01FIB/4/ECMP_LIMIT(l):ECMP groups reach 80 percent",
    "short-date": "May 4 06:07:08 CE1 %%01FIB/4/ECMP_LIMIT(l):ECMP groups reach 80 percent",
    "format-date": "2026-05-04 06:07:08 CE1 %%01FIB/4/ECMP_LIMIT(l): ECMP groups of slot 1 reach 80 percent",
    "rfc-3339": "2026-05-04T06:07:08.120+02:00 CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "boot": "0.123004567 CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "none": "CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "trap": "#May 04 2026 06:07:08 CE1 IFNET/2/linkDown:OID 1.3.6.1 (IfIndex=5)",
    "trap without time": "#CE1 IFNET/2/linkDown:OID 1.3.6.1 (IfIndex=5)",
    "debugging": "*0.123004567 CE1 NTP/7/DEBUG: packet sent",
    "debugging without mark": "CE1 NTP/7/PACKET: packet sent",
    "named zone": "May 04 2026 06:07:08 CEST CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "named zone with offset": "May 04 2026 06:07:08 Beijing+08:00 DST CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "milliseconds behind a colon": "May 04 2026 06:07:08:120 CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "in brackets": "[2026-05-04 06:07:08.120+08:00] CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "German month": "Mai 04 2026 06:07:08 CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "Chinese month": "5\u6708 04 2026 06:07:08 CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "French month": "juin 04 2026 06:07:08 CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "percent": "%May 04 2026 06:07:08 CE1 SHELL/5/LOGIN:x",
    "priority": "<189>May 04 2026 06:07:08 CE1 %%01FIB/4/ECMP_LIMIT(l):x",
    "name of two words": "May 04 2026 06:07:08 my switch 2 %%01FIB/4/ECMP_LIMIT(l):x",
    "slot": "May 04 2026 06:07:08 CE1 Slot=1;%%01FIB/4/ECMP_LIMIT(l):x",
    "blank in the name": "May 04 2026 06:07:08 CE1 %%01 FIB/4/ECMP_LIMIT(l):x",
}
UNKNOWN_TEXT = "the 12th of May: something that nobody expected"
