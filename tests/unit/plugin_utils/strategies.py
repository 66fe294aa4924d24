# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random but coherent configurations, as the option ``config`` gives them."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

INTERFACES = ("100GE1/0/1", "100GE1/0/2", "Vlanif100", "Eth-Trunk7.11", "GigabitEthernet0/1/0")
GROUPS = ("224.0.1.1", "239.1.2.3", "ff0e::101", "ff05::101")
KEY_IDS = (1, 10, 42, 4294967295)
UPSTREAM = ("10.0.0.1", "192.0.2.7", "fd00::7", "2001:db8::7")
_PLAIN = "".join(c for c in string.ascii_letters + string.digits + string.punctuation if c not in '?"%@')


def secrets(length: int | None) -> st.SearchStrategy[str]:
    text = st.text(_PLAIN + " ", min_size=length or 1, max_size=length or 40)
    fit = text.filter(lambda s: s == s.strip() and "  " not in s and not "cipher".startswith(s.split()[0].casefold()))
    return st.just("S" * length) | fit if length else st.just("Huawei-12345") | fit


@st.composite
def keys(draw: st.DrawFn, key_id: int) -> dict[str, Any]:
    algorithm, length = draw(
        st.sampled_from([("md5", None), ("hmac-sha256", None), ("aes-128-cmac", 16), ("aes-256-cmac", 32)])
    )
    return {
        "id": key_id,
        "algorithm": algorithm,
        "secret": draw(secrets(length)),
        "trusted": draw(st.sampled_from([None, True, False])),
    }


@st.composite
def servers(draw: st.DrawFn, group: str, key_ids: list[int]) -> dict[str, Any]:
    return {
        "address": group,
        "key_id": draw(st.sampled_from([None, *key_ids])),
        "ttl": draw(st.sampled_from([None, 1, 16, 64, 255])),
        "version": draw(st.sampled_from([None, 1, 3, 4])) if "." in group else None,
        "port": draw(st.sampled_from([None, 123, 1025, 65535])),
    }


@st.composite
def interfaces(draw: st.DrawFn, name: str, key_ids: list[int]) -> dict[str, Any]:
    groups = st.lists(st.sampled_from(GROUPS), unique=True, max_size=3)
    return {
        "name": draw(st.sampled_from([name, name.lower()])),
        "servers": draw(st.none() | groups.flatmap(lambda g: st.tuples(*(servers(x, key_ids) for x in g)).map(list))),
        "clients": draw(st.none() | groups.map(lambda g: [{"address": x} for x in g])),
    }


@st.composite
def upstream_servers(draw: st.DrawFn, address: str, instance: str | None, key_ids: list[int]) -> dict[str, Any]:
    return {
        "address": address,
        "vpn_instance": instance,
        "key_id": draw(st.sampled_from([None, *key_ids])),
        "version": draw(st.sampled_from([None, 1, 3, 4])) if "." in address else None,
        "preferred": draw(st.sampled_from([None, True, False])),
        "source_interface": draw(st.sampled_from([None, "Vlanif100", "100ge 1/0/1", "GE0/1/0"])),
        "minpoll": draw(st.sampled_from([None, 3, 6])),
        "maxpoll": draw(st.sampled_from([None, 10, 17])),
    }


@st.composite
def upstreams(draw: st.DrawFn, key_ids: list[int]) -> list[dict[str, Any]]:
    places = st.tuples(st.sampled_from(UPSTREAM), st.sampled_from([None, "red", "MEth0/0/0"]))
    chosen = draw(st.lists(places, unique=True, max_size=3))
    return [draw(upstream_servers(address, instance, key_ids)) for address, instance in chosen]


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """The value of the option ``config``: servers name keys that are given in it."""
    key_ids = draw(st.lists(st.sampled_from(KEY_IDS), unique=True, max_size=3))
    names = draw(st.lists(st.sampled_from(INTERFACES), unique=True, max_size=3))
    config = {
        "authentication": {
            "enabled": draw(st.sampled_from([None, True, False])),
            "keys": [draw(keys(key_id)) for key_id in key_ids] or None,
        },
        "server": {
            "enabled": draw(st.sampled_from([None, True, False])),
            "listen": draw(
                st.none() | st.lists(st.sampled_from(["all", "::", "fd00::1", "Vlanif100", "100ge 1/0/1"]), unique=True)
            ),
            "reference_stratum": draw(st.sampled_from([None, 2, 8, 15])),
            "upstream": draw(st.none() | upstreams(key_ids)),
        },
        "interfaces": [draw(interfaces(name, key_ids)) for name in names],
    }
    sections = draw(st.sets(st.sampled_from(sorted(config)), min_size=1))
    # Servers that name keys need the keys beside them.
    return {name: value for name, value in config.items() if name in sections or (name == "authentication" and key_ids)}
