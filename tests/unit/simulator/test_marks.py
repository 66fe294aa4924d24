# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewalls in hot standby (facts 3.1, 9.2), their time line, and questions with defaults (fact 9.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import COMMANDS, PORTS

Open = Callable[..., Any]


@pytest.mark.parametrize("release", ["ce-v300r023", "vrp5"])
def test_a_mark_behind_the_echo(open_device: Open, release: str) -> None:
    """Cases echo-plus-b-two-stage and echo-plus-b-single-stage."""
    device, console = open_device(release, faults={"prompt_prefix": "HRP_M", "echo_mark": " (+B)"})
    console.do("system-view")
    mark = "~" if release != "vrp5" else ""
    assert console.prompt == f"HRP_M[{mark}CE1]"
    line = f"{COMMANDS[release]} authentication enable"
    said = console.link.converse(f"{line}\n")
    assert said.startswith(f"{line} (+B)\r\n") and "Error" not in said
    assert [typed for _unused, typed in device.typed()][-1] == line
    for other in ("", "display this", "quit"):
        assert "(+B)" not in console.link.converse(f"{other}\n")
    if release == "vrp5":
        assert f"{line}\n" in device.running_configuration()


def test_only_some_lines_carry_the_mark(open_device: Open) -> None:
    _device, console = open_device(faults={"echo_mark": " (+B)", "echo_mark_lines": "^ntp"})
    assert console.link.converse("system-view\n").startswith("system-view\r\n")
    assert console.link.converse("display clock\n").startswith("display clock\r\n")
    assert console.link.converse("ntp refclock-master 2\n").startswith("ntp refclock-master 2 (+B)\r\n")


@pytest.mark.parametrize("prefix", ["HRP_A", "HRP_S", "HRP-A"])
def test_prefixes_of_the_prompt(open_device: Open, prefix: str) -> None:
    """Case prompt-hrp-hyphen."""
    _device, console = open_device(faults={"prompt_prefix": prefix})
    assert console.greeting.endswith(f"\n{prefix}<CE1>")
    caret, text = console.type("nonsense").split("\n")
    assert caret.index("^") == len(console.prompt) and "Unrecognized" in text


@pytest.mark.parametrize("level", [1, 3])
def test_the_time_line_of_usg(open_device: Open, level: int) -> None:
    """Case usg-time-line: before an answer and before a refusal."""
    words = "Error: Failed to pass the authorization."
    _device, console = open_device(
        users=[{"name": "netops", "password": "x", "level": level}],
        behaviour={"permission_text": words},
        faults={"timestamps": True, "timestamp_form": "usg", "prompt_prefix": "HRP_A"},
    )
    first, second = console.type("display current-configuration").split("\n")[:2]
    assert re.fullmatch(r"\d\d:\d\d:\d\d  \d{4}/\d\d/\d\d", first)
    assert second == words if level == 1 else second.startswith("!Software")


AR_SAVE = "  The current configuration will be written to the device. \n  Are you sure to continue? (y/n)[n]:"
FILE_NAME = "Please input the file name ( *.cfg, *.zip ) [ vrpcfg.zip ] :"


@pytest.mark.parametrize(("answer", "saved"), [("y", True), ("n", False), ("", False)])
@pytest.mark.parametrize("release", ["ar-v300r024", "vrp5"])
def test_save_asks_with_a_default(open_device: Open, release: str, answer: str, saved: bool) -> None:
    """Case save-yn-default; the router asks so by itself."""
    faults = {"save_questions": [AR_SAVE]} if release == "vrp5" else {}
    device, console = open_device(release, faults=faults)
    console.do("system-view", "ntp-service refclock-master 2", "return")
    console.type("save")
    assert console.prompt == "  Are you sure to continue? (y/n)[n]:"
    assert ("saved successfully" in console.type(answer)) == saved and console.prompt == "<CE1>"
    assert ("refclock-master 2" in device.saved_configuration()) == saved


@pytest.mark.parametrize("release", PORTS)
def test_save_asks_for_a_file_too(open_device: Open, release: str) -> None:
    _device, console = open_device(release, faults={"save_questions": [FILE_NAME, "Continue?[Y/N][N]:"]})
    console.type("save")
    assert console.prompt == FILE_NAME
    console.type("")
    assert console.prompt == "Continue?[Y/N][N]:"
    assert "successfully" in console.type("y")


@pytest.mark.parametrize(
    "question",
    [
        "Are you sure? (y/n)[n]:",
        "Continue?(Y/N)[N]:",
        "Are you sure to continue?[Y/N][N]:",
        "Warning: This may take long. Continue? [Y/N]:",
    ],
)
@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_a_line_that_asks(open_device: Open, question: str, answer: str) -> None:
    """Case question-endings; an empty answer is the default, or no answer at all where there is none."""
    _device, console = open_device(faults={"questions": {"refclock": question}})
    console.do("system-view")
    console.type("ntp refclock-master 2")
    assert console.prompt == question
    said = console.type(answer)
    if not answer and question.endswith(" [Y/N]:"):
        assert console.prompt.startswith("Error: Please choose 'YES' or 'NO' first")
    else:
        assert said == "" and console.prompt == ("[*CE1]" if answer == "y" else "[~CE1]")


def test_a_line_that_asks_for_a_file(open_device: Open) -> None:
    device, console = open_device(faults={"questions": {"refclock": FILE_NAME}})
    console.do("system-view")
    console.type("ntp refclock-master 2")
    assert console.prompt == FILE_NAME
    console.type("n")
    assert console.prompt == "[*CE1]" and device.typed()[-1] == (FILE_NAME, "n")
