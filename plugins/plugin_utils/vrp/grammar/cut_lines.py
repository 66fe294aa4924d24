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
# A terminal may have any other width. These are common, so that a line of one is more likely to be cut.
_OTHER_WIDTHS = frozenset({100, 120, 132, 160, 200})
_MOST_PARTS = 8  # a ciphertext has at most 432 characters (fact 1.1)
_CIPHER = re.compile(r"[ \t]authentication-mode[ \t]+\S+[ \t]+cipher[ \t]+(?P<text>\S.*)")
_INSIDE_A_VALUE = frozenset("0123456789.:")
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
        return (self._rest_of_full if self._may_be_full(position) else self._rest_of_short)(
            position, in_interface=in_interface, understood=understood
        )

    def _rest_of_full(
        self, position: int, *, in_interface: bool, understood: Callable[[str], Statement | None]
    ) -> Whole:
        """The line with its rest, which may itself be as wide as the terminal."""
        line = self._lines[position]
        candidates = [line]
        whole: Whole | None = None
        count, own_line = 1, False
        while count < _MOST_PARTS and self._may_be_full(position + count - 1):
            if not self._may_go_on(position + count - 1):
                break
            rest = self._lines[position + count]
            candidates = [f"{text}{blank}{rest}" for blank in ("", " ") for text in candidates]
            count += 1
            # What is indented may be a line of its own, which must not become the end of a line that takes anything.
            own_line = own_line or _is_own_line(rest)
            known = {joined: understood(joined) for joined in candidates}
            certain = [
                joined
                for joined, statement in known.items()
                if statement is not None and self._is_certain(statement, line, own_line=own_line)
            ]
            if certain:
                if any(known[joined] != known[certain[0]] for joined in certain):
                    certain = [certain[0 if self._has_usual_width(line) else self._index_with_lost_blank(line)]]
                whole = Whole(certain[0], count)
        if whole is not None:
            return whole
        rest = self._lines[position + 1]
        if not _is_own_line(rest) and (self._has_usual_width(line) or (in_interface and rest[0] in _INSIDE_A_VALUE)):
            raise self._uncertain(line)
        self._refuse_torn(line, rest, understood)
        return Whole(line, 1)

    def _index_with_lost_blank(self, line: str) -> int:
        """Where both a blank and none make a line whole: a blank was lost only where just one column is missing."""
        if len(line) + 1 in (USUAL_WIDTH, *_OTHER_WIDTHS):
            return -1
        raise self._uncertain(line)

    def _refuse_torn(self, line: str, rest: str, understood: Callable[[str], Statement | None]) -> None:
        """Refuse a line that the next one would complete, wherever it was cut: it may say something else."""
        texts = [rest.strip()]
        if rest[0] in " \t" and rest.strip()[0] in _INSIDE_A_VALUE:
            texts.append(rest.split()[0])  # no line of a configuration begins so; more may follow on further ones
        for joined in (f"{line.rstrip()}{blank}{text}" for text in texts for blank in ("", " ")):
            known = understood(joined)
            if known is not None and known.form.ours and "secret" not in known.fields:
                raise self._uncertain(line)

    def _is_certain(self, known: Statement, line: str, *, own_line: bool) -> bool:
        """A form that takes anything at its end is made whole by any rest."""
        if known.form.ours and "secret" not in known.fields:
            return True
        return self._has_usual_width(line) and not own_line

    def _rest_of_short(
        self, position: int, *, in_interface: bool, understood: Callable[[str], Statement | None]
    ) -> Whole:
        """The line with its rest, where other lines are wider or the blank at the place of the cut is lost.

        Otherwise what follows is a message between two lines.
        """
        line, rest = self._lines[position], self._lines[position + 1]
        if not in_interface:
            self._refuse_torn(line, rest, understood)
            return Whole(line, 1)
        joined = f"{line.rstrip()} {rest}"
        known = understood(joined)
        if known is not None and known.form.ours:
            return Whole(joined, 2)
        known = understood(line + rest)
        if known is not None and known.form.ours and rest[0] not in " \t" and not line.endswith("  "):
            raise self._uncertain(line)
        self._refuse_torn(line, rest, understood)
        return Whole(line, 1)

    def _uncertain(self, line: str) -> ParseError:
        return ParseError(
            f"The text is cut at {len(line)} columns, and it is not certain how this line goes on: "
            f"{told_without_secrets(line.strip())}. Read it again on a wider terminal."
        )

    def _is_full(self, line: str) -> bool:
        if line.endswith("  "):  # filled up with blanks, as a copy of a screen is
            return False
        return len(line) in (USUAL_WIDTH, self._width)

    def _may_be_full(self, position: int) -> bool:
        """Whether a line is as wide as the terminal, or would be with the blank that was lost at its end."""
        return self._is_full(self._lines[position]) or self._is_full(self._lines[position] + "+")

    def _has_usual_width(self, line: str) -> bool:
        """Whether so many columns are those of a terminal, and not just those of the longest line."""
        return len(line) == USUAL_WIDTH or len(line) in _OTHER_WIDTHS

    def _may_go_on(self, position: int) -> bool:
        if position + 1 >= len(self._lines):
            return False
        rest = self._lines[position + 1]
        if self._lines[position].endswith(" source-"):  # cut in the middle of `source-interface`
            return True
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
        if not self._has_usual_width(self._lines[position]):
            # The longest line of the text, with a ciphertext in a form that is not known. Nothing hangs on it.
            return Whole(self._lines[position], 1)
        raise ParseError(
            "The ciphertext of a key has no end, so the text is cut: "
            f"{told_without_secrets(self._lines[position].strip())}. Read it again on a wider terminal."
        )


def _is_own_line(rest: str) -> bool:
    """Whether a rest that is indented may be a line of its own: one begins with a word."""
    return rest[0] in " \t" and rest.lstrip()[:1].isalpha()


def _is_closed(text: str) -> bool:
    found = CIPHERTEXT_DELIMITER.match(text)
    return found is not None and len(text) > 2 * len(found.group()) and text.endswith(found.group())
