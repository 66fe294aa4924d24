# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an answer is one: echo, prompt, the frame's end; what stands between them; and what is sent in a silence."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugin_utils.vrp_session.logs import LOGS, UNKNOWN_TEXT

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.display_configuration import read_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import (
    BusyError,
    DeviceError,
    RefusedError,
    SessionError,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.retry import RetryPolicy
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.exchange import (
    Exchange,
    Sending,
    find_echo,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.prompt import (
    USER_VIEW,
    Prompt,
    PromptMatcher,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.questions import (
    PromptContext,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.screen import Screen

SHOW = "display current-configuration"
TEXT = "#\r\nsysname CE1\r\n#\r\nreturn\r\n"
BUSY = "Error: The system is busy in building configuration. Please wait for a moment...\r\n"


def silent_after(device, *pieces: str):
    """The device answers with these pieces, and a receive that finds none of them is silent for so many ticks."""
    device._output = ""
    queue = list(pieces)

    def receive(timeout: float) -> str:
        if not queue:
            raise TimeoutError
        piece = queue.pop(0)
        if not piece:
            raise TimeoutError
        return piece

    device.receive = receive


# -- not read is not empty ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("<CE1>\r\n<CE1>", "echo"),
        (f"<CE1>{SHOW[1:]}\r\n{TEXT}<CE1>", "echo"),
        (f"{SHOW}\r\n<CE1>", "`return`"),
        (f"{SHOW}\r\n#\r\nsysname CE1\r\n<CE1>", "`return`"),
        (f"{SHOW}\r\n#\r\nsysname CE1\r\n", "prompt"),
        (f"{SHOW}\r\n#\r\nreturn\r\n#\r\nntp server dis\r\n<CE1>", "`return`"),
    ],
)
def test_an_answer_without_its_echo_or_end_is_an_error(paper, logged_in, answer: str, missing: str) -> None:
    device = paper()
    session = logged_in(device)
    device.send = lambda text: None
    device.emit(answer)
    with pytest.raises(SessionError, match=missing):
        session.show(SHOW, frame_end="return")
    assert session.lost


def test_the_words_of_a_text_that_broke_off_are_quoted(paper, logged_in) -> None:
    session = logged_in(paper({SHOW: "#\r\nsysname CE1\r\n#\r\nntp key cipher %^%#abc\r\n"}))
    with pytest.raises(SessionError) as raised:
        session.show(SHOW, frame_end="return")
    assert "sysname CE1" in raised.value.words
    assert "abc" not in str(raised.value)


@pytest.mark.parametrize("silence", [2, 7, 9])
def test_an_echo_that_comes_late_is_waited_for(paper, logged_in, silence: int) -> None:
    device = paper()
    session = logged_in(device)
    silent_after(device, "\r\n<CE1>\r\n<CE1>", *[""] * silence, f"{SHOW}\r\n", *[""] * silence, f"{TEXT}<CE1>")
    assert session.show(SHOW, frame_end="return").lines == ("#", "sysname CE1", "#", "return")


def test_the_prompts_of_the_terminals_settings_are_no_answer(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)
    device.send = lambda text: None
    session.quieten()
    echoes = "screen-length 0 temporary\r\nInfo: x\r\n<CE1>undo terminal monitor\r\n<CE1>"
    silent_after(device, echoes, *[""] * 9, "display clock\r\n12:00\r\n<CE1>")
    assert session.show("display clock").text == "12:00"


def test_a_bare_echo_counts_only_when_all_before_it_is_answered(paper, logged_in) -> None:
    """A device may write what is typed before it comes to it: the prompts of the settings then follow the echo."""
    device = paper()
    session = logged_in(device)
    device.send = lambda text: None
    session.quieten()
    typed = "screen-length 0 temporary\r\nundo terminal monitor\r\ndisplay clock\r\n"
    silent_after(device, typed + "Error: No.\r\n<CE1>\r\n<CE1>")
    with pytest.raises(SessionError, match="echo"):
        session.show("display clock")


def test_a_message_in_place_of_the_configuration_is_an_error_with_its_words(paper, logged_in) -> None:
    session = logged_in(paper({SHOW: "Info: The command is being disabled.\r\n"}))
    with pytest.raises(DeviceError, match="being disabled"):
        session.show(SHOW, frame_end="return")
    assert not session.lost


def test_a_text_without_its_end_may_be_asked_for(paper, logged_in) -> None:
    answer = logged_in(paper({SHOW: "#\r\nsysname CE1\r\n"})).show(SHOW, frame_end="return", lenient=True)
    assert (answer.complete, answer.lines[:2]) == (False, ("#", "sysname CE1"))


@pytest.mark.parametrize("count", [1, 3, 7, 40])
@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_logs_between_the_end_and_the_prompt(paper, logged_in, log: str, count: int) -> None:
    session = logged_in(paper({SHOW: TEXT + f"{log}\r\n" * count}))
    assert session.show(SHOW, frame_end="return").text == TEXT.replace("\r\n", "\n").rstrip()


@pytest.mark.parametrize("log", [LOGS["date"], LOGS["format-date"], LOGS["boot"]])
@pytest.mark.parametrize("width", [0, 40])
def test_a_log_on_the_line_of_the_end(paper, logged_in, log: str, width: int) -> None:
    behind = "\r\n".join(log[start : start + (width or 999)] for start in range(0, len(log), width or 999))
    answer = logged_in(paper({SHOW: TEXT.rstrip() + behind + "\r\n"})).show(SHOW, frame_end="return")
    assert answer.complete


def looked_at(monkeypatch: pytest.MonkeyPatch, session: Session) -> list[str]:
    """The rows that are asked whether they are a prompt, while an answer is read."""
    rows: list[str] = []
    behind = Exchange._is_buried_prompt
    monkeypatch.setattr(
        Exchange, "_is_buried_prompt", lambda exchange, row: [rows.append(row), behind(exchange, row)][1]
    )
    session.show(SHOW, frame_end="return")
    return rows


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_prompts_that_are_drawn_again_and_again_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch, paper, logged_in, chunk: int
) -> None:
    device = paper({SHOW: "#\r\nsysname CE1\r\n" + "<CE1>\r\n" * 500 + "return\r\n"})
    session = logged_in(device)
    device._chunk = chunk
    # Each row once, and each prompt once more where it comes as the last row of an answer that might be at its end.
    assert len(looked_at(monkeypatch, session)) <= 2 * 500 + 10


CHANGES = st.sampled_from(["a", "a\r\n", "\r\n", "<CE1>\r\n", "<CE1>\r\n" * 3, "\x1b[1A", "\x1b[3A", "\x1b[2K", "\r"])


@given(st.lists(st.tuples(CHANGES, st.booleans()), max_size=40))
@settings(max_examples=500)
def test_what_changed_on_the_screen_is_looked_at_again(pieces: list[tuple[str, bool]]) -> None:
    screen, matcher = Screen(), PromptMatcher("CE1")
    exchange = Exchange(screen, Sending(SHOW), matcher, USER_VIEW)
    for piece, looked_at in pieces:
        screen.feed(piece)
        if looked_at:
            anew = copy.deepcopy(screen)
            anew._lowest = 0
            assert exchange._last_row_of_text() == Exchange(anew, Sending(SHOW), matcher, USER_VIEW)._last_row_of_text()


def test_what_is_a_prompt_is_looked_at_again_after_the_device_has_another_name() -> None:
    screen = Screen()
    exchange = Exchange(screen, Sending(SHOW), PromptMatcher("CE1"), USER_VIEW)
    screen.feed("return\r\n<CE2>\r\n<CE2>")
    assert screen.lines[exchange._last_row_of_text()] == "<CE2>"
    exchange.rename(PromptMatcher("CE2"))
    assert screen.lines[exchange._last_row_of_text()] == "return"


@pytest.mark.parametrize("count", [1, 4, 10])
def test_unknown_text_between_the_end_and_the_prompt(paper, logged_in, count: int) -> None:
    device = paper({SHOW: TEXT + f"{UNKNOWN_TEXT}\r\n" * count})
    answer = logged_in(device).show(SHOW, frame_end="return")
    assert (answer.lines[-1], answer.complete, device.sent) == ("return", True, [SHOW, ""])


# -- marks and echoes --------------------------------------------------------------------------------------------------

LINE = "ntp multicast-client 239.1.2.3"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([f"<CE1>{LINE}"], True),
        ([f"HRP_M<CE1>{LINE} (+B)"], True),
        ([f"[*CE1-Vlanif100]{LINE}(+B)"], True),
        ([f"HRP_M<CE1>{LINE} [+B]"], True),
        ([f"HRP_M<CE1>{LINE} (+B)(+S)"], True),
        ([f"HRP_M<CE1>{LINE} (+A/B)"], True),
        ([f"HRP_M<CE1>{LINE} (+B1)"], True),
        ([f"HRP_M<CE1>{LINE} (synchronized)"], True),
        ([f"HRP_M<CE1>{LINE} (slot 1)"], True),
        ([f"HRP_M<CE1>{LINE} +B"], True),
        ([f"HRP_M<CE1>{LINE} +5"], False),
        ([f"<CE1>{LINE}{LOGS['date']}"], True),
        ([f"<CE1>{LINE[:9]}{LOGS['date']}", LINE[9:]], True),
        ([f"<CE1>{LINE[:9]}{LOGS['format-date'][:80]}", LOGS["format-date"][80:], LINE[9:]], True),
        ([f"<CE1>{LINE[:-1]}{LOGS['date']}"], False),
        ([f"HRP_M<CE1>{LINE} (+B]"], False),
        ([f"HRP_M<CE1>{LINE} (5)"], False),
        ([f"<CE1>{LINE} (x"], False),
        ([f"<CE1>{LINE}5"], False),
        ([f"<CE1>{LINE[:-1]}"], False),
        ([f"<CE1>{LINE} now"], False),
        (["<CE1>ntp multicast-", "client 239.1.2.3"], True),
        (["<CE1>ntp multicast-", LOGS["date"], "client 239.1.2.3"], True),
        (["<CE1>ntp multicast-", LOGS["date"], f"<CE1>{LINE}"], True),
        (["<CE1>", LOGS["date"], LINE], True),
        ([LOGS["date"], f"{LINE} (+B)"], True),
        (["<CE2>" + LINE], False),
    ],
)
def test_echoes(rows: list[str], found: bool) -> None:
    assert (find_echo(rows, LINE, PromptMatcher("CE1")) is not None) is found


