# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks say is true, and they touch what was described: without a fact cache, as most users run them."""

from __future__ import annotations

import json
import pathlib
import re
import stat
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from .network import CE1, NE1, SECRETS, Network, Run, running_network

GONE = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_timeout": 3, **NE1}
BY_HAND = ["interface 100GE1/0/1", "undo ntp multicast-server 224.0.1.1"]
OTHER_SECRET = "Cc3-fresh-secret"
LOCAL = {"ansible_connection": "local", "ansible_network_os": ""}
# A host whose turn is seen, and on which nothing is done: the role refuses it for want of a Python.
WEB1 = {
    **LOCAL,
    "ntp_multicast_interfaces": [{"name": "lo", "clients": [{"address": "224.0.1.1"}]}],
    "ntp_multicast_engine_python": "/nonexistent/python3",
    "ntp_multicast_become": False,
}
both_ways = pytest.mark.parametrize("network", [False, True], ids=["device by device", "as a fleet"], indirect=True)


@pytest.fixture
def network(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[Network]:
    with running_network(tmp_path, fleet=getattr(request, "param", False)) as running:
        running.fact_cache = False
        yield running


@pytest.fixture
def configured(network: Network) -> Network:
    run = network.play("site")
    assert run.exit_code == 0, run.printed
    return network


def drift(network: Network, *arguments: str, **options: Any) -> tuple[Run, dict[str, Any]]:
    """A run of check_drift, and its summary."""
    path = network.directory / "drift.json"
    run = network.play("check_drift", *arguments, "-e", f"ntp_multicast_drift_summary={path}", **options)
    return run, json.loads(path.read_text(encoding="utf-8"))


def statuses(summary: dict[str, Any]) -> dict[str, str]:
    return {name: host["status"] for name, host in summary["hosts"].items()}


def changed(run: Run) -> set[str]:
    return {name for name, counters in run.recap().items() if counters["changed"]}


def failed(run: Run) -> set[str]:
    return {name for name, counters in run.recap().items() if counters["failed"]}


# -- keys are remembered, and what is not remembered is said -----------------------------------------------------------


@pytest.mark.end_to_end
@both_ways
def test_a_changed_secret_reaches_every_device(configured: Network) -> None:
    file = configured.key_memory
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(name.split()[0] for name in json.loads(file.read_text())["devices"]) == ["ce1", "ne1"]
    assert not any(secret in file.read_text() for secret in SECRETS.values())
    new = ("-e", f"secret_42={OTHER_SECRET}")
    run, summary = drift(configured, *new)
    assert (run.exit_code != 0, set(statuses(summary).values())) == (True, {"drifted"}), run.printed
    run = configured.play("site", *new)
    assert (run.exit_code, changed(run)) == (0, {"ce1", "ne1"}), run.printed
    assert {device.secret(42) for device in configured.devices.values()} == {OTHER_SECRET}
    assert changed(configured.play("site", *new)) == set()
    run, summary = drift(configured, *new)
    assert (run.exit_code, summary["in_sync"]) == (0, True), run.printed


@pytest.mark.end_to_end
@both_ways
def test_a_key_that_nobody_remembers_is_said(configured: Network) -> None:
    # Without a ttl, whose default is remembered in the same place.
    ce1 = {**CE1, "ntp_multicast_interfaces": [{"name": "100GE1/0/1", "servers": [{"key_id": 42, "version": 4}]}]}
    configured.hosts = {"ce1": ce1, "ne1": NE1}
    configured.key_memory.unlink()
    run, summary = drift(configured)
    assert (run.exit_code, summary["in_sync"]) == (0, False), run.printed
    assert set(statuses(summary).values()) == {"keys_not_compared"}
    assert summary["hosts"]["ce1"]["keys_not_compared"] == [42, 43]
    assert "in sync, but keys 42, 43 could not be compared" in run.printed
    run, _summary = drift(configured, "-e", "ntp_multicast_require_compared_keys=true")
    assert (run.exit_code, failed(run)) == (2, {"ce1", "ne1"}), run.printed
    site = configured.play("site")
    assert changed(site) == set()
    assert "Key 43 is on the device" in " ".join(site.printed.split()), site.printed
    assert "ntp_multicast_update_secrets=always" in " ".join(site.printed.split())
    assert changed(configured.play("site", "-e", "ntp_multicast_update_secrets=always")) == {"ce1", "ne1"}
    run, summary = drift(configured)
    assert (run.exit_code, summary["in_sync"]) == (0, True), run.printed


@pytest.mark.end_to_end
@both_ways
def test_a_memory_that_cannot_be_written_is_a_warning(network: Network) -> None:
    folder = network.directory / "file"
    folder.write_text("no folder")
    run = network.play("site", "-e", f"ntp_multicast_key_memory_file={folder}/memory.json")
    assert (run.exit_code, changed(run)) == (0, {"ce1", "ne1"}), run.printed
    assert "is not remembered" in run.printed


@pytest.mark.end_to_end
def test_salts_and_hashes_are_printed_only_where_the_fact_cache_remembers(network: Network) -> None:
    assert "secret_hash" not in network.play("site", "-vvv").printed
    network.fact_cache = True
    kept = network.play("site", "-vvv", "-e", "ntp_multicast_update_secrets=always", "-e", f"secret_42={OTHER_SECRET}")
    assert "secret_hash" in kept.printed
    assert any("secret_hash" in path.read_text() for path in (network.directory / "facts").iterdir())


@pytest.mark.end_to_end
def test_in_a_controller_it_is_said_that_the_memory_ends_with_the_job(network: Network) -> None:
    job = {"AWX_PRIVATE_DATA_DIR": "/tmp/awx_1_x"}
    run = network.play("site", environment=job)
    assert "remembered of the keys ends with this job" in " ".join(run.printed.split()), run.printed
    lasting = network.directory / "lasting.json"
    run = network.play("check_drift", "-e", f"ntp_multicast_key_memory_file={lasting}", environment=job)
    assert "ends with this job" not in " ".join(run.printed.split())


# -- green means that somebody looked ----------------------------------------------------------------------------------


@pytest.mark.end_to_end
@pytest.mark.parametrize("playbook", ["site", "check_drift", "verify"])
def test_nobody_is_not_enough(network: Network, playbook: str) -> None:
    quick = ("-e", "ntp_multicast_wait=false")
    for arguments, words in (
        (("-e", "ntp_multicast_hosts=srevers"), "srevers"),
        (("-e", "ntp_multicast_hosts=ne1", "--limit", "ce1"), "'ne1' within the limit 'ce1'"),
    ):
        run = network.play(playbook, *quick, *arguments)
        assert run.exit_code != 0
        assert words in run.printed, run.printed
        meant = network.play(playbook, *quick, *arguments, "-e", "ntp_multicast_allow_none=true")
        assert meant.exit_code == 0, meant.printed
    assert network.play(playbook, *quick, hosts={}).exit_code != 0
    undescribed = network.play(playbook, *quick, hosts={"db1": LOCAL})
    assert undescribed.exit_code != 0
    assert "None of the 1 hosts that the pattern 'all' names is described" in undescribed.printed, undescribed.printed
    assert all(not device.commands() for device in network.devices.values())


@pytest.mark.end_to_end
@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
@both_ways
def test_the_strategy_of_the_configuration_changes_nothing(network: Network, strategy: str) -> None:
    environment = {"ANSIBLE_STRATEGY": strategy}
    run = network.play("site", environment=environment)
    assert (run.exit_code, changed(run)) == (0, {"ce1", "ne1"}), run.printed
    assert [len(device.commits()) for device in network.devices.values()] == [1, 1]
    assert network.play("check_drift", environment=environment).exit_code == 0
    sessions = [len({entry["session"] for entry in device.commands()}) for device in network.devices.values()]
    assert sessions == [2, 2]
    verified = network.play("verify", "-e", "ntp_multicast_wait=false", environment=environment)
    assert "Not synchronised: ne1" in verified.printed


@pytest.mark.end_to_end
def test_a_timeout_that_ends_a_commit_says_what_is_known(network: Network) -> None:
    network.device("ce1").set_faults(slow_commit=4.0)
    run = network.play("site", hosts={"ce1": CE1}, environment={"ANSIBLE_TASK_TIMEOUT": "3"})
    assert run.exit_code != 0
    assert re.search(r"timeout of 3 seconds was over.*(may or may not|committed)", run.printed), run.printed
    assert '"changed": true' in run.printed
    assert re.search(r'"outcome": "(unknown|committed)"', run.printed)


@pytest.mark.end_to_end
@pytest.mark.parametrize("network", [True], ids=["as a fleet"], indirect=True)
def test_the_timeout_of_a_fleet_loses_no_report(network: Network) -> None:
    network.device("ce1").set_faults(slow_commit=4.0)
    run = network.play("site", "-e", "ntp_multicast_sessions=1", environment={"ANSIBLE_TASK_TIMEOUT": "3"})
    assert network.device("ce1").commits(), run.printed
    assert run.recap()["ce1"]["changed"] == 1, run.printed
    # In the same wave or in the next: a device that was not begun is told as one.
    assert run.recap()["ne1"]["changed"] == 1 or (
        run.recap()["ne1"]["failed"] == 1 and re.search(r"no further device was begun|has left it out", run.printed)
    ), run.printed


@pytest.mark.end_to_end
def test_those_that_drifted_fail_and_the_others_do_not(configured: Network) -> None:
    configured.device("ne1").change_as(
        "someone", ["interface GigabitEthernet0/1/0", "undo ntp-service multicast-client 224.0.1.1"]
    )
    run, _summary = drift(configured, hosts={"ce1": CE1, "ne1": NE1, "gone": GONE})
    assert run.exit_code != 0
    recap = run.recap()
    assert {name: (host["failed"], host["unreachable"]) for name, host in recap.items()} == {
        "ce1": (0, 0),
        "ne1": (1, 0),
        "gone": (0, 1),
    }, run.printed
    assert "Not in sync: gone, ne1" in run.printed


@pytest.mark.end_to_end
def test_hosts_that_cannot_be_reached_do_not_stop_others(network: Network) -> None:
    run = network.play("site", hosts={"gone": GONE, "web1": {**WEB1, "ansible_python_interpreter": sys.executable}})
    assert run.recap()["gone"]["unreachable"] == 1
    assert run.recap()["web1"]["failed"] == 1, run.printed
    assert "/nonexistent/python3 (ntp_multicast_engine_python) does not run there" in run.printed


def test_playbooks_of_one_run_do_not_see_the_results_of_each_other(network: Network) -> None:
    plays = [
        {"import_playbook": "timecast.ntp_multicast.site", "vars": {"ntp_multicast_fleet_from": 1}},
        {"import_playbook": "timecast.ntp_multicast.site", "vars": {"ntp_multicast_fleet_from": 50}},
        {"import_playbook": "timecast.ntp_multicast.check_drift"},
    ]
    (network.directory / "play.yml").write_text(yaml.safe_dump(plays))
    run = network.play("play.yml")
    assert run.exit_code == 0, run.printed
    assert {name: host["changed"] for name, host in run.recap().items()} == {"ce1": 1, "ne1": 1}, run.printed
    assert [len({entry["session"] for entry in item.commands()}) for item in network.devices.values()] == [3, 3]


@pytest.mark.end_to_end
def test_a_command_line_or_a_name_that_leaves_out_hosts_is_refused(network: Network) -> None:
    for arguments in (("--tags", "ntp"), ("--skip-tags", "untagged"), ("--start-at-task", "Report over all hosts")):
        run = network.play("check_drift", *arguments)
        assert run.exit_code != 0
        assert f"{arguments[0]} " in run.printed and "leaves out" in run.printed, run.printed
    assert all(not device.commands() for device in network.devices.values())
    plays = [{"import_playbook": "timecast.ntp_multicast.check_drift", "tags": ["drift"]}]
    (network.directory / "play.yml").write_text(yaml.safe_dump(plays))
    run = network.play("play.yml", "--tags", "drift")
    assert "Not in sync: ce1, ne1" in run.printed, run.printed


@pytest.mark.end_to_end
def test_a_rollback_that_can_ask_nobody_is_not_green(network: Network) -> None:
    for arguments, words in (
        (("ntp_multicast_run_id=1 2",), "it has to be 1 to 256 characters"),
        (("ntp_multicast_run_id=r1", "-e", "ntp_multicast_state=merge"), "must be one of"),
    ):
        run = network.play("rollback", "-e", arguments[0].replace("1 2", "'1 2'"), *arguments[1:])
        assert run.exit_code != 0, run.printed
        assert words in run.printed
    assert all(not device.commands() for device in network.devices.values())


# -- what was not described is not touched -----------------------------------------------------------------------------


@pytest.mark.end_to_end
def test_hosts_without_a_description_are_named_and_left_alone(network: Network) -> None:
    hosts = {
        "ce1": CE1,
        "ne1": NE1,
        "db1": LOCAL,
        "db2": LOCAL,
        "ios1": {"ansible_connection": "local", "ansible_network_os": "cisco.ios.ios"},
    }
    for playbook in ("site", "check_drift"):
        run = network.play(playbook, hosts=hosts)
        assert run.exit_code == 0, run.printed
        assert "describes them: db1, db2, ios1" in run.printed
    verified = network.play("verify", "-e", "ntp_multicast_wait=false", hosts=hosts)
    assert "Not synchronised: ne1" in verified.printed
    assert "db1" not in verified.printed.partition("Say who is synchronised")[2]


@pytest.mark.end_to_end
def test_a_described_host_of_another_platform_fails_alone(network: Network) -> None:
    ios = {**CE1, "ansible_connection": "local", "ansible_network_os": "cisco.ios.ios"}
    run = network.play("site", hosts={"ios1": ios, "ne1": NE1})
    assert (changed(run), failed(run)) == ({"ne1"}, {"ios1"}), run.printed
    assert "cisco.ios.ios is nothing that this" in run.printed


@pytest.mark.end_to_end
def test_other_ntp_lines_keep_what_they_need(network: Network) -> None:
    lines = ["ntp unicast-server 192.0.2.1", "undo ntp server disable", "ntp server source-interface 100GE1/0/1"]
    device = network.device("ce1")
    device.change_as("someone", lines)
    described = {"ce1": {"ntp_multicast_interfaces": CE1["ntp_multicast_interfaces"]}}
    assert network.play("site", hosts=described).exit_code == 0
    for state, description in (
        ("overridden", {"ntp_multicast_interfaces": []}),
        ("deleted", {"ntp_multicast_server": {}}),
    ):
        run = network.play("site", "-e", f"ntp_multicast_state={state}", hosts={"ce1": description})
        assert run.exit_code == 0, run.printed
        assert "ntp_multicast_server.enabled" in " ".join(run.printed.split()), run.printed
        left = device.running_configuration()
        assert "ntp server source-interface 100GE1/0/1" in left
        assert "\nntp server disable" not in left
        assert "multicast-server" not in left


@pytest.mark.end_to_end
def test_the_summary_is_where_the_caller_means_it(configured: Network) -> None:
    run = configured.play("check_drift", "-e", "ntp_multicast_drift_summary=drift.json")
    assert run.exit_code == 0, run.printed
    assert json.loads((configured.directory / "drift.json").read_text())["in_sync"] is True
    run = configured.play("check_drift", "-e", "ntp_multicast_drift_summary=no/such/folder/drift.json")
    assert run.exit_code != 0
    assert run.printed.index("ce1  in sync") < run.printed.index("no/such/folder"), run.printed
    assert "The report could not be written to no/such/folder/drift.json" in run.printed


@pytest.mark.end_to_end
def test_an_answer_at_launch_goes_before_the_inventory_and_no_answer_does_not(network: Network) -> None:
    hosts = {"ce1": {**CE1, "ntp_multicast_save": "always"}}
    nothing = ("-e", "ntp_multicast_launch_save='as described' ntp_multicast_launch_state='as described'")
    device = network.device("ce1")
    assert network.play("site", *nothing, hosts=hosts).exit_code == 0
    assert "multicast-server" in device.saved_configuration()
    trial = ("-e", "ntp_multicast_launch_trial=60 ntp_multicast_launch_label=night ntp_multicast_launch_state=deleted")
    run = network.play("site", *trial, "-e", "ntp_multicast_launch_save=never", "-vv", hosts=hosts)
    assert run.exit_code == 0, run.printed
    assert any(entry["line"].startswith("commit trial 60 label night") for entry in device.commands())
    assert '"commit trial 60 label night", "commit"' in re.sub(r"\s+", " ", run.printed)
    assert "multicast-server" in device.saved_configuration()
    assert "multicast-server" not in device.running_configuration()


# -- refused early, and readably ---------------------------------------------------------------------------------------


def test_everything_is_checked_before_any_device_is_touched(network: Network) -> None:
    wrong = {
        "ce1": {**CE1, "ntp_multicast_save": True, "ntp_multicast_commit": {"trial": 5}, "ntp_multicast_interface": []},
        "ne1": {**NE1, "ntp_multicast_save": True, "ntp_multicast_lock": "perhaps"},
        "web1": {**WEB1, "ntp_multicast_engine_poll": "often"},
    }
    run = network.play("site", hosts=wrong)
    assert run.exit_code != 0
    for sentence in (
        r"ce1: ntp_multicast_interface is no variable of this collection; did you mean ntp_multicast_interfaces\?",
        r"ce1, ne1: value of ntp_multicast_save must be one of: never, changed, always, got: True",
        r"yes, no, on and off without quotes are booleans",
        r"ne1: argument 'ntp_multicast_lock' is of type str",
        r"web1: argument 'ntp_multicast_engine_poll' is of type str",
    ):
        assert re.search(sentence, run.printed), (sentence, run.printed)
    assert all(not device.commands() for device in network.devices.values())
    del wrong["ce1"]["ntp_multicast_save"]
    assert "ntp_multicast_commit.trial: 5 is refused" in network.play("site", hosts=wrong).printed


def test_an_undefined_variable_is_no_secret(network: Network) -> None:
    keys = [{"id": 42, "algorithm": "hmac-sha256", "secret": "{{ vault_of_nobody }}", "trusted": True}]
    run = network.play("site", hosts={"ce1": CE1, "ne1": {**NE1, "ntp_multicast_authentication": {"keys": keys}}})
    assert run.exit_code != 0
    assert re.search(r"ne1: ntp_multicast_authentication.*vault_of_nobody", run.printed), run.printed
    assert all(not device.commands() for device in network.devices.values())


def test_another_name_of_the_platform_is_understood(network: Network) -> None:
    run = network.play("site", hosts={"ce1": {**CE1, "ansible_network_os": "community.network.ce"}})
    assert (run.exit_code, changed(run)) == (0, {"ce1"}), run.printed
    assert "The value of this collection is timecast.ntp_multicast.vrp" in " ".join(run.printed.split())


def test_a_failure_can_be_branched_on(network: Network) -> None:
    network.device("ce1").set_faults(refused_lines={"multicast-server": "Error: The flux capacitor is empty."})
    tasks = [
        {
            "timecast.ntp_multicast.vrp_ntp_multicast": {"from_variables": True},
            "register": "result",
            "ignore_errors": True,
        },
        {
            "ansible.builtin.copy": {
                "content": "{{ result | to_json }}",
                "dest": str(network.directory / "result.json"),
            },
            "delegate_to": "localhost",
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        },
    ]
    (network.directory / "play.yml").write_text(
        yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}])
    )
    run = network.play("play.yml", hosts={"ce1": CE1})
    result = json.loads((network.directory / "result.json").read_text())
    assert (result["outcome"], result["changed"]) == ("cleared", False), run.printed
    assert result["refused"]["line"] == "ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 16 version 4"
    assert result["refused"]["view"] == "100GE1/0/1"
    assert "flux capacitor" in result["refused"]["words"]
