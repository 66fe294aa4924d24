# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook site in waves, and rollback, over SSH against twelve simulated devices."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from vrp_simulator.testing import RunningDevice, running_devices

from .air import air_of
from .network import PASSWORD, USER, Network, Run

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "vrp"))
from clock import hears

SECRET = "Aa1-integration!"
SERVERS = ["s1", "s2"]
CLIENTS = [f"c{number}" for number in range(1, 11)]
HOSTS = [*CLIENTS, *SERVERS]  # not in the order of the waves
GROUP = "224.0.1.1"
SHORT = ["-e", "ntp_multicast_timeout=8"]


class Site(Network):
    """Two servers and ten clients, each of which hears a server that signs with key 42."""

    def device(self, host: str) -> RunningDevice:
        return self.devices[host]

    def write_inventory(self, hosts: dict[str, dict[str, Any]]) -> pathlib.Path:
        reached = {
            name: {"ansible_host": "127.0.0.1", "ansible_port": self.device(name).port, **variables}
            for name, variables in hosts.items()
        }
        variables = {
            "ansible_connection": "timecast.ntp_multicast.vrp_ssh",
            "ansible_network_os": "timecast.ntp_multicast.vrp",
            "ansible_user": USER,
            "ansible_password": PASSWORD,
            "ntp_multicast_state": "overridden",
        }
        path = self.directory / "inventory.json"
        path.write_text(json.dumps({"all": {"hosts": reached, "vars": variables}}), encoding="utf-8")
        return path

    def touched(self) -> list[str]:
        """The hosts on which anything was typed to change them."""
        return [name for name in HOSTS if any(entry["kind"] == "configuration" for entry in self.typed(name))]

    def typed(self, name: str) -> list[dict[str, Any]]:
        return self.device(name).commands()

    def forget(self) -> None:
        """Begin the command logs anew."""
        for name in HOSTS:
            self.device(name).call(lambda device: device.journal.commands.pop(device.settings.name, None))


def described(key_id: int = 42) -> dict[str, dict[str, Any]]:
    """The variables of all hosts."""
    key = {"id": key_id, "algorithm": "aes-128-cmac", "secret": SECRET, "trusted": True}
    authentication = {"ntp_multicast_authentication": {"enabled": True, "keys": [key]}}
    server = {
        "ntp_multicast_server": {"enabled": True, "listen": ["all"], "reference_stratum": 2},
        "ntp_multicast_interfaces": [{"name": "100GE1/0/1", "servers": [{"address": GROUP, "key_id": key_id}]}],
    }
    client = {"ntp_multicast_interfaces": [{"name": "100GE1/0/1", "clients": [{"address": GROUP}]}]}
    return {name: {**authentication, **(server if name in SERVERS else client)} for name in HOSTS}


def text_of(item: RunningDevice) -> list[str]:
    """The running configuration but for the lines that tell when it was changed, and the ciphertexts."""
    lines = [line for line in item.running_configuration().splitlines() if not line.startswith("!")]
    return [line.rpartition(" ")[0] if "authentication-mode" in line else line for line in lines]


@contextmanager
def twelve_devices(tmp_path: pathlib.Path) -> Iterator[Site]:
    users = [{"name": USER, "password": PASSWORD, "level": 3}]
    port = {"name": "100GE1/0/1", "layer2": False, "ipv4": "10.0.0.1/24"}
    entries = [{"name": name, "release": "ce-v300r023", "users": users, "interfaces": [port]} for name in HOSTS]
    with running_devices(entries, log_directory=tmp_path) as devices:
        ssh = tmp_path / "home" / ".ssh"
        ssh.mkdir(parents=True)
        (ssh / "known_hosts").write_text(devices.known_hosts(), encoding="utf-8")
        yield Site(tmp_path, devices, described())


@pytest.fixture(name="site")
def site_fixture(tmp_path: pathlib.Path) -> Iterator[Site]:
    with twelve_devices(tmp_path) as site:
        for name in CLIENTS:
            hears(site.devices[name])
        yield site


def waves(**variables: Any) -> list[str]:
    return ["-e", json.dumps({f"ntp_multicast_{name}": value for name, value in variables.items()})]


