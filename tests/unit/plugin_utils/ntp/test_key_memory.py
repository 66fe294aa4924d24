# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A memory tells the same from another, survives a cache, and gives nothing away."""

from __future__ import annotations

import hashlib
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.changes import RemoveKey, SetKey
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.key_memory import (
    DeviceMemory,
    KeyMemory,
    facts_from_memory,
    memory_from_facts,
    remember,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import (
    Algorithm,
    Authentication,
    Configuration,
    Key,
    Secret,
)

SECRET, CIPHERTEXT = Secret("GEHEIM"), Secret("%^%#CHIFFRE%^%#")


def shown(*keys: Key) -> Configuration:
    return Configuration(Authentication(True, keys))


def test_it_knows_what_it_was_told() -> None:
    memory = KeyMemory.of(Algorithm.MD5, SECRET, CIPHERTEXT)
    assert memory.knows_secret(Secret("GEHEIM"))
    assert not memory.knows_secret(Secret("geheim"))
    assert memory.knows_ciphertext(Secret("%^%#CHIFFRE%^%#"))
    assert not memory.knows_ciphertext(SECRET)


def test_it_survives_a_cache_and_gives_nothing_away() -> None:
    memory = {42: KeyMemory.of(Algorithm.AES_128_CMAC, SECRET, CIPHERTEXT)}
    cached = json.dumps(facts_from_memory(memory))
    assert memory_from_facts(json.loads(cached)) == memory
    for text in (cached, repr(memory), pickle.dumps(memory).decode("latin-1")):
        assert "GEHEIM" not in text and "CHIFFRE" not in text


def test_what_was_remembered_before_is_still_known() -> None:
    salt = bytes(range(16))
    facts = {
        "algorithm": "md5",
        "salt": salt.hex(),
        "secret_hash": hashlib.scrypt(b"GEHEIM", salt=salt, n=2**14, r=8, p=1).hex(),
        "ciphertext_digest": hashlib.sha256(salt + b"%^%#CHIFFRE%^%#").hexdigest(),
    }
    memory = memory_from_facts({"42": facts})
    assert memory[42].knows_secret(SECRET) and memory[42].knows_ciphertext(CIPHERTEXT)
    assert not memory[42].knows_secret(Secret("geheim"))
    assert memory_from_facts(facts_from_memory(memory)) == memory


@pytest.mark.parametrize("parameters", ["x", [], [1, 2], [2**30, 8, 1], [2**17, 8, 2], {}, [2**17, 8, "1"]])
def test_a_cache_does_not_choose_what_is_computed(parameters: object) -> None:
    facts = {"algorithm": "md5", "salt": "00", "secret_hash": "00", "ciphertext_digest": "00", "scrypt": parameters}
    assert memory_from_facts({"42": facts}) == {}


@pytest.mark.parametrize("ttl", [None, 1, 16, 255])
def test_the_default_ttl_survives_a_cache(ttl: int | None) -> None:
    memory = memory_from_facts(json.loads(json.dumps(facts_from_memory(DeviceMemory({}, ttl)))))
    assert memory.default_ttl == ttl
    assert remember(memory, [], shown()).default_ttl == ttl


@pytest.mark.parametrize("ttl", [0, 256, "16", True, 1.5, None, []])
def test_what_is_no_ttl_is_forgotten(ttl: object) -> None:
    assert memory_from_facts({"default_ttl": ttl}).default_ttl is None


def test_devices_that_share_a_secret_share_its_hash_and_no_more() -> None:
    first = KeyMemory.of(Algorithm.MD5, SECRET, CIPHERTEXT)
    second = KeyMemory.of(Algorithm.MD5, SECRET, Secret("%^%#ANOTHER%^%#"))
    other = KeyMemory.of(Algorithm.MD5, Secret("another"), CIPHERTEXT)
    assert first.secret_hash == second.secret_hash
    assert first.ciphertext_digest != second.ciphertext_digest
    assert first.salt != other.salt and first.ciphertext_digest != other.ciphertext_digest


def test_a_commit_is_remembered() -> None:
    old = KeyMemory.of(Algorithm.MD5, Secret("old"), CIPHERTEXT)
    memory = {1: old, 2: old, 3: old, 4: old}
    done = [SetKey(2, Algorithm.MD5, SECRET), RemoveKey(3), SetKey(4, Algorithm.MD5, SECRET)]
    after = remember(memory, done, shown(Key(2, Algorithm.MD5, None, CIPHERTEXT)))
    assert set(after) == {1, 2}
    assert after[1] is old
    assert after[2].knows_secret(SECRET) and after[2].knows_ciphertext(CIPHERTEXT)
    assert set(memory) == {1, 2, 3, 4}


@pytest.mark.parametrize(
    "facts",
    [None, [], "x", {"42": None}, {"x": {}}, {"42": {"algorithm": "md5"}}, {"42": {"algorithm": "rot13", "salt": ""}}],
)
def test_what_is_no_memory_is_forgotten(facts: object) -> None:
    assert memory_from_facts(facts) == {}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["1", "algorithm", "salt", "secret_hash", "md5"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_no_cache_harms(facts: object) -> None:
    assert memory_from_facts(facts) == {}
