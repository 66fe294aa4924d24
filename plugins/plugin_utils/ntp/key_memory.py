# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of a key, so that a secret can converge although a device only shows a salted ciphertext."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .changes import Change
from .model import Algorithm, Configuration, Secret


@dataclass(frozen=True, slots=True)
class KeyMemory:
    algorithm: Algorithm
    salt: bytes
    secret_hash: bytes
    ciphertext_digest: bytes

    @classmethod
    def of(cls, algorithm: Algorithm, secret: Secret, ciphertext: Secret) -> KeyMemory:
        raise NotImplementedError

    def knows_secret(self, secret: Secret) -> bool:
        raise NotImplementedError

    def knows_ciphertext(self, ciphertext: Secret) -> bool:
        raise NotImplementedError


def memory_from_facts(facts: object) -> dict[int, KeyMemory]:
    raise NotImplementedError


def facts_from_memory(memory: Mapping[int, KeyMemory]) -> dict[str, dict[str, Any]]:
    raise NotImplementedError


def remember(
    memory: Mapping[int, KeyMemory], changes: Iterable[Change], read_back: Configuration
) -> dict[int, KeyMemory]:
    """The memory after a commit of `changes`, given what the device shows now."""
    raise NotImplementedError
