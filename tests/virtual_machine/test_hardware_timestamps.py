# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps of a card, by a real driver: the emulated Intel 82576 of a guest, which has a clock and stamps what is sent.

What is received it stamps only for PTP over Ethernet, so hardware stamps of arrival are tested behind a simulated door
alone (tests/unit/engine/test_hardware.py). Not part of `make test`: a boot under emulation takes a minute.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from virtual_machine.guest import INSIDE, Guest, tools_missing
from virtual_machine.scenario import watch

CARD = "eth0"
DEVICE = "/dev/ptp0"
CONFIGURATION = "/etc/test/engine.json"
STATUS = "/run/engine/status.sock"
PATIENCE = 90
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(tools_missing() is not None, reason=f"the virtual machine {tools_missing()}"),
]


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    made = Guest(f"timecast-hw{os.getpid() % 100000}", card="igb")
    try:
        try:
            made.up()
        except RuntimeError as error:
            if "no emulator with the card" in str(error):
                pytest.skip(f"HARDWARE STAMPS ARE NOT TESTED: {error}")
            raise
        document = {
            "version": 1,
            "status_socket": STATUS,
            "state_directory": "/run/engine",
            "hardware_timestamps": [CARD],
            "server": {"stratum": 2},
            "servers": [{"interface": CARD, "group": "239.77.9.1", "poll": 3}],
        }
        made.write(CONFIGURATION, json.dumps(document))
        made.run("mkdir", "-p", "/run/engine")
        yield made
    finally:
        made.down()


def engine(guest: Guest, *arguments: str) -> str:
    return guest.run("env", f"PYTHONPATH={INSIDE}", "python3", "-m", "ntp_multicast_engine", *arguments)


def measured(guest: Guest, number: int) -> list[dict[str, int]]:
    lines = guest.run("env", f"PYTHONPATH={INSIDE}", "python3", f"{INSIDE}/guest_card.py", "measure", CARD, str(number))
    return [json.loads(line) for line in lines.splitlines()]


def server_status(guest: Guest) -> dict[str, Any]:
    (found,) = json.loads(engine(guest, "status", "--socket", STATUS, "--json"))["servers"]
    return dict(found)


def test_a_card_that_was_not_set_gives_nothing_and_the_kernel_does(guest: Guest) -> None:
    assert all(set(stamps) == {"kernel"} for stamps in measured(guest, 2))


def test_the_card_is_set_once(guest: Guest) -> None:
    command = ("enable-hardware-timestamps", "--config", CONFIGURATION)
    assert engine(guest, *command) == f"{CARD}: is set to stamp what is sent, by {DEVICE}\n"
    assert engine(guest, *command) == f"{CARD}: was set before to stamp what is sent, by {DEVICE}\n"


def test_the_card_tells_when_packets_leave(guest: Guest) -> None:
    stamps = measured(guest, 20)
    both = [item for item in stamps if "hardware" in item]
    # An emulated processor may be away for longer than a stamp is believed.
    assert len(both) >= 15, stamps
    # Both are of the same moment, but for the emulated way from the driver to the card.
    assert all(0 <= item["hardware"] - item["kernel"] < 2_000_000 for item in both), stamps


def test_the_engine_tells_so_also_after_the_cards_clock_was_set(guest: Guest) -> None:
    guest.start("engine", "python3", "-m", "ntp_multicast_engine", "run", "--config", CONFIGURATION, kind="notify")

    def stamped(after: int) -> bool:
        now = server_status(guest)
        return bool(now["sent"] > after and now["timestamps"] == "hardware")

    watch(guest, PATIENCE, lambda _seen: stamped(1))
    assert stamped(1), guest.log("engine")
    sent = server_status(guest)["sent"]
    guest.run("python3", f"{INSIDE}/guest_card.py", "step", DEVICE, "-1234.5")
    watch(guest, PATIENCE, lambda _seen: stamped(sent + 1))
    assert stamped(sent + 1), guest.log("engine")
    guest.stop("engine")
