# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own status in the shape that VRP devices and Linux hosts share."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ansible_collections.timecast.ntp_multicast.plugins.modules import ntp_multicast_engine_info as module
from ansible_collections.timecast.ntp_multicast.plugins.modules import vrp_ntp_multicast_info as vrp_module
from ntp_multicast_engine.observe import status


def document(*, servers: int = 0, associations: int = 0) -> dict[str, Any]:
    """A status as the engine's own data classes make it."""
    system = status.SystemStatus(True, "none", 3, "10.99.7.21", 1e-6, 2e-6, 1e-4, 1e-3, 0.5, "monitor")
    association = status.AssociationStatus(
        "10.99.7.21",
        "eth0",
        "224.0.1.1",
        "broadcast client",
        2,
        "LOCL",
        255,
        8,
        1e-6,
        1e-4,
        2e-6,
        1e-3,
        True,
        True,
        42,
        1.5,
        "kernel",
        True,
        True,
    )
    server = status.ServerStatus("eth0", "224.0.1.1", 123, 42, 16, 4, 8, 10, None, "kernel")
    whole = status.Status(
        status.EngineStatus("0.1.0", 1, 10.0),
        system,
        (association,) * associations,
        (server,) * servers,
        status.Counters(10, 10, {"bad_mac": 3, "stale": 0}),
    )
    return json.loads(json.dumps(whole.document()))


def documented(module_with_return: Any) -> dict[str, Any]:
    return yaml.safe_load(module_with_return.RETURN)["ntp"]["contains"]


def names(contains: dict[str, Any]) -> dict[str, Any]:
    """Names and types of what a module returns, without the words about it."""
    return {
        name: {"type": entry["type"], **({"contains": names(entry["contains"])} if "contains" in entry else {})}
        for name, entry in contains.items()
    }


def test_both_modules_document_the_same_shape() -> None:
    assert names(documented(module)) == names(documented(vrp_module))


def test_the_shape_is_the_documented_one() -> None:
    state = module.ntp_state(document(servers=1, associations=1), True)
    contains = documented(module)
    assert set(state) == set(contains)
    for part in ("associations", "servers"):
        assert set(state[part][0]) == set(contains[part]["contains"])
    types = {"bool": bool, "int": int, "float": float, "str": str, "list": list}
    for name, value in {**state, **state["associations"][0]}.items():
        entry = contains.get(name) or contains["associations"]["contains"][name]
        assert isinstance(value, types[entry["type"]]), name


@pytest.mark.parametrize(
    ("servers", "follows", "expected"),
    [(0, False, "none"), (1, False, "server"), (0, True, "client"), (2, True, "both")],
)
def test_role(servers: int, follows: bool, expected: str) -> None:
    assert module.ntp_state(document(servers=servers), follows)["role"] == expected


def test_a_host_that_is_not_synchronised_says_what_it_hears_and_refuses() -> None:
    sentence = why_not(associations=1, synchronised=False)
    assert sentence is not None and sentence.startswith("The host is not synchronised. Servers heard")
    assert str(why_not(synchronised=False, reason="nothing has come to 224.0.1.1")).startswith(
        "The host is not synchronised: nothing has come to 224.0.1.1. Servers heard"
    )
    assert "10.99.7.21 (reach 377)" in sentence
    assert "3 bad_mac" in sentence
    assert "stale" not in sentence


def why_not(maximum: float = 0.128, associations: int = 0, **system: Any) -> str | None:
    changed = document(associations=associations)
    changed["system"].update(system)
    sentence: str | None = module.why_not(changed, maximum)
    assert module.clock_state(changed, maximum) == {
        "discipline": changed["system"]["discipline"],
        "discipline_state": changed["system"]["discipline_state"],
        "discipline_error": changed["system"]["discipline_error"],
        "panic_threshold": changed["system"]["panic_threshold"],
        "in_order": sentence is None,
        "reason": sentence,
    }
    return sentence


def test_the_clock_state_is_the_documented_one() -> None:
    contains = yaml.safe_load(module.RETURN)["clock"]["contains"]
    assert set(module.clock_state(document(), 0.128)) == set(contains)


@pytest.mark.parametrize(
    ("offset", "right"), [(0.0, True), (0.128, True), (-0.128, True), (0.1281, False), (-3600, False)]
)
def test_a_clock_is_right_within_a_bound(offset: float, right: bool) -> None:
    assert (why_not(offset=offset) is None) == right


@pytest.mark.parametrize("discipline", ["monitor", "kernel", "chrony"])
def test_a_clock_that_is_an_hour_off_is_not_in_order(discipline: str) -> None:
    sentence = why_not(offset=3600.0, discipline=discipline)
    assert sentence is not None and "The host's clock is 3600 s off from 10.99.7.21" in sentence
    assert "at most 0.128 s" in sentence and (discipline == "kernel" or discipline in sentence)


def test_a_clock_that_the_kernel_refuses_to_steer_is_not_in_order() -> None:
    error = "the clock can't be steered: adjtimex: Operation not permitted"
    assert why_not(discipline="kernel", discipline_error=error) == (
        f"The host measures, but its clock is not in order: {error}."
    )


def test_a_server_with_its_own_clock_has_no_offset() -> None:
    assert why_not(offset=None) is None and why_not(offset=float("nan")) is not None


class Asked:
    """A module with these parameters."""

    def __init__(self, **params: Any) -> None:
        self.params = {"heard_afresh": True, "wait_until_synchronised": True, "config": "/nonexistent", **params}


@pytest.mark.parametrize(("age", "since", "right"), [(1.5, 2.0, True), (1.5, 1.0, False), (300.0, 60.0, False)])
def test_a_packet_before_the_change_proves_nothing(age: float, since: float, right: bool) -> None:
    changed = document(associations=1)
    changed["associations"][0]["last_received"] = age
    sentence = module.stale(Asked(), changed, since)
    assert (sentence is None) == right
    assert module.stale(Asked(heard_afresh=False), changed, since) is None
    assert module.stale(Asked(), document(servers=1), since) is None, "a server has nothing to hear"
    if sentence is not None:
        changed[module.STALE] = sentence
        assert module.why_not(changed, 0.128) == sentence


def test_a_source_that_is_heard_has_to_be_followed_unless_the_host_has_a_clock_of_its_own() -> None:
    changed = document(associations=1)
    changed["associations"][0]["selected"] = False
    changed["system"]["upstream"] = "association"
    assert module.stale(Asked(), changed, 60.0) is not None
    changed["system"]["upstream"] = "local"
    assert module.stale(Asked(), changed, 60.0) is None
