# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file is still the one that was read: the devices of a fleet read the same files, each at its login."""

from __future__ import annotations

import os
from typing import NamedTuple


class Signature(NamedTuple):
    """What changes when a file is written anew. modified: nanoseconds; size: octets."""

    device: int
    inode: int
    modified: int
    size: int


def signature_of(path: str) -> Signature | None:
    """The signature of a file, None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Signature(found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
