# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What confirms a trial commit: a second login, a synchronised clock, or somebody else later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from clock import SOURCE, Heard, deaf, hears
from harness import RELEASES, SECRET, Playbooks, device, local_logins, ntp_lines, server_config, task

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.confirmation import Confirm
from vrp_simulator.testing import RunningDevice, running_devices

TWO_STAGE = sorted(RELEASES)
SYNCHRONISED = CommitSettings(trial=300, confirm=Confirm.SYNCHRONISED)
LEFT = CommitSettings(trial=300, confirm=Confirm.NONE)


@pytest.fixture(name="item", params=TWO_STAGE)
def item_fixture(request: pytest.FixtureRequest) -> Iterator[RunningDevice]:
    with running_devices([device("D", request.param, RELEASES[request.param])]) as devices:
        yield devices["D"]


def interface_of(item: RunningDevice) -> str:
    return item.call(lambda found: found.settings.interfaces[0].name)


def client_config(interface: str, group: str = "224.0.1.1", key_id: int = 42) -> dict[str, Any]:
    key = {"id": key_id, "algorithm": "aes-128-cmac", "secret": SECRET, "trusted": True}
    return {
        "authentication": {"enabled": True, "keys": [key]},
        "interfaces": [{"name": interface, "clients": [{"address": group}]}],
    }


def only_server(interface: str) -> dict[str, Any]:
    config = server_config(interface)
    del config["interfaces"][0]["clients"]
    return config


def configured(
    item: RunningDevice, config: dict[str, Any], state: str = "overridden", patient: bool = False, **options: Any
) -> str:
    """The outcome, or the words of the failure. patient: whether to wait takes its time, in which packets come."""
    with local_logins(item, patient=patient) as logins:
        report, error = logins.run(logins.request(config, state, **options))
    if error is None:
        assert report is not None and report.changed
        return "done"
    assert getattr(error, "outcome", "") == "trial_aborted", error
    assert not error.changed
    return str(error)


def left_whole(item: RunningDevice) -> bool:
    return not item.pending() and item.lock_owner() is None and not item.trial_active()


def test_a_client_that_hears_its_source_is_confirmed(item: RunningDevice) -> None:
    hears(item)
    assert configured(item, client_config(interface_of(item)), patient=True, commit=SYNCHRONISED) == "done"
    assert "multicast-client" in item.running_configuration()
    assert left_whole(item)


def test_a_server_is_confirmed_by_its_own_clock(item: RunningDevice) -> None:
    assert configured(item, only_server(interface_of(item)), commit=SYNCHRONISED) == "done"
    assert left_whole(item)


def test_keys_alone_leave_nothing_to_wait_for(item: RunningDevice) -> None:
    keys = {"authentication": client_config("")["authentication"]}
    assert configured(item, keys, "merged", commit=SYNCHRONISED) == "done"


@pytest.mark.parametrize("wrong", [{"group": "239.9.9.9"}, {"key_id": 43}], ids=["wrong group", "wrong key"])
@pytest.mark.parametrize("before", ["nothing", "a client that is synchronised"])
def test_a_client_that_hears_nothing_gets_its_old_configuration_back(
    item: RunningDevice, wrong: dict[str, Any], before: str
) -> None:
    heard = hears(item)
    interface = interface_of(item)
    if before != "nothing":
        assert configured(item, client_config(interface)) == "done"
        assert item.call(lambda found: heard.last) is None  # nobody has asked yet
        with local_logins(item) as logins:
            logins.session().show(f"display {'ntp-service' if 'ne40e' in item_release(item) else 'ntp'} status")
    lines = ntp_lines(item)
    said = configured(item, client_config(interface, **wrong), commit=SYNCHRONISED)
    assert ntp_lines(item) == lines
    assert "is not synchronised to what its configuration says" in said
    assert ("no source was heard" if before == "nothing" else f"source {SOURCE}: not heard after the change") in said
    assert SECRET not in said
    assert left_whole(item)


def item_release(item: RunningDevice) -> str:
    return item.call(lambda found: found.settings.release)


def test_a_trial_that_is_left_is_confirmed_by_another_login(item: RunningDevice) -> None:
    assert configured(item, client_config(interface_of(item)), commit=LEFT) == "done"
    assert item.trial_active()
    assert item.pending() == {}
    typed = [entry["line"] for entry in item.commands()]
    assert "commit trial 300 persist ntp-multicast" in typed
    assert "commit" not in typed
    with local_logins(item) as logins:
        session = logins.session()
        session.ask("system-view")
        session.ask("commit persist ntp-multicast")
        session.ask("return")
    assert not item.trial_active()
    assert "multicast-client" in item.running_configuration()


def test_a_trial_that_nobody_confirms_goes_back(item: RunningDevice) -> None:
    lines = ntp_lines(item)
    assert configured(item, client_config(interface_of(item)), commit=LEFT) == "done"
    assert ntp_lines(item) != lines
    item.expire_trial()
    assert ntp_lines(item) == lines


