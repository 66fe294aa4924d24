# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What asks, what is answered, and what nobody asked for."""

from __future__ import annotations

import pytest
from unit.plugin_utils.vrp_session.logs import LOGS, UNKNOWN_TEXT

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import QuestionError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.questions import (
    PromptContext,
    ending_of,
    known_question,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.unsolicited import (
    is_log_line,
    is_time_line,
    without_logs,
)

# -- questions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "choice", "default"),
    [
        ("Continue? [Y/N]", "Y/N", ""),
        ("Continue? [Y/N]:", "Y/N", ""),
        ("Are you sure? (y/n)[n]:", "Y/N", "n"),
        ("Continue?(Y/N)[N]:", "Y/N", "N"),
        ("Are you sure to continue?[Y/N][N]:", "Y/N", "N"),
        ("Continue (yes/no) ? [no] :", "Y/N", "no"),
        ("Continue? [Y/N] (default: N) :", "Y/N", "default: N"),
        ("Continue? (Y/N, default N):", "Y/N", ""),
        ("Leave? [Y(yes)/N(no)/C(cancel)]:", "Y/N/C", ""),
        ("Leave? [y/n/c][c]:", "Y/N/C", "c"),
        ("Continue? {Y/N}:", "Y/N", ""),
        ("Continue? <y/n>[n]:", "Y/N", "n"),
        ("Continue? [N/Y]:", "Y/N", ""),
        ("Continue? Y/N:", "Y/N", ""),
        ("Continue? y/n/c:", "Y/N/C", ""),
        ("Continue (y or n)?", "Y/N", ""),
        ("Please input the file name [vrpcfg.zip]:", "", "vrpcfg.zip"),
        ("Please input the file name ( *.cfg, *.zip ) [ vrpcfg.zip ] :", "", "vrpcfg.zip"),
        ("Info: Please input the file name(*.cfg, *.zip, *.dat):", "", ""),
        ("Enter Password:", "", ""),
        ("Continue? [(y/n)[n]]:", "Y/N", ""),
        ("Continue (Y-N):", "Y/N", ""),
        ("Continue Y or N?", "Y/N", ""),
        ("Continue? [Y/N], default N:", "Y/N", "default N"),
        ("Continue (Y for yes, N for no):", "Y/N", ""),
        ("Continue\uff1f[Y/N]\uff1a", "Y/N", ""),
        ("Continue? [Y/N]\u3002", "Y/N", ""),
        ("Continue (y[es]/n[o]):", "Y/N", ""),
        ("Continue? [Y]es/[N]o:", "Y/N", ""),
        ("Continue? Yes[Y]/No[N]:", "Y/N", "N"),
        ("Continue? (Y/[N]):", "Y/N", ""),
        ("(To leave the existing filename unchanged, press the enter key):", "", ""),
    ],
)
def test_the_endings_of_questions(line: str, choice: str, default: str) -> None:
    ending = ending_of(line)
    assert ending is not None
    assert (ending.choice, ending.default) == (choice, default)


@pytest.mark.parametrize(
    "line",
    [
        "[~CE1-Vlanif100]",
        "[Y/N] is asked",
        " description up [100GE1/0/1]",
        "Info: saved (y)",
        "%^%#]",
        ")",
        "[[[[",
        "Committing.",
        "Y/N",
        "the values are n/a:",
        "[no, yesterday]",
        "",
        "The name: x",
    ],
)
def test_what_is_no_question(line: str) -> None:
    assert ending_of(line) is None


@pytest.mark.parametrize(
    ("question", "answer"),
    [("Are you sure? (y/n)[n]:", "N"), ("Publish? [Y/N/C][C]:", "C"), ("File name ( *.cfg ) [ a.cfg ] :", "")],
)
def test_unknown_questions_with_defaults_are_declined(paper, logged_in, question: str, answer: str) -> None:
    device = paper()
    session = logged_in(device)
    sent: list[str] = []

    def send(text: str) -> None:
        sent.append(text)
        device.emit("x\r\n" + question if text == "x\n" else "\r\n<CE1>")

    device.send = send
    with pytest.raises(QuestionError, match="no known safe answer"):
        session.ask("x", occasion=PromptContext.CONFIGURATION)
    assert sent == ["x\n", answer + "\n"]


