# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of check_drift and verify, as a pipeline that runs them on simulated devices has them."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from .network import CE1, NE1, Network, running_network

DIRECTORY = ("-e", "ntp_multicast_report_directory=reports")
ENDINGS = ("junit.xml", "sarif", "md", "html", "prom")
WRITTEN_OUT = str.maketrans({"\u202e": "\\u{202e}", "\u2066": "\\u{2066}"})
LINE = "ntp multicast-server 224.0.1.1 (interface 100GE1/0/1)"


@pytest.fixture(name="network", params=[False, True], ids=["device by device", "as a fleet"])
def network_fixture(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[Network]:
    """Both configured, and one changed by hand."""
    with running_network(tmp_path, fleet=request.param) as running:
        run = running.play("site")
        assert run.exit_code == 0, run.printed
        line = "ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 8 version 4"
        running.device("ce1").change_as("anna", ["interface 100GE1/0/1", line])
        yield running


def document(network: Network, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((network.directory / "reports" / name).read_text(encoding="utf-8"))
    return found


def test_drift_is_told_and_what_is_allowed_fails_nothing(network: Network) -> None:
    lines = len(network.configuration_lines())
    run = network.play("check_drift", *DIRECTORY)
    assert run.exit_code != 0
    assert {name: counters["failed"] for name, counters in run.recap().items() if counters["failed"]} == {"ce1": 1}
    found = document(network, "drift.json")
    assert (found["exit_code"], found["counts"]["drifted"], found["counts"]["in_sync"]) == (2, 1, 1)
    (ce1,) = (host for host in found["hosts"] if host["name"] == "ce1")
    assert [(finding["kind"], finding["line"]) for finding in ce1["findings"]] == [("line_different", LINE)]
    assert [commit["user"] for commit in ce1["commits"]["entries"]] == ["anna"]

    allowed = json.dumps({"ntp_multicast_drift_allowed": [{"host": "ce*", "line": "ntp multicast-server 224.0.1.1*"}]})
    run = network.play("check_drift", *DIRECTORY, "-e", allowed, "-e", "ntp_multicast_report_formats=json,junit")
    assert run.exit_code == 0, run.printed
    assert re.search(r"ce1 +drifted, as allowed", run.printed), run.printed
    again = document(network, "drift.json")
    assert (again["exit_code"], again["allowed"], again["counts"]["drifted"]) == (0, 1, 1)
    prints = [
        [finding["fingerprint"] for host in each["hosts"] for finding in host["findings"]] for each in (found, again)
    ]
    assert prints[0] == prints[1]
    assert "<failure" not in (network.directory / "reports" / "drift.junit.xml").read_text(encoding="utf-8")
    assert len(network.configuration_lines()) == lines


@pytest.fixture(name="alone")
def alone_fixture(tmp_path: pathlib.Path) -> Iterator[Network]:
    with running_network(tmp_path) as running:
        yield running


def test_a_folder_that_cannot_be_written_fails_the_run_after_all_was_said(alone: Network) -> None:
    (alone.directory / "reports").write_text("a file", encoding="utf-8")
    run = alone.play("check_drift", *DIRECTORY, hosts={"ne1": NE1})
    assert run.exit_code != 0
    assert run.printed.index("ne1  drifted") < run.printed.index("The report could not be written to")


def test_a_home_that_is_nobodys_fails_the_run_after_all_was_said(alone: Network) -> None:
    run = alone.play("check_drift", "-e", "ntp_multicast_report_directory=~nobody-of-this-name/r", hosts={"ne1": NE1})
    assert run.exit_code != 0
    assert run.printed.index("ne1  drifted") < run.printed.index("The report could not be written to ~nobody-of-")


@pytest.mark.parametrize("playbook", ["check_drift", "verify"])
def test_a_report_over_nobody_takes_the_place_of_an_earlier_one(alone: Network, playbook: str) -> None:
    name = f"{playbook.rpartition('_')[2]}.json"
    (alone.directory / "reports").mkdir()
    (alone.directory / "reports" / name).write_text('{"exit_code": 2}', encoding="utf-8")
    undescribed = {"db1": {"ansible_connection": "local", "ansible_network_os": ""}}
    for arguments, hosts in (((), undescribed), (("-e", "ntp_multicast_hosts=srevers"), {"ne1": NE1})):
        run = alone.play(playbook, *DIRECTORY, *arguments, "-e", "ntp_multicast_allow_none=true", hosts=hosts)
        assert run.exit_code == 0, run.printed
        found = document(alone, name)
        assert (found["exit_code"], found["hosts"], sum(found["counts"].values())) == (0, [], 0)
        (alone.directory / "reports" / name).unlink()
    assert not alone.device("ne1").commands()


@pytest.mark.parametrize(("playbook", "name"), [("site", "leaf 1"), ("check_drift", "ne1,ce1")])
def test_a_host_that_no_play_can_name_is_refused_and_not_passed_over(alone: Network, playbook: str, name: str) -> None:
    """Ansible would leave it out, and the run would be green."""
    odd = {"ansible_host": "127.0.0.1", "ansible_port": alone.device("ne1").port, **NE1}
    run = alone.play(playbook, hosts={"ce1": CE1, name: odd})
    assert run.exit_code != 0
    assert f"Ansible takes the name of the host '{name}' for a pattern" in " ".join(run.printed.split()), run.printed
    assert not any(device.commands() for device in alone.devices.values())


ODD_NAMES = (
    "<script>alert(1)</script>",
    "a\"b'c",
    "süd|`1`",
    "2001:db8::1",
    "a\u202eb\u2066",
    "{{7*7}}",
    "@everyone",
    "long" * 40,
)


@pytest.mark.parametrize("playbook", ["check_drift", "verify"])
def test_a_host_of_any_name_is_in_every_report(alone: Network, playbook: str) -> None:
    """One of them drifts, and nobody answers at the others."""
    kind = playbook.rpartition("_")[2]
    gone = {**NE1, "ansible_host": "127.0.0.1", "ansible_port": 1}
    odd = dict.fromkeys(ODD_NAMES[1:], gone)
    odd[ODD_NAMES[0]] = {**gone, "ansible_port": alone.device("ne1").port, "ntp_multicast_wait": False}
    run = alone.play(playbook, *DIRECTORY, hosts=odd)
    assert run.exit_code != 0
    found = document(alone, f"{kind}.json")
    states = {host["name"]: host["state"] for host in found["hosts"]}
    assert states == dict.fromkeys(ODD_NAMES[1:], "unreachable") | {
        ODD_NAMES[0]: "drifted" if kind == "drift" else "unsynchronised"
    }
    assert found["exit_code"] == 3
    texts = {
        ending: (alone.directory / "reports" / f"{kind}.{ending}").read_text(encoding="utf-8") for ending in ENDINGS
    }
    cases = ElementTree.fromstring(texts["junit.xml"]).findall("./testsuite/testcase")
    assert {case.get("name") for case in cases} == {name.translate(WRITTEN_OUT) for name in ODD_NAMES}
    told = {result["message"]["text"].partition(": ")[0] for result in json.loads(texts["sarif"])["runs"][0]["results"]}
    assert len(told) == len(ODD_NAMES)
    assert "<script>alert" not in texts["html"]
    assert not any(chr(steering) in text for text in texts.values() for steering in WRITTEN_OUT)
    assert texts["prom"].count("ntp_multicast_report_host_state{") == len(ODD_NAMES)
    assert alone.configuration_lines() == []


def test_a_format_that_is_none_is_told(alone: Network) -> None:
    run = alone.play("check_drift", *DIRECTORY, "-e", "ntp_multicast_report_formats=pdf", hosts={"ne1": NE1})
    assert run.exit_code != 0
    assert "ntp_multicast_report_formats" in run.printed, run.printed
    assert not alone.device("ne1").commands()


def test_verify_writes_the_same_says_how_far_it_is_and_keeps_offsets(alone: Network) -> None:
    for device in alone.devices.values():
        device.set_faults(stalls={"clock status": 6.0})
    run = alone.play("verify", *DIRECTORY, "-e", "ntp_multicast_wait=false", "-e", "__ntp_multicast_progress_every=0")
    assert run.exit_code != 0
    assert re.search(r"verify: [01] of 2 hosts done, [12] left", run.printed), run.printed
    found = document(alone, "verify.json")
    assert (found["exit_code"], found["counts"]["unsynchronised"]) == (2, 2)
    assert {sender["host"]: sender["key_id"] for sender in found["domain"]["senders"]} == {"ce1": 42, "ne1": 43}
    assert {path.name for path in (alone.directory / "reports").iterdir()} >= {
        "verify.json",
        "verify.junit.xml",
        "verify.sarif",
        "verify.md",
        "verify.prom",
    }
