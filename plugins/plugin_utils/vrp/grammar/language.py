# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notation of ``grammar.forms`` at work: a line becomes a statement, and a statement becomes a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

from ..dialect import Dialect
from .forms import FORMS, Form
from .values import KINDS

_WORD = re.compile(r"\S+")

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Word:
    text: str


@dataclass(frozen=True, slots=True)
class _Value:
    kind: str


@dataclass(frozen=True, slots=True)
class _Optional:
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _AnyOrder:
    kinds: Mapping[str, str | None]  # keyword -> kind of its value, None where it has none


_Part = Union[_Word, _Value, _Optional, _AnyOrder]


@dataclass(frozen=True, slots=True)
class Statement:
    """A line that was understood: its form, the values in it, and whether it is taken back."""

    form: Form
    fields: Fields
    undo: bool = False


class Grammar:
    """The forms in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._by_name: dict[tuple[str, bool], tuple[_Part, ...]] = {}
        self._by_first_word: dict[tuple[str, bool], list[tuple[Form, tuple[_Part, ...]]]] = {}
        for form in FORMS:
            for syntax, undo in ((form.syntax, False), (form.undo, True)):
                if syntax is None:
                    continue
                parts = _compile(syntax.replace("{trusted}", dialect.trusted_word))
                self._by_name.setdefault((form.name, undo), parts)
                first = parts[0]
                if isinstance(first, _Word):
                    self._by_first_word.setdefault((first.text, undo), []).append((form, parts))

    def read(self, text: str, *, undo: bool = False) -> Statement | None:
        """Understand what follows ``ntp`` or ``undo ntp`` in a line, or return None."""
        first = _WORD.match(text)
        for form, parts in self._by_first_word.get((first.group(), undo), ()) if first else ():
            fields: dict[str, Any] = {}
            if _match(parts, text, 0, fields) == len(text):
                return Statement(form, fields, undo)
        return None

    def write(self, name: str, fields: Fields, *, undo: bool = False) -> str:
        """Write the line of a form; a value that is None or absent is left out where the form allows it."""
        words = _write(self._by_name[name, undo], fields)
        return " ".join(["undo"] * undo + [self._dialect.word, *words])


def _compile(syntax: str) -> tuple[_Part, ...]:
    return _compile_words(syntax.split())


def _compile_words(words: list[str]) -> tuple[_Part, ...]:
    parts: list[_Part] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word == "[":
            end = words.index("]", position)
            inner = words[position + 1 : end]
            if words[end + 1 : end + 2] == ["*"]:
                parts.append(_AnyOrder(_alternatives(inner)))
                end += 1
            else:
                parts.append(_Optional(_compile_words(inner)))
            position = end + 1
            continue
        parts.append(_Value(_kind(word)) if word.startswith("<") else _Word(word))
        position += 1
    return tuple(parts)


def _alternatives(words: list[str]) -> dict[str, str | None]:
    parts = [part.split() for part in " ".join(words).split("|")]
    return {part[0]: _kind(part[1]) if len(part) > 1 else None for part in parts}


def _kind(word: str) -> str:
    kind = word.strip("<>")
    if kind not in KINDS:
        raise ValueError(f"no such kind of value: {word}")
    return kind


def _match(parts: tuple[_Part, ...], text: str, position: int, fields: dict[str, Any]) -> int:
    """Read parts from ``text`` into ``fields``; return the position behind them, or -1."""
    for part in parts:
        if isinstance(part, _Word):
            position = _match_word(part.text, text, position)
        elif isinstance(part, _Value):
            position = _match_value(part.kind, text, position, fields)
        elif isinstance(part, _Optional):
            behind = _match(part.parts, text, position, fields)
            if behind >= 0 and len(part.parts) == 1 and isinstance(part.parts[0], _Word):
                fields[part.parts[0].text] = True
            position = behind if behind >= 0 else position
        else:
            position = _match_any_order(part.kinds, text, position, fields)
        if position < 0:
            return -1
    return position


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t":
        position += 1
    return position


def _match_word(word: str, text: str, position: int) -> int:
    found = _WORD.match(text, _skip_blanks(text, position))
    return found.end() if found is not None and found.group() == word else -1


def _match_value(kind: str, text: str, position: int, fields: dict[str, Any]) -> int:
    for pattern in KINDS[kind].patterns:
        found = pattern.match(text, _skip_blanks(text, position))
        if found is None:
            continue
        try:
            fields[kind] = KINDS[kind].read(found.group())
        except ValueError:
            continue
        return found.end()
    return -1


def _match_any_order(kinds: Mapping[str, str | None], text: str, position: int, fields: dict[str, Any]) -> int:
    left = dict(kinds)
    while True:
        found = _WORD.match(text, _skip_blanks(text, position))
        if found is None or found.group() not in left:
            return position
        kind = left.pop(found.group())
        if kind is None:
            fields[found.group()] = True
            position = found.end()
        else:
            position = _match_value(kind, text, found.end(), fields)
        if position < 0:
            return -1


def _write(parts: tuple[_Part, ...], fields: Fields) -> list[str]:
    words: list[str] = []
    for part in parts:
        if isinstance(part, _Word):
            words.append(part.text)
        elif isinstance(part, _Value):
            words.append(KINDS[part.kind].write(fields[part.kind]))
        elif isinstance(part, _Optional):
            values = [inner.kind for inner in part.parts if isinstance(inner, _Value)]
            named = values or [inner.text for inner in part.parts if isinstance(inner, _Word)]
            if all(fields.get(name) is not None for name in named):
                words += _write(part.parts, fields)
        else:
            for word, kind in part.kinds.items():
                if fields.get(kind or word) is not None:
                    words += [word] if kind is None else [word, KINDS[kind].write(fields[kind])]
    return words


GRAMMARS: Mapping[Dialect, Grammar] = {dialect: Grammar(dialect) for dialect in Dialect}
