# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook hears about a wrong description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.filter.problems import problems

SECRET = "Sixteen-Chars-1!"
KEYS = [{"id": 42, "algorithm": "aes-128-cmac", "secret": SECRET, "trusted": True}]


def described(server: dict[str, Any], **key: Any) -> dict[str, Any]:
    return {
        "authentication": {"enabled": True, "keys": [{**KEYS[0], **key}]},
        "interfaces": [{"name": "100GE1/0/1", "servers": [server]}],
    }


@pytest.mark.parametrize(
    ("config", "path", "value"),
    [
        (described({}, id=0), "ntp_multicast_authentication.keys[0].id", "0"),
        (
            described({"key_id": 70000, "version": 4}, id=70000),
            "ntp_multicast_interfaces[0].servers[0].key_id",
            "70000",
        ),
        (described({"ttl": 256}), "ntp_multicast_interfaces[0].servers[0].ttl", "256"),
        (described({"port": 124}), "ntp_multicast_interfaces[0].servers[0].port", "124"),
        (described({"port": 1024}), "ntp_multicast_interfaces[0].servers[0].port", "1024"),
        (described({"address": "192.0.2.1"}), "ntp_multicast_interfaces[0].servers[0].address", "192.0.2.1"),
        (
            described({"address": "ff0e::101", "version": 4}),
            "ntp_multicast_interfaces[0].servers[0].version",
            "4",
        ),
        (described({}, secret="TooShort-1!"), "ntp_multicast_authentication.keys[0].secret", "*"),
        (described({"key_id": 43}), "ntp_multicast_interfaces[0].servers[0].key_id", "43"),
        (
            {"interfaces": [{"name": "100GE1/0/1", "servers": [{}, {"address": "224.0.1.1"}]}]},
            "ntp_multicast_interfaces[0].servers[1].address",
            "224.0.1.1",
        ),
    ],
)
def test_a_sentence_names_path_and_value_and_source(config: dict[str, Any], path: str, value: str) -> None:
    found = problems(config, platform="vrp", prefix="ntp_multicast_")
    assert len(found) == 1
    assert found[0].startswith(f"{path}: {value}")
    assert found[0].endswith(").")


@pytest.mark.parametrize("platform", ["vrp", "linux"])
@pytest.mark.parametrize("config", [{}, {"interfaces": []}, {"server": {"listen": ["all"], "reference_stratum": 2}}])
def test_nothing_is_wrong(config: dict[str, Any], platform: str) -> None:
    assert problems(config, platform=platform) == []


def test_numbers_may_be_texts_as_templates_make_them() -> None:
    assert problems(described({"ttl": "16", "key_id": "42"}, id="42")) == []
    assert problems(described({"ttl": "256"}))[0].startswith("config.interfaces[0].servers[0].ttl: 256")


def test_types_and_names_of_options_are_checked_too() -> None:
    found = problems({"server": {"listn": ["all"]}, "interfaces": [{"name": "100GE1/0/1", "servers": [{"ttl": "x"}]}]})
    assert any("listn" in sentence for sentence in found)
    assert any("ttl" in sentence for sentence in found)
    assert all(sentence.startswith("config: ") for sentence in found)


@pytest.mark.parametrize(
    "key",
    [
        {"id": "x", "secret": SECRET},
        {"secret": SECRET},
        {"id": 0, "secret": SECRET, "algorithm": "aes-256-cmac"},
        {"id": 1, "secret": SECRET, "algorithm": "des"},
        {"id": 1, "secret": SECRET, "sekret": SECRET},
    ],
)
def test_no_sentence_shows_a_secret(key: dict[str, Any]) -> None:
    found = problems({"authentication": {"keys": [key]}})
    assert found
    assert SECRET not in " ".join(found)


class Protected(Sequence[str]):
    """How ansible-core before 2.19 holds a text that a vault protects: a sequence that becomes a text on demand."""

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return SECRET[index]

    def __len__(self) -> int:
        return len(SECRET)

    def __str__(self) -> str:
        return SECRET


def test_a_vaulted_secret_is_a_text() -> None:
    assert problems(described({}, secret=Protected())) == []


def test_what_shall_be_deleted_needs_no_keys() -> None:
    config = {
        "authentication": {"keys": [{"id": 42}]},
        "interfaces": [{"name": "100GE1/0/1", "servers": [{"key_id": 43}]}],
    }
    assert problems(config, state="merged") != []
    assert problems(config, state="deleted") == []


def test_wrong_use_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="not list"):
        problems([])  # type: ignore[arg-type]
    with pytest.raises(AnsibleFilterError, match="'ios'"):
        problems({}, platform="ios")
