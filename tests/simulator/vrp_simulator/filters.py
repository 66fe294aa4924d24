# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output filters: ``| include``, ``exclude``, ``begin``, ``section``, ``count``, ``no-more`` (facts 2.4, 3.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import Refusal

_NAMES = ("include", "exclude", "begin", "section", "count", "no-more")
_BAR = re.compile(r"\s+\|\s*")  # a bar without a blank before it belongs to an expression


def split_filters(line: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a display command without its filters, and the filters as (name, expression)."""
    words = line.split()
    if not words or not "display".startswith(words[0].lower()):
        return line, []  # a bar in a description or in a key is no filter
    command, *parts = _BAR.split(line)
    found = []
    for part in parts:
        word, _unused, expression = part.partition(" ")
        names = [name for name in _NAMES if name.startswith(word.lower())]
        if not word or len(names) != 1:
            return line, []
        found.append((names[0], expression.strip()))
    return command, found


def apply_filters(lines: list[str], filters: Sequence[tuple[str, str]], keep_separators: bool) -> list[str]:
    """Apply filters one after the other; ``keep_separators`` keeps the ``#`` lines around matches (fact 2.4)."""
    for name, expression in filters:
        if name == "no-more":
            continue
        if name == "count" and not expression:
            lines = [f"Total lines: {len(lines)}."]
            continue
        if name == "section":
            words = expression.split(None, 1)
            expression = words[1] if len(words) == 2 and "include".startswith(words[0]) else expression
        try:
            pattern = re.compile(expression)
        except re.error:
            raise Refusal("Error: The regular expression is invalid.") from None
        if name == "include":
            lines = _include(lines, pattern, keep_separators)
        elif name == "exclude":
            lines = [line for line in lines if not pattern.search(line)]
        elif name == "begin":
            start = next((index for index, line in enumerate(lines) if pattern.search(line)), len(lines))
            lines = lines[start:]
        elif name == "section":
            lines = _section(lines, pattern)
        else:
            lines = [f"Total lines: {sum(1 for line in lines if pattern.search(line))}."]
    return lines


def _include(lines: Sequence[str], pattern: re.Pattern[str], keep_separators: bool) -> list[str]:
    if not keep_separators:
        return [line for line in lines if pattern.search(line)]
    kept: list[str] = []
    for block in _blocks(lines):
        found = [line for line in block if pattern.search(line)]
        if found:
            kept += ["#", *found]
    return [*kept, "#"] if kept else []


def _section(lines: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    """Keep a top-level line that matches, with the lines below it, and the heading of a line that matches."""
    kept: list[str] = []
    for section in _sections(lines):
        if any(pattern.search(line) for line in section):
            kept += section
    return kept


def _sections(lines: Sequence[str]) -> list[list[str]]:
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith(" ") and sections:
            sections[-1].append(line)
        elif line != "#":
            sections.append([line])
    return sections


def _blocks(lines: Sequence[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line == "#":
            blocks.append([])
        else:
            blocks[-1].append(line)
    return blocks
