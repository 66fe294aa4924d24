# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of who is synchronised to whom."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.filter.synchronisation_report import synchronisation_report
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.words import offset_text

CLIENT = {
    "changed": False,
    "ntp": {
        "synchronised": True,
        "stratum": 3,
        "leap": "none",
        "reference_id": "10.99.7.21",
        "offset": 1.23e-05,
        "root_delay": 0.0,
        "root_dispersion": 0.0,
        "role": "client",
        "associations": [
            {
                "source": "fd00::22",
                "interface": "eth0",
                "group": "ff0e::101",
                "stratum": 3,
                "reach": 1,
                "offset": -0.0021,
                "selected": False,
                "key_id": 43,
            },
            {
                "source": "10.99.7.21",
                "interface": "eth0",
                "group": "224.0.1.1",
                "stratum": 2,
                "reach": 255,
                "offset": 1.23e-05,
                "selected": True,
                "key_id": 42,
            },
        ],
        "servers": [],
    },
}
SERVER = {
    "ntp": {
        "synchronised": True,
        "stratum": 2,
        "reference_id": "LOCL",
        "offset": 0.0,
        "role": "server",
        "associations": [],
        "servers": [
            {"interface": "100GE1/0/1", "group": "224.0.1.1", "port": 123, "key_id": 42, "ttl": 16, "version": 4}
        ],
    }
}
LOST = {"ntp": {"synchronised": False, "stratum": 16, "offset": None, "role": None, "associations": [], "servers": []}}


def test_one_aligned_table_with_the_selected_source_first() -> None:
    report = synchronisation_report({"CE1": SERVER, "linux1": CLIENT})
    assert report["unsynchronised"] == []
    assert report["lines"] == [
        "HOST    SYNCHRONISED  ROLE    SOURCE      GROUP      INTERFACE   STRATUM      OFFSET  REACH  KEY",
        "CE1     yes           server  LOCL        224.0.1.1  100GE1/0/1        2       +0 ns      -   42",
        "linux1  yes           client  10.99.7.21  224.0.1.1  eth0              3  +12.300 us    377   42",
        "linux1  -             client  fd00::22    ff0e::101  eth0              3   -2.100 ms      1   43",
    ]


def test_a_server_shows_its_groups_although_it_goes_by_its_own_clock() -> None:
    own_clock = {"source": "127.127.1.0", "interface": "InLoopBack0", "group": None, "reach": 255, "selected": True}
    server = {"ntp": {**SERVER["ntp"], "associations": [own_clock]}}
    assert synchronisation_report({"CE1": server})["lines"][1].split() == [
        *("CE1", "yes", "server", "127.127.1.0", "224.0.1.1", "100GE1/0/1", "2", "+0", "ns", "377", "42"),
    ]


def test_a_host_that_is_not_synchronised_is_named() -> None:
    report = synchronisation_report({"linux1": LOST, "CE1": SERVER})
    assert report["unsynchronised"] == ["linux1"]
    columns = report["lines"][1].split(maxsplit=10)
    assert columns == ["linux1", "NO", "-", "-", "-", "-", "16", "-", "-", "-", "it has no source"]
    heard = {"ntp": {**LOST["ntp"], "associations": [{"source": "10.99.7.21", "selected": False}]}}
    assert "it has selected none of its sources" in synchronisation_report({"linux1": heard})["lines"][1]


@pytest.mark.parametrize(
    ("result", "line"),
    [
        ({"unreachable": True, "msg": "No route to host\nat all"}, "linux2: No route to host"),
        ({"failed": True, "msg": "The engine does not run."}, "linux2: The engine does not run."),
        ({}, "linux2: gave no state"),
        (None, "linux2: gave no state"),
    ],
)
def test_a_host_without_a_state_stands_below_the_table(result: object, line: str) -> None:
    report = synchronisation_report({"linux2": result, "CE1": SERVER})
    assert report["unsynchronised"] == ["linux2"]
    assert report["lines"][-1] == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "+0 ns"),
        (-4.4e-8, "-44 ns"),
        (1.23e-05, "+12.300 us"),
        (-0.0021, "-2.100 ms"),
        (3.5, "+3.500 s"),
    ],
)
def test_offsets_have_the_unit_that_a_person_would_choose(seconds: float | None, text: str) -> None:
    assert offset_text(seconds) == text


def test_something_else_than_a_dictionary_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="not list"):
        synchronisation_report([])  # type: ignore[arg-type]


def follower(**association: Any) -> dict[str, Any]:
    source = {"source": "192.0.2.21", "selected": True, "reach": 0o377, "poll": 64, **association}
    return {"ntp": {"synchronised": True, "stratum": 3, "role": "client", "associations": [source]}}


@pytest.mark.parametrize(
    ("reach", "missed"), [(0o377, 0), (0o374, 0), (0o370, 3), (0o200, 7), (0, 8), (0o001, 0), (None, 0)]
)
def test_a_source_that_fell_silent_is_not_followed(reach: int | None, missed: int) -> None:
    report = synchronisation_report({"web1": follower(reach=reach)}, names={"192.0.2.21": "CE1"})
    assert report["unsynchronised"] == (["web1"] if missed else [])
    assert "CE1" in report["lines"][1]
    if missed:
        assert f"CE1 was not heard for {missed} polls, about {missed * 64} s" in report["lines"][1]
        assert report["lines"][0].endswith("REASON")
    else:
        assert not report["lines"][0].endswith("REASON")


def test_the_reason_that_a_host_gives_is_in_the_table() -> None:
    state = {"synchronised": False, "stratum": 16, "role": "client", "associations": []}
    problems = [{"code": "no_packets", "sentence": "nothing comes to 224.0.1.1 on eth0", "advice": "look at IGMP"}]
    report = synchronisation_report(
        {
            "web1": {"ntp": state, "msg": "The host is not synchronised after 3 seconds. Servers heard: none."},
            "web2": {"ntp": {**state, "problems": problems}, "msg": "not synchronised"},
        },
        failed={"web3": "ntp_multicast_save: wrong"},
    )
    assert "Servers heard: none" in report["lines"][1]
    assert "nothing comes to 224.0.1.1 on eth0" in report["lines"][2]
    assert report["lines"][3] == "web3: ntp_multicast_save: wrong"
    assert list(report["ends"]) == ["web1", "web2", "web3"]


@pytest.mark.parametrize("told", [True, False])
def test_what_a_host_says_of_its_wrong_clock_is_in_the_table(told: bool) -> None:
    """How long slewing takes, such as after a pause of a virtual machine, only the host knows."""
    sentence = "the clock of this host is 12 s behind 10.99.7.21, and slewing that takes 7 hours"
    problems = [
        {"code": "stood_still", "sentence": "this host stood still"},
        {"code": "clock_off", "sentence": sentence},
    ]
    state = {"ntp": {**CLIENT["ntp"], "offset": 12.0}, "problems": problems if told else []}
    report = synchronisation_report({"web1": state})
    expected = sentence if told else "its clock is +12.000 s off from 10.99.7.21, and at most +128.000 ms is right"
    assert report["lines"][1].endswith(expected) and report["unsynchronised"] == ["web1"]
