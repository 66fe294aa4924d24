# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that nobody asked for: places, time forms, widths (fact 9.1; cases log-*, trap-*)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest

from vrp_simulator.faults import Faults
from vrp_simulator.unsolicited import stamp, unsolicited

Open = Callable[..., Any]
MOMENT = datetime.datetime(2026, 5, 4, 6, 7, 8, 9000, tzinfo=datetime.timezone.utc)
STARTUP = """#
interface Vlanif100
 ip address 10.1.1.1 255.255.255.0
 ntp multicast-client 239.1.2.3
#
"""


@pytest.mark.parametrize(
    ("form", "zone", "text"),
    [
        ("date", "", "May 04 2026 06:07:08 "),
        ("date", "+08:00", "May 04 2026 06:07:08+08:00 "),
        ("short-date", "", "May 04 06:07:08 "),
        ("format-date", "", "2026-05-04 06:07:08 "),
        ("rfc-3339", "", "2026-05-04T06:07:08.009Z "),
        ("rfc-3339", "+08:00", "2026-05-04T06:07:08.009+08:00 "),
        ("none", "", ""),
    ],
)
def test_forms_of_the_time(form: str, zone: str, text: str) -> None:
    assert stamp(form, zone, MOMENT) == text


def test_the_time_since_the_start() -> None:
    assert re.fullmatch(r"0\.\d{9} ", stamp("boot", "", MOMENT))


def test_a_trap_takes_two_lines_and_a_log_is_cut_at_80_columns() -> None:
    faults = Faults()
    faults.change({"log_kind": "trap"})
    first, second, rest = unsolicited(faults, "CE1").split("\n")
    assert first.startswith("#") and second.startswith(" ") and rest == ""
    faults.change({"log_kind": "log", "log_width": 80, "log_text": "%%01LLDP/4/GONE(l):" + "x" * 150})
    lines = unsolicited(faults, "CE1").splitlines()
    assert [len(line) for line in lines[:-1]] == [80, 80] and 0 < len(lines[-1]) < 80


def test_a_log_right_after_the_first_prompt(open_device: Open) -> None:
    """Case log-after-first-prompt: the prompt is not drawn again until an empty line is typed."""
    _device, console = open_device(
        faults={"log_lines": "always", "log_at": ["first-prompt"], "log_redraws_prompt": False, "log_zone": ""}
    )
    buried = console.greeting.replace("\r\n", "\n")
    assert re.search(r"<CE1>\n[A-Z][a-z]{2} \d\d \d{4} [\d:]{8} CE1 %%01.*\n$", buried)
    assert console.link.converse("\n") == "\r\n<CE1>"
    assert "%%" not in console.link.converse("display clock\n")


def test_no_log_after_the_prompt_that_an_empty_line_brought(open_device: Open) -> None:
    device, console = open_device()
    device.set_faults(log_lines="always", log_at=["prompt"], log_redraws_prompt=False)
    assert console.link.converse("display clock\n").endswith("\r\n") and console.link.converse("\n") == "\r\n<CE1>"


def test_a_log_after_the_prompt_of_one_line(open_device: Open) -> None:
    """Case log-format-date: behind `interface Vlanif100`, once."""
    _device, console = open_device(
        startup_configuration=STARTUP,
        faults={
            "log_lines": "always",
            "log_at": ["prompt"],
            "log_after_line": "^interface",
            "log_form": "format-date",
            "log_redraws_prompt": False,
            "log_times": 1,
        },
    )
    assert console.greeting.endswith("<CE1>")
    assert console.link.converse("system-view\n").endswith("[~CE1]")
    said = console.link.converse("interface Vlanif100\n")
    assert re.search(r"\[~CE1-Vlanif100\]\r\n\d{4}-\d\d-\d\d .*\r\n$", said)
    assert console.link.converse("\n") == "\r\n[~CE1-Vlanif100]"
    assert console.link.converse("interface Vlanif100\n").endswith("\r\n[~CE1-Vlanif100]")


def test_a_log_in_the_middle_of_a_view(open_device: Open) -> None:
    device, console = open_device(
        startup_configuration=STARTUP,
        faults={"log_lines": "always", "log_at": ["middle"], "log_before": "multicast-client", "log_kind": "trap"},
    )
    console.do("screen-length 0 temporary")
    text = console.do("display current-configuration")
    before, inside = text.split("\n#", 1)[0], text[text.index("interface Vlanif100") :]
    assert "Software" in before
    assert re.match(r"interface Vlanif100\n ip .*\n#[A-Z].*:OID .*\n .*\n ntp multicast-client 239\.1\.2\.3\n#", inside)
    assert text.count(":OID") == 1 and ":OID" not in device.running_configuration()


def test_undo_terminal_monitor_stops_what_can_be_stopped(open_device: Open) -> None:
    _device, console = open_device(faults={"log_lines": "stoppable", "log_kind": "debugging"})
    assert "NTP/7/PACKET" in console.type("display clock")
    console.type("undo terminal monitor")
    assert "NTP/7/PACKET" not in console.type("display clock")


def test_a_log_some_time_after_the_prompt(open_device: Open) -> None:
    device, console = open_device()
    device.set_faults(log_lines="always", log_at=["prompt"], log_delay=0.01, log_redraws_prompt=False)
    console.link.send("display clock\n")
    received = ""
    while "%%01" not in received:
        piece = console.link.receive(10)
        assert "%%01" not in piece or received.endswith("<CE1>")
        received += piece


def test_a_text_printed_by_the_test(open_device: Open) -> None:
    device, console = open_device()
    device.print_unasked("\nMay 04 2026 06:07:08 CE1 %%01A/4/B(l):text\n")
    assert console.link.receive(10) == "\r\nMay 04 2026 06:07:08 CE1 %%01A/4/B(l):text\r\n"
    assert console.link.converse("\n") == "\r\n<CE1>"
