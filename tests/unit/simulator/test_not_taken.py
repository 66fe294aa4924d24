# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that the device does not take: busy on any line (fact 9.6), and words that are no error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import COMMANDS, CONTROL_Z, PORTS, TWO_STAGE

Open = Callable[..., Any]
BUSY = "Error: The system is busy in building configuration. Please wait for a moment..."


@pytest.mark.parametrize("release", PORTS)
def test_busy_on_each_kind_of_line(open_device: Open, release: str) -> None:
    """Cases busy-on-display and busy-on-line: twice, then the line is taken; counted for each pattern."""
    commit = ["^commit$"] if release in TWO_STAGE else []
    patterns = ["^system-view$", "^interface", "multicast-client", "^display current", *commit]
    device, console = open_device(release, faults={"busy_lines": dict.fromkeys(patterns, 2)})
    service = COMMANDS[release]
    lines = ["system-view", f"interface {PORTS[release]}", f"{service} multicast-client 239.1.2.3"]
    for line in [*lines, *(["commit"] if commit else []), "display current-configuration | no-more"]:
        before = console.prompt
        for _unused in range(2):
            assert console.type(line) == BUSY and console.prompt == before
        console.do(line)
    assert f" {service} multicast-client 239.1.2.3\n" in device.running_configuration()


@pytest.mark.parametrize("variant", range(3))
def test_the_words_differ(open_device: Open, variant: int) -> None:
    _device, console = open_device(faults={"busy_lines": {"^display": -1}}, wording_variant=variant)
    answers = {console.type("display version") for _unused in range(3)}
    assert len(answers) == 1 and "busy" in answers.pop()


def test_busy_with_words_of_ones_own(open_device: Open) -> None:
    words = "Info: The device is busy now, try again later."
    _device, console = open_device(faults={"busy_lines": {"^display": 1}, "busy_words": words})
    assert console.type("display version") == words
    assert console.do("display version").startswith("Huawei")


def test_a_busy_commit_leaves_the_candidate_pending(open_device: Open) -> None:
    device, console = open_device(faults={"busy_lines": {"^commit": 1}})
    console.do("system-view", "ntp refclock-master 2")
    assert console.type("commit") == BUSY and console.prompt == "[*CE1]" and device.commits() == []
    console.do("commit")


@pytest.mark.parametrize(
    "words",
    ["Info: This command is not supported on this interface.", "Failed to get the state of the port.", ""],
)
def test_a_line_that_is_answered_and_not_taken(open_device: Open, words: str) -> None:
    """Case refusal-words-lost: the prompt shows that nothing is pending."""
    device, console = open_device(faults={"not_taken": {"multicast-client": words}, "not_taken_times": 1})
    console.do("system-view", "interface 100GE1/0/1")
    assert console.type("ntp multicast-client 239.1.2.3") == words
    assert console.prompt == "[~CE1-100GE1/0/1]" and device.pending() == {}
    console.do("ntp multicast-client 239.1.2.3")
    assert console.prompt == "[*CE1-100GE1/0/1]"


def test_return_is_taken_in_the_user_view(open_device: Open) -> None:
    """Fact 9.8."""
    for release in PORTS:
        _device, console = open_device(release)
        assert console.type("return") == "" and console.prompt == "<CE1>"
        assert console.type(CONTROL_Z) == "" and console.prompt == "<CE1>"


@pytest.mark.parametrize("release", ["ce-v300r023", "vrp5"])
@pytest.mark.parametrize("moment", ["entry", "commit"])
def test_a_key_that_a_server_line_still_names(open_device: Open, release: str, moment: str) -> None:
    """Facts 1.2 and 8.3: the key goes only after the line has let go of it."""
    service = COMMANDS[release]
    device, console = open_device(release, behaviour={"key_in_use": moment})
    console.do("system-view", f"{service} authentication-keyid 1 authentication-mode hmac-sha256 Old-Secret-Key-1")
    console.do(f"{service} authentication-keyid 2 authentication-mode hmac-sha256 New-Secret-Key-2")
    console.do(f"interface {PORTS[release]}", f"{service} multicast-server authentication-keyid 1", "quit")
    commit = ["commit"] if release != "vrp5" else []
    console.do(*commit)
    answers = [console.type(line) for line in (f"undo {service} authentication-keyid 1", *commit)]
    assert any(answer.startswith("Error") for answer in answers)
    assert device.secret(1) == "Old-Secret-Key-1"
    console.do("clear configuration candidate") if commit else None
    console.do(f"interface {PORTS[release]}", f"{service} multicast-server authentication-keyid 2", "quit")
    console.do(f"undo {service} authentication-keyid 1", *commit)
    assert device.secret(1) is None and "multicast-server authentication-keyid 2\n" in device.running_configuration()
