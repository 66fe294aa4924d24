# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many datagrams with one system call: recvmmsg(2) and sendmmsg(2) on buffers that are laid out once.

What is laid out once needn't be looked at for each datagram: a batch whose message headers all came back as expected
is read without an object for each message. The kernel itself cuts datagrams into `Columns`, and
puts answers together from them. What is out of the ordinary comes out as a `Datagram`, as `ancillary.receive` gives it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ntp_multicast_engine.clock.system_clock import Instant
from ntp_multicast_engine.columns import COLUMNS_LENGTH, WIDTHS, Columns
from ntp_multicast_engine.net.control_messages import (
    IP_PKTINFO,
    IPV6_PKTINFO,
    SO_TIMESTAMPING,
    STAMP_THIS,
    Datagram,
    assemble,
    credible,
    stamps_of,
)
from ntp_multicast_engine.wire.packet import MAXIMUM_LENGTH
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

SIZE = 64
"""Datagrams in a batch, after which other sockets have their turn."""
# struct mmsghdr: name, its length, vector, its length, control, its length, flags; octets of the datagram.
_HEADER = struct.Struct("@PIPNPNi0PI0P")
_LENGTH = struct.Struct(f"@{struct.calcsize('@PIPNPNi0P')}xI")
_CONTROL_LENGTH = struct.Struct("@N")
_CONTROL_LENGTH_PLACE = struct.calcsize("@PIPNP")
_VECTOR = struct.Struct("@PN")
_CONTROL_HEADER = struct.Struct("@Nii")
_STAMPS = struct.Struct("@6l")
_LONG = struct.calcsize("@l")
_STAMP_PLACE = socket.CMSG_LEN(0) // _LONG
"""Of the seconds, behind which the nanoseconds are, counted in `long`."""
_ADDRESSES = {4: struct.Struct("!2xH4s8x"), 6: struct.Struct("!2xH4x16s4x")}
_SCOPE = struct.Struct("@24xI")
_CONTROL_SPACE = 128
_WIDTHS = (*WIDTHS, MAXIMUM_LENGTH - COLUMNS_LENGTH)
"""Octets of the pieces into which each datagram is received; the last one takes what is behind the columns."""
_PLACE_SIZES = {4: 12, 6: 20}
"""Octets of struct in_pktinfo and struct in6_pktinfo."""


