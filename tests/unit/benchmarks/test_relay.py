# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames the relay of the accuracy benchmark holds back."""

from __future__ import annotations

import struct

import pytest
from benchmarks.relay import is_ntp
from hypothesis import given
from hypothesis import strategies as st

ETHERNET = bytes(12)


def ipv4(protocol: int, ports: tuple[int, int], options: int = 0) -> bytes:
    header = bytes([0x45 + options]) + bytes(8) + bytes([protocol]) + bytes(10 + 4 * options)
    return ETHERNET + b"\x08\x00" + header + struct.pack("!HH", *ports) + bytes(52)


def ipv6(protocol: int, ports: tuple[int, int]) -> bytes:
    header = b"\x60" + bytes(5) + bytes([protocol]) + bytes(33)
    return ETHERNET + b"\x86\xdd" + header + struct.pack("!HH", *ports) + bytes(52)


@pytest.mark.parametrize(
    ("frame", "held"),
    [
        (ipv4(17, (123, 123)), True),
        (ipv4(17, (40000, 123)), True),
        (ipv4(17, (123, 40000), options=2), True),
        (ipv6(17, (40000, 123)), True),
        (ipv4(17, (40000, 323)), False),
        (ipv4(6, (40000, 123)), False),
        (ipv6(58, (123, 123)), False),
        (ETHERNET + b"\x08\x06" + bytes(28), False),
        (ipv4(17, (123, 123))[:36], False),
    ],
)
def test_only_ntp_is_held_back(frame: bytes, held: bool) -> None:
    assert is_ntp(frame) is held


@given(st.binary(max_size=100))
def test_no_frame_is_too_odd(frame: bytes) -> None:
    assert is_ntp(frame) in (True, False)
