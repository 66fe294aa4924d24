# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with a wanted configuration, said before a device is touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    path: str
    value: str
    rule: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value} is refused: {self.rule} ({self.source})"


def problems(
    options: dict[str, Any] | None, *, platform: str, prefix: str = "config.", state: str = "merged"
) -> list[Problem]:
    raise NotImplementedError


def warnings(options: dict[str, Any] | None, *, platform: str, prefix: str = "config.") -> list[Problem]:
    raise NotImplementedError
