# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys of every type, made once for a process, and the flawed nistp521 signature of fact 9.10."""

from __future__ import annotations

import functools

import asyncssh
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


@functools.cache
def host_key(kind: str, flawed: bool = False) -> asyncssh.SSHKey:
    """Return the key of a type.

    flawed: its signatures leave out the octet of zero before a number that begins with a set bit, so that a strict
    client reads a negative number (cause inferred from public reports, fact 9.10)
    """
    key = asyncssh.generate_private_key(kind)
    if flawed:
        private = key.pyca_key
        assert isinstance(private, ec.EllipticCurvePrivateKey), f"{kind}: only ECDSA signatures have this flaw"
        key.sign_ssh = functools.partial(_sign_without_padding, private)  # type: ignore[method-assign]
    return key


def _sign_without_padding(private: ec.EllipticCurvePrivateKey, data: bytes, algorithm: bytes) -> bytes:
    """Sign until one of the two numbers would need the octet of zero, and leave it out."""
    digest = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[private.curve.key_size]
    while True:
        numbers = decode_dss_signature(private.sign(data, ec.ECDSA(digest)))
        plain = [number.to_bytes((number.bit_length() + 7) // 8, "big") for number in numbers]
        if any(octets[0] & 0x80 for octets in plain):
            return _string(b"".join(_string(octets) for octets in plain))


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
