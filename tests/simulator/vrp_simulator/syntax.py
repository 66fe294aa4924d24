# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command syntax in the notation of the vendor's manuals, and the matching of a typed line against it.

Notation: ``word``, ``<name:type>``, ``[ a | b ]`` (none or one), ``{ a | b }`` (one), and either of them with ``*``
(any subset in any order, each at most once; with braces at least one). Keywords ignore case and may be shortened
while unique (fact 3.1). The matcher follows all readings of a line at once, keywords before parameters.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .errors import CaretRefusal
from .interfaces import InterfaceNames

_TOKEN = re.compile(r"\S+")
_PIECE = re.compile(r"<[^>]+>|[\[\]{}|*]|[^\s\[\]{}|*<>]+")
_REMEMBERED = 4096  # lines for each view


@dataclass(frozen=True, slots=True)
class Keyword:
    word: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value; ``read`` raises ``ValueError`` for text that does not fit. ``rest`` takes the line to its end."""

    name: str
    read: Callable[[str], object]
    rest: bool = False
    part: bool = False  # the second token of a value that was typed with a blank inside


@dataclass(frozen=True, slots=True)
class Run:
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    nodes: tuple[Node, ...]
    optional: bool
    many: bool


Terminal = Keyword | Parameter
Node = Terminal | Run | Choice


@dataclass(frozen=True, slots=True)
class _Stack:
    node: Node
    rest: _Stack | None


_Continuation = _Stack | None


def _expand(stack: _Continuation) -> Iterator[tuple[Terminal | None, _Continuation]]:
    """Yield every terminal that may come next, with what follows it; ``None`` = the line may end here."""
    if stack is None:
        yield None, None
        return
    node, rest = stack.node, stack.rest
    if isinstance(node, Keyword | Parameter):
        yield node, rest
    elif isinstance(node, Run):
        for item in reversed(node.nodes):
            rest = _Stack(item, rest)
        yield from _expand(rest)
    else:
        for index, item in enumerate(node.nodes):
            after = rest
            others = node.nodes[:index] + node.nodes[index + 1 :]
            if node.many and others:
                after = _Stack(Choice(others, optional=True, many=True), rest)
            yield from _expand(_Stack(item, after))
        if node.optional:
            yield from _expand(rest)


@dataclass(frozen=True, slots=True)
class Match:
    """A line that was understood: the full keywords in order, and the values with their offsets."""

    words: tuple[str, ...] = ()
    values: dict[str, object] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    line: str = ""

    def text(self, name: str) -> str:
        return str(self.values[name])

    def number(self, name: str) -> int | None:
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def position(self, name: str) -> int:
        return self.spans[name][0]


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Reading(Generic[T]):
    """One way to read the line so far: what may come next (``None`` = the end), and what was understood."""

    terminal: Terminal | None
    rest: _Continuation
    command: T
    match: Match


class Table(Generic[T]):
    """The commands of one view; ``match`` finds the one that a line means."""

    def __init__(self, commands: Iterable[tuple[Node, T]]) -> None:
        self._start = [
            (terminal, rest, command)
            for node, command in commands
            for terminal, rest in _expand(_Stack(node, None))
            if terminal is not None
        ]
        self._understood: dict[str, tuple[T, Match]] = {}

    def _readings(self, line: str) -> list[_Reading[T]]:
        empty = Match(line=line)
        return [_Reading(terminal, rest, command, empty) for terminal, rest, command in self._start]

    def match(self, line: str) -> tuple[T, Match]:
        """Return the command and its values, or raise ``CaretRefusal`` with the place of the first mistake."""
        known = self._understood.get(line)
        if known is None:
            if len(self._understood) >= _REMEMBERED:
                self._understood.clear()
            known = self._understood[line] = self._find(line)
        return known

    def _find(self, line: str) -> tuple[T, Match]:
        readings = self._readings(line)
        whole: tuple[T, Match] | None = None
        for index, found in enumerate(_TOKEN.finditer(line)):
            taken, to_the_end = _take(readings, line, found.start(), found.group())
            whole = to_the_end or whole
            if not taken:
                if whole is not None:
                    return whole
                raise CaretRefusal(_mistake(readings, index), found.start())
            readings = taken
        for reading in readings:
            if reading.terminal is None:
                return reading.command, reading.match
        if whole is not None:
            return whole
        raise CaretRefusal("incomplete", len(line.rstrip()))

    def completions(self, line: str) -> list[str]:
        """Return the words that may come next after ``line``, for the help of ``?``; parameters as ``<name>``."""
        begun = "" if not line or line[-1].isspace() else line.split()[-1].lower()
        readings = self._readings(line)
        for found in _TOKEN.finditer(line[: len(line) - len(begun)]):
            readings, _unused = _take(readings, line, found.start(), found.group())
        words = set()
        for reading in readings:
            if reading.terminal is None:
                words.add("<cr>")
            elif isinstance(reading.terminal, Keyword):
                words.add(reading.terminal.word)
            else:
                words.add(f"<{reading.terminal.name}>")
        return sorted(word for word in words if word.lower().startswith(begun))


def _take(
    readings: Sequence[_Reading[T]], line: str, position: int, token: str
) -> tuple[list[_Reading[T]], tuple[T, Match] | None]:
    """Return the readings that survive ``token``, and the one that takes the rest of the line as one text.

    Raises ``CaretRefusal`` when a shortened keyword is ambiguous.
    """
    words = {reading.terminal.word for reading in readings if isinstance(reading.terminal, Keyword)}
    typed = token.lower()
    chosen = {word for word in words if word.lower() == typed} or {w for w in words if w.lower().startswith(typed)}
    by_keyword: list[_Reading[T]] = []
    by_value: list[_Reading[T]] = []
    whole: tuple[T, Match] | None = None
    for reading in readings:
        terminal = reading.terminal
        if isinstance(terminal, Keyword) and terminal.word in chosen:
            by_keyword += _next(reading, _with_word(reading.match, terminal.word))
        elif isinstance(terminal, Parameter):
            text = line[position:].rstrip() if terminal.rest else token
            try:
                value = terminal.read(_joined(reading.match, terminal, text))
            except ValueError:
                continue
            match = _with_value(reading.match, terminal, value, position, position + len(text))
            if terminal.rest:
                whole = whole or (reading.command, match)
            else:
                by_value += _next(reading, match)
    if len(chosen) > 1 and not by_value and whole is None:
        raise CaretRefusal("ambiguous", position)
    return by_keyword + by_value, whole


def _next(reading: _Reading[T], match: Match) -> list[_Reading[T]]:
    return [_Reading(terminal, rest, reading.command, match) for terminal, rest in _expand(reading.rest)]


def _joined(match: Match, parameter: Parameter, text: str) -> str:
    return f"{match.values.get(parameter.name, '')} {text}" if parameter.part else text


def _with_word(match: Match, word: str) -> Match:
    return Match((*match.words, word), match.values, match.spans, match.line)


def _with_value(match: Match, parameter: Parameter, value: object, start: int, end: int) -> Match:
    begin = match.spans[parameter.name][0] if parameter.part else start
    spans = {**match.spans, parameter.name: (begin, end)}
    return Match(match.words, {**match.values, parameter.name: value}, spans, match.line)


def _mistake(readings: Sequence[_Reading[T]], index: int) -> str:
    """Which of the texts of fact 3.6 fits; which mistake gets which is our inference."""
    terminals = [reading.terminal for reading in readings if reading.terminal is not None]
    if not terminals:
        return "too-many"
    if index > 0 and any(isinstance(terminal, Parameter) for terminal in terminals):
        return "wrong"
    return "unrecognized"


def parse_syntax(syntax: str, names: InterfaceNames) -> Node:
    """Compile one line of the notation; the families of interfaces come from the release."""
    pieces = _PIECE.findall(syntax)
    node, used = _parse_alternatives(pieces, 0, names)
    if used != len(pieces):
        raise ValueError(f"syntax {syntax!r} has a bracket too many")
    return node


def _parse_alternatives(pieces: list[str], index: int, names: InterfaceNames) -> tuple[Node, int]:
    alternatives: list[Node] = []
    items: list[Node] = []
    while index < len(pieces) and pieces[index] not in ("]", "}"):
        piece = pieces[index]
        index += 1
        if piece == "|":
            alternatives.append(Run(tuple(items)))
            items = []
        elif piece in ("[", "{"):
            inner, index = _parse_alternatives(pieces, index, names)
            index += 1  # the closing bracket
            many = index < len(pieces) and pieces[index] == "*"
            index += many
            nodes = inner.nodes if isinstance(inner, Choice) and not inner.optional and not inner.many else (inner,)
            items.append(Choice(nodes, optional=piece == "[", many=many))
        elif piece.startswith("<"):
            items.append(_parameter(piece[1:-1], names))
        else:
            items.append(Keyword(piece))
    alternatives.append(Run(tuple(items)))
    if len(alternatives) == 1:
        return alternatives[0], index
    return Choice(tuple(alternatives), optional=False, many=False), index


def _parameter(text: str, names: InterfaceNames) -> Node:
    name, _unused, kind = text.partition(":")
    if kind == "interface":
        whole = Parameter(name, names.canonical)
        family = Parameter(name, lambda typed: names.find_family(typed).name)
        number = Parameter(name, names.canonical, part=True)
        return Choice((whole, Run((family, number))), optional=False, many=False)
    if kind == "text":
        return Parameter(name, _text, rest=True)
    if kind in _READERS:
        return Parameter(name, _READERS[kind])
    return Parameter(name, _ranges(kind))


def _text(typed: str) -> str:
    if not typed:
        raise ValueError("empty text")
    return typed


def _ranges(kind: str) -> Callable[[str], object]:
    """Return a reader for ``1..255`` or ``123,1025..65535``."""
    limits = []
    for part in kind.split(","):
        low, _unused, high = part.partition("..")
        limits.append((int(low), int(high or low)))

    def read(typed: str) -> int:
        if not typed.isascii() or not typed.isdigit() or not any(low <= int(typed) <= high for low, high in limits):
            raise ValueError(f"{typed!r} is not in {kind}")
        return int(typed)

    return read


def _mask(typed: str) -> int:
    """Read a mask as a length or as dotted octets; returns the prefix length in bits."""
    if typed.isdigit():
        if int(typed) > 32:
            raise ValueError("mask longer than 32 bits")
        return int(typed)
    return ipaddress.IPv4Network(f"0.0.0.0/{typed}").prefixlen


def _clock(typed: str) -> str:
    """Read the address of a local reference clock, 127.127.1.0 to 127.127.1.3 (fact 1.6)."""
    if not re.fullmatch(r"127\.127\.1\.[0-3]", typed):
        raise ValueError(f"{typed!r} is no local reference clock")
    return typed


_READERS: dict[str, Callable[[str], object]] = {
    "word": _text,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "ipv6prefix": ipaddress.IPv6Interface,
    "mask": _mask,
    "clock": _clock,
}
