# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets: group membership, time to live, source address, kernel stamps. No decision about time is made here."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ntp_multicast_engine.batch import Alike, Batch, control_message
from ntp_multicast_engine.clock.system_clock import Clock, Instant, at
from ntp_multicast_engine.columns import Columns
from ntp_multicast_engine.config.configuration import MulticastClient, MulticastServer
from ntp_multicast_engine.config.schema import Address, Network
from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.net import bpf as packet_filter
from ntp_multicast_engine.net.addresses import InterfaceAddress, address_for, interface_index
from ntp_multicast_engine.net.control_messages import (
    CARD_RECEIVED,
    CARD_SENT,
    HARDWARE,
    IP_MULTICAST_ALL,
    IP_PKTINFO,
    IPV6_MULTICAST_ALL,
    IPV6_RECVPKTINFO,
    KERNEL,
    STAMP_BOTH,
    STAMP_ON_REQUEST,
    STAMP_RECEIVED,
    STAMP_THIS,
    Datagram,
    departure,
    enable_stamps,
    place_of,
    receive,
    source_address,
)
from ntp_multicast_engine.wire.packet import MODE_BROADCAST, MODE_CLIENT

if TYPE_CHECKING:
    from ntp_multicast_engine.hardware import Card

BATCH = 64
"""Datagrams read from one socket before the others have their turn."""
EXPEDITED_FORWARDING = 46 << 2
"""DSCP EF, RFC 3246, in the octet that IP_TOS and IPV6_TCLASS take."""
_MREQN = struct.Struct("@4s4si")
_MREQ6 = struct.Struct("@16si")
_MAXIMUM_PLACES = 256
"""Of which the answer's ancillary data are kept; a host has few addresses."""
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def datagram_socket(version: int) -> socket.socket:
    """Raises TransportError, such as on a host whose kernel was told to have no IPv6."""
    try:
        sock = socket.socket(_FAMILIES[version], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise TransportError(f"can't have a socket for IPv{version}: {error.strerror}") from error
    if version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock


def ask_for_destination(sock: socket.socket, version: int) -> None:
    if version == 4:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)


def _end_point(address: Address, port: int, scope: int) -> tuple[str, int] | tuple[str, int, int, int]:
    return (str(address), port) if address.version == 4 else (str(address), port, 0, scope)


@lru_cache(maxsize=256)
def _is_multicast(address: Address) -> bool:
    return address.is_multicast


def stamped_by(card: Card, datagram: Datagram, now: Instant, version: int) -> Datagram:
    """The datagram with the card's stamp, if it has a good one. `now` is a moment after it was read."""
    if not datagram.hardware or datagram.stamps != KERNEL:
        return datagram
    real = card.arrival(datagram.hardware, datagram.arrival.real, now, len(datagram.data), version)
    return datagram if real is None else replace(datagram, arrival=at(real, now), stamps=HARDWARE)


def _all_stamped_by(card: Card, requests: Alike, now: Instant, version: int) -> Alike:
    length = len(requests.single[0])
    found = [
        card.arrival(hardware, software, now, length, version) if hardware else None
        for hardware, software in zip(requests.hardware, requests.arrivals)
    ]
    arrivals = [software if real is None else real for real, software in zip(found, requests.arrivals)]
    return replace(requests, arrivals=arrivals, kinds=[KERNEL if real is None else HARDWARE for real in found])


