# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message authentication codes: the algorithms and the keys.

A key identifier names one key with one algorithm. Keyed contexts are made once and copied for each packet. Nothing in
this file shows a secret: keys have no readable form.
"""

from __future__ import annotations

import enum
from _operator import _compare_digest
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.cmac import CMAC


SHORT_TAG = 20
"""Octets: the longest tag that RFC 7822 section 7.5.1.4 lets a version 4 packet carry unambiguously."""
HMAC_TAG_LENGTHS = (32, 20, 16)
"""Octets: nobody has published which of them a VRP device sends for hmac-sha256, so all are accepted."""
MAXIMUM_KEY_ID_VERSION_4 = 65535
"""Above it, a key identifier looks like the type of an extension field (VRP manual, `ntp-service ... version 4`)."""


class Algorithm(enum.Enum):
    """By the names of the configuration."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"
    SHA3_256 = "sha3-256"
    RIPEMD160 = "ripemd160"
    HMAC_SHA256 = "hmac-sha256"
    AES_128_CMAC = "aes-128-cmac"
    AES_256_CMAC = "aes-256-cmac"


# RFC 5905 section 7.3 and what ntpd, NTPsec and chrony call a key of that hash: H(key || packet).
PREFIX_HASHES = {
    Algorithm.MD5: "md5",
    Algorithm.SHA1: "sha1",
    Algorithm.SHA256: "sha256",
    Algorithm.SHA384: "sha384",
    Algorithm.SHA512: "sha512",
    Algorithm.SHA3_256: "sha3_256",
    Algorithm.RIPEMD160: "ripemd160",
}
CMAC_KEY_LENGTHS = {Algorithm.AES_128_CMAC: 16, Algorithm.AES_256_CMAC: 32}


class _Context(Protocol):
    """A keyed computation that hasn't seen a packet yet."""

    def tag(self, covered: bytes) -> bytes:
        """Of one text."""


class _Digest:
    """A context of hashlib or hmac that has seen the key."""

    def __init__(self, keyed: hashlib._Hash | hmac.HMAC) -> None:
        self._keyed = keyed

    def tag(self, covered: bytes) -> bytes:
        context = self._keyed.copy()
        context.update(covered)
        return context.digest()


class _Cmac:
    def __init__(self, secret: bytes) -> None:
        # The one use of anything but the standard library, so a host without CMAC keys needs nothing installed.
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.cmac import CMAC

        self._keyed: CMAC = CMAC(AES(secret))

    def tag(self, covered: bytes) -> bytes:
        context = self._keyed.copy()
        context.update(covered)
        return context.finalize()


def equal_in_constant_time(one: bytes, other: bytes) -> bool:
    """`hmac.compare_digest`, as that module has it where Python is built without OpenSSL.

    To load hmac is to load OpenSSL, 3.5 MB, and a host whose keys are all AES-CMAC keys has another one in
    `cryptography`.
    """
    return _compare_digest(one, other)


def _context(algorithm: Algorithm, secret: bytes) -> _Context:
    if algorithm in CMAC_KEY_LENGTHS:
        return _Cmac(secret)
    import hashlib
    import hmac

    if algorithm in PREFIX_HASHES:
        return _Digest(hashlib.new(PREFIX_HASHES[algorithm], secret, usedforsecurity=False))
    return _Digest(hmac.new(secret, digestmod="sha256"))


class Key:
    """A key identifier, its algorithm and a keyed context.

    :raises ValueError: the secret's length is wrong for the algorithm; the text says which length is right.
    :raises ImportError: the algorithm needs the package `cryptography` and it isn't installed.
    """

    def __init__(self, key_id: int, algorithm: Algorithm, secret: bytes) -> None:
        expected = CMAC_KEY_LENGTHS.get(algorithm)
        if expected is not None and len(secret) != expected:
            raise ValueError(f"a key of {algorithm.value} has exactly {expected} octets, this one has {len(secret)}")
        if not secret:
            raise ValueError("the key is empty")
        self.key_id = key_id
        self.algorithm = algorithm
        self._context = _context(algorithm, secret)
        self._whole = len(self._context.tag(b""))

    def __repr__(self) -> str:
        return f"Key({self.key_id}, {self.algorithm.value})"

    def tag(self, covered: bytes) -> bytes:
        """The whole tag, before any cutting."""
        return self._context.tag(covered)

    def proves(self, covered: bytes, tag: bytes, version: int) -> bool:
        """Whether `tag` is this key's tag of what is covered, on a packet of that version."""
        if not self.accepts(len(tag), version):
            return False
        return equal_in_constant_time(self._context.tag(covered)[: len(tag)], tag)

    def accepts(self, length: int, version: int) -> bool:
        """Whether a tag of `length` octets is one that this key's algorithm puts on packets of that version."""
        if self.algorithm is Algorithm.HMAC_SHA256:
            return length in HMAC_TAG_LENGTHS
        return length == min(self._whole, SHORT_TAG) or (version < 4 and length == self._whole)


def available(algorithm: Algorithm) -> bool:
    """Whether this host can compute it (`ripemd160` depends on the build of OpenSSL)."""
    name = PREFIX_HASHES.get(algorithm)
    if name is None:
        return True
    import hashlib

    return name in hashlib.algorithms_available
