# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON objects as dataclasses whose fields carry their rule: one decoder for all of them.

A field is made by `option`: how its value is read, its default, and with whom it has to agree is data. The decoder is
strict, and it goes on after a problem, so that one run finds all of them.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, Union

from ntp_multicast_engine.errors import Problem

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
T = TypeVar("T")

WRONG: Any = object()
"""What a rule gives for a value that breaks it."""
_SHOWN = 80
_OPTION = "option"


@dataclass(frozen=True)
class Rule:
    """How a value is read: `read` notes problems and gives WRONG where there is one.

    `text` and `source` are for people: what the value has to be, and who says so.
    """

    text: str
    read: Callable[[Any, str, list[Problem]], Any]
    source: str = ""


@dataclass(frozen=True)
class Option:
    """What a field knows besides its type."""

    rule: Rule
    required: bool = False
    nullable: bool = False
    key: str | None = None


@dataclass(frozen=True)
class Agreement:
    """What several fields of one object have to keep together; `broken` gets their values.

    It is judged where each of `fields` is right by itself. The problem is told of the first one.
    """

    fields: tuple[str, ...]
    broken: Callable[..., bool]
    rule: Callable[..., str]


def option(
    rule: Rule, default: Any = dataclasses.MISSING, *, required: bool = False, nullable: bool = False, key: str = ""
) -> Any:
    """A field of a dataclass that is read from JSON. Without a default it is required; null means the default."""
    described = Option(rule, required or default is dataclasses.MISSING, nullable, key or None)
    if isinstance(default, dict):
        # Called in the bodies of dataclasses alone. pylint: disable-next=invalid-field-call
        return dataclasses.field(default_factory=lambda: dict(default), metadata={_OPTION: described})
    return dataclasses.field(default=default, metadata={_OPTION: described})  # pylint: disable=invalid-field-call


def options(kind: type) -> dict[str, tuple[str, Option]]:
    """JSON key -> name of the field and its option."""
    found = {}
    for field in dataclasses.fields(kind):
        described: Option = field.metadata[_OPTION]
        found[described.key or field.name] = (field.name, described)
    return found


def shown(value: Any) -> str:
    """A value as JSON, cut to a bearable length."""
    try:
        text = json.dumps(value, ensure_ascii=True, default=str)
    except RecursionError:
        # The reader of JSON bears slightly more than the writer.
        return "something nested too deeply to be shown"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def read_json(data: bytes) -> Any:
    """A JSON text in UTF-8 whose objects name each key once; raises ValueError."""
    try:
        # Some editors put a mark before the first line.
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_no_duplicates)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise ValueError(f"an object names the key {shown(name)} twice")
        result[name] = value
    return result


# The decoder


def decode(kind: type[T], value: Any, path: str, problems: list[Problem]) -> T:
    """A JSON object as `kind`; WRONG where `problems` has grown."""
    before = len(problems)
    values = _values(kind, value, path, problems)
    return WRONG if values is None or len(problems) > before else _made(kind, values)


def _made(kind: type[T], values: Mapping[str, Any]) -> T:
    return kind(**{name: value for name, value in values.items() if value is not dataclasses.MISSING})


