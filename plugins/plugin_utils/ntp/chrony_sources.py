# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unicast servers of the model as sources of chronyd, and back (chrony.conf(5), server).

``iburst`` is no option of the model: without it a server that has just started has nothing to announce for minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .addresses import host_address_of
from .engine_settings import said, truth, whole_number

_NUMBERS = {"key": "key_id", "version": "version", "minpoll": "minpoll", "maxpoll": "maxpoll"}
"""Words of a line with a number, in the order in which they are written, and the options of the model."""
_WORDS = {"prefer": "preferred"}


def lines_of(upstream: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the address and the line of each server.

    Args:
        upstream: entries of ``server.upstream`` that are free of problems.
    """
    for entry in upstream:
        address = str(host_address_of(str(entry["address"])))
        words = ["server", address, "iburst"]
        words += [word for word, name in _WORDS.items() if said(entry.get(name)) and truth(entry[name])]
        for word, name in _NUMBERS.items():
            if said(entry.get(name)):
                words += [word, str(whole_number(entry[name]))]
        yield address, " ".join(words)


def upstream_of(text: str) -> list[dict[str, Any]]:
    """Return the entries that the lines of a file make. A line that ``lines_of`` could not have written is left out."""
    found = (_entry(line.split()) for line in text.splitlines())
    return [entry for entry in found if entry is not None]


def _entry(words: list[str]) -> dict[str, Any] | None:
    if len(words) < 3 or words[0] != "server" or words[2] != "iburst":
        return None
    try:
        entry: dict[str, Any] = {"address": str(host_address_of(words[1]))}
    except ValueError:
        return None
    rest = iter(words[3:])
    for word in rest:
        number = next(rest, "") if word in _NUMBERS else ""
        if word in _WORDS:
            entry[_WORDS[word]] = True
        elif re.fullmatch(r"[0-9]{1,10}", number):
            entry[_NUMBERS[word]] = int(number)
        else:
            return None
    return entry
