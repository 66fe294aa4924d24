# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugins judge on the controller, the engine on the host: both take and refuse the same.

Each option is one row: how the user says it, and where the engine reads it. Both judge the same value, drawn around
the edges of every rule.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.filter.engine_configuration import engine_configuration
from ansible_collections.timecast.ntp_multicast.plugins.filter.problems import problems
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.engine_settings import GROUP_RULES, RULES
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.errors import ConfigurationError

ENTRY = {"interface": "eth0", "group": "224.0.1.1"}
GROUP = {"address": "224.0.1.1"}


def described(**entry: Any) -> dict[str, Any]:
    return {"interfaces": [{"name": "eth0", "servers": [{**GROUP, **entry}], "clients": [GROUP]}]}


@dataclass(frozen=True)
class Row:
    """One option: as the user says it, description and settings, and as the engine reads it."""

    said: Callable[[Any], tuple[dict[str, Any], dict[str, Any]]]
    read: Callable[[Any], dict[str, Any]]


def setting(name: str, read: Callable[[Any], dict[str, Any]]) -> Row:
    return Row(lambda value: (described(), {name: value}), read)


def option(name: str) -> Row:
    return Row(lambda value: (described(**{name: value}), {}), lambda value: {"servers": [{**ENTRY, name: value}]})


