# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that follows others by unicast: its chronyd has them as sources, with their keys, and the engine its word.

The tests of this file build on each other, in their order: a host is not cheap.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Ansible, Host, Lab
from .role import SECRETS, SITE, assert_no_secret, description, keys, system_of, wait_for

ORIGIN_STRATUM = 4
KEYS, TOLD = "/etc/chrony/chrony.keys", "/etc/chrony/conf.d/ntp-multicast-engine.conf"
BEFORE = "/var/tmp/keys.before"  # the key file as it was before the role came
ROLL_BACK = """
- hosts: server
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: timecast.ntp_multicast.ntp_multicast_engine
        tasks_from: roll_back
      vars: {ntp_multicast_engine_run_id: moved}
"""


@pytest.fixture(scope="module")
def origin(lab: Lab, suite: Callable[[str], str]) -> Host:
    """A time server with a key, as anybody has it."""
    host = lab.host("origin", suite("bookworm"), 21)
    told = f"local stratum {ORIGIN_STRATUM}\\nallow 10.99.7.0/24\\nallow fd00:99:7::/64\\n"
    host.run("sh", "-c", f"printf '{told}' > /etc/chrony/conf.d/local.conf")
    host.run("sh", "-c", f"echo '42 AES128 ASCII:{SECRETS['first']}' >> {KEYS}")
    start_chronyd(host)
    return host


@pytest.fixture(scope="module")
def server(lab: Lab, suite: Callable[[str], str]) -> Host:
    host = lab.host("server", suite("bookworm"), 22)
    host.run("sh", "-c", f"echo '7 MD5 ASCII:somebody-elses' >> {KEYS}; cp -p {KEYS} {BEFORE}")
    start_chronyd(host)
    return host


def start_chronyd(host: Host) -> None:
    """chronyd that keeps its hands off the clock (-x)."""
    script = "echo 'DAEMON_OPTS=\"-F 0 -x\"' > /etc/default/chrony; systemctl enable chrony.service"
    host.run("sh", "-c", f"{script}; systemctl restart chrony.service")


