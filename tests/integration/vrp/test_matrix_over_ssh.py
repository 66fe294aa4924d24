# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release x fault x state through ansible-playbook over SSH: one play, many devices, each hostile in its own way."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from harness import SECRET, Playbooks, local_logins, ntp_lines, server_config, task
from hostile import FAULTS, INTERFACES, STATES, check_words, entry

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import converge
from vrp_simulator.testing import running_devices

KINDS = [kind for kind in INTERFACES if kind.startswith("D-")]
# Every fault twice, with another release and another state each time.
CELLS = [
    (KINDS[(number + turn * 3) % len(KINDS)], fault, STATES[(number // len(KINDS) + turn + number) % len(STATES)])
    for turn in range(2)
    for number, fault in enumerate(FAULTS)
]
HOSTS = {f"d{number}": cell for number, cell in enumerate(CELLS)}


@pytest.fixture(name="playbooks")
def playbooks_fixture(tmp_path: pathlib.Path, pytestconfig: pytest.Config) -> Iterator[Playbooks]:
    with running_devices([entry(kind, name) for name, (kind, _fault, _state) in HOSTS.items()]) as devices:
        playbooks = Playbooks(tmp_path, devices, pytestconfig.rootpath)
        for name, (kind, _fault, state) in HOSTS.items():
            playbooks.host_variables[name] = {"wanted": server_config(INTERFACES[kind]), "state": state}
        playbooks.environment["ANSIBLE_FORKS"] = "16"
        yield playbooks


def test_matrix_over_ssh(playbooks: Playbooks) -> None:
    assert len(set(CELLS)) >= 30
    assert {(kind, state) for kind, _fault, state in CELLS} == {(kind, state) for kind in KINDS for state in STATES}
    before = {}
    for name, (kind, fault, state) in HOSTS.items():
        item = playbooks.devices[name]
        if state == "deleted":
            with local_logins(item) as logins:
                converge(logins, logins.request(server_config(INTERFACES[kind])))
        before[name] = ntp_lines(item)
        faults = FAULTS[fault][0]
        if state == "deleted" and "refused_lines" in faults:
            faults = {"refused_lines": {"undo.*multicast-client": "Error: No."}}
        item.set_faults(**faults)
    configure = {
        **task(config="{{ wanted }}", state="{{ state }}"),
        "ignore_errors": True,
        "ignore_unreachable": True,
    }
    run = playbooks.run(
        [configure],
        "-vvv",
        ansible_vrp_lock_retries=2,
        ansible_vrp_lock_retry_delay=0.05,
        ansible_command_timeout=8,
        ansible_commit_timeout=8,
    )
    assert SECRET not in run.output
    unchanged = set()
    for name, (_kind, fault, state) in HOSTS.items():
        item, result = playbooks.devices[name], run.results[name]
        item.reset_faults()
        after = ntp_lines(item)
        failed = bool(result.get("failed") or result.get("unreachable"))
        where = f"{HOSTS[name]}: {result.get('msg', '')}"
        assert item.pending() == {}, where
        assert item.lock_owner() is None, where
        assert failed == (FAULTS[fault][1] == "unchanged") or FAULTS[fault][1] == "either", where
        if failed:
            check_words(result["msg"], result["changed"], before[name], after)
            assert after == before[name], where
            unchanged.add(name)
        else:
            assert result["changed"], where
            assert (item.secret(42) == SECRET) == (state != "deleted"), where
    again = playbooks.run([configure])
    assert again.code == 0, again.output
    for name, cell in HOSTS.items():
        assert again.results[name]["changed"] == (name in unchanged), cell
