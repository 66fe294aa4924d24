# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns the clock: told from a /proc that is made for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntp_multicast_engine.clock.conflicts import clock_owners, owners

HERE, CONTAINER = "pid:[4026531836]", "pid:[4026532299]"


class Proc:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._next = 100
        self._namespace("self", HERE)

    def _namespace(self, name: str, namespace: str) -> None:
        (self.folder / name / "ns").mkdir(parents=True)
        (self.folder / name / "ns" / "pid").symlink_to(namespace)

    def add(
        self, command: str, *, namespace: str | None = HERE, unit: str = "", arguments: tuple[str, ...] = ()
    ) -> None:
        self._next += 1
        process = self.folder / str(self._next)
        process.mkdir()
        if namespace is not None:
            self._namespace(str(self._next), namespace)
        (process / "comm").write_text(command[:15] + "\n")
        (process / "cmdline").write_text("\0".join((command, *arguments)) + "\0")
        (process / "cgroup").write_text(f"12:memory:/\n1:name=systemd:{unit}\n0::{unit}\n")


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_names_and_services(proc: Proc) -> None:
    proc.add("chronyd", unit="/system.slice/chrony.service")
    proc.add("systemd-timesyncd", unit="/system.slice/systemd-timesyncd.service")
    proc.add("ntp-daemon")
    proc.add("bash", unit="/user.slice/user-0.slice/session-1.scope")
    assert clock_owners(proc.folder) == ["chronyd", "ntpd-rs", "systemd-timesyncd"]
    assert owners(proc.folder) == [
        ("chronyd", "chrony.service"),
        ("ntpd-rs", None),
        ("systemd-timesyncd", "systemd-timesyncd.service"),
    ]


def test_two_processes_of_one_daemon_are_one_owner(proc: Proc) -> None:
    proc.add("chronyd")
    proc.add("chronyd")
    assert clock_owners(proc.folder) == ["chronyd"]


def test_a_process_of_another_pid_namespace_is_none(proc: Proc) -> None:
    proc.add("chronyd", namespace=CONTAINER)
    proc.add("phc2sys", namespace=CONTAINER)
    assert clock_owners(proc.folder) == []


def test_a_process_whose_namespace_is_hidden_is_one(proc: Proc) -> None:
    proc.add("chronyd", namespace=None)
    assert clock_owners(proc.folder) == ["chronyd"]


@pytest.mark.parametrize(
    ("arguments", "steers"),
    [
        ((), False),
        (("-i", "eth0", "-s"), False),
        (("-i", "Sfp0"), False),
        (("-H", "-2"), False),
        (("-S", "-i", "eth0"), True),
        (("-mS", "-i", "eth0"), True),
        (("-2Sm",), True),
        (("--time_stamping=software",), True),
        (("--time_stamping=hardware",), False),
    ],
)
def test_ptp4l_owns_the_clock_only_without_one_of_its_card(
    proc: Proc, arguments: tuple[str, ...], steers: bool
) -> None:
    proc.add("ptp4l", arguments=arguments)
    assert (clock_owners(proc.folder) == ["ptp4l"]) == steers


@pytest.mark.parametrize(("line", "steers"), [("time_stamping software", True), ("#time_stamping software", False)])
@pytest.mark.parametrize("joined", [True, False])
def test_ptp4l_is_asked_by_its_file(proc: Proc, tmp_path: Path, line: str, steers: bool, joined: bool) -> None:
    file = tmp_path / "ptp4l.conf"
    file.write_text(f"[global]\n{line}\n")
    proc.add("ptp4l", arguments=(f"-f{file}",) if joined else ("-f", str(file)))
    assert bool(clock_owners(proc.folder)) == steers


@pytest.mark.parametrize(
    ("arguments", "steers"),
    [
        ("-s eth0", True),
        ("-s eth0 -c CLOCK_REALTIME -w", True),
        ("-s eth0 -O -37 -cCLOCK_REALTIME", True),
        ("-s CLOCK_REALTIME -c eth0 -O 37", False),
        ("-wmc eth0 -s CLOCK_REALTIME", False),
        ("-a", False),
        ("-a -m -l 7", False),
        ("-a -r -r", True),
        ("-arr", True),
        ("-a -f /etc/linuxptp/r.conf", False),
    ],
)
def test_phc2sys_that_steers_cards_alone_is_none(proc: Proc, arguments: str, steers: bool) -> None:
    proc.add("phc2sys", arguments=tuple(arguments.split()))
    assert bool(clock_owners(proc.folder)) == steers


def test_phc2sys_hands_on_the_clock_of_a_card(proc: Proc) -> None:
    proc.add("ptp4l")
    proc.add("phc2sys", unit="/system.slice/system-phc2sys.slice/phc2sys@eth0.service")
    assert owners(proc.folder) == [("phc2sys", "phc2sys@eth0.service")]
