# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quick look at many mode 5 packets: what a flood of forgeries consists of is refused at a small cost.

The reasons are those that `client` would give, in the same order; whatever isn't refused here is judged there.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from ntp_multicast_engine.wire.authentication import HMAC_TAG_LENGTHS, SHORT_TAG, KeyRing
from ntp_multicast_engine.wire.packet import HEADER_LENGTH, KEY_ID_LENGTH, MODE_BROADCAST

_BARE, _CRYPTO_NAK = HEADER_LENGTH, HEADER_LENGTH + KEY_ID_LENGTH
_KIND = itemgetter(0, slice(HEADER_LENGTH, _CRYPTO_NAK))
_COVERED, _TAG = itemgetter(slice(HEADER_LENGTH)), itemgetter(slice(_CRYPTO_NAK, None))
_SHORT_TAGS = (16, SHORT_TAG)
SCREENED_LENGTHS = frozenset({_BARE, _CRYPTO_NAK, *(_CRYPTO_NAK + tag for tag in (*_SHORT_TAGS, *HMAC_TAG_LENGTHS))})
"""Octets of the packets that can be refused here."""


def refusals(rows: Sequence[bytes], keys: KeyRing) -> list[str | None]:
    """For packets of one length, from servers that are allowed: why each is refused, or None if it has to be judged."""
    kinds: list[tuple[int, bytes]] = [*map(_KIND, rows)]
    if kinds.count(kinds[0]) == len(rows):
        return _refusals(rows, *kinds[0], keys)
    reasons: list[str | None] = [None] * len(rows)
    for kind in set(kinds):
        places = [place for place, found in enumerate(kinds) if found == kind]
        for place, reason in zip(places, _refusals([rows[place] for place in places], *kind, keys)):
            reasons[place] = reason
    return reasons


def _refusals(rows: Sequence[bytes], first: int, identifier: bytes, keys: KeyRing) -> list[str | None]:
    """`refusals` for packets that agree in first octet and key identifier."""
    version = first >> 3 & 7
    if first & 7 != MODE_BROADCAST or not 1 <= version <= 4:
        return [None] * len(rows)
    length = len(rows[0])
    if length <= _CRYPTO_NAK:
        lacking = {_BARE: "unauthenticated", _CRYPTO_NAK: "crypto_nak"}.get(length)
        return [lacking if keys.required else None] * len(rows)
    key, tag = keys.keys.get(int.from_bytes(identifier, "big")), length - _CRYPTO_NAK
    if key is None:
        return ["unknown_key" if keys.required and tag in _SHORT_TAGS else None] * len(rows)
    if not key.accepts(tag, version):
        return [None] * len(rows)
    proofs = key.proves_all([*map(_COVERED, rows)], [*map(_TAG, rows)], version)
    return [None if proof else "bad_mac" for proof in proofs]
