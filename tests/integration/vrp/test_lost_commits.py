# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commit that goes on after its session is lost, or that the task was ended in: what is said afterwards is true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import SECRET, LocalLogins, device, local_logins, ntp_lines, server_config

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import Candidate, CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import CommitError, SessionError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.lines import ConfigurationLine
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.outcome import Outcome
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.retry import RetryPolicy
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Timeouts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import VerificationError, converge
from vrp_simulator.testing import RunningDevice, RunningDevices, running_devices

PORT = "100GE1/0/1"
SHOWS = ("session", "busy", "nothing")


@pytest.fixture(name="running", scope="module")
def running_fixture() -> Iterator[RunningDevices]:
    entries = [device(shows, "ce-v300r023", PORT, behaviour={"lost_commit_shows": shows}) for shows in SHOWS]
    with running_devices(entries) as devices:
        yield devices


@pytest.fixture(name="ce")
def ce_fixture(running: RunningDevices, request: pytest.FixtureRequest) -> Iterator[RunningDevice]:
    item = running[getattr(request, "param", "session")]
    item.reset()
    yield item
    item.reset_faults()
    assert item.pending() == {}
    assert item.lock_owner() is None


def failed(logins: LocalLogins, **options: Any) -> NtpMulticastError:
    report, error = logins.run(logins.request(server_config(PORT), **options))
    assert report is None
    assert isinstance(error, NtpMulticastError)
    assert SECRET not in str(error)
    return error


# -- the session is lost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", [False, True])
@pytest.mark.parametrize("ce", SHOWS, indirect=True)
def test_a_commit_that_goes_on_is_waited_for(ce: RunningDevice, lock: bool) -> None:
    ce.set_faults(lose_session="while-committing", slow_commit=1.5)
    with local_logins(ce, patient=True) as logins:
        report = converge(logins, logins.request(server_config(PORT), lock=lock))
    assert report.changed
    assert report.after.interfaces


@pytest.mark.parametrize("ce", SHOWS, indirect=True)
def test_the_trial_of_a_commit_that_goes_on_is_told(ce: RunningDevice) -> None:
    before = ntp_lines(ce)
    ce.set_faults(lose_session="while-committing", slow_commit=1.5)
    with local_logins(ce, patient=True) as logins:
        error = failed(logins, commit=CommitSettings(trial=120))
    assert ce.trial_active()
    assert (error.outcome, error.changed) == ("trial_expires", True)
    ce.expire_trial()
    assert ntp_lines(ce) == before


@pytest.mark.parametrize("trial", [None, 120])
@pytest.mark.parametrize("ce", SHOWS, indirect=True)
def test_a_commit_whose_end_is_not_seen_is_unknown(ce: RunningDevice, trial: int | None) -> None:
    """It is held beyond the time-out of a commit, and takes effect when nobody looks any more."""
    before = ntp_lines(ce)
    ce.set_faults(hold="while-committing")
    with local_logins(ce) as logins:
        session = logins.session()
        send = session._channel.send

        def cut_in_the_commit(text: str) -> None:
            send(text)
            if text.startswith("commit"):
                ce.wait_until_held()
                ce.cut_sessions()

        session._channel.send = cut_in_the_commit
        error = failed(logins, commit=CommitSettings(trial=trial))
    assert ntp_lines(ce) == before
    assert (error.outcome, error.changed) == ("unknown", True)
    assert "may or may not" in str(error)
    assert "the old configuration" in str(error)
    ce.release()
    ce.wait_until_deserted()
    assert ntp_lines(ce) != before


def test_a_commit_that_fails_after_its_time_is_no_success(ce: RunningDevice) -> None:
    before = ntp_lines(ce)
    ce.set_faults(lose_session="while-committing", slow_commit=0.3, late_refusal="Error: Failed to deliver.")
    with local_logins(ce, patient=True) as logins:
        error = failed(logins)
    assert ntp_lines(ce) == before
    assert error.outcome == "unknown"


def rotating(logins: LocalLogins, secret: str = "Another-Secret-7") -> Any:
    """The request for another secret of a key that is there, and nothing else."""
    memory = converge(logins, logins.request(server_config(PORT))).memory
    assert memory
    return logins.request(server_config(PORT, secret), memory=memory)


def test_a_new_secret_whose_commit_did_not_come_to_its_end_is_no_success(ce: RunningDevice) -> None:
    """The old ciphertext says nothing of the new secret."""
    with local_logins(ce, patient=True) as logins:
        request = rotating(logins)
        before = ce.running_configuration()
        ce.set_faults(lose_session="while-committing", slow_commit=0.3, late_refusal="Error: Failed to deliver.")
        report, error = logins.run(request)
    assert report is None and isinstance(error, NtpMulticastError)
    assert ce.running_configuration() == before
    assert (error.outcome, error.changed) == ("unknown", True)


def test_a_new_secret_whose_commit_goes_on_is_waited_for(ce: RunningDevice) -> None:
    with local_logins(ce, patient=True) as logins:
        request = rotating(logins)
        before = ce.running_configuration()
        ce.set_faults(lose_session="while-committing", slow_commit=1.5)
        assert converge(logins, request).changed
    assert ce.running_configuration() != before


@pytest.mark.parametrize("words", ["Info: The key is not changed.", "Failed to write the key.", ""])
def test_a_new_secret_that_the_device_did_not_take_is_told(ce: RunningDevice, words: str) -> None:
    with local_logins(ce) as logins:
        request = rotating(logins)
        before = ce.running_configuration()
        ce.set_faults(not_taken={"authentication-keyid 42 authentication-mode": words})
        report, error = logins.run(request)
    assert report is None and isinstance(error, VerificationError)
    assert "authentication-keyid 42" in str(error) and words in str(error)
    assert ce.running_configuration() == before


