# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles on simulated devices, without SSH."""

from __future__ import annotations

import contextlib
import pathlib
import re
from collections.abc import Callable, Iterator

import pytest

from vrp_simulator.testing import LocalLink, RunningDevice, running_devices

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
CONTROL_Z = "\x1a"  # takes effect without Enter
KEY = "Secret-Key-2026!"
PORTS = {
    "ar-v300r024": "GigabitEthernet0/0/1",
    "ce-v200r005": "100GE1/0/1",
    "ce-v300r023": "100GE1/0/1",
    "ne40e-v800r012": "GigabitEthernet0/1/0",
    "s-v600": "GE1/0/1",
    "vrp5": "GigabitEthernet0/0/1",
}
ONE_STAGE = ("ar-v300r024", "vrp5")
COMMANDS = {release: "ntp-service" if release in ("ne40e-v800r012", *ONE_STAGE) else "ntp" for release in PORTS}
TWO_STAGE = [release for release in PORTS if release not in ONE_STAGE]


def device_entry(release: str = "ce-v300r023", **options: object) -> dict[str, object]:
    """An entry of a device file with one layer 3 port."""
    return {
        "name": "CE1",
        "release": release,
        "users": [{"name": "netops", "password": "Login-Pass-1"}, {"name": "viewer", "password": "x", "level": 2}],
        "interfaces": [{"name": PORTS[release], "layer2": False, "ipv4": "10.0.0.1/24", "ipv6": "fd00::1/64"}],
        **options,
    }


class Console:
    """A person at a terminal: types a line and reads until the device waits again."""

    def __init__(self, link: LocalLink) -> None:
        self.link = link
        self.greeting = link.converse()
        self.raw = self.greeting

    @property
    def prompt(self) -> str:
        """What stands last on the screen."""
        return self.raw.rpartition("\n")[2]

    def type(self, line: str) -> str:
        """Type one line; return what came after its echo and before the next prompt, with LF at line ends."""
        self.raw = self.link.converse(line if line == CONTROL_Z else line + "\n")
        text = self.raw.replace("\r\n", "\n")
        echo, _unused, rest = text.partition("\n")
        assert echo.replace(" \x1b[1D", "") == line or not echo, f"the echo of {line!r} was {echo!r}"
        return rest.rpartition("\n")[0]

    def do(self, *lines: str) -> str:
        """Type lines that the device must take; return the last answer."""
        answer = ""
        for line in lines:
            answer = self.type(line)
            assert not re.search(r"^Error", answer, re.MULTILINE), f"{line!r} was refused: {answer}"
        return answer


@pytest.fixture
def open_device() -> Iterator[Callable[..., tuple[RunningDevice, Console]]]:
    """Start a device with these options and return it with a console."""
    with contextlib.ExitStack() as stack:

        def start(
            release: str = "ce-v300r023", user: str = "netops", **options: object
        ) -> tuple[RunningDevice, Console]:
            devices = stack.enter_context(running_devices([device_entry(release, **options)]))
            return devices["CE1"], Console(devices["CE1"].open_link(user))

        yield start
