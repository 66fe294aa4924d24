# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between the controller and the device's command line, each as a sentence for the user."""

from __future__ import annotations


class SshError(Exception):
    """No session came about. The text says what happened, where, and what to do."""


class LoginRefused(SshError):
    """The device does not let this user in."""


class TooSlow(Exception):
    """A step took longer than the user allows; `explain` makes a sentence of it."""
