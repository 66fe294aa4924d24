# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file: defaults, and a named problem for everything that is wrong."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.cli import main
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.config.configuration import (
    Authentication,
    Configuration,
    Discipline,
    HmacLengths,
    MulticastClient,
    MulticastServer,
    Server,
)
from ntp_multicast_engine.config.schema import OPTION
from ntp_multicast_engine.errors import ConfigurationError

MANUAL = Path(__file__).parents[3] / "roles" / "ntp_multicast_engine" / "files" / "ntp-multicast-engine.8"
SMALLEST: dict[str, Any] = {"version": 1, "status_socket": "/run/e/status.sock"}


def parse(**changes: Any) -> configuration.Configuration:
    return configuration.parse(json.dumps({**SMALLEST, **changes}).encode(), "engine.json")


def problems(**changes: Any) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(**changes)
    return {problem.path: str(problem) for problem in caught.value.problems}


def test_defaults() -> None:
    parsed = parse(
        servers=[{"interface": "eth0", "group": "224.0.1.1"}], clients=[{"interface": "eth0", "group": "FF0E::0101"}]
    )
    assert parsed.servers == (MulticastServer("eth0", ipaddress.IPv4Address("224.0.1.1"), None, 16, 4, 123, 6, True),)
    assert parsed.clients == (MulticastClient("eth0", ipaddress.IPv6Address("ff0e::101"), 123, 123, frozenset(), None),)
    assert (parsed.discipline.mode, parsed.server.enabled, parsed.authentication.enabled) == ("monitor", False, False)
    assert parsed.state_directory == "/var/lib/ntp-multicast-engine"


def test_everything_that_can_be_said() -> None:
    parsed = parse(
        authentication={
            "enabled": True,
            "keys_file": "/etc/e/keys",
            "trusted_keys": [42],
            "hmac_sha256_length": {"version3": 16, "version4": 32},
        },
        server={"enabled": True, "listen": ["eth0"], "stratum": 2, "reference_id": "10.0.0.1", "port": 123},
        servers=[
            {
                "interface": "eth0",
                "group": "224.0.1.1",
                "key_id": 42,
                "ttl": 1,
                "version": 4,
                "port": 1025,
                "poll": 3,
                "interleaved": False,
            }
        ],
        clients=[
            {
                "interface": "eth0",
                "group": "ff0e::101",
                "port": 123,
                "volley_port": 11123,
                "allow_servers": ["FD00::1"],
                "fallback_delay": 0.004,
            }
        ],
        discipline={"mode": "chrony", "chrony_socket": "/run/chrony/e.sock"},
        state_directory="/var/lib/e",
    )
    assert parsed.server.reference_id == bytes([10, 0, 0, 1]) and parsed.server.listen == ("eth0",)
    assert parsed.clients[0].allow_servers == {"fd00::1"}
    assert parsed.authentication.hmac_sha256_length == HmacLengths(16, 32)
    assert parse(server={"listen": "all"}).server.listen is None


SERVER = {"interface": "eth0", "group": "224.0.1.1"}