def of_client(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {"clients": [{**ENTRY, name: value}]}


def of_server(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {"servers": [{**ENTRY, name: value}]}


def of_section(section: str, name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {section: {name: value}}


def mode(value: Any) -> dict[str, Any]:
    return {"discipline": {"mode": value, "chrony_socket": "/s"}}


NUMBERS: dict[str, Row] = {
    "poll": setting("poll", of_server("poll")),
    "client_port": setting("client_port", of_client("port")),
    "volley_port": setting("volley_port", of_client("volley_port")),
    "fallback_delay": setting("fallback_delay", of_client("fallback_delay")),
    "step_threshold": setting("step_threshold", of_section("discipline", "step_threshold")),
    "panic_threshold": setting("panic_threshold", of_section("discipline", "panic_threshold")),
    "ttl": option("ttl"),
    "version": option("version"),
    "port": option("port"),
    "key_id": option("key_id"),
    "reference_stratum": Row(
        lambda value: ({"server": {"reference_stratum": value}}, {}), of_section("server", "stratum")
    ),
}
TEXTS: dict[str, Row] = {
    "discipline": setting("discipline", mode),
    "step": setting("step", of_section("discipline", "step")),
    "upstream": setting("upstream", of_section("server", "upstream")),
    "reference_id": setting("reference_id", of_section("server", "reference_id")),
    "allow_servers": Row(
        lambda value: (described(), {"allow_servers": [value]}),
        lambda value: {"clients": [{**ENTRY, "allow_servers": [value]}]},
    ),
    "allow_clients": Row(
        lambda value: (described(), {"allow_clients": [value]}), lambda value: {"server": {"allow": [value]}}
    ),
    "address": Row(
        lambda value: ({"interfaces": [{"name": "eth0", "clients": [{"address": value}]}]}, {}),
        lambda value: {"clients": [{"interface": "eth0", "group": value}]},
    ),
    "name": Row(
        lambda value: ({"interfaces": [{"name": value, "clients": [GROUP]}]}, {}),
        lambda value: {"clients": [{**ENTRY, "interface": value}]},
    ),
}
OTHERS = {
    "interleaved": setting("interleaved", of_server("interleaved")),
    "raw_sockets": setting("raw_sockets", lambda value: {"raw_sockets": value}),
    "hmac_sha256_length": setting("hmac_sha256_length", of_section("authentication", "hmac_sha256_length")),
}


def refused_by_plugins(row: Row, value: Any) -> bool:
    description, settings = row.said(value)
    found = problems(description, platform="linux", prefix="ntp_multicast_", settings=settings)
    if not found:
        # What is taken is also written, and read.
        configuration.parse(written(description, settings), "engine.json")
    return bool(found)


def written(description: dict[str, Any], settings: dict[str, Any]) -> bytes:
    paths = {"status_socket": "/s", "chrony_socket": "/c"}
    return engine_configuration(description, {**paths, **settings}).encode()


def refused_by_engine(row: Row, value: Any) -> bool:
    document = {"version": 1, "status_socket": "/s", **row.read(value)}
    try:
        configuration.parse(json.dumps(document).encode(), "engine.json")
    except ConfigurationError:
        return True
    return False


def agree(row: Row, value: Any) -> None:
    assert refused_by_plugins(row, value) == refused_by_engine(row, value), value


def test_every_setting_has_its_row() -> None:
    assert set(RULES) <= {*NUMBERS, *TEXTS, *OTHERS} and set(GROUP_RULES) <= set(RULES)


EDGES = (
    0,
    1,
    2,
    3,
    4,
    5,
    15,
    16,
    17,
    18,
    122,
    123,
    124,
    255,
    256,
    1024,
    1025,
    65535,
    65536,
    (1 << 32) - 1,
    1 << 32,
    -1,
)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [*EDGES, 10**9, 10**12, 10**12 + 1])
def test_numbers_at_the_edges(name: str, value: int) -> None:
    if name == "key_id" and value > 0:
        # Plugins know which keys there are, the engine only once it reads the key file.
        value = min(value, 65536)
        said = NUMBERS[name].said(value)[0] | {"authentication": {"keys": [{"id": value}]}}
        found = problems(said, platform="linux")
        assert bool(found) == refused_by_engine(NUMBERS[name], value)
        return
    agree(NUMBERS[name], value)


@pytest.mark.parametrize("name", ["fallback_delay", "step_threshold", "panic_threshold"])
@given(value=st.floats(-1e13, 1e13) | st.floats(0, 1.5))
@example(value=1.0)
@example(value=1.0000001)
@example(value=-1e-9)
@example(value=1e9 + 1)
def test_seconds(name: str, value: float) -> None:
    agree(NUMBERS[name], value)


WORDS = (
    *("monitor", "kernel", "chrony", "ntpd", "start", "never", "always", "auto"),
    *("LOCL", "GPS", "TOOLONG", "a b", "\u00e9", "10.0.0.1", "999.999.999.999", "256.1.1.1", "1.2.3", "010.1.1.1"),
    *("0.0.0.0", "224.0.1.1", "239.255.255.255", "::", "::1", "ff0e::101", "FF0E:0::101", "fe80::1", "fe80::1%eth0"),
    *("2001:db8::/32", "2001:db8::1/32", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/33", "10/8", "10.0.0.0/255.0.0.0"),
    *("::ffff:10.0.0.1", "eth0", "eth0:1", "eth0.5", "a/b", "a" * 15, "a" * 16, "\u00e9" * 8, ".", "..", "?"),
    *("e\tf", "br-\u00e9"),
)
LENGTHS = ({"version3": 16}, {"version4": 20}, {"version3": 24}, {"version5": 16}, {}, [16], 16)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", WORDS)
def test_words(name: str, value: str) -> None:
    agree(TEXTS[name], value)


@pytest.mark.parametrize("name", TEXTS)
@given(value=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.ip_addresses().map(str))
def test_any_text(name: str, value: str) -> None:
    agree(TEXTS[name], value)


@pytest.mark.parametrize(
    "lengths", [{"version3": 16}, {"version4": 20}, {"version3": 24}, {"version5": 16}, {}, [16], 16]
)
def test_lengths_of_tags(lengths: Any) -> None:
    agree(OTHERS["hmac_sha256_length"], lengths)


@pytest.mark.parametrize("upstream", ["auto", "kernel", "chrony", "local"])
@pytest.mark.parametrize("stratum", [None, 3])
def test_whose_word_counts_and_the_stratum(upstream: str, stratum: int | None) -> None:
    row = Row(
        lambda _value: ({"server": {"reference_stratum": stratum}}, {"upstream": upstream}),
        lambda _value: {"server": {"upstream": upstream, "stratum": stratum}},
    )
    agree(row, None)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        *((v, True) for v in (True, "true", "YES", "on", 1, "1", "y")),
        *((v, False) for v in (False, "false", "No", "off", 0, "0", "n")),
    ],
)
def test_a_text_for_a_boolean(value: Any, meant: bool) -> None:
    description = {
        "authentication": {"enabled": value, "keys": [{"id": 1, "algorithm": "md5", "secret": "x", "trusted": value}]},
        "server": {"enabled": value},
        **described(),
    }
    settings = {"interleaved": value, "raw_sockets": value, "keys_file": "/k"}
    assert problems(description, platform="linux", settings=settings) == []
    read = configuration.parse(written(description, settings), "engine.json")
    assert (read.server.enabled, read.authentication.enabled, read.servers[0].interleaved) == (meant, meant, meant)
    assert read.raw_sockets is meant
    assert read.authentication.trusted_keys == ((1,) if meant else ())


def test_a_text_that_is_no_boolean() -> None:
    (problem,) = problems(described(), platform="linux", settings={"interleaved": "perhaps"})
    assert problem == (
        "ntp_multicast_engine_interleaved: perhaps is refused: it has to be true or false (ntp-multicast-engine(8))."
    )


class TestGroups:
    DESCRIPTION = {
        "interfaces": [
            {
                "name": name,
                "servers": [{"address": "224.0.1.9"}],
                "clients": [{"address": "224.0.1.1"}, {"afi": "ipv6"}],
            }
            for name in ("eth0", "eth1")
        ]
    }
    GROUPS = (
        {"address": "224.0.1.1", "client_port": "2000", "allow_servers": ["10.0.0.1"]},
        {"address": "224.0.1.1", "interface": "eth1", "fallback_delay": 0.25, "allow_servers": []},
        {"address": "224.0.1.9", "interface": "eth0", "poll": 3, "interleaved": "no"},
    )

    def test_each_group_has_its_own(self) -> None:
        settings = {"groups": list(self.GROUPS), "poll": 6, "fallback_delay": 0.5}
        assert problems(self.DESCRIPTION, platform="linux", settings=settings) == []
        read = configuration.parse(written(self.DESCRIPTION, settings), "engine.json")
        clients = {(client.interface, str(client.group)): client for client in read.clients}
        one, other = clients["eth0", "224.0.1.1"], clients["eth1", "224.0.1.1"]
        assert (one.port, one.fallback_delay, one.allow_servers) == (2000, 0.5, frozenset({"10.0.0.1"}))
        assert (other.port, other.fallback_delay, other.allow_servers) == (2000, 0.25, frozenset())
        assert clients["eth1", "ff0e::101"].port == 123
        assert [(server.poll, server.interleaved) for server in read.servers] == [(3, False), (6, True)]

    @pytest.mark.parametrize(
        ("entry", "words"),
        [
            ({"address": "224.0.1.1", "poll": 2}, "groups[0].poll: 2 is refused: it has to be from 3 to 17"),
            ({"address": "224.0.1.1", "pol": 4}, "groups[0].pol: 4 is refused: known are interface"),
            ({"address": "224.0.1.2"}, "groups[0]: 224.0.1.2 is refused: it has to be a group of one of the"),
            ({"address": "224.0.1.1", "interface": "eth9"}, "groups[0]: 224.0.1.1 on eth9 is refused"),
            ({"address": "x"}, "groups[0].address: x is refused: it has to be a multicast address"),
        ],
    )
    def test_a_wrong_entry(self, entry: dict[str, Any], words: str) -> None:
        (problem,) = problems(self.DESCRIPTION, platform="linux", settings={"groups": [entry]})
        assert f"ntp_multicast_engine_{words}" in problem

    def test_a_group_is_given_once(self) -> None:
        twice = [{"address": "FF0E::101", "poll": 4}, {"afi": "ipv6", "poll": 5}]
        (problem,) = problems(self.DESCRIPTION, platform="linux", settings={"groups": twice})
        assert "ntp_multicast_engine_groups[0] is the same" in problem


def test_a_key_without_its_secret_is_refused() -> None:
    description = {"authentication": {"keys": [{"id": 5, "algorithm": "md5"}]}}
    (problem,) = problems(description, platform="linux", prefix="ntp_multicast_", settings={})
    assert problem.startswith("ntp_multicast_authentication.keys[0]: key 5 is refused")
