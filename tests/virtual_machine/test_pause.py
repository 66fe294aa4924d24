# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest stands still as its hypervisor does it, and its engine says so, blames no server and sets the clock right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.process import running
from virtual_machine.guest import Guest, tools_missing
from virtual_machine.scenario import Engine, server, watch
from virtual_machine.witness import Reading

from ansible_collections.timecast.ntp_multicast.plugins.filter.synchronisation_report import synchronisation_report
from ansible_collections.timecast.ntp_multicast.plugins.modules import ntp_multicast_engine_info

NEAR = 0.05
"""Seconds."""
PATIENCE = 120
LONG, SHORT, STARVED = 60, 12, 8
"""Seconds. A pause of whole intervals of the server would look like its clock's jump if what waits were lost."""
pytestmark = [*needs.root, needs.unless(tools_missing())]


class Parameters:
    """What the module's result needs of AnsibleModule."""

    params = {"command": "ntp-multicast-engine", "config": "/opt/engine/engine.json", "maximum_offset": 0.128}


class Host:
    """The guest, and what its operator reads."""

    def __init__(self, guest: Guest, engine: Engine) -> None:
        self.guest, self.engine = guest, engine

    def until(self, *codes: str, synchronised: bool = True) -> list[Reading]:
        """Wait until `status` tells just these problems; gives how the clock went meanwhile."""

        def done(_seen: Sequence[Reading]) -> bool:
            status = self.engine.status()
            told = {item["code"] for item in status["problems"]}
            return bool(status["system"]["synchronised"]) is synchronised and told == set(codes)

        seen = watch(self.guest, PATIENCE, done)
        assert done(seen), f"{self.engine.status()}\n{self.engine.log()}"
        return [*seen, self.guest.clock()]

    def problem(self, code: str) -> dict[str, Any]:
        found: dict[str, Any] = next(item for item in self.engine.status()["problems"] if item["code"] == code)
        return found

    def verify(self) -> dict[str, Any]:
        result = ntp_multicast_engine_info.result_of(Parameters(), self.engine.status())
        found: dict[str, Any] = synchronisation_report({"guest": result})
        return found

    def lines(self, since: int) -> list[str]:
        return self.engine.log().splitlines()[since:]


@pytest.fixture
def host(plain_guest: Guest) -> Iterator[Host]:
    plain_guest.make_wrong(0.0)
    engine = Engine(plain_guest, helper=True)
    engine.configure(step="start")
    try:
        engine.start()
        yield Host(plain_guest, engine)
    finally:
        engine.stop()


def told_a_pause(lines: Sequence[str], seconds: float) -> bool:
    """Whether the journal tells how long it was, once, and nowhere that a server was to blame."""
    told = [float(found) for line in lines for found in re.findall(r"^this host stood still for (\d+) s$", line)]
    blamed = [line for line in lines if re.search("jumped|was set|contradict|disagree|refused", line)]
    return len(told) == 1 and abs(told[0] - seconds) <= 2 and not blamed


def test_a_guest_that_its_hypervisor_pauses(host: Host, tmp_path: Path) -> None:
    guest, engine = host.guest, host.engine
    with running(server(tmp_path / "server", guest)):
        host.until()

        # Its counter goes on, and with it its clock: nothing to set right.
        mark = len(host.lines(0))
        guest.starve(STARVED)
        assert abs(host.until("stood_still")[-1].offset) < NEAR
        assert told_a_pause(host.lines(mark), STARVED), host.lines(mark)

        # No step without consent, and the truth is told.
        mark = len(host.lines(0))
        guest.pause(SHORT)
        held = host.until("stood_still", "clock_off")
        assert all(abs(reading.offset + SHORT) < 1 for reading in held), "slewed at the most"
        assert told_a_pause(host.lines(mark), SHORT), host.lines(mark)
        assert f"this host stood still for {SHORT} s" in host.problem("stood_still")["sentence"]
        off = host.problem("clock_off")
        assert f"is {SHORT} s behind 10.99.9.1" in off["sentence"] and "7 hours" in off["sentence"]
        assert "ntp_multicast_engine_step: pause" in off["advice"]
        report = host.verify()
        assert report["unsynchronised"] == ["guest"]
        assert any("and slewing that takes 7 hours" in line for line in report["lines"]), report
        guest.step(SHORT)

        # With consent: one step ahead, as far as the pause was long.
        engine.reconfigure(step="pause")
        host.until("stood_still")
        mark = len(host.lines(0))
        guest.pause(LONG)
        brought_in = host.until("stood_still")
        assert told_a_pause(host.lines(mark), LONG), host.lines(mark)
        assert f"this host stood still for {LONG} s" in host.problem("stood_still")["sentence"]
        steps = [line for line in host.lines(mark) if line.startswith("the clock was stepped by ")]
        assert len(steps) == 1 and abs(float(steps[0].split()[-2]) - LONG) < 1, steps
        assert abs(brought_in[-1].offset) < NEAR and brought_in[-1].synchronised
        assert all(abs(reading.offset + LONG) < 1 or abs(reading.offset) < NEAR for reading in brought_in)
        assert host.verify()["unsynchronised"] == []

        # The next step is allowed ten minutes later.
        mark = len(host.lines(0))
        guest.pause(SHORT)
        held = host.until("stood_still", "clock_off")
        assert all(abs(reading.offset + SHORT) < 1 for reading in held)
        assert told_a_pause(host.lines(mark), SHORT), host.lines(mark)
        assert "stepped after a pause less than 10 minutes ago" in host.problem("clock_off")["sentence"]
        assert host.verify()["unsynchronised"] == ["guest"]
