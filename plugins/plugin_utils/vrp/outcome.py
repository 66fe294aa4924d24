# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a device in a transaction: the states, which the guide on transactions lists, and their sentences.

Which of them holds is decided elsewhere: by ``candidate`` with each line that it sends, and by ``failure`` where the
end of a commit was not seen.
"""

from __future__ import annotations

import enum


class Outcome(enum.Enum):
    """The value is what a failed task returns as `outcome`."""

    NOTHING_SENT = "nothing_sent"
    PENDING = "pending"  # passing: becomes cleared or dropped
    CLEARED = "cleared"
    DROPPED = "dropped"
    UNCHANGED = "unchanged"
    COMMITTED = "committed"
    UNKNOWN = "unknown"
    TRIAL = "trial"  # passing: is confirmed, or becomes trial_aborted or trial_expires
    CONFIRMING = "confirming"
    TRIAL_ABORTED = "trial_aborted"
    TRIAL_EXPIRES = "trial_expires"
    TRIAL_LEFT = "trial_left"
    IMMEDIATE = "immediate"
    TAKEN_BACK = "taken_back"

    @property
    def sentence(self) -> str:
        """For the user."""
        return _SENTENCES[self]

    @property
    def changed(self) -> bool:
        """Whether the device is, or may be, another than before."""
        return self not in _UNCHANGED


_SENTENCES = {
    Outcome.NOTHING_SENT: "No configuration line was sent.",
    Outcome.PENDING: "Lines are pending.",
    Outcome.CLEARED: "The candidate configuration was cleared; nothing was changed.",
    Outcome.DROPPED: "The session was ended with lines pending; the device drops them. Nothing was committed.",
    Outcome.UNCHANGED: "A new look at the device shows that nothing was changed.",
    Outcome.COMMITTED: "The change is committed.",
    Outcome.UNKNOWN: "The commit was begun and its end was not seen: the change may or may not have taken effect.",
    Outcome.TRIAL: "A trial commit runs.",
    Outcome.CONFIRMING: "The session was lost while confirming the trial commit: it may or may not be permanent.",
    Outcome.TRIAL_ABORTED: "The trial commit was rolled back; nothing was changed.",
    Outcome.TRIAL_EXPIRES: "A trial commit was not confirmed; the device goes back by itself when its time is over.",
    Outcome.TRIAL_LEFT: "The trial commit runs; the device goes back by itself unless it is confirmed in time.",
    Outcome.IMMEDIATE: "Without a candidate configuration lines take effect at once: they may or may not stand.",
    Outcome.TAKEN_BACK: "What took effect at once was taken back; nothing was changed.",
}
_UNCHANGED = frozenset(
    {
        Outcome.NOTHING_SENT,
        Outcome.CLEARED,
        Outcome.DROPPED,
        Outcome.UNCHANGED,
        Outcome.TRIAL_ABORTED,
        Outcome.TAKEN_BACK,
    }
)
