# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person would see: turns the octets of a terminal into lines.

Rules of this file: it knows the terminal, not the device. It undoes what a terminal would undo (the pager's erasure,
progress figures,
wrapped echoes) and decides nothing about prompts or questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# Text with the ends of its lines, a control character that moves the cursor, or a whole escape sequence; other control
# characters, C1 among them, and an escape character that begins none are dropped.
_PIECE = re.compile(
    r"[^\x00-\x09\x0b-\x1f\x7f-\x9f]+|[\b\t\r]"
    r"|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]+[0-~]|\x1b[0-Z\\^-~]"
)
_CONTROLS = frozenset("\b\t\r")
# What has come of an escape sequence waits for its rest.
_UNFINISHED_ESCAPE = re.compile(r"\x1b(?:[ -/]*|\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)\Z")
_LONGEST_ESCAPE = 256
# Fact 3.1: a line has at most 3100 characters. What a device may make of a few octets must have an end.
_WIDEST = 16 * 1024
_MOST_LINES = 1024 * 1024
_MOST_CHARACTERS = 64 * 1024 * 1024


class ScreenError(Exception):
    """The device wrote more than a screen holds."""


class Screen:
    """Lines of a terminal of endless length. The last line is the one on which the cursor stands, normally."""

    def __init__(self) -> None:
        self._lines: list[str] = [""]
        self._row = 0
        self._lowest = 0  # the first row on which the cursor was since somebody asked for changes
        self._column = 0
        self._fresh = True  # the cursor came to column 0 by CR or LF: the next character replaces the line
        self._rest = ""
        self._characters = 0  # in all lines, or more where some were written over

    @property
    def lines(self) -> list[str]:
        """All lines so far; the last one may still grow."""
        return self._lines

    @property
    def current(self) -> str:
        """The line on which the cursor stands."""
        return self._lines[self._row]

    def feed(self, text: str) -> None:
        """Take text as it came, in pieces of any size. Raises ScreenError."""
        text = self._rest + text
        self._rest = ""
        unfinished = _UNFINISHED_ESCAPE.search(text) if "\x1b" in text else None
        if unfinished and len(unfinished.group()) < _LONGEST_ESCAPE:
            self._rest = unfinished.group()
            text = text[: unfinished.start()]
        for piece in _PIECE.findall(text.replace("\r\n", "\n")):
            if piece[0] == "\x1b":
                self._escape(piece)
            elif piece in _CONTROLS:
                self._control(piece)
            elif "\n" in piece:
                self._write_lines(piece.split("\n"))
            else:
                self._write(piece)

    def blank_current(self) -> None:
        """Forget the text of the current line, leaving the cursor where it is (used for an answered pager)."""
        self._lines[self._row] = " " * self._column

    def first_changed(self) -> int:
        """The first row that may have changed since this was asked before."""
        first, self._lowest = self._lowest, self._row
        return first

    def forget(self) -> None:
        """Drop all lines but the current one."""
        self._lines = [self.current]
        self._row = self._lowest = 0
        self._characters = len(self.current)

    def _write_lines(self, lines: Sequence[str]) -> None:
        """Write text that goes on on further lines."""
        first, *others = lines
        if first:
            self._write(first)
        if self._has_room(others):
            self._append(others)
            return
        for line in others:
            self._next_line()
            if line:
                self._write(line)

    def _has_room(self, lines: Sequence[str]) -> bool:
        """Whether the lines surely fit below the cursor, and write nothing over."""
        return (
            self._row + 1 == len(self._lines)
            and self._row + len(lines) < _MOST_LINES
            and max(map(len, lines)) <= _WIDEST
            and self._characters + sum(map(len, lines)) <= _MOST_CHARACTERS
        )

    def _append(self, lines: Sequence[str]) -> None:
        """Write the lines below the last one, all at once: nearly everything that a device says comes here."""
        self._lines += lines
        self._row += len(lines)
        self._column = len(lines[-1])
        self._fresh = not lines[-1]
        self._characters += sum(map(len, lines))

    def _write(self, text: str) -> None:
        line = "" if self._fresh else self._lines[self._row]
        self._fresh = False
        end = self._column + len(text)
        if end > _WIDEST:
            raise ScreenError(f"The device wrote a line of more than {_WIDEST} characters.")
        self._characters += max(0, end - len(line))
        if self._column > len(line):
            line = line.ljust(self._column)
        if self._characters > _MOST_CHARACTERS:
            raise ScreenError(f"The device wrote more than {_MOST_CHARACTERS} characters.")
        self._lines[self._row] = line[: self._column] + text + line[end:]
        self._column = end

    def _next_line(self) -> None:
        self._row += 1
        if self._row == len(self._lines):
            if self._row == _MOST_LINES:
                raise ScreenError(f"The device wrote more than {_MOST_LINES} lines.")
            self._lines.append("")
        self._column = 0
        self._fresh = True

    def _control(self, character: str) -> None:
        if character == "\r":
            self._to_column(0)
        elif character == "\b":
            self._column = max(0, self._column - 1)
        elif character == "\t":
            self._write(" " * (8 - self._column % 8))

    def _to_column(self, column: int) -> None:
        self._column = column
        self._fresh = column == 0

    def _escape(self, sequence: str) -> None:
        if not sequence.startswith("\x1b["):
            return
        arguments, final = sequence[2:-1], sequence[-1]
        count = int(arguments) if arguments.isdigit() and len(arguments) < 5 else 1
        if final == "D":
            self._column = max(0, self._column - count)
            if self._column == 0 and not self._lines[self._row].strip():
                self._lines[self._row] = ""
        elif final == "C":
            self._column = min(self._column + count, _WIDEST)
        elif final == "A":
            self._row = max(0, self._row - count)
            self._lowest = min(self._lowest, self._row)
        elif final == "K":
            self._erase(arguments)

    def _erase(self, arguments: str) -> None:
        line = self._lines[self._row]
        if arguments in ("", "0"):
            self._lines[self._row] = line[: self._column]
        elif arguments == "1":
            self._lines[self._row] = " " * min(self._column, len(line)) + line[self._column :]
        elif arguments == "2":
            self._lines[self._row] = ""
