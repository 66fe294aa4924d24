# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release x fault x state, in process: the device ends as wanted or as before, with nothing pending, and the error
says which."""

from __future__ import annotations

from typing import Any

import pytest
from harness import RELEASES, SECRET, USERS, local_logins, ntp_lines, server_config
from hostile import FAULTS, IN_REAL_TIME, INTERFACES, STATES, TRIAL_FAULTS, all_devices, check_truth

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import (
    Save,
    converge,
)
from vrp_simulator.testing import running_devices


@pytest.fixture(name="devices", scope="module")
def devices_fixture():
    with running_devices(all_devices()) as running:
        yield running


# Every state with the newest release of each dialect; the others where they differ, in what they take and what they
# print.
CELLS = [
    (name, fault, state)
    for name in (*(f"D-{release}" for release in RELEASES), "V1", "V2")
    for fault in FAULTS
    for state in (STATES if name in ("D-ce-v300r023", "D-ne40e-v800r012") else ("merged", "deleted"))
]


@pytest.mark.parametrize(("name", "fault", "state"), CELLS)
def test_matrix(devices, name: str, fault: str, state: str) -> None:
    item = devices[name]
    item.reset()
    interface = INTERFACES[name]
    config = server_config(interface)
    if state == "deleted":
        with local_logins(item) as logins:
            converge(logins, logins.request(config))
    before = ntp_lines(item)
    faults, effect = FAULTS[fault]
    if state == "deleted" and "refused_lines" in faults:
        faults = {"refused_lines": {"undo.*multicast-client": "Error: No."}}
    item.set_faults(**faults)
    with local_logins(item, patient=fault in IN_REAL_TIME) as logins:
        report, error = logins.run(logins.request(config, state))
    item.reset_faults()
    after = ntp_lines(item)

    assert item.pending() == {}
    assert item.lock_owner() is None
    assert SECRET not in str(error)
    if effect == "unchanged":
        assert report is None
        assert after == before
    elif effect == "applied":
        assert error is None
    check_truth(error, before, after)
    if report is not None:
        assert report.changed
        with local_logins(item) as logins:
            again = converge(logins, logins.request(config, state, memory=report.memory or {}))
            assert not again.changed
        if state != "deleted":
            assert item.secret(42) == SECRET


@pytest.mark.parametrize(
    "fault",
    [
        "none",
        "refused line",
        "stage 2",
        "lost before commit",
        "lost during commit",
        "lost during commit, undone",
        "lost after commit",
        "lost before the confirmation",
        "lost after the confirmation",
        "no second login",
        "commit goes on",
    ],
)
def test_a_trial_is_confirmed_over_a_second_login_or_goes_back(devices, fault: str) -> None:
    item = devices["D-ce-v300r023"]
    item.reset()
    before = ntp_lines(item)
    item.set_faults(**{**FAULTS, **TRIAL_FAULTS}[fault][0])
    with local_logins(item, patient=fault in IN_REAL_TIME) as logins:
        report, error = logins.run(
            logins.request(server_config("100GE1/0/1"), commit=CommitSettings(trial=120, label="t1"))
        )
        logged_in = logins.logins
    item.reset_faults()
    if report is not None:
        assert logged_in == (3 if "lost" in fault else 2)
        assert not item.trial_active()
        assert ntp_lines(item) != before
    else:
        assert error is not None
        check_truth(error, before, ntp_lines(item))
        if item.trial_active():
            assert error.changed
            assert "goes back" in str(error)
            item.expire_trial()
        assert ntp_lines(item) == before
    assert item.pending() == {}


def test_a_lock_is_taken_and_given_back(devices) -> None:
    item = devices["D-ce-v300r023"]
    item.reset()
    with local_logins(item) as logins:
        converge(logins, logins.request(server_config("100GE1/0/1"), lock=True))
        assert item.lock_owner() is None
    assert "configuration exclusive" in [entry["line"] for entry in item.commands()]


@pytest.mark.parametrize(("policy", "saved"), [(Save.NEVER, [0, 0]), (Save.CHANGED, [1, 1]), (Save.ALWAYS, [1, 2])])
@pytest.mark.parametrize("name", [f"D-{release}" for release in RELEASES])
def test_saving(devices, name: str, policy: Save, saved: list[int]) -> None:
    item = devices[name]
    item.reset()
    counts = []
    with local_logins(item) as logins:
        for _run in range(2):
            converge(logins, logins.request(server_config(RELEASES[name.removeprefix("D-")]), save=policy))
            counts.append(len([entry for entry in item.commands() if entry["line"] == "save"]))
    assert counts == saved
    assert ("239.1.2.3" in item.saved_configuration()) == bool(saved[0])


@pytest.mark.parametrize("state", ["merged", "replaced"])
@pytest.mark.parametrize("fault", ["none", "small pieces", "refused line", "log lines"])
def test_a_level_2_account_reads_what_it_may(devices, state: str, fault: str) -> None:
    item = devices["D-ce-v300r023"]
    item.reset()
    item.set_faults(**FAULTS[fault][0])
    with local_logins(item, "low") as logins:
        report, error = logins.run(logins.request(server_config("100GE1/0/1"), state))
        assert (report is not None) == (FAULTS[fault][1] == "applied"), error
        if report is not None:
            assert not converge(logins, logins.request(server_config("100GE1/0/1"), state)).changed
    item.reset_faults()
    assert item.pending() == {}


def test_single_stage_devices_are_refused_unless_allowed() -> None:
    entry = {
        "name": "D",
        "release": "vrp5",
        "users": USERS,
        "interfaces": [{"name": "GigabitEthernet0/0/1", "ipv4": "10.0.0.1/24"}],
    }
    config = {"interfaces": [{"name": "GigabitEthernet0/0/1", "clients": [{"address": "224.0.1.1"}]}]}
    with running_devices([entry]) as running:
        item = running["D"]
        before = ntp_lines(item)
        with local_logins(item) as logins:
            report, error = logins.run(logins.request(config))
            assert report is None
            assert "allow_immediate" in str(error)
            assert ntp_lines(item) == before
            item.set_faults(refused_lines={"multicast-client 224.0.1.9": "Error: No."})
            config["interfaces"][0]["clients"].append({"address": "224.0.1.9"})
            report, error = logins.run(logins.request(config, allow_immediate=True))
            assert report is None
            assert "Took effect: " in str(error)
            assert "Taken back with: " in str(error)
            assert ntp_lines(item) == before
            item.reset_faults()
            report, error = logins.run(logins.request(config, allow_immediate=True))
            assert error is None
            assert not converge(logins, logins.request(config, allow_immediate=True)).changed


def test_an_interrupt_leaves_nothing_pending(devices) -> None:
    item = devices["D-ce-v300r023"]
    for step in range(1, 14):
        item.reset()
        before = ntp_lines(item)
        with local_logins(item) as logins:
            session = logins.session()
            sends = 0
            original = session._channel.send

            def send(text: str, step: int = step, original: Any = original) -> None:
                nonlocal sends
                original(text)
                sends += 1
                if sends == step:
                    raise KeyboardInterrupt

            session._channel.send = send
            with pytest.raises(KeyboardInterrupt):
                converge(logins, logins.request(server_config("100GE1/0/1")))
            # The session lives on, so it is our doing that nothing is pending.
            assert item.pending() == {}
        assert ntp_lines(item) == before
