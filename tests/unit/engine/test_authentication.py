# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message authentication codes: the RFCs' vectors, and packets that real NTP servers and clients have sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import needs
import pytest
from fixtures.places import COLLECTED_PACKETS, PACKETS

from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.mac import Algorithm, Key, available
from ntp_multicast_engine.wire.packet import parse

PACKAGE = Path(__file__).parents[3] / "roles" / "ntp_multicast_engine" / "files"
HEADER = bytes([4 << 3 | 5]) + bytes(47)
HEADER_3 = bytes([3 << 3 | 5]) + bytes(47)
ALGORITHMS = {"sha3_256": "sha3-256"}

MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
KEY_128 = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
KEY_256 = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")


@pytest.mark.parametrize(
    ("algorithm", "secret", "length", "tag"),
    [
        # RFC 4493 section 4 and NIST SP 800-38B appendix D.3
        (Algorithm.AES_128_CMAC, KEY_128, 0, "bb1d6929e95937287fa37d129b756746"),
        (Algorithm.AES_128_CMAC, KEY_128, 16, "070a16b46b4d4144f79bdd9dd04a287c"),
        (Algorithm.AES_128_CMAC, KEY_128, 40, "dfa66747de9ae63030ca32611497c827"),
        (Algorithm.AES_128_CMAC, KEY_128, 64, "51f0bebf7e3b9d92fc49741779363cfe"),
        (Algorithm.AES_256_CMAC, KEY_256, 0, "028962f61b7bf89efc6b551f4667d983"),
        (Algorithm.AES_256_CMAC, KEY_256, 16, "28a7023f452e8f82bd4bf28d8c37c35c"),
        (Algorithm.AES_256_CMAC, KEY_256, 40, "aaf3d8f1de5640c232f5b169b9c911e6"),
        (Algorithm.AES_256_CMAC, KEY_256, 64, "e1992190549f6ed5696a2c056c315410"),
    ],
)
def test_cmac(algorithm: Algorithm, secret: bytes, length: int, tag: str) -> None:
    key = Key(1, algorithm, secret)
    assert key.tag(MESSAGE[:length]).hex() == tag
    assert key.tag(MESSAGE[:length]).hex() == tag, "a context serves many packets"


