# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server function of each address family, and the lines that a device adds and removes by itself.

The first NTP line makes a device add ``ntp server disable`` and ``ntp ipv6 server disable``; removing the last one
removes them (facts 0.2 and 1.5). They are left alone unless somebody asks for the server function. IPv6 is touched only
where it is in play, because a release that does not serve it may not know the line.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from .changes import SwitchServer
from .model import AddressFamily, Configuration, Interface, ServerSettings


class ServerRequest(enum.Enum):
    """What is asked of the server function."""

    KEEP = "keep"
    ENABLE = "enable"
    DISABLE = "disable"
    AUTOMATIC = "automatic"
    """Back to what the device does by itself."""

    @classmethod
    def of(cls, enabled: bool | None, otherwise: ServerRequest) -> ServerRequest:
        """Translate the option ``enabled``."""
        if enabled is None:
            return otherwise
        return cls.ENABLE if enabled else cls.DISABLE


class ServerFunction(NamedTuple):
    """The server function of one family as it will be, and the change that it takes."""

    enabled: bool | None
    change: SwitchServer | None


def is_bare(configuration: Configuration) -> bool:
    """Whether no NTP line stands on the device apart from the automatic ones."""
    authentication, server = configuration.authentication, configuration.server
    return not (
        configuration.foreign_lines
        or configuration.interfaces
        or (authentication and (authentication.enabled or authentication.keys))
        or (server and (server.listen or server.ipv6_listen or server.upstream or server.reference_stratum is not None))
    )


def serves(interfaces: tuple[Interface, ...] | None, afi: AddressFamily) -> bool:
    """Whether one of the interfaces has a multicast server entry of the family."""
    return any(entry.afi is afi for interface in interfaces or () for entry in interface.servers or ())


def ipv6_in_play(configuration: Configuration) -> bool:
    """Whether the IPv6 server function matters to the configuration."""
    server = configuration.server
    return serves(configuration.interfaces, AddressFamily.IPV6) or bool(server and server.ipv6_listen)


def server_functions(
    before: Configuration, after: Configuration, request: ServerRequest
) -> tuple[ServerFunction, ServerFunction]:
    """Return what becomes of the IPv4 and of the IPv6 server function.

    Args:
        before: what is present.
        after: what will be present, its server function still open.
        request: what was asked for.
    """
    ipv6_counts = ipv6_in_play(after) or (request is not ServerRequest.ENABLE and ipv6_in_play(before))
    ipv6_request = request if ipv6_counts else ServerRequest.KEEP
    bare = is_bare(before), is_bare(after)
    present = before.server or ServerSettings()
    adds_ipv6_line = before.adds_ipv6_server_disable
    return (
        _server_function(AddressFamily.IPV4, present.enabled, request, bare, True),
        _server_function(AddressFamily.IPV6, present.ipv6_enabled, ipv6_request, bare, adds_ipv6_line),
    )


def _server_function(
    afi: AddressFamily, present: bool | None, request: ServerRequest, bare: tuple[bool, bool], adds_line: bool
) -> ServerFunction:
    bare_before, bare_after = bare
    if bare_after and not bare_before:
        return ServerFunction(None, None)  # The device removes its lines together with the last of ours.
    asked = {ServerRequest.ENABLE: True, ServerRequest.DISABLE: False}.get(request)
    if bare_after:
        if asked is None or present is None or asked is present:
            return ServerFunction(present, None)
        return ServerFunction(None if asked else False, SwitchServer(afi, asked))
    # Without a statement so far, the device will add its `server disable`, if it does so at all.
    left_alone = not adds_line if present is None else present
    target = {ServerRequest.KEEP: left_alone, ServerRequest.AUTOMATIC: not adds_line}.get(request, bool(asked))
    # A release that adds no lines by itself needs the line that was asked for.
    stated = request is ServerRequest.DISABLE and present is None
    return ServerFunction(target, SwitchServer(afi, target) if stated or target is not left_alone else None)
