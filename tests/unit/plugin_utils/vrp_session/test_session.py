# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login, prompts, echoes, pagers, questions: the session against a device on paper."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import (
    DeviceError,
    LoginError,
    QuestionError,
    RefusedError,
    SessionError,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.prompt import (
    Prompt,
    PromptMatcher,
    same_view,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.questions import PromptContext

LOG = "Sep 24 2020 19:53:08+05:00 CE1 %%01NTP/4/STRATUM_CHANGE(l)[1]:System stratum changes from 16 to 4."
FIRST_LINES = (
    "\r\nInfo: The max number of VTY users is 21, the number of current VTY users online is 1.\r\n"
    "      The current login time is 2022-10-31 14:14:23+02:00.\r\n"
)


def buried(prompt: str, *lines: str):
    """A reply whose prompt is followed by other lines, and not shown again."""

    def reply(device) -> str:
        device.prompt = prompt
        device.no_prompt = True
        return "\r\n".join([prompt, *lines, ""])

    return reply


# -- prompts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        ("<CE1>", Prompt(False)),
        ("[~CE1]", Prompt(True, "~")),
        ("[*CE1]", Prompt(True, "*")),
        ("[CE1]", Prompt(True, "")),
        ("[*CE1-100GE1/0/22:1]", Prompt(True, "*", "100GE1/0/22:1")),
        ("[~CE1-Eth-Trunk7.11]", Prompt(True, "~", "Eth-Trunk7.11")),
        ("HRP_M[~CE1]", Prompt(True, "~")),
        ("HRP_S<CE1>", Prompt(False)),
        ("HRP-Standby<CE1>", Prompt(False)),
        ("[V200R009C00SPC500]", None),
        ("Continue? [Y/N]", None),
        ("[~CE10]", None),
        ("<CE2>", None),
        (" description <CE1>", None),
        ("%^%#abc<CE1>", None),
        ("[~CE1-a]b]", None),
    ],
)
def test_only_the_own_name_makes_a_prompt(line: str, prompt: Prompt | None) -> None:
    assert PromptMatcher("CE1").match(line) == prompt


def test_a_name_with_signs_of_a_pattern() -> None:
    assert PromptMatcher("a.b(c)+").match("[~a.b(c)+-Vlanif1]") == Prompt(True, "~", "Vlanif1")
    assert PromptMatcher("a.b").match("<axb>") is None


def test_views_are_compared_without_case_and_blanks() -> None:
    assert same_view("100ge 1/0/1", "100GE1/0/1")
    assert not same_view("100GE1/0/1", "100GE1/0/10")


# -- login -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [0, 1, 3])
@pytest.mark.parametrize(
    "greeting",
    [
        "\r\n",
        FIRST_LINES,
        "Authorised users only!\r\n<Welcome>\r\n" + FIRST_LINES,
        "<b>Hello</b>\r\n<b>Hello</b>\r\n" + FIRST_LINES,
        "[~CE1]\r\n<CE1> is this device\r\n" + FIRST_LINES,
        FIRST_LINES + LOG + "\r\n",
    ],
    ids=["bare", "vty", "prompt-like banner", "marked banner", "own name in the banner", "log"],
)
def test_login_learns_the_name(paper, greeting: str, chunk: int) -> None:
    session = Session(paper(greeting=greeting, chunk=chunk), Timeouts(login=5))
    session.login()
    assert session.sysname == "CE1"
    assert session.prompt == Prompt(False)


def test_the_initial_password_is_kept(paper) -> None:
    question = (
        "\r\nWarning: The initial password poses security risks.\r\n"
        "The password needs to be changed. Change now? [Y/N]:"
    )
    device = paper(greeting=question)
    session = Session(device, Timeouts(login=5))
    session.login()
    assert device.sent[0] == "N"
    assert session.sysname == "CE1"


def test_an_expired_password_stops(paper) -> None:
    question = "\r\nWarning: The password is already expired.\r\nThe password needs to be changed, Continue? [Y/N]:"
    device = paper(greeting=question)
    with pytest.raises(LoginError, match="has expired"):
        Session(device, Timeouts(login=5)).login()
    assert device.sent == []


def test_an_unknown_question_at_login_stops(paper) -> None:
    device = paper(greeting="\r\nShall I erase the flash? [Y/N]:")
    with pytest.raises(LoginError, match="erase the flash"):
        Session(device, Timeouts(login=5)).login()
    assert device.sent == []