# -- buried prompts ----------------------------------------------------------------------------------------------------


def burying(prompt: str, text: str, *, on_its_line: bool = False):
    def reply(device) -> str:
        device.prompt = prompt
        device.no_prompt = True
        return prompt + ("" if on_its_line else "\r\n") + text

    return reply


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("on_its_line", [False, True])
@pytest.mark.parametrize("text", [*LOGS.values(), UNKNOWN_TEXT, f"{LOGS['date']:<80}\r\nand so on. (a=1, b\r\nc=2)"])
@pytest.mark.parametrize("occasion", [PromptContext.NAVIGATION, PromptContext.CONFIGURATION, PromptContext.COMMIT])
def test_a_prompt_is_found_below_other_text(
    paper, logged_in, text: str, occasion: PromptContext, ended: bool, on_its_line: bool
) -> None:
    device = paper({"x": burying("[~CE1-Vlanif100]", text + ("\r\n" if ended else ""), on_its_line=on_its_line)})
    answer = logged_in(device).ask("x", occasion=occasion)
    assert answer.prompt == Prompt(True, "~", "Vlanif100")
    assert not answer.refused
    assert device.sent == ["x", ""]


@pytest.mark.parametrize("text", [*LOGS.values(), UNKNOWN_TEXT])
def test_a_first_prompt_is_found_below_other_text(paper, text: str) -> None:
    device = paper(greeting="\r\n")
    device.emit(f"\r\n{text}\r\n")
    session = Session(device, Timeouts(login=5))
    session.login()
    assert session.sysname == "CE1"


