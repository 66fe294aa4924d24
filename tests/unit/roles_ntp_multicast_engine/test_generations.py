# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that keeps generations and puts them back, with a systemd that only notes what it is asked."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

FILES = pathlib.Path(__file__).parents[3] / "roles/ntp_multicast_engine/files"
FUTURE = "from __future__ import annotations"
# As templates/generations.py.j2 makes it.
SCRIPT = "\n".join(
    (FILES / f"{name}.py").read_text().replace(FUTURE, "") for name in ("chrony_key_block", "generations")
)
RUN = "import sys; SOURCE = sys.stdin.read(); exec(compile(SOURCE, 'generations.py', 'exec'))"
SERVICE = "ntp-multicast-engine.service"
SYSTEMCTL = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
  "is-active --quiet ntp-multicast-engine-trial.timer") test -e {timer} ;;
  "stop ntp-multicast-engine-trial.timer") rm -f {timer} ;;
  "is-active --quiet chrony.service"|"is-failed --quiet chrony.service") exit 1 ;;
  "is-enabled --quiet chronyd.service") exit 1 ;;
esac
"""
SYSTEMD_RUN = """#!/bin/sh
echo "systemd-run $*" >> {log}
touch {timer}
"""


@dataclass
class Machine:
    """A host's folders, and what was asked of its systemd."""

    folder: pathlib.Path

    @property
    def etc(self) -> pathlib.Path:
        return self.folder / "etc"

    @property
    def unit(self) -> pathlib.Path:
        return self.folder / "engine.service"

    @property
    def store(self) -> pathlib.Path:
        return self.folder / "store"

    def asked(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    def do(self, operation: str, code: int = 0, **document: Any) -> Any:
        """What the program prints: a document, or the reason why not."""
        whole = {
            "paths": [str(self.etc), str(self.unit), str(self.folder / "absent")],
            "service": SERVICE,
            "unit": str(self.unit),
            "chrony": "",
            "chrony_paths": [],
            "others": ["chrony.service"],
            "run_id": "",
            "trial": 0,
            "keep": 3,
            "stays": False,
            "look": False,
        }
        done = subprocess.run(
            [sys.executable, "-c", RUN, operation, str(self.store), json.dumps({**whole, **document})],
            input=SCRIPT,
            env={**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout) if code == 0 else done.stdout.strip()

    def change(self, text: str, **document: Any) -> Any:
        """A change that goes well."""
        self.do("begin", **document)
        (self.etc / "engine.json").write_text(text)
        return self.do("end", **document)

    def state(self) -> dict[str, tuple[str, int]]:
        """Each file with its text and mode."""
        paths = [path for path in [*self.etc.rglob("*"), self.unit, self.folder / "absent"] if path.is_file()]
        return {str(path): (path.read_text(), path.stat().st_mode) for path in paths}


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    made = Machine(tmp_path)
    made.etc.mkdir()
    (made.etc / "engine.json").write_text("first\n")
    (made.etc / "keys").write_text("42 sha secret\n")
    (made.etc / "keys").chmod(0o600)
    made.unit.write_text("[Unit]\n")
    (tmp_path / "bin").mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("systemd-run", SYSTEMD_RUN)):
        program = tmp_path / "bin" / name
        program.write_text(text.format(log=tmp_path / "log", timer=tmp_path / "timer"))
        program.chmod(0o755)
    return made


def test_numbers_may_be_text_as_ansible_core_2_16_hands_them_on(machine: Machine) -> None:
    done = machine.change("second\n", trial="0", keep="1")
    assert (done["generation"], done["trial"]) == (1, False)
    assert not [line for line in machine.asked() if line.startswith("systemd-run")]


def test_a_change_that_went_wrong_is_put_back(machine: Machine) -> None:
    before = machine.state()
    machine.do("begin")
    (machine.etc / "engine.json").write_text("second\n")
    (machine.etc / "keys").unlink()
    (machine.folder / "absent").write_text("new\n")
    assert machine.do("restore") == {"changed": True}
    assert machine.state() == before
    assert f"restart {SERVICE}" in machine.asked()
    assert "enable --now chrony.service" not in machine.asked(), "it did not run before"
    assert machine.do("list")["generations"] == []


@pytest.mark.parametrize("state", ["activating", "inactive"])
def test_a_service_in_a_crash_loop_is_left_to_it(machine: Machine, state: str) -> None:
    """It comes up as soon as somebody mends the cause; one that was stopped stays stopped."""
    program = machine.folder / "bin" / "systemctl"
    program.write_text(f'{program.read_text()}case "$1" in is-active) echo {state}; exit 3 ;; esac\n')
    machine.do("begin")
    assert machine.do("restore") == {"changed": False}
    assert (f"start --no-block {SERVICE}" in machine.asked()) == (state == "activating")
    assert (f"stop {SERVICE}" in machine.asked()) == (state == "inactive")


def test_two_runs_at_once_are_no_trial(machine: Machine) -> None:
    for _run in range(2):
        machine.do("begin")
    machine.do("end")
    assert machine.do("end", code=1).startswith("Another run was at this host at the same time")
    assert machine.do("end", code=1, trial=60).startswith("The time of the trial was over")


def test_a_link_in_the_place_of_the_store_is_refused_and_not_followed(machine: Machine) -> None:
    """It holds keys, and its mode is set."""
    elsewhere = machine.folder / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    machine.store.symlink_to(elsewhere)
    assert "is a symbolic link" in machine.do("begin", code=1)
    assert not list(elsewhere.iterdir()) and elsewhere.stat().st_mode & 0o777 == 0o755


def test_what_the_system_refuses_is_told_with_its_place_and_a_cure(machine: Machine) -> None:
    machine.store.write_text("somebody's\n")
    told = machine.do("begin", code=1)
    assert told.startswith(f"{machine.store}: File exists") and "move it away" in told


def test_a_run_that_changes_nothing_leaves_no_generation(machine: Machine) -> None:
    assert machine.do("begin") == {"fresh": False}
    assert machine.do("end") == {"generation": None, "trial": False}
    assert machine.do("list")["generations"] == []


def test_only_root_gets_at_the_keys_and_the_last_generations_stay(machine: Machine) -> None:
    for number in range(5):
        machine.change(f"{number}\n", run_id=f"run-{number}", keep=2)
    listed = machine.do("list")["generations"]
    assert [(entry["number"], entry["run_id"]) for entry in listed] == [(5, "run-4"), (4, "run-3")]
    assert machine.store.stat().st_mode & 0o777 == 0o700


def test_going_back_to_before_a_run(machine: Machine) -> None:
    before = machine.state()
    machine.change("second\n", run_id="one")
    machine.change("third\n", run_id="one")
    looked = machine.do("roll_back", run_id="one", others=False, look=True)
    assert looked["changed"] and "-third" in looked["diff"] and "+first" in looked["diff"]
    assert "secret" not in str(looked)
    assert machine.state() != before
    assert machine.do("roll_back", run_id="one", others=False)["changed"]
    assert machine.state() == before
    again = machine.do("roll_back", run_id="one", others=False)
    assert (again["changed"], again["listed"]) == (False, True)
    assert machine.do("roll_back", run_id="nowhere", others=False)["listed"] is False
    machine.change("fourth\n", run_id="two")
    assert [entry["number"] for entry in machine.do("list")["generations"]] == [3], "no number is used twice"


def test_other_runs_are_protected(machine: Machine) -> None:
    before = machine.state()
    machine.change("second\n", run_id="one")
    machine.change("third\n", run_id="")
    now = machine.state()
    refused = machine.do("roll_back", run_id="one", others=False)
    assert refused["others"] == ["a run without an id"] and not refused["changed"]
    assert machine.state() == now
    assert machine.do("roll_back", run_id="one", others=True)["changed"]
    assert machine.state() == before


def test_a_trial_has_a_timer_that_takes_it_back(machine: Machine) -> None:
    before = machine.state()
    machine.do("begin", trial=120)
    (machine.etc / "engine.json").write_text("second\n")
    armed = next(line for line in machine.asked() if line.startswith("systemd-run"))
    assert "--on-active=120" in armed
    words = armed.split()
    assert words[-4:] == [str(machine.store / "generations.py"), "expire", str(machine.store), "{}"]
    done = subprocess.run(
        [sys.executable, *words[-4:]],
        env={**os.environ, "PATH": f"{machine.folder / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.state() == before
    assert "The time of the trial was over" in machine.do("end", code=1, trial=60)


def test_a_change_on_trial_is_confirmed_later_and_keeps_others_off(machine: Machine) -> None:
    machine.do("begin", trial=120)
    (machine.etc / "engine.json").write_text("second\n")
    assert machine.do("end", stays=True) == {"generation": None, "trial": True}
    assert "A change is on trial there" in machine.do("begin", code=1)
    assert machine.do("confirm") == {"changed": True}
    assert machine.do("confirm") == {"changed": False}
    assert len(machine.do("list")["generations"]) == 1


def test_a_run_of_which_nothing_is_kept_any_more_is_no_unknown_one(machine: Machine) -> None:
    for run in ("one", "two", "two"):
        machine.change(f"{run} {machine.state()}\n", run_id=run, keep=2)
    before = machine.state()
    assert machine.do("list")["forgotten"] == [{"number": 1, "run_id": "one"}]
    for look in (True, False):
        told = machine.do("roll_back", code=1, run_id="one", others=True, look=look)
        assert told == "What was there before the run one is no longer kept (ntp_multicast_engine_generations)."
    assert machine.state() == before
    assert machine.do("roll_back", run_id="two", others=False)["changed"]
    machine.change("three\n", run_id="two", keep=0)
    assert "no longer kept" in machine.do("roll_back", code=1, run_id="one", others=True)


def test_a_run_that_was_broken_off_can_be_taken_back(machine: Machine) -> None:
    before = machine.state()
    machine.do("begin", run_id="killed")
    (machine.etc / "engine.json").write_text("half\n")
    machine.change("whole\n", run_id="next")
    assert machine.do("roll_back", run_id="killed", others=True)["changed"]
    assert machine.state() == before


BLOCK = "# BEGIN ntp-multicast-engine (managed by Ansible)\n42 MD5 HEX:{}\n# END ntp-multicast-engine\n"


def test_only_our_block_of_the_key_file_of_chronyd_goes_back(machine: Machine) -> None:
    keys = machine.folder / "chrony.keys"
    keys.write_text("1 MD5 theirs\n" + BLOCK.format("00"))
    keys.chmod(0o640)
    document = {"blocks": [str(keys)], "chrony": "chronyd.service", "run_id": "one"}
    machine.do("begin", **document)
    keys.write_text("1 MD5 theirs\n" + BLOCK.format("ff"))
    assert machine.do("end", **document)["generation"] == 1
    keys.write_text(keys.read_text() + "2 MD5 added\n")
    looked = machine.do("roll_back", run_id="one", others=False, look=True)
    assert looked["diff"] == [f"--- {keys}", f"+++ {keys}", "(content not shown)"]
    assert "HEX" not in str(looked)
    assert machine.do("roll_back", run_id="one", others=False)["changed"]
    assert keys.read_text() == "1 MD5 theirs\n2 MD5 added\n" + BLOCK.format("00")
    assert keys.stat().st_mode & 0o777 == 0o640
    assert "restart chronyd.service" in machine.asked()
    assert "disable chronyd.service" in machine.asked(), "it was not enabled before"


def test_a_change_without_keys_for_chronyd_does_not_touch_its_file(machine: Machine) -> None:
    keys = machine.folder / "chrony.keys"
    document = {"blocks": [str(keys)], "run_id": "one"}
    machine.change("second\n", **document)
    keys.write_text("1 MD5 theirs\n")
    assert machine.do("roll_back", run_id="one", others=False)["changed"]
    assert keys.read_text() == "1 MD5 theirs\n"


def test_a_chronyd_that_did_not_run_before_does_not_run_afterwards(machine: Machine) -> None:
    told = machine.folder / "chrony.conf"
    document = {"paths": [str(told)], "chrony": "chrony.service", "chrony_paths": [str(told)], "run_id": "one"}
    machine.do("begin", **document)
    told.write_text("refclock\n")
    machine.do("end", **document)
    assert machine.do("roll_back", run_id="one", others=False)["changed"]
    assert "stop chrony.service" in machine.asked() and "restart chrony.service" not in machine.asked()


def test_what_only_a_later_run_has_touched_goes_back_too(machine: Machine) -> None:
    """A description that gives the file for chronyd another name, which the first generation does not know."""
    moved = machine.folder / "chrony.service.d" / "ntp-multicast-engine.conf"
    told = {"paths": [str(machine.etc), str(moved)], "chrony": "chronyd.service", "chrony_paths": [str(moved)]}
    machine.change("second\n", run_id="one")
    machine.do("begin", **told, run_id="two")
    moved.parent.mkdir()
    moved.write_text("moved\n")
    machine.do("end", **told, run_id="two")
    looked = machine.do("roll_back", run_id="one", others=True, look=True)
    assert "-moved" in looked["diff"]
    assert machine.do("roll_back", run_id="one", others=True)["changed"]
    assert not moved.parent.exists()
    assert (machine.etc / "engine.json").read_text() == "first\n"


def test_a_folder_that_is_made_again_can_be_read_by_all(machine: Machine) -> None:
    """As the role makes it; else the next comparison would find it changed."""
    addition = machine.folder / "chrony.service.d" / "ntp-multicast-engine.conf"
    addition.parent.mkdir()
    addition.write_text("[Service]\n")
    document = {"paths": [str(addition)], "run_id": "one"}
    machine.do("begin", **document)
    addition.unlink()
    addition.parent.rmdir()
    machine.do("end", **document)
    assert machine.do("roll_back", run_id="one", others=False)["changed"]
    assert addition.parent.stat().st_mode & 0o777 == 0o755