def test_a_silent_device_is_given_up(paper) -> None:
    device = paper(greeting="hello:")
    with pytest.raises(SessionError, match="first prompt"):
        Session(device, Timeouts(login=5)).login()


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [0, 1, 2, 7])
def test_an_answer_has_neither_echo_nor_prompt(paper, logged_in, chunk: int) -> None:
    text = (
        "#\r\nsysname CE1\r\n header shell [~CE1]\r\n description <CE1>\r\n"
        "[V200R009C00SPC500]\r\nreally? [Y/N]:\r\nreturn\r\n"
    )
    session = logged_in(paper({"display current-configuration": text}, chunk=chunk))
    answer = session.show("display current-configuration", frame_end="return")
    assert answer.text == text.replace("\r\n", "\n").rstrip("\n")
    assert not answer.unavailable


def test_a_configuration_line_that_equals_the_prompt_does_not_end_the_answer(paper, logged_in) -> None:
    device = paper({}, chunk=1)
    session = logged_in(device)
    device.answers["display current-configuration"] = "header shell \r\n<CE1>\r\n[~CE1]\r\n#\r\nreturn\r\n"
    assert session.show("display current-configuration", frame_end="return").lines[-1] == "return"


@pytest.mark.parametrize("chunk", [0, 1, 7])
@pytest.mark.parametrize("log", ["", f"{LOG}\r\n"])
def test_two_displays_in_one_round_trip(paper, logged_in, chunk: int, log: str) -> None:
    refusal = "        ^\r\nError: Unrecognized command found at '^' position.\r\n"
    answers = {"display ntp-service status": refusal, "display ntp status": f" clock stratum: 2\r\n{log}"}
    first, second = logged_in(paper(answers, chunk=chunk)).show_both(*answers)
    assert first.unavailable
    assert (first.command, first.words) == (
        "display ntp-service status",
        "Error: Unrecognized command found at '^' position.",
    )
    assert second.text == " clock stratum: 2"


def test_a_first_display_whose_echo_was_broken_is_asked_again(paper, logged_in) -> None:
    device = paper({"display version": "VRP 8\r\n", "display clock": "12:00\r\n"})
    session = logged_in(device)
    sent = device.send

    def send(text: str) -> None:
        sent(text)
        if len(device.sent) == 2:
            device._output = device._output.replace("display ver", "display#ver")

    device.send = send
    assert [answer.text for answer in session.show_both("display version", "display clock")] == ["VRP 8", "12:00"]
    assert device.sent == ["display version", "display clock", "display version"]


@pytest.mark.parametrize("chunk", [0, 1])
def test_a_display_goes_with_the_return_to_the_user_view(paper, logged_in, chunk: int) -> None:
    def back(device) -> str:
        device.prompt = "<CE1>"
        return ""

    device = paper({"return": back, "display clock": "12:00\r\n"}, chunk=chunk)
    session = logged_in(device)
    device.prompt = "[~CE1-100GE1/0/1]"
    session.ask("interface 100GE1/0/1")
    answer = session.return_and_show("display clock")
    assert (answer.text, session.prompt.system) == ("12:00", False)


@pytest.mark.parametrize("chunk", [0, 1])
def test_the_settings_of_the_terminal_are_not_waited_for(paper, logged_in, chunk: int) -> None:
    settings = {"screen-length 0 temporary": "Error: No permission.\r\n", "undo terminal monitor": "Info: off.\r\n"}
    device = paper({**settings, "display clock": "12:00\r\n"}, chunk=chunk)
    session = logged_in(device)
    session.quieten()
    assert session.show("display clock").text == "12:00"
    assert device.sent == [*settings, "display clock"]


def test_pages_are_turned(paper, logged_in) -> None:
    device = paper(
        {
            "display this": "#\r\nline 1\r\n  ---- More ----",
            " ": "\x1b[16D                \x1b[16Dline 2\r\nreturn\r\n",
        }
    )
    assert logged_in(device).show("display this", frame_end="return").lines == ("#", "line 1", "line 2", "return")


@pytest.mark.parametrize("chunk", [0, 1, 4])
def test_log_lines_and_time_stamps_are_left_out(paper, logged_in, chunk: int) -> None:
    text = f"2024-06-08 13:04:22.667 +03:00\r\n clock status: synchronized\r\n{LOG}\r\n clock stratum: 3\r\n"
    session = logged_in(paper({"display ntp status": text}, chunk=chunk))
    assert session.show("display ntp status").text == " clock status: synchronized\n clock stratum: 3"


