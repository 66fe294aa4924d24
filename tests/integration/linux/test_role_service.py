# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service that the role has deployed: its sandbox, reloads, deaths, restarts, journal.

The tests of this file build on each other, in their order: a host is not cheap.
"""

from __future__ import annotations

import json

import pytest

from .conftest import Host, Lab
from .role import UNIT, exposure, service_property, wait_for, wait_until_synchronised

pytestmark = pytest.mark.usefixtures("deployed")


def test_the_service_is_in_its_sandbox(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        assert exposure(host) <= 1.5
        pid = service_property(host, "MainPID")
        status = dict(
            line.split(":\t") for line in host.output("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line
        )
        assert status["Uid"].split()[0] != "0"
        assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 1 << 10  # CAP_NET_BIND_SERVICE
        assert status["NoNewPrivs"].strip() == "1"
        assert service_property(host, "WatchdogUSec") == "30s"


def test_a_reload_that_would_be_refused_fails_and_harms_nothing(hosts: dict[str, Host]) -> None:
    host, path = hosts["server"], "/etc/ntp-multicast-engine/engine.json"
    before = service_property(host, "MainPID")
    host.run("sh", "-c", f'cp -p {path} /var/tmp/engine.json; sed -i \'s/"poll": 3/"poll": 99/\' {path}')
    assert host.run("systemctl", "reload", UNIT, check=False).returncode != 0
    assert "servers[0].poll: 99: must be" in host.output("journalctl", "-u", UNIT, "-n", "20", "--no-pager")
    host.run("mv", "/var/tmp/engine.json", path)
    host.run("systemctl", "reload", UNIT)
    assert service_property(host, "MainPID") == before
    wait_until_synchronised(host)


def test_a_reload_does_not_pass_over_a_key_file_that_was_replaced(hosts: dict[str, Host]) -> None:
    """systemd opens it at the start; editors put another file in its place."""
    host, path = hosts["server"], "/etc/ntp-multicast-engine/keys"
    host.run("sh", "-c", f"cp -p {path} {path}.new && mv {path}.new {path}")
    host.run("systemctl", "reload", UNIT)
    said = "another file than at the start: must be read by a restart"
    wait_for(lambda: said in host.output("journalctl", "-u", UNIT, "-n", "20", "--no-pager"), host)
    host.run("systemctl", "restart", UNIT)
    wait_until_synchronised(host)


def test_a_service_that_is_killed_comes_back(hosts: dict[str, Host]) -> None:
    hosts["server"].run("systemctl", "kill", "-s", "KILL", UNIT)
    wait_until_synchronised(hosts["server"])
    assert service_property(hosts["server"], "NRestarts") == "1"


def test_a_service_that_hangs_is_started_again(hosts: dict[str, Host]) -> None:
    """A stopped process neither answers nor ends; only the watchdog can notice."""
    hosts["server"].run("systemctl", "kill", "-s", "STOP", UNIT)
    wait_for(lambda: service_property(hosts["server"], "NRestarts") == "2", hosts["server"])
    wait_until_synchronised(hosts["server"])


def test_the_journal_has_the_fields_of_an_event(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        lines = host.output("journalctl", "-u", UNIT, "-o", "json", "NTP_EVENT=synchronised").splitlines()
        event = json.loads(lines[-1])
        assert event["MESSAGE"].startswith("synchronised to ") and event["NTP_SOURCE"] in event["MESSAGE"]
        assert int(event["NTP_STRATUM"]) in (2, 3) and event["PRIORITY"] == "6"


def test_the_deployment_survives_a_restart_of_the_host(lab: Lab, hosts: dict[str, Host]) -> None:
    lab("restart", "server")
    wait_until_synchronised(hosts["server"])