@pytest.mark.parametrize(
    ("changes", "path", "value", "rule"),
    [
        ({"version": 2}, "version", "2", "from 1 to 1"),
        ({"colour": "red"}, "colour", "colour", "not known"),
        ({"servers": [{**SERVER, "ttl": 256}]}, "servers[0].ttl", "256", "from 1 to 255"),
        ({"servers": [{**SERVER, "ttl": True}]}, "servers[0].ttl", "true", "from 1 to 255"),
        ({"servers": [{**SERVER, "version": 5}]}, "servers[0].version", "5", "from 1 to 4"),
        ({"servers": [{**SERVER, "key_id": 0}]}, "servers[0].key_id", "0", "from 1 to 4294967295"),
        ({"servers": [{**SERVER, "key_id": 70000}]}, "servers[0].key_id", "70000", "at most 65535 with version 4"),
        ({"servers": [{**SERVER, "port": 124}]}, "servers[0].port", "124", "123 or a number from 1025"),
        ({"servers": [{**SERVER, "poll": 2}]}, "servers[0].poll", "2", "from 3 to 17"),
        ({"servers": [{**SERVER, "group": "10.0.0.1"}]}, "servers[0].group", "10.0.0.1", "multicast"),
        ({"servers": [{**SERVER, "interface": "a/b"}]}, "servers[0].interface", "a/b", "network interface"),
        ({"servers": [{"group": "224.0.1.1"}]}, "servers[0].interface", "null", "network interface"),
        ({"servers": [SERVER, SERVER]}, "servers[1]", "eth0 224.0.1.1", "twice"),
        ({"servers": {}}, "servers", "{}", "list"),
        ({"servers": [7]}, "servers[0]", "7", "object"),
        ({"clients": [{**SERVER, "allow_servers": ["x"]}]}, "clients[0].allow_servers[0]", "x", "address"),
        ({"clients": [{**SERVER, "fallback_delay": 2}]}, "clients[0].fallback_delay", "2", "seconds"),
        ({"server": {"listen": []}}, "server.listen", "[]", "list of names"),
        ({"server": {"stratum": 16}}, "server.stratum", "16", "from 1 to 15"),
        ({"server": {"upstream": "ntpd"}}, "server.upstream", "ntpd", "one of auto"),
        ({"server": {"upstream": "local"}}, "server.stratum", "null", "required"),
        ({"server": {"upstream": "chrony", "stratum": 3}}, "server.stratum", "3", "must be null"),
        ({"server": {"chrony_command_socket": "c"}}, "server.chrony_command_socket", "c", "absolute path"),
        ({"server": {"reference_id": "TOOLONG"}}, "server.reference_id", "TOOLONG", "4 letters"),
        ({"discipline": {"mode": "ntpd"}}, "discipline.mode", "ntpd", "one of monitor"),
        ({"discipline": {"mode": "chrony"}}, "discipline.chrony_socket", "null", "required"),
        ({"status_socket": "run/s"}, "status_socket", "run/s", "absolute path"),
        ({"status_socket": "/" + "x" * 107}, "status_socket", "/xxx", "107"),
        ({"authentication": {"trusted_keys": [0]}}, "authentication.trusted_keys[0]", "0", "from 1 to 4294967295"),
        (
            {"authentication": {"hmac_sha256_length": {"version4": 24}}},
            "authentication.hmac_sha256_length.version4",
            "24",
            "32, 20 or 16",
        ),
    ],
)
def test_problems_name_path_value_and_rule(changes: dict[str, Any], path: str, value: str, rule: str) -> None:
    found = problems(**changes)
    assert path in found
    assert value in found[path] and rule in found[path]


def test_a_field_carries_its_range_and_its_source() -> None:
    told = {field.name: field.metadata[OPTION].rule.text for field in dataclasses.fields(MulticastServer)}
    assert told["poll"] == "must be a number from 3 to 17 (RFC 5905, section 7.2)"
    assert problems(servers=[{**SERVER, "poll": 18}])["servers[0].poll"].endswith(told["poll"])


@pytest.mark.parametrize("low", [1, 3])
def test_a_rule_is_pinned_at_its_edges(low: int) -> None:
    name, high = {1: ("ttl", 255), 3: ("poll", 17)}[low]
    for value in (low, high):
        assert getattr(parse(servers=[{**SERVER, name: value}]).servers[0], name) == value
    for wrong in (low - 1, high + 1, float(low), str(low), None, True):
        assert f"servers[0].{name}" in problems(servers=[{**SERVER, name: wrong}])


def test_null_is_a_value_where_there_may_be_none() -> None:
    parsed = parse(
        servers=[{**SERVER, "key_id": None}],
        clients=[{**SERVER, "fallback_delay": None}],
        server={"stratum": None},
        clock_socket=None,
    )
    assert (parsed.servers[0].key_id, parsed.clients[0].fallback_delay, parsed.server.stratum) == (None, None, None)
    assert set(problems(server={"listen": None, "enabled": None, "port": None}, servers=None)) == {
        "server.listen",
        "server.enabled",
        "server.port",
        "servers",
    }


def test_a_wrong_field_hides_no_other_problem() -> None:
    """Neither of its object, nor of the list, nor what the rest has to agree about."""
    wrong = {**SERVER, "ttl": 0, "key_id": 70000, "colour": 1}
    assert set(problems(servers=[wrong, wrong], discipline={"mode": "chrony", "step": "now"})) == {
        *(f"servers[{number}].{key}" for number in (0, 1) for key in ("ttl", "key_id", "colour")),
        "servers[1]",
        "discipline.chrony_socket",
        "discipline.step",
    }


@pytest.mark.parametrize("delay", [float("nan"), float("inf"), 10**400])
def test_numbers_that_are_none(delay: float) -> None:
    assert "clients[0].fallback_delay" in problems(clients=[{**SERVER, "fallback_delay": delay}])


