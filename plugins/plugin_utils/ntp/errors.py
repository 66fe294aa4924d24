# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the collection: whose fault it was decides the family."""

from __future__ import annotations


class NtpMulticastError(Exception):
    """Base of every error that the collection raises on purpose.

    The text says what was wrong, where, and what to do. It never holds a secret or a ciphertext.
    changed: whether the device is, or may be, another than before
    """

    changed = False


class UserError(NtpMulticastError):
    """The user asked for something wrong: change the options."""
