# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Valid examples made wrong: octets, JSON documents and lines of text. The same chance gives the same result."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

_OCTETS = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
_FIELDS = (0, 1, 2, 3, 15, 16, 20, 24, 28, 255, 256, 65535, 65536, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1)


def octets(chance: random.Random, data: bytes, others: Sequence[bytes] = (b"",), longest: int = 2000) -> bytes:
    """A few changes at random places."""
    changed = bytearray(data)
    for _unused in range(1 + min(int(chance.expovariate(0.9)), 8)):
        place = chance.randrange(len(changed) + 1)
        kind = chance.randrange(10)
        if kind < 3 and changed:
            changed[place % len(changed)] ^= 1 << chance.randrange(8)
        elif kind == 3 and changed:
            changed[place % len(changed)] = chance.choice(_OCTETS)
        elif kind == 4:
            width = chance.choice((1, 2, 4, 8))
            place -= place % width
            changed[place : place + width] = (chance.choice(_FIELDS) & (1 << 8 * width) - 1).to_bytes(width, "big")
        elif kind == 5:
            del changed[place : place + chance.choice((1, 2, 4, 8, 16, 20))]
        elif kind == 6:
            changed[place:place] = chance.randbytes(chance.choice((1, 2, 4, 16, 20, 24, 28, 36)))
        elif kind == 7:
            del changed[place:]
        elif kind == 8:
            other = chance.choice(others)
            changed[place:] = other[chance.randrange(len(other) + 1) :]
        else:
            part = bytes(changed[place : place + chance.choice((1, 4, 16, 48))])
            changed[place:place] = part * chance.choice((1, 2, 40))
    return bytes(changed[:longest])


_WORDS = ("", "all", "?", "..", "eth0", "a" * 16, "\ud800", "\0", "224.0.1.1", "ff0e::101", "10.0.0.1", "fe80::1%eth0")
_NUMBERS = (-1, 0, 1, 123, 65535, 65536, 1 << 32, 1 << 64, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"))
_NESTINGS = (3, 50, 400, 900, 990, 995, 1000, 5000)


def _leaf(chance: random.Random) -> Any:
    kind = chance.randrange(6)
    if kind == 0:
        return chance.choice((None, True, False, [], {}, [[]], [None], {"": None}))
    if kind <= 2:
        return chance.choice(_NUMBERS)
    if kind == 3:
        return "".join(chance.choice("aA0.:/%-\u00e9\u2028\0 ") for _unused in range(chance.randrange(40)))
    return chance.choice(_WORDS)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        container = waiting.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], (dict, list)):
                waiting.append(container[key])
    return found


def document(chance: random.Random, example: Any) -> bytes:
    """A JSON document that is nearly the example: leaves, keys and shapes changed, sometimes the text itself."""
    value = json.loads(json.dumps(example))
    for _unused in range(1 + min(int(chance.expovariate(0.9)), 6)):
        places = _places(value)
        if not places:
            break
        container, key = chance.choice(places)
        kind = chance.randrange(8)
        if kind < 3:
            container[key] = _leaf(chance)
        elif kind == 3:
            del container[key]
        elif kind == 4:
            container[key] = [container[key]] * chance.choice((1, 2, 9))
        elif kind == 5:
            container[key] = {"version": container[key]}
        elif kind == 6 and isinstance(container, dict):
            container[chance.choice((*_WORDS, *container))] = container[key]
        elif isinstance(container, list):
            container.append(_leaf(chance))
    text = json.dumps(value, ensure_ascii=chance.random() < 0.9, indent=chance.choice((None, None, 1)))
    if chance.random() < 0.02:
        # As deep as a parser may bear, or just not.
        depth = chance.choice(_NESTINGS)
        before, after = chance.choice((("[", "]"), ('{"version":', "}")))
        place = text.find(":") + 1
        text = f"{text[:place]}{before * depth}1{after * depth},{text[place:].partition(',')[2]}"
    data = text.encode("utf-8", "surrogatepass")
    return octets(chance, data, longest=1 << 20) if chance.random() < 0.15 else data


def lines(chance: random.Random, example: str, words: Sequence[str]) -> bytes:
    """Lines of words with some words exchanged, added and left out, sometimes the octets themselves."""
    rows = [row.split(" ") for row in example.split("\n")]
    for _unused in range(1 + min(int(chance.expovariate(0.7)), 6)):
        row = chance.choice(rows)
        place = chance.randrange(len(row) + 1)
        kind = chance.randrange(6)
        if kind < 3 and row:
            row[place % len(row)] = chance.choice(words)
        elif kind == 3:
            row.insert(place, chance.choice(words))
        elif kind == 4 and row:
            del row[place % len(row)]
        else:
            rows.append(list(row))
    data = "\n".join(" ".join(row) for row in rows).encode("utf-8", "surrogatepass")
    return octets(chance, data) if chance.random() < 0.3 else data
