# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, by whose fault it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class EngineError(Exception):
    """Base of all errors that the engine raises on purpose."""


class PacketError(EngineError):
    """A packet from the network that can't be used. `reason` is the name of the counter that it raises.

    `key_id` and `tag` are the number of its key and the octets of its authentication code, where it has them.
    """

    def __init__(self, reason: str, key_id: int | None = None, tag: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key_id = key_id
        self.tag = tag


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file: where, what stands there (never a secret), and the rule it breaks."""

    path: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value}: {self.rule}"


class ConfigurationError(EngineError):
    """The configuration file or the key file asks for something that can't be done."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class TransportError(EngineError):
    """A socket couldn't be opened as the configuration asks.

    :param code: names the kind for programs.
    :param advice: what an operator may do about it.
    """

    def __init__(self, sentence: str, code: str = "socket", advice: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.advice = advice


class ControlError(EngineError):
    """The status socket can't be reached or answers nonsense."""


class ClockError(EngineError):
    """The system clock can't be read or steered."""


class HelperError(ClockError):
    """The clock helper doesn't answer."""


class ClockRefusal(ClockError):
    """The clock helper doesn't do this, by the policy of the configuration."""


@dataclass(frozen=True)
class DisciplineError:
    """Not raised but kept: why nothing can be done with the estimates of the time.

    :param state: refused: the kernel lets nobody steer; panic: the offset is above the threshold; fails: the clock
        helper or chronyd doesn't answer.
    """

    state: Literal["refused", "panic", "fails"]
    sentence: str


class UpstreamError(EngineError):
    """Who keeps this host's clock can't be asked, or answers nonsense."""


class StateError(EngineError):
    """The state directory can't be used."""
