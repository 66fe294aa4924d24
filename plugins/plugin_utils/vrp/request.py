# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task asks of one device, where its sessions come from, and the report it gets."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from ..ntp.changes import KeyReason
from ..ntp.key_memory import KeyMemory
from ..ntp.model import Configuration
from ..ntp.plan import State, UpdateSecrets
from .candidate import CommitSettings
from .dialect import Dialect
from .lines import ConfigurationLine
from .retry import RetryPolicy
from .session import Session


class Logins(Protocol):
    """Where sessions come from."""

    @property
    def retry(self) -> RetryPolicy:
        """How long to bear with locks."""

    def session(self) -> Session:
        """The session of this task; a new login when the last one was lost."""

    def second_session(self) -> AbstractContextManager[Session]:
        """Another login at the same time."""


class Save(enum.Enum):
    """When the running configuration is written to the startup file."""

    NEVER = "never"
    CHANGED = "changed"
    ALWAYS = "always"


@dataclass(frozen=True)
class Request:
    """What a task asks for."""

    wanted: Configuration
    state: State
    update_secrets: UpdateSecrets = UpdateSecrets.ON_CREATE
    memory: Mapping[int, KeyMemory] = field(default_factory=dict)
    dialect: Dialect | None = None
    check: bool = False
    save: Save = Save.NEVER
    lock: bool = False
    allow_immediate: bool = False
    commit: CommitSettings = field(default_factory=CommitSettings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True)
class Report:
    """What was found and what was done. With a check, `after` is predicted and nothing was done.

    predicted: what was planned; unlike what is read back, it still tells which secrets are new
    keys: why each key is written that is
    label_left_out: whether the device knows no labels, so that its commit has none
    """

    before: Configuration
    after: Configuration
    predicted: Configuration
    dialect: Dialect | None
    lines: tuple[ConfigurationLine, ...] = ()
    keys: Mapping[int, KeyReason] = field(default_factory=dict)
    automatic: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    memory: Mapping[int, KeyMemory] | None = None  # None: nothing new is known
    commit_id: str | None = None
    label_left_out: bool = False
    saved: bool = False
    perhaps_layer2: frozenset[str] = frozenset()  # interfaces whose lines do not tell the layer

    @property
    def changed(self) -> bool:
        return bool(self.lines)
