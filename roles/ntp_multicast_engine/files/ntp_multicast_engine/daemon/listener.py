# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ntp-multicast-engine listen`: who sends to the groups. Needs no running engine, and changes nothing."""

from __future__ import annotations

import ipaddress
import selectors
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.config.configuration import Configuration, MulticastClient, MulticastServer
from ntp_multicast_engine.errors import ConfigurationError, PacketError, TransportError
from ntp_multicast_engine.instant import Clock
from ntp_multicast_engine.net.addresses import multicast_interfaces
from ntp_multicast_engine.net.control_messages import Datagram
from ntp_multicast_engine.net.sockets import GroupSocket
from ntp_multicast_engine.observe.heard import HeardReport, ListenedGroup, SenderHeard
from ntp_multicast_engine.observe.status import LEAPS
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.packet import Packet, parse, reference_id_text
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, from_ntp

USUAL_GROUPS = ("224.0.1.1", "ff02::101", "ff05::101", "ff0e::101")
"""RFC 5905 section 6, for IPv6 with the scopes that networks use."""
MAXIMUM_SENDERS = 512
_APART = 0.1
"""Seconds: by so much no clock changes, and no network delays, from one packet to the next."""


def listen(path: Path, interface: str | None, group: str | None, seconds: float, clock: Clock) -> HeardReport:
    """Hear the groups of the configuration, or what is named, for so long, or until the operator interrupts.

    :raises ConfigurationError: the file is there and wrong, and nothing is named.
    """
    notes: list[str] = []
    settings, keys = _configured(path, notes, needed=interface is None and group is None)
    groups, sockets = _open(_places(settings, interface, group))
    senders = _Senders(keys)
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
    return HeardReport(seconds, tuple(groups), tuple(senders.known.values()), (*notes, *senders.notes()))


def _places(settings: Configuration | None, interface: str | None, group: str | None) -> Iterable[MulticastClient]:
    """The groups of the configuration, those that it sends to as well, each once; or what is named."""
    known: list[MulticastClient | MulticastServer] = [*settings.clients, *settings.servers] if settings else []
    places = [
        MulticastClient(item.interface, item.group, item.port)
        for item in known
        if interface in (None, item.interface) and group in (None, str(item.group))
    ]
    if not places and (interface or group):
        interfaces = [interface] if interface else multicast_interfaces()
        groups = [ipaddress.ip_address(each) for each in ((group,) if group else USUAL_GROUPS)]
        places = [MulticastClient(name, each) for name in interfaces for each in groups]
    return dict.fromkeys(places)


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


def _open(places: Iterable[MulticastClient]) -> tuple[list[ListenedGroup], list[GroupSocket]]:
    groups, sockets = [], []
    for place in places:
        error = None
        try:
            sockets.append(GroupSocket(place, everything=True))
        except TransportError as reason:
            error = str(reason)
        groups.append(ListenedGroup(place.interface, str(place.group), place.port, error))
    return groups, sockets


class _Senders:
    """Who was heard. Anybody can send under any address, so their number has a limit."""

    def __init__(self, keys: KeyRing | None) -> None:
        self._keys = keys
        self.known: dict[tuple[object, ...], SenderHeard] = {}
        self._untold = 0

    def notes(self) -> list[str]:
        return [f"{self._untold} packets of further senders and keys are not shown"] if self._untold else []

    def take(self, opened: GroupSocket, clock: Clock) -> None:
        """What has come to one group; no more at once than others can wait for."""
        for datagram in opened.receive(clock):
            if opened.misplaced(datagram.destination, datagram.interface) is None:
                self._note(opened.configuration, datagram)

    def _note(self, place: MulticastClient, datagram: Datagram) -> None:
        packet, proof = (None, "wrong length") if datagram.truncated else _judged(datagram.data, self._keys)
        key_id = packet.authenticator.key_id if packet and packet.authenticator else None
        heard = SenderHeard(datagram.source, place.interface, str(place.group), place.port, key_id, proof)
        _fill(heard, datagram, packet)
        # Two senders may have one address, and one key.
        who = (datagram.source, place, key_id, proof, heard.version, heard.stratum, heard.reference_id, heard.ttl)
        rows = ((*who, number) for number in count())
        row = next(row for row in rows if _may_be(self.known.get(row), heard))
        if row in self.known:
            _fill(self.known[row], datagram, packet)
        elif len(self.known) < MAXIMUM_SENDERS:
            self.known[row] = heard
        else:
            self._untold += 1


def _may_be(known: SenderHeard | None, heard: SenderHeard) -> bool:
    """Whether the clocks are one."""
    if known is None or known.offset is None or heard.offset is None:
        return True
    return abs(known.offset - heard.offset) < _APART


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


def _fill(known: SenderHeard, datagram: Datagram, packet: Packet | None) -> None:
    known.packets += 1
    known.ttl = datagram.ttl
    arrival = datagram.arrival
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
