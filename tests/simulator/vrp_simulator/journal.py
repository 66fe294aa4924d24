# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command log and the commit log: JSON lines, key texts masked."""

from __future__ import annotations

import json
import pathlib
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .device import Device
    from .transaction import Commit

MASK = "********"
# Secrets in lines that were typed, whether they were understood or not.
_SECRETS = (
    re.compile(r"(?i)(\bn\S*\s+a\S*\s+\d+\s+a\S*\s+\S+\s+(?:c\w*\s+(?=\S))?)(.+)"),
    re.compile(r"(?i)(\ba\S*-m\S*\s+\S+\s+(?:c\w*\s+(?=\S))?)(.+)"),
    re.compile(r"(?i)(\b(?:cipher|password|shared-key|irreversible-cipher|simple)\s+)(\S.*)"),
)


def masked(line: str) -> str:
    """Return ``line`` with key texts and passwords replaced."""
    for pattern in _SECRETS:
        line = pattern.sub(lambda found: found[1] + MASK, line)
    return line


class Journal:
    """Keeps what was typed and committed, in memory for tests and in files for everyone.

    Files are opened for each entry, so that a thousand devices do not need two thousand open files.
    """

    def __init__(self, directory: pathlib.Path | None, remember: bool = False) -> None:
        self._directory = directory
        self._remember = remember
        self.commands: dict[str, list[dict[str, Any]]] = {}
        self.commits: dict[str, list[dict[str, Any]]] = {}
        self.typed: dict[str, list[tuple[str, str]]] = {}  # (prompt, line) with secrets; never in a file
        self._kept = remember or directory is not None
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)

    def command(self, device: str, session: int, user: str, prompt: str, line: str, kind: str, plain: str = "") -> None:
        """Note one typed line; ``kind`` is ``configuration``, ``display`` or ``other``.

        plain: the line as it was typed, for tests only; left out = ``line``
        """
        if not self._kept:
            return
        entry = {
            "time": round(time.time(), 6),
            "session": session,
            "user": user,
            "prompt": prompt,
            "line": masked(line),
            "kind": kind,
        }
        if self._remember:
            self.commands.setdefault(device, []).append(entry)
            self.typed.setdefault(device, []).append((prompt, plain or line))
        self._write(f"{device}.jsonl", entry)

    def commit(self, device: Device, commit: Commit) -> None:
        """Note one commit with its differences."""
        if not self._kept:
            return
        from .configuration import apply
        from .printing import diff_lines

        before = apply(device.running, commit.before)
        entry = {
            "time": round(commit.time.timestamp(), 6),
            "id": commit.commit_id,
            "user": commit.author.user,
            "session": commit.author.session,
            "type": commit.kind,
            "label": commit.label,
            "description": commit.description,
            "changes": [masked(line) for line in diff_lines(before, device.running, device.style, device.order)],
        }
        name = device.settings.name
        if self._remember:
            self.commits.setdefault(name, []).append(entry)
        self._write(f"{name}.commits.jsonl", entry)

    def _write(self, name: str, entry: dict[str, Any]) -> None:
        if self._directory is not None:
            with (self._directory / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
