# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device without a candidate: what a line did before the run failed is found out, taken back, and told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import USERS, LocalLogins, local_logins, ntp_lines

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import converge
from vrp_simulator.testing import RunningDevice, running_devices

PORT = "GigabitEthernet0/0/1"
ONE_LINE = {"interfaces": [{"name": PORT, "clients": [{"address": "239.1.2.3"}]}]}
TWO_LINES = {"interfaces": [{"name": PORT, "clients": [{"address": "239.1.2.3"}, {"address": "239.1.2.4"}]}]}


@pytest.fixture(name="old", scope="module")
def old_fixture() -> Iterator[RunningDevice]:
    entry = {
        "name": "D",
        "release": "vrp5",
        "users": USERS,
        "interfaces": [{"name": PORT, "ipv4": "10.0.0.1/24"}],
    }
    with running_devices([entry]) as running:
        yield running["D"]


def failed(logins: LocalLogins, config: dict[str, Any], **options: Any) -> Exception:
    report, error = logins.run(logins.request(config, allow_immediate=True, **options))
    assert report is None
    assert error is not None
    return error


@pytest.mark.parametrize("config", [ONE_LINE, TWO_LINES], ids=["first line", "second line"])
@pytest.mark.parametrize(
    "faults",
    [
        {"lose_session": "taken:multicast-client 239.1.2.{last}"},
        {"hold": "taken:multicast-client 239.1.2.{last}"},
        {"echo_mark": " #%&!", "echo_mark_lines": "^ntp-service multicast-client 239.1.2.{last}"},
    ],
    ids=["session lost", "silent", "echo differs"],
)
def test_a_line_that_was_taken_and_judged_failed_is_taken_back(
    old: RunningDevice, faults: dict[str, str], config: dict[str, Any]
) -> None:
    old.reset()
    before = ntp_lines(old)
    last = "3" if config is ONE_LINE else "4"
    old.set_faults(**{name: value.replace("{last}", last) for name, value in faults.items()})
    with local_logins(old, patient=True) as logins:
        error = failed(logins, config)
    assert ntp_lines(old) == before
    assert "Taken back with: undo ntp-service multicast-client" in str(error)
    assert (error.outcome, error.changed) == ("taken_back", False)


@pytest.mark.parametrize(
    "faults", [{"lose_session": "line:multicast-client"}, {"refused_lines": {"client": "Error: No."}}]
)
def test_a_line_that_was_not_taken_changes_nothing(old: RunningDevice, faults: dict[str, Any]) -> None:
    old.reset()
    before = ntp_lines(old)
    old.set_faults(**faults)
    with local_logins(old) as logins:
        error = failed(logins, ONE_LINE)
    assert ntp_lines(old) == before
    assert (error.outcome, error.changed) == ("unchanged", False)


def test_a_line_that_takes_effect_after_the_session_was_lost_is_waited_for(old: RunningDevice) -> None:
    """The first looks come too early."""
    old.reset()
    before = ntp_lines(old)
    old.set_faults(lose_session="line:multicast-client")
    looks = []
    with local_logins(old) as logins:
        log_in = logins._log_in

        def logged_in_later() -> Any:
            looks.append(1)
            if len(looks) == 2:  # the first look after the loss: the line is still on its way
                link, session = log_in()
                pause = session.pause

                def pause_while_it_takes_effect(seconds: float) -> None:
                    old.change_as("ops", [f"interface {PORT}", "ntp-service multicast-client 239.1.2.3"])
                    session.pause = pause
                    pause(seconds)

                session.pause = pause_while_it_takes_effect
                return link, session
            return log_in()

        logins._log_in = logged_in_later
        error = failed(logins, ONE_LINE)
    assert ntp_lines(old) == before
    assert (error.outcome, error.changed) == ("taken_back", False)


def test_what_cannot_be_taken_back_is_told_as_a_change(old: RunningDevice) -> None:
    old.reset()
    old.set_faults(refused_lines={"multicast-client 239.1.2.4": "Error: No.", "undo": "Error: Never."})
    with local_logins(old) as logins:
        error = failed(logins, TWO_LINES)
    assert "239.1.2.3" in "".join(ntp_lines(old))
    assert "Error: Never." in str(error)
    assert (error.outcome, error.changed) == ("immediate", True)


def test_lines_that_take_nothing_back_are_noticed(old: RunningDevice) -> None:
    """The device takes the way back without a word, and keeps the line."""
    old.reset()
    old.set_faults(refused_lines={"multicast-client 239.1.2.4": "Error: No."}, not_taken={"^undo": ""})
    with local_logins(old) as logins:
        error = failed(logins, TWO_LINES)
    assert "239.1.2.3" in "".join(ntp_lines(old))
    assert (error.outcome, error.changed) == ("immediate", True)


def test_a_device_that_cannot_be_reached_again_may_be_changed(old: RunningDevice) -> None:
    old.reset()
    old.set_faults(lose_session="taken:multicast-client", vty_limit=0)
    with local_logins(old) as logins:
        logins.session()
        log_in, logins._log_in = logins._log_in, lambda: (unused for unused in ()).throw(OSError("no route"))
        error = failed(logins, ONE_LINE)
        logins._log_in = log_in
    assert (error.outcome, error.changed) == ("immediate", True)
    assert "no route" in str(error)


def test_a_description_is_taken(old: RunningDevice) -> None:
    old.reset()
    with local_logins(old) as logins:
        assert converge(logins, logins.request(TWO_LINES, allow_immediate=True)).changed
        assert not converge(logins, logins.request(TWO_LINES, allow_immediate=True)).changed