def test_no_empty_line_answers_a_commit_that_shows_no_prompt(paper, logged_in) -> None:
    """A commit may ask in the middle, and an empty line would be an answer."""
    device = paper()
    session = logged_in(device)
    sent: list[str] = []
    device.send = sent.append
    device.emit("commit\r\nCommitting\r\n")
    with pytest.raises(SessionError):
        session.ask("commit", occasion=PromptContext.COMMIT)
    assert sent == ["commit\n"]


@pytest.mark.parametrize("text", ["Really? (1 or 2, 2 is the default) ", "Do it?", "% of 100 done"])
def test_no_empty_line_answers_unfinished_text(paper, logged_in, text: str) -> None:
    device = paper()
    session = logged_in(device)
    sent: list[str] = []
    device.send = sent.append
    device.emit(f"x\r\n{text}")
    with pytest.raises(SessionError):
        session.ask("x", occasion=PromptContext.CONFIGURATION)
    assert sent == ["x\n"]


def test_no_empty_line_answers_a_question_behind_a_prompt(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)
    sent: list[str] = []
    device.send = sent.append
    device.emit("display clock\r\n<CE1>\r\nReally? (y/n)[y]:")
    with pytest.raises(SessionError):
        session.show("display clock")
    assert sent == ["display clock\n"]


