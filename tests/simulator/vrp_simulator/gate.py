# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in over SSH: methods, rounds of questions, lock-out, and a note of every attempt (facts 3.7, 9.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .settings import SshSettings


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer to the server's request for a proof; kept in memory only, for it holds what was typed."""

    user: str
    method: str  # password, keyboard-interactive
    round: int  # of the questions of one login, from 0
    answers: tuple[str, ...]
    accepted: bool


@dataclass(slots=True)
class Gate:
    """Checks answers against the users' passwords; one for each device."""

    settings: SshSettings
    passwords: dict[str, str]
    attempts: list[Attempt] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)  # in a row, by user

    def locked_out(self, user: str) -> bool:
        return 0 < self.settings.lockout_after <= self.failures.get(user, 0)

    def check_password(self, user: str, password: str) -> bool:
        """The method ``password``."""
        return self._note(user, "password", 0, (password,), self._is_password(user, password))

    def check_round(self, user: str, number: int, answers: Sequence[str]) -> bool:
        """One round of the method ``keyboard-interactive``."""
        prompts = self.settings.rounds[number].prompts
        right = len(answers) == len(prompts) and all(
            self._is_password(user, given) if prompt.answer is None else prompt.answer in ("*", given)
            for given, prompt in zip(answers, prompts, strict=True)
        )
        return self._note(user, "keyboard-interactive", number, tuple(answers), right)

    def _is_password(self, user: str, given: str) -> bool:
        return self.passwords.get(user) == given

    def _note(self, user: str, method: str, number: int, answers: tuple[str, ...], right: bool) -> bool:
        accepted = right and not self.locked_out(user)
        self.attempts.append(Attempt(user, method, number, answers, accepted))
        self.failures[user] = 0 if accepted else self.failures.get(user, 0) + 1
        return accepted
