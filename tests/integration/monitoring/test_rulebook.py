# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook, run by a real ansible-rulebook, on what Alertmanager's webhook sends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.process import wait_for
from integration.playbooks.network import ROOT, Network, running_network

RULEBOOK = ROOT / "extensions" / "eda" / "rulebooks" / "ntp_multicast_alerts.yml"
PROGRAM = ROOT / ".venv-eda" / "bin" / "ansible-rulebook"
PATIENCE = 300.0  # a rule engine in Java, and then a playbook
TOKEN = "Only-for-this-test-1"

pytestmark = [needs.unless(needs.no_file(PROGRAM, "eda")), needs.commands("java")]


def alert(name: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    """A message in the form of Alertmanager's webhook, version 4."""
    labels = {"alertname": name, "severity": "warning", **labels}
    return {
        "version": "4",
        "status": status,
        "receiver": "ansible",
        "groupLabels": {},
        "commonLabels": labels,
        "alerts": [{"status": status, "labels": labels, "annotations": {}, "startsAt": "2026-01-01T00:00:00Z"}],
    }


class Rulebook:
    """A running ansible-rulebook."""

    def __init__(self, network: Network) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = int(sock.getsockname()[1])
        self.reports = network.directory / "reports"
        _command, environment = network.command("verify")
        variables = {
            "NTP_MULTICAST_WEBHOOK_TOKEN": TOKEN,
            "NTP_MULTICAST_WEBHOOK_PORT": str(self.port),
            "NTP_MULTICAST_REPORT_DIRECTORY": str(self.reports),
        }
        self._log = network.directory / "rulebook.log"
        self.process = subprocess.Popen(
            [
                str(PROGRAM),
                "--rulebook",
                str(RULEBOOK),
                "--inventory",
                str(network.directory / "inventory.yml"),
                "--env-vars",
                ",".join(variables),
                "--print-events",
            ],
            env={
                **environment,
                **variables,
                "PATH": f"{PROGRAM.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            cwd=network.directory,
            stdout=self._log.open("w"),
            stderr=subprocess.STDOUT,
        )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def post(self, message: dict[str, Any], token: str = TOKEN) -> int:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/endpoint",
            json.dumps(message).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            assert self.process.poll() is None, self.log
            return 0

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)


@pytest.fixture(name="network", scope="module")
def network_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running_network(tmp_path_factory.mktemp("rulebook")) as network:
        assert network.play("site").exit_code == 0
        yield network


@pytest.fixture(name="rulebook", scope="module")
def rulebook_fixture(network: Network) -> Iterator[Rulebook]:
    started = Rulebook(network)
    try:
        wait_for(
            lambda: started.post(alert("Watchdog"), token="wrong") == 401,
            "the webhook, which refuses a wrong token",
            PATIENCE,
        )
        yield started
    finally:
        started.stop()


def hosts_of(report: Path) -> list[str]:
    return [host["name"] for host in json.loads(report.read_text())["hosts"]] if report.exists() else []


def test_an_alert_makes_the_playbook_look_at_its_host(network: Network, rulebook: Rulebook) -> None:
    before = len(network.configuration_lines())
    assert rulebook.post(alert("NtpMulticastNotLookedAt", host="ne1", kind="verify", state="unreachable")) == 200
    wait_for(lambda: hosts_of(rulebook.reports / "verify.json") == ["ne1"], "the report of verify", PATIENCE)
    assert rulebook.post(alert("NtpMulticastDrift", host="ce1", kind="drift", state="drifted")) == 200
    wait_for(lambda: hosts_of(rulebook.reports / "drift.json") == ["ce1"], "the report of check_drift", PATIENCE)
    assert "ce1" in (rulebook.reports / "drift.md").read_text()
    assert len(network.configuration_lines()) == before, "looking configured a device"
    assert not any(secret in rulebook.log for secret in (TOKEN, "Aa1-integration!"))


def test_only_an_alert_that_says_so_changes_a_host(network: Network, rulebook: Rulebook) -> None:
    described = "ntp multicast-server"  # the default group is not printed
    network.device("ce1").change_as("somebody", ["interface 100GE1/0/1", "undo ntp multicast-server 224.0.1.1"])
    assert described not in network.device("ce1").running_configuration()
    hostile = "{{ lookup('pipe', 'touch " + str(network.directory / "pwned") + "') }}"
    for labels in ({"host": hostile}, {"host": "all:!ne1"}, {"host": "all"}, {}):
        rulebook.post(alert("NtpMulticastDrift", ntp_multicast_action="site", **labels))
    rulebook.post(alert("NtpMulticastDrift", status="resolved", host="ce1", ntp_multicast_action="site"))
    assert rulebook.post(alert("NtpMulticastDrift", host="ce1", ntp_multicast_action="site")) == 200
    wait_for(
        lambda: described in network.device("ce1").running_configuration(),
        "the description on the device",
        PATIENCE,
    )
    applied = "PLAY [Apply the description]"
    wait_for(lambda: "PLAY RECAP" in rulebook.log.rpartition(applied)[2], "the end of site", PATIENCE)
    assert rulebook.log.count(applied) == 1, "a message that nobody should follow was followed"
    assert not (network.directory / "pwned").exists()
