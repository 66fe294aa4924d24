# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be shown of a text: no secret, no stored ciphertext, no character that acts on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "********"
"""What stands for a secret wherever one would be shown."""

# The shapes in which a device prints stored secrets (fact 2.3): reversible ones have equal delimiters on both sides.
CIPHERTEXT_DELIMITER = re.compile(r"%\^%#|%\+%#|%#%#|%@%#|%@%@|%\$%\$|@%@%")
_CIPHERTEXT = re.compile(
    rf"({CIPHERTEXT_DELIMITER.pattern})(?:(?s:.{{0,512}}?)\1|[^\n]*)"
    r"|\$1[acd]\$\S+"  # irreversible
)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """The text as it may be shown: asterisks for each of the secrets and for whatever looks like a stored ciphertext,
    and written out what a terminal would not show as it is."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
        text = _scattered(secret).sub(MASK, text)
    return shown(_CIPHERTEXT.sub(MASK, text))


def _scattered(secret: str) -> re.Pattern[str]:
    """The secret with white space anywhere in it, as a device that breaks its lines prints it."""
    return re.compile(r"\s*".join(re.escape(character) for character in secret if not character.isspace()) or "(?!)")


def shown(text: str) -> str:
    """The text with what a terminal would not show as it is written out: controls, C1 among them, and marks of
    direction. Line ends stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in "\t\u00a0":
        return " "
    return character if character == "\n" or character.isprintable() else f"\\x{ord(character):02x}"
