# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on hosts with a real systemd: refused, deployed, converged, changed.

The tests of this file build on each other, in their order: a host is not cheap.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from .conftest import Ansible, Host, Lab
from .role import (
    CLIENT_OF_BOTH,
    HELPER,
    NEWEST,
    SECRETS,
    SITE,
    STATUS,
    assert_no_secret,
    description,
    exposure,
    files_of,
    service_property,
    wait_for,
    wait_until_synchronised,
    with_secret,
)

WRONG = {
    "key id 0": (
        {"authentication": {"keys": [{"id": 0, "algorithm": "md5", "secret": "x"}]}},
        "authentication.keys[0].id",
    ),
    "short key": (
        {"authentication": {"keys": [{"id": 1, "algorithm": "aes-256-cmac", "secret": SECRETS["first"]}]}},
        "authentication.keys[0].secret",
    ),
    "ttl": ({"interfaces": [{"name": "eth0", "servers": [{"ttl": 256}]}]}, "interfaces[0].servers[0].ttl"),
    "port": ({"interfaces": [{"name": "eth0", "servers": [{"port": 124}]}]}, "interfaces[0].servers[0].port"),
    "unicast": (
        {"interfaces": [{"name": "eth0", "clients": [{"address": "10.0.0.1"}]}]},
        "interfaces[0].clients[0].address",
    ),
    "unknown key": ({"interfaces": [{"name": "eth0", "servers": [{"key_id": 9}]}]}, "interfaces[0].servers[0].key_id"),
    "no secret": ({"authentication": {"keys": [{"id": 5, "algorithm": "md5"}]}}, "keys[0]: key 5 is refused"),
    "poll": ({"poll": 2}, "poll: 2 is refused"),
    "client port": ({"client_port": 1024}, "client_port: 1024 is refused"),
    "reference": ({"reference_id": "TOOLONG"}, "reference_id: TOOLONG is refused"),
    "upstream": ({"upstream": "local"}, "upstream: local is refused"),
    "allowed": ({"allow_servers": ["nobody"]}, "allow_servers: nobody is refused"),
    "network": ({"allow_clients": ["999.999.999.999"]}, "allow_clients: 999.999.999.999 is refused"),
    "group": ({"groups": [{"address": "224.0.1.9"}]}, "groups[0]: 224.0.1.9 is refused"),
    "truth": ({"interleaved": "perhaps"}, "perhaps"),
    "fallback": ({"fallback_delay": 2}, "fallback_delay: 2 is refused"),
    "interface": ({"interfaces": [{"name": "eth9", "clients": [{}]}]}, "it has no interface eth9, only eth0, lo"),
    "chrony": (
        {"discipline": "chrony", "python": "/usr/bin/python9"},
        "/usr/bin/python9 (ntp_multicast_engine_python) does not run",
    ),
}


def test_what_is_wrong_is_refused_before_anything_is_touched(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], untouched: dict[str, list[str]]
) -> None:
    host = inventory["all"]["hosts"]["client"]["ansible_host"]
    connection = {name: value for name, value in inventory["all"]["vars"].items() if name.startswith("ansible_")}
    # One host under as many names as there are mistakes.
    wrong = {
        "all": {
            "hosts": {
                f"wrong{number}": {"ansible_host": host, **description(**sections)}
                for number, (sections, _said) in enumerate(WRONG.values())
            },
            "vars": connection,
        }
    }
    run = ansible.play(SITE, wrong, "--diff", "-f", "4")
    assert run.code == 2, run.output
    assert set(run.changed.values()) == {0}
    said = " ".join(run.output.split())
    for number, (mistake, (_sections, sentence)) in enumerate(WRONG.items()):
        assert f"fatal: [wrong{number}]" in said, mistake
        assert sentence in said, f"{mistake}: {run.task('Check every option against its rule')}"
    assert_no_secret(run)
    assert files_of(hosts["client"]) == untouched["client"]


def test_check_mode_predicts_on_a_fresh_host_and_touches_nothing(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], untouched: dict[str, list[str]]
) -> None:
    run = ansible.play(SITE, inventory, "--check", "--diff")
    assert run.code == 0, run.output
    for task in ("Install the engine", "Write the keys", "Write the configuration", "Describe the service"):
        assert run.task(task).count("changed: [") == 2, task
    assert '+      "ttl": 16' in run.task("Write the configuration")
    assert_no_secret(run)
    assert {name: files_of(host) for name, host in hosts.items()} == untouched


def test_the_first_run_deploys(ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]) -> None:
    # At the highest verbosity that people use; and without pipelining, as is Ansible's own default.
    run = ansible.play(SITE, inventory, "--diff", "-vvv", ANSIBLE_PIPELINING="false")
    assert run.code == 0, run.output
    assert '+      "ttl": 16' in run.task("Write the configuration")
    assert_no_secret(run)
    # Without pipelining a module and its arguments pass through temporary files: the keys must not.
    assert " PUT " in run.task("Write the configuration")
    assert " PUT " not in run.task("Write the keys")
    for host in hosts.values():
        assert service_property(host, "ActiveState") == "active"
        assert service_property(host, "UnitFileState") == "enabled"
        assert host.output("stat", "-c", "%a %U", "/etc/ntp-multicast-engine/keys") == "600 root"


def test_the_second_run_changes_nothing(ansible: Ansible, inventory: dict[str, Any]) -> None:
    run = ansible.play(SITE, inventory, "--diff")
    assert run.code == 0, run.output
    assert run.changed == {"server": 0, "client": 0}


