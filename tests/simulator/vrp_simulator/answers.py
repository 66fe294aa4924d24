# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to a display command: time stamp, filters, logs in the middle of it, and an answer that breaks off."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .commands.table import Command
from .errors import LineLost
from .faults import Faults, first_match
from .filters import apply_filters
from .syntax import Match
from .transaction import now

if TYPE_CHECKING:
    from .session import Session


def time_line(faults: Faults) -> str:
    """The line that stands before an answer, or before the refusal of a display (facts 2.1, 4.1 item 14)."""
    moment = now()
    if faults.timestamp_form == "usg":
        return f"{moment:%H:%M:%S}  {moment:%Y/%m/%d}"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}{faults.timestamp_zone}"


async def show_answer(
    session: Session, command: Command, match: Match, filters: Sequence[tuple[str, str]], line: str
) -> None:
    """Print what a display command shows."""
    assert command.show is not None
    device = session.device
    found = command.show(session, match)
    lines = list(await found if inspect.isawaitable(found) else found)
    lines = apply_filters(lines, filters, device.style.behaviour.include_keeps_separators)
    paged = not session.machine_mode and not any(name == "no-more" for name, _unused in filters)
    room = _room(device.faults, line)
    if room is None:
        await _print(session, lines, paged)
        session.interrupt("after")
        return
    await _print(session, "".join(f"{item}\n" for item in lines)[:room].splitlines(), paged)
    if device.faults.cut_then != "prompt":
        await session.terminal.flush()
        if device.faults.cut_then == "lost":
            raise LineLost
        await session.terminal.fall_silent()


def _room(faults: Faults, line: str) -> int | None:
    """Where an answer breaks off, as the end of a slice; ``None`` = it does not."""
    pattern = first_match(faults.cut_answers, line)
    return None if pattern is None or not faults.spend("cut_times") else faults.cut_answers[pattern]


async def _print(session: Session, lines: Sequence[str], paged: bool) -> None:
    """Print lines, with what is printed unasked between them."""
    start = 0
    for index in _interruptions(session.device.faults, lines):
        await session.terminal.show(lines[start:index], paged)
        session.interrupt("middle")
        start = index
    await session.terminal.show(lines[start:], paged)


def _interruptions(faults: Faults, lines: Sequence[str]) -> list[int]:
    """Where in an answer a log may stand: before lines that fit a pattern, else after half of it."""
    if faults.log_lines == "none":
        return []
    if faults.log_before:
        return [index for index, line in enumerate(lines) if re.search(faults.log_before, line)]
    return [len(lines) // 2] if len(lines) > 1 else []
