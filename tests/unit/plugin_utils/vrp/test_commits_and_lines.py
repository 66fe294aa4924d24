# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit lists, rollback targets, versions and free lines, from texts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.commits import (
    Commit,
    Rollback,
    Target,
    Trial,
    abort_trial,
    changes_of_last,
    confirm_trial,
    parse_commit_changes,
    parse_commit_list,
    plan_rollback,
    reversed_changes,
    roll_back,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import (
    DeviceError,
    ParseError,
    QuestionError,
    RefusedError,
    SessionError,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.failure import in_doubt
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.free_commands import (
    Command,
    Writing,
    refuse_writing,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.free_lines import (
    FreeLine,
    lines_of_text,
    missing_lines,
    not_as_written,
    refuse_leaving,
    refuse_untypable,
    secrets_of,
    shown_lines,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.outcome import Outcome
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Timeouts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.version import parse_version

COMMITS = """\
1) CommitId: 1000000031
        Label: site-b
        User: ops
        User-Intf: VTY 2
        Type: CLI
        TimeStamp: 2026-05-04 06:07:08
        Description: second half of the site

2) CommitId: 1000000030
        Label: -
        User: alice
        User-Intf: VTY 0
        Type: NETCONF
        TimeStamp: 2026-05-04 06:00:00
        Description:
"""
CHANGES = """\
Building configuration
Commit changes of commitId 1000000031 2026-05-04 06:07:08
  #
+ ntp authentication-keyid 7 authentication-mode md5 cipher %^%#a#b!c%^%#
  #
Commit changes of commitId 1000000030 2026-05-04 06:00:00
  #
- vlan batch 7
  #
"""
TEXT = """\
!Software Version V200R005C10SPC800
#
ntp server disable
#
interface Vlanif100
 ip address 10.0.0.1 255.255.255.0
 undo portswitch
#
bgp 65001
 #
 ipv4-family unicast
  network 10.0.0.0 255.0.0.0
#
return
"""


def commits(*labels: str | None) -> tuple[Commit, ...]:
    """The newest has the highest id."""
    return tuple(Commit(str(1000000100 - number), label=label) for number, label in enumerate(labels))


def test_a_list_of_commits() -> None:
    newest, older = parse_commit_list(COMMITS)
    assert (newest.commit_id, newest.label, newest.user, newest.kind) == ("1000000031", "site-b", "ops", "CLI")
    assert newest.description == "second half of the site"
    assert (older.label, older.user, older.kind, older.description) == (None, "alice", "NETCONF", "")
    assert parse_commit_list("") == ()


@pytest.mark.parametrize("text", ["No commits are here.", "Error: Unrecognized command found at '^' position."])
def test_a_text_that_is_no_list_is_no_empty_list(text: str) -> None:
    with pytest.raises(ParseError):
        parse_commit_list(text)


def test_changes_by_commit_without_stored_secrets() -> None:
    changes = parse_commit_changes(CHANGES)
    assert list(changes) == ["1000000031", "1000000030"]
    assert "%^%#" not in str(changes) and "authentication-keyid 7" in str(changes["1000000031"])
    assert "- vlan batch 7" in changes["1000000030"]
    assert "+ vlan batch 7" in reversed_changes(changes["1000000030"])


@pytest.mark.parametrize(
    ("target", "count", "command"),
    [
        (Target(commit_id="1000000098"), 2, "to commit-id 1000000098"),
        (Target(label="b"), 0, "to commit-id 1000000100"),
        (Target(before_label="b"), 3, "to commit-id 1000000097"),
        (Target(last=1), 1, "to commit-id 1000000099"),
        (Target(last=4), 4, "last 4"),
        (Target(before_label="a"), 4, "last 4"),
    ],
)
def test_what_a_rollback_takes_back(target: Target, count: int, command: str) -> None:
    listed = commits("b", None, "b", "a")
    rollback = plan_rollback(listed, target)
    assert rollback.command == f"rollback configuration {command}"
    assert rollback.commits == listed[:count]


@pytest.mark.parametrize("target", [Target(last=5), Target(label="c"), Target(before_label="c"), Target(commit_id="1")])
def test_a_target_that_is_not_listed_is_refused(target: Target) -> None:
    with pytest.raises(UserError, match="commits"):
        plan_rollback(commits("b", None, "b", "a"), target)


def test_versions_of_both_systems() -> None:
    vrp = parse_version(
        "Huawei Versatile Routing Platform Software\nVRP (R) software, Version 8.190 (CE6855HI V200R005C10SPC800)\n"
        "Copyright (C) 2012-2019 Huawei Technologies Co., Ltd.\nHUAWEI CE6855-48S6Q-HI uptime is  3 days, 1 hour\n"
        "Patch Version: V200R005SPH021\n"
    )
    assert (vrp.system, vrp.system_version, vrp.release) == ("VRP", "8.190", "V200R005C10SPC800")
    assert (vrp.model, vrp.patches) == ("CE6855-48S6Q-HI", ("V200R005SPH021",))
    yunshan = parse_version(
        "Huawei YunShan OS\nVersion 1.23.0.1 (S5735 V600R023C00SPC500)\nHUAWEI S5735-L24T4X uptime is 0 day, 1 hour\n"
    )
    assert (yunshan.system, yunshan.release, yunshan.patches) == ("YunShan OS", "V600R023C00SPC500", ())


@pytest.mark.parametrize("text", ["", "Error: Failed to pass the authorization.", "<CE1>"])
def test_a_text_that_is_no_version(text: str) -> None:
    with pytest.raises(ParseError):
        parse_version(text)


def test_lines_stand_under_their_views() -> None:
    shown = shown_lines(TEXT)
    wanted = [
        FreeLine("ntp server disable"),
        FreeLine("ip address 10.0.0.1   255.255.255.0", ("interface Vlanif100",)),
        FreeLine("undo portswitch", ("interface Vlanif100",)),
        FreeLine("network 10.0.0.0 255.0.0.0", ("bgp 65001", "ipv4-family unicast")),
    ]
    assert missing_lines(wanted, shown) == ()
    elsewhere = FreeLine("undo portswitch", ("interface Vlanif200",))
    assert missing_lines([elsewhere, FreeLine("network 10.0.0.0 255.0.0.0")], shown) != ()
    assert not_as_written([FreeLine("undo ntp server disable")], shown) == (FreeLine("undo ntp server disable"),)
    assert not_as_written([FreeLine("undo vlan batch 7")], shown) == ()


def test_lines_of_a_file_know_their_parents() -> None:
    assert lines_of_text(TEXT) == (
        FreeLine("ntp server disable"),
        FreeLine("ip address 10.0.0.1 255.255.255.0", ("interface Vlanif100",)),
        FreeLine("undo portswitch", ("interface Vlanif100",)),
        FreeLine("network 10.0.0.0 255.0.0.0", ("bgp 65001", "ipv4-family unicast")),
    )
    with pytest.raises(UserError, match="line 1"):
        lines_of_text(" ip address 10.0.0.1 24")


def test_what_follows_a_word_for_a_secret_is_one() -> None:
    assert secrets_of("ntp max-distance 3") == ()
    (secret,) = secrets_of("ntp authentication-keyid 7 authentication-mode md5 Walnut-7-Lamp")
    assert secret.endswith("Walnut-7-Lamp")


@pytest.mark.parametrize(
    ("line", "reads"),
    [
        ("display version", True),
        ("DISPLAY version", True),
        ("ping 10.0.0.1", True),
        ("display version > a.txt", False),
        ("display version | include a|b", True),
        ("display version | inc a | exc b", True),
        ("display version |no-more", True),
        ("display version | redirect a.txt", False),
        ("display version|redirect a.txt", False),
        ("display version | include a | tee a.txt", False),
        ("display version |", False),
        ("dis version", False),
        ("save", False),
        ("", False),
    ],
)
def test_which_commands_only_read(line: str, reads: bool) -> None:
    assert Command(line).reads_only is reads


@pytest.mark.parametrize("text", ["a\nb", "display ?", "\x1b[A", " ", "a\u2028b"])
def test_a_line_that_cannot_be_typed_is_refused_without_its_secret(text: str) -> None:
    with pytest.raises(UserError, match=r"lines\[0\]: .* can't be typed") as raised:
        refuse_untypable([("lines[0]", f"local-user ops password cipher GEHEIM {text}" if text.strip() else text)])
    assert "GEHEIM" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        *("commit", "COMMIT trial 60", "com", " comm ", "quit", "q", "return", "ret", "abort trial", "system-view"),
        *("rollback configuration last 1", "save", "run save", "#", "clear configuration candidate", "clear conf cand"),
        *("refresh configuration candidate", "configuration exclusive"),
    ],
)
def test_a_line_that_ends_the_transaction_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"lines\[0\]: .*\n.*no configuration"):
        refuse_leaving([("lines[0]", text)])


