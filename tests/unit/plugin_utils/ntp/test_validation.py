# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each wrong option is refused with its path, its value, the rule and the source; secrets never show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugin_utils.strategies import configs

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import configuration_from_options
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import Problem, problems, warnings


def server(**options: Any) -> dict[str, Any]:
    return {"interfaces": [{"name": "Vlanif1", "servers": [options]}]}


def key(**options: Any) -> dict[str, Any]:
    return {"authentication": {"keys": [{"id": 42, "algorithm": "hmac-sha256", **options}]}}


def listen(*sources: str) -> dict[str, Any]:
    return {"server": {"listen": list(sources)}}


SERVER = "config.interfaces[0].servers[0]"
KEY = "config.authentication.keys[0]"
WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    (key(id=0), f"{KEY}.id", "0", "from 1 to 4294967295"),
    (key(id=4294967296), f"{KEY}.id", "4294967296", "from 1 to 4294967295"),
    (key(algorithm="sha1"), f"{KEY}.algorithm", "sha1", "md5, hmac-sha256, aes-128-cmac, aes-256-cmac"),
    (key(algorithm="aes-128-cmac", secret="GEHEIM"), f"{KEY}.secret", "********", "exactly 16 characters"),
    (key(algorithm="aes-256-cmac", secret="G" * 31), f"{KEY}.secret", "********", "exactly 32 characters"),
    (key(secret=""), f"{KEY}.secret", "********", "must not be empty"),
    (key(secret="G" * 256), f"{KEY}.secret", "********", "at most 255 characters"),
    (key(secret="GEHEIM\nundo ntp"), f"{KEY}.secret", "********", "printable ASCII"),
    (key(secret="GEHEIM\x1a"), f"{KEY}.secret", "********", "printable ASCII"),
    (key(secret="GEHEIMÄ"), f"{KEY}.secret", "********", "printable ASCII"),
    (key(secret="GEHEIM?"), f"{KEY}.secret", "********", "question mark"),
    (key(secret=" GEHEIM"), f"{KEY}.secret", "********", "begin or end with a blank"),
    (key(secret="GEHEIM "), f"{KEY}.secret", "********", "begin or end with a blank"),
    (key(secret='"GEHEIM"'), f"{KEY}.secret", "********", "quotation mark"),
    (key(secret="Cip GEHEIM"), f"{KEY}.secret", "********", "`cipher`"),
    (key(secret="%^%#GEHEIM%^%#"), f"{KEY}.secret", "********", "like a ciphertext"),
    (
        {"authentication": {"keys": [{"id": 42}, {"id": 43}, {"id": 42}]}},
        "config.authentication.keys[2].id",
        "42",
        "config.authentication.keys[0].id is the same",
    ),
    (server(key_id=70000, version=4), f"{SERVER}.key_id", "70000", "from 1 to 65535 with NTP version 4"),
    (server(key_id=0), f"{SERVER}.key_id", "0", "from 1 to 4294967295"),
    (server(ttl=256), f"{SERVER}.ttl", "256", "from 1 to 255"),
    (server(ttl=0), f"{SERVER}.ttl", "0", "from 1 to 255"),
    (server(version=5), f"{SERVER}.version", "5", "from 1 to 4"),
    (server(address="ff0e::101", version=4), f"{SERVER}.version", "4", "an IPv6 group takes no version"),
    (server(afi="ipv6", version=4), f"{SERVER}.version", "4", "an IPv6 group takes no version"),
    (server(address="10.0.0.1"), f"{SERVER}.address", "10.0.0.1", "multicast address"),
    (server(address="fd00::1"), f"{SERVER}.address", "fd00::1", "multicast address"),
    (server(address="ff02::101%eth0"), f"{SERVER}.address", "'ff02::101%eth0'", "without a zone"),
    (server(address="time.example"), f"{SERVER}.address", "'time.example'", "multicast address"),
    (server(address="224.0.1.1", afi="ipv6"), f"{SERVER}.afi", "ipv6", "of the family ipv4"),
    *(
        (server(port=port), f"{SERVER}.port", str(port), "123 or from 1025 to 65535")
        for port in (0, 122, 124, 1024, 65536)
    ),
    (
        {"interfaces": [{"name": "Vlanif1", "servers": [{}, {"address": "224.0.1.1"}]}]},
        "config.interfaces[0].servers[1].address",
        "224.0.1.1",
        "config.interfaces[0].servers[0] is the same",
    ),
    (
        {"interfaces": [{"name": "Vlanif1", "clients": [{"address": "FF0E::0101"}, {"afi": "ipv6"}]}]},
        "config.interfaces[0].clients[1]",
        "ff0e::101",
        "config.interfaces[0].clients[0].address is the same",
    ),
    (
        {"interfaces": [{"name": "100GE1/0/1"}, {"name": "100ge 1/0/1"}]},
        "config.interfaces[1].name",
        "100ge 1/0/1",
        "config.interfaces[0].name is the same",
    ),
    *(
        ({"interfaces": [{"name": name}]}, "config.interfaces[0].name", repr(name), "name of an interface")
        for name in ("", "Vlanif", "1/0/1", "Vlanif1\nreturn", "Vlanif1;x", "Vlanif?1")
    ),
    (listen("Vlanif1", "vlanif 1"), "config.server.listen[1]", "vlanif 1", "config.server.listen[0] is the same"),
    (listen("FD00::1", "fd00:0::1"), "config.server.listen[1]", "fd00:0::1", "config.server.listen[0] is the same"),
    (listen("ff02::1"), "config.server.listen[0]", "ff02::1", "neither multicast nor loopback"),
    (listen("::1"), "config.server.listen[0]", "::1", "neither multicast nor loopback"),
    (listen("10.0.0.1"), "config.server.listen[0]", "'10.0.0.1'", "an IPv6 address or `all`"),
    ({"server": {"reference_stratum": 0}}, "config.server.reference_stratum", "0", "from 1 to 15"),
    ({"server": {"reference_stratum": 16}}, "config.server.reference_stratum", "16", "from 1 to 15"),
    (
        {**key(), **server(key_id=43)},
        f"{SERVER}.key_id",
        "43",
        "the id of one of config.authentication.keys",
    ),
]


