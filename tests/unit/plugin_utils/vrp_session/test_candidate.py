# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction against a device on paper, which can misbehave in ways that no simulated device does."""

from __future__ import annotations

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import (
    Candidate,
    CommitSettings,
    Outcome,
    RetryPolicy,
    save,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import (
    CommitError,
    ConflictError,
    DeviceError,
    LockedError,
    PendingError,
    QuestionError,
    RefusedError,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.lines import ConfigurationLine
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Timeouts

CLIENT = ConfigurationLine("ntp multicast-client 224.0.1.1", view="100GE1/0/1")
KEY = ConfigurationLine("ntp authentication-keyid 1 authentication-mode md5 TopSecret-123", secrets=("TopSecret-123",))
RETRY = RetryPolicy(retries=2, delay=0.001)


def goes_to(prompt: str, words: str = ""):
    def reply(device) -> str:
        device.prompt = prompt
        return words

    return reply


@pytest.fixture(name="device")
def device_fixture(paper):
    """A device that does what it should."""
    return paper(
        {
            "system-view": goes_to("[~CE1]", "Enter system view, return user view with return command.\r\n"),
            "interface 100GE1/0/1": goes_to("[~CE1-100GE1/0/1]"),
            "ntp multicast-client 224.0.1.1": goes_to("[*CE1-100GE1/0/1]"),
            KEY.text: goes_to("[*CE1]"),
            "quit": goes_to("[*CE1]"),
            "commit": goes_to("[~CE1]"),
            "clear configuration candidate": goes_to("[~CE1]"),
            "return": goes_to("<CE1>"),
        }
    )


def test_a_transaction(device, logged_in) -> None:
    with Candidate(logged_in(device)) as candidate:
        candidate.apply([KEY, CLIENT])
        candidate.commit(CommitSettings())
    assert candidate.outcome is Outcome.COMMITTED
    assert device.sent == [
        "system-view",
        KEY.text,
        "interface 100GE1/0/1",
        CLIENT.text,
        "commit",
        "return",
    ]


def test_the_id_of_the_commit_is_asked_for_on_the_way_out(device, logged_in) -> None:
    device.answers["display configuration commit list"] = "1    1000000017    -    -\r\n2    1000000016    -    -\r\n"
    with Candidate(logged_in(device)) as candidate:
        candidate.apply([CLIENT])
        candidate.commit(CommitSettings())
        assert candidate.leave() == "1000000017"
    assert device.sent[-3:] == ["commit", "return", "display configuration commit list"]


NO_LABELS = "                   ^\r\nError: Unrecognized command found at '^' position.\r\n"


def test_a_label_that_the_user_did_not_write_is_left_away_where_the_device_knows_none(device, logged_in) -> None:
    device.answers["commit trial 60 label site-1"] = device.answers["commit label site-1"] = NO_LABELS
    device.answers["commit trial 60"] = goes_to("[~CE1]")
    for trial, typed in ((None, "commit"), (60, "commit trial 60")):
        device.prompt = "<CE1>"
        with Candidate(logged_in(device)) as candidate:
            candidate.apply([KEY])
            candidate.commit(CommitSettings(trial=trial, label="site-1", label_may_go=True))
            assert (candidate.label_left_out, typed in device.sent) == (True, True)
            candidate.leave_on_trial()
    with pytest.raises(CommitError), Candidate(logged_in(device)) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings(label="site-1"))
    assert not candidate.label_left_out


def test_a_device_that_stays_in_the_system_view_is_told(device, logged_in) -> None:
    with pytest.raises(DeviceError, match="did not return"), Candidate(logged_in(device)) as candidate:
        candidate.apply([CLIENT])
        candidate.commit(CommitSettings())
        device.answers["return"] = ""
        candidate.leave()


@pytest.mark.parametrize(
    ("line", "reply", "match"),
    [
        (CLIENT.text, goes_to("[~CE1-100GE1/0/1]", "Error: No.\r\n"), "Error: No."),
        (CLIENT.text, goes_to("[*CE1]"), "led out of the view"),
        ("interface 100GE1/0/1", goes_to("[~CE1-100GE1/0/2]"), "instead of '100GE1/0/1'"),
        ("interface 100GE1/0/1", goes_to("[*CE1-100GE1/0/1]"), "does not exist"),
    ],
    ids=["words", "another view", "another interface", "created"],
)
def test_whatever_is_wrong_with_a_line_clears_the_candidate(device, logged_in, line: str, reply, match: str) -> None:
    device.answers[line] = reply
    # When nothing is pending there is nothing to clear; a line before makes it so.
    with pytest.raises(RefusedError, match=match), Candidate(logged_in(device)) as candidate:
        candidate.apply([CLIENT] if "does not exist" in match else [KEY, CLIENT])
    assert "commit" not in device.sent
    assert device.sent[-2:] == ["clear configuration candidate", "return"]
    assert candidate.outcome in (Outcome.CLEARED, Outcome.NOTHING_SENT)


def test_a_refusal_that_shows_in_the_prompt_alone(device, logged_in) -> None:
    device.answers["commit"] = goes_to("[*CE1]")
    with pytest.raises(CommitError), Candidate(logged_in(device), retry=RETRY) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings())
    assert candidate.outcome is Outcome.CLEARED
    assert device.sent.count("commit") == 1


