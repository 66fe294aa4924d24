# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text option lets a character through that means something to a command line: each option, each character."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_NTP_MULTICAST
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.vrp_request import refuse_problems
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError

CONTROL = "\0\x03\b\t\n\r\x1a\x1b\x7f\x85\x9b\x9d"
INVISIBLE = "\xa0\u200b\u2028\u2029\u202e\u2066\ufeff"
LETTERS_OF_OTHERS = "\xe4\u0661\u212a\uff11"  # a letter, an Arabic digit, the sign of kelvin, a wide digit
SEEN = "?|;\"'\\`$&<>*!^{}~"
ODD = CONTROL + INVISIBLE + LETTERS_OF_OTHERS + SEEN
# A secret is any text; of what is seen it must not hold a question mark.
ODD_IN_SECRETS = CONTROL + INVISIBLE + LETTERS_OF_OTHERS + "?"

KEYS = "config.authentication.keys"
UPSTREAM = "config.server.upstream"
SERVERS, CLIENTS = "config.interfaces.servers", "config.interfaces.clients"
VALUES = {
    f"{KEYS}.algorithm": "hmac-sha256",
    f"{KEYS}.secret": "Huawei-12345",
    "config.server.listen": "fd00::1",
    f"{UPSTREAM}.address": "10.0.0.1",
    f"{UPSTREAM}.vpn_instance": "MEth0/0/0",
    f"{UPSTREAM}.source_interface": "LoopBack0",
    "config.interfaces.name": "100GE1/0/1",
    f"{SERVERS}.afi": "ipv4",
    f"{SERVERS}.address": "239.1.2.3",
    f"{CLIENTS}.afi": "ipv6",
    f"{CLIENTS}.address": "ff05::101",
    "commit.label": "change_4711",
    "commit.description": "Ticket 4711 (NTP)",
    "commit.confirm": "login",
    "run_id": "site-4711",
    "dialect": "ntp-service",
    "state": "merged",
    "update_secrets": "always",
    "save": "never",
}
NOT_TYPED = {"results_from", "running_config"}


def texts(options: dict[str, Any], path: str = "") -> Iterator[str]:
    """The paths of the options that hold a text."""
    for name, option in options.items():
        if "options" in option:
            yield from texts(option["options"], f"{path}{name}.")
        elif "str" in (option["type"], option.get("elements")):
            yield path + name


def task(values: dict[str, str]) -> dict[str, Any]:
    return {
        "config": {
            "authentication": {
                "keys": [{"id": 1, "algorithm": values[f"{KEYS}.algorithm"], "secret": values[f"{KEYS}.secret"]}]
            },
            "server": {
                "listen": [values["config.server.listen"]],
                "upstream": [
                    {name: values[f"{UPSTREAM}.{name}"] for name in ("address", "vpn_instance", "source_interface")}
                ],
            },
            "interfaces": [
                {
                    "name": values["config.interfaces.name"],
                    "servers": [{"afi": values[f"{SERVERS}.afi"], "address": values[f"{SERVERS}.address"]}],
                    "clients": [{"afi": values[f"{CLIENTS}.afi"], "address": values[f"{CLIENTS}.address"]}],
                }
            ],
        },
        "commit": {
            "trial": 120,
            **{name: values[f"commit.{name}"] for name in ("label", "description", "confirm")},
        },
        **{name: values[name] for name in ("dialect", "state", "update_secrets", "save", "run_id")},
    }


def refused(values: dict[str, str]) -> bool:
    checked = ArgumentSpecValidator(**VRP_NTP_MULTICAST).validate(task(values))
    if checked.error_messages:
        return True
    try:
        refuse_problems(checked.validated_parameters)
    except UserError as error:
        assert all(line.isascii() and line.isprintable() for line in str(error).split("\n")), str(error)
        return True
    return False


def test_the_table_has_every_text() -> None:
    assert set(texts(VRP_NTP_MULTICAST["argument_spec"])) == {*VALUES, *NOT_TYPED}
    assert len(set(ODD)) > 24


def test_the_plain_values_are_taken() -> None:
    assert not refused(VALUES)


@pytest.mark.parametrize("option", VALUES)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_odd_characters(option: str, place: str) -> None:
    plain = VALUES[option]
    at = {"first": 0, "middle": len(plain) // 2, "last": len(plain)}[place]
    odd = ODD_IN_SECRETS if option.endswith(".secret") else ODD
    taken = [character for character in odd if not refused({**VALUES, option: plain[:at] + character + plain[at:]})]
    assert taken == []


@pytest.mark.parametrize("source", ["Vlanif100", "all", "fd00::1"])
@pytest.mark.parametrize("place", [0, 2, None])
def test_odd_characters_in_each_kind_of_listening_source(source: str, place: int | None) -> None:
    at = len(source) if place is None else place
    values = (VALUES | {"config.server.listen": source[:at] + character + source[at:]} for character in ODD)
    assert all(map(refused, values))


@pytest.mark.parametrize(
    "source",
    ["fe80::1%1\nsysname PWNED\ncommit", "fe80::1%eth0", "::1\n", " fd00::1", "all\ncommit", "Vlanif1\ncommit"],
)
def test_a_source_that_goes_on_in_another_line(source: str) -> None:
    assert refused(VALUES | {"config.server.listen": source})
    assert refused(VALUES | {"config.interfaces.name": source})


@pytest.mark.parametrize(
    "description", ["", " a", "a ", "# a", "a" * 61], ids=["empty", "blank first", "blank last", "comment", "long"]
)
def test_descriptions(description: str) -> None:
    assert refused(VALUES | {"commit.description": description})


@pytest.mark.parametrize("label", ["", "4711", "-a", "a b", "a" * 257])
def test_labels(label: str) -> None:
    assert refused(VALUES | {"commit.label": label})
