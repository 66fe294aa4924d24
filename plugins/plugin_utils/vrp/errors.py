# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device can do wrong. Two families: the user asked for something wrong (ntp.errors.UserError), or the device
did this."""

from __future__ import annotations

from ..ntp.errors import NtpMulticastError
from ..ntp.masking import shown


class DeviceError(NtpMulticastError):
    """The device did something that was not expected of it.

    line: the line that was sent, masked; "" when no line is to blame
    view: the view in which it was sent, `user`, `system` or what the prompt shows; "" when no line is to blame
    caret: blanks and a caret that points into the line, "" when the device printed none
    words: what the device said, masked
    """

    def __init__(self, message: str, *, line: str = "", view: str = "", caret: str = "", words: str = "") -> None:
        self.message = message
        self.line = line
        self.view = view
        self.caret = caret
        self.words = shown(words)
        super().__init__(self._text())

    @property
    def refused(self) -> dict[str, object] | None:
        """The line with what the device said to it. column: that of the caret, 1 for the first of the line."""
        if not self.line:
            return None
        column = len(self.caret) if self.caret.strip() else None
        return {"line": self.line, "view": self.view or None, "column": column, "words": self.words}

    def _text(self) -> str:
        parts = [self.message]
        if self.line:
            parts.append(f"Line: {self.line}")
        if self.caret.strip():
            parts.append(f"      {self.caret}")  # below the line, as the device prints it
        if self.words:
            parts.append(f"The device said: {self.words}")
        return "\n".join(parts)


class RefusedError(DeviceError):
    """The device refused a line."""


class CommitError(DeviceError):
    """The device refused a commit. `cleared` tells that the candidate was cleared, so that one can begin anew."""

    cleared = False


class ConflictError(CommitError):
    """The commit conflicts with another user's: the configuration has to be read and planned anew."""


class PendingError(DeviceError):
    """Somebody else's lines are pending in the candidate configuration."""


class LockedError(DeviceError):
    """Another user holds the lock on the configuration."""


class QuestionError(DeviceError):
    """The device asked something that has no known safe answer."""


class LoginError(DeviceError):
    """The login did not lead to a prompt."""


class BusyError(DeviceError):
    """The device puts a command off, however often it is sent."""


class SessionError(DeviceError):
    """The session was lost, or the device stayed silent for too long."""


class BrokenOffError(DeviceError):
    """The task was ended from outside in the middle of its work."""


class ParseError(DeviceError):
    """A text of the device could not be understood."""