def order_of_commits(site: Site) -> list[str]:
    """The hosts in the order of their last commits."""
    commits = {name: site.device(name).commits()[-1]["time"] for name in HOSTS}
    return sorted(commits, key=lambda name: str(commits[name]))


def succeeded(run: Run) -> Run:
    assert run.exit_code == 0, run.printed
    return run


@pytest.mark.parametrize("fleet", [False, True], ids=["device by device", "as a fleet"])
def test_a_rollout_of_a_wrong_key_stops_at_the_canary(site: Site, fleet: bool) -> None:
    many = waves(fleet_from=1 if fleet else 100)
    succeeded(site.play("site", *many))
    assert set(order_of_commits(site)[:2]) == set(SERVERS), "servers come before clients"
    before = {name: text_of(site.device(name)) for name in HOSTS}
    for name in CLIENTS:
        link = site.device(name).open_link(USER)
        assert "clock status: synchronized" in link.converse("display ntp status\n")
        link.close()
    site.forget()
    how = waves(canary="c3", batches=[1, 3, "100%"], check_between="synchronised", run_id="wrong-key")
    run = site.play("site", *many, *how, *SHORT, hosts=described(key_id=43))
    assert run.exit_code != 0
    assert site.touched() == ["c3"]
    assert all(text_of(site.device(name)) == before[name] for name in HOSTS if name != "c3")
    assert "Stopped after the canary (1 of 12 hosts)" in run.printed
    assert "not heard after the change" in run.printed, run.printed
    assert "The new description: c3 (1)" in run.printed
    assert "ansible-playbook timecast.ntp_multicast.site -i" in run.printed
    assert run.recap()["c3"]["failed"] == 1
    assert SECRET not in run.printed


def test_a_client_that_refuses_what_its_servers_send_stops_the_rollout(tmp_path: pathlib.Path) -> None:
    """Nobody says what the clients hear: each takes or refuses the packets by its own configuration."""
    with twelve_devices(tmp_path) as site, air_of(site.devices) as air:
        succeeded(site.play("site"))
        air.wait_until_heard()
        taken = {name: air.listeners[name].taken for name in CLIENTS}
        site.forget()
        how = waves(canary="c3", batches=[1, 3, "100%"], check_between="synchronised", run_id="wrong-key")
        run = site.play("site", *how, *SHORT, hosts=described(key_id=43))
        assert run.exit_code != 0
        assert site.touched() == ["c3"]
        assert "Stopped after the canary (1 of 12 hosts)" in run.printed
        assert "The new description: c3 (1)" in run.printed
        assert "After its change: Not synchronised" in run.printed, run.printed
        assert air.listeners["c3"].refused > 0
        others = [name for name in CLIENTS if name != "c3"]
        assert all(air.listeners[name].taken > taken[name] and not air.listeners[name].refused for name in others)


def test_all_waves_go_through_when_all_is_well(site: Site) -> None:
    how = waves(canary="c3", batches=[1, "50%", "100%"], check_between="synchronised")
    run = succeeded(site.play("site", *how, *SHORT))
    order = order_of_commits(site)
    assert order[0] == "c3"
    assert set(order[1:3]) == set(SERVERS)
    assert "the clients, batch 1 of 3: 1 of 1 hosts are as described." in run.printed, run.printed
    again = succeeded(site.play("site", *how, *SHORT))
    assert not any(counters["changed"] for counters in again.recap().values())


