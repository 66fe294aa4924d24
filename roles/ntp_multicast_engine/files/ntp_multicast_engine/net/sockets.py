# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets: group membership, time to live, source address, kernel stamps. No decision about time is made here."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from ntp_multicast_engine.config.configuration import MulticastClient, MulticastServer
from ntp_multicast_engine.config.schema import Address, Network
from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.instant import Clock
from ntp_multicast_engine.net import bpf as packet_filter
from ntp_multicast_engine.net import netlink, port_holders, raw_datagrams
from ntp_multicast_engine.net.addresses import InterfaceAddress, address_for, interface_index, interface_name, is_member
from ntp_multicast_engine.net.control_messages import (
    IP_PKTINFO,
    IPV6_RECVPKTINFO,
    STAMP_BOTH,
    STAMP_ON_REQUEST,
    STAMP_RECEIVED,
    STAMP_THIS,
    Datagram,
    departure,
    enable_stamps,
    forget_departures,
    receive,
    source_address,
)
from ntp_multicast_engine.wire.packet import MODE_BROADCAST, MODE_CLIENT

BATCH = 256
"""Datagrams read from one socket before the others have their turn."""
_QUEUE = 1 << 20
"""Octets that may wait to be read; the kernel gives less where net.core.rmem_max is smaller."""
_EXPEDITED_FORWARDING = 46 << 2
"""DSCP EF, RFC 3246, in the octet that IP_TOS and IPV6_TCLASS take."""
# What ip(7) and ipv6(7) name differently; the numbers are from include/uapi/linux/in.h and in6.h.
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_LEVEL = {4: socket.IPPROTO_IP, 6: socket.IPPROTO_IPV6}
_TRAFFIC_CLASS = {4: socket.IP_TOS, 6: socket.IPV6_TCLASS}
_HOPS = {4: socket.IP_MULTICAST_TTL, 6: socket.IPV6_MULTICAST_HOPS}
_LOOP = {4: socket.IP_MULTICAST_LOOP, 6: socket.IPV6_MULTICAST_LOOP}
_ALL_GROUPS = {4: 49, 6: 29}
_TELL_DESTINATION = {4: IP_PKTINFO, 6: IPV6_RECVPKTINFO}
_TELL_TTL = {4: 12, 6: 51}
_MREQN = struct.Struct("@4s4si")
_MREQ6 = struct.Struct("@16si")
_UDP_CHECKSUM = 6
"""Octets from the start of the UDP header (RFC 768); ipv6(7), IPV6_CHECKSUM, lets the kernel look at it."""
_MAXIMUM_AWAITED = 256
"""Stamps of answers that are waited for; one that doesn't come is forgotten."""
_LONGEST_NAME = 16
"""IFNAMSIZ of include/uapi/linux/if.h."""
_COUNTER = 0xFFFFFFFF
_RAW_RIGHT = "use sudo, or give the service that right: ntp_multicast_engine_raw_sockets: true"
_NOT_HERE = "don't let the engine do this on this host"
_HEAR_BESIDE = "let the client hear by a raw socket: ntp_multicast_engine_raw_sockets: true (CAP_NET_RAW)"
_FIRST_FREE_PORT = 1024
"""ip(7), net.ipv4.ip_unprivileged_port_start as it is usually."""


_NO_IPV6 = "look at its MTU (`ip link`) and whether IPv6 is switched off there (net.ipv6.conf): it is waited for"


