# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must change so that what is present becomes what is wanted."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from .changes import Change
from .key_memory import KeyMemory
from .model import Configuration


class State(enum.Enum):
    """The states of the module that configure a device."""

    MERGED = "merged"
    REPLACED = "replaced"
    OVERRIDDEN = "overridden"
    DELETED = "deleted"


class UpdateSecrets(enum.Enum):
    """When the secret of a key that exists, and of which nothing is remembered, is sent again."""

    ON_CREATE = "on_create"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order of their execution, and the configuration that they lead to."""

    changes: tuple[Change, ...]
    predicted: Configuration

    def __bool__(self) -> bool:
        return bool(self.changes)


def plan(
    present: Configuration,
    wanted: Configuration,
    *,
    state: State,
    update_secrets: UpdateSecrets = UpdateSecrets.ON_CREATE,
    memory: Mapping[int, KeyMemory] | None = None,
) -> Plan:
    raise NotImplementedError