def test_a_second_login_that_is_cut_takes_the_change_back(item: RunningDevice) -> None:
    lines = ntp_lines(item)
    with local_logins(item) as logins:
        report, error = None, None
        item.set_faults(lose_session="line:^screen-length")
        logins.session()  # the first login is lost at once, so it is made here
    with local_logins(item) as logins:
        logins.session()
        item.set_faults(lose_session="line:^screen-length")
        report, error = logins.run(logins.request(client_config(interface_of(item)), commit=SYNCHRONISED))
    assert report is None
    assert getattr(error, "outcome", "") == "trial_aborted"
    assert ntp_lines(item) == lines
    assert left_whole(item)


# -- as a task ---------------------------------------------------------------------------------------------------------

INTERFACE = "{{ '100GE1/0/1' if inventory_hostname == 'CE1' else 'GigabitEthernet0/1/0' }}"


@pytest.fixture(name="heard")
def heard_fixture(playbooks: Playbooks) -> Iterator[dict[str, Heard]]:
    yield {name: hears(item) for name, item in playbooks.devices.items()}
    for item in playbooks.devices.values():
        deaf(item)


def test_a_task_says_what_confirmed_its_commit(playbooks: Playbooks, heard: dict[str, Heard]) -> None:
    run = playbooks.run([task(config=client_config(INTERFACE), commit={"trial": 60, "confirm": "synchronised"})])
    assert run.code == 0, run.output
    for result in run.results.values():
        assert result["commit"]["confirm"] == "synchronised"
        assert result["commands"][-2:] == ["commit trial 60", "commit"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"commit": {"confirm": "synchronised"}}, "commit.confirm"),
        ({"commit": {"trial": 60, "confirm": "perhaps"}}, "confirm must be one of"),
        ({"commit": {"trial": 60, "confirm": "none"}, "save": "changed"}, "save"),
        ({"run_id": "20261127"}, "run_id"),
    ],
)
def test_a_confirmation_that_makes_no_sense_is_refused(
    playbooks: Playbooks, options: dict[str, Any], words: str
) -> None:
    run = playbooks.run([task(_failing=True, config=client_config(INTERFACE), **options)], hosts="CE1")
    assert run.results["CE1"]["failed"]
    assert words in run.results["CE1"]["msg"]
    assert playbooks.devices["CE1"].commands() == []


def test_vrp_commit_confirms_and_aborts_what_a_task_left(playbooks: Playbooks) -> None:
    left = task(_register="left", config=client_config(INTERFACE), commit={"trial": 60, "confirm": "none"})
    run = playbooks.run([left, task(_name="vrp_commit", state="confirmed")])
    assert run.code == 0, run.output
    for name, item in playbooks.devices.items():
        assert run.registered["left"][name]["commands"][-1] == "commit trial 60 persist ntp-multicast"
        assert run.results[name]["outcome"] == "confirmed"
        assert "multicast-client" in item.running_configuration()
    again = task(
        _register="left", config={"interfaces": []}, state="overridden", commit={"trial": 60, "confirm": "none"}
    )
    run = playbooks.run([again, task(_name="vrp_commit", state="aborted")])
    assert run.code == 0, run.output
    assert all("multicast-client" in item.running_configuration() for item in playbooks.devices.values())


def test_free_lines_are_confirmed_by_the_clock_too(playbooks: Playbooks, heard: dict[str, Heard]) -> None:
    # A server and a client: the last packet of its source came before the change.
    assert playbooks.run([task(config=client_config(INTERFACE))], hosts="CE1").code == 0
    before = ntp_lines(playbooks.devices["CE1"])
    lines = ["undo ntp multicast-client", "ntp multicast-client 239.9.9.9"]
    run = playbooks.run(
        [
            task(
                _name="vrp_config",
                _failing=True,
                parents=["interface 100GE1/0/1"],
                lines=lines,
                commit={"trial": 60, "confirm": "synchronised"},
            )
        ],
        hosts="CE1",
    )
    result = run.results["CE1"]
    assert (result["failed"], result["changed"], result["outcome"]) == (True, False, "trial_aborted"), run.output
    assert "not synchronised" in result["msg"]
    assert ntp_lines(playbooks.devices["CE1"]) == before


def test_a_run_labels_its_commits_unless_the_user_does(playbooks: Playbooks) -> None:
    run = playbooks.run(
        [
            task(config={"server": {"reference_stratum": 3}}, run_id="site-1"),
            task(config={"server": {"reference_stratum": 4}}, run_id="site-1", commit={"label": "mine"}),
            task(_name="vrp_commit", _register="listed"),
        ]
    )
    assert run.code == 0, run.output
    for result in run.registered["listed"].values():
        assert [commit["label"] for commit in result["commits"]] == ["mine", "site-1"]