def test_words_behind_a_buried_prompt_are_not_overlooked(paper, logged_in) -> None:
    answer = logged_in(paper({"x": f"[~CE1]\r\n{LOGS['date']}\r\nError: No.\r\n"})).ask("x")
    assert answer.refused


# -- busy --------------------------------------------------------------------------------------------------------------


def test_a_busy_device_is_asked_again(paper, logged_in) -> None:
    device = paper({LINE: BUSY})
    session = logged_in(device)
    session.retry = RetryPolicy(retries=2, delay=0.001)
    with pytest.raises(BusyError, match="busy in building") as raised:
        session.ask(LINE, occasion=PromptContext.CONFIGURATION)
    assert device.sent == [LINE] * 3
    assert raised.value.refused == {"line": LINE, "view": "user", "column": None, "words": BUSY.strip()}


@pytest.mark.parametrize("text", ["Error: This is refused.\r\n", "#\r\n description busy\r\n#\r\nreturn\r\n"])
def test_other_answers_are_not_busy(paper, logged_in, text: str) -> None:
    device = paper({SHOW: text})
    logged_in(device).show(SHOW, frame_end="return")
    assert device.sent == [SHOW]


@pytest.mark.parametrize(
    ("words", "busy"),
    [
        (BUSY, True),
        ("Busy, please try again later.\r\n", True),
        ("Another user is executing this command. Please try again later.\r\n", True),
        ("Sorry, the system is busy now.\r\n", True),
        ("Error: Please wait for a moment.\r\n", True),
        ("Info: The system is busy, please try again later.\r\n", True),
        ("Error: Another operation is under way. Try it later.\r\n", True),
        ("Error: The previous command is being executed. Please wait.\r\n", True),
        ("Error: The configuration is being restored.\r\n", True),
        ("Error: The system is not ready.\r\n", True),
        ("The system is busy, please try again\r\n", True),
        ("Error: The interface is being used by a service.\r\n", False),
        ("Info: Checking, please wait for a moment....done.\r\nInfo: Succeeded in installing the software.\r\n", False),
        ("Info: The configuration takes effect on the current user terminal interface only.\r\n", False),
        ("Error: The address already exists.\r\n", False),
        ("busy\r\n", False),
    ],
)
def test_what_says_that_a_device_is_busy(paper, logged_in, words: str, busy: bool) -> None:
    session = logged_in(paper({"x": words}))
    session.retry = RetryPolicy(retries=0)
    if busy:
        with pytest.raises(BusyError):
            session.ask("x")
    else:
        assert not session.ask("x").busy


