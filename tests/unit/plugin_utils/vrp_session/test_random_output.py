# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""10,000 lines of random output at the prompt engine and at the parsers: an end, no false prompt, no odd exception."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.display import parse_sessions, parse_status
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import DeviceError, ParseError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import parse_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts

LINES = 10_000
IN_ONE_ANSWER = 100
SEEDS = range(LINES // IN_ONE_ANSWER)
PROMPT = "<CE1>"

# What may be mistaken for something else: other prompts, questions, pagers, log lines, errors, terminal sequences.
FRAGMENTS = [
    *("<CE2>", "<CE1", "CE1>", "[~CE2]", "[*CE1", "[~CE1-", "CE1]", "<HUAWEI>", "HRP_M<CE2>", "[H]"),
    *("[V200R010C00SPC600]", "!Software Version V200R005C10SPC800"),
    *("[Y/N]", "[Y/N]:", "Continue? [Y/N]", "[Y(yes)/N(no)/C(cancel)]:", "Change now?", "Enter Password:"),
    *("  ---- More ----", "---- More", "\x1b[16D", " \x1b[1D", "\x1b[", "\x1b", "\x08", "\r", "\x07", "\x00", "\t"),
    *("Error: Unrecognized command found at '^' position.", "^", "Info: ", "Warning: ", "Committing....done."),
    *("Nov 23 2026 10:00:00+00:00 CE1 %%01NTP/4/CHANGE(l)[1]:x.", "2026-11-23 10:00:00.123", "return", "#", "!", " "),
    *("ntp authentication-keyid 42 authentication-mode md5 cipher %^%#a<CE1>%^%#", "ntp-service ", "undo "),
    *("interface ", "100GE1/0/1", " multicast-server ", "224.0.1.1", "ff0e::101", "ttl 256", "version", "port 0", "-1"),
    *("99999999999", "refclock-master ", "source-interface "),
    *("description a->b", "ñ", "時刻", "\u200b", "\ud7ff", "😀", "%", "\\", "'", '"', "{{", "$("),
]  # fmt: skip


def random_line(source: random.Random) -> str:
    """A line of fragments and of any characters, without a line end."""
    parts = []
    for _unused in range(source.randint(0, 6)):
        if source.random() < 0.8:
            parts.append(source.choice(FRAGMENTS))
        else:
            parts.append("".join(chr(source.randint(1, 0x2FF)) for _unused in range(source.randint(1, 12))))
    return "".join(parts).replace("\n", "")


def random_text(source: random.Random, count: int = IN_ONE_ANSWER) -> str:
    return "".join(random_line(source) + "\r\n" for _unused in range(count))


def without_own_prompt(text: str) -> str:
    """The one thing that can't be told from a prompt is a line that begins with the device's own."""
    lines = text.split("\n")
    return "\n".join(
        "x" + line if "CE1" in line and line.lstrip("\r\x00 ")[:1] in "<[H\x1b\x08" else line for line in lines
    )


@pytest.fixture(name="talker", scope="session")
def talker_fixture(paper):
    """A device on paper that takes a key for a pager that it does not have as typed ahead: the prompt has a blank."""

    class Talker(paper):
        def _answer(self, line: str) -> None:
            if line == " ":
                self.emit(" ")
            else:
                super()._answer(line)

    return Talker


@pytest.mark.parametrize("chunk", [0, 61])
def test_random_answers_end_at_the_prompt_alone(talker, logged_in, chunk: int) -> None:
    for seed in SEEDS:
        source = random.Random(seed)
        text = without_own_prompt(random_text(source))
        device = talker({"display clock": lambda _device, text=text: text + "the last line\r\n"}, chunk=chunk)
        session = logged_in(device)
        answer = session.show("display clock")
        assert answer.lines[-1] == "the last line", f"a false prompt with seed {seed}: {answer.lines[-3:]}"
        assert session.prompt.system is False
        session.ask("display version")
        assert device.sent[-1] == "display version"
        # Nothing but the two lines and keys for the pager was sent: what looks like a question was not answered.
        assert [line for line in device.sent if line.strip()] == ["display clock", "display version"]


def test_a_framed_display_may_hold_lines_that_are_the_prompt(paper, logged_in) -> None:
    for seed in SEEDS:
        source = random.Random(seed)
        lines = [line if source.random() < 0.9 else PROMPT for line in random_text(source).split("\r\n")]
        device = paper({"display current-configuration": "\r\n".join([*lines, "return", ""])})
        session = logged_in(device)
        answer = session.show("display current-configuration", frame_end="return")
        assert answer.lines[-1] == "return", f"a false prompt with seed {seed}"


@pytest.mark.parametrize("chunk", [0, 61])
def test_random_answers_to_configuration_lines_end_or_fail_as_documented(paper, chunk: int) -> None:
    """Anything goes here, questions and the device's own prompt too; what is not understood ends the session."""
    failed = 0
    for seed in SEEDS:
        device = paper({"ntp": random_text(random.Random(seed))}, chunk=chunk)
        session = Session(device, Timeouts(login=5, command=5, commit=5))
        session.login()
        try:
            session.ask("ntp")
        except DeviceError:
            failed += 1
        assert "y" not in [line.strip().lower() for line in device.sent]
    assert 0 < failed < len(SEEDS)


@pytest.mark.parametrize("chunk", [0, 61])
def test_random_greetings_lead_to_the_prompt_or_to_a_documented_error(paper, chunk: int) -> None:
    failed = 0
    for seed in SEEDS:
        device = paper(greeting=without_own_prompt(random_text(random.Random(seed))) + "\r\n", chunk=chunk)
        session = Session(device, Timeouts(login=5, command=5, commit=5))
        try:
            session.login()
        except DeviceError:
            failed += 1
        else:
            assert session.sysname
    assert failed < len(SEEDS)


class Endless:
    """A device that never stops talking."""

    def __init__(self, text: str) -> None:
        self.text = text

    def send(self, text: str) -> None:
        pass

    def receive(self, timeout: float) -> str:
        return self.text


def test_a_device_that_never_ends_is_given_up() -> None:
    times = iter(range(0, 10_000_000, 5))
    session = Session(Endless("<CE2>\r\nx [Y/N] y\r\n" * 50), Timeouts(1, 1, 1), clock=lambda: float(next(times)))
    with pytest.raises(DeviceError):
        session.login()
    assert session.lost


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=10), max_size=40), chunk=st.integers(0, 9))
def test_any_answer_ends(talker, logged_in, texts: list[str], chunk: int) -> None:
    text = without_own_prompt("".join(texts).replace("\n", "\r\n"))
    session = logged_in(talker({"display clock": f"{text}\r\nthe last line\r\n"}, chunk=chunk))
    try:
        assert session.show("display clock").lines[-1] == "the last line"
    except DeviceError:
        assert session.lost


@pytest.mark.parametrize("dialect", [None, *Dialect])
def test_random_configurations_are_parsed_or_refused(dialect: Dialect | None) -> None:
    for seed in SEEDS:
        try:
            parse_configuration(random_text(random.Random(seed)).replace("\r\n", "\n"), dialect)
        except ParseError:
            continue


def test_random_displays_are_parsed_or_refused() -> None:
    for seed in SEEDS:
        text = random_text(random.Random(seed)).replace("\r\n", "\n")
        for parse in (parse_status, parse_sessions):
            try:
                parse(text)
            except NtpMulticastError:
                continue
