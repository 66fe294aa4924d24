# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `listen` has heard, as JSON and as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ntp_multicast_engine.observe.text import seconds, table

_NOTHING = "-"
_BROADCAST = 5
_HEADS = (
    "Source",
    "Group",
    "Interface",
    "Version",
    "Stratum",
    "Leap",
    "Reference",
    "Key",
    "MAC",
    "TTL",
    "Packets",
    "Interval",
    "Interleaved",
    "Offset",
)


@dataclass(frozen=True)
class ListenedGroup:
    """`error` says why it can't be listened to."""

    interface: str
    group: str
    port: int
    error: str | None


@dataclass
class SenderHeard:
    """One source in one group with one key. What stands in packets is that of the newest.

    `authentication` says what the MAC proves with the keys of this host. `interval` is what the packets say, and
    `measured_interval` lay between the last two, in seconds. `offset` is how far its clock is ahead of this host's,
    less the time that packets take to come here.
    """

    source: str
    interface: str
    group: str
    port: int
    key_id: int | None
    authentication: str
    packets: int = 0
    mode: int | None = None
    version: int | None = None
    stratum: int | None = None
    leap: str | None = None
    reference_id: str | None = None
    ttl: int | None = None
    interval: int | None = None
    measured_interval: float | None = None
    interleaved: bool = False
    offset: float | None = None
    last: int | None = None

    def document(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "last"}


@dataclass(frozen=True)
class HeardReport:
    seconds: float
    groups: tuple[ListenedGroup, ...]
    senders: tuple[SenderHeard, ...]
    notes: tuple[str, ...] = ()

    @property
    def could_listen(self) -> bool:
        """Whether there was a group that could be heard."""
        return any(group.error is None for group in self.groups)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seconds": self.seconds,
            "groups": [asdict(group) for group in self.groups],
            "senders": [sender.document() for sender in self._sorted()],
            "notes": list(self.notes),
        }

    def _sorted(self) -> list[SenderHeard]:
        return sorted(self.senders, key=lambda item: (item.interface, item.group, item.port, item.source))

    def text(self) -> str:
        lines = list(self.notes)
        lines += [f"{group.group} on {group.interface}: {group.error}" for group in self.groups if group.error]
        open_groups = [group for group in self.groups if not group.error]
        if self.senders:
            lines += table(_HEADS, [_row(sender) for sender in self._sorted()])
        silent = [group for group in open_groups if not any(_in(sender, group) for sender in self.senders)]
        lines += [
            f"nothing came to {group.group} port {group.port} on {group.interface} in {self.seconds:g} s"
            for group in silent
        ]
        return "\n".join(lines or ["there is no group to listen to: name one with --group"]) + "\n"


def _in(sender: SenderHeard, group: ListenedGroup) -> bool:
    return (sender.interface, sender.group, sender.port) == (group.interface, group.group, group.port)


def _row(sender: SenderHeard) -> list[str]:
    interval = sender.interval if sender.interval is not None else sender.measured_interval
    other_mode = f" (mode {sender.mode})" if sender.mode not in (None, _BROADCAST) else ""
    return [
        sender.source,
        sender.group + (f" port {sender.port}" if sender.port != 123 else ""),
        sender.interface,
        _text(sender.version) + other_mode,
        _text(sender.stratum),
        _text(sender.leap),
        _text(sender.reference_id),
        _text(sender.key_id),
        sender.authentication.replace("_", " "),
        _text(sender.ttl),
        str(sender.packets),
        _NOTHING if interval is None else f"{interval:g} s",
        "yes" if sender.interleaved else "no",
        seconds(sender.offset, signed=True),
    ]


def _text(value: object) -> str:
    return _NOTHING if value is None else str(value)
