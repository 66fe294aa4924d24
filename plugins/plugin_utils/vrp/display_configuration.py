# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the configuration of a device, with what the account is allowed to read (facts 2.4, 3.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..ntp.errors import NtpMulticastError, UserError
from .errors import DeviceError, RefusedError
from .session import Answer, Session
from .session.prompt import same_view
from .session.questions import PromptContext

_FRAME_END = "return"  # facts 2.1, 2.4
_BETWEEN_BLOCKS = "#"


@dataclass(frozen=True)
class ConfigurationText:
    """Configuration as the device prints it.

    complete: False when only the system view and the interfaces that were asked for could be read
    words: what the device said to the command that shows all, where it refused it
    """

    text: str
    complete: bool
    words: str = ""


def read_configuration(session: Session, interfaces: Iterable[str]) -> ConfigurationText:
    """What is in effect on the device, read from the user view.

    The whole configuration is one command and one answer. An account that may not run it (level 2) reads the same
    text as the merge of the candidate with what is in effect, which is equal as long as nothing is pending, or else
    view by view. Each of these texts has its last line, or reading fails.
    """
    answer = session.show("display current-configuration", frame_end=_FRAME_END)
    if not answer.unavailable:
        return ConfigurationText(_with_blocks(answer), complete=True)
    try:
        session.ask("system-view").expect("to enter the system view")
        if session.prompt.pending:
            session.lost = True
            raise DeviceError(
                "Uncommitted lines stand in the candidate configuration, so it does not show what is in effect."
            )
        merged = session.show("display configuration candidate merge", frame_end=_FRAME_END, lenient=True)
        if merged.complete and not merged.unavailable:
            return ConfigurationText(_with_blocks(merged), complete=True, words=answer.words)
        return ConfigurationText(_read_views(session, interfaces), complete=False, words=answer.words)
    finally:
        _return(session)


def _with_blocks(answer: Answer) -> str:
    """The text of the whole configuration, which has `#` between its blocks (fact 2.1), or it is something else."""
    if not any(line.rstrip() == _BETWEEN_BLOCKS for line in answer.lines):
        raise answer.error(DeviceError, "The device showed a text without blocks, which is no configuration.")
    return answer.whole_text


def _read_views(session: Session, interfaces: Iterable[str]) -> str:
    this = session.show("display this", frame_end=_FRAME_END).expect("to show the system view")
    texts = [_without_frame_end(this.whole_text)]
    for name in interfaces:
        answer = session.ask(f"interface {name}")
        if answer.refused:
            raise answer.error(RefusedError, f"The device has no interface {name}.")
        if session.prompt.pending:
            # Fact 3.1: the line created it. Nothing else is pending, so all of the candidate is ours to clear.
            session.ask("clear configuration candidate").expect("to clear the candidate configuration")
            raise UserError(f"The device has no interface {name}.")
        if not same_view(name, session.prompt.view):
            raise answer.error(
                RefusedError, f"The device entered the view '{session.prompt.view}' instead of '{name}'."
            )
        this = session.show("display this", frame_end=_FRAME_END).expect(f"to show the interface {name}")
        texts.append(_without_frame_end(this.whole_text))
        session.ask("quit").expect("to leave a view")
    return "\n".join([*texts, "return"])


def _without_frame_end(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line != _FRAME_END)


def _return(session: Session) -> None:
    if session.lost or not session.prompt.system:
        return
    try:
        session.ask("return", occasion=PromptContext.LEAVING)
    except NtpMulticastError:
        session.lost = True
