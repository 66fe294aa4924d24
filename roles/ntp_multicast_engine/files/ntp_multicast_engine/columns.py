# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many packets cut into columns: the same part of each, one behind the other.

What is done to a column is done to all packets at once, and needs no object for each of them. The cuts are those of a
header and an authenticator with a tag of one AES block, which is what AES-CMAC is computed over, and gives.
"""

from __future__ import annotations

from typing import NamedTuple

from ntp_multicast_engine.wire.packet import HEADER_LENGTH, KEY_ID_LENGTH

BLOCK = 16
"""Octets of an AES block."""
WIDTHS = (BLOCK,) * (HEADER_LENGTH // BLOCK) + (KEY_ID_LENGTH, BLOCK)
COLUMNS_LENGTH = sum(WIDTHS)
"""Octets of a packet that is cut this way."""


class Columns(NamedTuple):
    """The three blocks of the headers, key identifiers, tags.

    `first` holds what comes before the reference timestamp, `second` reference and origin timestamp, `third` receive
    and transmit timestamp.
    """

    first: bytes
    second: bytes
    third: bytes
    identifiers: bytes
    tags: bytes

    def packets(self) -> list[bytes]:
        """The packets, put together again."""
        cut = (
            [column[place : place + width] for place in range(0, len(column), width)]
            for column, width in zip(self, WIDTHS)
        )
        return [*map(b"".join, zip(*cut))]