class ReceivingSocket:
    """Takes what comes from anybody, and says of each datagram whether it came where it should.

    `card` stamps what comes in, where one does.
    """

    socket: socket.socket
    version: int
    card: Card | None = None

    def receive(self, clock: Clock) -> Iterator[tuple[Datagram, str | None]]:
        """What is there, each with the reason to drop it at once, if there is one."""
        for _unused in range(BATCH):
            try:
                datagram = receive(self.socket, clock)
            except OSError:
                # Such as an interface that went down, or an ICMP error about an answer; reading it has removed it.
                continue
            if datagram is None:
                return
            if self.card is not None:
                datagram = stamped_by(self.card, datagram, clock.now(), self.version)
            yield datagram, self.refusal(datagram)

    def receive_batch(self, batch: Batch, clock: Clock) -> tuple[Instant, list[Alike], list[Datagram]]:
        """A moment after it, those that came alike and where they should, and the others.

        Raises OSError for what the network reports; the next datagrams are behind it.
        """
        batch.receive(self.socket)
        now = clock.now()
        if self.card is None:
            return (now, *batch.sorted(now, self._fits))
        card = self.card
        alike, odd = batch.sorted(now, self._fits, hardware=True)
        return (
            now,
            [_all_stamped_by(card, requests, now, self.version) for requests in alike],
            [stamped_by(card, datagram, now, self.version) for datagram in odd],
        )

    def datagram(self, batch: Batch, requests: Alike, place: int, now: Instant) -> Datagram:
        """One of them, to be taken alone."""
        destination, interface = place_of(requests.place[socket.CMSG_LEN(0) :], self.version)
        source, port, *others = batch.address(batch.name(requests.names, place))
        arrival, scope = at(requests.arrivals[place], now), others[1] if others else 0
        kind = requests.kinds[place] if requests.kinds else KERNEL
        return Datagram(
            requests.rows[place], source, port, scope, destination, interface, arrival, kind, truncated=False
        )

    def _fits(self, place: bytes) -> bool:
        """Whether packet info tells the right place."""
        destination, interface = place_of(place[socket.CMSG_LEN(0) :], self.version)
        return self._misplaced(destination, interface) is None

    def refusal(self, datagram: Datagram) -> str | None:
        """The reason to drop the datagram at once, if there is one."""
        return "truncated" if datagram.truncated else self._misplaced(datagram.destination, datagram.interface)

    def _misplaced(self, destination: Address | None, interface: int) -> str | None:
        """What is wrong with where it came in, if anything is."""
        raise NotImplementedError

    def close(self) -> None:
        self.socket.close()


class GroupSocket(ReceivingSocket):
    """Listens to one group on one interface; hands out what came to just that group over just that interface.

    `screened` tells whether the kernel lets only those servers through that are allowed.
    """

    def __init__(self, configuration: MulticastClient, card: Card | None = None) -> None:
        self.configuration = configuration
        self.card = card if card is not None and card.receives else None
        group = configuration.group
        self.version = group.version
        self.index = interface_index(configuration.interface)
        self.socket = datagram_socket(group.version)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sources = [ipaddress.ip_network(source) for source in sorted(configuration.allow_servers)]
            program = packet_filter.program(MODE_BROADCAST, group.version, sources)
            self.screened = packet_filter.attach(self.socket, program) and packet_filter.looks_at_sources(program)
            self._join(group)
            ask_for_destination(self.socket, group.version)
            enable_stamps(self.socket, STAMP_RECEIVED | (CARD_RECEIVED if self.card else 0))
            self.socket.bind(_end_point(group, configuration.port, self.index))
        except OSError as error:
            self.socket.close()
            raise TransportError(
                f"can't listen to {group} port {configuration.port} on {configuration.interface}: {error.strerror}"
            ) from error

    def _join(self, group: Address) -> None:
        # Without ..._ALL = 0 a socket gets the groups that any process of the host has joined (ip(7)).
        if group.version == 4:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
            request = _MREQN.pack(group.packed, bytes(4), self.index)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        else:
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
            request = _MREQ6.pack(group.packed, self.index)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)

    def stale(self) -> bool:
        """Whether the interface has gone, or another one has its name now."""
        try:
            return interface_index(self.configuration.interface) != self.index
        except TransportError:
            return True

    def _misplaced(self, destination: Address | None, interface: int) -> str | None:
        if interface != self.index:
            return "wrong_interface"
        if destination != self.configuration.group:
            return "wrong_group"
        return None


