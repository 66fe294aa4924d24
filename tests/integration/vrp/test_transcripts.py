# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session is recorded and replayed as a device: the same is read from both, and the file betrays nothing."""

from __future__ import annotations

import json
import pathlib
import re
import stat
from typing import Any

import pytest
from harness import OTHER_SECRET, PASSWORD, SECRET, Playbooks, Run, device, server_config, task

from vrp_simulator.testing import running_devices

HOSTS = {"CE1": ("ce-v300r023", "100GE1/0/1"), "NE1": ("ne40e-v800r012", "GigabitEthernet0/1/0")}
# All of them are in what the devices say and are told.
SYSNAMES = {"CE1": "Quay-Core-7", "NE1": "Wharf-Edge-3"}
CUSTOMER = "Brightwater Freight"
OWN_NAMES = ("ops", "Quay", "Wharf", "CE1", "NE1", "Brightwater", "Freight", "quarterdeck")
ADDRESSES = ("10.0.0.1", "10.0.7.1", "fd00::1", "fd00:7::1", "127.0.0.1")
CIPHERTEXT = re.compile(r"%\^%#|%\+%#|%#%#|%@%|@%@%|%\$%\$|\$1[acd]\$")
COMMUNITY = "snmp-agent community read cipher Snmp-Word-4711"


def recorded_device(name: str) -> dict[str, Any]:
    release, interface = HOSTS[name]
    entry = device(name, release, interface, sysname=SYSNAMES[name])
    entry["interfaces"][0]["description"] = CUSTOMER
    entry["faults"] = {"echo_width": 40, "log_lines": "always", "banner": f"Property of {CUSTOMER}, all calls logged"}
    return entry


def settings(run: Playbooks, *, anonymous: bool) -> dict[str, Any]:
    return {
        "ansible_vrp_transcript_file": str(run.directory / "transcripts" / "{{ inventory_hostname }}.jsonl"),
        "ansible_vrp_transcript_anonymous": anonymous,
    }


def tasks_that_tell_much() -> list[dict[str, Any]]:
    """Configure twice with a key that changes, once as a trial; free lines with a secret, a display, what is there."""
    interface = "{{ {'CE1': '100GE1/0/1', 'NE1': 'GigabitEthernet0/1/0'}[inventory_hostname] }}"
    changed = {**server_config(interface), "authentication": server_config("", OTHER_SECRET)["authentication"]}
    return [
        task(config=server_config(interface), save="changed", commit={"label": "quarterdeck"}),
        task(config=changed, state="replaced", update_secrets="always", commit={"trial": 120}, _failing=True),
        task("vrp_config", lines=[COMMUNITY], _failing=True),
        task("vrp_command", commands=["display ntp status"], _failing=True),
        task(config=server_config(interface, "short"), update_secrets="always", _failing=True, _register="refused"),
        task(state="gathered", _register="gathered"),
    ]


def gathered(run: Run, host: str) -> Any:
    assert not run.registered["gathered"][host].get("failed"), run.output
    return run.registered["gathered"][host]["gathered"]


def transcript_of(run: Playbooks, host: str) -> pathlib.Path:
    return run.directory / "transcripts" / f"{host}.jsonl"


@pytest.mark.parametrize("anonymous", [False, True])
def test_recorded_and_replayed(tmp_path: pathlib.Path, pytestconfig: pytest.Config, anonymous: bool) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    with running_devices([recorded_device(name) for name in HOSTS]) as devices:
        playbooks = Playbooks(tmp_path / "first", devices, pytestconfig.rootpath)
        first = playbooks.run(tasks_that_tell_much(), **settings(playbooks, anonymous=anonymous))
        assert all(devices[name].secret(42) for name in HOSTS), first.output
    files = {name: transcript_of(playbooks, name) for name in HOSTS}
    for name, file in files.items():
        check_file(file, SYSNAMES[name], anonymous=anonymous)
    replaying = [
        {"name": name, "users": device(name, "", "a")["users"], "transcript": str(files[name])} for name in HOSTS
    ]
    with running_devices(replaying) as devices:
        again = Playbooks(tmp_path / "second", devices, pytestconfig.rootpath)
        # The last session of each file is the one that gathered.
        sessions = {name: len({json.loads(line)["session"] for line in file.open()}) for name, file in files.items()}
        for name, count in sessions.items():
            for _number in range(count - 1):
                devices[name].open_link().close()
        second = again.run([task(state="gathered", _register="gathered")])
    for name in HOSTS:
        assert gathered(second, name) == gathered(first, name), second.output
        assert gathered(second, name)["interfaces"][0]["servers"], second.output


def check_file(file: pathlib.Path, sysname: str, *, anonymous: bool) -> None:
    text = file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    entries = [json.loads(line) for line in text.splitlines()]
    typed = [entry.get("line") or "" for entry in entries]
    assert any(line.startswith("display current-configuration") for line in typed)
    assert any(line.split()[0].startswith("commit") for line in typed if line)
    rows = "\n".join(row for entry in entries for part in entry["shown"] for row in part)
    everything = "\n".join([*typed, rows, *(entry["prompt"] for entry in entries)])
    assert "authentication-keyid 42 authentication-mode aes-128-cmac" in everything
    bare = "".join(everything.split())
    for secret in (SECRET, OTHER_SECRET, PASSWORD, COMMUNITY.split()[-1]):
        assert secret not in everything and "".join(secret.split()) not in bare
        # No part of one either: nothing of six characters in a row.
        assert not any(secret[start : start + 6] in bare for start in range(len(secret) - 5))
    assert not CIPHERTEXT.search(everything)
    if not anonymous:
        assert sysname in everything and "10.0.0.1" in everything and CUSTOMER in everything
        return
    for name in OWN_NAMES:
        assert not re.search(rf"(?i)(?<![a-z]){re.escape(name)}(?![a-z])", everything), name
    for address in ADDRESSES:
        assert not re.search(rf"(?<![0-9a-f.:]){re.escape(address)}(?![0-9a-f.:])", everything), address
