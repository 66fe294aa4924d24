# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal line: echo, line editing, paging, and the faults of the wire (facts 3.5, 4.1 item 14)."""

from __future__ import annotations

import asyncio
import codecs
import datetime
from collections.abc import Callable, Sequence
from typing import Protocol

from .errors import SessionEnded
from .faults import Faults

MORE = "  ---- More ----"  # fact 3.5, no line end after it
ERASE = "\x1b[16D" + " " * 16 + "\x1b[16D"  # what the device sends after a key
CONTROL_C, CONTROL_Z = "\x03", "\x1a"
_BACKSPACE = ("\x08", "\x7f")
_LONG_OUTPUT = 40  # lines after which the first typed character may be lost


class Transport(Protocol):
    """A byte stream to the person at the other end."""

    async def read(self) -> bytes:
        """Return what came in; ``b""`` = the peer has gone."""

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def close(self) -> None:
        """End the session in good order."""

    def abort(self) -> None:
        """Cut the line."""


class Terminal:
    """Reads lines and writes text as a VRP terminal does."""

    def __init__(self, transport: Transport, faults: Faults, width: int) -> None:
        self._transport = transport
        self._faults = faults
        self._width = width
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._input = ""
        self._output: list[str] = []
        self._after_return = False
        self.length = 24  # lines, fact 3.5
        self.monitoring = True
        self._long_output = False

    # input

    async def _character(self) -> str:
        while not self._input:
            await self.flush()
            data = await self._transport.read()
            if not data:
                raise SessionEnded
            self._input = self._decoder.decode(data)
        character, self._input = self._input[0], self._input[1:]
        return character

    async def read_line(
        self, prompt: str, echo: bool = True, help_for: Callable[[str], Sequence[str]] | None = None
    ) -> str:
        """Return one line; Ctrl+Z comes back as itself at once, Ctrl+C as an empty line."""
        typed = ""
        column = len(prompt.rpartition("\n")[2])
        while True:
            character = await self._character()
            if self._long_output:
                self._long_output = False
                if self._faults.lose_first_character:
                    continue
            if character == "\n" and self._after_return:
                self._after_return = False
                continue
            self._after_return = character == "\r"
            if character in ("\r", "\n", CONTROL_Z, CONTROL_C):
                self.write("\n")
                return {CONTROL_Z: CONTROL_Z, CONTROL_C: ""}.get(character, typed)
            if character == "?" and help_for is not None:
                self.write("?\n" + "".join(f"  {word}\n" for word in help_for(typed)))
                self.write(prompt + typed)  # fact 3.5: the typed line is drawn again
            elif character in _BACKSPACE:
                if typed:
                    typed = typed[:-1]
                    column -= 1
                    self.write("\x08 \x08" if echo else "")
            elif character.isprintable():
                typed += character
                column += 1
                self.write(character if echo else "")
                width = self._faults.echo_width or self._width
                if echo and width and column % width == 0:
                    self.write(" \x1b[1D")  # fact 3.5

    # output

    def write(self, text: str) -> None:
        """Print text; it goes out with the next ``flush``, at the latest when the device waits for input."""
        if text:
            self._output.append(text)

    async def flush(self) -> None:
        """Send what was printed, with CR LF at line ends."""
        if not self._output:
            return
        data = "".join(self._output).replace("\n", "\r\n").encode()
        self._output.clear()
        size = self._faults.chunk_size
        if not size:
            self._transport.write(data)
            await self._transport.drain()
            return
        for start in range(0, len(data), size):
            self._transport.write(data[start : start + size])
            await self._transport.drain()
            await asyncio.sleep(self._faults.chunk_delay)

    def log_line(self) -> None:
        """A log line may come between any two outputs (fact 3.5)."""
        wanted = self._faults.log_lines
        if wanted == "always" or (wanted == "stoppable" and self.monitoring):
            stamp = datetime.datetime.now(datetime.timezone.utc)
            self.write(f"{stamp:%b %d %Y %H:%M:%S}+00:00 {self._faults.log_text}\n")

    async def show(self, lines: Sequence[str], paged: bool) -> None:
        """Print lines, a screen at a time when the pager is on (fact 3.5)."""
        self._long_output = len(lines) >= _LONG_OUTPUT
        if not paged or not self.length:
            self.write("".join(f"{line}\n" for line in lines))
            return
        room = self.length - 1
        for line in lines:
            if room == 0:
                self.write(MORE)
                key = await self._character()
                if key == "\r" and self._input.startswith("\n"):
                    self._input = self._input[1:]
                self.write(ERASE)
                if key == " ":
                    room = self.length - 1
                elif key in "\r\n":
                    room = 1
                else:
                    self.write("\n")
                    return
            self.write(f"{line}\n")
            room -= 1

    async def close(self) -> None:
        await self.flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()
