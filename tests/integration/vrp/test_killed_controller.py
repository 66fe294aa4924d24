# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL of ansible-playbook at each step of the transaction: nobody is left to clean up, and the device is whole.

One play runs on many devices, each held at a step of its own, so what happens does not depend on time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import select
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from clock import hears
from harness import RELEASES, SECRET, Playbooks, device, ntp_lines, server_config, task

from vrp_simulator.testing import RunningDevices, running_devices


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of the transaction. lost: the device gives the session up there instead of finishing what it does."""

    hold: str
    passes: int = 0
    lost: bool = False
    trial: bool = False
    applied: bool = False
    confirm: str = "login"

    @property
    def faults(self) -> dict[str, Any]:
        return {"hold": self.hold, "hold_passes": self.passes}


STEPS = {
    "after login": Step("line:^screen-length"),
    "while reading": Step("taken:^display current-configuration", lost=True),
    "after reading": Step("line:^system-view"),
    "after the lock": Step("taken:^configuration exclusive"),
    "after the lock, line lost": Step("taken:^configuration exclusive", lost=True),
    "after line 1": Step("taken:authentication enable"),
    "after the key": Step("taken:authentication-keyid 42 authentication-mode"),
    "after the trust": Step("taken:(trusted|reliable) authentication-keyid"),
    "after the server": Step("taken:multicast-server 239", lost=True),
    "after the last association": Step("taken:multicast-client"),
    "before commit": Step("before-commit", applied=True),
    "before commit, line lost": Step("before-commit", lost=True),
    "during commit": Step("during-commit", applied=True),
    "during commit, line lost": Step("during-commit", lost=True),
    "after commit": Step("after-commit", applied=True),
    "after commit, line lost": Step("after-commit", lost=True, applied=True),
    "before reading back": Step("line:^display current-configuration", passes=1, applied=True),
    "trial: during commit": Step("during-commit", trial=True),
    "trial: after commit": Step("after-commit", lost=True, trial=True),
    "trial: second login": Step("line:^screen-length", passes=1, trial=True),
    "trial: reading back": Step("line:^display current-configuration", passes=1, trial=True),
    # The first two looks only find out how the device spells NTP.
    "trial: waiting for the clock": Step(r"line:^display ntp\S* status", passes=2, trial=True, confirm="synchronised"),
    "trial: before it is confirmed": Step("line:^commit$", lost=True, trial=True),
    "trial: after it is confirmed": Step("taken:^commit$", applied=True),
}
STEPS["trial: after it is confirmed"] = dataclasses.replace(STEPS["trial: after it is confirmed"], trial=True)
TWO_RELEASES = ("ce-v300r023", "ne40e-v800r012")


def names(steps: dict[str, Step]) -> dict[str, str]:
    """A host name for each step."""
    return {step: f"d{number}" for number, step in enumerate(steps)}


def configure(_register: str = "result") -> dict[str, Any]:
    written = task(_register=_register, config="{{ wanted }}", lock=True, commit="{{ terms }}")
    return {**written, "ignore_errors": True, "ignore_unreachable": True}


@pytest.fixture(name="playbooks")
def playbooks_fixture(tmp_path: pathlib.Path, pytestconfig: pytest.Config) -> Iterator[Playbooks]:
    entries = []
    variables: dict[str, dict[str, Any]] = {}
    for number, (step, name) in enumerate(names(STEPS).items()):
        release = TWO_RELEASES[number % len(TWO_RELEASES)]
        entries.append(device(name, release, RELEASES[release], sysname="D"))
        terms = (
            {"trial": 120, "confirm": STEPS[step].confirm}
            if STEPS[step].trial
            else {"description": step.replace(",", "")}
        )
        variables[name] = {"wanted": server_config(RELEASES[release]), "terms": terms}
    with running_devices(entries) as devices:
        playbooks = Playbooks(tmp_path, devices, pytestconfig.rootpath)
        playbooks.host_variables = variables
        playbooks.environment["ANSIBLE_FORKS"] = str(len(entries))
        for step, name in names(STEPS).items():
            if STEPS[step].confirm == "synchronised":
                hears(devices[name])
        yield playbooks


def processes_under(pid: int) -> list[int]:
    """The process and all that it started."""
    parents: dict[int, list[int]] = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found = path.read_text(errors="replace").rpartition(")")[2].split()
            parents.setdefault(int(found[1]), []).append(int(path.parent.name))
    family = [pid]
    for member in family:
        family += parents.get(member, [])
    return family


@contextlib.contextmanager
def started(
    playbooks: Playbooks, hosts: str = "all", tasks: list[dict[str, Any]] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A run that is held somewhere; whatever of it is left at the end is killed."""
    with (playbooks.directory / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            playbooks.command(tasks or [configure()], hosts=hosts),
            env=playbooks.environment,
            cwd=playbooks.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                kill(processes_under(process.pid))
                process.wait()


def kill(pids: list[int]) -> None:
    """Kill these processes and wait until they are gone."""
    watches = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            watches.append(os.pidfd_open(pid))
    for watch in watches:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(watch, signal.SIGKILL)
    wait_for_end(watches)


def wait_for_end(watches: list[int]) -> None:
    for watch in watches:
        ended, _unused, _unused = select.select([watch], [], [], 60)
        os.close(watch)
        assert ended, "a process of the run does not end"


def check_whole(devices: RunningDevices, name: str, before: list[str], applied: bool) -> None:
    item = devices[name]
    assert item.pending() == {}
    assert item.lock_owner() is None
    assert not item.trial_active()
    assert (item.secret(42) == SECRET) == applied
    assert (ntp_lines(item) != before) == applied


def test_a_killed_controller_leaves_whole_devices(playbooks: Playbooks) -> None:
    devices = playbooks.devices
    before = {name: ntp_lines(item) for name, item in devices.items()}
    for step, name in names(STEPS).items():
        devices[name].set_faults(**STEPS[step].faults)
    with started(playbooks) as process:
        for step, name in names(STEPS).items():
            assert devices[name].wait_until_held() == STEPS[step].hold, step
        family = processes_under(process.pid)
        assert len(family) > len(STEPS), "each device has a process of its own"
        kill(family)
        assert process.wait() == -signal.SIGKILL
    for step, name in names(STEPS).items():
        devices[name].release(lost=STEPS[step].lost)
    for step, name in names(STEPS).items():
        devices[name].wait_until_deserted()
        if STEPS[step].trial and not STEPS[step].applied:
            # Fact 3.2: a trial whose session is lost can only time out.
            assert devices[name].pending() == {}
            assert devices[name].lock_owner() is None
            devices[name].expire_trial()
        check_whole(devices, name, before[name], STEPS[step].applied)

    again = playbooks.run([configure("first"), configure("second")])
    assert again.code == 0, again.output
    wanted = {}
    for number, (step, name) in enumerate(names(STEPS).items()):
        first, second = (again.registered[register][name] for register in ("first", "second"))
        assert first["changed"] == (not STEPS[step].applied), step
        assert not second["changed"], step
        check_whole(devices, name, before[name], applied=True)
        # Whether in one run or after a killed one: the same configuration.
        assert wanted.setdefault(number % len(TWO_RELEASES), ntp_lines(devices[name])) == ntp_lines(devices[name])


def test_a_worker_that_outlives_the_controller_finishes(playbooks: Playbooks) -> None:
    """Only the parent is killed, as a memory watchdog would: its worker ends the transaction, one way or the other."""
    item = playbooks.devices["d0"]
    before = ntp_lines(item)
    item.set_faults(hold="taken:multicast-server 239")
    with started(playbooks, hosts="d0") as process:
        item.wait_until_held()
        watches = [os.pidfd_open(pid) for pid in processes_under(process.pid)[1:]]
        process.kill()
        process.wait()
        item.release()
        wait_for_end(watches)
    item.wait_until_deserted()
    check_whole(playbooks.devices, "d0", before, applied=ntp_lines(item) != before)
    again = playbooks.run([configure()], hosts="d0")
    assert again.code == 0, again.output
    check_whole(playbooks.devices, "d0", before, applied=True)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_fleet_whose_controller_is_killed_begins_no_further_device(playbooks: Playbooks, processes: int) -> None:
    """What it works on comes to its end: nothing is half-built, and nobody goes on for hours unseen."""
    begun, later = ["d0", "d1"], ["d2", "d3"]
    for variables in playbooks.host_variables.values():
        variables.update({f"ntp_multicast_{name}": value for name, value in variables["wanted"].items()})
    before = {name: ntp_lines(playbooks.devices[name]) for name in begun + later}
    for name in begun:
        playbooks.devices[name].set_faults(hold="taken:multicast-server 239")
    fleet = task("vrp_ntp_multicast_fleet", hosts=begun + later, sessions=2, processes=processes)
    with started(playbooks, hosts="d0", tasks=[fleet]) as process:
        for name in begun:
            playbooks.devices[name].wait_until_held()
        watches = [os.pidfd_open(pid) for pid in processes_under(process.pid)[1:]]
        process.kill()
        process.wait()
        for name in begun:
            playbooks.devices[name].release()
        wait_for_end(watches)
    for name in begun:
        playbooks.devices[name].wait_until_deserted()
        check_whole(playbooks.devices, name, before[name], applied=True)
    assert all(playbooks.devices[name].commands() == [] for name in later)
