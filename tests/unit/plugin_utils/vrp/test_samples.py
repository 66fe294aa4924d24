# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole texts of VRP devices and manuals: the project's own, and the collected ones where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fixtures.places import COLLECTED_DEVICE_TEXTS, DEVICE_TEXTS, device_texts, folders_of_device_texts, name_of

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import options_from_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import ParseError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    DeviceConfiguration,
    parse_configuration,
)


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def devices(path: Path) -> dict[str, DeviceConfiguration]:
    """The configurations in a manual's example, which shows several devices one after another."""
    text = text_of(path)
    found = {}
    for frame in re.split(r"(?mi)^return\s*$", text):
        sysname = re.search(r"(?m)^sysname (\S+)", frame)
        if sysname:
            found[sysname.group(1)] = parse_configuration(frame[frame.rindex("#\nsysname") :])
    return found


def on(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"enabled": True, "keys": list(keys)}


def hmac_key(number: int, trusted: bool = True) -> dict[str, Any]:
    return {"id": number, "algorithm": "hmac-sha256", "trusted": trusted}


def following(address: str, key_id: int | None = None, **server: Any) -> dict[str, Any]:
    """A server that follows another one by unicast."""
    return {"enabled": True, **server, "upstream": [{"address": address, **({"key_id": key_id} if key_id else {})}]}


GROUP = {"afi": "ipv4", "address": "224.0.1.1"}
ENABLED = {"enabled": True}
KEY_7 = {"id": 7, "algorithm": "aes-128-cmac", "trusted": True}
PORT = "25GE1/0/3"
OWN_EXAMPLES: dict[str, dict[str, dict[str, Any]]] = {
    "example-ce-v300r023-multicast.txt": {
        "North": {
            "authentication": on({**KEY_7, "trusted": False}),
            "server": {"enabled": True, "listen": [PORT], "reference_stratum": 4},
            "interfaces": [
                {
                    "name": PORT,
                    "servers": [
                        {**GROUP, "key_id": 7, "ttl": 9, "version": 4},
                        {"afi": "ipv4", "address": "239.12.0.5", "port": 10123},
                    ],
                }
            ],
        },
        "South": {
            "authentication": on(KEY_7),
            "server": ENABLED,
            "interfaces": [{"name": PORT, "clients": [GROUP, {"afi": "ipv4", "address": "239.12.0.5"}]}],
        },
    },
    "example-ce-v300r023-keys.txt": {
        "Alpha": {
            "authentication": on(hmac_key(5, trusted=False)),
            "server": {"enabled": True, "listen": ["100GE1/0/7"], "reference_stratum": 3},
        },
        "Beta": {"authentication": on(hmac_key(5)), "server": following("198.51.100.1", 5)},
    },
    "example-ce-v300r023-manycast.txt": {
        "East": {"server": ENABLED},
        "West": {"server": {"enabled": True, "listen": ["10GE1/0/2"]}},
    },
    "example-ne40e-v800r012-broadcast.txt": {
        "Sender": {
            "authentication": on(hmac_key(33)),
            "server": {"enabled": True, "listen": ["GigabitEthernet0/3/0"], "reference_stratum": 5},
        },
        "Hearer": {"authentication": on(hmac_key(33)), "server": ENABLED},
    },
    "example-ne40e-v800r012-keys.txt": {
        "PE1": {
            "authentication": on(hmac_key(61, trusted=False)),
            "server": {"enabled": True, "listen": ["GigabitEthernet0/2/1"], "reference_stratum": 2},
        },
        "PE2": {
            "authentication": on(hmac_key(61)),
            "server": following("203.0.113.1", 61, listen=["GigabitEthernet0/2/1"]),
        },
    },
    "example-ne40e-v800r012-multicast.txt": {
        "Tower": {
            "authentication": on(hmac_key(8, trusted=False)),
            "server": {"enabled": True, "listen": ["all"], "reference_stratum": 3},
            "interfaces": [
                {
                    "name": "GigabitEthernet0/1/2",
                    "servers": [{"afi": "ipv4", "address": "224.0.1.44", "key_id": 8, "ttl": 3}],
                }
            ],
        },
        "Field": {
            "authentication": on(hmac_key(8)),
            "server": ENABLED,
            "interfaces": [{"name": "GigabitEthernet0/1/2", "clients": [{"afi": "ipv4", "address": "224.0.1.44"}]}],
        },
    },
    "example-ne40e-v800r012-peers.txt": {
        "Rim": {"server": {"enabled": True, "listen": ["GigabitEthernet0/1/4"], "reference_stratum": 6}},
        "Hub": {"server": {"enabled": True, "listen": ["GigabitEthernet0/1/4"]}},
    },
}

