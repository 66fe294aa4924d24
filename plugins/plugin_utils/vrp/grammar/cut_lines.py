# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that a terminal cut at its width (fact 9.9), put together again where that is certain.

A terminal cuts a line at its last column and goes on at the margin of the next one. So a line is cut only if it is as
wide as the terminal, and what follows is its rest only if it can't be a line of its own. Where both may be true, the
text is refused: a `ttl 25` that was `ttl 255` is worse than no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ...ntp.masking import CIPHERTEXT_DELIMITER
from ..errors import ParseError
from .language import Statement
from .telling import told_without_secrets
from .terminal_text import is_logged

USUAL_WIDTH = 80
# Of these it takes more than one line: nothing in the text may be wider.
_OTHER_WIDTHS = frozenset({100, 120, 132, 160, 200})
_MOST_PARTS = 8  # a ciphertext has at most 432 characters (fact 1.1)
_CIPHER = re.compile(r"[ \t]authentication-mode[ \t]+\S+[ \t]+cipher[ \t]+(?P<text>\S.*)")
_OWN_LINES = ("ntp", "undo ntp", "interface ", "!", "<", "[", "*", "~")
_OWN_WORDS = frozenset({"#", "return", "quit", "commit"})


class Whole(NamedTuple):
    """A line put together, and of how many lines of the text it is made."""

    text: str
    lines: int


class CutLines:
    """The lines of one text, of which some may be cut."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._width = max(map(len, lines), default=0)

    def is_rest(self, position: int) -> bool:
        """Whether a line at the margin may be the rest of the line before."""
        return position > 0 and self._is_full(self._lines[position - 1])

    def whole(self, position: int, *, in_interface: bool, understood: Callable[[str], Statement | None]) -> Whole:
        """Return the NTP line that begins at a position.

        Args:
            position: where it begins.
            in_interface: whether it is an indented line of an interface, where no line of its own stands at the margin.
            understood: what a text states, None if it is no line of the language.

        Raises:
            ParseError: it can't be known whether the line is cut.
        """
        line = self._lines[position]
        cipher = _CIPHER.search(line)
        if cipher is not None and CIPHERTEXT_DELIMITER.match(cipher["text"]):
            return self._ciphertext(position, cipher["text"])
        if not self._may_go_on(position):
            return Whole(line, 1)
        rest = self._lines[position + 1]
        if not self._is_full(line):
            # The blank at the place of the cut may be lost. Otherwise this is a message between two lines.
            joined = f"{line.rstrip()} {rest}"
            known = understood(joined) if in_interface else None
            return Whole(joined, 2) if known is not None and known.form.ours else Whole(line, 1)
        known = understood(line + rest)
        indented = rest[0] in " \t"
        # What is indented may be a line of its own, which must not become the end of a line that takes anything.
        if known is not None and (known.form.ours or not indented):
            return Whole(line + rest, 2)
        if indented:
            return Whole(line, 1)
        raise ParseError(
            f"The text is cut at {len(line)} columns, and it is not certain how this line goes on: "
            f"{told_without_secrets(line.strip())}. Read it again on a wider terminal."
        )

    def _is_full(self, line: str) -> bool:
        if line.endswith("  "):  # filled up with blanks, as a copy of a screen is
            return False
        return len(line) == USUAL_WIDTH or (len(line) == self._width and self._width in _OTHER_WIDTHS)

    def _may_go_on(self, position: int) -> bool:
        if position + 1 >= len(self._lines):
            return False
        rest = self._lines[position + 1]
        return not (rest.rstrip() in _OWN_WORDS or rest.lstrip().startswith(_OWN_LINES) or is_logged(rest))

    def _ciphertext(self, position: int, text: str) -> Whole:
        """A ciphertext ends as it begins, so that one which is cut is known for certain."""
        line = self._lines[position]
        if not self._is_full(line):
            return Whole(line, 1)
        for count in range(1, _MOST_PARTS):
            if _is_closed(text.rstrip()):
                return Whole(line, count)
            if position + count >= len(self._lines) or not self._is_full(self._lines[position + count - 1]):
                break
            line += self._lines[position + count]
            text += self._lines[position + count]
        raise ParseError(
            "The ciphertext of a key has no end, so the text is cut: "
            f"{told_without_secrets(self._lines[position].strip())}. Read it again on a wider terminal."
        )


def _is_closed(text: str) -> bool:
    found = CIPHERTEXT_DELIMITER.match(text)
    return found is not None and len(text) > 2 * len(found.group()) and text.endswith(found.group())