@pytest.mark.parametrize(
    ("words", "error", "commits"),
    [
        ("Error: The configuration is locked by other user. [Session ID = 407]\r\n", LockedError, 3),
        ("Error: The system is busy. Please try again later.\r\n", CommitError, 3),
        (
            "x\r\nError: The address exists.\r\n\r\nCommit canceled, the configuration conflicted with other user\r\n",
            ConflictError,
            1,
        ),
        ("Commit canceled.\r\n", CommitError, 1),
        ("Error: Something nobody has heard of.\r\n", CommitError, 1),
    ],
)
def test_refused_commits(device, logged_in, words: str, error: type[DeviceError], commits: int) -> None:
    device.answers["commit"] = words
    with pytest.raises(error) as raised, Candidate(logged_in(device), retry=RETRY) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings())
    assert words.split("\r\n")[0].strip("x") in str(raised.value)
    assert device.sent.count("commit") == commits
    assert candidate.outcome is Outcome.CLEARED


def test_a_cancelled_commit_is_no_success_even_with_nothing_pending(device, logged_in) -> None:
    device.answers["commit"] = goes_to("[~CE1]", "Commit canceled, the configuration conflicted with other user\r\n")
    with pytest.raises(ConflictError), Candidate(logged_in(device), retry=RETRY) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings())


def test_lines_of_others_are_left_alone(device, logged_in) -> None:
    device.answers["system-view"] = goes_to("[*CE1]")
    session = logged_in(device)
    with pytest.raises(PendingError), Candidate(session):
        pass
    assert device.sent == ["system-view"]
    assert session.lost  # the caller hangs up


def test_a_device_without_candidate_is_left_alone(device, logged_in) -> None:
    device.answers["system-view"] = goes_to("[CE1]")
    with pytest.raises(UserError, match="allow_immediate"), Candidate(logged_in(device)):
        pass
    assert device.sent[-1] == "return"


def test_a_candidate_that_cannot_be_cleared_ends_the_session(device, logged_in) -> None:
    device.answers["clear configuration candidate"] = "Error: No.\r\n"
    device.answers["commit"] = "Error: No.\r\n"
    session = logged_in(device)
    with pytest.raises(CommitError), Candidate(session) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings())
    assert session.lost
    assert candidate.outcome is Outcome.DROPPED


def test_an_exception_of_the_caller_clears_the_candidate(device, logged_in) -> None:
    with pytest.raises(ZeroDivisionError), Candidate(logged_in(device)) as candidate:
        candidate.apply([KEY])
        raise ZeroDivisionError
    assert "clear configuration candidate" in device.sent
    assert candidate.outcome is Outcome.CLEARED


def test_a_lock_that_cannot_be_had(device, logged_in) -> None:
    device.answers["configuration exclusive"] = "Error: The configuration is locked by other user.\r\n"
    with pytest.raises(LockedError), Candidate(logged_in(device), lock=True, retry=RETRY):
        pass
    assert device.sent.count("configuration exclusive") == 3


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        (CommitSettings(), "commit"),
        (CommitSettings(trial=60), "commit trial 60"),
        (CommitSettings(label="a1", description="why not"), "commit label a1 description why not"),
        (CommitSettings(trial=60, label="a1", description="x"), "commit trial 60 label a1 description x"),
    ],
)
def test_commit_commands(settings: CommitSettings, command: str) -> None:
    assert settings.command == command


def test_a_commit_has_a_time_limit_of_its_own(device, logged_in) -> None:
    """Fact 4.1 item 20: a commit may take minutes, and a line that takes as long is a lost device."""
    taken = device.receive
    silences: list[float] = []

    def receive(timeout: float) -> str:
        if device.sent and device.sent[-1] == "commit" and sum(silences) < 60:
            silences.append(timeout)
            raise TimeoutError
        return taken(timeout)

    device.receive = receive
    session = logged_in(device)
    session.timeouts = Timeouts(login=5, command=5, commit=120)
    with Candidate(session) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings())
    assert candidate.outcome is Outcome.COMMITTED


def test_the_guide_lists_every_state_with_what_it_means_for_changed(pytestconfig) -> None:
    guide = (pytestconfig.rootpath / "docs" / "docsite" / "rst" / "guide_transaction.rst").read_text(encoding="utf-8")
    for outcome in Outcome:
        row = f"   * - ``{outcome.value}``\n     - {str(outcome.changed).lower()}\n"
        assert (row in guide) is (outcome not in (Outcome.PENDING, Outcome.TRIAL)), outcome
        assert outcome.sentence
        assert outcome.value == outcome.name.lower()


def test_a_commit_that_asks_and_stays_pending_was_not_committed(device, logged_in) -> None:
    device.answers["commit"] = "Warning: Something. Continue? [Y/N]:"
    with pytest.raises(QuestionError), Candidate(logged_in(device)) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings())
    assert candidate.outcome is Outcome.CLEARED


