# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine's configuration becomes the variables that make it again."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.filter.engine_configuration import engine_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.engine_document import (
    DEFAULTS,
    GROUP_DEFAULTS,
    PREFIX,
    sections_of,
    settings_of,
)

ROLE = pathlib.Path(__file__).resolve().parents[4] / "roles" / "ntp_multicast_engine"
ROLE_DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
FIXED = {
    "keys_file": "/etc/ntp-multicast-engine/keys",
    "status_socket": "/run/ntp-multicast-engine/status.sock",
    "state_directory": "/var/lib/ntp-multicast-engine",
    "clock_socket": "",
    "chrony_socket": "/run/chrony/ntp-multicast-engine.sock",
}

groups = st.sampled_from(["224.0.1.1", "239.1.2.3", "ff05::101"])
servers = st.fixed_dictionaries(
    {"address": groups},
    optional={"key_id": st.just(4), "ttl": st.integers(1, 255), "port": st.just(10123), "version": st.just(3)},
)
interfaces = st.fixed_dictionaries(
    {"name": st.sampled_from(["eth0", "eth1"])},
    optional={
        "servers": st.lists(servers, unique_by=lambda entry: entry["address"], min_size=1, max_size=2),
        "clients": st.lists(st.builds(dict, address=groups), unique_by=lambda e: e["address"], min_size=1, max_size=2),
    },
).filter(lambda entry: len(entry) > 1)
keys = st.lists(
    st.fixed_dictionaries({"id": st.integers(4, 6), "algorithm": st.just("md5"), "trusted": st.booleans()}),
    unique_by=lambda key: key["id"],
)
descriptions = st.fixed_dictionaries(
    {
        "authentication": st.fixed_dictionaries({"enabled": st.booleans(), "keys": keys}),
        "server": st.fixed_dictionaries(
            {},
            optional={
                "enabled": st.booleans(),
                "listen": st.sampled_from([["eth0"], ["eth0", "eth1"]]),
                "reference_stratum": st.integers(1, 15),
            },
        ),
        "interfaces": st.lists(interfaces, unique_by=lambda entry: entry["name"], max_size=2),
    }
)
settings = st.fixed_dictionaries(
    {},
    optional={
        "discipline": st.sampled_from(["monitor", "kernel"]),
        "step": st.sampled_from(["start", "never"]),
        "panic_threshold": st.sampled_from([1000.0, 10.0]),
        "reference_id": st.sampled_from(["LOCL", "GPS"]),
        "poll": st.sampled_from([4, 6]),
        "interleaved": st.booleans(),
        "client_port": st.sampled_from([123, 10123]),
        "allow_servers": st.sampled_from([[], ["192.0.2.1"]]),
        "allow_clients": st.sampled_from([[], ["192.0.2.0/24"]]),
        "hmac_sha256_length": st.just({"version3": 20, "version4": 20}),
        "fallback_delay": st.just(0.001),
        "raw_sockets": st.booleans(),
        "metrics_file": st.just("/run/ntp-multicast-engine/metrics.prom"),
    },
)


def defaults() -> dict[str, Any]:
    return {name.removeprefix(PREFIX): value for name, value in ROLE_DEFAULTS.items()}


def test_the_defaults_are_those_of_the_role() -> None:
    ours = {**DEFAULTS, **{name: value for name, value in GROUP_DEFAULTS.items() if name != "fallback_delay"}}
    assert {name: defaults()[name] for name in ours} == ours


@hypothesis_settings(max_examples=300)
@given(descriptions, settings)
def test_the_same_configuration_is_made_again(description: dict[str, Any], asked: dict[str, Any]) -> None:
    given_settings = {**defaults(), **FIXED, **asked}
    text = engine_configuration(description, given_settings)
    document = json.loads(text)
    types = {key["id"]: key["algorithm"] for key in description["authentication"]["keys"]}
    adopted = {name.removeprefix(PREFIX): value for name, value in settings_of(document).items()}
    assert adopted.pop("metrics", False) is ("metrics_file" in asked)
    again = {**defaults(), **FIXED, **adopted, "metrics_file": asked.get("metrics_file", "")}
    assert json.loads(engine_configuration(sections_of(document, types), again)) == document
