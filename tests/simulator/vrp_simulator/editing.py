# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration line works on: the candidate, the view, and what decides about refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .cipher import Cipher
from .configuration import Candidate, Entry, Place, Style, header
from .ntp_entries import UnicastServer
from .release import Behaviour, Release
from .syntax import Match
from .wordings import Wordings


@dataclass(slots=True)
class Edit:
    """The first stage of one line: checked against the candidate and written into it (fact 3.2)."""

    style: Style
    wordings: Wordings
    cipher: Cipher
    candidate: Candidate
    view: str  # "" = system view, else an interface name
    line: str
    at_startup: bool = False  # a line of a startup file: no questions, undecipherable keys are kept
    cipher_tail: str = ""
    messages: list[str] = field(default_factory=list)

    @property
    def release(self) -> Release:
        return self.style.release

    @property
    def behaviour(self) -> Behaviour:
        return self.style.behaviour

    def set(self, place: Place, entry: Entry | None) -> bool:
        return self.candidate.set(place, entry, self.line)

    def say(self, text: str) -> None:
        """Note a sentence that the device prints although it takes the line (fact 3.6)."""
        if text:
            self.messages.append(text)

    def object_absent(self, wording: str, position: int = 0) -> None:
        """An undo finds nothing: silent, Info or Error (fact 8 items 3 and 4)."""
        self.wordings.refuse(wording, position)
        self.say(self.wordings.text(wording))

    def drop_upstream(self, gone: Callable[[UnicastServer], bool]) -> None:
        """Take the unicast servers away that lost their source interface or their VPN instance (fact 1.8)."""
        for place in list(self.candidate.places("")):
            entry = self.candidate.get(place)
            if isinstance(entry, UnicastServer) and gone(entry):
                self.set(place, None)

    def interface_exists(self, name: str) -> bool:
        return header(name) in self.candidate


Editor = Callable[[Edit, Match], None]
Question = Callable[[Edit, Match], str | None]
