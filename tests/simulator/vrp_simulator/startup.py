# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a configuration text: what a device does with its startup file."""

from __future__ import annotations

import functools

from .cipher import Cipher
from .commands.grammar import Grammar, grammar_of
from .commands.table import View
from .configuration import SYSNAME, Block, Candidate, Configuration, InterfaceHeader, Line, Place, Style, block, header
from .editing import Edit
from .errors import CaretRefusal, Refusal, SettingsError
from .printing import block_name
from .release import Behaviour
from .releases import release_named
from .wordings import Wordings


@functools.lru_cache(maxsize=64)
def read_startup(
    release_name: str, behaviour: Behaviour, master_key: str, text: str
) -> tuple[Configuration, tuple[str, ...]]:
    """Return what a startup file says, and the names of its blocks as they stood there.

    Devices with the same file and the same key share one reading; the caller copies before it changes anything.
    """
    style = Style(release_named(release_name), behaviour)
    reader = StartupReader(style, grammar_of(release_name, True), Cipher(master_key, style.release.cipher))
    configuration = reader.read(text)
    return configuration, tuple(dict.fromkeys(reader.order))


class StartupReader:
    """Turns a text into a configuration; what is not understood is kept as it stands."""

    def __init__(self, style: Style, grammar: Grammar, cipher: Cipher) -> None:
        self._style = style
        self._grammar = grammar
        self._cipher = cipher
        self._candidate = Candidate({})
        self.order: list[str] = []

    def read(self, text: str) -> Configuration:
        """Return the configuration of ``text``; ``order`` then holds the names of its blocks as they stood."""
        for lines in _blocks(text):
            self._read_block(lines)
        return self._candidate.merged()

    def _read_block(self, lines: list[str]) -> None:
        first = lines[0]
        command = self._style.release.dialect.command
        if first.startswith("interface "):
            self._read_interface(first, lines[1:])
        elif first.lstrip().startswith("sysname "):  # VRP5 indents the lines of the system view
            self._candidate.set(SYSNAME, Line(first.lstrip()))
            self._note(SYSNAME)
        elif first.split()[0] == command or first.startswith(f"undo {command} "):
            for line in lines:
                self._apply(line.strip(), "")
            self.order.append("ntp")
        else:
            place = block(first)
            self._candidate.set(place, Block(tuple(lines)))
            self._note(place)

    def _read_interface(self, first: str, lines: list[str]) -> None:
        try:
            name = self._style.release.names.canonical(first.partition(" ")[2])
        except ValueError as error:
            raise SettingsError(f"startup configuration: {first!r}: {error}") from None
        self._candidate.set(header(name), InterfaceHeader())
        self._note(header(name))
        for line in lines:
            try:
                self._apply(line.strip(), name)
            except SettingsError:
                self._candidate.set(Place(name, ("free", line.strip())), Line(line.strip()))

    def _note(self, place: Place) -> None:
        self.order.append(block_name(place))

    def _apply(self, line: str, view: str) -> None:
        kind = View.SYSTEM
        if view:
            takes = self._style.release.names.takes_ntp_multicast(view)
            kind = View.NTP_INTERFACE if takes else View.INTERFACE
        edit = Edit(self._style, Wordings(), self._cipher, self._candidate, view, line, at_startup=True)
        try:
            command, match = self._grammar.tables[kind].match(line)
            if command.edit is None:
                raise SettingsError(f"startup configuration: {line!r} is no configuration line")
            command.edit(edit, match)
        except (CaretRefusal, Refusal) as error:
            raise SettingsError(f"startup configuration: {line!r}: {error}") from None


def _blocks(text: str) -> list[list[str]]:
    """Cut a text at the ``#`` lines; the heading with ``!`` or ``[`` and the closing ``return`` are left out."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        line = line.rstrip()
        if line.strip() == "#" and not line.startswith(" "):
            blocks.append([])
        elif line and line[0] not in "![<" and line != "return":
            if line.startswith(("interface ", "sysname ")) and blocks[-1]:
                blocks.append([])
            blocks[-1].append(line)
    return [lines for lines in blocks if lines]
