# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two descriptions mean the same: defaults are filled in first, and text is never compared (fact 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .interface_names import interface_key
from .model import Association, IpAddress, MulticastServer, UpstreamServer

# Defaults that the command references of CE6800 V300R023 and NE40E V800R012 and the YANG model huawei-ntp all give
# (fact 1.3). Whether a device prints one that was typed is unknown, so that "absent" and the number are equal.
#
# ttl has none: its default is 16 in YANG and old manuals, 255 in EDOC1100064351, and the command references are silent
# (fact 9.7). It belongs to the release, so that a line without a ttl does not tell which one is sent.
DEFAULT_VERSION = 3
DEFAULT_PORT = 123
# Of a unicast server: the command reference of CE6800 V300R023 and the YANG model huawei-ntp (fact 1.8).
DEFAULT_MINPOLL = 6
DEFAULT_MAXPOLL = 10


class EffectiveServer(NamedTuple):
    """A multicast server entry with its defaults filled in; a ttl of None is the device's own, which is not known."""

    address: IpAddress
    key_id: int | None
    ttl: int | None
    version: int
    port: int


class EffectiveUpstream(NamedTuple):
    """A unicast server with its defaults filled in."""

    identity: tuple[IpAddress, str | None]
    key_id: int | None
    version: int
    preferred: bool
    source_interface: str | None
    minpoll: int
    maxpoll: int
    others: tuple[str, ...]


def effective_upstream(server: UpstreamServer) -> EffectiveUpstream:
    """Fill in the defaults of a unicast server."""
    return EffectiveUpstream(
        server.identity,
        server.key_id,
        DEFAULT_VERSION if server.version is None else server.version,
        bool(server.preferred),
        None if server.source_interface is None else interface_key(server.source_interface),
        DEFAULT_MINPOLL if server.minpoll is None else server.minpoll,
        DEFAULT_MAXPOLL if server.maxpoll is None else server.maxpoll,
        server.others,
    )


def same_upstream(one: UpstreamServer, other: UpstreamServer) -> bool:
    """Whether two entries for unicast servers mean the same."""
    return effective_upstream(one) == effective_upstream(other)


def drops_upstream_parameter(present: UpstreamServer, target: UpstreamServer) -> bool:
    """Whether a parameter that is present has to go back to its default, as in ``Comparison.drops_parameter``."""
    before, after = effective_upstream(present), effective_upstream(target)
    return (
        (target.key_id is None and before.key_id is not None)
        or (target.version is None and before.version != after.version)
        or (before.preferred and not after.preferred)
        or (target.source_interface is None and before.source_interface is not None)
        or (target.minpoll is None and before.minpoll != after.minpoll)
        or (target.maxpoll is None and before.maxpoll != after.maxpoll)
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """When two entries certainly mean the same on one device.

    Attributes:
        default_ttl: the device's own, where it is known; see ``learnt_default_ttl``.
    """

    default_ttl: int | None = None

    def effective(self, server: MulticastServer) -> EffectiveServer:
        """Fill in the defaults of a multicast server entry."""
        return EffectiveServer(
            server.address,
            server.key_id,
            self.default_ttl if server.ttl is None else server.ttl,
            DEFAULT_VERSION if server.version is None else server.version,
            DEFAULT_PORT if server.port is None else server.port,
        )

    def same(self, one: Association, other: Association) -> bool:
        """Whether two entries of one interface mean the same."""
        if isinstance(one, MulticastServer) and isinstance(other, MulticastServer):
            return self.effective(one) == self.effective(other)
        return type(one) is type(other) and one.address == other.address

    def drops_parameter(self, present: Association, target: Association) -> bool:
        """Whether a parameter that is present has to go back to its default.

        What re-entering a line with fewer parameters does is unknown (fact 1.3), so such a line has to be removed
        first.
        """
        if not (isinstance(present, MulticastServer) and isinstance(target, MulticastServer)):
            return False
        before, after = self.effective(present), self.effective(target)
        return (
            (target.key_id is None and before.key_id is not None)
            or (target.ttl is None and before.ttl != after.ttl)
            or (target.version is None and before.version != after.version)
            or (target.port is None and before.port != after.port)
        )


def learnt_default_ttl(sent: MulticastServer, shown: MulticastServer) -> int | None:
    """Return the default ttl of a device that took an entry with a ttl and shows it without one, else None.

    A device leaves out what is at its default (fact 2.1).
    """
    left_out = sent.ttl is not None and shown.ttl is None
    return sent.ttl if left_out and Comparison(sent.ttl).same(sent, shown) else None