@pytest.mark.parametrize(("options", "path", "value", "rule"), WRONG)
def test_wrong_options(options: dict[str, Any], path: str, value: str, rule: str) -> None:
    found = problems(options, platform="vrp")
    (problem,) = [problem for problem in found if problem.path == path and rule in problem.rule]
    assert problem.value == value
    assert problem.source
    said = str(problem)
    assert all(part in said for part in (path, value, problem.rule, problem.source))
    assert "GEHEIM" not in repr(found) + "".join(map(str, found))


RIGHT: list[dict[str, Any]] = [
    {},
    {"authentication": None, "server": None, "interfaces": None},
    {"authentication": {"enabled": None, "keys": None}},
    server(key_id=70000, version=3),
    server(key_id=4294967295),
    server(address="ff0e::101", key_id=70000),
    server(port=123),
    server(port=1025),
    server(address="239.255.255.255", ttl=255, version=1),
    key(secret="Huawei 12345 Huawei"),
    key(algorithm="aes-128-cmac", secret="0123456789abcdeF"),
    key(secret=None),
    listen("all", "::", "fd00::1", "Vlanif 100", "Eth-Trunk7.11", "100GE1/0/22:1"),
    {"interfaces": [{"name": "Vlanif1", "servers": [{}, {"afi": "ipv6"}], "clients": [{}, {"afi": "ipv6"}]}]},
]


@pytest.mark.parametrize("options", RIGHT)
def test_right_options(options: dict[str, Any]) -> None:
    assert problems(options, platform="vrp") == []


def test_a_server_may_name_a_key_that_is_deleted_elsewhere() -> None:
    assert problems({**key(), **server(key_id=43)}, platform="vrp", state="deleted") == []


def test_the_path_can_be_that_of_a_variable_of_the_role() -> None:
    (problem,) = problems(server(ttl=256), platform="vrp", prefix="ntp_multicast_")
    assert problem.path == "ntp_multicast_interfaces[0].servers[0].ttl"


