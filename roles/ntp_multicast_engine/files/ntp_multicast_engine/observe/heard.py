# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `listen` has heard, as JSON and as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ntp_multicast_engine.observe.text import NOTHING, Columns, Item, plain, table, time

_BROADCAST = 5


@dataclass(frozen=True)
class ListenedGroup:
    """`error` says why it can't be listened to."""

    interface: str
    group: str
    port: int
    error: str | None


@dataclass
class SenderHeard:
    """One source in one group with one key and one clock. What stands in packets is that of the newest.

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
        document = asdict(self)
        document["senders"] = sorted(
            document["senders"], key=lambda item: (item["interface"], item["group"], item["port"], item["source"])
        )
        for sender in document["senders"]:
            del sender["last"]
        return document

    def text(self) -> str:
        lines = list(self.notes)
        lines += [f"{group.group} on {group.interface}: {group.error}" for group in self.groups if group.error]
        if self.senders:
            lines += table(_COLUMNS, self.document()["senders"])
        heard = {(sender.interface, sender.group, sender.port) for sender in self.senders}
        lines += [
            f"nothing came to {group.group} port {group.port} on {group.interface} in {self.seconds:g} s"
            for group in self.groups
            if not group.error and (group.interface, group.group, group.port) not in heard
        ]
        return "\n".join(lines or ["there is no group to listen to: name one with --group"]) + "\n"


def _version(item: Item) -> str:
    other_mode = f" (mode {item['mode']})" if item["mode"] not in (None, _BROADCAST) else ""
    return plain("version")(item) + other_mode


def _interval(item: Item) -> str:
    interval = item["interval"] if item["interval"] is not None else item["measured_interval"]
    return NOTHING if interval is None else f"{interval:g} s"


_COLUMNS: Columns = {
    "Source": plain("source"),
    "Group": lambda item: item["group"] + (f" port {item['port']}" if item["port"] != 123 else ""),
    "Interface": plain("interface"),
    "Version": _version,
    "Stratum": plain("stratum"),
    "Leap": plain("leap"),
    "Reference": plain("reference_id"),
    "Key": plain("key_id"),
    "MAC": lambda item: item["authentication"].replace("_", " "),
    "TTL": plain("ttl"),
    "Packets": plain("packets"),
    "Interval": _interval,
    "Interleaved": lambda item: "yes" if item["interleaved"] else "no",
    "Offset": time("offset", signed=True),
}
