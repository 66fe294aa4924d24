# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two descriptions mean the same: defaults are filled in first, and text is never compared (fact 2.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from .model import Association, IpAddress, MulticastServer

# Defaults that the command references of CE6800 V300R023 and NE40E V800R012 and the YANG model huawei-ntp all give
# (fact 1.3). Whether a device prints one that was typed is unknown, so that "absent" and the number are equal.
#
# ttl has none: its default is 16 in YANG and old manuals, 255 in EDOC1100064351, and the command references are silent
# (fact 9.7). It belongs to the release, so that a line without a ttl does not tell which one is sent.
DEFAULT_VERSION = 3
DEFAULT_PORT = 123


class EffectiveServer(NamedTuple):
    """A multicast server entry with its certain defaults filled in; a ttl of None is the device's own."""

    address: IpAddress
    key_id: int | None
    ttl: int | None
    version: int
    port: int


def effective(server: MulticastServer) -> EffectiveServer:
    """Fill in the certain defaults of a multicast server entry."""
    return EffectiveServer(
        server.address,
        server.key_id,
        server.ttl,
        DEFAULT_VERSION if server.version is None else server.version,
        DEFAULT_PORT if server.port is None else server.port,
    )


def same_association(one: Association, other: Association) -> bool:
    """Whether two entries of one interface certainly mean the same."""
    if isinstance(one, MulticastServer) and isinstance(other, MulticastServer):
        return effective(one) == effective(other)
    return type(one) is type(other) and one.address == other.address


def shows_without_ttl(sent: Association, shown: Association) -> bool:
    """Whether a device shows an entry as it was sent, but for its ttl.

    A device leaves out what is at its default (fact 2.1). After it took the line, a missing ttl is its default.
    """
    return (
        isinstance(sent, MulticastServer)
        and isinstance(shown, MulticastServer)
        and shown.ttl is None
        and same_association(replace(sent, ttl=None), shown)
    )


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
