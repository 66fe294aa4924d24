# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role writes is what the engine reads; the engine's own reader judges."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.filter.engine_configuration import engine_configuration
from ntp_multicast_engine.config import configuration

SECRET = "S3cret-S3cret-42"
SETTINGS: dict[str, Any] = {
    "keys_file": "/etc/ntp-multicast-engine/keys",
    "status_socket": "/run/ntp-multicast-engine/status.sock",
    "state_directory": "/var/lib/ntp-multicast-engine",
    "chrony_socket": "/run/chrony/ntp-multicast-engine.sock",
    "discipline": "monitor",
    "poll": 6,
    "interleaved": True,
    "client_port": 123,
    "volley_port": 123,
    "hmac_sha256_length": {"version3": 32, "version4": 20},
}
SEED: dict[str, Any] = {
    "authentication": {
        "enabled": True,
        "keys": [
            {"id": 42, "algorithm": "aes-128-cmac", "secret": SECRET, "trusted": True},
            {"id": 7, "algorithm": "md5", "secret": SECRET, "trusted": False},
        ],
    },
    "server": {"enabled": True, "listen": ["eth0"], "reference_stratum": 2},
    "interfaces": [
        {
            "name": "eth0",
            "servers": [
                {"address": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4, "port": 1025},
                {"afi": "ipv6", "key_id": 42},
            ],
            "clients": [{"address": "FF0E:0::101"}, {}],
        }
    ],
}


def read(description: dict[str, Any], **settings: Any) -> configuration.Configuration:
    text = engine_configuration(description, {**SETTINGS, **settings})
    return configuration.parse(text.encode(), "engine.json")


def test_the_seed_procedure() -> None:
    found = read(SEED)
    assert found.authentication == configuration.Authentication(
        enabled=True, keys_file="/etc/ntp-multicast-engine/keys", trusted_keys=(42,)
    )
    assert (found.server.enabled, found.server.listen, found.server.stratum) == (True, ("eth0",), 2)
    assert found.servers == (
        configuration.MulticastServer("eth0", ipaddress.ip_address("224.0.1.1"), 42, 16, 4, 1025),
        configuration.MulticastServer("eth0", ipaddress.ip_address("ff0e::101"), 42),
    )
    assert [str(client.group) for client in found.clients] == ["ff0e::101", "224.0.1.1"]
    assert found.discipline.mode == "monitor"


@pytest.mark.parametrize(("upstream", "read_as"), [("chrony", "chrony"), ("", "auto"), (None, "auto")])
def test_whose_word_counts(upstream: str | None, read_as: str) -> None:
    found = read({"server": {"enabled": True}}, upstream=upstream)
    assert (found.server.upstream, found.asks_chrony) == (read_as, True)


def test_it_holds_no_secret() -> None:
    assert SECRET not in engine_configuration(SEED, SETTINGS)


def test_nothing_described_is_nothing_served() -> None:
    found = read({})
    assert (found.authentication.enabled, found.authentication.keys_file, found.server.enabled) == (False, None, False)
    assert found.servers == found.clients == ()


@pytest.mark.parametrize("listen", [None, [], ["all"], ["ALL"], ["eth0", "all"]])
def test_all_interfaces(listen: list[str] | None) -> None:
    assert read({"server": {"enabled": True, "listen": listen}}).server.listen is None


def test_numbers_and_truth_may_arrive_as_text() -> None:
    found = read(
        {
            "server": {"enabled": "true", "reference_stratum": "3"},
            "interfaces": [{"name": "eth0", "servers": [{"ttl": "5", "version": "3", "port": "2000", "key_id": "9"}]}],
        },
        poll="4",
        interleaved="false",
    )
    server = found.servers[0]
    assert (found.server.enabled, found.server.stratum) == (True, 3)
    assert (server.ttl, server.version, server.port, server.key_id, server.poll) == (5, 3, 2000, 9, 4)
    assert server.interleaved is False


