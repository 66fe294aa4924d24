# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What public reports have shown to fail, each through the real session over SSH: a case has the name of its kind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from harness import SECRET, USERS, LoginFailed, device, ntp_lines, server_config, ssh_logins

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import (
    BusyError,
    QuestionError,
    SessionError,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.questions import PromptContext
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import Save, converge, gather
from vrp_simulator.testing import RunningDevice, RunningDevices, running_devices

BUSY = "Error: The system is busy in building configuration. Please wait for a moment..."
CLIENT = {"interfaces": [{"name": "100GE1/0/1", "clients": [{"address": "239.1.2.3"}]}]}
OLD_CLIENT = {"interfaces": [{"name": "GigabitEthernet0/0/1", "clients": [{"address": "239.1.2.3"}]}]}


@pytest.fixture(name="running", scope="module")
def running_fixture() -> Iterator[RunningDevices]:
    old = {
        "name": "FW1",
        "release": "vrp5",
        "users": USERS,
        "interfaces": [{"name": "GigabitEthernet0/0/1", "ipv4": "10.0.0.1/24"}],
    }
    with running_devices([device("CE1", "ce-v300r023", "100GE1/0/1"), old]) as devices:
        yield devices


@pytest.fixture(name="ce1")
def ce1_fixture(running: RunningDevices) -> Iterator[RunningDevice]:
    running["CE1"].reset()
    yield running["CE1"]
    assert running["CE1"].pending() == {}
    assert running["CE1"].lock_owner() is None


@pytest.fixture(name="fw1")
def fw1_fixture(running: RunningDevices) -> RunningDevice:
    running["FW1"].reset()
    return running["FW1"]


def configured(item: RunningDevice, config: dict[str, Any] | None = None, **options: Any) -> None:
    """The description is taken, and stands."""
    with ssh_logins(item) as logins:
        report = converge(logins, logins.request(config or CLIENT, **options))
        assert report.changed
        assert not converge(logins, logins.request(config or CLIENT, **options)).changed
    assert " ntp multicast-client 239.1.2.3" in item.running_configuration().replace("ntp-service", "ntp")


# -- busy --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [BUSY, "Info: The configuration service is busy. Please try again later."])
@pytest.mark.parametrize(
    "line", ["display current", "system-view", "interface", "multicast-client", "^commit", "display ntp", "^return"]
)
def test_a_busy_device_is_asked_again(ce1: RunningDevice, line: str, words: str) -> None:
    ce1.set_faults(busy_lines={line: 2}, busy_words=words)
    configured(ce1)


@pytest.mark.parametrize("line", ["display", "system-view", "interface", "multicast-client"])
def test_a_device_that_stays_busy_is_said_to_be_busy(ce1: RunningDevice, line: str) -> None:
    before = ntp_lines(ce1)
    ce1.set_faults(busy_lines={line: -1}, busy_words=BUSY)
    with ssh_logins(ce1) as logins:
        with pytest.raises(BusyError, match="busy in building configuration") as raised:
            converge(logins, logins.request(CLIENT))
        with pytest.raises(BusyError) if line == "display" else contextlib.nullcontext():
            gather(logins.session(), None)
    assert "level 3" not in str(raised.value)
    assert not raised.value.changed
    assert ntp_lines(ce1) == before


# -- marks, prefixes, time lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [" (+B)", "(+B)", " (B)"])
def test_a_mark_behind_the_echo_is_no_part_of_the_line(ce1: RunningDevice, mark: str) -> None:
    ce1.set_faults(prompt_prefix="HRP_M", echo_mark=mark)
    configured(ce1)


def test_a_mark_behind_the_echo_of_a_single_stage_device(fw1: RunningDevice) -> None:
    fw1.set_faults(prompt_prefix="HRP_M", echo_mark=" (+B)")
    configured(fw1, OLD_CLIENT, allow_immediate=True)


@pytest.mark.parametrize("prefix", ["HRP-A", "HRP_A", "HRP_S", "RBM_P", "(M)"])
def test_the_prefixes_of_firewalls(ce1: RunningDevice, prefix: str) -> None:
    ce1.set_faults(prompt_prefix=prefix)
    configured(ce1)


@pytest.mark.parametrize("form", ["usg", "date-time"])
def test_the_time_before_a_refusal(ce1: RunningDevice, form: str) -> None:
    ce1.set_faults(timestamps=True, timestamp_form=form)
    with ssh_logins(ce1, "low") as logins:
        assert converge(logins, logins.request(CLIENT)).changed


# -- logs and traps ----------------------------------------------------------------------------------------------------

FORMS = ("date", "short-date", "format-date", "rfc-3339", "boot", "none")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("width", [0, 80])
@pytest.mark.parametrize("redraws", [False, True], ids=["buried", "drawn again"])
def test_a_log_behind_the_first_prompt(ce1: RunningDevice, form: str, width: int, redraws: bool) -> None:
    ce1.set_faults(
        log_lines="always", log_at=("first-prompt",), log_form=form, log_width=width, log_redraws_prompt=redraws
    )
    configured(ce1)


@pytest.mark.parametrize("line", ["interface", "^commit", "multicast-client", "display current", "^return"])
@pytest.mark.parametrize(
    ("kind", "form", "width"), [("log", "format-date", 0), ("log", "date", 80), ("trap", "boot", 0)]
)
def test_a_log_that_buries_the_prompt(ce1: RunningDevice, line: str, kind: str, form: str, width: int) -> None:
    ce1.set_faults(
        log_lines="always",
        log_at=("prompt",),
        log_after_line=line,
        log_kind=kind,
        log_form=form,
        log_width=width,
        log_redraws_prompt=False,
    )
    configured(ce1)


@pytest.mark.parametrize("kind", ["log", "trap", "debugging"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("width", [0, 80])
def test_a_log_inside_the_configuration(ce1: RunningDevice, kind: str, form: str, width: int) -> None:
    with ssh_logins(ce1) as logins:
        converge(logins, logins.request(server_config("100GE1/0/1")))
        quiet = gather(logins.session(), None).configuration
    ce1.set_faults(
        log_lines="always",
        log_at=("middle",),
        log_before="^ ntp multicast",
        log_kind=kind,
        log_form=form,
        log_width=width,
    )
    with ssh_logins(ce1) as logins:
        assert gather(logins.session(), None).configuration == quiet


# -- questions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        "Are you sure? (y/n)[n]:",
        "Continue?(Y/N)[N]:",
        "Are you sure to continue?[Y/N][N]:",
        "Continue? [Y/N] (default: N) :",
        "Please input the file name ( *.cfg, *.zip ) [ vrpcfg.zip ] :",
    ],
)
def test_an_unknown_question_is_declined(ce1: RunningDevice, question: str) -> None:
    ce1.set_faults(questions={"multicast-client": f"Warning: Something.\n{question}"})
    with ssh_logins(ce1) as logins:
        session = logins.session()
        for line in ("system-view", "interface 100GE1/0/1"):
            session.ask(line).expect("a line")
        with pytest.raises(QuestionError, match="Something") as raised:
            session.ask("ntp multicast-client 239.1.2.3", occasion=PromptContext.CONFIGURATION)
        assert question.strip() in str(raised.value)
        session.ask("clear configuration candidate")


@pytest.mark.parametrize(
    "questions",
    [
        ("The current configuration will be written to the device. \nAre you sure to continue? (y/n)[n]:",),
        ("The current configuration will be written to the device.\nAre you sure to continue?[Y/N][N]:",),
        (
            "The current configuration will be written to the device. Continue? [Y/N]:",
            "Please input the file name ( *.cfg, *.zip ) [ vrpcfg.zip ] :",
        ),
        ("flash:/vrpcfg.zip exists, overwrite? [Y/N]:",),
    ],
)
def test_saving_with_defaults(ce1: RunningDevice, questions: tuple[str, ...]) -> None:
    ce1.set_faults(save_questions=questions)
    configured(ce1, save=Save.CHANGED)
    assert "239.1.2.3" in ce1.saved_configuration()


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "Info: This command is not supported on this interface.",
        "Failed to deliver the command to slot 3.",
        "Warning: Nothing was done.",
    ],
)
def test_the_words_to_a_line_that_was_not_taken_are_told(ce1: RunningDevice, words: str) -> None:
    ce1.set_faults(not_taken={"multicast-client": words})
    with ssh_logins(ce1) as logins, pytest.raises(NtpMulticastError) as raised:
        converge(logins, logins.request(CLIENT))
    assert words in str(raised.value)
    assert "239.1.2.3" in str(raised.value)