def datagram_socket(version: int, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    """Raises TransportError, such as on a host whose kernel was told to have no IPv6."""
    try:
        sock = socket.socket(_FAMILY[version], kind | socket.SOCK_NONBLOCK, socket.IPPROTO_UDP)
    except PermissionError as error:
        raise TransportError(
            "only root, or who has CAP_NET_RAW, may have a raw socket", "socket", _RAW_RIGHT
        ) from error
    except OSError as error:
        raise TransportError(f"can't have a socket for IPv{version}: {error.strerror}") from error
    if version == 6 and kind == socket.SOCK_DGRAM:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setsockopt(_LEVEL[version], _TRAFFIC_CLASS[version], _EXPEDITED_FORWARDING)
    if bound_device(sock):
        # `ip vrf exec` binds each new socket to its VRF, wherever the socket's own interface is.
        _bind_by_name(sock, "")
    return sock


def bound_device(sock: socket.socket) -> str:
    """The interface or VRF that the socket is bound to; "", if it is bound to none."""
    name = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LONGEST_NAME)
    return name.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def bind_to_device(sock: socket.socket, index: int) -> bool:
    """Let the socket use this interface or VRF alone; False, where that needs a right.

    The right is CAP_NET_RAW: before Linux 5.7 always, later for a socket that is bound already.
    """
    name = interface_name(index)
    return bound_device(sock) == name or _bind_by_name(sock, name)


def _bind_by_name(sock: socket.socket, name: str) -> bool:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode("utf-8", "surrogateescape") + b"\0")
    except PermissionError:
        return False
    return True


def enter_vrf(sock: socket.socket, index: int, *, whole: bool = False) -> int | None:
    """Where an interface belongs to a VRF, only a socket that is bound there sends and hears there; gives the VRF.

    Documentation/networking/vrf.rst.

    :param whole: over all interfaces of the VRF, and not over that one alone.
    :raises TransportError: the kernel wants CAP_NET_RAW for that.
    """
    vrf = netlink.vrf_of(index)
    if vrf is not None and not bind_to_device(sock, vrf if whole else index) and not bound_device(sock):
        member, of = interface_name(index), interface_name(vrf)
        raise TransportError(
            f"{member} belongs to the VRF {of}, which needs CAP_NET_RAW before Linux 5.7",
            "socket",
            "give the service CAP_NET_RAW, or use Linux 5.7 or later",
        )
    refuse_other_vrf(sock, index, vrf)
    return vrf


def refuse_other_vrf(sock: socket.socket, index: int, vrf: int | None) -> None:
    """Raise TransportError where `ip vrf exec` has put the socket, and with it the engine, elsewhere."""
    bound = bound_device(sock)
    if bound and bound not in {interface_name(place) for place in (index, vrf) if place is not None}:
        raise TransportError(
            f"the engine was started in the VRF {bound}, to which {interface_name(index)} does not belong",
            "socket",
            "start it without `ip vrf exec`: it finds the VRF of each interface by itself",
        )


def trouble(place: str, error: OSError, version: int, port: int, instead: str = _NOT_HERE) -> TransportError:
    """What an operator should read where a socket can't be had."""
    if error.errno == errno.EADDRINUSE:
        return port_taken(place, version, port, port_holders.others(port, version), instead)
    if error.errno == errno.EINVAL and version == 6:
        return TransportError(
            f"can't {place}: the interface has no IPv6, as with an MTU below 1280", "no_address", _NO_IPV6
        )
    if error.errno == errno.EACCES and port < _FIRST_FREE_PORT:
        return TransportError(
            f"can't {place}: only root, or who has CAP_NET_BIND_SERVICE, may have a port below {_FIRST_FREE_PORT}",
            "socket",
            "use sudo, or give the service that right",
        )
    return TransportError(f"can't {place}: {error.strerror}", "socket", advice_for(error.errno))


def port_taken(
    place: str, version: int, port: int, found: Iterable[port_holders.Holder], instead: str = _NOT_HERE
) -> TransportError:
    names = " and ".join(sorted(set(map(port_holders.named, found)))) or "another program"
    return TransportError(
        f"can't {place}: UDP port {port} of IPv{version} is taken by {names}",
        "port_taken",
        f"stop {names}, or {instead}; `ss -ulnp sport = :{port}` shows who has it",
    )


