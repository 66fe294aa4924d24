# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slow hash of a secret, computed once for all the devices that share the secret in one run.

The hash has to be slow for whoever finds it (scrypt, RFC 7914), but a fleet has one secret and a thousand devices, and
each device has a process of its own. So the results lie in memory that the processes of a run share: anonymous, never
in a file, gone with the run. What lies there is what the fact cache gets anyway, found under a keyed digest of the
secret, whose key does not leave the run either.

One process computes at a time, because each computation takes 128 MiB; whoever waited finds the result. The memory
itself needs no lock: an entry that is written by two processes at once fails its check and counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import mmap
import multiprocessing
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from multiprocessing.synchronize import Lock


class Cost(NamedTuple):
    """The parameters of scrypt."""

    n: int
    r: int
    p: int


# OWASP Password Storage Cheat Sheet, scrypt: "a minimum CPU/memory cost parameter of 2^17, a minimum block size of 8
# (1024 bytes), and a parallelization parameter of 1".
COST = Cost(2**17, 8, 1)
# What was remembered before has these.
FORMER_COST = Cost(2**14, 8, 1)

_SECONDS_OF_PATIENCE = 10  # for a process that ended while it computed
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
        self._turn: Lock | None = None
        # On a system without semaphores each process computes for itself.
        with contextlib.suppress(ImportError, OSError, ValueError):
            self._turn = multiprocessing.get_context("fork").Lock()

    def salted(self, secret: bytes) -> tuple[bytes, bytes]:
        """Return a random salt and the hash of the secret under it; the same pair again for the same secret."""
        return self._found_or_made(secret, None, COST)

    def under(self, salt: bytes, secret: bytes, cost: Cost | None = None) -> bytes:
        """Return the hash of the secret under a given salt, with a given cost or that of new hashes."""
        return self._found_or_made(secret, salt, cost or COST)[1]

    def _found_or_made(self, secret: bytes, salt: bytes | None, cost: Cost) -> tuple[bytes, bytes]:
        found = self._find(secret, salt, cost)
        if found is not None:
            return found
        with self._own_turn():
            return self._find(secret, salt, cost) or self._made(secret, salt or secrets.token_bytes(_SALT_OCTETS), cost)

    @contextlib.contextmanager
    def _own_turn(self) -> Iterator[None]:
        mine = self._turn is not None and self._turn.acquire(timeout=_SECONDS_OF_PATIENCE)
        try:
            yield
        finally:
            if mine and self._turn is not None:
                self._turn.release()

    def _made(self, secret: bytes, salt: bytes, cost: Cost) -> tuple[bytes, bytes]:
        # RFC 7914 section 2: 128 * n * r octets, and a little for the rest.
        room = 128 * cost.r * (cost.n + cost.p + 2) + 2**20
        made = hashlib.scrypt(secret, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=room)
        if len(salt) == _SALT_OCTETS:
            self._keep(self._tag(secret, cost), salt, made)
        return salt, made

    def _keep(self, tag: bytes, salt: bytes, made: bytes) -> None:
        places = self._places(tag)
        free = next((place for place in places if self._entry(place) is None), None)
        place = places[salt[0] % _NEIGHBOURS] if free is None else free
        body = tag + salt + made
        self._memory[place : place + _ENTRY_OCTETS] = body + self._check(body)

    def _find(self, secret: bytes, salt: bytes | None, cost: Cost) -> tuple[bytes, bytes] | None:
        tag = self._tag(secret, cost)
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

    def _tag(self, secret: bytes, cost: Cost) -> bytes:
        kind = f"{cost.n},{cost.r},{cost.p};".encode("ascii")
        return hashlib.blake2b(kind + secret, digest_size=_TAG_OCTETS, key=self._key, person=b"secret").digest()

    def _check(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, digest_size=_CHECK_OCTETS, key=self._key, person=b"entry").digest()


# Made when the module is loaded, which Ansible does before it forks.
SLOW_HASHES = SlowHashes()
