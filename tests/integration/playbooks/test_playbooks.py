# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as a user runs them, over SSH, against simulated devices of both dialects."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from .network import CE1, NE1, SECRETS, Network, Run, running_network

CIPHERTEXT = re.compile(r"%[\^+#@]%[#@].{20,}%[\^+#@]%[#@]")
# A port of this machine where nobody listens: reserved and never assigned.
GONE = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_timeout": 3, **NE1}
BY_HAND = ["interface 100GE1/0/1", "undo ntp multicast-server 224.0.1.1"]


both_ways = pytest.mark.parametrize("network", [False, True], ids=["device by device", "as a fleet"], indirect=True)


@pytest.fixture
def network(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[Network]:
    with running_network(tmp_path, fleet=getattr(request, "param", False)) as running:
        yield running


@pytest.fixture
def configured(network: Network) -> Network:
    run = network.play("site")
    assert run.exit_code == 0, run.printed
    return network


def changed(run: Run) -> dict[str, int]:
    """How often each host was changed; a fleet's recap leaves out those of which there is nothing to tell."""
    return {name: counters["changed"] for name, counters in run.recap().items() if counters["changed"]}


def left_clean(network: Network) -> bool:
    return all(not device.pending() and device.lock_owner() is None for device in network.devices.values())


@both_ways
@pytest.mark.end_to_end
def test_site_configures_both_dialects_and_then_has_nothing_to_do(network: Network) -> None:
    first = network.play("site", "--diff")
    assert first.exit_code == 0, first.printed
    assert changed(first) == {"ce1": 1, "ne1": 1}
    assert "\n+ ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 16 version 4\n" in first.printed, (
        first.printed
    )
    assert "\n+ ntp-service multicast-client" in first.printed
    before = network.configurations()
    lines = len(network.configuration_lines())
    second = network.play("site", "--diff")
    assert second.exit_code == 0, second.printed
    assert changed(second) == {}
    assert network.configurations() == before
    assert len(network.configuration_lines()) == lines
    assert left_clean(network)


def test_check_mode_predicts_and_sends_nothing(network: Network) -> None:
    run = network.play("site", "--check", "--diff")
    assert run.exit_code == 0, run.printed
    assert changed(run) == {"ce1": 1, "ne1": 1}
    assert network.configuration_lines() == []


@both_ways
def test_no_output_shows_a_secret_or_a_ciphertext(network: Network) -> None:
    runs = [
        network.play("site", "--check", "--diff", "-vvv"),
        network.play("site", "--diff", "-vvv"),
        network.play("check_drift", "-vvv"),
        network.play("verify", "-vvv", "-e", "ntp_multicast_wait=false"),
    ]
    printed = "".join(run.printed for run in runs)
    assert "multicast-server" in printed
    assert not any(secret in printed for secret in SECRETS.values())
    assert not CIPHERTEXT.search(printed)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ntp_multicast_interfaces": [{"name": "100GE1/0/1", "servers": [{"ttl": 256}]}]}, r"servers\[0\]\.ttl: 256"),
        ({"ntp_multicast_server": {"listn": ["all"]}}, "listn"),
        ({"ansible_connection": "ansible.builtin.ssh"}, "ansible.builtin.ssh cannot reach a VRP device"),
    ],
)
def test_one_wrong_description_keeps_every_device_untouched(
    network: Network, variables: dict[str, Any], sentence: str
) -> None:
    run = network.play("site", hosts={"ce1": {**CE1, **variables}, "ne1": NE1})
    assert run.exit_code != 0
    assert re.search(sentence, run.printed), run.printed
    assert all(not device.commands() for device in network.devices.values())


def test_deleted_takes_everything_away_again(configured: Network) -> None:
    run = configured.play("site", "-e", "ntp_multicast_state=deleted")
    assert run.exit_code == 0, run.printed
    assert changed(run) == {"ce1": 1, "ne1": 1}
    assert not any("multicast" in text for text in configured.configurations().values())
    assert changed(configured.play("site", "-e", "ntp_multicast_state=deleted")) == {}
    assert left_clean(configured)


@both_ways
def test_a_device_that_cannot_be_reached_does_not_keep_the_others_from_being_configured(network: Network) -> None:
    run = network.play("site", hosts={"gone": GONE, "ce1": CE1})
    assert run.exit_code != 0
    assert run.recap()["gone"]["unreachable"] == 1
    assert run.recap()["ce1"]["changed"] == 1


