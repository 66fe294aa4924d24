# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message authentication codes: the algorithms and the keys.

A key identifier names one key with one algorithm. Keyed contexts are made once and copied for each packet. Nothing in
this file shows a secret: keys have no readable form.
"""

from __future__ import annotations

import enum
from _operator import _compare_digest  # `hmac.compare_digest`, without loading hmac and with it OpenSSL
from collections.abc import Callable

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


def _tagger(algorithm: Algorithm, secret: bytes) -> Callable[[bytes], bytes]:
    """A function that gives the tag of a text."""
    if algorithm in CMAC_KEY_LENGTHS:
        # The one use of anything but the standard library, so a host without CMAC keys needs nothing installed.
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.cmac import CMAC

        cmac = CMAC(AES(secret))

        def tag_of_cmac(covered: bytes) -> bytes:
            context = cmac.copy()
            context.update(covered)
            return context.finalize()

        return tag_of_cmac
    # Not loaded for CMAC keys alone: this is OpenSSL, 3.5 MB, and `cryptography` has another one.
    import hashlib
    import hmac

    keyed: hashlib._Hash | hmac.HMAC
    if algorithm in PREFIX_HASHES:
        keyed = hashlib.new(PREFIX_HASHES[algorithm], secret, usedforsecurity=False)
    else:
        keyed = hmac.new(secret, digestmod="sha256")

    def tag(covered: bytes) -> bytes:
        context = keyed.copy()
        context.update(covered)
        return context.digest()

    return tag


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
        self.tag = _tagger(algorithm, secret)
        """Gives the whole tag of a text."""
        self._whole = len(self.tag(b""))

    def __repr__(self) -> str:
        return f"Key({self.key_id}, {self.algorithm.value})"

    def proves(self, covered: bytes, tag: bytes, version: int) -> bool:
        """Whether `tag` is this key's tag of what is covered, on a packet of that version."""
        return self._makes(len(tag), version) and _compare_digest(self.tag(covered)[: len(tag)], tag)

    def _makes(self, length: int, version: int) -> bool:
        """Whether tags on packets of that version have that many octets."""
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
