# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told before the first line is sent, and what a refusal alone would not tell."""

from __future__ import annotations

from typing import Any

import pytest
from harness import SECRET, device, local_logins, ntp_lines, server_config

from vrp_simulator.testing import RunningDevice, running_devices

PORTS = [
    {"name": "100GE1/0/1", "ipv4": "10.0.0.1/24"},
    {"name": "100GE1/0/2", "layer2": True},
]


@pytest.fixture(name="item")
def item_fixture():
    with running_devices([{**device("D", "ce-v300r023", "100GE1/0/1"), "interfaces": PORTS}]) as running:
        yield running["D"]


def client(name: str, address: str = "224.0.1.1") -> dict[str, Any]:
    return {"interfaces": [{"name": name, "clients": [{"address": address}]}]}


def configuration_lines(item: RunningDevice) -> list[str]:
    return [entry["line"] for entry in item.commands() if entry["kind"] == "configuration"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (client("Vlanif100"), "Vlanif100 does not exist"),
        (client("100GE1/0/1", "ff0e::101"), "100GE1/0/1 has no IPv6"),
        (client("100GE1/0/9"), "100GE1/0/9 does not exist"),
    ],
    ids=["no Vlanif", "no IPv6", "no interface"],
)
def test_unfit_interfaces_are_told_before_the_first_line(item: RunningDevice, config, words: str) -> None:
    with local_logins(item) as logins:
        report, error = logins.run(logins.request(config))
    assert report is None
    assert words in str(error)
    assert configuration_lines(item) == []


def test_layer_2_ports_are_told_before_the_first_line() -> None:
    entry = device("D", "ne40e-v800r012", "GigabitEthernet0/1/0")
    with running_devices([{**entry, "interfaces": [{"name": "GigabitEthernet0/1/2", "layer2": True}]}]) as running:
        item = running["D"]
        with local_logins(item) as logins:
            report, error = logins.run(logins.request(client("GigabitEthernet0/1/2")))
        assert report is None
        assert "GigabitEthernet0/1/2 is a layer 2 port" in str(error)
        assert configuration_lines(item) == []


def test_a_port_that_may_be_of_layer_2_by_default_is_explained(item: RunningDevice) -> None:
    """Fact 1.4: a CloudEngine port is a layer 2 port unless a line says otherwise."""
    before = ntp_lines(item)
    with local_logins(item) as logins:
        report, error = logins.run(logins.request(client("100GE1/0/2")))
    assert report is None
    assert "perhaps it is a layer 2 port" in str(error)
    assert ntp_lines(item) == before


def test_md5_without_its_package_is_explained(item: RunningDevice) -> None:
    keys = [{"id": 7, "algorithm": "md5", "secret": SECRET}]
    before = ntp_lines(item)
    with local_logins(item) as logins:
        report, error = logins.run(logins.request({"authentication": {"keys": keys}}))
        assert report is None
        assert "WEAKEA" in str(error)
        assert ntp_lines(item) == before
        item.set_weak_algorithms(True)
        report, error = logins.run(logins.request({"authentication": {"keys": keys}}))
        assert report is not None, error


def test_associations_that_were_there_before_authentication_run_with_it(item: RunningDevice) -> None:
    item.change_as("other", ["interface 100GE1/0/1", "ntp multicast-client 239.1.2.3"])
    authentication = {"authentication": server_config("100GE1/0/1")["authentication"]}
    with local_logins(item) as logins:
        report, error = logins.run(logins.request(authentication))
        assert report is not None, error
    assert " ntp multicast-client 239.1.2.3" in item.running_configuration().splitlines()
    assert item.unauthenticated() == []
