# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest

from vrp_simulator.terminal import ERASE, MORE
from vrp_simulator.testing import running_devices

from .conftest import KEY, Console, device_entry

STARTUP = """#
sysname CE1
#
drop-profile default
#
ntp refclock-master 2
ntp authentication enable
#
vlan batch 10
#
aaa
 local-user admin level 3
 #
 authentication-scheme default
#
interface 100GE1/0/1
 undo portswitch
 description to ntp peer
 ip address 10.0.0.1 255.255.255.0
 ntp multicast-server
#
interface 100GE1/0/2
#
return
"""


def test_the_frame(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(startup_configuration=STARTUP)
    lines = console.do("screen-length 0 temporary", "display current-configuration").split("\n")
    assert lines[0] == "!Software Version V300R023C00"
    assert re.fullmatch(r"!Last configuration was updated at \S+ \S+ by .+", lines[1])
    assert "\n".join(lines[3:]) + "\n" == STARTUP


def test_the_version_line_of_vrp5_looks_like_a_prompt(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device("vrp5")
    assert console.do("display current-configuration").startswith("[V200R010C00SPC600]\n#\nsysname CE1\n")


def test_one_interface_and_this(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(startup_configuration=STARTUP)
    port = (
        "#\ninterface 100GE1/0/1\n undo portswitch\n description to ntp peer\n ip address 10.0.0.1 255.255.255.0\n"
        " ntp multicast-server\n#\nreturn"
    )
    assert console.do("display current-configuration interface 100ge 1/0/1") == port
    assert "Wrong parameter" in console.type("display current-configuration interface"), "fact 2.4"
    console.do("system-view", "interface 100GE1/0/1", "ntp multicast-client")
    assert console.do("display this") == port, "running data, not the candidate"
    console.do("quit")
    assert "\nntp refclock-master 2\nntp authentication enable\n#\n" in console.do("display this")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (
            "| include ntp",
            "ntp refclock-master 2\nntp authentication enable\n description to ntp peer\n ntp multicast-server",
        ),
        ("| inc refclock", "ntp refclock-master 2"),
        ("| include ntp | exclude multicast|description", "ntp refclock-master 2\nntp authentication enable"),
        ("| begin 100GE1/0/2", "interface 100GE1/0/2\n#\nreturn"),
        ("| section include interface 100GE1/0/2", "interface 100GE1/0/2"),
        ("| section multicast", STARTUP[STARTUP.index("interface") : STARTUP.index("\n#\ninterface 100GE1/0/2")]),
        ("| include ^ntp | count", "Total lines: 2."),
    ],
)
def test_filters(open_device, filters: str, expected: str) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(startup_configuration=STARTUP)
    console.do("screen-length 0 temporary")
    answer = console.do(f"display current-configuration {filters}")
    # `exclude multicast|description` is one filter here: a bar without a blank before it belongs to the expression.
    assert answer == expected


def test_include_keeps_separators_on_ne(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device("ne40e-v800r012")
    console.do("system-view", "ntp-service authentication enable", "commit")
    answer = console.do("display current-configuration | include ntp")
    assert answer.startswith("#\n") and answer.endswith("ntp-service authentication enable\n#")


def test_the_pager(open_device) -> None:  # type: ignore[no-untyped-def]
    blocks = "".join(f"#\ninterface LoopBack{number}\n" for number in range(40))
    _unused, console = open_device(startup_configuration=blocks)
    first = console.link.converse("display current-configuration\n")
    assert first.endswith(MORE) and first.count("\r\n") == 24
    second = console.link.converse(" ")
    assert second.startswith(ERASE) and second.endswith(MORE) and second.count("\r\n") == 23
    assert console.link.converse("\n").count("\r\n") == 1, "Enter is one line"
    assert console.link.converse("q").endswith("<CE1>")
    assert MORE not in console.do("display current-configuration | no-more")
    console.do("screen-length 0 temporary")
    assert MORE not in console.do("display current-configuration")


def test_a_level_2_user(open_device) -> None:  # type: ignore[no-untyped-def]
    device, _unused = open_device()
    console = Console(device.open_link("viewer"))
    for line in ("screen-length 0 temporary", "display current-configuration", "rollback configuration last 1"):
        assert console.type(line) == "Error: No permission to run the command."
    console.do("system-view", "ntp authentication enable", "display this", "display configuration candidate merge")
    assert "Error" in console.type("display configuration commit list")
    console.do("commit", "quit")
    console.type("save")
    console.do("y")


def test_candidate_and_differences(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(startup_configuration=STARTUP)
    assert "Unrecognized" in console.type("display configuration candidate"), "not in the user view"
    console.do("system-view", "undo ntp refclock-master", "interface 100GE1/0/1", "undo ntp multicast-server")
    console.do("ntp multicast-client", "description <CE1>")
    assert console.do("display configuration candidate") == (
        "undo ntp refclock-master\ninterface 100GE1/0/1\n undo ntp multicast-server\n ntp multicast-client\n"
        " description <CE1>"
    )
    assert console.do("display configuration candidate changes") == (
        "Building configuration\n  #\n- ntp refclock-master 2\n  #\n  interface 100GE1/0/1\n"
        "-  description to ntp peer\n-  ntp multicast-server\n+  description <CE1>\n+  ntp multicast-client\n  #"
    )
    merged = console.do("display configuration candidate merge | no-more")
    assert "ntp multicast-client" in merged and "refclock" not in merged


def test_status_of_a_device_without_an_ntp_process(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    status = console.do("display ntp status")
    assert " clock status: unsynchronized\n clock stratum: 16\n reference clock ID: none\n" in status
    assert status.endswith(" reference time: 00:00:00.000 UTC Jan 1 1900(00000000.00000000)")
    assert console.do("display ntp sessions") == ""
    console.do("system-view", "ntp refclock-master 2", "commit")
    status = console.do("display ntp status")
    assert " clock status: synchronized\n clock stratum: 2\n reference clock ID: LOCAL(0)\n" in status
    assert status.endswith(" synchronization state: clock synchronized")
    assert console.do("display ntp sessions").startswith("clock source: 127.127.1.0\n clock stratum: 1\n")
    assert " local mode: client, local poll: 64, current poll: 64\n" in console.do("display ntp sessions verbose")
    assert "Authentication failures" in console.do("display ntp statistics packet | no-more")


def test_losses_of_a_source_are_listed(open_device) -> None:  # type: ignore[no-untyped-def]
    item, console = open_device()
    assert console.do("display ntp event clock-unsync") == ""

    class Process:
        pid = None

        async def status(self) -> dict[str, object]:
            loss = {"source": "10.0.0.1", "session": "bdcast client", "reason": "Authentication failure", "time": "now"}
            return {"system": {"synchronised": False}, "losses": [loss] * 12}

    item.call(lambda device: setattr(device, "ntp_process", Process()))
    listed = console.do("display ntp event clock-unsync | no-more")
    assert listed.startswith(" 1. Clock source   :  10.0.0.1\n    Session type   :  bdcast client\n")
    assert listed.count("Unsync reason  :  Authentication failure") == 10


def test_keys_of_a_startup_file_may_be_plain_or_foreign() -> None:
    text = (
        f"#\nntp authentication-keyid 1 authentication-mode hmac-sha256 {KEY}\n"
        "ntp authentication-keyid 2 authentication-mode hmac-sha256 cipher %+%#JA!v6M22=Gg\\{>U.lx%#)c%yY}0*%+%#\n#\n"
    )
    with running_devices([device_entry(startup_configuration=text)]) as devices:
        ce1 = devices["CE1"]
        assert (ce1.secret(1), ce1.secret(2)) == (KEY, None)
        assert KEY not in ce1.running_configuration()
        assert "cipher %+%#JA!v6M22=Gg\\{>U.lx%#)c%yY}0*%+%#\n" in ce1.running_configuration()