def advice_for(number: int | None) -> str:
    """What to look at after an error of the network."""
    return {
        errno.ENETUNREACH: "there is no route: look at the addresses and routes of this host (`ip route get ADDRESS`)",
        errno.EHOSTUNREACH: "nobody at that address answers ARP or neighbour discovery, or a router or firewall"
        " refuses: look at the route and the cable, and at the firewalls between",
        errno.ECONNREFUSED: "no program has that port at the server, or its firewall rejects: look there",
        errno.EPERM: "this host's own firewall refuses it: let UDP out in its output chain",
        errno.EACCES: "this host's own firewall or routes prohibit it: look at the output chain and `ip route get`",
        errno.EADDRNOTAVAIL: "the address does not belong to this host any more: look at `ip address`",
        errno.ENETDOWN: "the interface is down: bring it up",
        errno.ENODEV: "the interface is gone: bring it back",
        errno.ENOBUFS: "too many memberships or too much waits to be sent: see net.ipv4.igmp_max_memberships",
        errno.EMSGSIZE: "the MTU of the interface is too small",
    }.get(number or 0, "look at the addresses, routes and firewall of this host")


def _end_point(address: Address, port: int, scope: int) -> tuple[str, int] | tuple[str, int, int, int]:
    return (str(address), port) if address.version == 4 else (str(address), port, 0, scope)


@lru_cache(maxsize=64)
def netlink_vrf(interface: int) -> int | None:
    """`netlink.vrf_of`, asked once for each interface of a request until `forget_vrfs`."""
    return netlink.vrf_of(interface)


def forget_vrfs() -> None:
    """Something of the interfaces has changed."""
    netlink_vrf.cache_clear()


class ReceivingSocket:
    """Takes what comes from anybody, and says of each datagram whether it came where it should."""

    socket: socket.socket
    version: int

    def _tell_destinations(self) -> None:
        """Let the kernel tell where a datagram came in, and give none of a group that another process has joined."""
        self.socket.setsockopt(_LEVEL[self.version], _TELL_DESTINATION[self.version], 1)
        self.socket.setsockopt(_LEVEL[self.version], _ALL_GROUPS[self.version], 0)

    def receive(self, clock: Clock) -> list[Datagram]:
        return receive(self.socket, clock, BATCH)

    def discard(self, clock: Clock) -> None:
        while self.receive(clock):
            pass

    def refusal(self, datagram: Datagram) -> str | None:
        return "truncated" if datagram.truncated else self.misplaced(datagram.destination, datagram.interface)

    def misplaced(self, destination: Address | None, interface: int) -> str | None:
        raise NotImplementedError

    def close(self) -> None:
        self.socket.close()


