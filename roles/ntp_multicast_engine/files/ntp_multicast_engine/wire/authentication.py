# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message authentication: the algorithms, the keys and what a packet's authenticator proves.

A key identifier names one key with one algorithm. Keyed contexts are made once and copied for each packet. Nothing in
this file shows a secret: keys have no readable form.
"""

from __future__ import annotations

import enum
import struct
from _operator import _compare_digest
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ntp_multicast_engine.columns import BLOCK
from ntp_multicast_engine.wire.packet import Packet

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
_BLOCK_MASK, _RB = (1 << 128) - 1, 0x87
"""const_Rb of RFC 4493 section 2.3."""
_SIDE_BY_SIDE = 6
"""For fewer texts, one chain after the other is quicker."""


class _Context(Protocol):
    """A keyed computation that hasn't seen a packet yet."""

    def tag(self, covered: bytes) -> bytes:
        """Of one text."""

    def tags(self, covered: Sequence[bytes]) -> list[bytes]:
        """Of many texts of one length."""


class _Digest:
    """A context of hashlib or hmac that has seen the key."""

    def __init__(self, keyed: hashlib._Hash | hmac.HMAC) -> None:
        self._keyed = keyed

    def tag(self, covered: bytes) -> bytes:
        context = self._keyed.copy()
        context.update(covered)
        return context.digest()

    def tags(self, covered: Sequence[bytes]) -> list[bytes]:
        return [*map(self.tag, covered)]


