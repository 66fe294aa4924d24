# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many datagrams with one system call: recvmmsg(2) and sendmmsg(2) on buffers that are laid out once.

What is laid out once needn't be looked at for each datagram: a batch whose message headers all came back as expected
is read with one `struct` call, without an object for each message. What is out of the ordinary comes out as a
`Datagram`, as `ancillary.receive` gives it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ntp_multicast_engine.ancillary import (
    IP_PKTINFO,
    IPV6_PKTINFO,
    SO_TIMESTAMPING,
    STAMP_THIS,
    Datagram,
    assemble,
    credible,
)
from ntp_multicast_engine.clock import Instant
from ntp_multicast_engine.packet import MAXIMUM_LENGTH
from ntp_multicast_engine.timestamps import NANOSECONDS

SIZE = 32
"""Datagrams in a batch, after which other sockets have their turn."""
# struct mmsghdr: name, its length, vector, its length, control, its length, flags; octets of the datagram.
_HEADER = struct.Struct("@PIPNPNi0PI0P")
_LENGTH = struct.Struct(f"@{struct.calcsize('@PIPNPNi0P')}xI")
_CONTROL_LENGTH = struct.Struct("@N")
_CONTROL_LENGTH_PLACE = struct.calcsize("@PIPNP")
_VECTOR = struct.Struct("@PN")
_CONTROL_HEADER = struct.Struct("@Nii")
_STAMPS = struct.Struct("@6l")
_ADDRESSES = {4: struct.Struct("!2xH4s8x"), 6: struct.Struct("!2xH4x16s4x")}
_SCOPE = struct.Struct("@24xI")
_CONTROL_SPACE, _NAME_SPACE = 256, 32
_SLOT = _CONTROL_SPACE + _NAME_SPACE + MAXIMUM_LENGTH
_PLACE_SIZES = {4: 12, 6: 20}
"""Octets of struct in_pktinfo and struct in6_pktinfo."""


@dataclass(frozen=True)
class Alike:
    """Datagrams of one length that came in at one place, with good kernel stamps.

    `place` is the control message that tells interface and destination, `names` are socket addresses, `arrivals` Unix
    nanoseconds.
    """

    place: bytes
    rows: Sequence[bytes]
    names: Sequence[bytes]
    arrivals: list[int]


def control_message(level: int, kind: int, value: bytes) -> bytes:
    """One control message as the kernel takes it, padded."""
    header = _CONTROL_HEADER.pack(socket.CMSG_LEN(len(value)), level, kind)
    return (header + value).ljust(socket.CMSG_SPACE(len(value)), b"\0")


class _Buffer:
    """Octets that stay where they are."""

    def __init__(self, size: int) -> None:
        self.octets = bytearray(size)
        self._anchor = ctypes.c_char.from_buffer(self.octets)
        self.address = ctypes.addressof(self._anchor)