class SenderSocket:
    """Sends to one group through one interface, from that interface's address."""

    def __init__(self, configuration: MulticastServer, source_port: int, card: Card | None = None) -> None:
        self.configuration = configuration
        self.place: InterfaceAddress = address_for(configuration.interface, configuration.group)
        self._card = card if card is not None and card.sends else None
        self._stamps = STAMP_BOTH | (CARD_SENT if self._card else 0)
        self._sent = 0
        self._departed = 0
        version = configuration.group.version
        self.socket = datagram_socket(version)
        try:
            # Connected, so that no request to the same port of this host ends up here.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._set_multicast_options(version)
            self.stamped = enable_stamps(self.socket, self._stamps)
            self.socket.bind(_end_point(self.place.address, source_port, self.place.index))
            self.socket.connect(_end_point(configuration.group, configuration.port, self.place.index))
        except OSError as error:
            self.socket.close()
            raise TransportError(
                f"can't send to {configuration.group} on {configuration.interface}: {error.strerror}"
            ) from error

    def _set_multicast_options(self, version: int) -> None:
        index, ttl = self.place.index, self.configuration.ttl
        if version == 4:
            request = _MREQN.pack(bytes(4), self.place.address.packed, index)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
        else:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EXPEDITED_FORWARDING)

    def stale(self) -> bool:
        """Whether the interface has gone or got another address."""
        try:
            return address_for(self.configuration.interface, self.configuration.group) != self.place
        except TransportError:
            return True

    def send(self, data: bytes) -> None:
        """Raises OSError."""
        self._departed = 0
        try:
            self.socket.send(data)
        except OSError:
            self._count_anew()
            raise
        self._sent += 1

    def _count_anew(self) -> None:
        """The kernel may have given a number to what didn't leave, such as what its firewall has refused."""
        if self.stamped:
            enable_stamps(self.socket, 0)
            while departure(self.socket) is not None:
                pass
            self._sent, self.stamped = 0, enable_stamps(self.socket, self._stamps)

    def departures(self) -> Iterator[tuple[int, str]]:
        """Stamps of the newest datagram, Unix nanoseconds, and whose they are; those of earlier ones come too late.

        The kernel's comes first, and the card's follows it.
        """
        # An error that nobody takes would make the socket ready for ever.
        self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        while True:
            found = departure(self.socket)
            if found is None:
                return
            if found.number != (self._sent - 1) & 0xFFFFFFFF:
                continue
            if found.real:
                self._departed = found.real
                yield found.real, KERNEL
            elif self._card is not None and self._departed:
                real = self._card.departure(found.hardware, self._departed)
                if real is not None:
                    yield real, HARDWARE

    def close(self) -> None:
        self.socket.close()


