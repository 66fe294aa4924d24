# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NTP packet of RFC 5905 section 7.3: header, extension fields and message authentication code.

A parsed packet has a well-formed shape, nothing more: whether it may be accepted is for `packet_tests` to say.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.wire.timestamps import from_short

HEADER_LENGTH = 48
KEY_ID_LENGTH = 4
MAXIMUM_LENGTH = 1024
"""Octets. Nothing that the engine speaks is longer; a longer datagram is dropped before it is parsed."""

MODE_CLIENT = 3
MODE_SERVER = 4
MODE_BROADCAST = 5

LEAP_UNSYNCHRONISED = 3
MINIMUM_POLL, MAXIMUM_POLL = 3, 17
"""log2 seconds. RFC 5905 names 4 as minimum; ntpd, chrony and this engine send at 3 as well."""

_HEADER = struct.Struct("!BBbbII4sQQQQ")
# RFC 7822 section 7.5.1.4: at most 24 octets after the last extension field are a MAC (key id and 16 or 20 octets).
_SHORT_AUTHENTICATORS = (20, 24)
# RFC 7822 sections 7.5.1.2 and 7.5.1.3.
_MINIMUM_EXTENSION = 16
_MINIMUM_LAST_EXTENSION_WITHOUT_MAC = 28


@dataclass(frozen=True)
class Header:
    """The 48 octets. Timestamps are 64-bit NTP timestamps; root delay and dispersion are 16.16 seconds."""

    leap: int
    version: int
    mode: int
    stratum: int
    poll: int
    precision: int
    root_delay_short: int = 0
    root_dispersion_short: int = 0
    reference_id: bytes = bytes(4)
    reference: int = 0
    origin: int = 0
    receive: int = 0
    transmit: int = 0

    @property
    def root_delay(self) -> float:
        """Seconds."""
        return from_short(self.root_delay_short)

    @property
    def root_dispersion(self) -> float:
        """Seconds."""
        return from_short(self.root_dispersion_short)

    def encode(self) -> bytes:
        _leap, _version, _mode, *rest = vars(self).values()
        return _HEADER.pack(self.leap << 6 | self.version << 3 | self.mode, *rest)

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """:raises PacketError: `length`, there are less than 48 octets."""
        if len(data) < HEADER_LENGTH:
            raise PacketError("length")
        first, *rest = _HEADER.unpack_from(data)
        return cls(first >> 6, first >> 3 & 7, first & 7, *rest)


@dataclass(frozen=True)
class Authenticator:
    """Key identifier and tag as they stand at the end of a packet."""

    key_id: int
    tag: bytes


@dataclass(frozen=True)
class Packet:
    """A datagram taken apart. `covered` is what the tag is computed over: header and extension fields."""

    header: Header
    covered: bytes
    authenticator: Authenticator | None

    @property
    def key(self) -> tuple[int | None, int | None]:
        """Key identifier and octets of the tag, where there is an authenticator."""
        return (self.authenticator.key_id, len(self.authenticator.tag)) if self.authenticator else (None, None)


def parse(data: bytes, long_tag: Callable[[int, int], bool]) -> Packet:
    """Take a datagram apart.

    :param long_tag: whether the key with an identifier makes tags of so many octets. It is asked before extension
        fields are looked for, because the HMAC-SHA-256 of VRP may be 32 octets long. Field type 0 is reserved (RFC
        7822), so a key id below 65536 can't be mistaken for a field.
    :raises PacketError: with the reason `length`, `version` or `extension`.
    """
    if len(data) > MAXIMUM_LENGTH:
        raise PacketError("length")
    header = Header.decode(data)
    if not 1 <= header.version <= 4:
        raise PacketError("version")
    end = _end_of_covered(data, header.version, long_tag)
    if end == len(data):
        return Packet(header, data, None)
    key_id = int.from_bytes(data[end : end + KEY_ID_LENGTH], "big")
    return Packet(header, data[:end], Authenticator(key_id, data[end + KEY_ID_LENGTH :]))


def _end_of_covered(data: bytes, version: int, long_tag: Callable[[int, int], bool]) -> int:
    position, length = HEADER_LENGTH, len(data)
    while position < length:
        left = length - position
        if left < KEY_ID_LENGTH or left % 4:
            raise PacketError("length")
        key_id = int.from_bytes(data[position : position + KEY_ID_LENGTH], "big")
        # A lone key id is a crypto-NAK (RFC 5905 section 9.2); it parses, and authenticates nothing.
        if left in _SHORT_AUTHENTICATORS or left == KEY_ID_LENGTH or long_tag(key_id, left - KEY_ID_LENGTH):
            return position
        if version < 4:
            return position
        position += _extension_length(data, position, left)
    return position


def _extension_length(data: bytes, position: int, left: int) -> int:
    extension = int.from_bytes(data[position + 2 : position + 4], "big")
    shortest = _MINIMUM_EXTENSION if extension < left else _MINIMUM_LAST_EXTENSION_WITHOUT_MAC
    if not shortest <= extension <= left or extension % 4:
        raise PacketError("extension")
    return extension


def reference_id_text(reference_id: bytes, stratum: int) -> str:
    """How a reference id is shown: text for a reference clock or a kiss code, else the dotted quad of the upstream."""
    text = reference_id.rstrip(b"\0")
    printable = bool(text) and all(0x20 < octet < 0x7F for octet in text)
    if printable and (stratum <= 1 or text == b"LOCL"):
        return text.decode("ascii")
    return ".".join(str(octet) for octet in reference_id)