KEY_42, UNTRUSTED_42 = hmac_key(42), hmac_key(42, trusted=False)
CE, NE = "100GE1/0/1", "GigabitEthernet0/1/0"
COLLECTED_EXAMPLES: dict[str, dict[str, dict[str, Any]]] = {
    "doc-ce6800-v300r023-multicast-example.txt": {
        "DeviceA": {
            "server": {"enabled": True, "listen": [CE], "reference_stratum": 2},
            "interfaces": [{"name": CE, "servers": [GROUP]}],
        },
        "DeviceB": {"server": ENABLED, "interfaces": [{"name": CE, "clients": [GROUP]}]},
    },
    "doc-ce6800-v300r023-client-server-auth-example.txt": {
        "DeviceA": {
            "authentication": on(UNTRUSTED_42),
            "server": {"enabled": True, "listen": [CE], "reference_stratum": 2},
        },
        "DeviceB": {"authentication": on(KEY_42), "server": following("2.2.2.2", 42, listen=[CE])},
        "DeviceC": {"authentication": on(KEY_42), "server": following("10.0.0.1", 42)},
        "DeviceD": {"authentication": on(KEY_42), "server": following("10.0.0.1", 42)},
    },
    "doc-ce6800-v300r023-kod-example.txt": {
        "DeviceA": {
            "authentication": on(UNTRUSTED_42),
            "server": {"enabled": True, "listen": [CE], "reference_stratum": 2},
        },
        "DeviceB": {"authentication": on(KEY_42), "server": following("2.2.2.2", 42, listen=[CE])},
        "DeviceC": {"authentication": on(KEY_42), "server": following("10.0.0.1", 42)},
        "DeviceD": {"authentication": on(KEY_42), "server": following("10.0.0.1", 42)},
    },
    "doc-ce6800-v300r023-manycast-example.txt": {
        "DeviceA": {"server": ENABLED},
        "DeviceB": {},
        "DeviceC": {"server": {"enabled": True, "listen": [CE]}},
        "DeviceD": {"server": ENABLED},
    },
    "doc-ne40e-v800r012-broadcast-auth-example.txt": {
        "DeviceC": {
            "authentication": on({**KEY_42, "id": 16}),
            "server": {"enabled": True, "listen": [NE], "reference_stratum": 3},
        },
        "DeviceD": {"authentication": on({**KEY_42, "id": 16}), "server": ENABLED},
    },
    "doc-ne40e-v800r012-client-server-auth-example.txt": {
        "DeviceA": {
            "authentication": on(UNTRUSTED_42),
            "server": {"enabled": True, "listen": [NE], "reference_stratum": 2},
        },
        "DeviceB": {"authentication": on(KEY_42), "server": following("2.2.2.2", 42, listen=[NE])},
        "DeviceC": {"authentication": on(KEY_42), "server": following("10.0.0.1", 42)},
        "DeviceD": {"authentication": on(KEY_42), "server": following("10.0.0.1", 42)},
    },
    "doc-ne40e-v800r012-kod-example.txt": {
        "DeviceA": {
            "authentication": on(KEY_42),
            "server": {"enabled": True, "listen": [NE], "reference_stratum": 2},
        },
        "DeviceB": {"authentication": on(KEY_42), "server": following("2.2.2.2", 42, listen=[NE])},
        "DeviceC": {"authentication": on(KEY_42), "server": following("10.0.0.1", 42)},
        "DeviceD": {"authentication": on(KEY_42), "server": following("10.0.0.1", 42)},
    },
    "doc-ne40e-v800r012-peer-example.txt": {
        "DeviceC": {"server": {"enabled": True, "listen": [NE], "reference_stratum": 2}},
        "DeviceD": {"server": following("10.0.1.31", listen=[NE])},
        "DeviceE": {"server": ENABLED},
    },
}


EXAMPLES = {
    folder / name: expected
    for folder, examples in ((DEVICE_TEXTS, OWN_EXAMPLES), (COLLECTED_DEVICE_TEXTS, COLLECTED_EXAMPLES))
    if folder.is_dir()
    for name, expected in examples.items()
}


