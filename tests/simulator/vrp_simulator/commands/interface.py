# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of interface views that the NTP commands depend on, and free lines (facts 1.4, 2.2)."""

from __future__ import annotations

import ipaddress

from ..configuration import Candidate, Line, Place
from ..editing import Edit
from ..errors import Refusal
from ..interfaces import InterfaceNames, is_sub_interface
from ..release import Release
from ..syntax import Match
from .table import INTERFACE_VIEWS, Command, edits

# Order of the lines in an interface block, after the samples of whole configurations.
RANKS = {"portswitch": 5, "mtu": 7, "shutdown": 8, "description": 10, "ip-binding": 15, "ipv6": 20, "ip-address": 25}


def switched_by_default(name: str, release: Release) -> bool:
    """CE ports start as layer 2 (fact 1.4)."""
    return InterfaceNames(release.families).family_of(name).switched and not is_sub_interface(name)


def is_layer2(candidate: Candidate, name: str, release: Release) -> bool:
    """Tell whether the port is a layer 2 port in the candidate."""
    entry = candidate.get(Place(name, ("portswitch",)))
    if isinstance(entry, Line):
        return entry.line == "portswitch"
    return switched_by_default(name, release)


def _portswitch(edit: Edit, match: Match) -> None:
    place = Place(edit.view, ("portswitch",))
    layer2 = match.words[0] != "undo"
    if layer2:
        for other in list(edit.candidate.places(edit.view)):
            if other.key[0] in ("ip-address", "ip-binding", "ipv6", "ntp"):
                # Wording ours: no fact gives one.
                raise Refusal("Error: Please delete the Layer 3 configuration of the interface first.")
    default = switched_by_default(edit.view, edit.release)
    text = "portswitch" if layer2 else "undo portswitch"
    edit.set(place, None if layer2 == default else Line(text, RANKS["portswitch"]))


def _description(edit: Edit, match: Match) -> None:
    place = Place(edit.view, ("description",))
    undo = match.words[0] == "undo"
    edit.set(place, None if undo else Line(f"description {match.text('text')}", RANKS["description"]))


def _shutdown(edit: Edit, match: Match) -> None:
    """NE prints ` undo shutdown`, the switches print ` shutdown`."""
    undo = match.words[0] == "undo"
    line = Line("undo shutdown" if undo else "shutdown", RANKS["shutdown"])
    hidden = undo != edit.release.shutdown_printed
    edit.set(Place(edit.view, ("shutdown",)), None if hidden else line)


def _need_layer3(edit: Edit) -> None:
    if not edit.at_startup and is_layer2(edit.candidate, edit.view, edit.release):
        edit.wordings.refuse("layer2-port", 0)


def _ip_address(edit: Edit, match: Match) -> None:
    """Masks are printed dotted (fact 2.1)."""
    if match.words[0] == "undo":
        for place in list(edit.candidate.places(edit.view)):
            if place.key[0] == "ip-address" and place.key[1] == str(match.values.get("address", place.key[1])):
                edit.set(place, None)
        return
    _need_layer3(edit)
    network = ipaddress.IPv4Interface(f"{match.text('address')}/{match.text('mask')}")
    sub = " sub" if "sub" in match.words else ""
    line = Line(f"ip address {network.ip} {network.netmask}{sub}", RANKS["ip-address"])
    if not sub:
        for place in list(edit.candidate.places(edit.view)):
            present = edit.candidate.get(place)
            if place.key[0] == "ip-address" and isinstance(present, Line) and not present.line.endswith(" sub"):
                if present == line:
                    return
                edit.set(place, None)
    edit.set(Place(edit.view, ("ip-address", str(network.ip))), line)


def _ipv6_enable(edit: Edit, match: Match) -> None:
    if match.words[0] == "undo":
        for place in list(edit.candidate.places(edit.view)):
            if place.key[0] == "ipv6" or (place.key[0] == "ntp" and ":" in str(place.key[-1])):
                edit.set(place, None)
        edit.drop_upstream(lambda entry: entry.source == edit.view and entry.target.startswith("ipv6 "))
        return
    _need_layer3(edit)
    edit.set(Place(edit.view, ("ipv6", "enable")), Line("ipv6 enable", RANKS["ipv6"]))


