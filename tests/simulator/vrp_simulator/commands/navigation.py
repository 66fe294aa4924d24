# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving between views (facts 3.1, 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..configuration import header
from ..errors import Refusal, SessionEnded
from ..interfaces import main_interface
from ..syntax import Match
from .commit import leave_pending
from .table import ALL_VIEWS, CONFIGURATION_VIEWS, Command, View

if TYPE_CHECKING:
    from ..session import Session

USER = frozenset({View.USER})


async def _system_view(session: Session, match: Match) -> None:
    session.immediate = not session.device.release.two_stage or "immediately" in match.words
    session.enter_system()
    session.say(session.device.release.system_view_text)


async def _interface(session: Session, match: Match) -> None:
    """Ports exist or not; virtual interfaces and sub-interfaces are created on the fly (fact 3.1)."""
    name = match.text("interface")
    if header(name) not in session.candidate:
        family = session.device.release.names.family_of(name)
        possible = not family.physical or ("." in name and header(main_interface(name)) in session.candidate)
        if not possible:
            session.device.wordings.refuse("interface-missing", match.position("interface"))
            raise Refusal("Error: The interface does not exist.")
    session.enter_interface(name, match.line.strip())


async def _quit(session: Session, match: Match) -> None:
    """One view up; out of the system view pending lines are asked about (fact 3.3)."""
    if not session.in_system:
        await _end(session)
    if session.interface or session.free_view:
        session.interface = ""
        session.free_view = session.free_view[:-1]
        return
    await _return(session, match)


async def _return(session: Session, match: Match) -> None:
    """Back to the user view; there it is taken and does nothing (fact 9.8)."""
    if session.in_system and await leave_pending(session):
        session.leave_system()


async def _end(session: Session) -> None:
    """``quit`` in the user view ends the session (fact 3.7)."""
    device = session.device
    if device.release.quit_text:
        limit = device.faults.vty_limit or device.release.vty_limit
        session.say(device.release.quit_text.format(limit=limit, online=len(device.sessions) - 1))
    raise SessionEnded


def commands() -> list[Command]:
    return [
        Command("system-view", USER, 2, run=_system_view),
        Command("system-view immediately", USER, 2, run=_system_view, only="two-stage"),
        Command("quit", ALL_VIEWS, 0, run=_quit),
        Command("return", ALL_VIEWS, 0, run=_return),
        Command("interface <interface:interface>", CONFIGURATION_VIEWS, 2, run=_interface),
    ]