@pytest.mark.parametrize("mode", ["monitor", "kernel", "chrony"])
def test_disciplines(mode: str) -> None:
    found = read({}, discipline=mode, step="never", step_threshold=1, panic_threshold=60).discipline
    assert found.mode == mode
    assert found.chrony_socket == (SETTINGS["chrony_socket"] if mode == "chrony" else None)
    assert (found.step, found.panic_threshold) == (("never", 60.0) if mode == "kernel" else ("start", 1000.0))


def test_clients_take_the_settings() -> None:
    client = read(
        {"interfaces": [{"name": "eth0", "clients": [{}]}]},
        client_port=2000,
        volley_port=2001,
        allow_servers=["10.0.0.1"],
        fallback_delay="0.001",
    ).clients[0]
    assert (client.port, client.volley_port, client.fallback_delay) == (2000, 2001, 0.001)
    assert client.allow_servers == frozenset({"10.0.0.1"})


def test_who_may_ask_and_where_the_metrics_go() -> None:
    found = read({}, allow_clients=["10.0.0.0/8", "fd00::1"], metrics_file="/run/metrics.prom")
    assert [str(network) for network in found.server.allow] == ["10.0.0.0/8", "fd00::1/128"]
    assert found.metrics_file == "/run/metrics.prom"
    assert read({}, allow_clients=[], metrics_file="").metrics_file is None


def test_what_is_no_address_is_an_error_of_the_filter() -> None:
    with pytest.raises(AnsibleFilterError, match="engine_configuration"):
        engine_configuration({"interfaces": [{"name": "eth0", "clients": [{"address": "x"}]}]}, SETTINGS)


GROUPS = st.one_of(
    st.none(),
    st.integers(0xE0000000, 0xEFFFFFFF).map(lambda value: str(ipaddress.IPv4Address(value))),
    st.integers(0, 2**112 - 1).map(lambda value: str(ipaddress.IPv6Address((0xFF0E << 112) | value))),
)
PORTS = st.one_of(st.none(), st.just(123), st.integers(1025, 65535))
SERVERS = st.fixed_dictionaries(
    {
        "address": GROUPS,
        "ttl": st.one_of(st.none(), st.integers(1, 255)),
        "version": st.one_of(st.none(), st.integers(1, 4)),
        "port": PORTS,
        "key_id": st.one_of(st.none(), st.integers(1, 65535)),
    }
)


@given(
    st.lists(SERVERS, max_size=4, unique_by=lambda entry: (entry["address"] or "224.0.1.1", entry["port"] or 123)),
    st.lists(GROUPS, max_size=4, unique_by=lambda address: address or "224.0.1.1"),
)
def test_every_good_description_is_a_good_configuration(
    servers: list[dict[str, Any]], groups: list[str | None]
) -> None:
    interface = {"name": "eth0", "servers": servers, "clients": [{"address": group} for group in groups]}
    found = read({"interfaces": [interface]})
    assert len(found.servers) == len(servers)
    assert len(found.clients) == len(groups)
    for wanted, server in zip(servers, found.servers):
        assert server.group == ipaddress.ip_address(wanted["address"] or "224.0.1.1")
        for option in ("ttl", "version", "port", "key_id"):
            assert wanted[option] is None or getattr(server, option) == wanted[option]


def test_it_is_json_with_one_option_a_line() -> None:
    text = engine_configuration(SEED, SETTINGS)
    assert text.endswith("}\n")
    assert '      "ttl": 16,' in text.splitlines()
    assert json.loads(text)["version"] == 1


def test_an_empty_text_is_no_value_as_older_templates_make_it() -> None:
    described = {"interfaces": [{"name": "eth0", "clients": [{"afi": "ipv4"}]}]}
    nothing = {"fallback_delay": None, "chrony_socket": None, "poll": None}
    empty = {"fallback_delay": "", "chrony_socket": "", "poll": ""}
    assert engine_configuration(described, empty) == engine_configuration(described, nothing)
