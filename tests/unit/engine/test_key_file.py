# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key file: what is read, what is refused, and that no error shows a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.config import key_file
from ntp_multicast_engine.errors import ConfigurationError
from ntp_multicast_engine.wire.mac import Algorithm


def test_the_three_encodings_mean_the_same() -> None:
    text = "# keys\n\n1 md5 ascii:a b#c\n2 md5 hex:6120622363\n3 md5 base64:YSBiI2M=\r\n"
    keys = key_file.parse(text, "keys")
    assert {key.tag(b"x") for key in keys.values()} == {keys[1].tag(b"x")} and len(keys) == 3
    assert keys[1].algorithm is Algorithm.MD5


@pytest.mark.parametrize("content", [b"1 md5 ascii:x\n", b"# keys\r\n1\tmd5\tascii:x\r\n"])
def test_what_editors_of_other_systems_write(tmp_path: Path, content: bytes) -> None:
    """A mark of UTF-8 before the first line, and ends of lines with a carriage return."""
    path = tmp_path / "keys"
    path.touch(0o600)
    path.write_bytes(b"\xef\xbb\xbf" + content)
    assert set(key_file.load(path)) == {1}


def test_ascii_is_the_octets_of_utf_8() -> None:
    keys = key_file.parse("1 sha1 ascii:Schlüssel\n2 sha1 hex:5363686cc3bc7373656c", "keys")
    assert keys[1].tag(b"") == keys[2].tag(b"")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 md5 ascii:sesame", "from 1 to 4294967295"),
        ("4294967296 md5 ascii:sesame", "from 1 to 4294967295"),
        ("x md5 ascii:sesame", "number"),
        ("1 md4 ascii:sesame", "must be one of md5"),
        ("1 md5", "ID ALGORITHM ENCODING:VALUE"),
        ("1 md5 sesame", "ascii:"),
        ("1 md5 rot13:sesame", "encoding"),
        ("1 md5 hex:sesame", "not hex"),
        ("1 md5 base64:sesame!", "not base64"),
        ("1 md5 ascii:", "empty"),
        ("1 aes-128-cmac ascii:sesame", "exactly 16 octets"),
        ("1 aes-256-cmac ascii:sesame-sesame-16", "exactly 32 octets"),
        ("2 md5 ascii:one\n2 md5 ascii:sesame", "each key id once"),
    ],
)
def test_wrong_lines_are_named_without_the_secret(line: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        key_file.parse(line, "/etc/keys")
    assert words in str(caught.value) and "/etc/keys:" in str(caught.value)
    assert "sesame" not in str(caught.value)


@given(st.text())
def test_nonsense_raises_only_configuration_errors(text: str) -> None:
    try:
        key_file.parse(text, "keys")
    except ConfigurationError as error:
        assert error.problems


words = st.sampled_from(["1", "70000", "md5", "sha256", "hmac-sha256", "ascii:x", "hex:zz", "base64:%", "#", "\0", "é"])


@given(st.lists(st.lists(words, max_size=4).map(" ".join), max_size=6).map("\n".join))
def test_near_misses_raise_only_configuration_errors(text: str) -> None:
    try:
        key_file.parse(text, "keys")
    except ConfigurationError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("mode", "good"), [(0o600, True), (0o400, True), (0o640, True), (0o644, False), (0o660, False)]
)
def test_permissions(tmp_path: Path, mode: int, good: bool) -> None:
    path = tmp_path / "keys"
    path.write_text("1 md5 ascii:x\n")
    path.chmod(mode)
    if good:
        assert set(key_file.load(path)) == {1}
    else:
        with pytest.raises(ConfigurationError, match="0640 or less"):
            key_file.load(path)


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigurationError):
            key_file.load(path)


def test_a_service_reads_the_file_that_it_was_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than once, as a reload does, and without looking for the file's name."""
    path = tmp_path / "keys"
    path.write_text("7 md5 ascii:x\n")
    path.chmod(0o600)
    saved = os.dup(0)
    with path.open("rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        monkeypatch.setenv("NTP_MULTICAST_ENGINE_KEYS", "stdin")
        for _unused in range(2):
            assert set(key_file.load(Path("/nowhere/keys"))) == {7}
        path.unlink()
        path.write_text("8 md5 ascii:y\n")
        with pytest.raises(ConfigurationError, match="another file than at the start: must be read by a restart"):
            key_file.load(Path("/nowhere/keys"))
    finally:
        os.dup2(saved, 0)
        os.close(saved)


@pytest.mark.parametrize("value", ["sesame ", "\tsesame", "sesame # of the lab", "sesame\t#", " "])
def test_what_would_silently_be_part_of_a_key(value: str) -> None:
    with pytest.raises(ConfigurationError, match="would be part of the key") as caught:
        key_file.parse(f"1 md5 ascii:{value}", "keys")
    assert "sesame" not in str(caught.value)


def test_a_blank_and_a_comment_hurt_no_other_encoding() -> None:
    keys = key_file.parse("1 md5 base64:YSBiI2M= \n2 md5 hex:6120622363 ", "keys")
    assert keys[1].tag(b"x") == keys[2].tag(b"x")
    for line in ("1 md5 hex:6120622363 # of the lab", "1 md5 base64:YSBiI2M= # of the lab"):
        with pytest.raises(ConfigurationError):
            key_file.parse(line, "keys")
