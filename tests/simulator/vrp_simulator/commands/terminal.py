# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the terminal and of the session (facts 3.1, 3.5), and the weak-algorithm package (fact 1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax import Match
from .table import ALL_VIEWS, Command, View

if TYPE_CHECKING:
    from ..session import Session

USER = frozenset({View.USER})
TEMPORARY = "Info: The configuration takes effect on the current user terminal interface only."


async def _screen_length(session: Session, match: Match) -> None:
    session.terminal.length = match.number("lines") or 0
    session.say(TEMPORARY)


async def _undo_screen_length(session: Session, match: Match) -> None:
    session.terminal.length = 24
    session.say(TEMPORARY)


async def _screen_width(session: Session, match: Match) -> None:
    session.say(TEMPORARY)


async def _monitor(session: Session, match: Match) -> None:
    """``[undo] terminal monitor`` (fact 3.5); the answer is worded by us, no fact gives it."""
    session.terminal.monitoring = match.words[0] != "undo"
    session.say("Info: Current terminal monitor is " + ("on." if session.terminal.monitoring else "off."))


async def _forward(session: Session, match: Match) -> None:
    """Switch "intelligent rollback" for this session (fact 3.1)."""
    session.forwarding = match.words[0] != "undo"


async def _mmi_mode(session: Session, match: Match) -> None:
    """A hidden mode without paging and questions (fact 3.1)."""
    session.machine_mode = match.words[0] != "undo"


async def _timestamp(session: Session, match: Match) -> None:
    session.device.timestamps = match.words[0] != "undo"


async def _install(session: Session, match: Match) -> None:
    """fact 1.7."""
    session.say("Info: Checking, please wait for a moment....done.")
    session.say("Info: Start to install the feature software.")
    session.device.weak_algorithms = True
    session.say("Info: Succeeded in installing the software.")


def commands() -> list[Command]:
    words = "terminal { monitor | logging | alarm | debugging | trapping }"
    return [
        Command("screen-length <lines:0..512> temporary", USER, 3, run=_screen_length, group="screen-length"),
        Command("undo screen-length temporary", USER, 3, run=_undo_screen_length, group="screen-length"),
        Command("screen-width <columns:60..512>", USER, 3, run=_screen_width, group="screen-length"),
        Command(words, USER, 1, run=_monitor),
        Command(f"undo {words}", USER, 1, run=_monitor),
        Command("terminal command forward matched upper-view", USER, 1, run=_forward),
        Command("undo terminal command forward matched upper-view", USER, 1, run=_forward),
        Command("mmi-mode enable", ALL_VIEWS, 1, run=_mmi_mode),
        Command("undo mmi-mode enable", ALL_VIEWS, 1, run=_mmi_mode),
        Command("[ undo ] timestamp enable", ALL_VIEWS, 2, run=_timestamp),
        Command("install feature-software WEAKEA", USER, 3, run=_install),
    ]
