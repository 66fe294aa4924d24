# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unicast servers as sources of chronyd, and what has to be so for that."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.filter.chrony_sources import chrony_sources
from ansible_collections.timecast.ntp_multicast.plugins.filter.problems import problems
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.chrony_sources import lines_of, upstream_of

KEYS = [
    {"id": 42, "algorithm": "aes-128-cmac", "secret": "Sixteen-octets-1"},
    {"id": 8, "algorithm": "hmac-sha256", "secret": "Any-secret-1234"},
]


def test_lines() -> None:
    entries: list[dict[str, Any]] = [
        {"address": "192.0.2.1"},
        {"address": "FD00:0::7", "key_id": "42", "preferred": "yes", "minpoll": 4, "maxpoll": 12},
        {"address": "192.0.2.2", "version": 3, "preferred": False, "key_id": None, "vpn_instance": None},
    ]
    assert chrony_sources(entries) == [
        {"address": "192.0.2.1", "line": "server 192.0.2.1 iburst"},
        {"address": "fd00::7", "line": "server fd00::7 iburst prefer key 42 minpoll 4 maxpoll 12"},
        {"address": "192.0.2.2", "line": "server 192.0.2.2 iburst version 3"},
    ]


@pytest.mark.parametrize("value", [[{}], [{"address": "224.0.1.1"}], [7], [{"address": "192.0.2.1", "minpoll": "x"}]])
def test_what_is_none(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="chrony_sources"):
        chrony_sources(value)


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"address": st.sampled_from(["192.0.2.1", "10.0.0.1", "fd00::7"])},
        optional={
            "key_id": st.sampled_from([1, 42, 65535]),
            "version": st.integers(1, 4),
            "preferred": st.just(True),
            "minpoll": st.integers(3, 6),
            "maxpoll": st.integers(10, 17),
        },
    ),
    max_size=4,
)


@given(ENTRIES)
def test_what_is_written_is_read(entries: list[dict[str, Any]]) -> None:
    text = "# a comment\nrefclock SOCK /run/x refid MCST\n" + "".join(
        f"{line}\n" for _address, line in lines_of(entries)
    )
    assert upstream_of(text) == entries


@given(
    st.text(st.characters(codec="utf-8"))
    | st.lists(st.sampled_from(["server", "192.0.2.1", "iburst", "key", "x"])).map(" ".join)
)
@example("server 192.0.2.1 iburst")
def test_any_text(text: str) -> None:
    assert all(entry["address"] == "192.0.2.1" for entry in upstream_of(text))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "ntp_multicast_server.upstream: 192.0.2.1 is refused: on Linux they are sources of chronyd"),
        ({"upstream": "auto"}, "ntp_multicast_engine_upstream has to be chrony"),
        ({"upstream": "chrony", "discipline": "kernel"}, "with the ntp_multicast_engine_discipline kernel"),
    ],
)
def test_what_is_refused_on_linux(settings: dict[str, Any], words: str) -> None:
    description = {"server": {"upstream": [{"address": "192.0.2.1"}]}}
    (problem,) = problems(description, platform="linux", prefix="ntp_multicast_", settings=settings)
    assert words in problem


@pytest.mark.parametrize("settings", [{}, {"upstream": "chrony", "discipline": "kernel"}])
def test_no_servers_need_nothing(settings: dict[str, Any]) -> None:
    assert problems({"server": {"upstream": []}}, platform="linux", settings=settings) == []


@pytest.mark.parametrize(("key_id", "refused"), [(42, False), (8, True), (9, True)])
def test_keys_of_chronyd(key_id: int, refused: bool) -> None:
    description = {
        "authentication": {"keys": KEYS},
        "server": {"upstream": [{"address": "192.0.2.1", "key_id": key_id}]},
    }
    found = problems(description, platform="linux", settings={"upstream": "chrony"})
    assert [problem.startswith("config.server.upstream[0].key_id") for problem in found] == [True] * refused
