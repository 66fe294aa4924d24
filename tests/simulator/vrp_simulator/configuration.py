# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a device as a mapping of places to entries, and the candidate of a session.

A *place* is one leaf: the view it lives in (``""`` = system view, else the interface name) and a key inside that view.
An *entry* is what stands there; it knows its printed text for a style.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .release import Behaviour, Release


class Place(NamedTuple):
    view: str
    key: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Style:
    """What decides how an entry is printed."""

    release: Release
    behaviour: Behaviour


class Entry(Protocol):
    @property
    def rank(self) -> int:
        """Order inside the block."""

    def text(self, style: Style) -> str | None:
        """The printed line without indentation, or ``None`` when the device does not print it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that means nothing more to the simulator than its text."""

    line: str
    rank: int = 50

    def text(self, style: Style) -> str | None:
        return self.line


@dataclass(frozen=True, slots=True)
class InterfaceHeader:
    """The interface exists."""

    rank: int = 0

    def text(self, style: Style) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Block:
    """A block of top-level lines that is kept as it stands, with its sub-views (fact 2.1)."""

    lines: tuple[str, ...]
    rank: int = 0

    def text(self, style: Style) -> str | None:
        return "\n".join(self.lines)


Configuration = dict[Place, Entry]

SYSNAME = Place("", ("sysname",))


def header(interface: str) -> Place:
    """The place that says that an interface exists."""
    return Place(interface, ("interface",))


def block(name: str) -> Place:
    """The place of a block of free lines; ``name`` is its first line."""
    return Place("", ("block", name))


class Candidate:
    """The pending changes of one session over the running configuration (fact 3.2).

    A place that was touched stays among the changes even when its old entry is put back: the device has been told to
    take the line away and to set it again.
    """

    def __init__(self, running: Mapping[Place, Entry]) -> None:
        self._running = running
        self._changes: dict[Place, Entry | None] = {}
        self._before: dict[Place, Entry | None] = {}
        self._lines: dict[Place, str] = {}

    def __bool__(self) -> bool:
        return bool(self._changes)

    @property
    def changes(self) -> Mapping[Place, Entry | None]:
        """Touched places in the order of the last touch; ``None`` = taken away."""
        return self._changes

    @property
    def before(self) -> Mapping[Place, Entry | None]:
        """What stood in the running configuration when the place was first touched."""
        return self._before

    @property
    def lines(self) -> Mapping[Place, str]:
        """The typed line that last touched each place."""
        return self._lines

    def get(self, place: Place) -> Entry | None:
        if place in self._changes:
            return self._changes[place]
        return self._running.get(place)

    def __contains__(self, place: Place) -> bool:
        return self.get(place) is not None

    def set(self, place: Place, entry: Entry | None, line: str = "") -> bool:
        """Put an entry (``None`` = take it away); returns whether anything changed."""
        if self.get(place) == entry:
            return False
        self._before.setdefault(place, self._running.get(place))
        self._changes.pop(place, None)
        self._changes[place] = entry
        self._lines[place] = line
        return True

    def places(self, view: str) -> Iterator[Place]:
        """Yield the places of one view that hold an entry."""
        for place in list(self._running):
            if place.view == view and place not in self._changes:
                yield place
        for place, entry in list(self._changes.items()):
            if place.view == view and entry is not None:
                yield place

    def merged(self) -> Configuration:
        """The running configuration with the changes in it."""
        return apply(self._running, self._changes)

    def clear(self) -> None:
        self._changes.clear()
        self._before.clear()
        self._lines.clear()


def apply(base: Mapping[Place, Entry], changes: Mapping[Place, Entry | None]) -> Configuration:
    """Return ``base`` with ``changes`` in it."""
    result = dict(base)
    for place, entry in changes.items():
        if entry is None:
            result.pop(place, None)
        else:
            result[place] = entry
    return result


def difference(old: Mapping[Place, Entry], new: Mapping[Place, Entry]) -> dict[Place, Entry | None]:
    """Return the changes that lead from ``old`` to ``new``."""
    changes: dict[Place, Entry | None] = {place: None for place in old if place not in new}
    changes.update({place: entry for place, entry in new.items() if old.get(place) != entry})
    return changes
