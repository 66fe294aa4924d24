# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON objects as dataclasses whose fields carry their rule: one decoder for all of them.

The decoder is strict, and it goes on after a problem, so that one run finds all of them.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, Union

from ntp_multicast_engine.errors import Problem

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
T = TypeVar("T")

WRONG: Any = object()
"""What a rule gives for a value that breaks it."""
_SHOWN = 80
OPTION = "option"


@dataclass(frozen=True)
class Rule:
    """`text` says what a value has to be. `read` gives it as it is used, or notes problems and gives WRONG."""

    text: str
    read: Callable[[Any, str, list[Problem]], Any]


@dataclass(frozen=True)
class Option:
    """What a field knows besides its type."""

    rule: Rule
    required: bool
    nullable: bool


@dataclass(frozen=True)
class Agreement:
    """What several fields of one object have to keep together; `broken` gets their values.

    It is judged where each of `fields` is right by itself. The problem is told of the first one.
    """

    fields: tuple[str, ...]
    broken: Callable[..., bool]
    rule: str


def option(rule: Rule, default: Any = dataclasses.MISSING, *, required: bool = False, nullable: bool = False) -> Any:
    """A field of a dataclass that is read from JSON. Without a default it is required; null means the default."""
    described = Option(rule, required or default is dataclasses.MISSING, nullable)
    # Called in the bodies of dataclasses alone. pylint: disable-next=invalid-field-call
    return dataclasses.field(default=default, metadata={OPTION: described})


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
    return WRONG if len(problems) > before else kind(**values)


def _values(kind: type, value: Any, path: str, problems: list[Problem]) -> dict[str, Any]:
    """Field -> its value, its default, or WRONG."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if not isinstance(value, dict):
        problems.append(Problem(path or "the file", shown(value), "must be a JSON object"))
        return dict.fromkeys(fields, WRONG)
    values = {name: _value(field, value, _place(path, name), problems) for name, field in fields.items()}
    for key in value:
        if key not in fields:
            rule = f"is not known here; known are {', '.join(sorted(fields))}"
            problems.append(Problem(_place(path, key), shown(key), rule))
    agreements: Sequence[Agreement] = getattr(kind, "AGREEMENTS", ())
    for agreement in agreements:
        judged = [values[name] for name in agreement.fields]
        if WRONG not in judged and agreement.broken(*judged):
            first = agreement.fields[0]
            problems.append(Problem(_place(path, first), shown(value.get(first)), agreement.rule))
            values[first] = WRONG
    return values


def _place(path: str, key: str) -> str:
    # Signs that control a terminal are told as JSON has them.
    name = key if key.isprintable() else shown(key)
    return f"{path}.{name}" if path else name


def _value(field: dataclasses.Field[Any], document: dict[str, Any], place: str, problems: list[Problem]) -> Any:
    described: Option = field.metadata[OPTION]
    if field.name not in document and described.required:
        problems.append(Problem(place, "null", f"is required: {described.rule.text}"))
        return WRONG
    value = document.get(field.name)
    if field.name not in document or (value is None and described.nullable):
        return field.default
    return described.rule.read(value, place, problems)


# Rules


def plain(accepts: Callable[[Any], Any], text: str, source: str = "") -> Rule:
    """A value that `accepts` gives back as it is used; it raises ValueError for one that is wrong.

    :param source: who says so.
    """
    told = f"{text} ({source})" if source else text

    def read(value: Any, place: str, problems: list[Problem]) -> Any:
        try:
            return accepts(value)
        except ValueError:
            problems.append(Problem(place, shown(value), told))
            return WRONG

    return Rule(told, read)


def require(condition: bool, value: T) -> T:
    """:raises ValueError: the condition isn't met."""
    if not condition:
        raise ValueError
    return value


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def boolean() -> Rule:
    return plain(lambda value: require(isinstance(value, bool), value), "must be true or false")


def integer(low: int, high: int, source: str = "") -> Rule:
    text = f"must be a number from {low} to {high}"
    return plain(lambda value: require(is_whole(value) and low <= value <= high, value), text, source)


def number(low: float, high: float, source: str = "", unit: str = "a number") -> Rule:
    """Not infinite, and never "not a number": such a one is in no range."""

    def accepts(value: Any) -> float:
        return float(require((is_whole(value) or isinstance(value, float)) and low <= value <= high, value))

    return plain(accepts, f"must be {unit} from {low:g} to {high:g}", source)


def choice(*choices: str) -> Rule:
    text = f"must be one of {', '.join(choices)}"
    return plain(lambda value: require(isinstance(value, str) and value in choices, value), text)


def absolute_path(longest: int = 4095) -> Rule:
    def accepts(value: Any) -> str:
        proper = isinstance(value, str) and value.startswith("/") and "\0" not in value
        return str(require(proper and 0 < octets(value) <= longest, value))

    return plain(accepts, f"must be an absolute path of at most {longest} octets")


def octets(value: str) -> int:
    """Length in UTF-8; -1 for text that has no UTF-8 form (a lone surrogate out of a JSON escape)."""
    try:
        return len(value.encode("utf-8"))
    except UnicodeEncodeError:
        return -1


# Rules made of others


def section(kind: type[Any]) -> Rule:
    return Rule("must be a JSON object", lambda value, place, problems: decode(kind, value, place, problems))


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
        entries = [_values(kind, entry, f"{place}[{number}]", problems) for number, entry in enumerate(value)]
        seen: list[list[Any]] = []
        for number, values in enumerate(entries):
            same = [values[name] for name in identity]
            if WRONG not in same and same in seen:
                problems.append(Problem(f"{place}[{number}]", told.format(*same), rule))
            seen.append(same)
        return WRONG if len(problems) > before else tuple(kind(**values) for values in entries)

    return Rule("must be a list", read)
