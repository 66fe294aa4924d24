# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of interfaces: how they are typed and how they are printed (facts 1.4, 2.1, 4.1 item 17)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import SettingsError

# A bar stands in the names of ports that run at more than one speed: 50|100GE0/1/4, FlexE-50|100G0/1/2 (fact 9.4).
_FAMILY = r"(?:FlexE-)?(?:[0-9]{1,3}\|)?[0-9]{0,3}[A-Za-z][A-Za-z-]*"
_WHOLE = re.compile(rf"({_FAMILY})([0-9][0-9/:.]*)", re.IGNORECASE)
_PHYSICAL_NUMBER = re.compile(r"\d+(/\d+){1,3}(:\d+)?(\.\d+)?")
_VIRTUAL_NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Family:
    """A family of interfaces of a release, for example ``100GE`` or ``Vlanif``."""

    name: str
    physical: bool = True
    ntp_multicast: bool = True  # fact 1.4: the views that the manuals list
    switched: bool = False  # fact 1.4: CE ports start as layer 2
    sub_interface_ntp: bool = False
    aliases: tuple[str, ...] = ()  # other words for it that the device takes (fact 9.4: GE and GigabitEthernet)


class InterfaceNames:
    """The families of one release, and the spelling of their names."""

    def __init__(self, families: tuple[Family, ...]) -> None:
        self._families = {name.lower(): family for family in families for name in (family.name, *family.aliases)}

    def find_family(self, typed: str) -> Family:
        """Return the family that ``typed`` names, in any case and shortened while unique (fact 3.1)."""
        wanted = typed.lower()
        exact = self._families.get(wanted)
        if exact is not None:
            return exact
        found = {family.name: family for name, family in self._families.items() if name.startswith(wanted)}
        if len(found) != 1:
            raise ValueError(f"{typed!r} names no interface family")
        return next(iter(found.values()))

    def join(self, family: str, number: str) -> str:
        """Return the printed name for a family and a number: no blank between them (fact 2.1)."""
        known = self.find_family(family)
        pattern = _PHYSICAL_NUMBER if known.physical else _VIRTUAL_NUMBER
        if not pattern.fullmatch(number):
            raise ValueError(f"{number!r} is no number of an interface {known.name}")
        return known.name + number

    def canonical(self, typed: str) -> str:
        """Return the printed name for ``100ge1/0/1`` or ``100ge 1/0/1``."""
        parts = _WHOLE.fullmatch(typed.replace(" ", ""))
        if parts is None:
            raise ValueError(f"{typed!r} is no interface name")
        return self.join(parts[1], parts[2])

    def family_of(self, name: str) -> Family:
        """Return the family of a printed name."""
        parts = _WHOLE.fullmatch(name)
        if parts is None:
            raise SettingsError(f"{name!r} is no interface name of this release")
        return self.find_family(parts[1])

    def takes_ntp_multicast(self, name: str) -> bool:
        """Tell whether the multicast commands exist in the view of this interface (fact 1.4)."""
        family = self.family_of(name)
        return family.ntp_multicast and (family.sub_interface_ntp or not is_sub_interface(name))


def is_sub_interface(name: str) -> bool:
    """Tell whether ``name`` is a sub-interface such as ``Eth-Trunk7.11``."""
    return "." in name


def main_interface(name: str) -> str:
    """Return the interface that a sub-interface belongs to, or ``name`` itself."""
    return name.partition(".")[0]


def sort_key(name: str) -> tuple[int, str, tuple[int, ...]]:
    """Order of interface blocks as devices print them: VLANIF, management, ports, loopback, null (fact 2.1)."""
    parts = _WHOLE.fullmatch(name)
    family, number = (parts[1], parts[2]) if parts else (name, "0")
    first = {"vlanif": 0, "meth": 1, "eth-trunk": 2, "loopback": 8, "null": 9}.get(family.lower(), 5)
    return first, family.lower().zfill(24), tuple(int(part) for part in re.findall(r"\d+", number))
