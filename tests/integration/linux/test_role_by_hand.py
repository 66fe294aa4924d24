# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that somebody else has to do with, too: what is put back and removed where it is not as the role has left it.

The tests of this file build on each other, in their order: a host is not cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Ansible, Host, Lab, Run
from .role import HELPER, SITE, UNIT, description, service_property

OWN_PYTHON = "/opt/python"
DISCIPLINE = ("-e", "ntp_multicast_engine_discipline=chrony")
MOVED = ("-e", "ntp_multicast_engine_chrony_configuration=/etc/chrony/conf.d/moved.conf")
ABSENT = ("-e", "ntp_multicast_engine_state=absent")
ROLL_BACK = """
- hosts: touched
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: timecast.ntp_multicast.ntp_multicast_engine
        tasks_from: roll_back
      vars: {ntp_multicast_engine_run_id: told, ntp_multicast_engine_rollback_others: true}
"""


@pytest.fixture(scope="module")
def host(lab: Lab, suite: Callable[[str], str]) -> Host:
    """chronyd is installed, and neither runs nor is enabled."""
    made = lab.host("touched", suite("bookworm"), 15)
    made.run("sh", "-c", "echo 'DAEMON_OPTS=\"-F 0 -x\"' > /etc/default/chrony")
    made.run("ln", "-s", "/usr/bin/python3", OWN_PYTHON)
    return made


@pytest.fixture(scope="module")
def wanted(host: Host, reached_by: dict[str, Any]) -> dict[str, Any]:
    sections = description(interfaces=[{"name": "eth0", "clients": [{"address": "224.0.1.1"}]}], python=OWN_PYTHON)
    return {"all": {"hosts": {"touched": {"ansible_host": host.v4, **sections}}, "vars": reached_by}}


def ok(run: Run) -> Run:
    assert run.code == 0, run.output
    return run


def label(name: str) -> tuple[str, str]:
    return ("-e", f'{{"ntp_multicast_engine_commit": {{"label": "{name}"}}}}')


def of_chrony(host: Host) -> list[str]:
    """Its state, and what is ours of it."""
    states = [host.run("systemctl", word, "chrony.service", check=False).stdout for word in ("is-active", "is-enabled")]
    found = host.output("find", "/etc/chrony/conf.d", "/etc/systemd/system", "-path", "*chrony*", "-name", "*.conf")
    return [state.strip() for state in states] + sorted(found.split())


def traces(host: Host) -> str:
    """Also of a service that systemd runs without a unit."""
    found = host.output("sh", "-c", "find /etc /usr /var/lib /run -xdev -name '*ntp*multicast*'")
    return found + "".join(host.run("pgrep", "-f", "bin/ntp-multicast-engine run", check=False).stdout)


def test_a_chronyd_that_did_not_run_does_not_run_afterwards(
    ansible: Ansible, host: Host, wanted: dict[str, Any]
) -> None:
    ok(ansible.play(SITE, wanted, *label("installed")))
    before = of_chrony(host)
    assert before == ["inactive", "disabled"]
    ok(ansible.play(SITE, wanted, *DISCIPLINE, *MOVED, *label("told")))
    moved, addition = "/etc/chrony/conf.d/moved.conf", "/etc/systemd/system/chrony.service.d/ntp-multicast-engine.conf"
    assert of_chrony(host) == ["active", "enabled", moved, addition]
    ok(ansible.play(SITE, wanted, *DISCIPLINE, *label("moved")))
    assert host.output("chronyc", "-c", "sources").count("MCST") == 1, "the file of the other name is gone"
    ok(ansible.play(ROLL_BACK, wanted))
    assert of_chrony(host) == before, "over two runs, and the second has made a file that the first does not know"


def test_what_could_not_be_looked_at_is_not_removed_by_half(
    ansible: Ansible, host: Host, wanted: dict[str, Any]
) -> None:
    ok(ansible.play(SITE, wanted, *DISCIPLINE))
    host.run("rm", OWN_PYTHON)
    run = ansible.play(SITE, wanted, *ABSENT)
    assert (run.code, run.changed) == (2, {"touched": 0}), run.output
    assert f"touched: {OWN_PYTHON} (ntp_multicast_engine_python) does not run there" in " ".join(run.output.split())


def test_a_service_without_its_unit_does_not_stay(ansible: Ansible, host: Host, wanted: dict[str, Any]) -> None:
    other = ("-e", "ntp_multicast_engine_python=/usr/bin/python3")
    host.run("systemctl", "mask", "chrony.service")
    run = ansible.play(SITE, wanted, *other, *DISCIPLINE)
    assert run.code == 2 and "chrony.service is masked there" in " ".join(run.output.split()), run.output
    host.run("systemctl", "unmask", "chrony.service")
    host.run("rm", f"/etc/systemd/system/{UNIT}")
    ok(ansible.play(SITE, wanted, *ABSENT, *other))
    for unit in (UNIT, HELPER):
        assert [service_property(host, name, unit) for name in ("ActiveState", "LoadState")] == [
            "inactive",
            "not-found",
        ]
    assert (of_chrony(host), traces(host)) == (["inactive", "disabled"], "")
