# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reversible ciphertext as devices show it: salted, in the delimiters of the release (fact 2.3)."""

from __future__ import annotations

import hashlib
import hmac
import os

from .release import CipherShape

_FIRST, _LAST = 33, 126  # printable characters without the blank
_BASE = _LAST - _FIRST + 1
_SALT, _TAG, _COUNT = 6, 4, 2  # octets


class Cipher:
    """Encrypts with the master key of one device; another device's text does not decrypt (fact 2.3)."""

    def __init__(self, master_key: str, shape: CipherShape) -> None:
        self._key = hashlib.sha256(master_key.encode()).digest()
        self._shape = shape

    def encrypt(self, secret: str, tail: str = "") -> str:
        """Return a new text for ``secret`` each time; ``tail`` takes the place of the closing delimiter."""
        plain = secret.encode()
        for length in (*self._shape.lengths, 432):
            octets = _octets(self._payload_length(length))
            room = octets - _SALT - _TAG - _COUNT
            if len(plain) <= room:
                break
        else:
            raise ValueError("secret too long for any ciphertext of 432 characters")
        salt = os.urandom(_SALT)
        padded = len(plain).to_bytes(_COUNT, "big") + plain + b"\0" * (room - len(plain))
        body = _xor(padded, self._stream(salt, len(padded)))
        payload = _encode(salt + self._tag(salt, body) + body, self._payload_length(length))
        return self._shape.opening + self._shape.header + payload + (tail or self._shape.closing)

    def decrypt(self, text: str) -> str | None:
        """Return the secret, or ``None`` when the text was not made with this device's key."""
        begin = self._shape.opening + self._shape.header
        if not text.startswith(begin):
            return None
        for length in (*self._shape.lengths, 432):
            characters = self._payload_length(length)
            payload = text[len(begin) : len(begin) + characters]
            if len(payload) != characters:
                continue
            raw = _decode(payload, _octets(characters))
            if raw is None:
                continue
            salt, tag, body = raw[:_SALT], raw[_SALT : _SALT + _TAG], raw[_SALT + _TAG :]
            if hmac.compare_digest(tag, self._tag(salt, body)):
                padded = _xor(body, self._stream(salt, len(body)))
                count = int.from_bytes(padded[:_COUNT], "big")
                return padded[_COUNT : _COUNT + count].decode()
        return None

    def looks_encrypted(self, text: str) -> bool:
        """Whether ``text`` is delimited like ciphertext, be it of another device (facts 1.1 and 2.3)."""
        return len(text) >= 20 and text[0] == "%" and text[2] == "%" and text[:4] == text[-4:]

    def _payload_length(self, length: int) -> int:
        return length - len(self._shape.opening) - len(self._shape.closing) - len(self._shape.header)

    def _tag(self, salt: bytes, body: bytes) -> bytes:
        return hmac.new(self._key, salt + body, hashlib.sha256).digest()[:_TAG]

    def _stream(self, salt: bytes, length: int) -> bytes:
        return hashlib.shake_256(self._key + salt).digest(length)


def _octets(characters: int) -> int:
    """How many octets fit into so many characters."""
    room: int = _BASE**characters
    return (room.bit_length() - 1) // 8


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _encode(raw: bytes, characters: int) -> str:
    number = int.from_bytes(raw, "big")
    out = []
    for _unused in range(characters):
        number, digit = divmod(number, _BASE)
        out.append(chr(_FIRST + digit))
    return "".join(out)


def _decode(text: str, octets: int) -> bytes | None:
    number = 0
    for character in reversed(text):
        if not _FIRST <= ord(character) <= _LAST:
            return None
        number = number * _BASE + ord(character) - _FIRST
    return number.to_bytes(octets, "big") if number < 256**octets else None