WRITTEN = "Warning: The current configuration will be written to the device. Continue? [Y/N]:"
LONG_LOG = LOGS["date"] + ", a neighbour aged out. (Interface=100GE1/0/9, PortId=eth7, Remaining=3, and more of it)"


@pytest.mark.parametrize("width", [0, 80, 132])
@pytest.mark.parametrize("between", ["\r\n", ""], ids=["on the next line", "on its line"])
@pytest.mark.parametrize("log", [LONG_LOG, LOGS["named zone"], LOGS["boot"], LOGS["format-date"]])
def test_a_question_is_found_below_a_log(paper, logged_in, log: str, between: str, width: int) -> None:
    cut = "\r\n".join(log[start : start + (width or 999)] for start in range(0, len(log), width or 999))
    device = paper()
    session = logged_in(device)
    sent: list[str] = []

    def send(text: str) -> None:
        sent.append(text)
        device.emit(f"save\r\n{WRITTEN}{between}{cut}\r\n" if text == "save\n" else "Y\r\nInfo: Saved.\r\n<CE1>")

    device.send = send
    assert session.ask("save", occasion=PromptContext.SAVE).words.endswith("Info: Saved.")
    assert sent == ["save\n", "Y\n"]


def test_a_question_is_found_below_text_that_is_not_known(paper, logged_in) -> None:
    device = paper({"save": f"{WRITTEN}\r\n{UNKNOWN_TEXT}\r\n"})
    device.answers["save"] = lambda item: setattr(item, "no_prompt", True) or f"{WRITTEN}\r\n{UNKNOWN_TEXT}\r\n"
    logged_in(device).ask("save", occasion=PromptContext.SAVE)
    assert device.sent == ["save", "Y"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Warning: The current configuration will be saved to the device. Continue? [Y/N]:", "Y"),
        ("flash:/vrpcfg.zip exists, overwrite? [Y/N]:", "Y"),
        ("Save current configuration? [Y/N]", "Y"),
        ("Do you want to save the configuration? (y/n)[n]:", "Y"),
        ("Please input the file name(*.cfg)[flash:/vrpcfg.cfg]:", ""),
        ("(To leave the existing filename unchanged, press the enter key):", ""),
        ("Warning: The system will reboot after saving. Are you sure to continue? [Y/N]:", "N"),
        ("Warning: The slave's file will be deleted. Are you sure to continue? [Y/N]:", "N"),
        ("Warning: The configuration will be written, and the flash formatted. Are you sure to continue? [Y/N]:", "N"),
        ("Continue? [Y/N]:", "N"),
    ],
)
def test_saving_is_all_that_is_agreed_to(paper, logged_in, question: str, answer: str) -> None:
    device = paper()
    session = logged_in(device)
    sent: list[str] = []

    def send(text: str) -> None:
        sent.append(text)
        device.emit(f"save\r\n{question}" if text == "save\n" else f"{text.strip()}\r\n<CE1>")

    device.send = send
    if answer == "N":
        with pytest.raises(QuestionError):
            session.ask("save", occasion=PromptContext.SAVE)
    else:
        session.ask("save", occasion=PromptContext.SAVE)
    assert sent == ["save\n", f"{answer}\n"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Warning: The NTP server will stop. Continue? [Y/N]:", "Y"),
        ("Warning: NTP clients will be refused. Are you sure? (y/n)[n]:", "Y"),
        ("Warning: All NTP settings will be deleted. Continue? [Y/N]:", None),
        ("Warning: NTP changes, so the device will be restarted. Continue? [Y/N]:", None),
        ("Warning: Uncommitted NTP lines get lost. Continue? [Y/N]:", None),
    ],
)
def test_the_server_function_is_all_that_is_agreed_to(question: str, answer: str | None) -> None:
    known = known_question(question, PromptContext.CONFIGURATION, "ntp server disable")
    assert (known.answer if known else None) == answer


