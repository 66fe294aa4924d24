# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits that go on after their session was lost, and single-stage devices (fact 3.2; issue of cut sessions)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vrp_simulator.testing import RunningDevice

from .conftest import Console

Open = Callable[..., Any]
LINE = "ntp refclock-master 2"


def lose_while_committing(device: RunningDevice, console: Console, commit: str) -> None:
    """The line is cut, and the commit stands in the middle."""
    device.set_faults(lose_session="while-committing", hold="while-committing")
    console.link.send(f"system-view\nconfiguration exclusive\n{LINE}\n{commit}\n")
    assert device.wait_until_held() == "while-committing"
    while console.link.receive(30):
        pass  # until the device has closed the line
    assert device.committing() and LINE not in device.running_configuration()


@pytest.mark.parametrize("commit", ["commit", "commit trial 120"])
def test_a_commit_goes_on_without_its_session(open_device: Open, commit: str) -> None:
    device, console = open_device()
    lose_while_committing(device, console, commit)
    watcher = Console(device.open_link())
    assert "100000000" not in watcher.do("display configuration commit list")
    assert "INACTIVE" in watcher.do("display configuration trial status")
    rows = watcher.do("display configuration sessions").splitlines()
    assert sum("netops" in row for row in rows) == 2 and sum("exclusive" in row for row in rows) == 1
    assert "User Name: netops" in watcher.do("display configuration exclusive user")
    watcher.do("system-view", "interface 100GE1/0/1", "ntp multicast-client")
    locked = "Error: The configuration is locked by other user. [Session ID = 401]"
    assert watcher.type("commit") == locked == watcher.type("configuration exclusive")
    device.release()
    watcher.do("commit") if commit == "commit" else watcher.do("clear configuration candidate")
    assert f"{LINE}\n" in device.running_configuration() and not device.committing()
    assert device.trial_active() == (commit != "commit") and device.lock_owner() is None
    status = watcher.do("display configuration trial status")
    assert ("INACTIVE" in status) == (commit == "commit") and device.session_count() == 1
    assert "1000000001" in watcher.do("display configuration commit list")


@pytest.mark.parametrize("lost", [False, True])
def test_a_commit_that_takes_its_time_and_fails(open_device: Open, lost: bool) -> None:
    words = "Error: The service did not take the configuration."
    device, console = open_device(faults={"late_refusal": words, "late_refusal_times": 1})
    before = device.running_configuration()
    if lost:
        lose_while_committing(device, console, "commit")
        device.release()
        device.wait_until_deserted()
    else:
        console.do("system-view", LINE)
        assert console.type("commit") == words and console.prompt == "[*CE1]"
    assert device.running_configuration() == before and not device.committing() and device.commits() == []
    Console(device.open_link()).do("system-view", LINE, "commit")
    assert LINE in device.running_configuration()


def test_the_lock_does_not_run_out_while_its_owner_commits(open_device: Open) -> None:
    device, console = open_device()
    console.do("configuration exclusive timeout 1")
    lose_while_committing(device, console, "commit")
    device.call(lambda it: setattr(it.transactions.lock, "last_change", -1e9))
    assert device.lock_owner() is not None
    device.release()
    device.wait_until_deserted()
    assert device.lock_owner() is None


def test_the_confirmation_of_a_trial_goes_on_too(open_device: Open) -> None:
    device, console = open_device()
    console.do("system-view", LINE, "commit trial 600")
    device.set_faults(lose_session="while-committing", hold="while-committing")
    console.link.send("commit\n")
    device.wait_until_held()
    assert device.committing() and device.trial_active() and LINE in device.running_configuration()
    device.release()
    device.wait_until_deserted()
    assert not device.trial_active() and LINE in device.running_configuration()


@pytest.mark.parametrize("shows", ["busy", "nothing"])
def test_devices_that_show_less_of_it(open_device: Open, shows: str) -> None:
    device, console = open_device(behaviour={"lost_commit_shows": shows})
    lose_while_committing(device, console, "commit")
    watcher = Console(device.open_link())
    assert watcher.do("display configuration sessions").count("netops") == 1 and device.lock_owner() is None
    assert ("busy" in watcher.type("configuration exclusive")) == (shows == "busy")
    device.release()
    watcher.do("undo configuration exclusive", "configuration exclusive")
    assert f"{LINE}\n" in device.running_configuration()


def test_cut_from_outside_while_it_commits(open_device: Open) -> None:
    """Nothing needs to be set for that: a slow commit goes on when a test cuts its session, or the client hangs up."""
    for hang_up in (False, True):
        device, console = open_device(faults={"hold": "while-committing"})
        console.link.send(f"system-view\n{LINE}\ncommit\n")
        device.wait_until_held()
        console.link.close() if hang_up else device.cut_sessions()
        assert device.committing()
        device.release()
        device.wait_until_deserted()
        assert f"{LINE}\n" in device.running_configuration()


def test_a_commit_that_has_begun_is_not_undone_by_the_end_of_its_session(open_device: Open) -> None:
    device, console = open_device(faults={"hold": "while-committing"})
    console.link.send(f"system-view\n{LINE}\ncommit\n")
    device.wait_until_held()
    device.release(lost=True)
    console.link.converse()
    assert f"{LINE}\n" in device.running_configuration()


def test_it_takes_the_seconds_of_a_slow_commit(open_device: Open) -> None:
    device, console = open_device(faults={"lose_session": "while-committing", "slow_commit": 0.2})
    console.link.send(f"system-view\n{LINE}\ncommit\n")
    device.wait_until_deserted()
    assert console.link.closed and f"{LINE}\n" in device.running_configuration()


def test_a_reset_ends_it(open_device: Open) -> None:
    device, console = open_device()
    lose_while_committing(device, console, "commit")
    device.reset()
    assert not device.committing() and device.session_count() == 0 and LINE not in device.running_configuration()
    Console(device.open_link()).do("system-view", "ntp refclock-master 3", "commit")
    assert "refclock-master 3\n" in device.running_configuration()


@pytest.mark.parametrize(("moment", "taken"), [("line:^ntp", False), ("taken:^ntp", True)])
def test_a_single_stage_device_loses_the_session_at_the_first_line(open_device: Open, moment: str, taken: bool) -> None:
    device, console = open_device("vrp5", faults={"lose_session": moment})
    said = console.link.converse("system-view\nntp-service authentication enable\nntp-service refclock-master 2\n")
    assert console.link.closed and not said.endswith("]")
    assert ("ntp-service authentication enable\n" in device.running_configuration()) == taken
    assert "refclock-master" not in device.running_configuration()


def test_a_single_stage_device_falls_silent_at_the_first_line(open_device: Open) -> None:
    device, console = open_device("vrp5", faults={"hold": "taken:^ntp"})
    console.link.send("system-view\nntp-service authentication enable\n")
    assert device.wait_until_held() == "taken:^ntp"
    assert "ntp-service authentication enable\n" in device.running_configuration()
