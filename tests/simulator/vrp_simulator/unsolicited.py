# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device prints unasked: logs, traps and debugging lines, with the time forms of ``info-center timestamp``."""

from __future__ import annotations

import datetime
import re
import time

from .faults import Faults
from .pieces import at_width

TEXTS = {  # invented, in the forms of facts 2.4 and 9.1
    "log": "%%01NTP/4/STRATUM_CHANGE(l)[1]:System stratum changes from 16 to 4. (SourceAddress=192.0.2.1)",
    "trap": "IFNET/4/STATE_CHANGED:OID 1.3.6.1.4.1.2011.5.25.41.6.1 The state of an interface\n"
    " has changed. (IfIndex=9, IfName=100GE1/0/9, State=2)",
    "debugging": "NTP/7/PACKET:\n  Packet of mode 5 from 192.0.2.1, port 123",
}
_OPENINGS = {"trap": "#"}
_START = time.monotonic()


def stamp(form: str, zone: str, moment: datetime.datetime) -> str:
    """Return the time in one of the forms of fact 9.1, ready to stand before the name of the device."""
    if form == "none":
        return ""
    if form == "boot":  # since the start, in two numbers
        return f"0.{round((time.monotonic() - _START) * 1000):09d} "
    if form == "rfc-3339":
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}{zone or 'Z'} "
    shown = {"date": "%b %d %Y %H:%M:%S", "short-date": "%b %d %H:%M:%S", "format-date": "%Y-%m-%d %H:%M:%S"}[form]
    return f"{moment.strftime(shown)}{zone} "


def unsolicited(faults: Faults, sysname: str) -> str:
    """Return one such text with its line ends."""
    moment = datetime.datetime.now(datetime.timezone.utc)
    text = faults.log_text or TEXTS[faults.log_kind]
    whole = f"{_OPENINGS.get(faults.log_kind, '')}{stamp(faults.log_form, faults.log_zone, moment)}{sysname} {text}"
    lines = [part for line in whole.split("\n") for part in at_width(line, faults.log_width)]
    return "".join(f"{line}\n" for line in lines)


def is_due(faults: Faults, place: str, monitoring: bool, typed: str | None) -> bool:
    """Tell whether something is printed at this place, and count it.

    typed: the line that was typed last; ``None`` before the first one. Nothing comes after the prompt that an empty
    line brought: a device does not log all the time.
    """
    if faults.log_lines == "none" or (faults.log_lines == "stoppable" and not monitoring):
        return False
    places = ("first-prompt", "prompt") if place == "prompt" and typed is None else (place,)
    if not set(places) & set(faults.log_at):
        return False
    if place == "prompt" and typed == "":
        return False
    if faults.log_after_line and (typed is None or not re.search(faults.log_after_line, typed)):
        return False
    return faults.spend("log_times")
