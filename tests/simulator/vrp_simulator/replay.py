# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that says what a recorded one said: the file is the option ``transcript_file`` of the connection plugin.

Each login plays the next session of the file, and the last one from then on. A line is answered with what came to the
same line the next time that it was typed; nothing is carried out.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import SettingsError
from .session import Session
from .settings import User
from .terminal import Terminal

if TYPE_CHECKING:
    from .device import Device

FORMAT_VERSION = 1
MASK = "********"
UNKNOWN = "Error: This line is not in the transcript."
# The connection types these two before its first line, and does not wait for their answers.
_SILENT = ("screen-length 0 temporary", "undo terminal monitor")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line and its answer. ``line`` is None for the login; ``prompt`` is empty where the answer broke off."""

    line: str | None
    shown: tuple[tuple[str, ...], ...]
    prompt: str

    def fits(self, typed: str) -> bool:
        """Whether the line is this one; what was masked in it may be anything."""
        if self.line is None:
            return False
        wanted, given = " ".join(self.line.split()), " ".join(typed.split())
        head, mask, _tail = wanted.partition(MASK)
        return given.startswith(head) if mask else given == wanted


class Transcript:
    """The sessions of a file, handed out one after the other."""

    def __init__(self, path: pathlib.Path) -> None:
        self.sessions = read_sessions(path)
        self._next = 0

    def next_session(self) -> Sequence[Entry]:
        session = self.sessions[min(self._next, len(self.sessions) - 1)]
        self._next += 1
        return session


def read_sessions(path: pathlib.Path) -> tuple[tuple[Entry, ...], ...]:
    """The sessions in the order in which they began."""
    sessions: dict[str, list[Entry]] = {}
    try:
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            name, entry = _entry(json.loads(text), f"{path}:{number}")
            sessions.setdefault(name, []).append(entry)
    except (OSError, ValueError) as error:
        raise SettingsError(f"transcript {path}: {error}") from None
    if not sessions:
        raise SettingsError(f"transcript {path}: no session is in it")
    return tuple(tuple(entries) for entries in sessions.values())


def _entry(data: object, where: str) -> tuple[str, Entry]:
    if not isinstance(data, Mapping) or data.get("transcript") != FORMAT_VERSION:
        raise SettingsError(f"{where}: no line of a transcript in form {FORMAT_VERSION}")
    shown, line = data.get("shown"), data.get("line")
    rows_are_text = isinstance(shown, list) and all(
        isinstance(part, list) and all(isinstance(row, str) for row in part) for part in shown
    )
    if not rows_are_text or not shown or not (line is None or isinstance(line, str)):
        raise SettingsError(f"{where}: line and shown are needed")
    return str(data.get("session")), Entry(line, tuple(tuple(part) for part in shown), str(data.get("prompt") or ""))


class ReplayedSession(Session):
    """A session in which nothing is carried out."""

    def __init__(self, device: Device, user: User, terminal: Terminal, peer: str, entries: Sequence[Entry]) -> None:
        super().__init__(device, user, terminal, peer)
        self._entries = tuple(entries)
        self._position = 0
        self._prompt = next((entry.prompt for entry in entries if entry.prompt), "<HUAWEI>")

    @property
    def prompt(self) -> str:
        return self._prompt

    def help(self, line: str) -> Sequence[str]:
        return ()

    async def begin(self) -> None:
        self.vty = self.device.free_line() or 0
        self.number = self.device.open_session(self)
        first = self._entries[0]
        if first.line is None:
            await self._play(first)

    async def take(self, prompt: str, line: str) -> None:
        if not line.strip() or " ".join(line.split()) in _SILENT:
            return
        self.log(prompt, line, "other")
        entry = self._find(line)
        if entry is None:
            self.say(UNKNOWN)
        else:
            await self._play(entry)

    def _find(self, line: str) -> Entry | None:
        """The next entry with this line; one that was played already when there is no other."""
        behind = range(self._position, len(self._entries))
        for index in (*behind, *range(self._position)):
            entry: Entry = self._entries[index]
            if entry.fits(line):
                self._position = index + 1
                return entry
        return None

    async def _play(self, entry: Entry) -> None:
        *asked, last = entry.shown
        for *rows, question in asked:
            await self.terminal.show(rows, paged=False)
            self.write(question)
            await self.terminal.read_line(question)
        await self.terminal.show(last, paged=False)
        if not entry.prompt:
            await self.terminal.fall_silent()
        self._prompt = entry.prompt