def test_a_log_line_before_the_echo(paper, logged_in) -> None:
    device = paper({"display ntp status": " clock status: synchronized\r\n"}, chunk=5)
    session = logged_in(device)
    device.emit(f"\r\n{LOG}\r\n<CE1>")
    assert session.show("display ntp status").text == " clock status: synchronized"


def test_a_prompt_buried_under_a_log_line(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)
    device.answers["system-view"] = buried("[~CE1]", LOG)
    assert session.ask("system-view").prompt == Prompt(True, "~")
    assert device.sent == ["system-view", ""]


def test_a_wrapped_echo_is_an_echo(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)
    device.send = lambda text: device.emit("ntp multica \x1b[1Dst-client\r\n<CE1>")
    assert session.ask("ntp multicast-client").lines == ()


def test_another_echo_is_no_answer(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)
    device.send = lambda text: device.emit("tp multicast-client\r\n<CE1>")
    with pytest.raises(SessionError, match="echo"):
        session.ask("ntp multicast-client")
    assert session.lost


def test_a_commit_may_change_the_name(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)

    def rename(device) -> str:
        device.prompt = "[~NEW]"
        return ""

    device.answers["commit"] = rename
    answer = session.ask("commit", occasion=PromptContext.COMMIT)
    assert session.sysname == "NEW"
    assert answer.prompt == Prompt(True, "~")
    assert not answer.refused
    assert not session.ask("display clock").refused


@pytest.mark.parametrize(
    "words",
    [
        "              ^\r\nError: Unrecognized command found at '^' position.\r\n",
        "Error:Incomplete command found at '^' position.\r\n",
        "              ^\r\nError[2]: Incomplete command found at '^' position.\r\n",
        "Error: No permission to run the command.\r\n",
        "      ^\r\nsomething in another language\r\n",
    ],
)
def test_refusals(paper, logged_in, words: str) -> None:
    answer = logged_in(paper({"x": words})).ask("x")
    assert answer.refused
    with pytest.raises(RefusedError):
        answer.expect("a line")


@pytest.mark.parametrize(
    "words", ["", "Info: fine.\r\n", "Warning: careful.\r\n", "Committing....done. \r\n", f"{LOG} Error: x\r\n"]
)
def test_no_refusals(paper, logged_in, words: str) -> None:
    assert not logged_in(paper({"x": words})).ask("x").refused


def test_the_caret_points_into_the_masked_line(paper, logged_in) -> None:
    line = "ntp authentication-keyid 1 authentication-mode md5 TopSecret-123 oops"
    device = paper(
        {line: " " * (len("<CE1>") + line.index("oops")) + "^\r\nError: Too many parameters found at '^' position.\r\n"}
    )
    with pytest.raises(RefusedError) as raised:
        logged_in(device).ask(line, secrets=["TopSecret-123"]).expect("a line")
    error = raised.value
    assert "TopSecret" not in str(error)
    assert error.line[len(error.caret) - 1 :] == "oops"


# -- questions ---------------------------------------------------------------------------------------------------------

LISTENING = "Warning: NTP IPv4 server listening all interface will be enabled. Continue? [Y/N]:"
UNCOMMITTED = (
    "Warning: Uncommitted configurations found. Are you sure to commit them before exiting? [Y(yes)/N(no)/C(cancel)]:"
)


@pytest.mark.parametrize(
    ("question", "occasion", "line", "answer"),
    [
        (LISTENING, PromptContext.CONFIGURATION, "ntp server source-interface all enable", "Y"),
        (UNCOMMITTED, PromptContext.LEAVING, "return", "N"),
        (UNCOMMITTED, PromptContext.NAVIGATION, "quit", "C"),
        (UNCOMMITTED, PromptContext.CONFIGURATION, "quit", "C"),
        (UNCOMMITTED, PromptContext.COMMIT, "commit", "C"),
        ("Warning: NTP server will stop. Continue? [Y/N]:", PromptContext.CONFIGURATION, "ntp server disable", "Y"),
        (
            "Warning: The trial configuration will be rolled back. Continue? [Y/N]:",
            PromptContext.ABORT_TRIAL,
            "abort trial",
            "Y",
        ),
        (
            "Warning: The current configuration will be written to the device. Continue? [Y/N]:",
            PromptContext.SAVE,
            "save",
            "Y",
        ),
        (
            "Warning: all configuration will be written.\r\nAre you sure to continue?[Y/N]",
            PromptContext.SAVE,
            "save",
            "Y",
        ),
    ],
)
def test_known_questions(paper, logged_in, question: str, occasion: PromptContext, line: str, answer: str) -> None:
    device = paper({line: question})
    session = logged_in(device)
    session.ask(line, occasion=occasion)
    assert device.sent == [line, answer]


