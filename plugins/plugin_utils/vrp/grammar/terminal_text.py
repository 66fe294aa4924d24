# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a terminal leaves in a text that was saved from it: rests of the pager, cursor movements, text of a log.

Rules of this file: it knows terminals and logs, not the language of configurations. Every pattern is linear in the
length of the text.
"""

from __future__ import annotations

import re

from ..errors import ParseError

# Fact 3.5: `  ---- More ----`, then the cursor goes back, blanks overwrite, the cursor goes back. The movements are
# backspaces, carriage returns or escape sequences; the escape character may be lost, or written as `^[`.
_PAGER = re.compile(r"[ \t]*-{2,5} ?More\b[^-\n]{0,40}-{2,5}")
_MOVEMENT = re.compile(r"(?:(?:\x1b|\^\[)?\[[0-9]{1,4}[A-K]|\x9b[0-9]{1,4}[A-K]|(?:\x1b|\^\[)\[K|[\b\r]+|(?:\^H|\^M)+)")
_MOVED_BACK = re.compile(r" *(?:(?:(?:\x1b|\^\[)?\[|\x9b)[0-9]{1,4}D|[\b])")
# Colours, as of a pager in reverse video; and a movement whose escape is written in a way that is not known here.
_COLOUR = re.compile(r"(?:\x1b|\^\[)\[[0-9;]{0,20}m")
_ODD_MOVEMENT = re.compile(r"\[[0-9]{1,4}[A-K](?![A-Za-z0-9])|\[[0-9]{1,4}D")
_FOREIGN_PAGER = re.compile(r"[ \t]*-{2,5} ?[^\W\d_]{3,10} ?-{2,5}")
# A log that came on the line of something else: its time, and its name.
_BEHIND = re.compile(
    r"(?<=[^ #*%\[])[#*%]?\[?(?:[A-Z][a-z]{2} +[0-9]{1,2} (?:[0-9]{4} )?|[0-9]{4}-[0-9]{2}-[0-9]{2}[ T])"
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}[^%\n]{0,100}%%[0-9]{2} ?[A-Z]"
)
_TRACES = re.compile(r"More|%%[0-9]|[\x1b\b\x9b]|\r(?!\n)|(?m:^ *(?:\^\[)?\[[0-9]{1,4}D)")
# A text without any of these has no traces. They are looked for first, since that costs next to nothing.
_MARKS = ("\x1b", "\b", "\x9b", "\r", "%%", "More")
_MOVES_BACK = re.compile(r"\[[0-9]{1,4}D")
_ESCAPE = re.compile(r"\x1b\[[0-?]{0,20}[ -/]{0,4}[@-~]|\x1b")
_WIDEST_INDENT = 8
_BEGINS_VIEW = ("#", "!", "interface ", "return")

# The time forms of `info-center timestamp` (fact 9.1); a trap begins with `#`, a debugging line with `*`.
_LOGGED = re.compile(
    r"[#*]?(?:[A-Z][a-z]{2} +[0-9]{1,2}[ ,]|[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]"
    r"|[0-9]{2}:[0-9]{2}:[0-9]{2}\b|[0-9]+\.[0-9]{6,} )"
)
_MNEMONIC = re.compile(r"%%[0-9]{2}[A-Z0-9_]{1,64}/[0-9]/|(?<![\w/])[A-Z0-9_]{2,64}/[0-9]/[A-Z0-9_]{2,64}[(:]")


def terminal_lines(text: str) -> list[str]:
    """Return the lines that a person would have seen, blanks at their ends included.

    Raises:
        ParseError: a line has rests of a pager that are not understood, so what stands on it is not known.
    """
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    lines = plain.split("\n")
    if not _may_have_traces(plain) or _TRACES.search(text) is None:
        return lines
    return [_seen(line.rstrip("\r"), number) for number, line in enumerate(lines, 1)]


def _may_have_traces(text: str) -> bool:
    return any(mark in text for mark in _MARKS) or _MOVES_BACK.search(text) is not None


def is_logged(line: str) -> bool:
    """Whether a line that begins at the margin is the beginning of a log, a trap or a debugging message."""
    return _LOGGED.match(line) is not None or ("/" in line and _MNEMONIC.search(line) is not None)


def _seen(line: str, number: int) -> str:
    if "[" in line:
        line = _COLOUR.sub("", line)
    pager = _PAGER.match(line) if "More" in line else _FOREIGN_PAGER.match(line)
    if pager is not None:
        return _behind_pager(line[pager.end() :], number)
    if _MOVED_BACK.match(line):
        return _behind_pager(line.lstrip(" "), number)
    if "\x1b" in line:
        line = _ESCAPE.sub("", line)
    if "\b" in line:
        line = _rubbed_out(line)
    if "\r" in line:
        line = line.rpartition("\r")[2]
    logged = _BEHIND.search(line) if "%%" in line else None
    return line if logged is None else line[: logged.start()]


def _behind_pager(rest: str, number: int) -> str:
    """Return the text that overwrites a pager, with its indentation as far as it can be known."""
    position = 0
    while True:
        blanks = position
        while blanks < len(rest) and rest[blanks] == " ":
            blanks += 1
        movement = _MOVEMENT.match(rest, blanks)
        if movement is None:
            break
        position = movement.end()
    text, indent = rest[blanks:], blanks - position
    odd = text and (not (text[0].isascii() and text[0].isprintable()) or text[0] in "^?\\")
    if odd or _ODD_MOVEMENT.search(text.partition("ntp")[0]):
        raise ParseError(
            f"Line {number} holds the rest of a pager ('---- More ----') that is not understood, so what stands on "
            "it is not known. Read the text again with 'screen-length 0 temporary'."
        )
    if position and indent <= _WIDEST_INDENT:
        return " " * indent + text
    # The blanks overwrote the pager: how far the text is indented is lost, but only these words stand at the margin.
    return text if text.startswith(_BEGINS_VIEW) or not text else f" {text}"


def _rubbed_out(line: str) -> str:
    seen: list[str] = []
    for character in line:
        if character != "\b":
            seen.append(character)
        elif seen:
            seen.pop()
    return "".join(seen)