def _values(kind: type, value: Any, path: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Field -> its value, MISSING for its default, or WRONG; None for what is no object."""
    if not isinstance(value, dict):
        problems.append(Problem(path or "the file", shown(value), "must be a JSON object"))
        return None
    known = options(kind)
    values = {
        name: _field(described, key in value, value.get(key), _place(path, key), problems)
        for key, (name, described) in known.items()
    }
    for key in value:
        if key not in known:
            rule = f"is not known here; known are {', '.join(sorted(known))}"
            problems.append(Problem(_place(path, key), shown(key), rule))
    _agree(kind, values, value, path, problems)
    return values


def _place(path: str, key: str) -> str:
    # Signs that control a terminal are told as JSON has them.
    name = key if key.isprintable() else shown(key)
    return f"{path}.{name}" if path else name


def _field(described: Option, present: bool, value: Any, place: str, problems: list[Problem]) -> Any:
    if not present and described.required:
        problems.append(Problem(place, "null", f"is required: {described.rule.text}"))
        return WRONG
    if not present or (value is None and described.nullable):
        return dataclasses.MISSING
    return described.rule.read(value, place, problems)


def _in_use(kind: type, values: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Values of fields, with their defaults."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    return [defaults[name] if values[name] is dataclasses.MISSING else values[name] for name in names]


def _agree(kind: type, values: dict[str, Any], document: Mapping[str, Any], path: str, problems: list[Problem]) -> None:
    keys = {name: key for key, (name, _described) in options(kind).items()}
    agreements: Sequence[Agreement] = getattr(kind, "AGREEMENTS", ())
    for agreement in agreements:
        judged = _in_use(kind, values, agreement.fields)
        if WRONG not in judged and agreement.broken(*judged):
            key = keys[agreement.fields[0]]
            problems.append(Problem(_place(path, key), shown(document.get(key)), agreement.rule(*judged)))
            values[agreement.fields[0]] = WRONG


# Rules


def plain(accepts: Callable[[Any], Any], text: str, source: str = "") -> Rule:
    """A value that `accepts` gives back as it is used; it raises ValueError for one that is wrong."""
    told = f"{text} ({source})" if source else text

    def read(value: Any, place: str, problems: list[Problem]) -> Any:
        try:
            return accepts(value)
        except ValueError:
            problems.append(Problem(place, shown(value), told))
            return WRONG

    return Rule(told, read, source)


def _is(condition: bool, value: T) -> T:
    if not condition:
        raise ValueError
    return value


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def boolean() -> Rule:
    return plain(lambda value: _is(isinstance(value, bool), value), "must be true or false")


def integer(low: int, high: int, source: str = "") -> Rule:
    text = f"must be a number from {low} to {high}"
    return plain(lambda value: _is(_whole(value) and low <= value <= high, value), text, source)


def one_of_numbers(numbers: Sequence[int], text: str, source: str = "") -> Rule:
    return plain(lambda value: _is(_whole(value) and value in numbers, value), text, source)


def port() -> Rule:
    text = "must be 123 or a number from 1025 to 65535"
    return plain(
        lambda value: _is(_whole(value) and (value == 123 or 1025 <= value <= 65535), value),
        text,
        "VRP, multicast-server port",
    )


def number(low: float, high: float, text: str = "", source: str = "") -> Rule:
    """Not infinite, and never "not a number": such a one is in no range."""

    def accepts(value: Any) -> float:
        return float(_is((_whole(value) or isinstance(value, float)) and low <= value <= high, value))

    return plain(accepts, text or f"must be a number from {low:g} to {high:g}", source)


def seconds(low: float, high: float, source: str = "") -> Rule:
    return number(low, high, f"must be seconds from {low:g} to {high:g}", source)


def choice(*choices: str) -> Rule:
    return plain(
        lambda value: _is(isinstance(value, str) and value in choices, value), "must be one of " + ", ".join(choices)
    )


def text(longest: int) -> Rule:
    return plain(
        lambda value: _is(isinstance(value, str) and 0 <= octets(value) <= longest, value),
        f"must be text of at most {longest} octets",
    )


def absolute_path(longest: int = 4095) -> Rule:
    def accepts(value: Any) -> str:
        proper = isinstance(value, str) and value.startswith("/") and "\0" not in value
        return str(_is(proper and 0 < octets(value) <= longest, value))

    return plain(accepts, f"must be an absolute path of at most {longest} octets")


def octets(value: str) -> int:
    """Length in UTF-8; -1 for text that has no UTF-8 form (a lone surrogate out of a JSON escape)."""
    try:
        return len(value.encode("utf-8"))
    except UnicodeEncodeError:
        return -1


def interface_name(name: Any) -> bool:
    """Whether the kernel could have an interface of that name (dev_valid_name)."""
    return (
        isinstance(name, str)
        and 0 < octets(name) <= 15
        and name not in (".", "..", "?")
        and name.isprintable()
        and not any(character in "/:" or character.isspace() for character in name)
    )


def interface() -> Rule:
    text = "must be the name of a network interface, at most 15 octets"
    return plain(lambda value: _is(interface_name(value), value), text, "netdevice(7)")


def interfaces(everything: str) -> Rule:
    """Names, each once; `everything` is the one word that stands for all, which is None."""

    def accepts(value: Any) -> tuple[str, ...] | None:
        if value == everything:
            return None
        names = _is(isinstance(value, list) and bool(value), value)
        return tuple(_is(all(map(interface_name, names)) and len(set(names)) == len(names), names))

    return plain(accepts, f'must be "{everything}" or a list of names of network interfaces')


def _address(value: Any) -> Address:
    # Text alone: the constructor also takes numbers.
    return ipaddress.ip_address(_is(isinstance(value, str) and "%" not in value, value))


def multicast_address() -> Rule:
    def accepts(value: Any) -> Address:
        address = _address(value)
        return _is(address.is_multicast, address)

    return plain(accepts, "must be an IPv4 or IPv6 multicast address such as 224.0.1.1 or ff0e::101")


def unicast_address() -> Rule:
    def accepts(value: Any) -> str:
        address = _address(value)
        return str(_is(not address.is_multicast and not address.is_unspecified, address))

    return plain(accepts, "must be the IPv4 or IPv6 address of one server")


def network() -> Rule:
    def accepts(value: Any) -> Network:
        return ipaddress.ip_network(_is(isinstance(value, str) and "%" not in value, value))

    return plain(accepts, "must be an IPv4 or IPv6 network such as 192.0.2.0/24 or 2001:db8::/32, without host bits")


# Rules made of others


def section(kind: type[Any], then: Callable[[Any], Any] = lambda made: made) -> Rule:
    """An object of its own."""

    def read(value: Any, place: str, problems: list[Problem]) -> Any:
        made = decode(kind, value, place, problems)
        return WRONG if made is WRONG else then(made)

    return Rule("must be a JSON object", read)


def many(item: Rule, collect: Callable[[list[Any]], Any] = tuple) -> Rule:
    """A list; each of its values has a problem of its own."""

    def read(value: Any, place: str, problems: list[Problem]) -> Any:
        if not isinstance(value, list):
            problems.append(Problem(place, shown(value), "must be a list"))
            return WRONG
        found = [item.read(entry, f"{place}[{number}]", problems) for number, entry in enumerate(value)]
        return WRONG if WRONG in found else collect(found)

    return Rule("must be a list", read)


def sections(kind: type[Any], identity: tuple[str, ...], told: str, rule: str) -> Rule:
    """A list of objects, no two of which may agree in the fields of `identity`; `told` shows those of one."""

    def read(value: Any, place: str, problems: list[Problem]) -> Any:
        if not isinstance(value, list):
            problems.append(Problem(place, shown(value), "must be a list"))
            return WRONG
        before = len(problems)
        seen: list[list[Any]] = []
        entries = [_values(kind, entry, f"{place}[{number}]", problems) for number, entry in enumerate(value)]
        for number, values in enumerate(entries):
            same = [WRONG] if values is None else _in_use(kind, values, identity)
            if WRONG not in same and same in seen:
                problems.append(Problem(f"{place}[{number}]", told.format(*same), rule))
            seen.append(same)
        return WRONG if len(problems) > before else tuple(_made(kind, values) for values in entries if values)

    return Rule("must be a list", read)
