# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved texts as terminals leave them, names of interfaces, and sessions (facts 3.5, 9.4, 9.5, 9.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vrp_simulator.errors import SettingsError

from .conftest import COMMANDS, PORTS

Open = Callable[..., Any]
BLANKS = " " * 42
ERASURES = {
    "escape": f"\x1b[42D{BLANKS}\x1b[42D",
    "bare": f"[42D{BLANKS}[42D",
    "carriage-return": f"\r{BLANKS}\r",
    "backspace": "\x08" * 42 + BLANKS + "\x08" * 42,
}
LOOPBACKS = "".join(f"#\ninterface LoopBack{number}\n" for number in range(30))


@pytest.mark.parametrize("form", ERASURES)
def test_rests_of_the_pager(open_device: Open, form: str) -> None:
    """Cases pager-backspace and pager-without-escape: the next line stands right behind the rest."""
    device, console = open_device(startup_configuration=LOOPBACKS, faults={"pager_erase": form, "pager_columns": 42})
    said = console.link.pages("display current-configuration")
    parts = said.split(f"  ---- More ----{ERASURES[form]}")
    assert len(parts) >= 3
    whole = "".join(parts).replace("\r\n", "\n")
    assert whole == f"display current-configuration\n{device.running_configuration()}<CE1>"


def test_output_cut_at_80_columns(open_device: Open) -> None:
    """Case wrap-80-number: exactly 80, also in the middle of a number."""
    line = "ntp-service multicast-server 239.255.255.250 authentication-keyid 655351 ttl 255"
    device, console = open_device(
        "ne40e-v800r012",
        startup_configuration=f"#\ninterface GigabitEthernet0/1/0\n {line}\n#\n",
        faults={"output_width": 80},
    )
    text = console.do("display current-configuration interface GigabitEthernet0/1/0")
    assert f"\n {line[:79]}\n{line[79:]}\n" in text and line[79:] == "5"
    assert f" {line}\n" in device.running_configuration()


BARS = ["50|100GE0/1/4", "25|10GE0/1/8", "FlexE-50|100G0/1/2"]


@pytest.mark.parametrize("name", BARS)
@pytest.mark.parametrize("sub", ["", ".100"])
def test_names_with_a_bar(open_device: Open, name: str, sub: str) -> None:
    """Case ifname-bar, with sub-interfaces."""
    device, console = open_device("ne40e-v800r012", interfaces=[{"name": name, "ipv4": "10.0.0.1/24"}])
    console.do("system-view", f"interface {name}{sub}")
    assert console.prompt.endswith(f"CE1-{name}{sub}]")
    console.do("ntp-service multicast-client 239.1.2.3", "quit", f"ntp-service server source-interface {name}{sub}")
    console.do("commit")
    running = device.running_configuration()
    assert f"\ninterface {name}{sub}\n" in running and f"server source-interface {name}{sub}\n" in running
    shown = console.do(f"display current-configuration interface {name}{sub}")
    assert "ntp-service multicast-client 239.1.2.3" in shown


@pytest.mark.parametrize(
    ("release", "typed"),
    [
        ("ne40e-v800r012", "GE0/1/0"),
        ("ne40e-v800r012", "ge 0/1/0"),
        ("vrp5", "GE0/0/1"),
        ("s-v600", "GigabitEthernet1/0/1"),
        ("s-v600", "gigabitethernet 1/0/1"),
    ],
)
def test_two_words_for_one_port(open_device: Open, release: str, typed: str) -> None:
    """Case ifname-short-form, in both directions."""
    device, console = open_device(release)
    console.do("system-view", f"interface {typed}")
    assert console.prompt.endswith(f"CE1-{PORTS[release]}]") and "*" not in console.prompt
    assert f"\ninterface {PORTS[release]}\n" in device.running_configuration()


def test_a_missing_port_is_still_missing(open_device: Open) -> None:
    _device, console = open_device("ne40e-v800r012")
    console.do("system-view")
    assert "Wrong parameter" in console.type("interface GE0/1/9")
    with pytest.raises(SettingsError):
        open_device("ne40e-v800r012", startup_configuration="#\ninterface 50|0/1/4\n#\n")


SERVER = "#\n{0} refclock-master 3\n#\ninterface Vlanif100\n {0} multicast-server\n {0} multicast-client\n#\n"


@pytest.mark.parametrize("release", PORTS)
def test_the_own_server_among_the_sessions(open_device: Open, release: str) -> None:
    """Case sessions-own-group-short; off unless a device asks for it."""
    start = SERVER.format(COMMANDS[release])
    _device, console = open_device(release, startup_configuration=start, behaviour={"own_server_sessions": True})
    text = console.do(f"display {COMMANDS[release]} sessions")
    own = text[text.index("clock source: 224.0.1.1") :].splitlines()
    assert own[:3] == [
        "clock source: 224.0.1.1",
        " clock stratum: 3",
        " clock status: configured, insane, valid, unsynced",
    ]
    assert " reach: 0" in own and text.count("clock source:") == 2
    verbose = console.do(f"display {COMMANDS[release]} sessions verbose | no-more")
    assert verbose.count("configured, insane, valid, unsynced") == 1 and "peer interface: Vlanif100" in verbose
    _device, plain = open_device(release, startup_configuration=start)
    assert "224.0.1.1" not in plain.do(f"display {COMMANDS[release]} sessions")


def test_sessions_as_a_table(open_device: Open) -> None:
    _device, console = open_device(
        "vrp5", startup_configuration=SERVER.format("ntp-service"), behaviour={"sessions_table": True}
    )
    heading, rule, row, _note, total = console.do("display ntp-service sessions").splitlines()
    assert heading.split() == ["source", "reference", "stra", "reach", "poll", "now", "offset", "delay", "disper"]
    assert set(rule) == {"*"} and row.split()[0].endswith("]127.127.1.0") and total == "Total associations : 1"


@pytest.mark.parametrize(("release", "ttl"), [("ce-v300r023", 16), ("vrp5", 255)])
def test_what_a_bare_line_sends_belongs_to_the_release(open_device: Open, release: str, ttl: int) -> None:
    """Facts 1.3 and 9.7; a device file may say otherwise."""
    device, _console = open_device(release)
    assert device.call(lambda it: it.style.behaviour.default_ttl) == ttl
    device, _console = open_device(release, behaviour={"default_ttl": 271 - ttl})
    assert device.call(lambda it: it.style.behaviour.default_ttl) == 271 - ttl
