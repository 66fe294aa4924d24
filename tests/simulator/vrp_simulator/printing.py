# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a configuration is printed: blocks, their order, and differences (facts 2.1, 2.2, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .configuration import SYSNAME, Block, Candidate, Configuration, Entry, Place, Style
from .interfaces import sort_key
from .ntp_entries import is_ntp

# Where a block without a place in the startup file goes; the NTP block comes before `vlan batch` (fact 2.2).
_WEIGHTS = {
    "clock": 5,
    "sysname": 10,
    "port": 100,
    "device": 110,
    "fan": 120,
    "drop-profile": 190,
    "ntp": 200,
    "vlan": 210,
    "acl": 350,
    "aaa": 400,
    "interface": 500,
    "bgp": 600,
    "ospf": 610,
    "ip": 620,
    "snmp-agent": 700,
    "user-interface": 900,
}
_OTHER = 300


@dataclass(frozen=True, slots=True)
class PrintedBlock:
    """One block: its heading (``interface X`` or nothing) and its lines with their indentation."""

    name: str
    heading: str | None
    lines: tuple[str, ...]

    @property
    def all_lines(self) -> tuple[str, ...]:
        return self.lines if self.heading is None else (self.heading, *self.lines)


def block_name(place: Place) -> str:
    """The block that a place is printed in."""
    if place.view:
        return f"interface {place.view}"
    if is_ntp(place):
        return "ntp"
    return "sysname" if place == SYSNAME else str(place.key[-1])


def _weight(name: str) -> tuple[object, ...]:
    word, _unused, rest = name.partition(" ")
    if word == "interface":
        return (_WEIGHTS["interface"], *sort_key(rest))
    return (_WEIGHTS.get(word, _OTHER), 0, "", ())


def arrange(present: Sequence[str], known: Sequence[str]) -> list[str]:
    """Order the blocks: those of the startup file as they stood there, the others where they belong."""
    here = set(present)
    result = [name for name in known if name in here]
    for name in sorted(here.difference(result), key=_weight):
        after = [index for index, other in enumerate(result) if _weight(other) > _weight(name)]
        result.insert(after[0] if after else len(result), name)
    return result


def printed_blocks(configuration: Mapping[Place, Entry], style: Style, order: Sequence[str]) -> list[PrintedBlock]:
    """Return the blocks of a configuration in the order of the device."""
    grouped: dict[str, list[tuple[Place, Entry]]] = {}
    for place, entry in configuration.items():
        grouped.setdefault(block_name(place), []).append((place, entry))
    blocks = []
    for name in arrange(list(grouped), order):
        members = sorted(grouped[name], key=_order_in_block)
        texts = [text for _unused, entry in members if (text := entry.text(style)) is not None]
        if name.startswith("interface "):
            blocks.append(PrintedBlock(name, name, tuple(f" {text}" for text in texts)))
        elif texts:
            blocks.append(PrintedBlock(name, None, tuple(line for text in texts for line in text.split("\n"))))
    return blocks


def _order_in_block(member: tuple[Place, Entry]) -> tuple[int, tuple[tuple[int, str], ...]]:
    place, entry = member
    if not is_ntp(place):
        return entry.rank, ()
    return entry.rank, tuple((part, "") if isinstance(part, int) else (0, part) for part in place.key[1:])


def framed(blocks: Sequence[PrintedBlock], heading: Sequence[str] = ()) -> list[str]:
    """Return the frame of ``display current-configuration``: ``#`` between the blocks, ``return`` at the end."""
    lines = list(heading)
    for block in blocks:
        lines += ["#", *(line for line in block.all_lines if line or block.heading is None)]
    return [*lines, "#", "return"]


def with_defaults(lines: list[str], configuration: Configuration, style: Style) -> list[str]:
    """``include-default``: defaults with a leading ``~`` (fact 2.1); only those that concern NTP are known here."""
    from .ntp_entries import AUTHENTICATION

    command = style.release.dialect.command
    if AUTHENTICATION in configuration:
        return lines
    return [*lines[:-2], "#", f"~undo {command} authentication enable", *lines[-2:]]


def diff_lines(old: Configuration, new: Configuration, style: Style, order: Sequence[str]) -> list[str]:
    """Return the two-column differences: ``+``/``-`` in column 1, context indented by two (fact 3.2)."""
    before = {block.name: block for block in printed_blocks(old, style, order)}
    after = {block.name: block for block in printed_blocks(new, style, order)}
    lines: list[str] = []
    for name in arrange([*before, *(name for name in after if name not in before)], order):
        left, right = before.get(name), after.get(name)
        removed = [line for line in (left.lines if left else ()) if right is None or line not in right.lines]
        added = [line for line in (right.lines if right else ()) if left is None or line not in left.lines]
        if not removed and not added and left is not None and right is not None:
            continue
        lines.append("  #")
        heading = (left or right).heading if (left or right) else None  # type: ignore[union-attr]
        if heading is not None:
            mark = " " if left and right else "-" if left else "+"
            lines.append(f"{mark} {heading}")
        lines += [f"- {line}" for line in removed]
        if removed and added and heading is None:
            lines.append("  #")
        lines += [f"+ {line}" for line in added]
    return [*lines, "  #"] if lines else []


def pending_lines(candidate: Candidate, style: Style) -> list[str]:
    """``display configuration candidate``: the pending lines without a frame (fact 3.2)."""
    lines: list[str] = []
    for name in arrange(list(dict.fromkeys(block_name(place) for place in candidate.changes)), ()):
        inside = name.startswith("interface ")
        if inside:
            lines.append(name)
        for place, entry in candidate.changes.items():
            if block_name(place) == name:
                lines += [f" {line}" if inside else line for line in _pending(place, entry, candidate, style)]
    return lines


def _pending(place: Place, entry: Entry | None, candidate: Candidate, style: Style) -> list[str]:
    if entry is None:
        if place.key == ("interface",):
            return []
        return [candidate.lines.get(place, "")]
    if isinstance(entry, Block):
        before = candidate.before.get(place)
        old = before.lines if isinstance(before, Block) else ()
        return [line for line in entry.lines if line not in old]
    text = entry.text(style)
    if text is None and place.key != ("interface",):
        text = candidate.lines.get(place)
    return [] if text is None else [text]


def interface_block(configuration: Configuration, interface: str, style: Style) -> PrintedBlock:
    """Return the block of one interface."""
    members = {place: entry for place, entry in configuration.items() if place.view == interface}
    found = printed_blocks(members, style, ())
    return found[0] if found else PrintedBlock(f"interface {interface}", f"interface {interface}", ())