# -- what was not read is not empty ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        {"late_echo": {"display current": 4.5}},
        {"pause": {"display current": 4.5}},
        {"stalls": {"^interface 100GE1/0/1": 4.5}},
        {"stalls": {"^return": 4.5}},
    ],
    ids=["late echo", "late answer", "stall in the text", "stall before its end"],
)
def test_a_silence_is_sat_through(ce1: RunningDevice, faults: dict[str, Any]) -> None:
    configured(ce1)
    ce1.set_faults(**faults)
    with ssh_logins(ce1, command=20) as logins:
        assert gather(logins.session(), None).configuration.interfaces


@pytest.mark.parametrize("state", ["merged", "deleted", "overridden"])
@pytest.mark.parametrize(
    ("faults", "missing"),
    [
        ({"late_echo": {"display current": 9.0}}, "echo"),
        ({"pause": {"display current": 9.0}}, "prompt"),
        ({"cut_answers": {"display current": 0}}, "`return`"),
        ({"cut_answers": {"display current": 300}}, "`return`"),
        ({"cut_answers": {"display current": -8}}, "`return`"),
        ({"cut_answers": {"display current": 300}, "cut_then": "silence"}, "prompt"),
        ({"cut_answers": {"display current": 300}, "cut_then": "lost"}, "closed"),
    ],
)
def test_what_was_not_read_is_not_empty(ce1: RunningDevice, faults: dict[str, Any], missing: str, state: str) -> None:
    configured(ce1)
    before = ntp_lines(ce1)
    ce1.set_faults(**faults)
    with ssh_logins(ce1, command=3) as logins, pytest.raises(SessionError, match=missing) as raised:
        converge(logins, logins.request(server_config("100GE1/0/1") if state != "deleted" else {}, state))
    assert not raised.value.changed
    assert raised.value.outcome == "nothing_sent"
    assert SECRET not in str(raised.value)
    assert ntp_lines(ce1) == before


