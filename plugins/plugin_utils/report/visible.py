# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that show what they are: a name may hold anything, and must not steer the terminal or page that shows it."""

from __future__ import annotations

import dataclasses
import enum
import unicodedata
from collections.abc import Mapping
from typing import Any, TypeVar

Whole = TypeVar("Whole")

_KEPT = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that steer what shows them: controls, changes of direction, halves of surrogates."""


def visible(text: str) -> str:
    """The text with every character that would steer a terminal or a browser written out as its number."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character in _KEPT or unicodedata.category(character) not in _HIDDEN
        else f"\\u{{{ord(character):x}}}"
        for character in text
    )


def made_visible(value: Whole) -> Whole:
    """A dataclass, and all inside it, with each of its texts made visible."""
    return _made_visible(value)  # type: ignore[no-any-return]


def _made_visible(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return visible(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {entry.name: _made_visible(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, tuple):
        return tuple(_made_visible(inner) for inner in value)
    if isinstance(value, Mapping):
        return {visible(str(key)): _made_visible(inner) for key, inner in value.items()}
    return value