def _ipv6_address(edit: Edit, match: Match) -> None:
    """IPv6 in upper case, compressed (fact 2.1)."""
    address = match.values.get("whole")
    if address is None:
        length = f"/{match.text('length')}" if "length" in match.values else ""
        address = f"{match.text('address')}{length}"
    text = str(address).upper()
    kind = " link-local" if "link-local" in match.words else ""
    place = Place(edit.view, ("ipv6", "address", text))
    if match.words[0] == "undo":
        edit.set(place, None)
        return
    _need_layer3(edit)
    edit.set(place, Line(f"ipv6 address {text}{kind}", RANKS["ipv6"] + 1))


def _binding(edit: Edit, match: Match) -> None:
    """Adding or removing a binding wipes the layer 3 lines, most likely NTP too (fact 1.4)."""
    place = Place(edit.view, ("ip-binding",))
    undo = match.words[0] == "undo"
    line = None if undo else Line(f"ip binding vpn-instance {match.text('instance')}", RANKS["ip-binding"])
    if edit.candidate.get(place) == line:
        return
    for other in list(edit.candidate.places(edit.view)):
        if other.key[0] in ("ip-address", "ipv6", "ntp"):
            edit.set(other, None)
    edit.set(place, line)
    edit.say("Info: All IPv4 and IPv6 related configurations on this interface are removed.")


def _mtu(edit: Edit, match: Match) -> None:
    undo = match.words[0] == "undo"
    edit.set(Place(edit.view, ("mtu",)), None if undo else Line(f"mtu {match.text('mtu')}", RANKS["mtu"]))


def _free(edit: Edit, match: Match) -> None:
    """A line that this simulator knows by its first word only."""
    words = match.line.split()
    if words[0].lower() == "undo" and not edit.at_startup:
        gone = " ".join(words[1:])
        for place in list(edit.candidate.places(edit.view)):
            if place.key[0] == "free" and (str(place.key[1]) + " ").startswith(gone + " "):
                edit.set(place, None)
        return
    text = " ".join(words)
    edit.set(Place(edit.view, ("free", text)), Line(text))


FREE_WORDS = (
    "port",
    "stp",
    "speed",
    "ospf",
    "device",
    "jumboframe",
    "lldp",
    "dcn",
    "eth-trunk",
    "traffic-policy",
    "isis",
)


def commands() -> list[Command]:
    return [
        edits("[ undo ] portswitch", INTERFACE_VIEWS, _portswitch),
        edits("description <text:text>", INTERFACE_VIEWS, _description),
        edits("undo description", INTERFACE_VIEWS, _description),
        edits("[ undo ] shutdown", INTERFACE_VIEWS, _shutdown),
        edits("ip address <address:ipv4> <mask:mask> [ sub ]", INTERFACE_VIEWS, _ip_address),
        edits("undo ip address [ <address:ipv4> <mask:mask> ]", INTERFACE_VIEWS, _ip_address),
        edits("[ undo ] ipv6 enable", INTERFACE_VIEWS, _ipv6_enable),
        edits(
            "[ undo ] ipv6 address { <whole:ipv6prefix> | <address:ipv6> { <length:1..128> | link-local } }",
            INTERFACE_VIEWS,
            _ipv6_address,
        ),
        edits("ip binding vpn-instance <instance:word>", INTERFACE_VIEWS, _binding),
        edits("undo ip binding vpn-instance [ <instance:word> ]", INTERFACE_VIEWS, _binding),
        edits("mtu <mtu:46..9600>", INTERFACE_VIEWS, _mtu),
        edits("undo mtu", INTERFACE_VIEWS, _mtu),
        edits(f"[ undo ] {{ {' | '.join(FREE_WORDS)} }} [ <rest:text> ]", INTERFACE_VIEWS, _free),
    ]
