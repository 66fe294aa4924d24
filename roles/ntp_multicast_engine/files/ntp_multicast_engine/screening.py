# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quick look at many mode 5 packets: what a flood of forgeries consists of is refused at a small cost.

The reasons are those that `client` would give, in the same order; whatever isn't refused here is judged there.
"""

from __future__ import annotations

from collections.abc import Sequence

from ntp_multicast_engine.authentication import HMAC_TAG_LENGTHS, SHORT_TAG, KeyRing
from ntp_multicast_engine.packet import HEADER_LENGTH, KEY_ID_LENGTH, MODE_BROADCAST

_BARE, _CRYPTO_NAK = HEADER_LENGTH, HEADER_LENGTH + KEY_ID_LENGTH
_IDENTIFIER = slice(HEADER_LENGTH, _CRYPTO_NAK)
_SHORT_TAGS = (16, SHORT_TAG)
SCREENED_LENGTHS = frozenset({_BARE, _CRYPTO_NAK, *(_CRYPTO_NAK + tag for tag in (*_SHORT_TAGS, *HMAC_TAG_LENGTHS))})
"""Octets of the packets that can be refused here."""


def refusals(rows: Sequence[bytes], keys: KeyRing) -> list[str | None]:
    """For packets of one length, from servers that are allowed: why each is refused, or None if it has to be judged."""
    reasons: list[str | None] = [None] * len(rows)
    kinds: dict[tuple[int, bytes], list[int]] = {}
    for place, row in enumerate(rows):
        kinds.setdefault((row[0], row[_IDENTIFIER]), []).append(place)
    for (first, identifier), places in kinds.items():
        version = first >> 3 & 7
        if first & 7 != MODE_BROADCAST or not 1 <= version <= 4:
            continue
        found = _refusals([rows[place] for place in places], identifier, version, keys)
        for place, reason in zip(places, found):
            reasons[place] = reason
    return reasons


def _refusals(rows: Sequence[bytes], identifier: bytes, version: int, keys: KeyRing) -> Sequence[str | None]:
    """`refusals` for packets that agree in version and key identifier."""
    length = len(rows[0])
    if length <= _CRYPTO_NAK:
        lacking = {_BARE: "unauthenticated", _CRYPTO_NAK: "crypto_nak"}.get(length)
        return [lacking if keys.required else None] * len(rows)
    key, tag = keys.keys.get(int.from_bytes(identifier, "big")), length - _CRYPTO_NAK
    if key is None:
        return ["unknown_key" if keys.required and tag in _SHORT_TAGS else None] * len(rows)
    if not key.accepts(tag, version):
        return [None] * len(rows)
    proofs = key.proves_all([row[:HEADER_LENGTH] for row in rows], [row[_CRYPTO_NAK:] for row in rows], version)
    return [None if proof else "bad_mac" for proof in proofs]