def test_a_device_that_hangs_up_at_login_is_told(ce1: RunningDevice) -> None:
    ce1.set_faults(expired_password=True)
    with ssh_logins(ce1) as logins, pytest.raises(LoginFailed, match="expired"):
        logins.session()


@pytest.mark.parametrize(
    "line", ["^save", "^configuration exclusive", "^undo configuration exclusive", "^quit", "candidate merge"]
)
def test_a_device_is_busy_at_any_other_line(ce1: RunningDevice, line: str) -> None:
    ce1.set_faults(busy_lines={line: 2}, busy_words=BUSY)
    config = {**server_config("100GE1/0/1"), "interfaces": CLIENT["interfaces"]}
    with ssh_logins(ce1, "low" if "merge" in line else "ops") as logins:
        report = converge(logins, logins.request(config, save=Save.CHANGED, lock=True))
    assert report.saved
    assert " ntp multicast-client 239.1.2.3" in ce1.saved_configuration()


@pytest.mark.parametrize("line", ["^clear", "^return"])
def test_a_device_is_busy_on_the_way_back(ce1: RunningDevice, line: str) -> None:
    before = ntp_lines(ce1)
    ce1.set_faults(busy_lines={line: 2}, busy_words=BUSY, refused_lines={"multicast-client": "Error: No."})
    with ssh_logins(ce1) as logins, pytest.raises(NtpMulticastError, match="Error: No") as raised:
        converge(logins, logins.request({**server_config("100GE1/0/1"), "interfaces": CLIENT["interfaces"]}))
    assert (raised.value.outcome, ntp_lines(ce1)) == ("cleared", before)


def test_a_text_cut_at_80_columns_is_read(ce1: RunningDevice) -> None:
    with ssh_logins(ce1) as logins:
        converge(logins, logins.request(server_config("100GE1/0/1")))
        whole = gather(logins.session(), None).configuration
    ce1.set_faults(output_width=80)
    with ssh_logins(ce1) as logins:
        cut = gather(logins.session(), None).configuration
    assert (cut.interfaces, cut.server) == (whole.interfaces, whole.server)