class GroupSocket(ReceivingSocket):
    """Listens to one group on one interface; hands out what came to just that group over just that interface.

    Where another program has the port for itself, as ntpd and NTPsec want it, that takes a raw socket.

    :param raw: by a raw socket from the start, so that such a program can come later.
    :param everything: whatever comes there, and not only what may be a multicast of NTP, with its ttl.
    """

    def __init__(self, configuration: MulticastClient, *, raw: bool = False, everything: bool = False) -> None:
        self.configuration = configuration
        group = configuration.group
        self.version = group.version
        self.index = interface_index(configuration.interface)
        self.raw = raw
        try:
            self._open(everything)
        except OSError as error:
            if self.raw or error.errno != errno.EADDRINUSE or not self._open_beside(everything):
                raise self._trouble(error) from error

    def _open(self, everything: bool) -> None:
        configuration, group = self.configuration, self.configuration.group
        self.socket = datagram_socket(self.version, socket.SOCK_RAW if self.raw else socket.SOCK_DGRAM)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
            sources = [ipaddress.ip_network(source) for source in sorted(configuration.allow_servers)]
            if everything:
                self.socket.setsockopt(_LEVEL[self.version], _TELL_TTL[self.version], 1)
            else:
                raw_port = configuration.port if self.raw else None
                program = packet_filter.program(MODE_BROADCAST, self.version, sources, raw_port)
                packet_filter.attach(self.socket, program)
            self._vrf = enter_vrf(self.socket, self.index)
            self._tell_destinations()
            self._join(group)
            enable_stamps(self.socket, STAMP_RECEIVED)
            if self.raw and self.version == 6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, _UDP_CHECKSUM)
            self.socket.bind(_end_point(group, 0 if self.raw else configuration.port, self.index))
        except (OSError, TransportError):
            self.socket.close()
            raise

    def _open_beside(self, everything: bool) -> bool:
        """Hear the group by a raw socket, since somebody has the port for itself; False without the right to that."""
        self.raw = True
        try:
            self._open(everything)
        except (OSError, TransportError):
            return False
        return True

    def _trouble(self, error: OSError) -> TransportError:
        configuration = self.configuration
        place = f"listen to {configuration.group} port {configuration.port} on {configuration.interface}"
        return trouble(place, error, self.version, configuration.port, _HEAR_BESIDE)

    def receive(self, clock: Clock) -> list[Datagram]:
        if not self.raw:
            return super().receive(clock)
        found = receive(self.socket, clock, BATCH, raw_datagrams.LARGEST)
        unwrapped = (raw_datagrams.unwrapped(item, self.version, self.configuration.port) for item in found)
        return [item for item in unwrapped if item is not None]

    def _join(self, group: Address) -> None:
        if group.version == 4:
            request = _MREQN.pack(group.packed, bytes(4), self.index)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        else:
            request = _MREQ6.pack(group.packed, self.index)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)

    def stale(self) -> bool:
        """Whether the interface has gone or changed its VRF, another one has its name now, or the kernel has forgotten
        the membership."""
        try:
            index = interface_index(self.configuration.interface)
        except TransportError:
            return True
        moved = index != self.index or netlink.vrf_of(index) != self._vrf
        return moved or not is_member(index, self.configuration.group)

    def misplaced(self, destination: Address | None, interface: int) -> str | None:
        if interface != self.index:
            return "wrong_interface"
        if destination != self.configuration.group:
            return "wrong_group"
        return None


class SenderSocket:
    """Sends to one group through one interface, from that interface's address."""

    def __init__(
        self, configuration: MulticastServer, source_port: int, before: InterfaceAddress | None = None
    ) -> None:
        self.configuration = configuration
        self.place: InterfaceAddress = address_for(configuration.interface, configuration.group, before)
        self.index = self.place.index
        self._sent = 0
        version = configuration.group.version
        self.socket = datagram_socket(version)
        try:
            # Connected, so that no request to the same port of this host ends up here.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._vrf = enter_vrf(self.socket, self.place.index)
            self._set_multicast_options(version)
            self.stamped = enable_stamps(self.socket, STAMP_BOTH)
            self.socket.bind(_end_point(self.place.address, source_port, self.place.index))
            self.socket.connect(_end_point(configuration.group, configuration.port, self.place.index))
        except OSError as error:
            self.socket.close()
            place = f"send to {configuration.group} on {configuration.interface}"
            raise trouble(place, error, version, source_port) from error
        except TransportError:
            self.socket.close()
            raise

    def _set_multicast_options(self, version: int) -> None:
        if version == 4:
            request = _MREQN.pack(bytes(4), self.place.address.packed, self.place.index)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
        else:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self.place.index)
        self.socket.setsockopt(_LEVEL[version], _HOPS[version], self.configuration.ttl)
        self.socket.setsockopt(_LEVEL[version], _LOOP[version], 0)

    def stale(self) -> bool:
        """Whether the interface has gone, got another address or changed its VRF."""
        try:
            found = address_for(self.configuration.interface, self.configuration.group, self.place)
        except TransportError:
            return True
        return found != self.place or netlink.vrf_of(found.index) != self._vrf

    def send(self, data: bytes) -> None:
        """Raises OSError."""
        try:
            self.socket.send(data)
        except OSError:
            if self.stamped:
                self._sent, self.stamped = 0, forget_departures(self.socket, STAMP_BOTH)
            raise
        self._sent += 1

    def departures(self) -> Iterator[int]:
        """The stamp of the newest datagram, Unix nanoseconds; those of earlier ones come too late."""
        # An error that nobody takes would make the socket ready for ever.
        self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        while (found := departure(self.socket)) is not None:
            if found.number == (self._sent - 1) & _COUNTER:
                yield found.real

    def close(self) -> None:
        self.socket.close()