def test_two_displays_of_which_one_is_busy(paper, logged_in) -> None:
    device = paper({"display version": BUSY, "display clock": "12:00\r\n"})
    session = logged_in(device)
    session.retry = RetryPolicy(retries=1, delay=0.001)
    with pytest.raises(BusyError):
        session.show_both("display version", "display clock")


# -- what is not sent --------------------------------------------------------------------------------------------------

ODD = ["\n", "\r", "\t", "\0", "\x03", "\x08", "\x1a", "\x1b", "\x7f", "\x85", "\x9b", "\x9d"]
ODD += ["\u00a0", "\u00ad", "\u200b", "\u200e", "\u202e", "\u2028", "\u2029", "\u2066", "\ufeff", "\ud800", "\x0b", "?"]


@pytest.mark.parametrize("character", ODD, ids=[f"U+{ord(character):04X}" for character in ODD])
def test_no_odd_character_is_sent_whoever_asks(paper, logged_in, character: str) -> None:
    assert len(ODD) == 24
    device = paper()
    session = logged_in(device)
    line = f"{LINE}{character}sysname PWNED"
    for send in (
        lambda: session.ask(line),
        lambda: session.ask(line, occasion=PromptContext.COMMIT),
        lambda: session.show(line),
        lambda: session.show_both(line, "display clock"),
        lambda: session.show_both("display clock", line),
        lambda: session.return_and_show(line),
    ):
        with pytest.raises(UserError, match=f"U\\+{ord(character):04X}"):
            send()
    assert device.sent == []


def test_the_refusal_of_an_odd_line_shows_no_secret(paper, logged_in) -> None:
    with pytest.raises(UserError) as raised:
        logged_in(paper()).ask("key TopSecret-1\n", secrets=["TopSecret-1"])
    assert "TopSecret" not in str(raised.value)


# -- secrets -----------------------------------------------------------------------------------------------------------

KEY = "ntp authentication-keyid 1 authentication-mode md5 TopSecret-123"


@pytest.mark.parametrize(
    "echo",
    [
        KEY[1:],
        KEY.replace("TopSecret", "TopSec\x08ret"),
        KEY.replace("TopSecret", "TopSecret#"),
        KEY.replace("TopSecret-123", "TopSecret-12"),
        KEY.replace(" md5 ", f" md5 \r\n{LOGS['date']}\r\n x"),
    ],
)
def test_nothing_is_quoted_of_a_line_with_a_broken_echo(paper, logged_in, echo: str) -> None:
    device = paper()
    session = logged_in(device)
    device.send = lambda text: None
    device.emit(f"{echo}\r\n{echo}\r\nError: {echo} is wrong.\r\n<CE1>")
    with pytest.raises(DeviceError) as raised:
        session.ask(KEY, secrets=["TopSecret-123"]).expect("a line")
    assert "Secre" not in str(raised.value)


def test_nothing_is_quoted_of_an_answer_without_end_to_a_line_with_a_secret(paper, logged_in) -> None:
    device = paper()
    session = logged_in(device)
    device.send = lambda text: None
    device.emit(f"{KEY}\r\nInfo: TopSecret-123 is being checked\r\n")
    with pytest.raises(SessionError) as raised:
        session.ask(KEY, occasion=PromptContext.CONFIGURATION, secrets=["TopSecret-123"])
    assert "TopSecret" not in str(raised.value)


def test_a_secret_that_the_device_breaks_is_masked(paper, logged_in) -> None:
    words = "Error: The key TopSec\r\n  ret-123 is weak.\r\n"
    with pytest.raises(RefusedError) as raised:
        logged_in(paper({KEY: words})).ask(KEY, secrets=["TopSecret-123"]).expect("a line")
    assert "ret-123" not in str(raised.value)
    assert "is weak" in str(raised.value)


@pytest.mark.parametrize("text", ["return\r\n", "Some words.\r\nreturn\r\n"])
def test_a_text_without_blocks_is_no_configuration(paper, logged_in, text: str) -> None:
    session = logged_in(paper({SHOW: text}))
    with pytest.raises(DeviceError, match="without blocks"):
        read_configuration(session, ())
