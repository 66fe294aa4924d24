# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bad line must not stop a thousand devices: what reads a device's text takes time in proportion to its length.

Processor time of this thread is compared with itself, at lengths where squares would be seconds apart.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.masking import mask, shown
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.display import parse_sessions
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import ParseError, SessionError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.answer import Answer
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.exchange import find_echo
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.prompt import (
    USER_VIEW,
    PromptMatcher,
    sysname_of_system_view,
    sysname_of_user_view,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.questions import (
    PromptContext,
    known_question,
    looks_like_question,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.screen import Screen, ScreenError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.session import _is_pager
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.unsolicited import (
    is_log_line,
    is_time_line,
    without_logs,
)

SHORT, LONG = 5_000, 20_000
MATCHER = PromptMatcher("CE1")


def answer(text: str) -> Answer:
    return Answer("x", tuple(text.split("\n")), USER_VIEW, secrets=("TopSecret-123",))


def sessions(text: str) -> None:
    with contextlib.suppress(ParseError):
        parse_sessions(text)


READERS: dict[str, Callable[[str], object]] = {
    "log line": is_log_line,
    "time line": is_time_line,
    "logs": lambda text: list(without_logs(text.split("\n"))),
    "question": looks_like_question,
    "known question": lambda text: known_question(text, PromptContext.SAVE, "save"),
    "pager": _is_pager,
    "prompt": MATCHER.match,
    "behind a prompt": MATCHER.behind,
    "user view": sysname_of_user_view,
    "system view": sysname_of_system_view,
    "echo": lambda text: find_echo([text, text], "display current-configuration", MATCHER),
    "mask": lambda text: mask(text, ["TopSecret-123", "aaaaaaaaaaaab"]),
    "shown": shown,
    "refused": lambda text: answer(text).refused,
    "busy": lambda text: answer(text).busy,
    "words": lambda text: answer(text).words,
    "caret": lambda text: answer(text).caret,
    "sessions": sessions,
}
BEGINNINGS = ["", "May 04 2026 06:07:08 ", "Error: ", "<CE1>", "[~CE1-", "HRP_M<", "---- ", "%^%#", "[Y/N]", "("]
REPEATED = [
    "a",
    " ",
    "\n",
    "-",
    "[",
    "]",
    "(",
    ":",
    "/",
    "%",
    "a/1/",
    "a 1 ",
    "%^%#a",
    "\\d",
    "^",
    "x\n",
    "(\n",
    "May ",
    "a:",
]


def cost(reader: Callable[[str], object], text: str) -> float:
    """Seconds of this thread, the least of some tries."""
    tries = []
    for _unused in range(3):
        begin = time.thread_time()
        reader(text)
        tries.append(time.thread_time() - begin)
    return min(tries)


@pytest.mark.parametrize("name", READERS)
def test_readers_take_time_in_proportion(name: str) -> None:
    for beginning in BEGINNINGS:
        for repeated in REPEATED:
            times = {
                length: cost(READERS[name], beginning + repeated * (length // len(repeated)) + "!")
                for length in (SHORT, LONG)
            }
            # Four times the length: four times the time, or sixteen times if it were squares.
            assert times[LONG] < 10 * times[SHORT] + 0.02, (beginning, repeated, times)


@pytest.mark.parametrize(
    "piece",
    ["a", "\r", "\b", "ab\b", "\x1b[", "\x1b]", "\x1b[1;", "\x1b]x", "\x1b[9D", "\x1b[K", "\x1b ", "\x9d", "x\r\n"],
)
def test_the_screen_takes_time_in_proportion(piece: str) -> None:
    def feed(text: str) -> None:
        Screen().feed(text)

    times = {length: cost(feed, piece * (length // len(piece))) for length in (4_000, 16_000)}
    assert times[16_000] < 10 * times[4_000] + 0.02


class Counter:
    """A pattern that counts the characters that it is given."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.characters = 0
        self._pattern = pattern

    def findall(self, text: str) -> list[str]:
        self.characters += len(text)
        return self._pattern.findall(text)

    def search(self, text: str) -> re.Match[str] | None:
        self.characters += len(text)
        return self._pattern.search(text)


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize(
    ("begun", "piece"),
    [("", "a"), ("", "a\r\n"), ("", "ab\x1b[K"), ("", "\x1b[16D "), ("\x1b[", "1"), ("\x1b]", "x"), ("\x1b]", "x\r\n")],
)
def test_the_screen_looks_at_what_came_once(monkeypatch: pytest.MonkeyPatch, begun: str, piece: str, size: int) -> None:
    module = sys.modules[Screen.__module__]
    counters = [Counter(module._PIECE), Counter(module._UNFINISHED_ESCAPE)]
    monkeypatch.setattr(module, "_PIECE", counters[0])
    monkeypatch.setattr(module, "_UNFINISHED_ESCAPE", counters[1])
    seen = []
    for length in (2_000, 8_000):
        for counter in counters:
            counter.characters = 0
        text, terminal = begun + piece * (length // len(piece)), Screen()
        for start in range(0, len(text), size):
            terminal.feed(text[start : start + size])
        seen.append([counter.characters for counter in counters])
    assert counters[0].characters <= 8_000 + len(begun)
    # An escape sequence without its end is looked at again with each piece of it, as far as it may be one.
    assert all(long <= 5 * short for short, long in zip(*seen))


def test_whole_lines_are_not_written_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = Screen._write
    monkeypatch.setattr(Screen, "_write", lambda terminal, text: [written.append(text), write(terminal, text)])
    terminal = Screen()
    for start in range(0, 6_000, 1_000):
        terminal.feed(("a line\r\n" * 1_000)[start : start + 1_000])
    assert terminal.lines == ["a line"] * 750 + [""]
    assert len(written) <= 6


@pytest.mark.parametrize(
    "text",
    ["\x1b[9999C" * 40 + "x", "x" * 100_000, ("\x1b[9999Cx\r\n") * 8_000, "\t" * 100_000],
    ids=["far to the right", "a long line", "many wide lines", "tabs"],
)
def test_the_screen_has_an_end(text: str) -> None:
    screen = Screen()
    with pytest.raises(ScreenError):
        screen.feed(text)
    assert sum(map(len, screen.lines)) <= 64 * 1024 * 1024


def test_the_screen_has_a_last_line() -> None:
    with pytest.raises(ScreenError, match="lines"):
        Screen().feed("\n" * 1_100_000)


def test_a_screen_forgets() -> None:
    screen = Screen()
    for _unused in range(20):
        screen.feed("\x1b[9999Cx\r\n" * 1000)
        screen.forget()
    assert screen.lines == [""]


def test_a_device_that_overruns_the_screen_is_given_up(paper, logged_in) -> None:
    session = logged_in(paper({"x": "\x1b[9999C" * 40 + "x\r\n"}))
    with pytest.raises(SessionError, match="more than"):
        session.ask("x")
    assert session.lost


# -- what is shown -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "character", ["\x1b", "\x07", "\x00", "\x85", "\x9b", "\x9d", "\u202e", "\u2066", "\u200f", "\u2028"]
)
def test_characters_that_change_a_terminal_are_not_shown(paper, logged_in, character: str) -> None:
    assert shown(f"a{character}b\nc") == f"a\\x{ord(character):02x}b\nc"
    assert character not in mask(f"a{character}b")
    session = logged_in(paper({"x": f"Error: {character}no.\r\n"}))
    assert character not in session.ask("x").words


def test_what_is_shown_keeps_its_letters() -> None:
    assert shown("Ünïcode 時刻 ok\tx\u00a0y") == "Ünïcode 時刻 ok x y"
