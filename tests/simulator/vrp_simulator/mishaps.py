# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes between a typed line and what it does: silence, questions, and refusals that it has not earned."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .commands.table import Command
from .errors import Refusal
from .faults import first_match

if TYPE_CHECKING:
    from .session import Session


async def may_go_on(session: Session, line: str, command: Command) -> bool:
    """Go through the faults of one line; returns whether it is carried out, or raises the device's refusal."""
    faults = session.device.faults
    late = first_match(faults.late_echo, line)
    if late is not None:
        await session.terminal.delay_echo(faults.late_echo[late])
    pause = first_match(faults.pause, line)
    if pause is not None:
        await session.terminal.flush()
        await asyncio.sleep(faults.pause[pause])
    _refuse(session, line, command)
    if command.kind == "configuration" and faults.progress:  # fact 3.2
        session.write("\rRunning: 33%\r\rRunning: 100%\r\x1b[1A\n")
    session.interrupt("before")
    asked = first_match(faults.questions, line)
    return asked is None or await _agreed(session, faults.questions[asked])


def _refuse(session: Session, line: str, command: Command) -> None:
    """Busy (fact 9.6), and lines that the device does not take whatever they say."""
    faults = session.device.faults
    if faults.spend_busy(line):
        raise Refusal(faults.busy_words or session.device.wordings.text("busy-line"))
    pattern = first_match(faults.not_taken, line)
    if pattern is not None and faults.spend("not_taken_times"):
        raise Refusal(faults.not_taken[pattern])
    pattern = first_match(faults.refused_lines, line) if command.kind == "configuration" else None
    if pattern is not None:
        raise Refusal(faults.refused_lines[pattern])


async def _agreed(session: Session, question: str) -> bool:
    if session.is_choice(question):
        return await session.ask(question) == "y"
    await session.ask_text(question)
    return True
