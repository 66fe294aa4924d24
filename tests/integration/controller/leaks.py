# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for secrets and for what devices store of them, in files of any format."""

from __future__ import annotations

import base64
import hashlib
import html
import pathlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote

CIPHERTEXT = re.compile(r"%[\^+#@]%[#@].{20,}%[\^+#@]%[#@]")
_STORED = re.compile(r"\bcipher (\S{24,})")
_DELIMITER = 4  # characters on each side
_PIECE = 16  # characters of a ciphertext that come about by no chance


def ciphertexts_in(configuration: str) -> set[str]:
    """What a device shows in the place of its secrets."""
    return set(_STORED.findall(configuration))


@dataclass(frozen=True)
class Leaks:
    """What must not be in any file.

    secrets: as they were given
    ciphertexts: as devices showed them
    """

    secrets: tuple[str, ...]
    ciphertexts: frozenset[str] = frozenset()

    def found(self, paths: Iterable[pathlib.Path], besides: Iterable[str] = ()) -> list[str]:
        """Where something is, and in what form. besides: secrets that are looked for in these files too."""
        return [
            f"{path}: {form}"
            for path in paths
            for form in self.found_in(path.read_text(encoding="utf-8", errors="replace"), besides)
        ]

    def found_in(self, text: str, besides: Iterable[str] = ()) -> Iterator[str]:
        """The forms in which something is in a text."""
        readings = set(_readings(text))
        for secret in (*self.secrets, *besides):
            yield from (
                f"{secret} {form}" for form, shape in _shapes(secret) if any(shape in reading for reading in readings)
            )
        for ciphertext in self.ciphertexts:
            if any(piece in reading for piece in _pieces(ciphertext) for reading in readings):
                yield f"a ciphertext of a device: {ciphertext}"
        for reading in readings:
            yield from (f"what looks like a ciphertext: {match[0]}" for match in CIPHERTEXT.finditer(reading))


def _readings(text: str) -> Iterator[str]:
    """The text as it stands, and as those see it who read HTML, XML, JSON, Markdown or an address."""
    for plain in (text, html.unescape(text), unquote(text)):
        yield plain
        yield plain.replace("\\", "")


def _shapes(secret: str) -> Iterator[tuple[str, str]]:
    octets = secret.encode()
    yield "as it is", secret
    yield "in base64", base64.b64encode(octets).decode().rstrip("=")
    yield "in hex", octets.hex()
    yield "as a part of an address", quote(secret, safe="")
    # A digest without a salt is looked up in a table.
    yield from ((f"as {name}", hashlib.new(name, octets).hexdigest()) for name in ("md5", "sha1", "sha256"))


def _pieces(ciphertext: str) -> Iterator[str]:
    """Both ends of what is between the delimiters: enough to know it by, although a text is cut or masked."""
    inside = ciphertext[_DELIMITER:-_DELIMITER]
    # What all ciphertexts of a release begin with is no one's secret.
    for piece in (inside[-_PIECE:], inside[-2 * _PIECE : -_PIECE]):
        yield piece
        yield piece.replace("\\", "")
    yield hashlib.sha256(ciphertext.encode()).hexdigest()