def test_all_problems_are_told_at_once() -> None:
    assert set(problems(servers=[{**SERVER, "ttl": 0, "poll": 99}], colour=1)) == {
        "servers[0].ttl",
        "servers[0].poll",
        "colour",
    }


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"version": 1, "version": 1}', b"[" * 100000])
def test_what_is_not_json(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        configuration.parse(data, "engine.json")


def test_a_key_that_is_named_twice_is_told() -> None:
    with pytest.raises(ConfigurationError, match='names the key "version" twice'):
        configuration.parse(b'{"version": 1, "version": 1}', "engine.json")


def test_a_mark_before_the_first_line_is_no_mistake() -> None:
    text = json.dumps({"version": 1, "status_socket": "/s"}).encode()
    assert configuration.parse(b"\xef\xbb\xbf" + text, "engine.json") == configuration.parse(text, "engine.json")


def test_a_complaint_commands_no_terminal() -> None:
    with pytest.raises(ConfigurationError) as caught:
        configuration.parse(json.dumps({"version": 1, "status_socket": "/s", "\x1b[2J": 1}).encode(), "engine.json")
    assert str(caught.value).isprintable()


def test_a_file_that_is_not_there_is_told_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("status", "check-config", "listen"):
        assert main([command, "--config", str(tmp_path / "none")]) == 1
        assert capsys.readouterr().err == f"{tmp_path}/none: No such file or directory: must be readable\n"


def test_required_keys() -> None:
    with pytest.raises(ConfigurationError) as caught:
        configuration.parse(b"{}", "engine.json")
    assert {problem.path for problem in caught.value.problems} == {"version", "status_socket"}


def test_keys_that_are_named_must_exist(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("42 md5 ascii:hush-hush\n")
    keys.chmod(0o600)
    path = tmp_path / "engine.json"
    document = {
        **SMALLEST,
        "authentication": {"enabled": True, "keys_file": str(keys), "trusted_keys": [42, 43]},
        "servers": [{**SERVER, "key_id": 7}],
    }
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError) as caught:
        configuration.load(path)
    assert {problem.path for problem in caught.value.problems} == {
        "authentication.trusted_keys[1]",
        "servers[0].key_id",
    }
    assert "hush" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KNOWN = (
    ("version", "status_socket", "authentication", "server", "servers", "clients", "discipline", "state_directory"),
    ("interface", "group", "key_id", "ttl", "version", "port", "poll", "interleaved", "volley_port", "allow_servers"),
    ("enabled", "listen", "stratum", "reference_id", "mode", "chrony_socket", "keys_file", "trusted_keys"),
)
inner = st.dictionaries(st.sampled_from(KNOWN[1] + KNOWN[2]), json_values, max_size=4)
documents = st.dictionaries(st.sampled_from(KNOWN[0]), json_values | inner | st.lists(inner, max_size=3), max_size=6)


@given(documents)
def test_wrong_documents_raise_only_configuration_errors(document: dict[str, Any]) -> None:
    try:
        configuration.parse(json.dumps(document).encode(), "engine.json")
    except ConfigurationError as error:
        assert all(problem.path and problem.rule for problem in error.problems)


@given(st.binary(max_size=200))
def test_nonsense_raises_only_configuration_errors(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        configuration.parse(data, "engine.json")


def test_the_responders_clients() -> None:
    assert parse().server.allow == ()
    allow = parse(server={"allow": ["192.0.2.0/24", "2001:db8::/32", "192.0.2.7"]}).server.allow
    assert [str(network) for network in allow] == ["192.0.2.0/24", "2001:db8::/32", "192.0.2.7/32"]
    found = problems(server={"allow": ["192.0.2.1/24", 5, "x", "fe80::1%eth0", "10.0.0.0/33"]})
    assert sorted(found) == [f"server.allow[{number}]" for number in range(5)]
    assert "without host bits" in found["server.allow[0]"]


@pytest.mark.parametrize(
    "section", [Configuration, Authentication, Server, MulticastServer, MulticastClient, Discipline]
)
def test_the_manual_knows_every_setting(section: type) -> None:
    manual = MANUAL.read_text(encoding="utf-8").partition(".SH CONFIGURATION")[2].partition(".SH KEYS")[0]
    assert [field.name for field in dataclasses.fields(section) if field.name not in manual] == []