class ResponderSocket(ReceivingSocket):
    """Takes requests of one address family, on one interface or (None) on all.

    :param shared: other sockets of this process hold the port already. Otherwise a second program on the port is an
        error, which SO_REUSEADDR would hide.
    :param clients: who may ask; nobody named means everybody. `screened` tells whether the kernel sees to it.

    `stamps` says who took the arrival of the newest request.
    """

    def __init__(
        self,
        interface: str | None,
        version: int,
        port: int,
        *,
        shared: bool,
        clients: Iterable[Network] = (),
        card: Card | None = None,
    ) -> None:
        self.interface = interface
        self.card = card if card is not None and card.receives else None
        self.version = version
        self.index = interface_index(interface) if interface else 0
        self._awaits_stamp = False
        self._sources: dict[bytes, bytes] = {}
        self.port = port
        self.stamps: str | None = None
        self.socket = datagram_socket(version)
        self._level = socket.IPPROTO_IP if version == 4 else socket.IPPROTO_IPV6
        try:
            program = packet_filter.program(MODE_CLIENT, version, clients)
            self.screened = packet_filter.attach(self.socket, program) and packet_filter.looks_at_sources(program)
            ask_for_destination(self.socket, version)
            all_groups = IP_MULTICAST_ALL if version == 4 else IPV6_MULTICAST_ALL
            self.socket.setsockopt(self._level, all_groups, 0)
            option = socket.IP_TOS if version == 4 else socket.IPV6_TCLASS
            self.socket.setsockopt(self._level, option, EXPEDITED_FORWARDING)
            enable_stamps(self.socket, STAMP_ON_REQUEST | (CARD_RECEIVED if self.card else 0))
            if interface:
                self._bind_to_device(interface)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(shared))
            self.socket.bind(("0.0.0.0" if version == 4 else "::", port))
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError as error:
            self.socket.close()
            place = interface or "all interfaces"
            raise TransportError(f"can't answer IPv{version} on {place} port {port}: {error.strerror}") from error

    def _bind_to_device(self, interface: str) -> None:
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        except PermissionError:
            # Before Linux 5.7 that needs CAP_NET_RAW; the check of each datagram's interface does the same.
            return

    def stale(self) -> bool:
        try:
            return self.interface is not None and interface_index(self.interface) != self.index
        except TransportError:
            return True

    def _misplaced(self, destination: Address | None, interface: int) -> str | None:
        if self.index and interface != self.index:
            return "wrong_interface"
        if destination is None or _is_multicast(destination):
            return "wrong_group"
        return None

    def _source(self, place: bytes) -> bytes:
        """Ancillary data that makes an answer leave from where the request came to."""
        known = self._sources.get(place)
        if known is not None:
            return known
        destination, interface = place_of(place[socket.CMSG_LEN(0) :], self.version)
        found = b"".join(control_message(*message) for message in source_address(destination, interface))
        if len(self._sources) >= _MAXIMUM_PLACES:
            self._sources.clear()
        self._sources[place] = found
        return found

    def answer_batch(self, batch: Batch, requests: Alike, answers: Sequence[bytes | None], *, stamp: bool) -> int:
        """Send the answers that there are; returns how many the network took. `stamp` is for the first one."""
        names = requests.names
        if None in answers:
            names = b"".join(batch.name(names, place) for place, answer in enumerate(answers) if answer is not None)
        ready = [answer for answer in answers if answer is not None]
        if not ready:
            return 0
        taken = batch.send(self.socket, names, ready, self._source(requests.place), stamp=stamp)
        self._awaits_stamp = self._awaits_stamp or (stamp and taken > 0)
        return taken

    def answer_columns(self, batch: Batch, requests: Alike, answers: Columns, *, stamp: bool) -> int:
        """As `answer_batch`, with an answer to each request."""
        taken = batch.send_columns(self.socket, requests.names, answers, self._source(requests.place), stamp=stamp)
        self._awaits_stamp = self._awaits_stamp or (stamp and taken > 0)
        return taken

    def answer(self, datagram: Datagram, data: bytes, *, stamp: bool) -> bool:
        """Send from the address that was asked; False, if the network doesn't take it.

        :param stamp: let the kernel tell through `departure` when it leaves.
        """
        if datagram.destination is None:
            return False
        address: tuple[str, int] | tuple[str, int, int, int] = (datagram.source, datagram.source_port)
        if self.version == 6:
            address = (datagram.source, datagram.source_port, 0, datagram.scope)
        ancillary = source_address(datagram.destination, datagram.interface)
        try:
            self.socket.sendmsg([data], [*ancillary, STAMP_THIS] if stamp else ancillary, 0, address)
        except OSError:
            return False
        self._awaits_stamp = self._awaits_stamp or stamp
        return True

    def quiet(self) -> None:
        """Throw away stamps that came too late to be waited for: they would make the socket ready for ever."""
        while departure(self.socket) is not None:
            pass

    def departure(self) -> int | None:
        """When the newest answer that was to be stamped left, Unix nanoseconds; None, if that isn't known yet."""
        if not self._awaits_stamp:
            return None
        real: int | None = None
        while True:
            found = departure(self.socket)
            if found is None:
                return real
            real = found.real
            self._awaits_stamp = False
