# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two descriptions mean the same: defaults are filled in first, and text is never compared (fact 2.2)."""

from __future__ import annotations

from typing import NamedTuple

from .model import Association, IpAddress, MulticastServer

# The default of ttl is the one that nearly every source gives (fact 1.3: YANG, Quidway, H3C; one VRP5 manual says 255).
# Whether a device prints a default that was typed is unknown, so "absent" and "16" have to count as equal; the number
# is used for comparison alone and is never written for a user who did not ask for it (pain 4.1.22).
DEFAULT_TTL = 16
DEFAULT_VERSION = 3
DEFAULT_PORT = 123


class EffectiveServer(NamedTuple):
    """A multicast server entry with its defaults filled in."""

    address: IpAddress
    key_id: int | None
    ttl: int
    version: int
    port: int


def effective(server: MulticastServer) -> EffectiveServer:
    """Fill in the defaults of a multicast server entry."""
    return EffectiveServer(
        server.address,
        server.key_id,
        DEFAULT_TTL if server.ttl is None else server.ttl,
        DEFAULT_VERSION if server.version is None else server.version,
        DEFAULT_PORT if server.port is None else server.port,
    )


def same_association(one: Association, other: Association) -> bool:
    """Whether two entries of one interface mean the same."""
    if isinstance(one, MulticastServer) and isinstance(other, MulticastServer):
        return effective(one) == effective(other)
    return type(one) is type(other) and one.address == other.address


def drops_parameter(present: Association, target: Association) -> bool:
    """Whether a parameter that is present has to go back to its default.

    What re-entering a line with fewer parameters does is unknown (fact 1.3), so such a line has to be removed first.
    """
    if not (isinstance(present, MulticastServer) and isinstance(target, MulticastServer)):
        return False
    before, after = effective(present), effective(target)
    return (
        (target.key_id is None and before.key_id is not None)
        or (target.ttl is None and before.ttl != after.ttl)
        or (target.version is None and before.version != after.version)
        or (target.port is None and before.port != after.port)
    )