def test_failures_within_the_limit_do_not_stop_the_run(site: Site) -> None:
    for name in ("c1", "c2"):
        site.device(name).set_faults(refused_lines={"multicast-client": "Error: The flux capacitor is empty."})
    run = site.play("site", *waves(batches=[2, 4], max_failed=1))
    assert run.exit_code != 0
    assert "Stopped after the clients, batch 1 of 3 (2 of 12 hosts)" in run.printed
    assert sorted(site.touched()) == ["c1", "c2", *SERVERS]
    assert "The new description: s1, s2 (2)" in run.printed or "The new description: s2, s1 (2)" in run.printed
    run = site.play("site", *waves(batches=[2, 4], max_failed="20%"))
    assert run.exit_code != 0
    assert {name for name, counters in run.recap().items() if counters["failed"]} == {"c1", "c2"}
    assert all("multicast-client" in site.device(name).running_configuration() for name in CLIENTS[2:])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"batches": []}, "ntp_multicast_batches: the list is empty"),
        ({"batches": [0]}, "ntp_multicast_batches: 0 is no size of a batch"),
        ({"batches": ["150%"]}, "is no size of a batch"),
        ({"canary": "nobody*"}, "ntp_multicast_canary: its pattern names none"),
        ({"max_failed": "many"}, "ntp_multicast_max_failed: 'many' has to be"),
        ({"check_between": "perhaps"}, "ntp_multicast_check_between"),
        ({"run_id": "last"}, "ntp_multicast_run_id: last"),
        ({"run_id": "20261127"}, "ntp_multicast_run_id"),
    ],
)
def test_waves_that_make_no_sense_are_refused_before_anything_is_touched(
    site: Site, wrong: dict[str, Any], sentence: str
) -> None:
    run = site.play("site", *waves(**wrong))
    assert run.exit_code != 0
    assert sentence in " ".join(run.printed.split()), run.printed
    assert all(site.typed(name) == [] for name in HOSTS)


# -- rollback ----------------------------------------------------------------------------------------------------------


@pytest.mark.end_to_end
def test_a_run_is_taken_back_text_for_text(site: Site) -> None:
    before = {name: text_of(site.device(name)) for name in HOSTS}
    succeeded(site.play("site", *waves(run_id="change-1")))
    changed = {name: text_of(site.device(name)) for name in HOSTS}
    looked = succeeded(site.play("rollback", *waves(run_id="change-1"), "--check", "--diff"))
    assert "- ntp multicast-client" in looked.printed.replace("-  ntp", "- ntp"), looked.printed
    assert {name: text_of(site.device(name)) for name in HOSTS} == changed
    taken = succeeded(site.play("rollback", *waves(run_id="change-1"), "--diff"))
    assert sum(counters["changed"] for counters in taken.recap().values()) == len(HOSTS)
    assert {name: text_of(site.device(name)) for name in HOSTS} == before
    assert SECRET not in taken.printed + looked.printed
    site.forget()
    again = succeeded(site.play("rollback", *waves(run_id="change-1")))
    assert not any(counters["changed"] for counters in again.recap().values())
    assert site.touched() == []


def test_the_last_run_is_found_by_its_time(site: Site) -> None:
    succeeded(site.play("site"))
    before = {name: text_of(site.device(name)) for name in HOSTS}
    changed = described()
    for name in SERVERS:
        changed[name]["ntp_multicast_server"]["reference_stratum"] = 4
    succeeded(site.play("site", hosts=changed))
    label = site.device("s1").commits()[-1]["label"]
    assert label.startswith("site-20")
    taken = succeeded(site.play("rollback", *waves(run_id="last")))
    assert f"Back to before {label}: s1, s2." in taken.printed
    assert {name: text_of(site.device(name)) for name in HOSTS} == before


def test_what_others_have_changed_is_shown_and_protected(site: Site) -> None:
    before = text_of(site.device("c1"))
    succeeded(site.play("site", *waves(run_id="change-1")))
    site.device("c1").change_as("noc", ["ntp access peer 2000"])
    changed = {name: text_of(site.device(name)) for name in HOSTS}
    site.forget()
    refused = site.play("rollback", *waves(run_id="change-1"))
    assert refused.exit_code != 0
    assert "would also take back commit" in refused.printed
    assert "by noc" in refused.printed
    assert site.touched() == []
    assert {name: text_of(site.device(name)) for name in HOSTS} == changed
    succeeded(site.play("rollback", *waves(run_id="change-1", rollback_others=True)))
    assert text_of(site.device("c1")) == before


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "ntp_multicast_run_id has to name the run"),
        ({"run_id": "nowhere"}, "no host lists the run nowhere. They list no run at all."),
        ({"run_id": "last"}, "no host lists a run of the playbook site"),
    ],
)
def test_a_rollback_to_nowhere_is_refused(site: Site, variables: dict[str, Any], sentence: str) -> None:
    run = site.play("rollback", *waves(**variables))
    assert run.exit_code != 0
    assert sentence in " ".join(run.printed.split()), run.printed
    assert site.touched() == []
