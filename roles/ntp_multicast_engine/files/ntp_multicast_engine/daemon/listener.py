# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ntp-multicast-engine listen`: who sends to the groups. Needs no running engine, and changes nothing."""

from __future__ import annotations

import selectors
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.config.configuration import Configuration, MulticastClient, MulticastServer
from ntp_multicast_engine.errors import ConfigurationError, PacketError, TransportError
from ntp_multicast_engine.instant import Clock
from ntp_multicast_engine.net.listening import Heard, ListeningSocket, multicast_interfaces
from ntp_multicast_engine.net.sockets import BATCH
from ntp_multicast_engine.observe.heard import HeardReport, ListenedGroup, SenderHeard
from ntp_multicast_engine.observe.status import LEAPS
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.packet import Packet, parse, reference_id_text
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, from_ntp

USUAL_GROUPS = ("224.0.1.1", "ff02::101", "ff05::101", "ff0e::101")
"""RFC 5905 section 6, for IPv6 with the scopes that networks use."""
USUAL_PORT = 123
MAXIMUM_SENDERS = 512


@dataclass(frozen=True)
class Wanted:
    """What to listen to; `notes` are what the operator should know about it."""

    places: tuple[tuple[str, str, int], ...]
    keys: KeyRing | None
    notes: tuple[str, ...] = ()


def wanted(path: Path, interface: str | None, group: str | None) -> Wanted:
    """The groups of the configuration, those that it sends to as well, or what is named.

    :raises ConfigurationError: the file is there and wrong, and nothing is named.
    """
    notes: list[str] = []
    settings, keys = _configured(path, notes, needed=interface is None and group is None)
    known: list[MulticastClient | MulticastServer] = [*settings.clients, *settings.servers] if settings else []
    places = [
        (item.interface, str(item.group), item.port)
        for item in known
        if interface in (None, item.interface) and group in (None, str(item.group))
    ]
    if not places and (interface or group):
        interfaces = [interface] if interface else multicast_interfaces()
        places = [(name, each, USUAL_PORT) for name in interfaces for each in ((group,) if group else USUAL_GROUPS)]
    return Wanted(tuple(dict.fromkeys(places)), keys, tuple(notes))


def _configured(path: Path, notes: list[str], *, needed: bool) -> tuple[Configuration | None, KeyRing | None]:
    try:
        loaded = configuration.load(path)
    except ConfigurationError as error:
        notes.append(f"MACs are not checked: {error}")
    else:
        return loaded.configuration, loaded.keys
    try:
        return configuration.read(path), None
    except ConfigurationError:
        if needed:
            raise
        return None, None


def listen(what: Wanted, seconds: float, clock: Clock) -> HeardReport:
    """Hear for so long, or until the operator interrupts."""
    groups, sockets = _open(what.places)
    senders = _Senders(what.keys)
    end = clock.now().raw + round(seconds * NANOSECONDS)
    with selectors.DefaultSelector() as selector:
        for opened in sockets:
            selector.register(opened.socket, selectors.EVENT_READ, opened)
        try:
            while sockets and (left := end - clock.now().raw) > 0:
                for key, _events in selector.select(left / NANOSECONDS):
                    senders.take(key.data, clock)
        except KeyboardInterrupt:
            pass
    for opened in sockets:
        opened.close()
    return HeardReport(seconds, tuple(groups), tuple(senders.known.values()), (*what.notes, *senders.notes()))


def _open(places: Sequence[tuple[str, str, int]]) -> tuple[list[ListenedGroup], list[ListeningSocket]]:
    groups, sockets = [], []
    for interface, group, port in places:
        error = None
        try:
            sockets.append(ListeningSocket(interface, group, port))
        except TransportError as reason:
            error = str(reason)
        groups.append(ListenedGroup(interface, group, port, error))
    return groups, sockets


class _Senders:
    """Who was heard. Anybody can send under any address, so their number has a limit."""

    def __init__(self, keys: KeyRing | None) -> None:
        self._keys = keys
        self.known: dict[tuple[object, ...], SenderHeard] = {}
        self._untold = 0

    def notes(self) -> list[str]:
        return [f"{self._untold} packets of further senders and keys are not shown"] if self._untold else []

    def take(self, opened: ListeningSocket, clock: Clock) -> None:
        """What has come to one group; no more at once than others can wait for."""
        for _unused in range(BATCH):
            heard = opened.hear(clock)
            if heard is None:
                return
            self._note(opened.configuration, heard)

    def _note(self, place: MulticastClient, heard: Heard) -> None:
        datagram = heard.datagram
        packet, proof = (None, "wrong length") if datagram.truncated else _judged(datagram.data, self._keys)
        key_id = packet.authenticator.key_id if packet and packet.authenticator else None
        who = (datagram.source, place, key_id, proof)
        if who not in self.known:
            if len(self.known) >= MAXIMUM_SENDERS:
                self._untold += 1
                return
            self.known[who] = SenderHeard(datagram.source, place.interface, str(place.group), place.port, key_id, proof)
        _fill(self.known[who], heard, packet)


def _judged(data: bytes, keys: KeyRing | None) -> tuple[Packet | None, str]:
    """What the packet's MAC proves to this host."""
    try:
        packet = parse(data, (keys or KeyRing()).long_tag)
    except PacketError as error:
        return None, f"wrong {error.reason}"
    if packet.authenticator is None:
        return packet, "none"
    if keys is None:
        return packet, "not checked"
    verdict = keys.verify(packet)
    if verdict is Verdict.VALID and keys.required and packet.authenticator.key_id not in keys.trusted:
        verdict = Verdict.UNTRUSTED_KEY
    return packet, verdict.value


def _fill(known: SenderHeard, heard: Heard, packet: Packet | None) -> None:
    known.packets += 1
    known.ttl = heard.ttl
    arrival = heard.datagram.arrival
    if known.last is not None:
        known.measured_interval = (arrival.raw - known.last) / NANOSECONDS
    known.last = arrival.raw
    if packet is None:
        return
    header = packet.header
    known.mode, known.version, known.stratum = header.mode, header.version, header.stratum
    known.leap = LEAPS[header.leap]
    known.reference_id = reference_id_text(header.reference_id, header.stratum)
    known.interval = 1 << header.poll if 0 <= header.poll <= 17 else None
    known.interleaved = known.interleaved or header.origin != 0
    known.offset = (from_ntp(header.transmit, arrival.real) - arrival.real) / NANOSECONDS if header.transmit else None