@pytest.mark.parametrize("network", [True], ids=["as a fleet"], indirect=True)
def test_many_changed_devices_are_told_of_at_once(network: Network) -> None:
    together = ("-e", "ntp_multicast_report_individually_max=0")
    first = network.play("site", "--diff", *together, hosts={"ce1": CE1, "gone": GONE, "ne1": NE1})
    assert "changed: [ce1]\nchanged: [ne1]\n" in first.printed, first.printed
    assert "\n+ ntp-service multicast-client" in first.printed
    assert (first.recap()["gone"]["unreachable"], "ne1" in first.recap()) == (1, False)
    facts = [path.read_text() for path in (network.directory / "facts").glob("*_?e1")]
    assert ["key_memory" in text for text in facts] == [True, True]
    assert "2 of 2 devices done: 2 in sync" in network.play("site", *together).printed
    network.device("ce1").change_as("someone", BY_HAND)
    summary = network.directory / "drift.json"
    drift = network.play("check_drift", *together, "-e", f"ntp_multicast_drift_summary={summary}")
    assert drift.exit_code != 0
    hosts = json.loads(summary.read_text(encoding="utf-8"))["hosts"]
    assert {name: host["status"] for name, host in hosts.items()} == {"ce1": "drifted", "ne1": "in_sync"}
    assert "ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 16 version 4" in hosts["ce1"]["commands"]
    assert any(line.startswith("+") and "multicast-server" in line for line in hosts["ce1"]["diff"])


def test_check_drift_is_content_after_site(configured: Network) -> None:
    summary = configured.directory / "drift.json"
    run = configured.play("check_drift", "-e", f"ntp_multicast_drift_summary={summary}")
    assert run.exit_code == 0, run.printed
    written = json.loads(summary.read_text(encoding="utf-8"))
    assert written["in_sync"] is True
    assert {name: host["status"] for name, host in written["hosts"].items()} == {"ce1": "in_sync", "ne1": "in_sync"}


@both_ways
@pytest.mark.end_to_end
@pytest.mark.parametrize("flags", [[], ["--check"]])
def test_check_drift_names_those_that_drifted_and_changes_nothing(configured: Network, flags: list[str]) -> None:
    configured.device("ce1").change_as("someone", BY_HAND)
    before, lines = configured.configurations(), configured.configuration_lines()
    summary = configured.directory / "drift.json"
    run = configured.play(
        "check_drift",
        *flags,
        *("-e", f"ntp_multicast_drift_summary={summary}"),
        hosts={"ce1": CE1, "ne1": NE1, "gone": GONE},
    )
    assert run.exit_code != 0
    written = json.loads(summary.read_text(encoding="utf-8"))
    assert {name: host["status"] for name, host in written["hosts"].items()} == {
        "ce1": "drifted",
        "ne1": "in_sync",
        "gone": "unreachable",
    }
    assert written["totals"] == {"in_sync": 1, "drifted": 1, "unreachable": 1, "failed": 0}
    assert any(line.startswith("+") and "multicast-server" in line for line in written["hosts"]["ce1"]["diff"])
    assert "Not in sync: ce1, gone" in run.printed
    assert configured.configurations() == before
    assert configured.configuration_lines() == lines


@both_ways
def test_check_drift_counts_a_wrong_description_as_failed_and_still_checks_the_others(configured: Network) -> None:
    wrong = {**CE1, "ntp_multicast_interfaces": [{"name": "100GE1/0/1", "servers": [{"ttl": 256}]}]}
    summary = configured.directory / "drift.json"
    run = configured.play(
        "check_drift", "-e", f"ntp_multicast_drift_summary={summary}", hosts={"ce1": wrong, "ne1": NE1}
    )
    assert run.exit_code != 0
    hosts = json.loads(summary.read_text(encoding="utf-8"))["hosts"]
    assert {name: host["status"] for name, host in hosts.items()} == {"ce1": "failed", "ne1": "in_sync"}
    assert "ttl: 256" in hosts["ce1"]["message"]


def test_check_drift_sees_a_key_that_was_changed_on_the_device(configured: Network) -> None:
    line = "ntp authentication-keyid 42 authentication-mode aes-128-cmac Zz9-changed-key!"
    configured.device("ce1").change_as("someone", [line])
    run = configured.play("check_drift")
    assert run.exit_code != 0
    assert "Not in sync: ce1" in run.printed


def test_verify_takes_a_reference_clock_for_synchronised(configured: Network) -> None:
    run = configured.play("verify", "--limit", "ce1", "-e", "ntp_multicast_timeout=5")
    assert run.exit_code == 0, run.printed
    assert re.search(r"\bce1 +yes +server\b", run.printed), run.printed


def test_verify_shows_all_and_fails_because_of_one(configured: Network) -> None:
    run = configured.play("verify", "-e", "ntp_multicast_wait=false", hosts={"gone": GONE, "ne1": NE1, "ce1": CE1})
    assert run.exit_code != 0
    assert re.search(r"\bce1 +yes\b", run.printed), run.printed
    assert re.search(r"\bne1 +NO\b", run.printed), run.printed
    assert "Not synchronised: gone, ne1" in run.printed


def test_there_is_a_report_although_nobody_answers(network: Network) -> None:
    run = network.play("verify", hosts={"gone": GONE})
    assert run.exit_code != 0
    assert "Not synchronised: gone" in run.printed
    summary = network.directory / "drift.json"
    run = network.play("check_drift", "-e", f"ntp_multicast_drift_summary={summary}", hosts={"gone": GONE})
    assert run.exit_code != 0
    assert json.loads(summary.read_text(encoding="utf-8"))["totals"]["unreachable"] == 1