@pytest.mark.parametrize(
    ("words", "saved"),
    [
        ("Info: Save the configuration successfully.", True),
        ("Configuration file had been saved successfully", True),
        ("The configuration was saved to flash:/vrpcfg.zip.", True),
        ("Now saving the current configuration to the slot 1 ......done.", True),
        ("Now saving the current configuration to the slot 1 ......", False),
        ("", False),
        ("Failed to save the configuration.", False),
        ("Warning: No space left on the device, the file was not written.", False),
        ("Info: Saving is not allowed during an upgrade.", False),
        ("Info: The operation was canceled.", False),
        ("Warning: What is not saved is lost. Continue? [Y/N]:Y\r\nInfo: Save the configuration successfully.", True),
        ("Info: Save the configuration successfully.\r\nWarning: On slot 14 it was not saved.", False),
    ],
)
def test_only_what_the_device_says_is_saved(paper, logged_in, words: str, saved: bool) -> None:
    session = logged_in(paper({"save": f"{words}\r\n"}))
    if saved:
        save(session)
    else:
        with pytest.raises(DeviceError, match=r"not saved|does not say that it was saved"):
            save(session)


@pytest.mark.parametrize(
    "words",
    [
        "Info: The configuration is locked by other user.",
        "Failed to lock the configuration.",
        "Warning: Another user has locked the configuration. [Session ID = 407]",
        "The configuration is already occupied by user ops.",
    ],
)
def test_a_lock_of_somebody_else_is_none_of_ours(device, logged_in, words: str) -> None:
    device.answers["configuration exclusive"] = f"{words}\r\n"
    with pytest.raises(LockedError), Candidate(logged_in(device), lock=True, retry=RETRY):
        pass
    assert device.sent.count("configuration exclusive") == 3


def test_advice_in_the_answer_to_a_commit_is_no_failure(device, logged_in) -> None:
    device.answers["commit trial 60"] = goes_to("[~CE1]", "Info: Run `abort trial` to abort it.\r\n")
    with Candidate(logged_in(device)) as candidate:
        candidate.apply([CLIENT])
        candidate.commit(CommitSettings(trial=60))
        candidate.confirm()
    assert candidate.outcome is Outcome.COMMITTED


@pytest.mark.parametrize("words", ["Failed to commit the configuration.", "Info: Commit failed.", "Commit aborted."])
def test_a_commit_that_failed_without_an_error_is_no_success(device, logged_in, words: str) -> None:
    device.answers["commit"] = goes_to("[~CE1]", f"{words}\r\n")
    with pytest.raises(CommitError), Candidate(logged_in(device), retry=RETRY) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings())
    assert candidate.outcome is Outcome.UNKNOWN  # what took effect has to be looked at


@pytest.mark.parametrize(
    ("words", "status", "outcome"),
    [
        ("Info: The trial configuration rollback succeeded.", "ACTIVE", Outcome.TRIAL_ABORTED),
        ("", "INACTIVE", Outcome.TRIAL_ABORTED),
        ("", "ACTIVE", Outcome.TRIAL_EXPIRES),
        ("Failed to roll back the trial configuration.", "ACTIVE", Outcome.TRIAL_EXPIRES),
        ("Info: The rollback is refused.", "unknown", Outcome.TRIAL_EXPIRES),
    ],
)
def test_a_trial_is_aborted_when_the_device_says_so(
    device, logged_in, words: str, status: str, outcome: Outcome
) -> None:
    device.answers["commit trial 60"] = goes_to("[~CE1]")
    device.answers["abort trial"] = f"{words}\r\n"
    device.answers["display configuration trial status"] = f"Trial status: {status}\r\n"
    with pytest.raises(ZeroDivisionError), Candidate(logged_in(device)) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings(trial=60))
        raise ZeroDivisionError
    assert candidate.outcome is outcome


def test_a_trial_whose_confirmation_failed_is_rolled_back(device, logged_in) -> None:
    device.answers["commit trial 60"] = goes_to("[~CE1]")
    device.answers["commit"] = "Failed to confirm the trial.\r\n"
    device.answers["abort trial"] = "Info: The trial configuration rollback succeeded.\r\n"
    with pytest.raises(CommitError), Candidate(logged_in(device)) as candidate:
        candidate.apply([KEY])
        candidate.commit(CommitSettings(trial=60))
        candidate.confirm()
    assert candidate.outcome is Outcome.TRIAL_ABORTED


@pytest.mark.parametrize("words", ["Error: The system is busy. Please wait for a moment...\r\n"])
@pytest.mark.parametrize("line", ["system-view", "interface 100GE1/0/1", CLIENT.text, "commit"])
def test_busy_is_retried_at_every_line(device, logged_in, line: str, words: str) -> None:
    taken, times = device.answers[line], []

    def busy_twice(item) -> str:
        times.append(line)
        return words if len(times) < 3 else taken(item)

    device.answers[line] = busy_twice
    with Candidate(logged_in(device), retry=RETRY) as candidate:
        candidate.apply([CLIENT])
        candidate.commit(CommitSettings())
    assert candidate.outcome is Outcome.COMMITTED
    assert len(times) == 3
