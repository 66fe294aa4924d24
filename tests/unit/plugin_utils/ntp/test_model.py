# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model, its options, and the boundary to Ansible."""

from __future__ import annotations

import copy
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from unit.plugin_utils.strategies import configs

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import (
    EMPTY,
    Algorithm,
    Authentication,
    Configuration,
    Interface,
    Key,
    MulticastServer,
    Secret,
    ServerSettings,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options import CONFIG_OPTIONS
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import (
    configuration_from_options,
    options_from_configuration,
)


def test_a_secret_is_never_shown() -> None:
    secret = Secret("GEHEIM")
    key = Key(42, Algorithm.MD5, secret, secret)
    for text in (f"{secret}", f"{secret!r}", f"{secret:>20}", str(secret), repr(key), repr([secret])):
        assert "GEHEIM" not in text and "********" in text
    assert secret.reveal() == "GEHEIM"


def test_secrets_compare() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert copy.deepcopy(Secret("a")) == Secret("a")
    assert len({Secret("a"), Secret("a")}) == 1


def test_what_is_omitted_is_not_asked_for() -> None:
    assert configuration_from_options(None) == Configuration()
    assert configuration_from_options({"server": {}}) == Configuration(server=ServerSettings())
    assert configuration_from_options({"authentication": {"keys": []}}).authentication == Authentication(None, ())
    assert configuration_from_options({"interfaces": [{"name": "vlanif 1"}]}).interfaces == (Interface("Vlanif1"),)


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ({}, "224.0.1.1"),
        ({"afi": "ipv6"}, "ff0e::101"),
        ({"address": "FF0E::0101"}, "ff0e::101"),
        ({"address": "239.1.1.1", "afi": None}, "239.1.1.1"),
    ],
)
def test_default_groups(entry: dict[str, Any], address: str) -> None:
    options = {"interfaces": [{"name": "Vlanif1", "servers": [entry], "clients": [entry]}]}
    (interface,) = configuration_from_options(options).interfaces
    assert str(interface.servers[0].address) == str(interface.clients[0].address) == address


def test_listening_sources() -> None:
    server = configuration_from_options({"server": {"listen": ["ALL", "vlanif 1", "FD00::01", "::"]}}).server
    assert server.listen == ("all", "Vlanif1")
    assert server.ipv6_listen == ("fd00::1", "all")


def test_a_wrong_address_is_the_users() -> None:
    with pytest.raises(UserError, match="x"):
        configuration_from_options({"interfaces": [{"name": "Vlanif1", "clients": [{"address": "x"}]}]})


def test_nothing_is_nothing() -> None:
    assert options_from_configuration(EMPTY) == {}
    assert options_from_configuration(Configuration()) == {}


def test_sorted_and_without_certain_defaults() -> None:
    address = ip_address("224.0.1.1")
    configuration = Configuration(
        Authentication(True, (Key(10, Algorithm.MD5, Secret("G"), Secret("C"), True), Key(2, Algorithm.MD5))),
        ServerSettings(True, ("Vlanif10", "Vlanif9"), 8, ("all",), True),
        (
            Interface("100GE1/0/10", (MulticastServer(address, 2, 16, 3, 123),), ()),
            Interface("100GE1/0/2", (MulticastServer(address, None, None, 4, 5000),), ()),
        ),
    )
    assert options_from_configuration(configuration) == {
        "authentication": {
            "enabled": True,
            "keys": [{"id": 2, "algorithm": "md5"}, {"id": 10, "algorithm": "md5", "trusted": True}],
        },
        "server": {"enabled": True, "listen": ["Vlanif9", "Vlanif10", "::"], "reference_stratum": 8},
        "interfaces": [
            {"name": "100GE1/0/2", "servers": [{"afi": "ipv4", "address": "224.0.1.1", "version": 4, "port": 5000}]},
            {"name": "100GE1/0/10", "servers": [{"afi": "ipv4", "address": "224.0.1.1", "key_id": 2, "ttl": 16}]},
        ],
    }


MARKER = "G3h#1m-"


def conforms(options: Any, specification: dict[str, Any]) -> None:
    for name, value in options.items():
        spec = specification[name]
        if spec["type"] == "dict":
            conforms(value, spec["options"])
        elif spec["type"] == "list" and spec["elements"] == "dict":
            for element in value:
                conforms(element, spec["options"])
        else:
            kind = spec["elements"] if spec["type"] == "list" else spec["type"]
            for element in value if spec["type"] == "list" else [value]:
                assert element.__class__ is {"int": int, "str": str, "bool": bool}[kind]
                assert element in spec.get("choices", [element])


@settings(max_examples=100, deadline=None)
@given(configs())
def test_the_way_there_and_back(options: dict[str, Any]) -> None:
    for key in options.get("authentication", {}).get("keys") or ():
        # Of the drawn length, but no word of the code, which a drawn text may be.
        key["secret"] = (MARKER * 6)[: len(key["secret"])]
    configuration = configuration_from_options(options)
    out = options_from_configuration(configuration)
    conforms(out, CONFIG_OPTIONS)
    assert options_from_configuration(configuration_from_options(out)) == out
    for key in options.get("authentication", {}).get("keys") or ():
        assert "secret" not in out["authentication"]["keys"][0]
        if len(key["secret"]) >= len(MARKER):
            assert key["secret"] not in repr(configuration)


def test_only_the_secret_is_secret() -> None:
    keys = CONFIG_OPTIONS["authentication"]["options"]["keys"]
    assert keys["options"]["secret"]["no_log"] is True
    assert keys["no_log"] is False
    assert CONFIG_OPTIONS["interfaces"]["options"]["servers"]["options"]["key_id"]["no_log"] is False
