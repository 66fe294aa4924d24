# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release x fault x state, in process: the device ends as wanted or as before, with nothing pending, and the error
says which."""

from __future__ import annotations

from typing import Any

import pytest
from harness import RELEASES, SECRET, USERS, LocalLogins, device, local_logins, ntp_lines, server_config

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate_transaction import (
    Report,
    Request,
    Save,
    converge,
)
from vrp_simulator.testing import running_devices

# What a fault leads to: "applied", "unchanged", or "either" (truthfully told).
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, "applied"),
    "small pieces": ({"chunk_size": 7}, "applied"),
    "wrapped echo": ({"echo_width": 60}, "applied"),
    "lost first character": ({"lose_first_character": True}, "applied"),
    "log lines": ({"log_lines": "always"}, "applied"),
    "time stamps": ({"timestamps": True, "timestamp_zone": " +03:00"}, "applied"),
    "progress": ({"progress": True}, "applied"),
    "banner": ({"banner": "Authorised only!\n<Welcome>\n[~CE1]\nreally? [Y/N] yes"}, "applied"),
    "initial password": ({"initial_password": True}, "applied"),
    "cipher like a prompt": ({"cipher_tail": "<D>"}, "applied"),
    "slow commit": ({"slow_commit": 0.8}, "applied"),
    "renamed by commit": ({"sysname_after_commit": "NEWNAME"}, "applied"),
    "conflict once": ({"conflict_times": 1}, "applied"),
    "conflict for ever": ({"conflict_times": -1}, "unchanged"),
    "busy once": ({"busy_times": 1}, "applied"),
    "busy for ever": ({"busy_times": -1}, "unchanged"),
    "stale": ({"stale_times": 1}, "applied"),
    "locked a while": ({"locked_by": 407, "lock_times": 2}, "applied"),
    "locked for ever": ({"locked_by": 407}, "unchanged"),
    "stage 2": ({"stage2_refusal": "multicast-server"}, "unchanged"),
    "stage 2 once": ({"stage2_refusal": "multicast-server", "stage2_times": 1}, "applied"),
    "refused line": ({"refused_lines": {"multicast-client": "Error: No."}}, "unchanged"),
    "foreign lines": ({"foreign_pending": ("sysname OTHER",)}, "unchanged"),
    "expired password": ({"expired_password": True}, "unchanged"),
    "lost before commit": ({"lose_session": "before-commit"}, "unchanged"),
    "lost during commit": ({"lose_session": "during-commit"}, "either"),
    "lost during commit, undone": ({"lose_session": "during-commit-undone"}, "unchanged"),
    "lost after commit": ({"lose_session": "after-commit"}, "either"),
    "lost at a line": ({"lose_session": "line:multicast-client"}, "unchanged"),
}
STATES = ("merged", "replaced", "overridden", "deleted")


@pytest.fixture(name="devices", scope="module")
def devices_fixture():
    entries = [device(f"D-{release}", release, interface, sysname="D") for release, interface in RELEASES.items()]
    entries += [
        device(f"V{variant}", "ce-v300r023", "100GE1/0/1", sysname="D", wording_variant=variant, behaviour=behaviour)
        for variant, behaviour in (
            (1, {"commit_output": "done", "defaults_shown": True, "server_disable_asks": True, "reenter": "merge"}),
            (
                2,
                {
                    "commit_output": "dots",
                    "default_group": "explicit",
                    "forward_to_upper_view": True,
                    "leaving": "drop",
                },
            ),
        )
    ]
    with running_devices(entries) as running:
        yield running


def run(logins: LocalLogins, request: Request) -> tuple[Report | None, str]:
    try:
        return converge(logins, request), ""
    except NtpMulticastError as error:
        return None, str(error)


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
    interface = RELEASES.get(name.removeprefix("D-"), "100GE1/0/1")
    config = server_config(interface)
    if state == "deleted":
        with local_logins(item) as logins:
            converge(logins, logins.request(config))
    before = ntp_lines(item)
    faults, effect = FAULTS[fault]
    if state == "deleted" and "refused_lines" in faults:
        faults = {"refused_lines": {"undo.*multicast-client": "Error: No."}}
    item.set_faults(**faults)
    with local_logins(item) as logins:
        report, error = run(logins, logins.request(config, state))
    item.reset_faults()
    after = ntp_lines(item)

    assert item.pending() == {}
    assert item.lock_owner() is None
    assert SECRET not in error
    if effect == "unchanged":
        assert report is None
        assert after == before
    elif effect == "applied":
        assert error == ""
    if report is None:
        assert after == before, f"an error was reported, but the device changed: {error}"
    else:
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
    ],
)
def test_a_trial_is_confirmed_over_a_second_login_or_goes_back(devices, fault: str) -> None:
    item = devices["D-ce-v300r023"]
    item.reset()
    before = ntp_lines(item)
    item.set_faults(**FAULTS[fault][0])
    with local_logins(item) as logins:
        report, error = run(
            logins, logins.request(server_config("100GE1/0/1"), commit=CommitSettings(trial=120, label="t1"))
        )
        logged_in = logins.logins
    item.reset_faults()
    if report is not None:
        assert logged_in == 2
        assert not item.trial_active()
        assert ntp_lines(item) != before
    else:
        if item.trial_active():
            assert "goes back" in error
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
        report, error = run(logins, logins.request(server_config("100GE1/0/1"), state))
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
            report, error = run(logins, logins.request(config))
            assert report is None
            assert "allow_immediate" in error
            assert ntp_lines(item) == before
            item.set_faults(refused_lines={"multicast-client 224.0.1.9": "Error: No."})
            config["interfaces"][0]["clients"].append({"address": "224.0.1.9"})
            report, error = run(logins, logins.request(config, allow_immediate=True))
            assert report is None
            assert "Took effect: " in error
            assert "Taken back with: " in error
            assert ntp_lines(item) == before
            item.reset_faults()
            report, error = run(logins, logins.request(config, allow_immediate=True))
            assert error == ""
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
