# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts and names as a page shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_NUMBERED = re.compile(r"(?P<head>.*?)(?P<number>\d+)(?P<tail>\D*)", re.DOTALL)
_LEAST_IN_A_RANGE = 3


def natural(name: str) -> list[tuple[int, str]]:
    """A key for sorting in which leaf2 comes before leaf10."""
    return [
        (int(part), "") if part.isdecimal() and part.isascii() else (0, part) for part in re.split(r"([0-9]+)", name)
    ]


def ranges(names: Iterable[str]) -> list[str]:
    """Names with runs of consecutive numbers put together: leaf001 to leaf120 becomes one text."""
    found: list[str] = []
    run: list[tuple[str, re.Match[str] | None]] = []
    for name in sorted(names, key=natural):
        match = _NUMBERED.fullmatch(name) if name.isascii() else None
        if run and not _follows(run[-1][1], match):
            found += _told(run)
            run = []
        run.append((name, match))
    return found + _told(run)


def _follows(before: re.Match[str] | None, after: re.Match[str] | None) -> bool:
    if before is None or after is None or before["head"] != after["head"] or before["tail"] != after["tail"]:
        return False
    padded = len(before["number"]) == len(after["number"]) or "0" not in (before["number"][0], after["number"][0])
    return padded and int(after["number"]) == int(before["number"]) + 1


def _told(run: Sequence[tuple[str, re.Match[str] | None]]) -> list[str]:
    first, last = (run[0][1], run[-1][1]) if run else (None, None)
    if len(run) < _LEAST_IN_A_RANGE or first is None or last is None:
        return [name for name, _match in run]
    return [f"{first['head']}{first['number']}–{last['number']}{last['tail']}"]  # noqa: RUF001


def slugs(names: Sequence[str]) -> list[str]:
    """For each name what an address of the page can end with, each one once."""
    taken: set[str] = set()
    found = []
    for name in names:
        slug = base = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80] or "-"
        number = 1
        while slug in taken:
            number += 1
            slug = f"{base}-{number}"
        taken.add(slug)
        found.append(slug)
    return found


def shortened(text: str, length: int) -> str:
    """The text, with an ellipsis for what doesn't fit: drawings can't do that themselves."""
    return text if len(text) <= length else text[: length - 1] + "…"


def several(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 host, 1,200 hosts."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
