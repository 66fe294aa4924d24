# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules over a whole NTP configuration: the automatic lines, and what the second stage checks."""

from __future__ import annotations

from collections.abc import Mapping

from .configuration import Configuration, Entry, Place, Style
from .ntp_entries import (
    AUTHENTICATION,
    SERVICE,
    Association,
    Key,
    ListenAll,
    NtpLine,
    ServerSwitch,
    UnicastServer,
    has_user_lines,
    is_ntp,
    key_place,
    listen_all_place,
    named_key,
    server_place,
)

MOST_KEYS, MOST_SERVERS, MOST_CLIENTS = 1024, 256, 1024  # facts 1.1, 1.4


def with_automatic_lines(
    old: Configuration, new: Configuration, touched: Mapping[Place, Entry | None], style: Style
) -> Configuration:
    """Add the `server disable` lines with the first NTP line, take them away with the last (facts 0.2, 1.5)."""
    result = dict(new)
    had, has = has_user_lines(old), has_user_lines(new)
    if has and not had:
        for afi in style.release.automatic_lines:
            place = server_place(afi)
            if place not in touched or style.behaviour.first_line_disables == "always":
                result[place] = ServerSwitch(afi, enabled=False)
    elif had and not has:
        for afi in ("ipv4", "ipv6"):
            result.pop(server_place(afi), None)
    return result


def dangling_key(configuration: Configuration) -> tuple[Place, int] | None:
    """Return an association that names a key which does not exist (YANG: a leafref, fact 6)."""
    for place, entry in configuration.items():
        key_id = named_key(entry)
        if key_id is not None and key_place(key_id) not in configuration:
            return place, key_id
    return None


def exceeds_limits(configuration: Configuration) -> bool:
    """Tell whether there are more keys or associations than the device takes (facts 1.1, 1.4)."""
    entries = list(configuration.values())
    roles = [entry.role for entry in entries if isinstance(entry, Association)]
    unicast = sum(1 for place in configuration if is_ntp(place) and place.key[1] == "unicast")
    return (
        sum(isinstance(entry, Key) for entry in entries) > MOST_KEYS
        or roles.count("multicast-server") + unicast > MOST_SERVERS
        or roles.count("multicast-client") > MOST_CLIENTS
    )


def unauthenticated_after(
    before: frozenset[Place],
    old: Configuration,
    changes: Mapping[Place, Entry | None],
    new: Configuration,
) -> frozenset[Place]:
    """Return the associations that run without authentication (facts 0.5, 1.2).

    An association takes over the switch as it stood when its line was executed; ``changes`` are in that order.
    Switching authentication on later does not reach it: the association line has to be given again.
    """
    result = {place for place in before if place in new and place not in changes}
    switched_on = AUTHENTICATION in old
    for place, entry in changes.items():
        if place == AUTHENTICATION:
            switched_on = entry is not None
            if not switched_on:
                result |= {other for other, line in new.items() if isinstance(line, Association | UnicastServer)}
        elif isinstance(entry, Association | UnicastServer):
            (result.discard if switched_on else result.add)(place)
    return frozenset(result)


def serves(configuration: Configuration, afi: str) -> bool:
    """Tell whether the device answers clients of this family: switched on and listening (fact 1.5)."""
    switch = configuration.get(server_place(afi))
    if isinstance(switch, ServerSwitch) and not switch.enabled:
        return False
    if SERVICE[afi] in configuration or not has_user_lines(configuration):
        return False
    everywhere = configuration.get(listen_all_place(afi))
    if isinstance(everywhere, ListenAll) and everywhere.enabled:
        return True
    return bool(listening_sources(configuration, afi))


def listening_sources(configuration: Configuration, afi: str) -> list[str]:
    """Interfaces (IPv4) or addresses (IPv6) that the server function listens on (fact 1.5)."""
    return [
        str(place.key[3])
        for place, entry in configuration.items()
        if place.key[:3] == ("ntp", "listen", afi) and isinstance(entry, NtpLine)
    ]
