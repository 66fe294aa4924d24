# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules vrp_config and vrp_command over SSH."""

from __future__ import annotations

import pathlib
from typing import Any

from harness import SECRET, Playbooks, Run, task

INTERFACE = "{{ '100GE1/0/1' if inventory_hostname == 'CE1' else 'GigabitEthernet0/1/0' }}"
WORD = "{{ 'ntp' if inventory_hostname == 'CE1' else 'ntp-service' }}"


def config(_failing: bool = False, _check: bool = False, _register: str = "result", **options: Any) -> dict[str, Any]:
    return task(_name="vrp_config", _failing=_failing, _check=_check, _register=_register, **options)


def command(*commands: str | dict[str, Any], _failing: bool = False, **options: Any) -> dict[str, Any]:
    written = [{"command": entry} if isinstance(entry, str) else entry for entry in commands]
    return task(_name="vrp_command", _failing=_failing, commands=written, **options)


def succeeded(run: Run) -> dict[str, dict[str, Any]]:
    assert run.code == 0, run.output
    return run.results


def test_lines_under_a_view_are_sent_once(playbooks: Playbooks) -> None:
    line = {"parents": [f"interface {INTERFACE}"], "lines": [f"{WORD} multicast-client 239.1.2.3"]}
    run = playbooks.run(
        [
            config(_register="predicted", _check=True, **line),
            config(_register="first", commit={"trial": 60}, **line),
            config(_register="second", **line),
        ]
    )
    assert run.code == 0, run.output
    for name, item in playbooks.devices.items():
        predicted, first, second = (run.registered[register][name] for register in ("predicted", "first", "second"))
        assert (predicted["changed"], first["changed"], second["changed"]) == (True, True, False)
        assert predicted["commands"] == first["commands"]
        assert first["commit"]["id"] and first["commit"]["trial"] == 60
        assert "multicast-client 239.1.2.3" in item.running_configuration()


def test_an_undo_that_changes_nothing_commits_nothing(playbooks: Playbooks) -> None:
    commits = {name: len(item.commits()) for name, item in playbooks.devices.items()}
    run = playbooks.run([config(lines=[f"undo {WORD} max-distance"])])
    for name, result in succeeded(run).items():
        assert not result["changed"]
        assert len(playbooks.devices[name].commits()) == commits[name]


def test_a_refused_line_leaves_nothing(playbooks: Playbooks) -> None:
    before = {name: item.running_configuration() for name, item in playbooks.devices.items()}
    run = playbooks.run([config(_failing=True, lines=[f"{WORD} max-distance 3", "flux capacitor"])])
    for name, result in run.results.items():
        assert result["failed"] and not result["changed"]
        assert "flux capacitor" in result["msg"]
        assert playbooks.devices[name].running_configuration() == before[name]


def test_a_secret_in_a_free_line_is_masked(playbooks: Playbooks) -> None:
    line = f"{WORD} authentication-keyid 7 authentication-mode hmac-sha256 {SECRET}"
    run = playbooks.run([config(lines=[line])], "-vvv", "--diff")
    for result in succeeded(run).values():
        assert result["changed"]
        (shown,) = result["commands"]
        assert "authentication-keyid 7" in shown
    assert SECRET not in run.output


def test_lines_of_a_file_with_a_backup(playbooks: Playbooks) -> None:
    playbooks.directory.joinpath("lines.cfg").write_text(
        f"{WORD} max-distance 4\n#\ninterface {INTERFACE}\n {WORD} multicast-client 239.9.9.9\n#\nreturn\n",
        encoding="utf-8",
    )
    run = playbooks.run([config(src="lines.cfg", backup=True)])
    for name, result in succeeded(run).items():
        assert [line.partition(" / ")[0].split()[0] for line in result["commands"]][-1] == "interface"
        kept = pathlib.Path(result["backup_path"])
        assert kept.stat().st_mode & 0o777 == 0o600
        assert kept.is_relative_to(playbooks.directory)
        assert "max-distance 4" not in kept.read_text(encoding="utf-8")
        text = playbooks.devices[name].running_configuration()
        assert "max-distance 4" in text and "239.9.9.9" in text


