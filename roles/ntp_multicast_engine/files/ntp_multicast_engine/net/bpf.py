# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs for the kernel's packet filter: what can't be meant for a socket never wakes this process.

The kernel (networking/filter.rst) looks at size, version, mode and sender. Authenticators are left to the engine even
where a key identifier alone would tell: `unknown_key` in the counters is how people find a key that they forgot.
What the kernel refuses is refused by the engine too, with a reason, where the filter can't be had.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable

from ntp_multicast_engine.config.schema import Network
from ntp_multicast_engine.wire.packet import HEADER_LENGTH, MAXIMUM_LENGTH

# include/uapi/linux/bpf_common.h, filter.h; asm-generic/socket.h
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _LOAD_LENGTH = 0x20, 0x28, 0x30, 0x80
_AND, _SHIFT_RIGHT = 0x54, 0x74
_JUMP_EQUAL, _JUMP_ABOVE, _JUMP_ABOVE_OR_EQUAL, _JUMP_SET = 0x15, 0x25, 0x35, 0x45
_RETURN = 0x06
_NETWORK_HEADER = 0xFFF00000
_SO_ATTACH_FILTER, _SO_MEMINFO, _MEMINFO_DROPS = 26, 55, 8
_MAXIMUM_PROGRAM = 4096
_UDP_HEADER = 8
_IPV4_HEADER = 20
_PLAIN_IPV4 = 0x45
"""Version 4, and a header without options (RFC 791, section 3.1)."""
_EVERYTHING = 0xFFFFFFFF
_SOURCE = {4: 12, 6: 8}
"""Octets from the start of the IP header to the source address."""

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand (struct sock_filter)."""

_ACCEPT: Instruction = (_RETURN, 0, 0, _EVERYTHING)
_REFUSE: Instruction = (_RETURN, 0, 0, 0)


def program(mode: int, version: int, sources: Iterable[Network] = (), raw_port: int | None = None) -> list[Instruction]:
    """Let datagrams through that may be NTP packets of `mode` and come from one of `sources` (none: from anywhere).

    :param version: of the Internet protocol. Networks of the other one are left out, but they count as sources.
    :param raw_port: the port that they are sent to, for a raw socket, to which the kernel gives those of all ports.
    """
    shape: list[Instruction] = []
    header = _UDP_HEADER
    if raw_port is not None:
        if version == 4:
            # raw(7): there the IP header comes first.
            header += _IPV4_HEADER
            shape += [(_LOAD_BYTE, 0, 0, 0), (_JUMP_EQUAL, 1, 0, _PLAIN_IPV4), _REFUSE]
        shape += [(_LOAD_HALF, 0, 0, header - _UDP_HEADER + 2), (_JUMP_EQUAL, 1, 0, raw_port), _REFUSE]
    shape += [
        (_LOAD_LENGTH, 0, 0, 0),
        (_JUMP_ABOVE_OR_EQUAL, 1, 0, header + HEADER_LENGTH),
        _REFUSE,
        (_JUMP_ABOVE, 0, 1, header + MAXIMUM_LENGTH),
        _REFUSE,
        # RFC 7822: everything behind the header comes in words.
        (_JUMP_SET, 0, 1, 3),
        _REFUSE,
        (_LOAD_BYTE, 0, 0, header),
        (_AND, 0, 0, 7),
        (_JUMP_EQUAL, 1, 0, mode),
        _REFUSE,
        (_LOAD_BYTE, 0, 0, header),
        (_SHIFT_RIGHT, 0, 0, 3),
        (_AND, 0, 0, 7),
        (_JUMP_EQUAL, 0, 1, 0),
        _REFUSE,
        (_JUMP_ABOVE, 0, 1, 4),
        _REFUSE,
    ]
    wanted = list(sources)
    if not wanted:
        return [*shape, _ACCEPT]
    tests = [instruction for network in wanted if network.version == version for instruction in _from(network)]
    if len(shape) + len(tests) + 1 > _MAXIMUM_PROGRAM:
        return [*shape, _ACCEPT]
    return [*shape, *tests, _REFUSE]


def _from(network: Network) -> list[Instruction]:
    """Accept what comes from the network; go on behind these instructions with what doesn't."""
    prefix, mask = network.network_address.packed, network.netmask.packed
    words = []
    for place in range(0, len(prefix), 4):
        (wanted,) = struct.unpack_from(">I", prefix, place)
        (bits,) = struct.unpack_from(">I", mask, place)
        if bits:
            words.append((_NETWORK_HEADER + _SOURCE[network.version] + place, bits, wanted))
    instructions: list[Instruction] = []
    for number, (place, bits, wanted) in enumerate(words):
        behind = 3 * (len(words) - number - 1) + 1
        instructions += [(_LOAD_WORD, 0, 0, place), (_AND, 0, 0, bits), (_JUMP_EQUAL, 0, behind, wanted)]
    return [*instructions, _ACCEPT]


def attach(sock: socket.socket, instructions: list[Instruction]) -> bool:
    """Give the socket its filter; False, if the kernel doesn't take it."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    buffer = ctypes.create_string_buffer(code, len(code))
    try:
        description = struct.pack("@HP", len(instructions), ctypes.addressof(buffer))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, description)
    except OSError:
        return False
    return True


def refused(sock: socket.socket) -> int:
    """How many datagrams the kernel has kept from the socket: by the filter, or because its queue was full."""
    try:
        numbers = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_MEMINFO_DROPS + 1))
    except OSError:
        return 0
    return int(struct.unpack_from("@I", numbers, 4 * _MEMINFO_DROPS)[0])
