# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cards are set to, and the ioctls of their clocks."""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from unit.engine.cards import EVERYTHING, PTP_V2_EVENT, SECOND, SimulatedClock, SimulatedDoor

from ntp_multicast_engine import hardware_setting
from ntp_multicast_engine.cli import main
from ntp_multicast_engine.config.configuration import parse
from ntp_multicast_engine.errors import ConfigurationError
from ntp_multicast_engine.hardware_clock import Reading
from ntp_multicast_engine.hardware_door import (
    FILTER_ALL,
    FILTER_NONE,
    FILTER_NTP_ALL,
    PTP_SYS_OFFSET,
    PTP_SYS_OFFSET_EXTENDED,
    PTP_SYS_OFFSET_PRECISE,
    RAW_HARDWARE,
    TX_OFF,
    TX_ON,
    DeviceClock,
    KernelDoor,
    Offer,
    Stamping,
)
from ntp_multicast_engine.net import control_messages as ancillary


@pytest.fixture
def door() -> SimulatedDoor:
    return SimulatedDoor(SimulatedClock())


# The card's setting


@pytest.mark.parametrize(
    ("offered", "now", "expected"),
    [
        (EVERYTHING, Stamping(TX_OFF, FILTER_NONE), Stamping(TX_ON, FILTER_ALL)),
        (Offer(69, 0, 3, 1 << FILTER_NTP_ALL | 3), Stamping(0, 0), Stamping(TX_ON, FILTER_NTP_ALL)),
        # Another owner's setting that suffices stays, whatever it is.
        (Offer(69, 0, 7, 1 << FILTER_NTP_ALL | 3), Stamping(2, FILTER_ALL, 1), Stamping(2, FILTER_ALL, 1)),
        (EVERYTHING, Stamping(TX_ON, PTP_V2_EVENT), Stamping(TX_ON, FILTER_ALL)),
        # The card of an 82576: what is received only for PTP.
        (Offer(69, 0, 3, 1 | 1 << PTP_V2_EVENT), Stamping(TX_OFF, FILTER_NONE), Stamping(TX_ON, FILTER_NONE)),
        (Offer(RAW_HARDWARE, 0, 1, 1), Stamping(TX_OFF, FILTER_NONE), Stamping(TX_OFF, FILTER_NONE)),
    ],
)
def test_what_a_card_is_to_be_set_to(offered: Offer, now: Stamping, expected: Stamping) -> None:
    assert hardware_setting.wanted(offered, now) == expected


def test_a_card_is_set_once(door: SimulatedDoor, capsys: pytest.CaptureFixture[str]) -> None:
    door.set_to = Stamping(TX_OFF, FILTER_NONE)
    assert hardware_setting.enable(["eth0"], door) == 0
    assert hardware_setting.enable(["eth0"], door) == 0
    assert door.sets == [Stamping(TX_ON, FILTER_ALL)]
    first, second = capsys.readouterr().out.splitlines()
    assert first == "eth0: is set to stamp what is sent and what is received, by /dev/ptp3"
    assert second == "eth0: was set before to stamp what is sent and what is received, by /dev/ptp3"


@pytest.mark.parametrize("offered", [Offer(0, None, 0, 0), Offer(RAW_HARDWARE, 0, 1, 1)])
def test_a_card_that_can_not_is_told_of(
    door: SimulatedDoor, capsys: pytest.CaptureFixture[str], offered: Offer
) -> None:
    door.offered, door.set_to = offered, Stamping(TX_OFF, FILTER_NONE)
    assert hardware_setting.enable(["eth0"], door) == 1
    assert "eth0: no hardware time stamps: " in capsys.readouterr().err
    assert not door.sets


