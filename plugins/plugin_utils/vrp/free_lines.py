# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration lines that a user writes himself, under the views that he names: what stands already, what is to send.

Rules of this file: text against text, since nothing is known of what the lines mean. A line counts as standing only
when the device shows it in the user's spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..ntp.errors import UserError
from .grammar.telling import told_without_secrets

_UNDO = "undo "
_FRAME_END = "return"
# Lines that no configuration has, each with the letters that tell it from others.
_LEAVING = {"commit": 3, "quit": 1, "return": 3, "abort": 2, "system-view": 5, "rollback": 4, "save": 4}
_LEAVING_LINES = (("clear", "configuration"), ("refresh", "configuration"), ("configuration", "exclusive"))


@dataclass(frozen=True)
class FreeLine:
    """A line, and the lines that lead from the system view to where it belongs."""

    text: str
    parents: tuple[str, ...] = ()

    @property
    def masked(self) -> str:
        """For results and messages."""
        return " / ".join(told_without_secrets(text) for text in (*self.parents, self.text))


Shown = Mapping[tuple[str, ...], frozenset[str]]


def shown_lines(text: str) -> Shown:
    """The lines of a configuration text by the lines that they stand under, as the indentation tells (fact 2.1)."""
    found: dict[tuple[str, ...], set[str]] = {}
    path: list[tuple[int, str]] = []
    for line in text.split("\n"):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "!")) or line == _FRAME_END:
            path = path if line.startswith(" ") else []
            continue
        depth = len(line) - len(line.lstrip(" "))
        while path and path[-1][0] >= depth:
            path.pop()
        found.setdefault(_texts(path), set()).add(squeezed(stripped))
        path.append((depth, squeezed(stripped)))
    return {parents: frozenset(lines) for parents, lines in found.items()}


def squeezed(line: str) -> str:
    """The line with single blanks."""
    return " ".join(line.split())


def stands(line: FreeLine, shown: Shown) -> bool:
    """Whether nothing has to be sent for this line.

    An `undo` of something that the device does not show may still do something, such as `undo portswitch` on a port
    that is a layer 2 one by default. It is sent, and the candidate tells whether it changes anything.
    """
    present = shown.get(tuple(map(squeezed, line.parents)), frozenset())
    return squeezed(line.text) in present


def missing_lines(lines: Iterable[FreeLine], shown: Shown) -> tuple[FreeLine, ...]:
    """The lines to send."""
    return tuple(line for line in lines if not stands(line, shown))


def is_undo(line: FreeLine) -> bool:
    """Whether the line takes something away."""
    return squeezed(line.text).startswith(_UNDO)


def not_as_written(lines: Iterable[FreeLine], shown: Shown) -> tuple[FreeLine, ...]:
    """The lines that the device took but shows in another spelling, or, for an `undo`, still shows."""
    return tuple(line for line in lines if (_still_shown(line, shown) if is_undo(line) else not stands(line, shown)))


def _still_shown(line: FreeLine, shown: Shown) -> bool:
    gone = squeezed(line.text)[len(_UNDO) :]
    present = shown.get(tuple(map(squeezed, line.parents)), frozenset())
    return gone in present


def lines_of_text(text: str) -> tuple[FreeLine, ...]:
    """The lines of a text in the form of a device's configuration; one with lines below it is their parent only.

    Raises UserError for a line that is indented under nothing.
    """
    lines: list[FreeLine] = []
    path: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "!")) or line == _FRAME_END:
            path = path if line.startswith(" ") else []
            continue
        depth = len(line) - len(line.lstrip(" "))
        if path and depth > path[-1][0]:
            lines = lines[:-1] if lines[-1] == FreeLine(path[-1][1], _texts(path[:-1])) else lines
        while path and path[-1][0] >= depth:
            path.pop()
        if depth and not path:
            raise UserError(f"src, line {number}: it is indented, but no line above opens a view.")
        lines.append(FreeLine(squeezed(stripped), _texts(path)))
        path.append((depth, squeezed(stripped)))
    return tuple(lines)


def _texts(path: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(text for _depth, text in path)


def secrets_of(text: str) -> tuple[str, ...]:
    """The part of a line that may be a secret: whatever follows a word that names one."""
    told = told_without_secrets(text)
    if told == text:
        return ()
    same = next((n for n, (one, other) in enumerate(zip(text, told)) if one != other), len(told))
    return (text[same:],)


def refuse_leaving(lines: Sequence[tuple[str, str]]) -> None:
    """Raises UserError for lines, given with the option that holds them, that end the transaction or leave its views.

    A `commit` among the lines would make half of them effective, without a trial and untold. `run` takes a line of the
    user view, and `#` leads back to the system view (fact 3.1).
    """
    wrong = [f"{option}: `{told_without_secrets(text.strip())}`" for option, text in lines if _leaves(text)]
    if wrong:
        raise UserError(
            "\n".join(wrong)
            + "\nSuch a line is no configuration: views are named by parents, and the module itself commits or clears."
        )


def _leaves(text: str) -> bool:
    words = text.casefold().split() or [""]
    first = words[0]
    if first.startswith("#") or first in ("run", "return"):
        return True
    # Keywords may be shortened while unique (fact 3.1).
    if any(len(first) >= least and word.startswith(first) for word, least in _LEAVING.items()):
        return True
    return any(
        all(len(given) >= 3 and word.startswith(given) for given, word in zip(words, line)) and len(words) >= len(line)
        for line in _LEAVING_LINES
    )


def refuse_untypable(lines: Sequence[tuple[str, str]]) -> None:
    """Raises UserError for lines, given with the option that holds them, that hold anything but printable text."""
    wrong = [
        f"{option}: {told_without_secrets(text)!r} holds characters that can't be typed; it has to be one line of "
        "printable text without a question mark, which opens the help."
        for option, text in lines
        if not text.strip() or not text.isprintable() or "?" in text
    ]
    if wrong:
        raise UserError("\n".join(wrong))