@pytest.mark.parametrize(
    "text",
    [
        *("community x", "qos car cir 8", "router id 192.0.2.1", "rip 1", "sa spi inbound esp 1", "sysname commit"),
        *("route-policy a permit node 10", "undo commit", "clear counters", "! commit", "display this", "snmp-agent"),
    ],
)
def test_a_line_of_configuration_is_not(text: str) -> None:
    refuse_leaving([("lines[0]", text)])


class _Device:
    """Answers like a session; lost tells whether the session was lost with the error."""

    def __init__(self, *answers: BaseException | None, lost: bool = False) -> None:
        self.lost = lost
        self._answers = list(answers)

    def ask(self, command: str, **_what: object) -> _Device:
        if error := self._answers.pop(0):
            raise error
        return self

    show = ask

    def expect(self, _task: str) -> _Device:
        return self

    unavailable = False
    timeouts = Timeouts()


@pytest.mark.parametrize(
    ("answers", "lost", "changed"),
    [
        ([RefusedError("no")], False, False),
        ([None, RefusedError("no")], False, True),
        ([SessionError("gone")], True, True),
        ([QuestionError("really?")], False, False),
        ([QuestionError("really?")], True, True),
    ],
)
def test_an_error_after_a_command_that_writes_says_so(
    answers: list[DeviceError | None], lost: bool, changed: bool
) -> None:
    writing = Writing(_Device(*answers, lost=lost))  # type: ignore[arg-type]
    with pytest.raises(DeviceError) as raised, in_doubt(Outcome.IMMEDIATE, holds=lambda _error: writing.begun):
        for _answer in answers:
            writing.run(Command("reset counters"))
    assert raised.value.changed is changed
    assert raised.value.outcome == ("immediate" if changed else None)