@pytest.mark.parametrize("occasion", [occasion for occasion in PromptContext if occasion is not PromptContext.LOGIN])
@pytest.mark.parametrize(
    "question",
    [
        UNCOMMITTED,
        UNCOMMITTED.replace("exiting", "leaving"),
        "Warning: Uncommitted configurations found, commit them before exiting? [Y(yes)/N(no)/C(cancel)]:",
        "Publish what is pending? [Y(yes)/N(no)/C(cancel)]:",
    ],
)
def test_a_question_with_three_answers_never_gets_a_yes(
    paper, logged_in, occasion: PromptContext, question: str
) -> None:
    device = paper({"quit": question})
    session = logged_in(device)
    with contextlib.suppress(QuestionError):
        session.ask("quit", occasion=occasion)
    assert not {"Y", "y", "yes", ""} & set(device.sent[1:])
    assert device.sent[1:]


def test_an_unknown_question_is_declined_and_told(paper, logged_in) -> None:
    device = paper({"ntp disable": "Warning: All clocks will stop. Continue? [Y/N]:"})
    session = logged_in(device)
    with pytest.raises(QuestionError, match="All clocks will stop"):
        session.ask("ntp disable", occasion=PromptContext.CONFIGURATION)
    assert device.sent == ["ntp disable", "N"]
    assert session.ask("display clock").prompt == Prompt(False)


def test_a_question_buried_under_a_log_line(paper, logged_in) -> None:
    device = paper({"ntp server source-interface all enable": LISTENING})
    session = logged_in(device)
    original = device.send

    def send(text: str) -> None:
        original(text)
        if text.startswith("ntp"):
            device.emit(f"\r\n{LOG}\r\n")

    device.send = send
    session.ask("ntp server source-interface all enable", occasion=PromptContext.CONFIGURATION)
    assert device.sent[-1] == "Y"


def test_the_question_of_a_display_is_only_text(paper, logged_in) -> None:
    device = paper({"display this": " description Continue? [Y/N]:\r\nreturn\r\n"}, chunk=1)
    logged_in(device).show("display this", frame_end="return")
    assert device.sent == ["display this"]


# -- the end, and noise ------------------------------------------------------------------------------------------------


def test_a_closed_session_is_told(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)
    device.send = lambda text: setattr(device, "closed", True)
    with pytest.raises(SessionError, match="closed"):
        session.ask("commit")
    assert session.lost


def test_no_error_of_a_lost_session_shows_the_line(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)
    device.send = device.emit
    with pytest.raises(SessionError) as raised:
        session.ask("ntp authentication-keyid 1 authentication-mode md5 TopSecret-123", secrets=["TopSecret-123"])
    assert "TopSecret-123" not in str(raised.value)


def test_recovering_after_an_exchange_was_broken_off(paper, logged_in) -> None:
    device = paper({"commit": "Committing....done.\r\n"})
    session = logged_in(device)
    device.send("commit\n")
    session.recover(timeout=3)
    assert session.ask("display clock").prompt == Prompt(False)


