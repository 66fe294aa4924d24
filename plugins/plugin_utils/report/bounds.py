# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a document says of one thing: a report over a thousand hosts has to stay a file that one can open.

What does not fit is counted, never dropped in silence. Here is also the last mask over every text: the modules have
taken the secrets out, and whatever looks like a stored ciphertext goes all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..ntp.masking import mask
from .document import WELL, Document, Domain, Host

FINDINGS_MOST = 100
DIFF_LINES_MOST = 400
COMMITS_MOST = 20
CHARACTERS_MOST = 600
"""Of one line or sentence."""

ARTIFACT_OCTETS = 256 * 1024
"""What set_stats hands to a controller, which keeps it in its database."""

_DIFF_IN_ARTIFACT = 40


def said(text: object) -> str:
    """A text as a document has it."""
    found = mask(str(text)).strip("\n")
    return found if len(found) <= CHARACTERS_MOST else f"{found[:CHARACTERS_MOST]}..."


def first_of(lines: Iterable[Any], most: int) -> tuple[tuple[Any, ...], int]:
    """The first ones, and how many are left off."""
    found = tuple(lines)
    return found[:most], max(0, len(found) - most)


def artifact(document: Document, octets: int = ARTIFACT_OCTETS) -> dict[str, Any]:
    """The document in so many octets: only hosts of which there is something to tell, those that fail first."""
    telling = sorted(
        (host for host in document.hosts if host.state not in WELL), key=lambda host: not document.fails(host)
    )
    empty = replace(document, hosts=(), domain=Domain())
    left = octets - _size(empty.as_data())
    kept: list[Host] = []
    for host in map(_shortened, telling):
        left -= _size(replace(empty, hosts=(host,)).as_data()["hosts"])
        if left < 0:
            break
        kept.append(host)
    return replace(empty, hosts=tuple(kept), hosts_left_off=len(telling) - len(kept)).as_data()


def _shortened(host: Host) -> Host:
    diff, left_off = first_of(host.diff, _DIFF_IN_ARTIFACT)
    return replace(host, diff=diff, diff_left_off=host.diff_left_off + left_off, offsets=host.offsets[-1:])


def _size(data: Sequence[Any] | dict[str, Any]) -> int:
    return len(json.dumps(data))