def described(server: Host, reached_by: dict[str, Any], upstream: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    stream = [{"name": "eth0", "servers": [{"address": "224.0.1.1", "key_id": 42}]}]
    section = {"enabled": True, "listen": ["eth0"], "upstream": upstream}
    variables = description(
        **{
            "authentication": keys(SECRETS["first"]),
            "server": section,
            "interfaces": stream,
            "upstream": "chrony",
            **more,
        }
    )
    return {"all": {"hosts": {"server": {"ansible_host": server.v4, **reached_by, **variables}}}}


@pytest.fixture(scope="module")
def wanted(origin: Host, server: Host, reached_by: dict[str, Any]) -> dict[str, Any]:
    upstream = [{"address": origin.v4, "key_id": 42, "preferred": True, "minpoll": 3}, {"address": origin.v6.upper()}]
    return described(server, reached_by, upstream)


def with_upstream(inventory: dict[str, Any], *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    changed = copy.deepcopy(inventory)
    variables = changed["all"]["hosts"]["server"]
    variables["ntp_multicast_engine_server"]["upstream"] = list(entries)
    variables.update(description(**more))
    return changed


def sources(host: Host) -> dict[str, list[str]]:
    """What chronyd says of its sources, by their addresses."""
    shown = host.output("chronyc", "-c", "-n", "sources")
    return {line.split(",")[2]: line.split(",") for line in shown.splitlines()}


def test_it_is_refused_where_nobody_takes_them(ansible: Ansible, wanted: dict[str, Any]) -> None:
    run = ansible.play(SITE, wanted, "-e", "ntp_multicast_engine_upstream=auto")
    assert (run.code, run.changed) == (2, {"server": 0}), run.output
    assert "ntp_multicast_engine_upstream has to be chrony" in run.output


def test_a_key_of_somebody_else_is_not_replaced(ansible: Ansible, server: Host, wanted: dict[str, Any]) -> None:
    taken = copy.deepcopy(keys(SECRETS["first"]))
    taken["keys"][1]["algorithm"] = "md5"  # 7, which chronyd has already
    run = ansible.play(
        SITE, with_upstream(wanted, {"address": "10.99.7.21", "key_id": 7}, authentication=taken, interfaces=[])
    )
    assert run.code == 2, run.output
    assert "already has key 7, which is somebody else's" in " ".join(run.output.split())
    assert server.run("cmp", KEYS, BEFORE, check=False).returncode == 0
    assert server.run("test", "-e", TOLD, check=False).returncode == 1


def test_chronyd_follows_them_and_the_engine_passes_it_on(
    ansible: Ansible, origin: Host, server: Host, wanted: dict[str, Any]
) -> None:
    predicted = ansible.play(SITE, wanted, "--check")
    assert predicted.code == 0, predicted.output
    run = ansible.play(SITE, wanted, "--diff")
    assert run.code == 0, run.output
    assert_no_secret(run)
    assert f"server {origin.v4} iburst prefer key 42 minpoll 3" in run.output
    assert {origin.v4, origin.v6} <= set(sources(server))
    wait_for(lambda: sources(server)[origin.v4][1] == "*", server)
    authentication = {
        line.split(",")[0]: line.split(",") for line in server.output("chronyc", "-c", "-n", "authdata").splitlines()
    }
    assert authentication[origin.v4][1:3] == ["SK", "42"]
    wait_for(lambda: system_of(server).get("stratum") == ORIGIN_STRATUM + 1, server)
    assert system_of(server)["upstream"] == "chrony"
    for arguments in (("--check",), ()):
        again = ansible.play(SITE, wanted, *arguments)
        assert (again.code, again.changed) == (0, {"server": 0}), again.output


def test_a_chronyd_that_takes_nothing_runs_as_before(
    ansible: Ansible, origin: Host, server: Host, wanted: dict[str, Any]
) -> None:
    before = server.output("cat", KEYS, TOLD)
    broken = with_upstream(wanted, {"address": "10.99.7.99"}, discipline="chrony", chrony_options="nonsense")
    run = ansible.play(SITE, broken)
    assert run.code == 2, run.output
    words = "chronyd does not take measurements of the engine and its unicast servers"
    assert words in " ".join(run.output.split()), run.output
    assert_no_secret(run)
    assert server.output("cat", KEYS, TOLD) == before
    assert origin.v4 in sources(server) and "10.99.7.99" not in sources(server)
    again = ansible.play(SITE, wanted)
    assert (again.code, again.changed) == (0, {"server": 0}), again.output


def test_the_way_back_knows_them(ansible: Ansible, origin: Host, server: Host, wanted: dict[str, Any]) -> None:
    before = server.output("cat", KEYS, TOLD)
    moved = with_upstream(wanted, {"address": "10.99.7.99"}, commit={"label": "moved"})
    run = ansible.play(SITE, moved)
    assert run.code == 0, run.output
    assert set(sources(server)) == {"10.99.7.99"}
    assert "BEGIN ntp-multicast-engine" not in server.output("cat", KEYS), "no source has a key"
    back = ansible.play(ROLL_BACK, wanted)
    assert back.code == 0, back.output
    assert_no_secret(back)
    assert server.output("cat", KEYS, TOLD) == before
    assert set(sources(server)) == {origin.v4, origin.v6}


def test_removal_leaves_chronyd_as_it_was(ansible: Ansible, server: Host, wanted: dict[str, Any]) -> None:
    run = ansible.play(SITE, wanted, "-e", "ntp_multicast_engine_state=absent")
    assert run.code == 0, run.output
    assert server.run("cmp", KEYS, BEFORE, check=False).returncode == 0
    assert server.output("stat", "-c", "%a %U %G", KEYS) == server.output("stat", "-c", "%a %U %G", BEFORE)
    assert server.run("test", "-e", TOLD, check=False).returncode == 1
    assert sources(server) == {}
    assert server.output("systemctl", "is-active", "chrony.service") == "active"
