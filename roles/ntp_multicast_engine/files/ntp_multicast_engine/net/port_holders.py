# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether another program has a UDP port, asked of the kernel's table of sockets (proc(5), /proc/net/udp).

SO_REUSEADDR, which several sockets of this process need, would let them all bind beside that program and take its
packets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_LOCAL_ADDRESS, _INODE = 1, 9
"""Columns of the table."""


def held_by_another(version: int, port: int, process: Path = Path("/proc/self")) -> bool:
    """Whether a socket of that address family and port belongs to no descriptor of this process."""
    inodes = set(_holders(process / "net" / ("udp" if version == 4 else "udp6"), port))
    return bool(inodes - set(_own(process / "fd")))


def _holders(table: Path, port: int) -> Iterator[str]:
    try:
        lines = table.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return
    for line in lines:
        columns = line.split()
        if len(columns) > _INODE and columns[_LOCAL_ADDRESS].endswith(f":{port:04X}"):
            yield columns[_INODE]


def _own(descriptors: Path) -> Iterator[str]:
    for name in os.listdir(descriptors):
        try:
            target = os.readlink(descriptors / name)
        except OSError:
            # It was the one by which the folder is read.
            continue
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]
