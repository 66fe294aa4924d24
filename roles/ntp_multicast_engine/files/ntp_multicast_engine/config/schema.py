# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading JSON objects strictly: every value is checked, every unknown key refused, every complaint collected."""

from __future__ import annotations

import ipaddress
import json
from typing import Any, Union

from ntp_multicast_engine.errors import Problem

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_SHOWN = 80
_ABSENT = object()


def shown(value: Any) -> str:
    """A value as JSON, cut to a bearable length."""
    try:
        text = json.dumps(value, ensure_ascii=True, default=str)
    except RecursionError:
        # The reader of JSON bears slightly more than the writer.
        return "something nested too deeply to be shown"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


class Reader:
    """One JSON object. Each method takes a key, notes a problem if its value breaks the rule, and gives a usable value
    all the same, so that one run finds all problems. `finish` complains about keys that nobody asked for."""

    def __init__(self, value: Any, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self._seen: set[str] = set()
        self._object: dict[str, Any] = {}
        if isinstance(value, dict):
            self._object = value
        else:
            problems.append(Problem(path or "the file", shown(value), "must be a JSON object"))

    def _place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _take(self, key: str) -> Any:
        self._seen.add(key)
        return self._object.get(key, _ABSENT)

    def value(self, key: str) -> Any:
        """The bare value, for a caller that checks it himself; None where there is none."""
        value = self._take(key)
        return None if value is _ABSENT else value

    def has(self, key: str) -> bool:
        return key in self._object

    def problem(self, key: str, rule: str) -> None:
        self.problems.append(Problem(self._place(key), shown(self._object.get(key)), rule))

    def finish(self) -> None:
        for key in self._object:
            if key not in self._seen:
                known = ", ".join(sorted(self._seen))
                self.problems.append(Problem(self._place(key), shown(key), f"is not known here; known are {known}"))

    def boolean(self, key: str, default: bool) -> bool:
        value = self._take(key)
        if value is _ABSENT:
            return default
        if not isinstance(value, bool):
            self.problem(key, "must be true or false")
            return default
        return value

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        value = self.optional_integer(key, low, high)
        if value is None:
            if self._object.get(key, _ABSENT) is None:
                self.problem(key, f"must be a number from {low} to {high}")
            return default
        return value

    def optional_integer(self, key: str, low: int, high: int) -> int | None:
        value = self._take(key)
        if value is _ABSENT or value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.problem(key, f"must be a number from {low} to {high}")
            return None
        return value

    def seconds(self, key: str, default: float | None, low: float, high: float) -> float | None:
        value = self._take(key)
        if value is _ABSENT or value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            self.problem(key, f"must be seconds from {low:g} to {high:g}")
            return default
        return float(value)

    def port(self, key: str) -> int:
        """RFC 5905 and the VRP manual: 123, or one that nobody else owns."""
        value = self._take(key)
        if value is _ABSENT:
            return 123
        if isinstance(value, bool) or not isinstance(value, int) or not (value == 123 or 1025 <= value <= 65535):
            self.problem(key, "must be 123 or a number from 1025 to 65535")
            return 123
        return value

    def text(self, key: str, default: str, rule: str, longest: int) -> str:
        value = self._take(key)
        if value is _ABSENT:
            return default
        if not isinstance(value, str) or not 0 < _octets(value) <= longest or "\0" in value:
            self.problem(key, rule)
            return default
        return value

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        value = self._take(key)
        if value is _ABSENT:
            return default
        if not isinstance(value, str) or value not in choices:
            self.problem(key, "must be one of " + ", ".join(choices))
            return default
        return value

    def absolute_path(self, key: str, default: str | None, longest: int = 4095) -> str | None:
        value = self._take(key)
        if value is _ABSENT or value is None:
            return default
        proper = isinstance(value, str) and value.startswith("/") and "\0" not in value
        if not proper or not 0 < _octets(value) <= longest:
            self.problem(key, f"must be an absolute path of at most {longest} octets")
            return default
        return str(value)

    def items(self, key: str) -> list[Any]:
        value = self._take(key)
        if value is _ABSENT:
            return []
        if not isinstance(value, list):
            self.problem(key, "must be a list")
            return []
        return value

    def objects(self, key: str) -> list[Reader]:
        place = self._place(key)
        return [Reader(item, f"{place}[{number}]", self.problems) for number, item in enumerate(self.items(key))]

    def object(self, key: str) -> Reader:
        value = self._take(key)
        return Reader({} if value is _ABSENT else value, self._place(key), self.problems)

    def interface(self, key: str) -> str:
        rule = "must be the name of a network interface, at most 15 octets"
        if not self.has(key):
            self.problem(key, rule)
        name = self.text(key, "?", rule, 15)
        if not interface_name(name):
            self.problem(key, rule)
        return name

    def multicast_address(self, key: str) -> Address:
        address = _address(self._take(key))
        if address is None or not address.is_multicast:
            self.problem(key, "must be an IPv4 or IPv6 multicast address such as 224.0.1.1 or ff0e::101")
            return ipaddress.IPv4Address("224.0.1.1")
        return address

    def networks(self, key: str) -> tuple[Network, ...]:
        place = self._place(key)
        found: list[Network] = []
        for number, item in enumerate(self.items(key)):
            try:
                # Text alone: the constructor also takes numbers.
                found.append(ipaddress.ip_network(item if isinstance(item, str) and "%" not in item else "?"))
            except ValueError:
                rule = "must be an IPv4 or IPv6 network such as 192.0.2.0/24 or 2001:db8::/32, without host bits"
                self.problems.append(Problem(f"{place}[{number}]", shown(item), rule))
        return tuple(found)

    def unicast_addresses(self, key: str) -> frozenset[str]:
        place = self._place(key)
        found: set[str] = set()
        for number, item in enumerate(self.items(key)):
            address = _address(item)
            if address is None or address.is_multicast or address.is_unspecified:
                rule = "must be the IPv4 or IPv6 address of one server"
                self.problems.append(Problem(f"{place}[{number}]", shown(item), rule))
            else:
                found.add(str(address))
        return frozenset(found)


def _octets(text: str) -> int:
    """Length in UTF-8; -1 for text that has no UTF-8 form (a lone surrogate out of a JSON escape)."""
    try:
        return len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return -1


def interface_name(name: str) -> bool:
    """Whether the kernel could have an interface of that name (dev_valid_name)."""
    return (
        0 < _octets(name) <= 15
        and name not in (".", "..", "?")
        and not any(character in "/:" or character.isspace() for character in name)
    )


def _address(value: Any) -> Address | None:
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None