class ResponderSocket(ReceivingSocket):
    """Takes requests of one address family, on one interface or (None) on all.

    A second program on the port is an error, which SO_REUSEADDR would hide: the newest socket would take the clients of
    the other, past its access rules.

    :param clients: who may ask; nobody named means everybody.

    `stamps` says who took the arrival of the newest request.
    """

    def __init__(self, interface: str | None, version: int, port: int, *, clients: Iterable[Network] = ()) -> None:
        self.interface = interface
        self.version = version
        self.index = interface_index(interface) if interface else 0
        self._awaited: dict[int, int] = {}
        self._stamped = 0
        self.port = port
        self.stamps: str | None = None
        self.socket = datagram_socket(version)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
            packet_filter.attach(self.socket, packet_filter.program(MODE_CLIENT, version, clients))
            self._tell_destinations()
            enable_stamps(self.socket, STAMP_ON_REQUEST)
            if self.index and not bind_to_device(self.socket, self.index):
                # Without the right to it, the check of each datagram's interface does the same.
                refuse_other_vrf(self.socket, self.index, netlink.vrf_of(self.index))
            self._bind()
        except OSError as error:
            self.socket.close()
            raise trouble(self._place, error, version, port) from error
        except TransportError:
            self.socket.close()
            raise

    @property
    def _place(self) -> str:
        return f"answer IPv{self.version} on {self.interface or 'all interfaces'} port {self.port}"

    def _bind(self) -> None:
        self._refuse_neighbours()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("0.0.0.0" if self.version == 4 else "::", self.port))
        # Whoever has come in between was first.
        self._refuse_neighbours()

    def _refuse_neighbours(self) -> None:
        local = None
        if self.index and netlink.vrf_of(self.index) is None and self.interface:
            local = {item.address for item in netlink.addresses(self.index)}
        found = port_holders.others(self.port, self.version, local)
        if found:
            raise port_taken(self._place, self.version, self.port, found)

    def stale(self) -> bool:
        try:
            return self.interface is not None and interface_index(self.interface) != self.index
        except TransportError:
            return True

    def misplaced(self, destination: Address | None, interface: int) -> str | None:
        # What comes to a VRF has come over one of its interfaces.
        if self.index and interface != self.index and netlink_vrf(interface) != self.index:
            return "wrong_interface"
        if destination is None or destination.is_multicast:
            return "wrong_group"
        return None

    def answer(self, datagram: Datagram, encode: Callable[[], bytes], stamp_for: int | None) -> bool:
        """Send from the address that was asked; False, if the network doesn't take it.

        :param encode: makes the octets, with the time in them. Nothing else happens between that and the sending.
        :param stamp_for: let the kernel tell when it leaves, and give it out with this in `departures`; None, if
            nobody wants to know.
        """
        if datagram.destination is None:
            return False
        address: tuple[str, int] | tuple[str, int, int, int] = (datagram.source, datagram.source_port)
        if self.version == 6:
            address = (datagram.source, datagram.source_port, 0, datagram.scope)
        ancillary = source_address(datagram.destination, datagram.interface)
        if stamp_for is not None:
            ancillary.append(STAMP_THIS)
        try:
            self.socket.sendmsg([encode()], ancillary, 0, address)
        except OSError:
            if stamp_for is not None:
                self._awaited.clear()
                self._stamped = 0
                forget_departures(self.socket, STAMP_ON_REQUEST)
            return False
        if stamp_for is not None:
            if len(self._awaited) >= _MAXIMUM_AWAITED:
                del self._awaited[next(iter(self._awaited))]
            self._awaited[self._stamped] = stamp_for
            self._stamped = (self._stamped + 1) & _COUNTER
        return True

    def departures(self) -> Iterator[tuple[int, int]]:
        """Each stamp that has come: what it was awaited for, and Unix nanoseconds."""
        while (found := departure(self.socket)) is not None:
            awaited = self._awaited.pop(found.number, None)
            if awaited is not None:
                yield awaited, found.real
