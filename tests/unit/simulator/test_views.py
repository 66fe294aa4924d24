# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from .conftest import COMMANDS, PORTS, TWO_STAGE


def test_prompts_of_views_and_of_pending_lines(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    assert console.prompt == "<CE1>"
    assert console.do("system-view") == "Enter system view, return user view with return command."
    assert console.prompt == "[~CE1]"
    console.do("int 100ge 1/0/1")
    assert console.prompt == "[~CE1-100GE1/0/1]", "an existing view keeps the tilde"
    console.do("ntp multicast-client")
    assert console.prompt == "[*CE1-100GE1/0/1]"
    console.do("quit")
    assert console.prompt == "[*CE1]"
    console.do("commit")
    assert console.prompt == "[~CE1]"
    console.do("interface 100GE1/0/1", "ntp multicast-client")
    assert console.prompt == "[~CE1-100GE1/0/1]", "a line that already stands changes nothing"
    console.do("interface Vlanif 100")
    assert console.prompt == "[*CE1-Vlanif100]", "creating a view is a pending change"


def test_a_single_stage_device_has_no_candidate(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device("vrp5")
    console.do("system-view", "interface gigabitethernet 0/0/1", "ntp-service multicast-client")
    assert console.prompt == "[CE1-GigabitEthernet0/0/1]"
    assert " ntp-service multicast-client\n" in device.running_configuration()
    assert "Unrecognized" in console.type("commit")


def test_immediate_mode_of_a_two_stage_device(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view immediately", "ntp refclock-master 2")
    assert console.prompt == "[CE1]"
    assert "ntp refclock-master 2\n" in device.running_configuration()


@pytest.mark.parametrize("release", TWO_STAGE)
@pytest.mark.parametrize("way", ["quit", "return", "\x1a"])
def test_leaving_with_pending_lines_asks(open_device, release: str, way: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(release)
    command = COMMANDS[release]
    before = device.running_configuration()
    console.do("system-view", f"{command} refclock-master 2")
    console.type(way)
    assert console.prompt.endswith("[Y(yes)/N(no)/C(cancel)]:")
    console.type("what")
    assert console.prompt.endswith("first before pressing 'Enter'. [Y/N/C]:"), "a wrong answer leaves it open"
    console.type("c")
    assert console.prompt == "[*CE1]"
    console.type(way)
    console.type("n")
    assert console.prompt == "<CE1>" and device.running_configuration() == before
    console.do("system-view", f"{command} refclock-master 2")
    console.type(way)
    console.type("Y")
    assert console.prompt == "<CE1>"
    assert f"{command} refclock-master 2\n" in device.running_configuration(), "Y commits"


def test_intelligent_rollback_moves_to_the_parent_view(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", "interface 100GE1/0/1", "ntp refclock-master 2")
    assert console.prompt == "[*CE1]"
    console.do("interface 100GE1/0/1")
    assert "Unrecognized" in console.type("undo ntp refclock-master"), "not for undo"
    assert console.prompt == "[*CE1-100GE1/0/1]"
    console.do("clear configuration candidate", "quit", "undo terminal command forward matched upper-view")
    console.do("system-view", "interface 100GE1/0/1")
    assert "Unrecognized" in console.type("ntp refclock-master 2")


def test_intelligent_rollback_is_off_under_mmi_mode(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("mmi-mode enable", "system-view", "interface 100GE1/0/1")
    assert "Unrecognized" in console.type("ntp refclock-master 2")


@pytest.mark.parametrize("release", sorted(PORTS))
def test_the_caret_is_counted_from_the_start_of_the_prompt(open_device, release: str) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(release)
    command = COMMANDS[release]
    console.do("system-view", f"interface {PORTS[release]}")
    prompt = console.prompt
    line = f"{command} multicast-server ttl 256"
    caret, text = console.type(line).split("\n")
    assert caret.index("^") == len(prompt) + line.index("256")
    assert text == "Error: Wrong parameter found at '^' position."


def test_comments(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", "interface 100GE1/0/1")
    assert console.type("! a comment") == ""
    assert console.prompt == "[~CE1-100GE1/0/1]"
    console.type("#")
    assert console.prompt == "[~CE1]", "# at the margin goes back to the system view"


def test_question_mark_helps_and_draws_the_line_again(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.link.converse("display ntp s")
    said = console.link.converse("?")
    assert "  sessions\r\n  statistics\r\n  status\r\n" in said
    assert said.endswith("<CE1>display ntp s")
    assert "clock status: unsynchronized" in console.link.converse("tatus\n")


def test_ambiguous_and_unknown_words(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    assert "Ambiguous command" in console.type("display ntp s")
    assert "Unrecognized command" in console.type("show version")
    assert console.type("") == ""


def test_a_name_is_taken_after_the_commit(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", "sysname NEW")
    assert console.prompt == "[*CE1]"
    console.do("commit")
    assert console.prompt == "[~NEW]"


def test_quit_ends_the_session(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    assert "number of current VTY users online is 0" in console.link.converse("quit\n")
    assert console.link.closed and device.session_count() == 0


def test_typing_ahead_and_line_ends(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    for end in ("\r", "\n", "\r\n"):
        said = console.link.converse(end.join(["system-view", "ntp refclock-master 2", "return", "n", ""]))
        assert said.endswith("<CE1>") and said.count("[Y(yes)/N(no)/C(cancel)]:") == 1
        assert "Please choose" not in said, "CR LF is one line end"


def test_editing_a_line(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    assert console.link.converse("sysx\x7ftem-view\n").endswith("[~CE1]")
    assert console.link.converse("rubbish\x03").endswith("[~CE1]")


def test_vlanif_management_and_loopback(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(interfaces=[{"name": "MEth0/0/0"}, {"name": "100GE1/0/1"}])
    console.do("system-view", "interface vlanif100", "ntp multicast-client")
    for name in ("MEth0/0/0", "LoopBack0"):
        console.do(f"interface {name}")
        assert "Unrecognized" in console.type("ntp multicast-client"), "fact 1.4"
    assert "Wrong parameter" in console.type("interface 100GE1/0/9"), "a port is there or not"


def test_an_old_device_drops_pending_lines_without_asking(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device("ce-v200r005", behaviour={"leaving": "drop"})
    before = device.running_configuration()
    console.do("system-view", "ntp refclock-master 2", "return")
    assert console.prompt == "<CE1>" and device.running_configuration() == before
    console.do("system-view")
    assert console.prompt == "[~CE1]"


def test_a_bar_in_a_description_is_no_filter(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", "interface 100GE1/0/1", "description a | include b")
    assert " description a | include b" in console.do("display configuration candidate")
