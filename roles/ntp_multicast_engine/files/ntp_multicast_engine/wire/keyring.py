# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All keys of a host, and what a packet's authenticator proves."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from ntp_multicast_engine.wire.mac import HMAC_TAG_LENGTHS, PREFIX_HASHES, SHORT_TAG, Algorithm, Key
from ntp_multicast_engine.wire.packet import HEADER_LENGTH, Packet


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
        """For `packet.parse`: HMAC keys alone have tags of more than 20 octets."""
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

    def judges_like(self, other: KeyRing) -> bool:
        """Whether each packet would get the same verdict from both."""
        mine, others = ({name: key.tag(b"") for name, key in ring.keys.items()} for ring in (self, other))
        return (mine, self.trusted, self.required) == (others, other.trusted, other.required)

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
        if len(packet.covered) > HEADER_LENGTH and key.algorithm in PREFIX_HASHES:
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
        if verdict is Verdict.VALID and packet.key[0] not in self.trusted:
            return Verdict.UNTRUSTED_KEY
        return verdict