def test_a_device_that_cannot_be_reached_again_is_unknown(ce: RunningDevice) -> None:
    ce.set_faults(lose_session="during-commit")
    with local_logins(ce) as logins:
        logins.session()
        log_in = logins._log_in
        logins._log_in = lambda: (unused for unused in ()).throw(OSError("no route"))
        error = failed(logins)
        logins._log_in = log_in
    assert (error.outcome, error.changed) == ("unknown", True)
    assert "no route" in str(error)


@pytest.mark.parametrize(("fault", "outcome"), [("line:^commit$", "trial_expires"), ("taken:^commit$", None)])
def test_a_confirmation_that_was_not_answered(ce: RunningDevice, fault: str, outcome: str | None) -> None:
    ce.set_faults(lose_session=fault)
    with local_logins(ce) as logins:
        report, error = logins.run(logins.request(server_config(PORT), commit=CommitSettings(trial=120)))
    assert (report is None) == (outcome is not None)
    assert ce.trial_active() == (outcome is not None)
    if error is not None:
        assert (error.outcome, error.changed) == (outcome, True)
        ce.expire_trial()


# -- the task is ended -------------------------------------------------------------------------------------------------


class TaskTimeout(BaseException):
    """What Ansible raises in the middle of a task whose `timeout` is over is no Exception."""


@pytest.mark.parametrize(
    ("at", "slow", "outcome"),
    [
        ("multicast-client", 0.0, "cleared"),
        ("^commit", 0.0, "committed"),
        ("^commit", 0.6, "committed"),
        ("^return", 0.0, "committed"),
    ],
)
def test_a_task_that_is_ended_tells_what_is_known(ce: RunningDevice, at: str, slow: float, outcome: str) -> None:
    before = ntp_lines(ce)
    ce.set_faults(slow_commit=slow)
    with local_logins(ce, patient=True) as logins:
        send = logins.session()._channel.send

        def send_and_be_ended(text: str) -> None:
            send(text)
            if at.lstrip("^") in text:
                logins.session()._channel.send = send
                raise TaskTimeout("The action did not end in time")

        logins.session()._channel.send = send_and_be_ended
        error = failed(logins)
    assert "TaskTimeout: The action did not end in time" in str(error)
    assert (error.outcome, error.changed) == (outcome, outcome == "committed")
    assert (ntp_lines(ce) != before) == error.changed


def test_a_task_that_is_ended_while_it_verifies_says_that_the_change_is_committed(ce: RunningDevice) -> None:
    with local_logins(ce) as logins:
        send = logins.session()._channel.send
        looks = []

        def send_and_be_ended(text: str) -> None:
            send(text)
            if "display current" in text:
                looks.append(text)
                if len(looks) == 2:
                    raise TaskTimeout

        logins.session()._channel.send = send_and_be_ended
        error = failed(logins)
    assert (error.outcome, error.changed) == ("committed", True)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "commits"),
    [
        ("Error: Something nobody has heard of.", 2),  # perhaps the candidate was stale
        ("Error: The system is busy. Please try again later.", 2 * 4),
    ],
)
def test_how_often_a_refused_commit_is_tried(ce: RunningDevice, words: str, commits: int) -> None:
    before = ntp_lines(ce)
    ce.set_faults(not_taken={"^commit": words})
    with local_logins(ce) as logins:
        logins.retry = RetryPolicy(retries=3, delay=0.001)
        error = failed(logins)
    assert [entry["line"] for entry in ce.commands()].count("commit") == commits
    assert words in str(error)
    assert (error.outcome, error.changed, ntp_lines(ce) == before) == ("cleared", False, True)
    assert isinstance(error, CommitError)


def test_a_refused_line_is_data(ce: RunningDevice) -> None:
    ce.set_faults(refused_lines={"multicast-client": "Error: No."})
    with local_logins(ce) as logins:
        error = failed(logins)
    assert error.refused == {
        "line": "ntp multicast-client 224.0.1.1",
        "view": PORT,
        "column": None,
        "words": "Error: No.",
    }
    assert error.outcome == "cleared"


def test_a_line_that_had_no_effect_is_missed_after_the_commit(ce: RunningDevice) -> None:
    ce.set_faults(not_taken={"multicast-client": "Info: The line has no effect."})
    with local_logins(ce) as logins:
        error = failed(logins)
    assert isinstance(error, VerificationError)
    assert f"Still missing: ntp multicast-client 224.0.1.1 (interface {PORT})" in str(error)
    assert "The line has no effect" in str(error)
    assert (error.outcome, error.changed) == ("committed", True)


def test_a_trial_that_cannot_be_aborted_goes_back_by_itself(ce: RunningDevice) -> None:
    ce.set_faults(not_taken={"^abort trial": "Error: No."})
    with local_logins(ce) as logins:
        candidate = Candidate(logins.session())
        with pytest.raises(SessionError), candidate:
            candidate.apply([ConfigurationLine("ntp refclock-master 2")])
            candidate.commit(CommitSettings(trial=120))
            raise SessionError("the second login failed")
        assert candidate.outcome is Outcome.TRIAL_EXPIRES
    assert ce.trial_active()
    ce.expire_trial()


def test_a_lost_session_leaves_the_trial_to_its_time(ce: RunningDevice) -> None:
    with local_logins(ce) as logins:
        logins.timeouts = Timeouts(login=5, command=5, commit=5)
        candidate = Candidate(logins.session())
        with pytest.raises(SessionError), candidate:
            candidate.apply([ConfigurationLine("ntp refclock-master 2")])
            candidate.commit(CommitSettings(trial=120))
            ce.cut_sessions()
            logins.session().ask("display clock")
        assert candidate.outcome is Outcome.TRIAL_EXPIRES
    ce.expire_trial()
