# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ntp.conf and chrony.conf say about multicast, and what of it can't be carried over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.other_daemons import (
    KEY_TYPES,
    Carried,
    read_chrony_conf,
    read_ntp_conf,
    told,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import problems

NTP_CONF = """\
driftfile /var/lib/ntp/drift
keys /etc/ntp.keys          # MD5 and CMAC
trustedkey 4 (10 ... 12)
server 192.0.2.1 iburst
broadcast 239.77.0.4 key 4 ttl 3 version 3 minpoll 4 maxpoll 4
broadcast ff05::101 xleave
broadcast 192.0.2.255
multicastclient 224.0.1.1 239.1.2.3
broadcastclient
crypto pw Stone-Harbour
setvar owner = "Stone-Harbour" default
"""
KEYS = {4: "AES128CMAC", 10: "M", 11: "SHA1"}


def test_an_ntp_conf() -> None:
    found = read_ntp_conf(NTP_CONF)
    assert found.outside == [
        "server 192.0.2.1 iburst",
        "broadcast 192.0.2.255",
        "broadcastclient",
        "crypto ********",
        "setvar ********",
    ]
    assert found.groups == [
        {"address": "239.77.0.4", "poll": 4, "interleaved": False},
        {"address": "ff05::101", "poll": 6, "interleaved": True},
    ]
    assert found.sections("eth0", KEYS) == {
        "authentication": {
            "enabled": True,
            "keys": [
                {"id": 4, "algorithm": "aes-128-cmac", "trusted": True},
                {"id": 10, "algorithm": "md5", "trusted": True},
            ],
        },
        "server": {},
        "interfaces": [
            {
                "name": "eth0",
                "servers": [{"address": "239.77.0.4", "key_id": 4, "ttl": 3, "version": 3}, {"address": "ff05::101"}],
                "clients": [{"address": "224.0.1.1"}, {"address": "239.1.2.3"}],
            }
        ],
    }
    assert found.about_keys(KEYS) == [
        "key 11: the engine has no algorithm that works with the type SHA1",
        "key 12: it is not in the keys file",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "broadcast",
        "broadcast 10.0.0.255 key 4",
        "broadcast 224.0.1.1 key",
        "broadcast 224.0.1.1 ttl 256",
        "broadcast 224.0.1.1 autokey",
        "multicastclient eth0",
        "broadcastclient novolley",
    ],
)
def test_what_cannot_be_carried_over_is_told(line: str) -> None:
    found = read_ntp_conf(f"{line}\n")
    assert not found.anything
    assert found.outside == [line]


def test_a_second_line_for_the_same_group_is_told_since_the_model_has_each_once() -> None:
    for read, line in ((read_ntp_conf, "broadcast 224.0.1.1 key {}"), (read_chrony_conf, "broadcast {} 224.0.1.1")):
        found = read(f"{line.format(64)}\n{line.format(32)}\n")
        assert (len(found.servers), len(found.groups), found.outside) == (1, 1, [line.format(32)])


def test_a_chrony_conf() -> None:
    found = read_chrony_conf(
        "! comment\nserver 192.0.2.1\nallow\nlocal stratum 3\nbroadcast 8 224.0.1.1\nBroadcast 64 239.77.9.9 10123\n"
        "broadcast 60 ff05::101\nbroadcast 16 10.0.0.255\nbroadcast x 224.0.1.1\n"
    )
    assert found.sections("eth0", {}) == {
        "authentication": {},
        "server": {"reference_stratum": 3},
        "interfaces": [
            {
                "name": "eth0",
                "servers": [
                    {"address": "224.0.1.1", "ttl": 1},
                    {"address": "239.77.9.9", "port": 10123, "ttl": 1},
                    {"address": "ff05::101", "ttl": 1},
                ],
            }
        ],
    }
    assert [group["poll"] for group in found.groups] == [3, 6, 6]
    assert found.outside == [
        "broadcast 60 ff05::101: every 64 seconds instead",
        "broadcast 16 10.0.0.255",
        "broadcast x 224.0.1.1",
    ]


WORDS = st.sampled_from(
    [
        "broadcast",
        "multicastclient",
        "trustedkey",
        "broadcastclient",
        "keys",
        "key",
        "ttl",
        "version",
        "minpoll",
        "xleave",
        "local",
        "stratum",
        "224.0.1.1",
        "ff05::101",
        "10.0.0.1",
        "4",
        "(",
        "...",
        ")",
        "9999999999999",
        "-1",
        "#",
        "enable",
        "disable",
        "auth",
        "crypto",
    ]
) | st.text(max_size=6)
LINES = st.lists(st.lists(WORDS, max_size=7).map(" ".join), max_size=12).map("\n".join)


@given(LINES, st.sampled_from([read_ntp_conf, read_chrony_conf]))
def test_whatever_stands_there_gives_a_description_without_problems(text: str, read: Any) -> None:
    found: Carried = read(text)
    keys = {server["key_id"]: "M" for server in found.servers if "key_id" in server}
    sections = found.sections("eth0", keys)
    for key in sections["authentication"].get("keys", ()):
        key["secret"] = "x"
    assert [problem for problem in problems(sections, platform="linux") if "given once" not in str(problem)] == []
    assert all(line.isprintable() for line in found.outside)


@given(st.text(min_size=1).filter(str.strip), st.text("abcdefgh", min_size=4))
def test_no_value_of_an_unknown_directive_is_told(directive: str, secret: str) -> None:
    line = f"{directive.split()[0]}x {secret}-secret"
    assert f"{secret}-secret" not in told(line)


@pytest.mark.parametrize("kind", KEY_TYPES)
def test_each_type_is_an_algorithm(kind: str) -> None:
    assert KEY_TYPES[kind] in ("md5", "aes-128-cmac", "aes-256-cmac")
