# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the system view apart from NTP, and free views whose content the simulator only keeps."""

from __future__ import annotations

import re

from ..configuration import SYSNAME, Block, Line, block, header
from ..editing import Edit
from ..errors import Refusal
from ..syntax import Match
from .table import Command, View, edits

SYSTEM = frozenset({View.SYSTEM})
FREE = frozenset({View.FREE})

# First words of lines and of views that are taken as they are typed; the facts say nothing about them beyond samples.
FREE_LINES = (
    "clock",
    "vlan",
    "router",
    "info-center",
    "snmp-agent",
    "stelnet",
    "ssh",
    "telnet",
    "lldp",
    "sftp",
    "ip",
    "header",
    "dot1x",
    "radius",
    "hwtacacs",
    "drop-profile",
    "port",
    "device",
    "stp",
    "error-down",
    "ftp",
)
# Opening line of a free view -> suffix of its prompt (fact 3.1).
FREE_VIEWS: tuple[tuple[str, str], ...] = (
    (r"aaa", "aaa"),
    (r"bgp \S+", "bgp"),
    (r"ospf (\d+).*", r"ospf-\1"),
    (r"acl (?:number )?(\d+)", r"acl4-basic-\1"),
    (r"user-interface vty (\d+) (\d+)", r"ui-vty\1-\2"),
    (r"vlan (\d+)", r"vlan\1"),
)
SUB_VIEWS: tuple[tuple[str, str], ...] = (
    (r"ipv4-family unicast", "bgp-af-ipv4"),
    (r"ipv6-family vpn-instance (\S+)", r"bgp-6-\1"),
)
_LONGEST_SYSNAME = 246


def opened_view(line: str, inside: bool) -> str | None:
    """Return the prompt suffix of the free view that ``line`` opens, or ``None``."""
    for pattern, suffix in SUB_VIEWS if inside else FREE_VIEWS:
        found = re.fullmatch(pattern, line)
        if found:
            return found.expand(suffix)
    return None


def _sysname(edit: Edit, match: Match) -> None:
    """The prompt takes the new name only after the commit (fact 3.1)."""
    undo = match.words[0] == "undo"
    name = "HUAWEI" if undo else match.text("name")
    if len(name) > _LONGEST_SYSNAME:
        raise Refusal("Error: The length of the system name is invalid.")
    edit.set(SYSNAME, Line(f"sysname {name}"))


def _undo_interface(edit: Edit, match: Match) -> None:
    """Deleting an interface deletes its entries (fact 1.3)."""
    name = match.text("interface")
    if header(name) not in edit.candidate:
        edit.wordings.refuse("interface-missing", match.position("interface"))
    family = edit.release.names.family_of(name)
    if family.physical and "." not in name:
        raise Refusal("Error: The interface cannot be deleted.")
    for place in list(edit.candidate.places(name)):
        edit.set(place, None)
    for place in list(edit.candidate.places("")):
        if place.key[:3] == ("ntp", "listen", "ipv4") and place.key[3] == name:
            edit.set(place, None)
    edit.drop_upstream(lambda entry: entry.source == name)


def _free_line(edit: Edit, match: Match) -> None:
    text = " ".join(match.line.split())
    first = text.split()[0]
    holders = [
        (place, entry)
        for place in edit.candidate.places("")
        if place.key[0] == "block" and isinstance(entry := edit.candidate.get(place), Block)
    ]
    if first != "undo":
        if not any(text in entry.lines for _unused, entry in holders):
            edit.set(block(text), Block((text,)))
        return
    gone = text.partition(" ")[2] + " "
    edit.drop_upstream(lambda entry: f"ip vpn-instance {entry.instance} ".startswith(gone))
    for place, entry in holders:
        kept: list[str] = []
        dropping = False
        for line in entry.lines:
            if not line.startswith(" "):
                dropping = f"{line} ".startswith(gone)
            if not dropping:
                kept.append(line)
        if tuple(kept) != entry.lines:
            edit.set(place, Block(tuple(kept)) if kept else None)


def write_in_view(edit: Edit, path: tuple[str, ...], text: str) -> None:
    """Put ``text`` into the free view that ``path`` opens (its opening lines, outermost first)."""
    place = block(path[0])
    entry = edit.candidate.get(place)
    lines = list(entry.lines) if isinstance(entry, Block) else [path[0]]
    at, depth = 0, 0
    for depth, opening in enumerate(path):
        opening = " " * depth + opening
        if opening in lines[at:]:
            at = lines.index(opening, at)
        else:
            at = _end_of_view(lines, at, depth - 1)
            lines.insert(at, opening)
    depth += 1
    end = _end_of_view(lines, at, depth - 1)
    inside = lines[at + 1 : end]
    words = text.split()
    if words and words[0].lower() == "undo":
        gone = " " * depth + " ".join(words[1:])
        lines[at + 1 : end] = [line for line in inside if not f"{line} ".startswith(f"{gone} ")]
    elif words and " " * depth + " ".join(words) not in inside:
        lines.insert(end, " " * depth + " ".join(words))
    edit.set(place, Block(tuple(lines)))


def _end_of_view(lines: list[str], start: int, depth: int) -> int:
    """Index after the last line that is deeper than ``depth`` and follows ``start``."""
    end = start + 1
    while end < len(lines) and len(lines[end]) - len(lines[end].lstrip(" ")) > depth:
        end += 1
    return end


def commands() -> list[Command]:
    words = " | ".join(FREE_LINES)
    return [
        edits("sysname <name:word>", SYSTEM, _sysname),
        edits("undo sysname", SYSTEM, _sysname),
        edits("undo interface <interface:interface>", SYSTEM, _undo_interface),
        edits(f"{{ {words} }} <rest:text>", SYSTEM, _free_line),
        edits(f"undo {{ {words} | bgp | aaa | ospf | acl | user-interface }} [ <rest:text> ]", SYSTEM, _free_line),
    ]
