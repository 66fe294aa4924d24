# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of VRP devices and manuals, read where they lie."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import options_from_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import ParseError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    DeviceConfiguration,
    parse_configuration,
)

REPOSITORY = Path(__file__).parents[4]
SAMPLES = Path(os.environ.get("TIMECAST_SHARED", REPOSITORY.parent / "shared")) / "samples" / "vrp"

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(),
    reason=f"no texts of VRP devices at {SAMPLES}: set TIMECAST_SHARED to the directory that holds samples/vrp",
)


def sample(name: str) -> str:
    return (SAMPLES / name).read_bytes().decode("utf-8", "replace")


def devices(name: str) -> dict[str, DeviceConfiguration]:
    """The configurations in a manual's example, which shows several devices one after another."""
    found = {}
    for frame in re.split(r"(?mi)^return\s*$", sample(name)):
        sysname = re.search(r"(?m)^sysname (\S+)", frame)
        if sysname:
            found[sysname.group(1)] = parse_configuration(frame[frame.rindex("#\nsysname") :])
    return found


KEY_42 = {"id": 42, "algorithm": "hmac-sha256", "trusted": True}
UNTRUSTED_42 = {**KEY_42, "trusted": False}
GROUP = {"afi": "ipv4", "address": "224.0.1.1"}


def on(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"enabled": True, "keys": list(keys)}


CE, NE = "100GE1/0/1", "GigabitEthernet0/1/0"
ENABLED = {"enabled": True}
EXAMPLES: dict[str, dict[str, dict[str, Any]]] = {
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
        "DeviceB": {"authentication": on(KEY_42), "server": {"enabled": True, "listen": [CE]}},
        "DeviceC": {"authentication": on(KEY_42), "server": ENABLED},
        "DeviceD": {"authentication": on(KEY_42), "server": ENABLED},
    },
    "doc-ce6800-v300r023-kod-example.txt": {
        "DeviceA": {
            "authentication": on(UNTRUSTED_42),
            "server": {"enabled": True, "listen": [CE], "reference_stratum": 2},
        },
        "DeviceB": {"authentication": on(KEY_42), "server": {"enabled": True, "listen": [CE]}},
        "DeviceC": {"authentication": on(KEY_42), "server": ENABLED},
        "DeviceD": {"authentication": on(KEY_42), "server": ENABLED},
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
        "DeviceB": {"authentication": on(KEY_42), "server": {"enabled": True, "listen": [NE]}},
        "DeviceC": {"authentication": on(KEY_42), "server": ENABLED},
        "DeviceD": {"authentication": on(KEY_42), "server": ENABLED},
    },
    "doc-ne40e-v800r012-kod-example.txt": {
        "DeviceA": {
            "authentication": on(KEY_42),
            "server": {"enabled": True, "listen": [NE], "reference_stratum": 2},
        },
        "DeviceB": {"authentication": on(KEY_42), "server": {"enabled": True, "listen": [NE]}},
        "DeviceC": {"authentication": on(KEY_42), "server": ENABLED},
        "DeviceD": {"authentication": on(KEY_42), "server": ENABLED},
    },
    "doc-ne40e-v800r012-peer-example.txt": {
        "DeviceC": {"server": {"enabled": True, "listen": [NE], "reference_stratum": 2}},
        "DeviceD": {"server": {"enabled": True, "listen": [NE]}},
        "DeviceE": {"server": ENABLED},
    },
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_device_of_a_manual_example(name: str) -> None:
    parsed = devices(name)
    assert {host: options_from_configuration(found.configuration) for host, found in parsed.items()} == EXAMPLES[name]
    assert [found.unknown for found in parsed.values()] == [()] * len(parsed)
    assert {found.dialect for found in parsed.values()} <= {
        Dialect.NTP if "-ce" in name else Dialect.NTP_SERVICE,
        None,
    }


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_examples_as_they_are_hold_several_devices(name: str) -> None:
    with pytest.raises(ParseError, match="more than one device: sysname"):
        parse_configuration(sample(name))


def test_a_real_ce6880() -> None:
    found = parse_configuration(sample("ce6880-v200r005c10-display-current-configuration.txt"))
    assert found.dialect is Dialect.NTP
    assert found.automatic == ("ntp server disable",)
    assert found.unknown == ()
    assert found.configuration.foreign_lines
    assert options_from_configuration(found.configuration) == {"server": {"enabled": False}}
    assert len(found.interfaces) == 33
    assert found.interfaces["10GE1/0/2"].layer2 is True
    assert found.interfaces["Vlanif3892"].layer2 is False
    assert found.interfaces["Vlanif3892"].ipv4_addresses == ("172.16.183.218 255.255.255.252",)
    assert found.interfaces["10GE1/0/1"].layer2 is None


def test_a_real_s5735_without_ntp() -> None:
    found = parse_configuration(sample("s5735-v600r023c00-display-current-configuration.txt"))
    assert found.dialect is Dialect.NTP
    assert found.automatic == (
        "ntp server source-interface all disable",
        "ntp ipv6 server source-interface all disable",
    )
    assert found.unknown == ()
    assert not found.configuration.foreign_lines
    assert options_from_configuration(found.configuration) == {}


def test_filtered_displays_of_a_hardening_guide() -> None:
    displays = sample("doc-ne40e-v800r012-hardening-display-include-ntp.txt").split("display current-configuration")
    first, second, third = (parse_configuration(text) for text in displays[1:])
    assert options_from_configuration(first.configuration)["authentication"] == on({**KEY_42, "id": 1})
    assert first.configuration.authentication.keys[0].ciphertext.reveal() == (
        "%^%#5_TD+l')]GVp>0:^0zBMN{%V;<_rw:v7E3,1X}C/%^%#"
    )
    assert options_from_configuration(second.configuration)["authentication"] == on({**UNTRUSTED_42, "id": 1})
    assert third.configuration.foreign_lines
    assert [found.unknown for found in (first, second, third)] == [(), (), ()]


def test_keys_in_manuals_keep_their_ciphertext() -> None:
    shown = {host: found.configuration for host, found in devices("doc-ce6800-v300r023-kod-example.txt").items()}
    assert shown["DeviceA"].authentication.keys[0].ciphertext.reveal() == (
        '%+%#JA!v6M22=Gg\\{>U.lx%#)c%yY}0*"/`5mi><QS)L%+%#'
    )
    assert [shown[host].authentication.keys[0].used_elsewhere for host in ["DeviceA", "DeviceB"]] == [False, True]


OTHERS = sorted(path for path in SAMPLES.glob("*") if path.name not in EXAMPLES)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.name)
def test_nothing_else_is_taken_for_configuration(path: Path) -> None:
    found = parse_configuration(sample(path.name))
    assert found.unknown == ()
    if "display-current-configuration" not in path.name and "include-ntp" not in path.name:
        assert options_from_configuration(found.configuration) == {}
        assert not found.configuration.foreign_lines