@pytest.mark.parametrize("path", sorted(EXAMPLES), ids=name_of)
def test_each_device_of_a_manual_example(path: Path) -> None:
    parsed = devices(path)
    assert {host: options_from_configuration(found.configuration) for host, found in parsed.items()} == EXAMPLES[path]
    assert [found.unknown for found in parsed.values()] == [()] * len(parsed)
    assert {found.dialect for found in parsed.values()} <= {
        Dialect.NTP if "-ce" in path.name else Dialect.NTP_SERVICE,
        None,
    }


@pytest.mark.parametrize("path", sorted(EXAMPLES), ids=name_of)
def test_the_examples_as_they_are_hold_several_devices(path: Path) -> None:
    with pytest.raises(ParseError, match="more than one device: sysname"):
        parse_configuration(text_of(path))


@dataclass(frozen=True)
class Whole:
    """A whole configuration of a CloudEngine switch, and what is known of it."""

    path: Path
    ports: int
    switched: str
    routed: str
    address: str
    silent: str
    upstream: str


CLOUD_ENGINES = [
    Whole(
        DEVICE_TEXTS / "current-ce6800-v200r005.txt",
        ports=6,
        switched="10GE1/0/2",
        routed="Vlanif310",
        address="192.0.2.77 255.255.255.248",
        silent="10GE1/0/1",
        upstream="192.0.2.10",
    ),
    Whole(
        COLLECTED_DEVICE_TEXTS / "ce6880-v200r005c10-display-current-configuration.txt",
        ports=33,
        switched="10GE1/0/2",
        routed="Vlanif3892",
        address="172.16.183.218 255.255.255.252",
        silent="10GE1/0/1",
        upstream="10.11.1.26",
    ),
]


@pytest.mark.parametrize(
    "whole", [whole for whole in CLOUD_ENGINES if whole.path.exists()], ids=lambda whole: name_of(whole.path)
)
def test_a_whole_configuration_of_a_cloud_engine(whole: Whole) -> None:
    found = parse_configuration(text_of(whole.path))
    assert found.dialect is Dialect.NTP
    assert found.automatic == ("ntp server disable",)
    assert found.unknown == ()
    assert not found.configuration.foreign_lines
    upstream = [{"address": whole.upstream}]
    assert options_from_configuration(found.configuration) == {"server": {"enabled": False, "upstream": upstream}}
    assert len(found.interfaces) == whole.ports
    assert found.interfaces[whole.switched].layer2 is True
    assert found.interfaces[whole.routed].layer2 is False
    assert found.interfaces[whole.routed].ipv4_addresses == (whole.address,)
    assert found.interfaces[whole.silent].layer2 is None


@pytest.mark.parametrize(
    "path",
    device_texts("current-s-v600r023.txt", "s5735-v600r023c00-display-current-configuration.txt"),
    ids=name_of,
)
def test_a_whole_configuration_of_a_campus_switch_without_ntp(path: Path) -> None:
    found = parse_configuration(text_of(path))
    assert found.dialect is Dialect.NTP
    assert found.automatic == (
        "ntp server source-interface all disable",
        "ntp ipv6 server source-interface all disable",
    )
    assert found.unknown == ()
    assert not found.configuration.foreign_lines
    assert options_from_configuration(found.configuration) == {}


def test_a_whole_configuration_with_multicast_servers_of_both_families() -> None:
    found = parse_configuration(text_of(DEVICE_TEXTS / "current-ce6800-v300r023.txt"))
    assert found.dialect is Dialect.NTP
    assert found.automatic == ("ntp ipv6 server disable",)
    assert found.unknown == ()
    assert options_from_configuration(found.configuration) == {
        "authentication": on({"id": 11, "algorithm": "aes-256-cmac", "trusted": True}, hmac_key(70001, trusted=False)),
        "server": {"listen": ["Vlanif40"], "reference_stratum": 5},
        "interfaces": [
            {"name": "100GE1/0/2", "clients": [GROUP]},
            {
                "name": "Vlanif40",
                "servers": [
                    {**GROUP, "key_id": 11, "ttl": 32, "version": 4},
                    {"afi": "ipv4", "address": "239.255.40.1", "key_id": 70001},
                    {"afi": "ipv6", "address": "ff08::140", "key_id": 11},
                ],
            },
        ],
    }


