# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has come to each group that is listened to, and which of them should be joined anew."""

from __future__ import annotations

from dataclasses import dataclass

from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.net.addresses import link_trouble
from ntp_multicast_engine.net.bpf import refused
from ntp_multicast_engine.net.sockets import GroupSocket
from ntp_multicast_engine.observe.status import GroupStatus
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_FIRST_REJOIN = 128 * NANOSECONDS
"""Silence after which a membership is renewed: two usual intervals. Then after twice as long each time, up to the last
one. A switch or a kernel may have forgotten it without a word."""
_LAST_REJOIN = 1024 * NANOSECONDS
_QUIET = 16 * NANOSECONDS
"""Two of the shortest intervals."""


@dataclass
class Group:
    """One group. `opened` is the raw time since when it is listened to without a break."""

    opened: int | None = None
    packets: int = 0
    accepted: int = 0
    last: int | None = None
    last_error: str | None = None
    filtered_before: int = 0
    rejoin_after: int = _FIRST_REJOIN
    joined: int = 0


class Groups:
    """See the head of the file."""

    def __init__(self) -> None:
        self._known: dict[MulticastClient, Group] = {}

    def of(self, configuration: MulticastClient) -> Group:
        return self._known.setdefault(configuration, Group())

    def keep(self, wanted: tuple[MulticastClient, ...]) -> None:
        """Forget all others."""
        self._known = {configuration: self.of(configuration) for configuration in wanted}

    def opened(self, configuration: MulticastClient, raw: int) -> None:
        group = self.of(configuration)
        group.opened = raw if group.opened is None else group.opened
        group.joined, group.last_error = raw, None

    def failed(self, configuration: MulticastClient, reason: str) -> None:
        group = self.of(configuration)
        group.opened, group.last_error = None, reason

    def closed(self, opened: GroupSocket) -> None:
        self.of(opened.configuration).filtered_before += refused(opened.socket)

    def heard(self, configuration: MulticastClient, raw: int, *, accepted: bool) -> None:
        group = self.of(configuration)
        group.packets += 1
        group.accepted += accepted
        group.last, group.rejoin_after = raw, _FIRST_REJOIN

    def interrupted(self, raw: int) -> None:
        """Nobody could listen for a while."""
        for group in self._known.values():
            group.opened = raw if group.opened is not None else None

    def to_be_joined_anew(self, opened: GroupSocket, raw: int) -> bool:
        """Whether the group has been silent for so long that its membership is to be renewed; told once each time."""
        group = self.of(opened.configuration)
        if raw - max(group.joined, group.last or 0) < group.rejoin_after:
            return False
        group.rejoin_after = min(group.rejoin_after * 2, _LAST_REJOIN)
        return True

    @staticmethod
    def _link(configuration: MulticastClient, group: Group, raw: int) -> str | None:
        """Looked at only where nothing comes."""
        silent = group.opened is not None and raw - max(group.opened, group.last or 0) >= _QUIET
        return link_trouble(configuration.interface) if silent else None

    def status(self, sockets: list[GroupSocket], raw: int) -> tuple[GroupStatus, ...]:
        filtered = {opened.configuration: refused(opened.socket) for opened in sockets}
        return tuple(
            GroupStatus(
                interface=configuration.interface,
                group=str(configuration.group),
                port=configuration.port,
                listening=None if group.opened is None else (raw - group.opened) / NANOSECONDS,
                packets=group.packets,
                accepted=group.accepted,
                filtered=group.filtered_before + filtered.get(configuration, 0),
                last_received=None if group.last is None else (raw - group.last) / NANOSECONDS,
                last_error=group.last_error,
                link=self._link(configuration, group, raw),
            )
            for configuration, group in self._known.items()
        )
