# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrp_simulator.cipher import Cipher
from vrp_simulator.releases import RELEASES


@given(st.text(min_size=1, max_size=64), st.sampled_from(sorted(RELEASES)))
def test_what_is_encrypted_can_be_decrypted_by_this_device_alone(secret: str, release: str) -> None:
    shape = RELEASES[release].cipher
    cipher = Cipher("master", shape)
    text = cipher.encrypt(secret)
    assert cipher.decrypt(text) == secret
    assert Cipher("another", shape).decrypt(text) is None
    assert cipher.encrypt(secret) != text, "fact 2.3: the same password gives a different text each time"
    assert text.startswith(shape.opening) and text.endswith(shape.closing)
    assert 20 <= len(text) <= 432 and text.isprintable()


@pytest.mark.parametrize(
    ("release", "length", "opening"),
    [
        ("ce-v200r005", 48, "%^%#"),
        ("ce-v300r023", 48, "%+%#"),
        ("ne40e-v800r012", 48, "%#%#"),
        ("s-v600", 168, "%@%#"),
        ("vrp5", 48, "%$%$"),
    ],
)
def test_shapes_are_those_of_the_releases(release: str, length: int, opening: str) -> None:
    text = Cipher("master", RELEASES[release].cipher).encrypt("Sixteen-octets-1")
    assert (len(text), text[:4]) == (length, opening)


def test_a_tail_may_look_like_a_prompt() -> None:
    cipher = Cipher("master", RELEASES["ce-v300r023"].cipher)
    text = cipher.encrypt("secret", tail="<CE1>")
    assert text.endswith("<CE1>") and cipher.decrypt(text) == "secret"


@given(st.text(max_size=60))
def test_any_text_is_decrypted_or_not_without_an_exception(text: str) -> None:
    assert Cipher("master", RELEASES["vrp5"].cipher).decrypt("%$%$" + text) is None
