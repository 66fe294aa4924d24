# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of VRP interfaces: which texts are names, how devices print them, and which two are one interface.

What was found is remembered: a device prints the same names again and again, and so do the devices of a fleet.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

# The spellings that devices print (facts 1.4, 2.1 and 9.4).
_TYPES = (
    *("10GE", "25GE", "40GE", "50GE", "100GE", "200GE", "400GE", "800GE", "GE", "XGE", "MultiGE"),
    *("GigabitEthernet", "XGigabitEthernet", "Ethernet", "MEth", "Eth-Trunk", "Ip-Trunk", "Vlanif", "Vbdif"),
    *("LoopBack", "NULL", "Tunnel", "Virtual-Template", "Virtual-Ethernet", "Pos", "Nve", "Remote-AP", "Serial"),
)
_PRINTED = {name.casefold(): name for name in _TYPES}
# Fact 9.4: devices print both words for one port. The two others are words of the same kind; fact 2.4 has `Eth1/0/1`.
_SAME_TYPE = {"ge": "gigabitethernet", "xge": "xgigabitethernet", "eth": "ethernet"}

# Fact 9.4: a speed may stand first, or behind a hyphen, and have a bar: `50|100GE`, `FlexE-50|100G`.
_SPEED = r"[0-9]+(?:\|[0-9]+)*"
_NAME = re.compile(
    rf"(?P<type>(?:{_SPEED})?[A-Za-z]+(?:-[A-Za-z]+)*(?:-{_SPEED}[A-Za-z]+)?) ?(?P<number>[0-9]+(?:[/.:][0-9]+)*)"
)
_SPEEDS = re.compile(rf"(?P<prefix>flexe-)?(?P<speeds>{_SPEED}(?:ge|g))")
_LONGEST = 63  # YANG: huawei-pub-type, if-name


def is_interface_name(text: str) -> bool:
    """Whether a text is the name of an interface: a type and a number, with or without a blank between them."""
    return _split(text) is not None


@functools.lru_cache(maxsize=8192)
def interface_name(text: str) -> str:
    """Return the spelling that a device prints: ``100ge 1/0/1`` becomes ``100GE1/0/1``.

    A name of an unknown type keeps its spelling, without blanks.
    """
    parts = _split(text)
    return "".join(text.split()) if parts is None else _printed_type(parts[0]) + parts[1]


@functools.lru_cache(maxsize=8192)
def interface_key(name: str) -> str:
    """Return the form in which two names of one VRP interface are equal.

    Devices ignore case and blanks, and take ``GE`` for ``GigabitEthernet``, ``XGE`` and ``Eth`` in the same way.
    """
    parts = _split(name)
    if parts is None:
        return "".join(name.split()).casefold()
    kind = parts[0].casefold()
    return _SAME_TYPE.get(kind, kind) + parts[1]


def abbreviated_by(text: str, names: Iterable[str]) -> list[str]:
    """Return the names that a text may abbreviate: same number, and a type that begins with that of the text.

    A device takes ``Gi0/1/0`` for ``GigabitEthernet0/1/0`` (fact 3.1), so it is no name of an interface that is absent.
    """
    parts = _split(text)
    if parts is None:
        return []
    kind, number = parts[0].casefold(), parts[1]
    whole = ((name, _split(name)) for name in names)
    return [name for name, of in whole if of and of[1] == number and of[0].casefold().startswith(kind)]


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts ``100GE1/0/2`` before ``100GE1/0/10``."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"([0-9]+)", name) if part
    )


@functools.lru_cache(maxsize=8192)
def _split(text: str) -> tuple[str, str] | None:
    words = " ".join(word for word in text.split(" ") if word) if len(text) <= _LONGEST else ""
    found = _NAME.fullmatch(words)
    return (found["type"], found["number"]) if found else None


def _printed_type(kind: str) -> str:
    folded = kind.casefold()
    speeds = _SPEEDS.fullmatch(folded)
    if speeds:
        return ("FlexE-" if speeds["prefix"] else "") + speeds["speeds"].upper()
    return _PRINTED.get(folded, kind)
