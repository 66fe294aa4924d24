# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Free lines whose transaction does not come to its good end: what is said of the device is true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import LocalLogins, LoginFailed, device, local_logins

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp import free_transaction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.free_lines import FreeLine
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.free_transaction import (
    FreeReport,
    FreeRequest,
    converge_lines,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Timeouts
from vrp_simulator.testing import RunningDevice, running_devices

PORT = "100GE1/0/1"
LINE = FreeLine("ntp multicast-client 239.1.2.3", (f"interface {PORT}",))
UNDO = FreeLine("undo ntp multicast-client 239.1.2.3", (f"interface {PORT}",))


@pytest.fixture(name="ce", scope="module")
def ce_fixture() -> Iterator[RunningDevice]:
    with running_devices([device("CE1", "ce-v300r023", PORT)]) as running:
        yield running["CE1"]


def failed(logins: LocalLogins, *lines: FreeLine) -> NtpMulticastError:
    with pytest.raises(NtpMulticastError) as raised:
        converge_lines(logins, FreeRequest(lines))
    return raised.value


def test_an_undo_of_what_never_stood_proves_no_commit(ce: RunningDevice) -> None:
    """The configuration of before shows it as well as the one of after."""
    ce.reset()
    ce.set_faults(lose_session="before-commit")
    with local_logins(ce) as logins:
        report = FreeReport("#\nreturn")
        outcome = free_transaction._look_for_lines(
            logins,
            0.0,
            FreeRequest((UNDO,)),
            FreeReport(report.text_before, sent=(UNDO,)),
            free_transaction.Outcome.UNKNOWN,
        )
    assert outcome is free_transaction.Outcome.UNKNOWN


def test_a_line_that_is_new_proves_it(ce: RunningDevice) -> None:
    ce.reset()
    with local_logins(ce) as logins:
        assert converge_lines(logins, FreeRequest((LINE,))).changed
        outcome = free_transaction._look_for_lines(
            logins, 0.0, FreeRequest((LINE,)), FreeReport("#\nreturn", sent=(LINE,)), free_transaction.Outcome.UNKNOWN
        )
    assert outcome is free_transaction.Outcome.COMMITTED


def test_a_login_that_fails_after_a_lost_commit_leaves_it_unknown(ce: RunningDevice, monkeypatch: Any) -> None:
    ce.reset()
    with local_logins(ce) as logins:
        monkeypatch.setattr(logins, "session", refuse)
        outcome = free_transaction._look_for_lines(
            logins, 0.0, FreeRequest((LINE,)), FreeReport("", sent=(LINE,)), free_transaction.Outcome.UNKNOWN
        )
    assert outcome is free_transaction.Outcome.UNKNOWN


def refuse() -> None:
    raise LoginFailed("Login failed")


def test_what_fails_after_the_commit_says_that_the_device_is_changed(ce: RunningDevice, monkeypatch: Any) -> None:
    ce.reset()
    with local_logins(ce) as logins:
        logins.timeouts = Timeouts(login=2, command=2, commit=2)
        first = logins.session()
        answers = [first]
        monkeypatch.setattr(logins, "session", lambda: answers.pop() if answers else refuse())
        error = failed(logins, LINE)
    assert (error.outcome, error.changed) == ("committed", True)
    assert LINE.text in ce.running_configuration()