def test_a_whole_configuration_in_the_other_dialect() -> None:
    found = parse_configuration(text_of(DEVICE_TEXTS / "current-ne40e-v800r012.txt"))
    assert found.dialect is Dialect.NTP_SERVICE
    assert found.automatic == ("ntp-service ipv6 server disable",)
    assert found.unknown == ()
    assert found.configuration.foreign_lines
    assert options_from_configuration(found.configuration) == {
        "authentication": on(hmac_key(501)),
        "server": following("192.0.2.252", 501, listen=["GigabitEthernet0/4/1"], reference_stratum=9),
        "interfaces": [
            {
                "name": "GigabitEthernet0/4/0",
                "clients": [
                    {"afi": "ipv4", "address": "224.0.1.77"},
                    {"afi": "ipv6", "address": "ff0e::177"},
                ],
            },
            {
                "name": "GigabitEthernet0/4/1",
                "servers": [{"afi": "ipv4", "address": "224.0.1.78", "key_id": 501, "ttl": 5}],
            },
        ],
    }


@pytest.mark.parametrize(
    ("path", "number", "ciphertext"),
    [
        parameters
        for parameters in (
            (
                DEVICE_TEXTS / "include-ntp-ne40e-v800r012.txt",
                3,
                "%^%#Zt8]kW-q2'Rm>{0:cY;B4)sXn_L7v<hP1&jU6|gD9}%^%#",
            ),
            (
                COLLECTED_DEVICE_TEXTS / "doc-ne40e-v800r012-hardening-display-include-ntp.txt",
                1,
                "%^%#5_TD+l')]GVp>0:^0zBMN{%V;<_rw:v7E3,1X}C/%^%#",
            ),
        )
        if parameters[0].exists()
    ],
    ids=["own", "collected"][: len(folders_of_device_texts())],
)
def test_displays_that_a_filter_cut(path: Path, number: int, ciphertext: str) -> None:
    displays = text_of(path).split("display current-configuration")
    first, second, third = (parse_configuration(text) for text in displays[1:])
    assert options_from_configuration(first.configuration)["authentication"] == on(hmac_key(number))
    assert first.configuration.authentication.keys[0].ciphertext.reveal() == ciphertext
    assert options_from_configuration(second.configuration)["authentication"] == on(hmac_key(number, trusted=False))
    assert third.configuration.foreign_lines
    assert [found.unknown for found in (first, second, third)] == [(), (), ()]


@pytest.mark.parametrize(
    ("path", "server", "client", "ciphertext"),
    [
        parameters
        for parameters in (
            (
                DEVICE_TEXTS / "example-ce-v300r023-keys.txt",
                "Alpha",
                "Beta",
                "%+%#Wc7\"`y/9|Vn$k2{!>m3T#Zq5}<eJ'8h\\0uLx:B&RfPd%+%#",
            ),
            (
                COLLECTED_DEVICE_TEXTS / "doc-ce6800-v300r023-kod-example.txt",
                "DeviceA",
                "DeviceB",
                '%+%#JA!v6M22=Gg\\{>U.lx%#)c%yY}0*"/`5mi><QS)L%+%#',
            ),
        )
        if parameters[0].exists()
    ],
    ids=["own", "collected"][: len(folders_of_device_texts())],
)
def test_keys_keep_their_ciphertext(path: Path, server: str, client: str, ciphertext: str) -> None:
    shown = {host: found.configuration for host, found in devices(path).items()}
    assert shown[server].authentication.keys[0].ciphertext.reveal() == ciphertext
    used = [[entry.key_id for entry in shown[host].server.upstream] for host in (server, client)]
    assert used == [[], [shown[client].authentication.keys[0].id]]


def test_a_single_stage_device_is_read_as_well() -> None:
    found = parse_configuration(text_of(DEVICE_TEXTS / "current-vrp5-s5700.txt"))
    assert found.dialect is Dialect.NTP_SERVICE
    assert found.unknown == ()
    assert options_from_configuration(found.configuration) == {"server": following("192.0.2.123")}


OTHERS = sorted(
    path
    for folder in folders_of_device_texts()
    for path in folder.glob("*")
    if path not in EXAMPLES and not path.name.startswith("current-")
)


@pytest.mark.parametrize("path", OTHERS, ids=name_of)
def test_nothing_else_is_taken_for_configuration(path: Path) -> None:
    found = parse_configuration(text_of(path))
    assert found.unknown == ()
    if "display-current-configuration" not in path.name and "include-ntp" not in path.name:
        assert options_from_configuration(found.configuration) == {}
        assert not found.configuration.foreign_lines