NOISE = st.lists(
    st.one_of(
        st.text(max_size=60),
        st.sampled_from(
            [
                "\r\n",
                "<CE1",
                ">",
                "[~CE1",
                "]",
                "[~CE1]",
                "<CE2>",
                "[Y/N]:",
                "---- More ----",
                "\x1b[1A",
                "\x1b[16D",
                "return",
                "\r",
                "Error:",
                LOG,
            ]
        ),
    ),
    max_size=40,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(NOISE, st.integers(0, 5))
def test_noise_raises_nothing_but_the_documented_errors(paper, noise: str, chunk: int) -> None:
    device = paper({"display this": noise + "\r\n"}, chunk=chunk)
    session = Session(device, Timeouts(login=3, command=3, commit=3))
    session.login()
    try:
        session.show("display this", frame_end="return")
        session.ask("display clock")
    except DeviceError:
        pass


@settings(max_examples=200, deadline=None)
@given(NOISE, st.integers(0, 5))
def test_noise_at_login(paper, noise: str, chunk: int) -> None:
    session = Session(paper(greeting=noise + "\r\n", chunk=chunk), Timeouts(login=3))
    try:
        session.login()
    except DeviceError:
        return
    assert session.sysname in ("CE1", "CE2") or f"<{session.sysname}>" in noise


@pytest.mark.parametrize(
    "text",
    [
        "\r\nMay 04 2026 06:07:08 CE1 %%01SSHS/4/USER_IN(l)[7]:User ops came in.",
        "May 04 2026 06:07:08 CE1 %%01SSHS/4/USER_IN(l)[7]:User ops came in.",
        "\r\nsome text in a form that nobody knows",
    ],
)
def test_text_without_a_line_end_behind_the_first_prompt(text: str, paper) -> None:
    device = paper()
    device.emit(text)
    session = Session(device, Timeouts(login=20, command=5, commit=5))
    session.login()
    assert session.sysname == "CE1"


SYSNAMES = [
    "CE 1",
    "CE[1]",
    "*CE1",
    "~CE1",
    "CE>1",
    "<CE1",
    "a<b>c",
    "CE1]",
    "\u6838\u5fc3",
    "V200R005",
    "CE1-Vlanif100",
    "x" * 246,
]
LEADS = ["", "HRP_M", "HRP_Standby ", "RBM_P", "(M)", "(VS1) ", "[M]", "Slave", "Master", "%", "*", "Backup-"]


@pytest.mark.parametrize(("lead", "sysname"), [*(("", name) for name in SYSNAMES), *((lead, "CE1") for lead in LEADS)])
def test_odd_names_and_marks(paper, lead: str, sysname: str) -> None:
    def goes_to(prompt: str):
        def reply(item) -> str:
            item.prompt = prompt
            return ""

        return reply

    device = paper(
        {
            "system-view": goes_to(f"{lead}[~{sysname}]"),
            "interface Vlanif100": goes_to(f"{lead}[~{sysname}-Vlanif100]"),
            "ntp multicast-client": goes_to(f"[*{sysname}-Vlanif100]"),
            "return": goes_to(f"{lead}<{sysname}>"),
        }
    )
    device.prompt = f"{lead}<{sysname}>"
    device._output = f"\r\n{device.prompt}"
    session = Session(device, Timeouts(login=8, command=5, commit=5))
    session.login()
    assert session.sysname == sysname
    views = [session.ask(line, occasion=PromptContext.CONFIGURATION).prompt for line in device.answers]
    assert views == [Prompt(True, "~"), Prompt(True, "~", "Vlanif100"), Prompt(True, "*", "Vlanif100"), Prompt(False)]


@pytest.mark.parametrize("text", ["Do you accept? <y/n>", "Accept:<y/n>"])
def test_a_question_in_angle_brackets_is_no_prompt(text: str, paper) -> None:
    device = paper(greeting=f"{text}:")
    device._output = f"\r\n{text}"
    with pytest.raises(DeviceError):
        Session(device, Timeouts(login=20, command=5, commit=5)).login()
    assert device.sent == []


@pytest.mark.parametrize(
    "question",
    [
        "Warning: The default password poses security risks. Change it now? [Y/N]:",
        "Info: Your password will expire in 3 days. Do you want to change the password? [Y/N]:",
        "Warning: The password needs to be changed. Change now? [Y/N]:",
    ],
)
def test_no_password_is_changed_at_login(paper, question: str) -> None:
    device = paper(greeting=f"\r\n{question}")
    Session(device, Timeouts(login=5)).login()
    assert device.sent[0] == "N"


@pytest.mark.parametrize("text", ["Enter the token:", "Token (6 digits)?", "Passcode>"])
def test_a_question_in_unknown_words_gets_no_empty_line_at_login(text: str, paper) -> None:
    device = paper()
    device.emit(f"\r\n{text}")
    with pytest.raises(SessionError):
        Session(device, Timeouts(login=20, command=5, commit=5)).login()
    assert device.sent in ([], [""])  # the first one proves the prompt


def test_a_line_that_is_not_sent_is_not_quoted_whole(paper, logged_in) -> None:
    session = logged_in(paper())
    with pytest.raises(UserError) as raised:
        session.ask("super password GEHEIM?")
    assert "U+003F at its position 22" in str(raised.value)
    assert "GEHEIM" not in str(raised.value)