@dataclass(frozen=True)
class Alike:
    """Datagrams of one length that came in at one place, with good kernel stamps.

    `place` is the control message that tells interface and destination, `names` are socket addresses, one behind the
    other, `arrivals` Unix nanoseconds. The datagrams themselves are in `columns`, if all that came together are of the
    right length, or else in `single`. `hardware` are the stamps of a card that was asked for them, by its own clock, or
    0; `kinds` says of each of `arrivals` whose stamp it is, where not all are the kernel's.
    """

    place: bytes
    names: bytes
    arrivals: list[int]
    single: Sequence[bytes] = ()
    columns: Columns | None = None
    hardware: Sequence[int] = ()
    kinds: Sequence[str] = ()

    @cached_property
    def rows(self) -> Sequence[bytes]:
        """The datagrams, one by one."""
        return self.columns.packets() if self.columns is not None else self.single


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
        self._controls, self._headers, self._sources = (
            _Buffer(SIZE * size) for size in (_CONTROL_SPACE, _HEADER.size, self._name_length)
        )
        self._alike: tuple[bytes, bytes] = (b"", b"")
        self._clean = True
        self._pieces = [_Buffer(SIZE * width) for width in _WIDTHS]
        self._vectors = _vectors(self._pieces, _WIDTHS)
        self._empty = self._received(_CONTROL_SPACE, 0)
        told = socket.CMSG_SPACE(_STAMPS.size) + socket.CMSG_SPACE(_PLACE_SIZES[version])
        self._told = self._row()
        self._usual = {length: self._received(told, length) for length in lengths}
        self._names, self._answers = _Buffer(SIZE * self._name_length), _Buffer(SIZE * max(self._usual))
        self._control_length = socket.CMSG_SPACE(_PLACE_SIZES[version])
        self._control = _Buffer(_CONTROL_SPACE)
        stamp = control_message(*STAMP_THIS)
        self._control.octets[self._control_length : self._control_length + len(stamp)] = stamp
        self._with_stamp = self._control_length + len(stamp)
        self._letters = {length: self._sent([self._answers], [length]) for length in self._usual}
        self._answer_columns = [_Buffer(SIZE * width) for width in WIDTHS]
        self._letters_of_columns = self._sent(self._answer_columns, WIDTHS)
        self._count = 0

    def _received(self, control_length: int, length: int) -> bytes:
        """The message headers for receiving, with these lengths in them."""
        headers = []
        for slot in range(SIZE):
            control = self._controls.address + slot * _CONTROL_SPACE
            vector = self._vectors.address + slot * len(_WIDTHS) * _VECTOR.size
            name = (self._sources.address + slot * self._name_length, self._name_length)
            headers.append(_HEADER.pack(*name, vector, len(_WIDTHS), control, control_length, 0, length))
        return b"".join(headers)

    def _sent(self, pieces: Sequence[_Buffer], widths: Sequence[int]) -> tuple[_Buffer, _Buffer]:
        """The message headers for sending, and the vectors that they name."""
        headers, vectors = _Buffer(SIZE * _HEADER.size), _vectors(pieces, widths)
        for number in range(SIZE):
            name = self._names.address + number * self._name_length
            vector = vectors.address + number * len(widths) * _VECTOR.size
            control = (self._control.address, self._control_length)
            place = number * _HEADER.size
            _HEADER.pack_into(headers.octets, place, name, self._name_length, vector, len(widths), *control, 0, 0)
        return headers, vectors

    def _row(self) -> struct.Struct:
        """The control messages as they are usual: stamp header, seconds, nanoseconds, packet info."""
        stamps, start, header = socket.CMSG_SPACE(_STAMPS.size), socket.CMSG_LEN(0), _CONTROL_HEADER.size
        other_stamps = stamps - start - struct.calcsize("@2l")
        return struct.Struct(
            f"@{header}s{start - header}x2l{other_stamps}x"
            f"{self._place_length}s{_CONTROL_SPACE - stamps - self._place_length}x"
        )

    # Receiving

    def receive(self, sock: socket.socket) -> int:
        """Take what has come, up to SIZE, and say how many that is. Raises OSError for what the network reports."""
        self._headers.octets[:] = self._empty
        if not self._clean:
            # What is behind the control messages has to be as empty as it was.
            self._controls.octets[:] = bytes(len(self._controls.octets))
            self._clean = True
        received: int = self._recvmmsg(sock.fileno(), self._headers.address, SIZE, socket.MSG_DONTWAIT, None)
        self._count = max(received, 0)
        if received < 0:
            number = ctypes.get_errno()
            if number not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR):
                raise OSError(number, os.strerror(number))
        return self._count

    def sorted(
        self, now: Instant, fits: Callable[[bytes], bool], *, hardware: bool = False
    ) -> tuple[list[Alike], list[Datagram]]:
        """What has come: the usual by kind, and the rest one by one.

        :param now: a moment after `receive`.
        :param fits: says of a packet info whether datagrams that came in there may be among the usual.
        :param hardware: give the stamps of the card, too.
        """
        if not self._count:
            return [], []
        if hardware:
            return self._sorted_one_by_one(now, fits, hardware=True)
        filled = self._count * _HEADER.size
        (length,) = _LENGTH.unpack_from(self._headers.octets)
        usual = self._usual.get(length)
        if usual is None or self._headers.octets[:filled] != usual[:filled]:
            return self._sorted_one_by_one(now, fits)
        place, arrivals = self._one_place()
        if (
            not place.startswith(self._place_header)
            or not fits(place)
            or not credible(min(arrivals), now)
            or not credible(max(arrivals), now)
        ):
            return self._sorted_one_by_one(now, fits)
        names = bytes(memoryview(self._sources.octets)[: self._count * self._name_length])
        if length != COLUMNS_LENGTH:
            single = [self._octets(slot, length) for slot in range(self._count)]
            return [Alike(place, names, arrivals, single)], []
        columns = Columns(
            *(bytes(memoryview(piece.octets)[: self._count * width]) for piece, width in zip(self._pieces, WIDTHS))
        )
        return [Alike(place, names, arrivals, columns=columns)], []

    def _one_place(self) -> tuple[bytes, list[int]]:
        """The packet info that all have, or nothing if they differ in more than the arrivals; and these."""
        controls = self._controls.octets[: self._count * _CONTROL_SPACE]
        longs, stride = memoryview(controls).cast("l"), _CONTROL_SPACE // _LONG
        seconds, fractions = (slice(place, None, stride) for place in range(_STAMP_PLACE, _STAMP_PLACE + 2))
        arrivals = [
            second * NANOSECONDS + fraction
            for second, fraction in zip(longs[seconds].tolist(), longs[fractions].tolist())
        ]
        nothing = memoryview(bytes(self._count * _LONG)).cast("l")
        longs[seconds] = longs[fractions] = nothing
        alike, place = self._alike
        if controls != alike[: len(controls)]:
            stamp, _second, _fraction, place = self._told.unpack_from(controls)
            first = bytes(controls[:_CONTROL_SPACE])
            if stamp != self._stamp_header or controls != first * self._count:
                return b"", arrivals
            self._alike = (first * SIZE, place)
        return place, arrivals

    def _sorted_one_by_one(
        self, now: Instant, fits: Callable[[bytes], bool], *, hardware: bool = False
    ) -> tuple[list[Alike], list[Datagram]]:
        self._clean = False
        groups: dict[tuple[int, bytes], tuple[list[bytes], list[int], list[bytes], list[int]]] = {}
        odd: list[Datagram] = []
        for slot in range(self._count):
            octets = slice(slot * _HEADER.size, (slot + 1) * _HEADER.size)
            header = self._headers.octets[octets]
            (length,) = _LENGTH.unpack_from(header)
            usual = self._usual.get(length)
            if usual is None or header != usual[octets]:
                odd.append(self._datagram(slot, now))
                continue
            stamp, second, fraction, place = self._told.unpack_from(self._controls.octets, slot * _CONTROL_SPACE)
            arrival = second * NANOSECONDS + fraction
            told = stamp == self._stamp_header and place.startswith(self._place_header)
            if not told or not credible(arrival, now) or not fits(place):
                odd.append(self._datagram(slot, now))
                continue
            columns = groups.setdefault((length, place), ([], [], [], []))
            columns[0].append(self._name(slot))
            columns[1].append(arrival)
            columns[2].append(self._octets(slot, length))
            if hardware:
                columns[3].append(self._card_stamp(slot))
        return [
            Alike(place, b"".join(names), arrivals, single, hardware=cards)
            for (_length, place), (names, arrivals, single, cards) in groups.items()
        ], odd

    def _card_stamp(self, slot: int) -> int:
        """The card's stamp in the usual control message."""
        start = slot * _CONTROL_SPACE + socket.CMSG_LEN(0)
        return stamps_of(bytes(self._controls.octets[start : start + _STAMPS.size]))[1]

    def _datagram(self, slot: int, now: Instant) -> Datagram:
        _n, _name_length, _v, _pieces, _c, control_length, flags, length = _HEADER.unpack_from(
            self._headers.octets, slot * _HEADER.size
        )
        start = slot * _CONTROL_SPACE
        messages = _control_messages(bytes(self._controls.octets[start : start + control_length]))
        return assemble(self._octets(slot, length), messages, flags, self.address(self._name(slot)), now)

    def _name(self, slot: int) -> bytes:
        return self.name(bytes(self._sources.octets), slot)

    def _octets(self, slot: int, length: int) -> bytes:
        """A datagram of that length, or what was received of it."""
        pieces = (piece.octets[slot * width : (slot + 1) * width] for piece, width in zip(self._pieces, _WIDTHS))
        return b"".join(pieces)[:length]

    def name(self, names: bytes, place: int) -> bytes:
        """One of the socket addresses that are one behind the other."""
        return names[place * self._name_length : (place + 1) * self._name_length]

    def address(self, name: bytes) -> tuple[str, int] | tuple[str, int, int, int]:
        """A socket address in the form of Python's sockets."""
        port, packed = _ADDRESSES[self.version].unpack_from(name)
        if self.version == 4:
            return socket.inet_ntop(socket.AF_INET, packed), port
        (scope,) = _SCOPE.unpack_from(name)
        return socket.inet_ntop(socket.AF_INET6, packed), port, 0, scope

    # Sending

    def send(self, sock: socket.socket, names: bytes, answers: Sequence[bytes], control: bytes, *, stamp: bool) -> int:
        """Send answers of one length; returns how many the network took.

        :param names: socket addresses, one behind the other.
        :param control: the control message that tells each of them where from.
        :param stamp: let the kernel tell when the first one leaves.
        """
        length = len(answers[0])
        self._answers.octets[: len(answers) * length] = b"".join(answers)
        return self._send(sock, self._letters[length][0], names, control, stamp=stamp)

    def send_columns(self, sock: socket.socket, names: bytes, answers: Columns, control: bytes, *, stamp: bool) -> int:
        """`send` for answers that are in columns."""
        for buffer, column in zip(self._answer_columns, answers):
            buffer.octets[: len(column)] = column
        return self._send(sock, self._letters_of_columns[0], names, control, stamp=stamp)

    def _send(self, sock: socket.socket, headers: _Buffer, names: bytes, control: bytes, *, stamp: bool) -> int:
        count = len(names) // self._name_length
        self._names.octets[: len(names)] = names
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


def _vectors(pieces: Sequence[_Buffer], widths: Sequence[int]) -> _Buffer:
    """For each message the vector of its pieces, which lie side by side in those buffers."""
    parts = [
        _VECTOR.pack(piece.address + number * width, width)
        for number in range(SIZE)
        for piece, width in zip(pieces, widths)
    ]
    vectors = _Buffer(len(parts) * _VECTOR.size)
    vectors.octets[:] = b"".join(parts)
    return vectors


def _control_messages(octets: bytes) -> list[tuple[int, int, bytes]]:
    messages, place = [], 0
    while place + _CONTROL_HEADER.size <= len(octets):
        length, level, kind = _CONTROL_HEADER.unpack_from(octets, place)
        if length < _CONTROL_HEADER.size:
            break
        messages.append((level, kind, octets[place + socket.CMSG_LEN(0) : place + length]))
        place += socket.CMSG_SPACE(length - socket.CMSG_LEN(0))
    return messages
