# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the login to the first prompt (fact 3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import SessionEnded
from .transaction import now

if TYPE_CHECKING:
    from .session import Session

INITIAL = "Warning: The initial password poses security risks.\nThe password needs to be changed. Change now? [Y/N]:"
EXPIRED = "Warning: The password is already expired.\nThe password needs to be changed, Continue? [Y/N]:"


async def log_in(session: Session) -> None:
    """Print the banner and the VTY lines, and go through the password dialogs."""
    device = session.device
    vty = device.free_line()
    if vty is None:
        session.say(device.wordings.text("vty-full"))
        raise SessionEnded
    session.vty = vty
    session.number = device.open_session(session)
    if device.faults.banner:
        session.say(device.faults.banner)
    if device.faults.initial_password:
        await _password_dialog(session, INITIAL, compulsory=False)
    elif device.faults.expired_password:
        await _password_dialog(session, EXPIRED, compulsory=True)
    online = len(device.sessions)
    limit = device.faults.vty_limit or device.release.vty_limit
    session.write(  # fact 3.7
        f"\nInfo: The max number of VTY users is {limit}, the number of current VTY users online is {online}, "
        f"and total number of terminal users online is {online}.\n"
        f"      The current login time is {now():%Y-%m-%d %H:%M:%S}+00:00.\n"
    )
    if session.peer:
        last = f"{now():%Y-%m-%d %H:%M:%S}+00:00 from {session.peer} through SSH."
        session.say(f"      The last login time is {last}")


async def _password_dialog(session: Session, question: str, compulsory: bool) -> None:
    """Old, new, confirm (fact 3.7); how two differing new passwords are refused is worded by us."""
    session.write("\n")
    if await session.ask(question) != "y":
        if compulsory:
            raise SessionEnded
        return
    device, name = session.device, session.user.name
    while True:
        old = await session.ask_secret("Please enter old password: ")
        new = await session.ask_secret("Please enter new password: ")
        again = await session.ask_secret("Please confirm new password: ")
        if old != device.passwords[name]:
            session.say("Error: The password is invalid.")
        elif new != again:
            session.say("Error: The two passwords are inconsistent.")
        elif new == old:
            session.say("Error: The password has appeared in recent 5 times.")
        else:
            device.passwords[name] = new
            device.faults.initial_password = device.faults.expired_password = False
            session.say("The password has been changed successfully.")
            return
