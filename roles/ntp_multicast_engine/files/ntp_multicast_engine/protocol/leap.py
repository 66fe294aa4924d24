# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a leap second may be accepted.

Every one so far came at the end of June or December (ITU-R TF.460 prefers these months), so a warning in any other
month is an error or a lie. A kernel that is told inserts the second at the end of the very day (adjtimex(2), STA_INS).
"""

from __future__ import annotations

import time

from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_INSERT, _DELETE = 1, 2
_LAST_DAYS = {6: 30, 12: 31}


def credible(leap: int, unix_ns: int) -> int:
    """The leap indicator, with a warning that comes in the wrong month taken away."""
    month = time.gmtime(unix_ns // NANOSECONDS).tm_mon
    return 0 if leap in (_INSERT, _DELETE) and month not in _LAST_DAYS else leap


def today(leap: int, unix_ns: int) -> int:
    """The leap indicator for a kernel: a warning counts on the last day alone."""
    date = time.gmtime(unix_ns // NANOSECONDS)
    return 0 if leap in (_INSERT, _DELETE) and date.tm_mday != _LAST_DAYS.get(date.tm_mon) else leap