@pytest.mark.parametrize(
    ("secret", "message", "tag"),
    [
        # RFC 4231 sections 4.2, 4.3 and 4.7
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_hmac(secret: bytes, message: bytes, tag: str) -> None:
    assert Key(1, Algorithm.HMAC_SHA256, secret).tag(message).hex() == tag


def _packets() -> list[Any]:
    """Our own (tests/tools/capture_packets.py writes them), and the collected ones where they are."""
    files = [PACKETS / "captured.json", PACKETS / "made.json", COLLECTED_PACKETS / "vectors.json"]
    return [
        pytest.param(packet, id=f"{path.stem}-{number}-{packet.get('key_type', 'plain')}")
        for path in files
        if path.exists()
        for number, packet in enumerate(json.loads(path.read_text()))
    ]


PLAIN, AUTHENTICATED = [], []
for _packet in _packets():
    (AUTHENTICATED if "key_type" in _packet.values[0] else PLAIN).append(_packet)


@pytest.mark.parametrize("vector", AUTHENTICATED)
def test_packets_of_others(vector: dict[str, Any]) -> None:
    algorithm = Algorithm(ALGORITHMS.get(vector["key_type"], vector["key_type"]))
    if not available(algorithm):
        needs.leave_out(f"the OpenSSL of this machine does not offer {algorithm.value}; its policy may forbid it")
    key = Key(vector["key_id"], algorithm, bytes.fromhex(vector["key_hex"]))
    ring = KeyRing({key.key_id: key})
    data = bytes.fromhex(vector["payload"])
    packet = parse(data, ring.long_tag)
    assert ring.verify(packet) is (Verdict.VALID if vector["valid"] else Verdict.BAD_MAC)
    if vector["valid"]:
        signed = ring.sign(packet.covered, key.key_id, packet.header.version, vector["mac_len"])
        assert signed == data, "what we sign is what they sign"


@pytest.mark.parametrize("vector", PLAIN)
def test_packets_of_others_without_authentication(vector: dict[str, Any]) -> None:
    payload = bytes.fromhex(vector["payload"])
    if not 1 <= vector["version"] <= 4:
        with pytest.raises(PacketError, match="version"):
            parse(payload, KeyRing().long_tag)
        return
    packet = parse(payload, KeyRing().long_tag)
    assert packet.authenticator is None and packet.header.mode == vector["mode"]


def _ring(*keys: Key, trusted: frozenset[int] = frozenset({1}), required: bool = True) -> KeyRing:
    return KeyRing({key.key_id: key for key in keys}, trusted, required)


@pytest.mark.parametrize("length", [32, 20, 16])
@pytest.mark.parametrize("header", [HEADER, HEADER_3])
def test_hmac_tags_of_three_lengths_are_accepted(length: int, header: bytes) -> None:
    ring = _ring(Key(1, Algorithm.HMAC_SHA256, b"secret"))
    signed = ring.sign(header, 1, 4, length)
    assert len(signed) == 48 + 4 + length
    assert ring.verify(parse(signed, ring.long_tag)) is Verdict.VALID
    broken = signed[:-1] + bytes([signed[-1] ^ 1])
    assert ring.verify(parse(broken, ring.long_tag)) is Verdict.BAD_MAC


@pytest.mark.parametrize("algorithm", [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.AES_128_CMAC])
@pytest.mark.parametrize("header", [HEADER, HEADER_3])
def test_a_tag_that_was_cut_short_proves_nothing(algorithm: Algorithm, header: bytes) -> None:
    """Each octet less makes a tag 256 times easier to guess."""
    key = Key(1, algorithm, KEY_128)
    ring, version, tag = _ring(key), header[0] >> 3 & 7, key.tag(header)
    full = min(len(tag), 20)
    assert key.proves(header, tag[:full], version)
    assert not any(key.proves(header, tag[:length], version) for length in range(full))
    if version == 3:
        cut = header + (1).to_bytes(4, "big") + tag[:4]
        assert ring.verify(parse(cut, ring.long_tag)) is Verdict.BAD_MAC


def test_sent_lengths() -> None:
    ring = _ring(Key(1, Algorithm.HMAC_SHA256, b"s"), Key(2, Algorithm.SHA256, b"s"), Key(3, Algorithm.MD5, b"s"))
    lengths = [(len(ring.sign(HEADER, key, version)) - 52) for key in (1, 2, 3) for version in (4, 3)]
    assert lengths == [20, 32, 20, 20, 16, 16]


def test_a_key_id_means_one_algorithm() -> None:
    ring = _ring(Key(1, Algorithm.SHA256, b"secret"))
    other = _ring(Key(1, Algorithm.HMAC_SHA256, b"secret"))
    for length in (16, 20):
        assert ring.verify(parse(other.sign(HEADER, 1, 4, length), ring.long_tag)) is Verdict.BAD_MAC


def test_extension_fields_are_refused_under_prefix_hashes() -> None:
    extended = HEADER + b"\x01\x04\0\x10" + bytes(12)
    for algorithm, verdict in (
        (Algorithm.MD5, Verdict.EXTENSION_ON_PREFIX_HASH),
        (Algorithm.HMAC_SHA256, Verdict.VALID),
    ):
        ring = _ring(Key(1, algorithm, b"secret"))
        assert ring.verify(parse(ring.sign(extended, 1, 4), ring.long_tag)) is verdict


def test_trust() -> None:
    first, second = Key(1, Algorithm.MD5, b"one"), Key(2, Algorithm.MD5, b"two")
    ring = _ring(first, second)
    signed = parse(ring.sign(HEADER, 2, 4), ring.long_tag)
    assert ring.verify(signed) is Verdict.VALID
    assert ring.judge_source(signed) is Verdict.UNTRUSTED_KEY
    relaxed = _ring(first, required=False)
    assert relaxed.judge_source(signed) is Verdict.ABSENT, "as on VRP without authentication"
    forged = parse(HEADER + b"\0\0\0\x01" + bytes(16), ring.long_tag)
    assert relaxed.judge_source(forged) is Verdict.BAD_MAC
    assert ring.judge_source(parse(HEADER + bytes(4), ring.long_tag)) is Verdict.CRYPTO_NAK


@pytest.mark.parametrize("length", [0, 15, 17, 31, 32])
def test_cmac_keys_have_exactly_one_length(length: int) -> None:
    with pytest.raises(ValueError, match="exactly 16 octets"):
        Key(1, Algorithm.AES_128_CMAC, bytes(length))


def test_a_key_shows_no_secret() -> None:
    key = Key(1, Algorithm.HMAC_SHA256, b"hush-hush")
    assert "hush" not in repr(key) + str(key) + repr(vars(key)) + repr(KeyRing({1: key}))


MANY = {
    Algorithm.MD5: b"a secret",
    Algorithm.SHA256: b"a secret",
    Algorithm.HMAC_SHA256: b"a secret",
    Algorithm.AES_128_CMAC: KEY_128,
    Algorithm.AES_256_CMAC: KEY_256,
}


def test_a_host_with_aes_keys_alone_does_not_load_a_second_openssl() -> None:
    program = (
        "import sys\nfrom ntp_multicast_engine.daemon import daemon\n"
        "from ntp_multicast_engine.wire.mac import Algorithm, Key, available\n"
        "key = Key(1, Algorithm.AES_128_CMAC, bytes(16))\n"
        "assert available(key.algorithm) and key.proves(b'text', key.tag(b'text'), 4)\n"
        "print(sorted({'hashlib', 'hmac', '_hashlib', 'ssl'} & set(sys.modules)))"
    )
    # A coverage measurement follows into each process of Python and brings modules of its own.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment = {**kept, "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