def test_the_client_measures_the_server(ansible: Ansible, inventory: dict[str, Any], hosts: dict[str, Host]) -> None:
    run = ansible.play(STATUS, inventory)
    assert run.code == 0, run.output
    server, client = (json.loads((ansible.folder / f"{name}.json").read_text()) for name in ("server", "client"))
    assert (server["role"], server["stratum"], server["reference_id"]) == ("server", 2, "LOCL")
    assert {(entry["group"], entry["key_id"], entry["ttl"]) for entry in server["servers"]} == {
        ("224.0.1.1", 42, 16),
        ("ff0e::101", 42, 8),
    }
    assert (client["role"], client["stratum"], client["synchronised"]) == ("client", 3, True)
    assert {entry["source"] for entry in client["associations"]} <= {hosts["server"].v4, hosts["server"].v6}
    for association in client["associations"]:
        assert (association["authenticated"], association["key_id"]) == (True, 42)
    # One machine, one clock: the true offset is nought. The bound is a plausibility, not an accuracy.
    assert abs(client["offset"]) < 0.1


def test_a_collector_of_metrics_can_read_them(hosts: dict[str, Host]) -> None:
    path = "/run/ntp-multicast-engine/metrics.prom"
    end = time.monotonic() + 60
    while hosts["server"].run("test", "-e", path, check=False).returncode != 0 and time.monotonic() < end:
        time.sleep(1)
    read_by_another = ("setpriv", "--reuid", "nobody", "--clear-groups", "cat", path)
    assert "ntp_multicast_engine_synchronised 1" in hosts["server"].output(*read_by_another)


def test_a_changed_option_is_reloaded_and_a_changed_key_restarts(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]
) -> None:
    pid = service_property(hosts["server"], "MainPID")
    run = ansible.play(SITE, inventory, "--diff", "-l", "server", "-e", "ntp_multicast_engine_poll=4")
    assert (run.code, run.changed) == (0, {"server": 2}), run.output
    assert run.task("Write the configuration").count('"poll"') == 4  # two servers, before and after
    assert '-      "poll": 3' in run.output and '+      "poll": 4' in run.output
    assert "changed: [server]" in run.task("Reload the NTP multicast engine")
    assert service_property(hosts["server"], "MainPID") == pid
    run = ansible.play(SITE, with_secret(inventory, SECRETS["second"]), "--diff")
    assert (run.code, run.changed) == (0, {"server": 3, "client": 2}), run.output
    assert "changed: [server]" in run.task("Write the keys")
    assert service_property(hosts["server"], "MainPID") != pid
    assert_no_secret(run)
    wait_until_synchronised(hosts["client"])


def test_what_was_changed_by_hand_is_seen(ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]) -> None:
    hosts["client"].run("sed", "-i", "s/base64:./base64:A/", "/etc/ntp-multicast-engine/keys")
    hosts["client"].run("chmod", "0666", "/etc/ntp-multicast-engine/engine.json")
    run = ansible.play(SITE, with_secret(inventory, SECRETS["second"]), "--check", "--diff", "-l", "client")
    assert run.code == 0, run.output
    assert "changed: [client]" in run.task("Write the keys")
    assert "-mode: 0666" in run.task("Write the configuration")
    assert "ok: [client]" in run.task("Describe the service")


KEEPER = """
import socket, time
ipv4, ipv6 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
ipv6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
ipv4.bind(("0.0.0.0", 123))
ipv6.bind(("::", 123))
time.sleep(3600)
"""


def test_a_client_beside_a_program_that_keeps_the_port_for_itself(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]
) -> None:
    client, wanted = hosts["client"], with_secret(inventory, SECRETS["second"])
    run = ansible.play(SITE, wanted, "-l", "client", "-e", "ntp_multicast_engine_raw_sockets=yes")
    assert run.code == 0, run.output
    assert exposure(client) <= 1.7
    client.run("systemd-run", "--unit=keeper", "/usr/bin/python3", "-c", KEEPER)
    try:
        wait_for(lambda: "python3" in client.output("ss", "-Hulnp", "sport = :123"), client)
        client.run("systemctl", "restart", "ntp-multicast-engine")
        wait_until_synchronised(client)
        assert client.output("systemctl", "is-active", "keeper") == "active"
        assert "by a raw socket" in client.output("journalctl", "-u", "ntp-multicast-engine", "-o", "cat")
    finally:
        client.run("systemctl", "stop", "keeper")


def test_the_newest_release_is_a_host_like_the_others(
    ansible: Ansible, lab: Lab, suite: Callable[[str], str], inventory: dict[str, Any]
) -> None:
    """Another Python and another systemd: with a clock helper, closed, the same the second time."""
    host = lab.host("newest", suite(NEWEST), 13)
    wanted = with_secret(inventory, SECRETS["second"])
    wanted["all"]["hosts"] = {
        "newest": {
            "ansible_host": host.v4,
            **description(interfaces=CLIENT_OF_BOTH, discipline="kernel", require_discipline=False),
        }
    }
    run = ansible.play(SITE, wanted)
    assert run.code == 0, run.output
    wait_until_synchronised(host)
    assert exposure(host) <= 1.5 and exposure(host, HELPER) <= 1.5
    again = ansible.play(SITE, wanted)
    assert (again.code, again.changed) == (0, {"newest": 0}), again.output
    lab("down", "newest")