def test_one_missing_interface_keeps_no_other_from_being_set(
    door: SimulatedDoor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hardware_setting.enable(["eth7", "eth0"], door) == 1
    said = capsys.readouterr()
    assert said.err == "eth7: no hardware time stamps: No such device\n" and said.out.startswith("eth0: ")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED without root: giving a file to another group")
def test_the_right_to_read_a_clock_is_given_and_taken_away(
    door: SimulatedDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, service = tmp_path / "ptp3", tmp_path / "service"
    device.touch(mode=0o600)
    service.mkdir()
    os.chown(service, -1, 64_123)
    monkeypatch.setattr(hardware_setting, "clock_path", lambda number: tmp_path / f"ptp{number}")
    assert hardware_setting.grant(["eth0", "eth9"], service, door) == 0
    assert (device.stat().st_gid, device.stat().st_mode & 0o777) == (64_123, 0o640)
    assert hardware_setting.withdraw(["eth0"], service, door) == 0
    assert (device.stat().st_gid, device.stat().st_mode & 0o777) == (0, 0o600)
    os.chown(device, -1, 17)
    assert hardware_setting.grant(["eth0"], service, door) == 1
    assert hardware_setting.withdraw(["eth0"], service, door) == 0
    assert device.stat().st_gid == 17


def configuration_with(interfaces: Any) -> bytes:
    return json.dumps({"version": 1, "status_socket": "/run/s", "hardware_timestamps": interfaces}).encode()


def test_the_command_asks_the_kernel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "engine.json"
    path.write_bytes(configuration_with(["lo"]))
    assert main(["enable-hardware-timestamps", "--config", str(path)]) == 1
    assert capsys.readouterr().err.startswith("lo: no hardware time stamps: ")
    path.write_bytes(configuration_with([]))
    assert main(["enable-hardware-timestamps", "--config", str(path)]) == 0


@pytest.mark.parametrize("wrong", ["eth0", ["eth0", "eth0"], ["a/b"], [7], ["x" * 16]])
def test_only_interfaces_can_be_named(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="hardware_timestamps"):
        parse(configuration_with(wrong), "engine.json")


def test_nothing_is_loaded_where_nothing_is_asked() -> None:
    script = (
        "import sys; from ntp_multicast_engine.daemon import daemon; print([n for n in sys.modules if 'hardware' in n])"
    )
    package = str(Path(ancillary.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": package}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# ioctls


def test_this_machines_loopback_has_no_clock() -> None:
    offer = KernelDoor().offer("lo")
    assert offer.clock is None and not offer.stamps & RAW_HARDWARE
    assert KernelDoor().index("lo") == socket.if_nametoindex("lo")
    assert KernelDoor().speed("lo") is None
    with pytest.raises(OSError):
        KernelDoor().offer("none-such")


def test_requests_have_the_kernels_numbers() -> None:
    # Printed by a C program from linux/ptp_clock.h on x86-64.
    assert (PTP_SYS_OFFSET, PTP_SYS_OFFSET_PRECISE, PTP_SYS_OFFSET_EXTENDED) == (0x43403D05, 0xC0403D08, 0xC4C03D09)


class Driver:
    """Answers those requests that it knows, with a clock that shows one second more for each reading."""

    def __init__(self, *known: int, error: int = errno.EOPNOTSUPP) -> None:
        self.known = known
        self.error = error
        self.asked: list[int] = []

    def ioctl(self, _descriptor: int, request: int, data: bytearray) -> int:
        self.asked.append(request)
        if request not in self.known:
            raise OSError(self.error, "refused")
        if request == PTP_SYS_OFFSET_PRECISE:
            struct.pack_into("@qIIqIIqII", data, 0, 500, 5, 0, 100, 1, 0, 7, 7, 0)
            return 0
        (wanted,) = struct.unpack_from("@I", data)
        times = 3 * wanted if request == PTP_SYS_OFFSET_EXTENDED else 2 * wanted + 1
        for place in range(times):
            struct.pack_into("@qI", data, 16 + 16 * place, 100 + place, place)
        return 0


def test_the_best_way_that_the_driver_knows_is_kept() -> None:
    driver = Driver(PTP_SYS_OFFSET_EXTENDED, PTP_SYS_OFFSET)
    device = DeviceClock(-1, driver.ioctl)
    readings = device.read()
    assert len(readings) == 10
    assert readings[1] == Reading(103 * SECOND + 3, 104 * SECOND + 4, 105 * SECOND + 5)
    device.read()
    assert driver.asked == [PTP_SYS_OFFSET_PRECISE, PTP_SYS_OFFSET_EXTENDED, PTP_SYS_OFFSET_EXTENDED]


def test_a_driver_that_reads_both_clocks_at_once_is_taken_at_its_word() -> None:
    driver = Driver(PTP_SYS_OFFSET_PRECISE)
    assert DeviceClock(-1, driver.ioctl).read() == [Reading(100 * SECOND + 1, 500 * SECOND + 5, 100 * SECOND + 1)]


def test_the_oldest_way_is_the_last() -> None:
    readings = DeviceClock(-1, Driver(PTP_SYS_OFFSET).ioctl).read()
    assert len(readings) == 10
    assert readings[1] == Reading(102 * SECOND + 2, 103 * SECOND + 3, 104 * SECOND + 4)


def test_another_error_is_not_taken_for_ignorance() -> None:
    driver = Driver(error=errno.EBUSY)
    with pytest.raises(OSError):
        DeviceClock(-1, driver.ioctl).read()
    assert driver.asked == [PTP_SYS_OFFSET_PRECISE]
    with pytest.raises(OSError):
        DeviceClock(-1, Driver().ioctl).read()
