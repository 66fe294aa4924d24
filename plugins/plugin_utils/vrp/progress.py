# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a transaction is, for whoever has to tell of it after it failed or was cut short."""

from __future__ import annotations

from dataclasses import dataclass

from .candidate import Candidate, Outcome
from .lines import ConfigurationLine


@dataclass
class Progress:
    """The newest candidate of a task, and the lines that it was to take."""

    candidate: Candidate | None = None
    lines: tuple[ConfigurationLine, ...] = ()

    def begin(self, candidate: Candidate, lines: tuple[ConfigurationLine, ...]) -> None:
        """A transaction begins."""
        self.candidate = candidate
        self.lines = lines

    @property
    def outcome(self) -> Outcome:
        """What became of the lines so far."""
        return Outcome.NOTHING_SENT if self.candidate is None else self.candidate.outcome

    @property
    def next_line(self) -> ConfigurationLine | None:
        """The line that was sent last and not taken, or was yet to be sent."""
        taken = len(self.candidate.applied) if self.candidate is not None else 0
        return self.lines[taken] if taken < len(self.lines) else None
