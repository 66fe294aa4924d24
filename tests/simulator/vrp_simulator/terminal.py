# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal line: echo, line editing, paging, and the faults of the wire (facts 3.5, 4.1 item 14)."""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from .errors import SessionEnded
from .faults import Faults
from .pieces import at_width, pieces

MORE = "  ---- More ----"  # fact 3.5, no line end after it
CONTROL_C, CONTROL_Z = "\x03", "\x1a"
_BACKSPACE = ("\x08", "\x7f")
_LONG_OUTPUT = 40  # lines after which the first typed character may be lost


def erasure(form: str, columns: int) -> str:
    """Blanks over the pager's text after a key (fact 3.5), in one of the forms that saved texts show."""
    back = {"escape": f"\x1b[{columns}D", "bare": f"[{columns}D", "carriage-return": "\r"}.get(form, "\x08" * columns)
    return back + " " * columns + back


ERASE = erasure("escape", 16)


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
        self._line_start = 0  # where in the output the echo of the present line begins
        self.gone = False  # the line is cut; what is printed goes nowhere
        self._after_return = False
        self.length = 24  # lines, fact 3.5
        self.monitoring = True
        self._long_output = False

    # input

    async def _character(self) -> str:
        while not self._input:
            await self.flush()
            data = b"" if self.gone else await self._transport.read()
            if not data:
                raise SessionEnded
            self._input = self._decoder.decode(data)
        character, self._input = self._input[0], self._input[1:]
        return character

    async def read_line(
        self,
        prompt: str,
        echo: bool = True,
        help_for: Callable[[str], Sequence[str]] | None = None,
        mark_for: Callable[[str], str] | None = None,
    ) -> str:
        """Return one line; Ctrl+Z comes back as itself at once, Ctrl+C as an empty line.

        mark_for: what the device writes behind the echo of a whole line
        """
        typed = ""
        self._line_start = len(self._output)
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
                if echo and self._faults.garbled_echo and re.search(self._faults.garbled_echo, typed):
                    self._output[self._line_start :] = [typed[1::2]]
                self.write((mark_for(typed) if mark_for is not None else "") + "\n")
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

    async def delay_echo(self, seconds: float) -> None:
        """Stay silent before the echo of the line that was typed; what was printed before it is out by then."""
        typed, self._output = self._output[self._line_start :], self._output[: self._line_start]
        await self.flush()
        await asyncio.sleep(seconds)
        self._output = typed + self._output

    # output

    def write(self, text: str) -> None:
        """Print text; it goes out with the next ``flush``, at the latest when the device waits for input."""
        if text and not self.gone:
            self._output.append(text)

    async def flush(self) -> None:
        """Send what was printed, with CR LF at line ends."""
        if not self._output:
            return
        text = "".join(self._output).replace("\n", "\r\n")
        self._output.clear()
        self._line_start = 0
        for silence, octets in pieces(text, self._faults):
            if silence:
                await asyncio.sleep(silence)
            if self.gone:
                return
            self._transport.write(octets)
            await self._transport.drain()
            if self._faults.chunk_size:
                await asyncio.sleep(self._faults.chunk_delay)

    async def print_now(self, text: str) -> None:
        """Print something while the session is doing anything else."""
        self.write(text)
        await self.flush()

    async def fall_silent(self) -> None:
        """Say nothing any more, and hear nothing, until the peer has gone."""
        while True:
            await self._character()

    async def show(self, lines: Sequence[str], paged: bool) -> None:
        """Print lines, a screen at a time when the pager is on (fact 3.5)."""
        self._long_output = len(lines) >= _LONG_OUTPUT
        printed = [part for line in lines for part in at_width(line, self._faults.output_width)]
        if not paged or not self.length:
            self.write("".join(f"{line}\n" for line in printed))
            return
        room = self.length - 1
        for line in printed:
            if room == 0:
                self.write(MORE)
                key = await self._character()
                if key == "\r" and self._input.startswith("\n"):
                    self._input = self._input[1:]
                self.write(erasure(self._faults.pager_erase, self._faults.pager_columns))
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
        """Cut the line. The session may still have something to do, without anybody to tell."""
        self.gone = True
        self._output.clear()
        self._transport.abort()