class TestLinux:
    def paths(self, options: dict[str, Any]) -> list[str]:
        return [problem.path for problem in problems(options, platform="linux")]

    def named(self, name: str, **server: Any) -> dict[str, Any]:
        return {"interfaces": [{"name": name, "servers": [server]}]}

    @pytest.mark.parametrize("name", ["eth0", "br-lan.100", "100GE1-0", "E"])
    def test_names(self, name: str) -> None:
        assert self.paths(self.named(name)) == []
        assert self.paths({"interfaces": [{"name": "eth0"}, {"name": "ETH0"}]}) == []

    @pytest.mark.parametrize("name", ["", ".", "..", "eth 0", "a/b", "a" * 16, "eth0\n"])
    def test_wrong_names(self, name: str) -> None:
        assert self.paths(self.named(name)) == ["config.interfaces[0].name"]

    def test_keys_of_version_4_packets(self) -> None:
        wrong = ["config.interfaces[0].servers[0].key_id"]
        assert self.paths(self.named("eth0", key_id=65536)) == wrong
        assert self.paths(self.named("eth0", key_id=65536, address="ff0e::101")) == wrong
        assert self.paths(self.named("eth0", key_id=65536, version=3)) == []

    def test_an_interface_covers_both_families(self) -> None:
        assert self.paths(listen("eth0", "all")) == []
        assert self.paths(listen("fd00::1")) == ["config.server.listen[0]"]

    def test_secrets_are_not_typed(self) -> None:
        assert self.paths(key(secret="? Ä")) == []
        assert self.paths(key(algorithm="aes-128-cmac", secret="Ä" * 8)) == []
        assert self.paths(key(algorithm="aes-128-cmac", secret="Ä" * 16)) == [f"{KEY}.secret"]


class TestAdvice:
    def rules(self, options: dict[str, Any]) -> list[str]:
        found = warnings(options, platform="vrp")
        assert all(str(advice).startswith(f"{advice.path}: {advice.value}: ") for advice in found)
        assert "GEHEIM" not in repr(found)
        return [advice.rule for advice in found]

    def test_nothing_to_say(self) -> None:
        assert self.rules({}) == []
        assert self.rules(key(secret="Huawei-12345")) == []

    def test_complexity(self) -> None:
        for secret in ("GEHEIM", "geheim-GEHEIM", "Geheim123456"):
            assert len(self.rules(key(secret=secret))) == 1
        assert problems(key(secret="GEHEIM"), platform="vrp") == []

    def test_md5(self) -> None:
        assert "WEAKEA" in self.rules(key(algorithm="md5", secret="Huawei-12345"))[0]

    def test_an_ipv6_server_that_listens_on_ipv4_only(self) -> None:
        assert "IPv4 alone" in self.rules({**server(afi="ipv6"), **listen("Vlanif1")})[0]
        for source in ("all", "fd00::1", "::"):
            assert self.rules({**server(afi="ipv6"), **listen("Vlanif1", source)}) == []

    def test_keys_without_authentication(self) -> None:
        assert len(self.rules({"authentication": {"enabled": False}, **server(key_id=42)})) == 1

    def test_a_large_key_for_ipv6(self) -> None:
        assert len(self.rules(server(afi="ipv6", key_id=70000))) == 1


@settings(max_examples=100, deadline=None)
@given(configs())
def test_what_is_right_can_be_taken(options: dict[str, Any]) -> None:
    found = [p for p in problems(options, platform="vrp") if "65535" not in p.rule]
    assert found == []
    configuration_from_options(options)


_ODD = st.none() | st.integers() | st.text(max_size=20)
_NUMBERS = st.none() | st.integers(-5, 5000000000)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "authentication": st.none()
            | st.fixed_dictionaries(
                {
                    "keys": st.lists(
                        st.fixed_dictionaries({"id": _NUMBERS, "algorithm": _ODD, "secret": _ODD}), max_size=3
                    )
                }
            ),
            "server": st.none()
            | st.fixed_dictionaries({"listen": st.none() | st.lists(_ODD), "reference_stratum": _NUMBERS}),
            "interfaces": st.none()
            | st.lists(
                st.fixed_dictionaries(
                    {
                        "name": _ODD,
                        "servers": st.lists(
                            st.fixed_dictionaries(
                                {"address": _ODD, "ttl": _NUMBERS, "port": _NUMBERS, "key_id": _NUMBERS}
                            ),
                            max_size=2,
                        ),
                        "clients": st.none(),
                    }
                ),
                max_size=2,
            ),
        }
    ),
    st.sampled_from(["vrp", "linux"]),
)
def test_odd_values_are_told_and_do_no_harm(options: dict[str, Any], platform: Any) -> None:
    found = problems(options, platform=platform)
    assert all(isinstance(problem, Problem) and str(problem) for problem in found)