# -- what nobody asked for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", LOGS.values(), ids=LOGS)
def test_log_lines(line: str) -> None:
    assert is_log_line(line)


@pytest.mark.parametrize(
    "line",
    [
        "#",
        "* interface GE0/0/1",
        "*interface GigabitEthernet0/0/1",
        "interface 100GE1/0/1",
        " description May 04 2026 06:07:08 up",
        "ntp multicast-server 239.1.2.3",
        "ntp authentication-keyid 1 authentication-mode md5 cipher %^%#A/4/B(l)%^%#",
        "acl number 2000",
        "snmp-agent sys-info contact R&D/3/Lab:",
        "return",
        "!Last configuration was updated at 2025-07-07 21:03:32+06:00 by operator",
    ],
)
def test_configuration_is_no_log(line: str) -> None:
    assert not is_log_line(line)
    assert list(without_logs([LOGS["date"], line])) == [line]


def test_the_rest_of_a_log_with_open_brackets_goes_with_it() -> None:
    first = f"{LOGS['date']} of 4. (Interface=100GE1/0/9, Chass"
    lines = [first, "isId=00-00-5e-00-53-01, PortId=e", "th7)", "ntp server disable"]
    assert list(without_logs(lines)) == ["ntp server disable"]
    assert list(without_logs([LOGS["trap"][:-12], "(IfIndex=5)", "acl number 2000"])) == ["acl number 2000"]
    assert list(without_logs([first, "ntp server disable"])) == ["ntp server disable"]


@pytest.mark.parametrize("line", ["aged out", "vlan batch 2", "interface 100GE1/0/1", " ntp multicast-client"])
def test_a_line_behind_a_whole_log_is_kept(line: str) -> None:
    assert list(without_logs([LOGS["trap"], line])) == [line]
    assert list(without_logs([LOGS["date"].ljust(80, "x"), line])) == [line]


@pytest.mark.parametrize(
    ("line", "is_time"),
    [
        ("2024-06-08 13:04:22.667 +03:00", True),
        ("2021-03-05 11:37:53.415", True),
        ("06:07:08  2026/05/04", True),
        ("2026-05-04 06:07:08 DST", True),
        ("06:07:08 UTC Mon 05/04/2026", True),
        ("6:07:08 pm 2026/5/4", True),
        ("06:07:08.123 UTC+08:00 2026/05/04", True),
        ("[2026-05-04 06:07:08 CEST]", True),
        ("Current time: 2026-05-04 06:07:08", True),
        ("Time 2026-05-04, 06:07:08", True),
        ("06:07:08 Monday, 2026/05/04", True),
        ("04.05.2026 06:07:08", True),
        ("Time to go: 06:07:08", False),
        ("CEST", False),
        ("12:00", False),
        ("25", False),
        ("2026-05-04", False),
        ("", False),
        ("06:07:08 and more", False),
    ],
)
def test_time_lines(line: str, is_time: bool) -> None:
    assert is_time_line(line) is is_time


@pytest.mark.parametrize("occasion", list(PromptContext))
@pytest.mark.parametrize("line", ["ntp server disable", "save", "commit", "return"])
@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("Uncommitted configurations found. Are you sure to continue? [Y/N]:", {None, "N"}),
        ("Warning: Uncommitted configurations found. Are you sure to commit them? [Y/N/C]:", {"C", "N"}),
        ("Please choose 'YES' to commit or 'CANCEL' to stay. [Y/N/C]:", {"C", "N"}),
    ],
)
def test_uncommitted_lines_never_get_a_yes(occasion: PromptContext, line: str, text: str, answers: set[str]) -> None:
    question = known_question(f"The NTP server will be disabled.\n{text}", occasion, line)
    assert question is not None
    assert question.answer in answers
