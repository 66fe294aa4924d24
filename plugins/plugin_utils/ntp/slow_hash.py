# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slow hash of a secret, computed once for all the devices that share the secret in one run.

The hash has to be slow for whoever finds it (scrypt, RFC 7914), but a fleet has one secret and a thousand devices, and
each device has a process of its own. So the results lie in memory that the processes of a run share: anonymous, never
in a file, gone with the run. What lies there is what the fact cache gets anyway, found under a keyed digest of the
secret, whose key does not leave the run either.

No lock: an entry that is written by two processes at once fails its check and counts as absent.
"""

from __future__ import annotations

import hashlib
import hmac
import mmap
import secrets

SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_SALT_OCTETS = 16
_HASH_OCTETS = 64
_TAG_OCTETS = 32
_CHECK_OCTETS = 16
_ENTRY_OCTETS = _TAG_OCTETS + _SALT_OCTETS + _HASH_OCTETS + _CHECK_OCTETS
_ENTRIES = 256
_NEIGHBOURS = 8  # places where the entry of a secret may lie; with more salts than these the oldest ones go


class SlowHashes:
    """Salted hashes of secrets, shared with the processes that are forked after it was made."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._memory = mmap.mmap(-1, _ENTRIES * _ENTRY_OCTETS)

    def salted(self, secret: bytes) -> tuple[bytes, bytes]:
        """Return a random salt and the hash of the secret under it; the same pair again for the same secret."""
        return self._find(secret, None) or self._made(secret, secrets.token_bytes(_SALT_OCTETS))

    def under(self, salt: bytes, secret: bytes) -> bytes:
        """Return the hash of the secret under a given salt."""
        found = self._find(secret, salt) or self._made(secret, salt)
        return found[1]

    def _made(self, secret: bytes, salt: bytes) -> tuple[bytes, bytes]:
        made = hashlib.scrypt(secret, salt=salt, **SCRYPT)
        if len(salt) == _SALT_OCTETS:
            self._keep(self._tag(secret), salt, made)
        return salt, made

    def _keep(self, tag: bytes, salt: bytes, made: bytes) -> None:
        places = self._places(tag)
        free = next((place for place in places if self._entry(place) is None), None)
        place = places[salt[0] % _NEIGHBOURS] if free is None else free
        body = tag + salt + made
        self._memory[place : place + _ENTRY_OCTETS] = body + self._check(body)

    def _find(self, secret: bytes, salt: bytes | None) -> tuple[bytes, bytes] | None:
        tag = self._tag(secret)
        for place in self._places(tag):
            entry = self._entry(place)
            if entry is not None and hmac.compare_digest(entry[0], tag) and salt in (None, entry[1]):
                return entry[1], entry[2]
        return None

    def _entry(self, place: int) -> tuple[bytes, bytes, bytes] | None:
        octets = self._memory[place : place + _ENTRY_OCTETS]
        body, check = octets[:-_CHECK_OCTETS], octets[-_CHECK_OCTETS:]
        if not hmac.compare_digest(self._check(body), check):
            return None
        salt_ends = _TAG_OCTETS + _SALT_OCTETS
        return body[:_TAG_OCTETS], body[_TAG_OCTETS:salt_ends], body[salt_ends:]

    def _places(self, tag: bytes) -> list[int]:
        first = int.from_bytes(tag[:4], "big")
        return [(first + step) % _ENTRIES * _ENTRY_OCTETS for step in range(_NEIGHBOURS)]

    def _tag(self, secret: bytes) -> bytes:
        return hashlib.blake2b(secret, digest_size=_TAG_OCTETS, key=self._key, person=b"secret").digest()

    def _check(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, digest_size=_CHECK_OCTETS, key=self._key, person=b"entry").digest()


# Made when the module is loaded, which Ansible does before it forks.
SLOW_HASHES = SlowHashes()
