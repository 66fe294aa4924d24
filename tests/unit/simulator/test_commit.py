# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from vrp_simulator.testing import RunningDevice

from .conftest import KEY, TWO_STAGE, Console

LINE = "ntp refclock-master 2"


def second(device: RunningDevice, user: str = "netops") -> Console:
    console = Console(device.open_link(user))
    console.do("system-view")
    return console


def body(device: RunningDevice) -> str:
    """The configuration without the stamps."""
    return device.running_configuration().partition("#")[2]


@pytest.mark.parametrize(
    ("release", "text"),
    [
        ("ce-v200r005", "Committing....done."),
        ("ce-v300r023", ""),
        ("ne40e-v800r012", ""),
        ("s-v600", "Committing..done. "),
    ],
)
def test_what_a_commit_says(open_device, release: str, text: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(release)
    console.do("system-view", "sysname CE2")
    assert console.do("commit") == text
    assert console.prompt == "[~CE2]"
    assert [commit["id"] for commit in device.commits()] == [1000000001]


@pytest.mark.parametrize("variant", range(3))
def test_nothing_to_commit(open_device, variant: int) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(wording_variant=variant)
    console.do("system-view")
    assert (console.do("commit") == "") == (variant == 0)
    assert device.commits() == []


def test_clear_drops_everything_and_lands_in_the_system_view(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", LINE, "interface 100GE1/0/1", "ntp multicast-client", "clear configuration candidate")
    assert console.prompt == "[~CE1]" and device.pending() == {}
    assert "Unrecognized" in Console(device.open_link()).type("clear configuration candidate"), "not in the user view"


def test_label_and_description(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", LINE)
    for wrong in ("commit label 1abc", "commit label -abc", f"commit description {'x' * 61}"):
        assert "Error" in console.type(wrong)
    assert "Error" in console.type("commit comment hello"), "fact 3.2: there is no comment keyword"
    console.do("commit label before description a new name")
    shown = console.do("display configuration commit list verbose")
    assert "1) CommitId: 1000000001\n        Label: before\n        User: netops\n" in shown
    assert "        Type: CLI\n" in shown and "        Description: a new name\n" in shown


def test_trial_confirmed_in_its_session(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", LINE)
    assert console.do("commit trial 120") == (
        "Info: The system enters the trial configuration mode.\n"
        "The system will revert to previous configuration if the trial configuration is not confirmed in 120 seconds."
    )
    assert console.do("display configuration trial status").startswith("Trial status: ACTIVE ")
    other = second(device)
    assert "Error" in other.type("sysname NO"), "only that user may configure meanwhile"
    assert "Error" in other.type("commit")
    console.do("commit")
    assert not device.trial_active() and LINE in device.running_configuration()


def test_trial_confirmed_by_its_persistent_id_in_a_second_login(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", LINE, "commit trial persist abcid")
    console.link.close()
    other = second(device)
    assert "Persist id: abcid" in other.do("display configuration trial status")
    assert "Error" in other.type("commit persist wrong")
    other.do("commit persist abcid")
    assert not device.trial_active() and LINE in device.running_configuration()


@pytest.mark.parametrize("end", ["abort", "time", "lost"])
def test_trial_taken_back(open_device, end: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    before = body(device)
    console.do("system-view", LINE, "sysname TRIAL", "commit trial")
    assert console.prompt == "[~TRIAL]"
    if end == "abort":
        console.type("abort trial")
        assert console.prompt == "Warning: The trial configuration will be rolled back. Continue? [Y/N]:"
        assert console.type("y") == "Info: The trial configuration rollback succeeded."
        assert console.prompt == "[~CE1]"
    else:
        if end == "lost":
            console.link.close()
        assert device.trial_active()
        device.expire_trial()
    assert body(device) == before and not device.trial_active()
    assert [commit["type"] for commit in device.commits()] == ["CLI", "ROLLBACK"]


def test_lock_of_another_session(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("configuration exclusive")
    owner = device.lock_owner()
    other = second(device)
    other.do(LINE)
    assert other.type("commit") == f"Error: The configuration is locked by other user. [Session ID = {owner}]"
    assert other.prompt == "[*CE1]", "others may still edit"
    assert "Error" in other.type("configuration exclusive")
    assert "User Name: netops" in other.do("display configuration exclusive user")
    console.type("quit")
    assert device.lock_owner() is None, "it frees itself on logout"
    other.do("commit")


def test_the_lock_runs_out_and_can_be_given_back(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("configuration exclusive", "undo configuration exclusive")
    assert device.lock_owner() is None
    console.do("configuration exclusive")
    device.expire_lock()
    second(device).do(LINE, "commit")


def test_two_users_with_the_same_line(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    other = second(device)
    for one in (console, other):
        one.do("system-view" if one is console else "interface 100GE1/0/1", "interface 100GE1/0/1")
        one.do("ip address 10.1.1.1 24")
    console.do("commit")
    answer = other.type("commit")
    assert answer.startswith("ip address 10.1.1.1 24\nError: The configuration already exists.\n\nCommit canceled,")
    assert other.prompt == "[*CE1-100GE1/0/1]"


def test_two_users_with_different_values_the_later_wins(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    other = second(device)
    console.do("system-view", "ntp refclock-master 3")
    other.do("ntp refclock-master 4", "commit")
    console.do("commit")
    assert "ntp refclock-master 3\n" in device.running_configuration()


def test_the_candidate_is_private_and_goes_with_the_session(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", LINE)
    other = second(device)
    assert other.prompt == "[~CE1]" and list(device.pending().values()) == [[LINE]]
    device.cut_sessions()
    assert device.pending() == {} and LINE not in device.running_configuration()


@pytest.mark.parametrize("release", TWO_STAGE)
def test_rollback(open_device, release: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(release)
    console.do("system-view", "sysname A", "commit label first", "sysname B", "commit", "sysname C", "commit", "quit")
    console.type("rollback configuration last 1")
    assert console.prompt.endswith("Continue? [Y/N]:")
    answer = console.type("y")
    assert answer.endswith(
        "Loading rollback changes\nCommitting\nCheck rollback result\nConfiguration rollback succeeded.\n"
        "Please use 'display configuration commit changes last 1' to view the changes."
    )
    assert console.prompt == "<B>"
    console.type("rollback configuration to label first")
    console.type("y")
    assert console.prompt == "<A>"
    console.type("rollback configuration to commit-id 1000000003")
    console.type("y")
    assert console.prompt == "<C>"
    assert [commit["type"] for commit in device.commits()] == ["CLI"] * 3 + ["ROLLBACK"] * 3
    changes = console.do("display configuration commit changes last 1")
    assert changes.endswith("\n  #\n- sysname A\n  #\n+ sysname C\n  #")
    for wrong in ("to label none", "to commit-id 1000000099", "last 99"):
        assert "Error" in console.type(f"rollback configuration {wrong}")


@pytest.mark.parametrize("release", ["ce-v200r005", "ce-v300r023", "ne40e-v800r012", "s-v600", "vrp5"])
def test_save(open_device, release: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(release)
    console.do("system-view", "sysname SAVED", *(["commit"] if release != "vrp5" else []), "quit")
    assert "SAVED" not in device.saved_configuration()
    console.type("save")
    assert console.prompt.endswith(("[Y/N]:", "[Y/N]"))
    assert console.type("perhaps") == "" and "Please choose 'YES' or 'NO'" in console.prompt
    answer = console.type("y")
    assert "successfully" in answer
    assert answer.count("successfully") == (2 if release == "ne40e-v800r012" else 1), "two main boards"
    assert "SAVED" in device.saved_configuration()


def test_what_the_journal_keeps(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("display version", "system-view", "interface 100GE1/0/1", "quit")
    assert {entry["kind"] for entry in device.commands()} == {"display", "other"}, "looking configures nothing"
    console.do("interface Vlanif100", "clear configuration candidate")
    assert device.commands()[-2]["kind"] == "configuration", "the view had to be created"
    console.do(f"ntp authentication-keyid 1 authentication-mode hmac-sha256 {KEY}")
    console.type(f"ntp auth 1 auth nonsense {KEY}")
    console.type(f"ntp authentication-keyid 1 a hmac-sha256 c {KEY} {KEY}")
    console.do("commit")
    last = device.commands()[-4]
    assert last["kind"] == "configuration" and last["prompt"] == "[~CE1]" and last["user"] == "netops"
    assert last["line"] == "ntp authentication-keyid 1 authentication-mode hmac-sha256 ********"
    assert KEY not in str(device.commands()) and "%+%#" not in str(device.commits())
