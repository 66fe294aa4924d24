# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the collection: whose fault it was decides the family."""

from __future__ import annotations


class NtpMulticastError(Exception):
    """Base of every error that the collection raises on purpose.

    The text says what was wrong, where, and what to do. It never holds a secret or a ciphertext.
    changed: whether the device is, or may be, another than before
    outcome: what became of the device, one of the documented states, or None where no change was begun
    refused: the line that a device refused, as data (line, view, column, words), or None
    """

    changed = False
    outcome: str | None = None

    @property
    def refused(self) -> dict[str, object] | None:
        return None


class UserError(NtpMulticastError):
    """The user asked for something wrong: change the options."""
