# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NTP lines of interface views (facts 1.3, 1.4)."""

from __future__ import annotations

from dataclasses import replace

from ..configuration import Place
from ..editing import Edit
from ..ntp_entries import (
    DEFAULT_GROUPS,
    Address,
    Association,
    NtpLine,
    association_place,
    key_place,
)
from ..syntax import Match
from .interface import is_layer2
from .table import Command, View, edits

NTP_INTERFACE = frozenset({View.NTP_INTERFACE})
ANY_INTERFACE = frozenset({View.INTERFACE, View.NTP_INTERFACE})


def _group(edit: Edit, match: Match) -> Address:
    """The group of the line, or the default of the family (fact 1.3)."""
    group = match.values.get("group")
    if group is None:
        return DEFAULT_GROUPS["ipv6" if "ipv6" in match.words else "ipv4"]
    address: Address = group  # type: ignore[assignment]
    if not address.is_multicast:
        edit.wordings.refuse("group-not-multicast", match.position("group"))
    return address


def _check_interface(edit: Edit, match: Match) -> None:
    """A layer 2 port takes no such line, and IPv6 has to be on first (facts 1.3, 1.4)."""
    if edit.at_startup:
        return
    if is_layer2(edit.candidate, edit.view, edit.release):
        edit.wordings.refuse("layer2-port", 0)
    if "ipv6" in match.words and Place(edit.view, ("ipv6", "enable")) not in edit.candidate:
        edit.wordings.refuse("ipv6-not-enabled", match.line.lower().find("ipv6"))


def _multicast(edit: Edit, match: Match) -> None:
    role = next(word for word in match.words if word.endswith(("-server", "-client")))
    _check_interface(edit, match)
    group = _group(edit, match)
    key_id = match.number("key_id")
    version = match.number("version")
    if key_id is not None:
        if version == 4 and key_id > 65535:  # fact 1.3
            edit.wordings.refuse("key-id-with-version-4", match.position("key_id"))
        if edit.behaviour.missing_key == "entry" and key_place(key_id) not in edit.candidate and not edit.at_startup:
            edit.wordings.refuse("key-missing", match.position("key_id"), key_id=key_id)
    wanted = Association(role, group, key_id, match.number("ttl"), version, match.number("port"))
    place = association_place(edit.view, wanted)
    present = edit.candidate.get(place)
    if edit.behaviour.reenter == "merge" and isinstance(present, Association):  # fact 8 item 6
        wanted = Association(
            role,
            group,
            wanted.key_id or present.key_id,
            wanted.ttl or present.ttl,
            wanted.version or present.version,
            wanted.port or present.port,
        )
    edit.set(place, _without_defaults(edit, wanted))


def _without_defaults(edit: Edit, association: Association) -> Association:
    """Typing a default where defaults are not shown leaves nothing to tell the difference by (fact 8 item 5)."""
    if edit.behaviour.defaults_shown:
        return association
    return replace(
        association,
        ttl=None if association.ttl == edit.behaviour.default_ttl else association.ttl,
        version=None if association.version == 3 else association.version,
        port=None if association.port == 123 else association.port,
    )


def _undo_multicast(edit: Edit, match: Match) -> None:
    """Takes the address only; without one the default group is looked up (fact 1.3)."""
    role = next(word for word in match.words if word.endswith(("-server", "-client")))
    place = association_place(edit.view, Association(role, _group(edit, match)))
    if not edit.set(place, None):
        edit.object_absent("undo-association-absent")


def _broadcast(edit: Edit, match: Match) -> None:
    """``broadcast-server`` and ``broadcast-client``: the same shape, no address (fact 1.6)."""
    role = next(word for word in match.words if word.startswith("broadcast-"))
    place = Place(edit.view, ("ntp", role, ""))
    if match.words[0] == "undo":
        if not edit.set(place, None):
            edit.object_absent("undo-association-absent")
        return
    _check_interface(edit, match)
    key_id = match.number("key_id")
    if key_id is not None and key_place(key_id) not in edit.candidate and not edit.at_startup:
        edit.wordings.refuse("key-missing", match.position("key_id"), key_id=key_id)
    edit.set(place, Association(role, None, key_id, None, match.number("version"), match.number("port")))


def _receive(edit: Edit, match: Match) -> None:
    """``ntp [ ipv6 ] receive disable`` blocks NTP on the port (fact 1.6)."""
    words = "ipv6 receive disable" if "ipv6" in match.words else "receive disable"
    on = match.words[0] != "undo"
    edit.set(Place(edit.view, ("ntp", "receive", words)), NtpLine(words, 89) if on else None)


_OPTIONS = "authentication-keyid <key_id:1..4294967295> | ttl <ttl:1..255>"
_PORT = "port <port:123,1025..65535>"


def commands(undo_takes_tail: bool) -> list[Command]:
    """The interface commands; the undo takes a tail on VRP5 only (fact 1.3)."""
    tail = f" [ {_OPTIONS} | version <version:1..4> ] *" if undo_takes_tail else ""
    lines = []
    for role in ("multicast-server", "manycast-client"):
        lines += [
            edits(
                f"NTP {role} [ <group:ipv4> ] [ {_OPTIONS} | version <version:1..4> | {_PORT} ] *",
                NTP_INTERFACE,
                _multicast,
            ),
            edits(f"NTP {role} ipv6 [ <group:ipv6> ] [ {_OPTIONS} | {_PORT} ] *", NTP_INTERFACE, _multicast),
        ]
    for role in ("multicast-client", "manycast-server"):
        lines += [
            edits(f"NTP {role} [ <group:ipv4> ]", NTP_INTERFACE, _multicast),
            edits(f"NTP {role} ipv6 [ <group:ipv6> ]", NTP_INTERFACE, _multicast),
        ]
    for role in ("multicast-server", "multicast-client", "manycast-server", "manycast-client"):
        lines += [
            edits(f"undo NTP {role} [ <group:ipv4> ]{tail}", NTP_INTERFACE, _undo_multicast),
            edits(f"undo NTP {role} ipv6 [ <group:ipv6> ]", NTP_INTERFACE, _undo_multicast),
        ]
    return [
        *lines,
        edits(
            "NTP broadcast-server [ authentication-keyid <key_id:1..4294967295> | version <version:1..4> | "
            f"{_PORT} ] *",
            NTP_INTERFACE,
            _broadcast,
        ),
        edits("NTP broadcast-client", NTP_INTERFACE, _broadcast),
        edits("undo NTP { broadcast-server | broadcast-client }", NTP_INTERFACE, _broadcast),
        edits("[ undo ] NTP [ ipv6 ] receive disable", ANY_INTERFACE, _receive),
    ]
