# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How printed text leaves the device: whole, in chunks, with silences in between, cut at a width."""

from __future__ import annotations

from collections.abc import Iterator

from .faults import Faults, first_match


def pieces(text: str, faults: Faults) -> Iterator[tuple[float, bytes]]:
    """Yield seconds of silence and the octets that follow them."""
    apart = faults.stalls or faults.stall_share
    for line in text.splitlines(keepends=True) if apart else [text]:
        pattern = first_match(faults.stalls, line.rstrip("\r\n"))
        silence = faults.stalls[pattern] if pattern is not None else 0.0
        for octets in _chunks(line.encode(), faults.chunk_size):
            yield silence + faults.draw_silence(), octets
            silence = 0.0


def _chunks(data: bytes, size: int) -> list[bytes]:
    """Cut data wherever it falls, in the middle of a character or an escape sequence too."""
    return [data[start : start + size] for start in range(0, len(data), size)] if size else [data]


def at_width(line: str, width: int) -> list[str]:
    """Cut a line into physical ones; a width of 0 leaves it whole."""
    if not width or len(line) <= width:
        return [line]
    return [line[start : start + width] for start in range(0, len(line), width)]