def test_an_error_of_a_command_that_reads_changes_nothing() -> None:
    error = SessionError("gone")
    writing = Writing(_Device(error, lost=True))  # type: ignore[arg-type]
    with pytest.raises(SessionError):
        writing.run(Command("display version"))
    assert not writing.begun


class _OverError(BaseException):
    """As Ansible ends a task whose time is over."""


def test_the_end_of_the_time_after_a_command_that_writes_says_so() -> None:
    writing = Writing(_Device(None))  # type: ignore[arg-type]
    with pytest.raises(DeviceError) as raised, in_doubt(Outcome.IMMEDIATE, holds=lambda _error: writing.begun):
        writing.run(Command("reset counters"))
        raise _OverError
    assert (raised.value.changed, raised.value.outcome) == (True, "immediate")
    assert isinstance(raised.value.__cause__, _OverError)


ROLLBACK = Rollback("rollback configuration last 1", (Commit("1000000001"),))
WORK = [
    (lambda session: roll_back(session, ROLLBACK), "unknown"),
    (lambda session: confirm_trial(session, Trial()), "confirming"),
    (lambda session: abort_trial(session, Trial()), "trial_expires"),
]


@pytest.mark.parametrize(("work", "outcome"), WORK)
def test_the_end_of_the_time_in_a_rollback_or_a_trial_says_so(work: Any, outcome: str) -> None:
    device = _Device(_OverError())
    with pytest.raises(DeviceError) as raised:
        work(device)
    assert (raised.value.changed, raised.value.outcome) == (True, outcome)


def test_a_rollback_that_is_refused_changes_nothing() -> None:
    with pytest.raises(RefusedError) as raised:
        roll_back(_Device(RefusedError("no")), ROLLBACK)  # type: ignore[arg-type]
    assert not raised.value.changed


class _RolledBack(_Device):
    """Says that a rollback succeeded, and lists commits afterwards."""

    text = "Info: configuration rollback succeeded."
    words = text

    def __init__(self, listed: str) -> None:
        super().__init__(None)
        self._listed = listed

    def show(self, _command: str, **_what: object) -> _RolledBack:
        self.text = self._listed
        return self


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (_RolledBack(""), "lists no commit of it"),
        (_RolledBack("1) CommitId: 1000000001\n"), "lists no commit of it"),
    ],
)
def test_a_rollback_is_done_when_its_commit_is_listed(device: _RolledBack, words: str) -> None:
    assert roll_back(_RolledBack("1) CommitId: 1000000002\n"), ROLLBACK) == "1000000002"  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match=words) as raised:
        roll_back(device, ROLLBACK)  # type: ignore[arg-type]
    assert (raised.value.changed, raised.value.outcome) == (True, "unknown")


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("Building configuration\n  #\n+ ntp server disable\n", ("  #", "+ ntp server disable")),
        ("Building configuration...\n", ()),
        ("Info: The display is not available at present.\n", None),
        ("", None),
        ("CommitId: 1000000002\n", None),
    ],
)
def test_what_commits_changed_is_read_or_not_known(text: str, changes: tuple[str, ...] | None) -> None:
    device = _RolledBack(text)
    if changes is None:
        with pytest.raises(ParseError, match="not understood"):
            changes_of_last(device, 1)  # type: ignore[arg-type]
    else:
        assert changes_of_last(device, 1) == changes  # type: ignore[arg-type]


@pytest.mark.parametrize(("work", "outcome"), WORK)
def test_a_session_that_is_lost_in_a_rollback_or_a_trial_says_so(work: Any, outcome: str) -> None:
    device = _Device(SessionError("gone"), lost=True)
    with pytest.raises(SessionError) as raised:
        work(device)
    assert (raised.value.changed, raised.value.outcome) == (True, outcome)


def test_the_secret_of_a_command_is_not_shown() -> None:
    with pytest.raises(UserError) as raised:
        refuse_writing([Command("local-user ops password cipher GEHEIM")])
    assert "GEHEIM" not in str(raised.value)