class Batch:
    """The buffers for one version of the Internet protocol; what is in them lasts until the next `receive`.

    :param lengths: of the datagrams that may come out as `Alike`.
    :raises AttributeError: the C library has no recvmmsg or sendmmsg.
    """

    def __init__(self, version: int, lengths: Iterable[int], library: ctypes.CDLL | None = None) -> None:
        self.version = version
        library = library or ctypes.CDLL(None, use_errno=True)
        self._recvmmsg, self._sendmmsg = library.recvmmsg, library.sendmmsg
        self._recvmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
        self._sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
        self._name_length = 16 if version == 4 else 28
        self._place_length = socket.CMSG_LEN(_PLACE_SIZES[version])
        self._stamp_header = _CONTROL_HEADER.pack(socket.CMSG_LEN(_STAMPS.size), socket.SOL_SOCKET, SO_TIMESTAMPING)
        level, kind = (socket.IPPROTO_IP, IP_PKTINFO) if version == 4 else (socket.IPPROTO_IPV6, IPV6_PKTINFO)
        self._place_header = _CONTROL_HEADER.pack(self._place_length, level, kind)
        self._slots, self._vectors, self._headers = (
            _Buffer(SIZE * size) for size in (_SLOT, _VECTOR.size, _HEADER.size)
        )
        self._view = memoryview(self._slots.octets)
        for slot in range(SIZE):
            start = self._slots.address + slot * _SLOT + _CONTROL_SPACE + _NAME_SPACE
            _VECTOR.pack_into(self._vectors.octets, slot * _VECTOR.size, start, MAXIMUM_LENGTH)
        self._empty = self._received(_NAME_SPACE, _CONTROL_SPACE, 0)
        told = socket.CMSG_SPACE(_STAMPS.size) + socket.CMSG_SPACE(_PLACE_SIZES[version])
        self._rows = {length: self._row(length) for length in lengths}
        self._usual = {length: self._received(self._name_length, told, length) for length in self._rows}
        self._names, self._answers = _Buffer(SIZE * self._name_length), _Buffer(SIZE * max(self._rows))
        self._control_length = socket.CMSG_SPACE(_PLACE_SIZES[version])
        self._control = _Buffer(_CONTROL_SPACE)
        stamp = control_message(*STAMP_THIS)
        self._control.octets[self._control_length : self._control_length + len(stamp)] = stamp
        self._with_stamp = self._control_length + len(stamp)
        self._letters = {length: self._sent(length) for length in self._rows}
        self._count = 0

    def _received(self, name_length: int, control_length: int, length: int) -> bytes:
        """The message headers for receiving, with these lengths in them."""
        headers = []
        for slot in range(SIZE):
            control = self._slots.address + slot * _SLOT
            vector = self._vectors.address + slot * _VECTOR.size
            name = control + _CONTROL_SPACE
            headers.append(_HEADER.pack(name, name_length, vector, 1, control, control_length, 0, length))
        return b"".join(headers)

    def _sent(self, length: int) -> tuple[_Buffer, _Buffer]:
        """The message headers for sending, and the vectors that they name."""
        headers, vectors = _Buffer(SIZE * _HEADER.size), _Buffer(SIZE * _VECTOR.size)
        for number in range(SIZE):
            name = self._names.address + number * self._name_length
            vector, start = vectors.address + number * _VECTOR.size, self._answers.address + number * length
            _VECTOR.pack_into(vectors.octets, number * _VECTOR.size, start, length)
            control = (self._control.address, self._control_length)
            place = number * _HEADER.size
            _HEADER.pack_into(headers.octets, place, name, self._name_length, vector, 1, *control, 0, 0)
        return headers, vectors

    def _row(self, length: int) -> struct.Struct:
        """A slot as it is usual: stamp header, seconds, nanoseconds, packet info, socket address, datagram."""
        stamps, start, header = socket.CMSG_SPACE(_STAMPS.size), socket.CMSG_LEN(0), _CONTROL_HEADER.size
        other_stamps = stamps - start - struct.calcsize("@2l")
        return struct.Struct(
            f"@{header}s{start - header}x2l{other_stamps}x"
            f"{self._place_length}s{_CONTROL_SPACE - stamps - self._place_length}x"
            f"{self._name_length}s{_NAME_SPACE - self._name_length}x"
            f"{length}s{MAXIMUM_LENGTH - length}x"
        )

    # Receiving

    def receive(self, sock: socket.socket) -> int:
        """Take what has come, up to SIZE, and say how many that is. Raises OSError for what the network reports."""
        self._headers.octets[:] = self._empty
        received: int = self._recvmmsg(sock.fileno(), self._headers.address, SIZE, socket.MSG_DONTWAIT, None)
        self._count = max(received, 0)
        if received < 0:
            number = ctypes.get_errno()
            if number not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR):
                raise OSError(number, os.strerror(number))
        return self._count

    def sorted(self, now: Instant, fits: Callable[[bytes], bool]) -> tuple[list[Alike], list[Datagram]]:
        """What has come: the usual by kind, and the rest one by one.

        :param now: a moment after `receive`.
        :param fits: says of a packet info whether datagrams that came in there may be among the usual.
        """
        if not self._count:
            return [], []
        filled = self._count * _HEADER.size
        (length,) = _LENGTH.unpack_from(self._headers.octets)
        usual = self._usual.get(length)
        if usual is None or self._headers.octets[:filled] != usual[:filled]:
            return self._sorted_one_by_one(now, fits)
        fields = self._rows[length].iter_unpack(self._view[: self._count * _SLOT])
        headers, seconds, nanoseconds, places, names, rows = zip(*fields)
        arrivals = [second * NANOSECONDS + fraction for second, fraction in zip(seconds, nanoseconds)]
        if (
            headers.count(self._stamp_header) != self._count
            or places.count(places[0]) != self._count
            or not places[0].startswith(self._place_header)
            or not fits(places[0])
            or not credible(min(arrivals), now)
            or not credible(max(arrivals), now)
        ):
            return self._sorted_one_by_one(now, fits)
        return [Alike(places[0], rows, names, arrivals)], []

    def _sorted_one_by_one(self, now: Instant, fits: Callable[[bytes], bool]) -> tuple[list[Alike], list[Datagram]]:
        groups: dict[tuple[int, bytes], tuple[list[bytes], list[bytes], list[int]]] = {}
        odd: list[Datagram] = []
        for slot in range(self._count):
            octets = slice(slot * _HEADER.size, (slot + 1) * _HEADER.size)
            header = self._headers.octets[octets]
            (length,) = _LENGTH.unpack_from(header)
            usual = self._usual.get(length)
            if usual is None or header != usual[octets]:
                odd.append(self._datagram(slot, now))
                continue
            stamp, second, fraction, place, name, row = self._rows[length].unpack_from(self._view, slot * _SLOT)
            arrival = second * NANOSECONDS + fraction
            told = stamp == self._stamp_header and place.startswith(self._place_header)
            if not told or not credible(arrival, now) or not fits(place):
                odd.append(self._datagram(slot, now))
                continue
            columns = groups.setdefault((length, place), ([], [], []))
            columns[0].append(row)
            columns[1].append(name)
            columns[2].append(arrival)
        return [Alike(place, *columns) for (_length, place), columns in groups.items()], odd

    def _datagram(self, slot: int, now: Instant) -> Datagram:
        _n, name_length, _v, _one, _c, control_length, flags, length = _HEADER.unpack_from(
            self._headers.octets, slot * _HEADER.size
        )
        octets = bytes(self._view[slot * _SLOT : (slot + 1) * _SLOT])
        behind = _CONTROL_SPACE + _NAME_SPACE
        name = octets[_CONTROL_SPACE : _CONTROL_SPACE + name_length]
        data = octets[behind : behind + min(length, MAXIMUM_LENGTH)]
        return assemble(data, _control_messages(octets[:control_length]), flags, self.address(name), now)

    def address(self, name: bytes) -> tuple[str, int] | tuple[str, int, int, int]:
        """A socket address in the form of Python's sockets."""
        port, packed = _ADDRESSES[self.version].unpack_from(name)
        if self.version == 4:
            return socket.inet_ntop(socket.AF_INET, packed), port
        (scope,) = _SCOPE.unpack_from(name)
        return socket.inet_ntop(socket.AF_INET6, packed), port, 0, scope

    # Sending

    def send(
        self, sock: socket.socket, names: Sequence[bytes], answers: Sequence[bytes], control: bytes, *, stamp: bool
    ) -> int:
        """Send answers of one length; returns how many the network took.

        :param control: the control message that tells each of them where from.
        :param stamp: let the kernel tell when the first one leaves.
        """
        count, length = len(answers), len(answers[0])
        headers, _vectors = self._letters[length]
        self._answers.octets[: count * length] = b"".join(answers)
        self._names.octets[: count * self._name_length] = b"".join(names)
        self._control.octets[: self._control_length] = control
        first = self._with_stamp if stamp else self._control_length
        _CONTROL_LENGTH.pack_into(headers.octets, _CONTROL_LENGTH_PLACE, first)
        taken = done = 0
        while done < count:
            start = headers.address + done * _HEADER.size
            sent: int = self._sendmmsg(sock.fileno(), start, count - done, socket.MSG_DONTWAIT)
            taken += max(sent, 0)
            # An error is that of the first one; the others may go elsewhere.
            done += sent if sent > 0 else 1
        return taken


class Buffers:
    """The one `Batch` for each version of the Internet protocol, made when it is needed first.

    :param make: raises AttributeError where the C library can't read many datagrams at a time.
    """

    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make
        self._made: dict[int, Batch | None] = {}

    def of(self, version: int) -> Batch | None:
        """None, where datagrams have to be read one at a time."""
        if version not in self._made:
            try:
                self._made[version] = self._make(version)
            except AttributeError:
                self._made[version] = None
        return self._made[version]

    def failed(self, version: int, error: OSError) -> None:
        """Reading has failed; where a kernel or a sandbox doesn't allow it at all, it isn't tried again."""
        if error.errno in (errno.ENOSYS, errno.EPERM):
            self._made[version] = None


def _control_messages(octets: bytes) -> list[tuple[int, int, bytes]]:
    messages, place = [], 0
    while place + _CONTROL_HEADER.size <= len(octets):
        length, level, kind = _CONTROL_HEADER.unpack_from(octets, place)
        if length < _CONTROL_HEADER.size:
            break
        messages.append((level, kind, octets[place + socket.CMSG_LEN(0) : place + length]))
        place += socket.CMSG_SPACE(length - socket.CMSG_LEN(0))
    return messages
