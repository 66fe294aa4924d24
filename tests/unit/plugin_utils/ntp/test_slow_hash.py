# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp import slow_hash
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.slow_hash import (
    COST,
    FORMER_COST,
    SlowHashes,
)


@pytest.fixture(name="computed")
def computed_fixture(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The salts of the hashes that were really computed, quickly."""
    salts: list[bytes] = []

    def quick(secret: bytes, *, salt: bytes, n: int, r: int, p: int, maxmem: int) -> bytes:
        salts.append(salt)
        return hashlib.sha512(salt + secret + (b"" if n == COST.n else str(n).encode())).digest()

    monkeypatch.setattr(slow_hash.hashlib, "scrypt", quick)
    return salts


# OWASP Password Storage Cheat Sheet: the parameters of scrypt that it lists as equal in strength.
OWASP = {(2**17, 8, 1), (2**16, 8, 2), (2**15, 8, 3), (2**14, 8, 5), (2**13, 8, 10)}


def test_the_hash_is_that_of_rfc_7914_and_as_slow_as_owasp_recommends() -> None:
    assert COST in OWASP
    salt, made = SlowHashes().salted(b"secret")
    assert made == hashlib.scrypt(b"secret", salt=salt, n=COST.n, r=COST.r, p=COST.p, maxmem=2**28)


def test_what_was_hashed_before_can_be_compared() -> None:
    salt = bytes(range(16))
    before = hashlib.scrypt(b"secret", salt=salt, n=2**14, r=8, p=1)
    assert SlowHashes().under(salt, b"secret", FORMER_COST) == before


def test_each_cost_has_its_own_hash(computed: list[bytes]) -> None:
    hashes = SlowHashes()
    salt = bytes(16)
    assert hashes.under(salt, b"secret") != hashes.under(salt, b"secret", FORMER_COST)
    assert hashes.under(salt, b"secret") == hashes.under(salt, b"secret", COST)
    assert len(computed) == 2


def test_only_one_process_computes_what_many_need_at_once(computed: list[bytes]) -> None:
    hashes = SlowHashes()
    assert hashes._turn is not None
    hashes._turn.acquire()
    children = []
    for _unused in range(3):
        child = os.fork()
        if child == 0:
            hashes.salted(b"secret")
            os._exit(len(computed))
        children.append(child)
    hashes._turn.release()
    assert sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children) == 1


def test_a_process_that_ended_while_it_computed_stops_nobody(
    computed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_hash, "_SECONDS_OF_PATIENCE", 0)
    hashes = SlowHashes()
    assert hashes._turn is not None
    hashes._turn.acquire()
    assert hashes.salted(b"secret") == hashes.salted(b"secret")
    assert len(computed) == 1


def test_each_secret_is_hashed_once(computed: list[bytes]) -> None:
    hashes = SlowHashes()
    salt, made = hashes.salted(b"secret")
    assert hashes.salted(b"secret") == (salt, made)
    assert hashes.under(salt, b"secret") == made
    assert len(computed) == 1


def test_another_secret_and_another_salt_are_computed(computed: list[bytes]) -> None:
    hashes = SlowHashes()
    salt, made = hashes.salted(b"secret")
    assert hashes.under(salt, b"Secret") != made
    assert hashes.under(bytes(16), b"secret") != made
    assert hashes.under(b"short", b"secret") == hashlib.sha512(b"short" + b"secret").digest()
    assert len(computed) == 4


def test_two_runs_share_nothing(computed: list[bytes]) -> None:
    assert SlowHashes().salted(b"secret") != SlowHashes().salted(b"secret")


def test_a_process_finds_what_another_one_computed(computed: list[bytes]) -> None:
    hashes = SlowHashes()
    child = os.fork()
    if child == 0:
        hashes.salted(b"secret")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    salt, made = hashes.salted(b"secret")
    assert made == hashlib.sha512(salt + b"secret").digest()
    assert computed == []


def test_a_torn_entry_is_computed_anew(computed: list[bytes]) -> None:
    hashes = SlowHashes()
    salt, made = hashes.salted(b"secret")
    memory = hashes._memory
    place = bytes(memory).index(salt)
    memory[place + 20] ^= 1
    assert hashes.under(salt, b"secret") == made
    assert len(computed) == 2


def test_more_secrets_than_places(computed: list[bytes]) -> None:
    hashes = SlowHashes()
    pairs = {secret: hashes.salted(secret) for secret in (str(number).encode() for number in range(1000))}
    assert all(hashes.under(salt, secret) == made for secret, (salt, made) in pairs.items())


def test_nothing_of_a_secret_lies_in_the_memory(computed: list[bytes]) -> None:
    hashes = SlowHashes()
    hashes.salted(b"GEHEIM")
    assert b"GEHEIM" not in bytes(hashes._memory)
    assert hashlib.sha256(b"GEHEIM").digest() not in bytes(hashes._memory)