class _Cmac:
    def __init__(self, secret: bytes) -> None:
        # The one use of anything but the standard library, so a host without CMAC keys needs nothing installed.
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import ECB
        from cryptography.hazmat.primitives.cmac import CMAC

        self._keyed: CMAC = CMAC(AES(secret))
        self._encrypt = Cipher(AES(secret), ECB()).encryptor().update
        # RFC 4493 section 2.3: K1, for texts that fill their last block.
        doubled = int.from_bytes(self._encrypt(bytes(BLOCK)), "big") << 1
        self._many = self._repeated = 0
        self._last_key = (doubled & _BLOCK_MASK ^ (_RB if doubled > _BLOCK_MASK else 0)).to_bytes(BLOCK, "big")

    def tag(self, covered: bytes) -> bytes:
        context = self._keyed.copy()
        context.update(covered)
        return context.finalize()

    def tags(self, covered: Sequence[bytes]) -> list[bytes]:
        many, length = len(covered), len(covered[0]) if covered else 0
        if many < _SIDE_BY_SIDE or not length or length % BLOCK:
            return [*map(self.tag, covered)]
        columns = zip(*struct.iter_unpack(f"{BLOCK}s" * (length // BLOCK), b"".join(covered)))
        chains = self.chains([b"".join(column) for column in columns])
        return [tag for (tag,) in struct.iter_unpack(f"{BLOCK}s", chains)]

    def chains(self, columns: Sequence[bytes]) -> bytes:
        """The tags of texts that are given by their first blocks, their second blocks and so on.

        The chains of all texts side by side: one call of the cipher for each place in the texts.
        """
        size, chains = len(columns[0]), b""
        last = len(columns) - 1
        for number, blocks in enumerate(columns):
            if not number < last:
                mixed = int.from_bytes(chains, "big") ^ int.from_bytes(blocks, "big") ^ self._last_keys(size // BLOCK)
            elif number:
                mixed = int.from_bytes(chains, "big") ^ int.from_bytes(blocks, "big")
            else:
                chains = self._encrypt(blocks)
                continue
            chains = self._encrypt(mixed.to_bytes(size, "big"))
        return chains

    def _last_keys(self, many: int) -> int:
        if many != self._many:
            self._many, self._repeated = many, int.from_bytes(self._last_key * many, "big")
        return self._repeated


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

    def tags(self, covered: Sequence[bytes], length: int) -> list[bytes]:
        """The tags of many texts, each cut to `length` octets."""
        tags = self._context.tags(covered)
        return tags if length == self._whole else [tag[:length] for tag in tags]

    @property
    def chained(self) -> bool:
        """Whether `column_tags` can be asked for: the algorithm works on blocks that are given in columns."""
        return isinstance(self._context, _Cmac)

    def column_tags(self, columns: Sequence[bytes]) -> bytes:
        """The whole tags, one behind the other, of texts that are given by their first blocks, their second and so on.

        :raises TypeError: not for this key, see `chained`.
        """
        if not isinstance(self._context, _Cmac):
            raise TypeError(f"{self!r} doesn't work on columns")
        return self._context.chains(columns)

    def proves_all(self, covered: Sequence[bytes], tags: Sequence[bytes], version: int) -> list[bool]:
        """As `proves`, for packets of one version whose tags are all of one length."""
        length = len(tags[0]) if tags else 0
        if not self.accepts(length, version):
            return [False] * len(tags)
        expected = self.tags(covered, length)
        if equal_in_constant_time(b"".join(expected), b"".join(tags)):
            return [True] * len(tags)
        return [equal_in_constant_time(right, tag) for right, tag in zip(expected, tags)]

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


class Verdict(enum.Enum):
    """What the authenticator of a packet proves; every value but VALID and ABSENT is also a drop reason."""

    VALID = "valid"
    ABSENT = "absent"
    UNKNOWN_KEY = "unknown_key"
    UNTRUSTED_KEY = "untrusted_key"
    BAD_MAC = "bad_mac"
    EXTENSION_ON_PREFIX_HASH = "extension_on_prefix_hash"
    CRYPTO_NAK = "crypto_nak"


@dataclass(frozen=True)
class KeyRing:
    """All keys of the host. `trusted` are the identifiers that a time source may prove itself with."""

    keys: Mapping[int, Key] = field(default_factory=dict)
    trusted: frozenset[int] = frozenset()
    required: bool = False
    hmac_lengths: Mapping[int, int] = field(default_factory=lambda: {3: 32, 4: 20})
    """Octets of a sent hmac-sha256 tag: entry 4 is for version 4, entry 3 for versions 1 to 3."""

    def long_tag(self, key_id: int, length: int) -> bool:
        """For `packet.parse`: is it the identifier of an HMAC key, whose tags may be longer than 20 octets."""
        key = self.keys.get(key_id)
        return key is not None and key.algorithm is Algorithm.HMAC_SHA256 and length in HMAC_TAG_LENGTHS

    def sign(self, covered: bytes, key_id: int, version: int, length: int | None = None) -> bytes:
        """The packet with its authenticator.

        :param length: octets of the tag, to answer a request with a tag no longer than its own.
        :raises KeyError: no such key.
        """
        key = self.keys[key_id]
        if length is None:
            hmac_length = self.hmac_lengths[4 if version == 4 else 3]
            length = hmac_length if key.algorithm is Algorithm.HMAC_SHA256 else SHORT_TAG
        return covered + key_id.to_bytes(4, "big") + key.tag(covered)[:length]

    def would_prove(self, key_id: int | None) -> bool:
        """Whether a time source can prove itself with that key, or need not prove itself at all (None)."""
        if key_id is None:
            return not self.required
        return key_id in self.keys and (key_id in self.trusted or not self.required)

    def verify(self, packet: Packet) -> Verdict:
        """What the packet's authenticator proves, trust aside."""
        authenticator = packet.authenticator
        if authenticator is None:
            return Verdict.ABSENT
        if not authenticator.tag:
            return Verdict.CRYPTO_NAK
        key = self.keys.get(authenticator.key_id)
        if key is None:
            return Verdict.UNKNOWN_KEY
        # H(key || packet) can be extended by anyone (MD5, SHA-1, SHA-256 length extension).
        if packet.has_extensions and key.algorithm in PREFIX_HASHES:
            return Verdict.EXTENSION_ON_PREFIX_HASH
        proven = key.proves(packet.covered, authenticator.tag, packet.header.version)
        return Verdict.VALID if proven else Verdict.BAD_MAC

    def judge_source(self, packet: Packet) -> Verdict:
        """What the authenticator of a packet that brings time proves: only trusted keys do.

        With authentication off, an authenticator that can't be checked is as good as none, as on VRP; one that is
        wrong is still wrong.
        """
        verdict = self.verify(packet)
        if not self.required:
            return Verdict.ABSENT if verdict in (Verdict.UNKNOWN_KEY, Verdict.CRYPTO_NAK) else verdict
        if verdict is Verdict.VALID and packet.authenticator and packet.authenticator.key_id not in self.trusted:
            return Verdict.UNTRUSTED_KEY
        return verdict


def available(algorithm: Algorithm) -> bool:
    """Whether this host can compute it (`ripemd160` depends on the build of OpenSSL)."""
    name = PREFIX_HASHES.get(algorithm)
    if name is None:
        return True
    import hashlib

    return name in hashlib.algorithms_available
