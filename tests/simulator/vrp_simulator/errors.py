# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device answers instead of doing what it was told."""

from __future__ import annotations


class Refusal(Exception):
    """The device refuses a line with a sentence and without a caret (fact 3.6)."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class CaretRefusal(Exception):
    """The device refuses a line and points at the place (fact 3.6).

    ``kind`` is one of ``unrecognized``, ``wrong``, ``incomplete``, ``ambiguous``, ``too-many``; ``position`` is the
    offset in the typed line, to which the session adds the length of the prompt.
    """

    def __init__(self, kind: str, position: int) -> None:
        super().__init__(f"{kind} at {position}")
        self.kind = kind
        self.position = position


class SettingsError(ValueError):
    """A device file, a fault or a configuration text given to the simulator is wrong."""


class SessionEnded(Exception):
    """The session is over: the peer has gone, or the user has quit."""


class LineLost(SessionEnded):
    """A fault has cut the line: no word of farewell."""