def test_a_line_break_is_refused_before_anything_is_typed(playbooks: Playbooks) -> None:
    names = ("lines", "parents", "before", "after")
    tasks = [
        config(
            _failing=True, _register=name, **{"lines": [f"{WORD} max-distance 3"], name: ["interface x\nsysname PWNED"]}
        )
        for name in names
    ]
    run = playbooks.run(tasks)
    for option in names:
        for result in run.registered[option].values():
            assert result["failed"] and f"{option}:" in result["msg"]
    assert all(item.commands() == [] for item in playbooks.devices.values())


def test_what_ends_the_candidate_or_asks_for_nothing_is_refused_by_the_names_of_options(playbooks: Playbooks) -> None:
    line = f"{WORD} max-distance 3"
    tasks = {
        "lines: `commit`\nSuch a line is no configuration": config(_failing=True, lines=[line, "commit"]),
        "Nothing is asked for": config(_failing=True),
        "commit.confirm: synchronised": config(_failing=True, lines=[line], commit={"confirm": "synchronised"}),
        "the list is empty": command(_failing=True),
        "has none but include": command("display version | redirect a.txt", _failing=True),
        "interval: 0 is not allowed": command("display clock", interval=0, _failing=True),
        "wait_for[1].contains is empty": command("display clock", wait_for=[{"contains": ""}], _failing=True),
    }
    run = playbooks.run([{**task, "register": f"r{number}"} for number, task in enumerate(tasks.values())])
    for number, words in enumerate(tasks):
        for result in run.registered[f"r{number}"].values():
            assert result["failed"] and words in result["msg"] and "ntp_multicast_" not in result["msg"], result
    assert all(item.commands() == [] for item in playbooks.devices.values())


def test_display_commands_and_a_condition(playbooks: Playbooks) -> None:
    run = playbooks.run(
        [command("display version", "display clock", wait_for=[{"command": 2, "contains": "Time Zone"}])]
    )
    for result in succeeded(run).values():
        assert not result["changed"]
        assert "HUAWEI" in result["stdout"][0] and "Time Zone" in result["stdout"][1]
        assert result["stdout_lines"][0] == result["stdout"][0].split("\n")


def test_waiting_in_vain_says_for_what(playbooks: Playbooks) -> None:
    run = playbooks.run(
        [command("display clock", wait_for=[{"contains": "yesterday"}], timeout=1, interval=1, _failing=True)]
    )
    for result in run.results.values():
        assert result["failed"] and result["unmet"] == ["command 1 contains 'yesterday'"]


def test_what_may_change_the_device_is_refused_unless_asked_for(playbooks: Playbooks) -> None:
    lines = ("save", "reset saved-configuration", "display version > a.txt", "system-view")
    run = playbooks.run(
        [{**command(line, _failing=True), "register": f"line{number}"} for number, line in enumerate(lines)]
    )
    for number, line in enumerate(lines):
        for result in run.registered[f"line{number}"].values():
            assert result["failed"] and "read_only" in result["msg"] and line in result["msg"]
    assert all(item.commands() == [] for item in playbooks.devices.values())


def test_a_question_gets_the_answer_of_the_task_and_no_other(playbooks: Playbooks) -> None:
    answered = {"command": "save", "answers": [{"question": "continue", "answer": "y"}]}
    run = playbooks.run([command(answered, read_only=False)])
    for name, result in succeeded(run).items():
        assert result["changed"], result
        assert "successfully" in result["stdout"][0]
        assert playbooks.devices[name].saved_configuration()
    run = playbooks.run([command("save", read_only=False, _failing=True)])
    for result in run.results.values():
        assert result["failed"] and "declined" in result["msg"]


def test_stored_secrets_are_masked(playbooks: Playbooks) -> None:
    line = f"{WORD} authentication-keyid 7 authentication-mode hmac-sha256 {SECRET}"
    run = playbooks.run([config(lines=[line]), command("display current-configuration")])
    for result in succeeded(run).values():
        assert "authentication-keyid 7" in result["stdout"][0]
    for mark in ("%^%#", "%+%#", "%#%#", "%@%#"):
        assert mark not in run.output + str(run.registered)
