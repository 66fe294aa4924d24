# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes of devices in one task, and how they come back from several processes."""

from __future__ import annotations

import json
import os
import pathlib
import signal
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.timecast.ntp_multicast.plugins.action.vrp_ntp_multicast import given, result_for
from ansible_collections.timecast.ntp_multicast.plugins.action.vrp_ntp_multicast_fleet import (
    Done,
    Grouped,
    Progress,
    needs_telling,
    processors,
    with_hosts,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.configure import NEW_MEMORY
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.fleet import (
    Description,
    Device,
    OrphanWatch,
    StopSign,
    received,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.key_memory_file import KeyMemoryFile
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.retry import RetryPolicy

SECRET = "Sixteen-Octets-1"
OPTIONS = {
    "config": {},
    "state": "merged",
    "update_secrets": "on_create",
    "dialect": None,
    "save": "never",
    "lock": False,
    "allow_immediate": False,
    "commit": None,
    "key_memory_file": None,
    "from_variables": True,
}


class Broken:
    """A connection that fails to log in."""

    retry = RetryPolicy()

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.closed = 0

    def session(self) -> Any:
        raise self.error

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AnsibleConnectionFailure(f"no way to {SECRET}"), "unreachable"),
        (AnsibleError(f"no way to {SECRET}"), "failed"),
        (UserError(f"no way to {SECRET}"), "failed"),
        (RuntimeError(f"no way to {SECRET}"), "failed"),
    ],
)
def test_a_failure_is_an_outcome_without_secrets(error: Exception, kind: str) -> None:
    logins = Broken(error)
    outcome = Device("ce1", Description(OPTIONS, {SECRET}, []), {}, logins, check=False).outcome()
    assert outcome[kind] is True
    assert "no way to" in outcome["msg"]
    assert SECRET not in json.dumps(outcome)
    assert needs_telling(outcome)
    assert logins.closed == 1


@pytest.mark.parametrize(
    ("devices", "names"), [(1, "ce1"), (5, "ce1, ce2, ce3, ce4, ce5"), (7, "ce1, ce2, ce3, ce4, ce5 and 2 more")]
)
def test_a_warning_of_several_devices_names_the_first(devices: int, names: str) -> None:
    assert with_hosts("md5 is weak", [f"ce{number}" for number in range(1, devices + 1)]) == f"{names}: md5 is weak"


def test_a_device_in_sync_needs_no_telling() -> None:
    assert not needs_telling({"changed": False, "warnings": []})
    assert needs_telling({"changed": True})
    assert needs_telling({"changed": False, "warnings": ["a line that is not understood"]})


def send_and_die(sender: Connection, names: list[str], *, orderly: bool) -> None:
    for name in names:
        sender.send(name)
    if not orderly:
        os._exit(9)
    sender.close()


def test_a_process_that_dies_loses_only_what_it_did_not_send() -> None:
    forks = get_context("fork")
    ends, processes = [], []
    for names, orderly in ((["a", "b"], True), (["c"], False), ([], False)):
        receiver, sender = forks.Pipe(duplex=False)
        process = forks.Process(target=send_and_die, args=(sender, names), kwargs={"orderly": orderly})
        process.start()
        sender.close()
        ends.append(receiver)
        processes.append(process)
    assert sorted(received(ends)) == ["a", "b", "c"]
    for process in processes:
        process.join()


def test_an_end_that_closes_leaves_the_others_open() -> None:
    dead, sender = Pipe(duplex=False)
    sender.close()
    alive, sender = Pipe(duplex=False)
    for name in "abc":
        sender.send(name)
    sender.close()
    assert list(received([dead, alive])) == ["a", "b", "c"]


CONTROLLER, WORKER, FORKED, INIT = 1000, 1001, 1002, 1


@pytest.mark.parametrize(
    ("process", "parent", "controller_runs", "orphaned"),
    [
        (WORKER, CONTROLLER, True, False),
        (WORKER, INIT, False, True),
        (FORKED, WORKER, True, False),
        (FORKED, WORKER, False, True),
        (FORKED, INIT, True, True),  # the worker was killed, and nobody reads what this process sends
    ],
)
def test_a_process_notices_that_it_works_for_nobody(
    monkeypatch: pytest.MonkeyPatch, process: int, parent: int, controller_runs: bool, orphaned: bool
) -> None:
    def kill(number: int, _signal: int) -> None:
        assert number == CONTROLLER
        if not controller_runs:
            raise ProcessLookupError

    monkeypatch.setattr(os, "getpid", lambda: WORKER)
    monkeypatch.setattr(os, "getppid", lambda: CONTROLLER)
    watch = OrphanWatch()
    monkeypatch.setattr(os, "getpid", lambda: process)
    monkeypatch.setattr(os, "getppid", lambda: parent)
    monkeypatch.setattr(os, "kill", kill)
    assert watch.orphaned() is orphaned


def test_a_result_is_found_by_the_name_of_the_host() -> None:
    variables = {"inventory_hostname": "ce1", "fleet": {"device_results": {"ce1": "{}"}}, "other": {"changed": False}}
    assert result_for(variables, "fleet") == "{}"
    assert result_for({**variables, "inventory_hostname": "ce2"}, "fleet") is None
    assert result_for(variables, None) is None
    assert result_for(variables, "other") is None
    assert result_for(variables, "missing") is None


def test_an_unreachable_device_is_told_in_the_way_of_ansible() -> None:
    with pytest.raises(AnsibleConnectionFailure, match="timed out"):
        given(json.dumps({"unreachable": True, "msg": "timed out"}))
    assert given('{"changed": true}') == {"changed": True}


def test_devices_that_only_warn_are_reported_together_as_well() -> None:
    done = Done(3)
    done.add("ce1", {"changed": True, "warnings": []}, [])
    done.add("ce2", {"changed": False, "warnings": ["key 42 could not be compared"]}, [])
    done.add("ce3", {"changed": True, "failed": True}, [])
    assert done.to_report(1) == {"ce1", "ce2"}
    assert done.to_report(2) == set()


def test_what_is_new_of_the_keys_is_written_once_for_all(tmp_path: pathlib.Path) -> None:
    done = Done(2)
    path = str(tmp_path / "memory.json")
    for name in ("ce1", "ce2"):
        done.add(name, {"changed": True, NEW_MEMORY: (path, f"{name} 192.0.2.1:22", {"42": {}})}, [])
    assert all(NEW_MEMORY not in outcome for outcome in done.outcomes.values())
    done.remember()
    assert sorted(KeyMemoryFile(pathlib.Path(path)).read()) == ["ce1 192.0.2.1:22", "ce2 192.0.2.1:22"]
    assert done.troubles == []


def test_warnings_are_told_once_with_their_hosts() -> None:
    grouped = Grouped()
    grouped.add("md5 is weak", "ce1")
    grouped.add("md5 is weak", "ce2")
    grouped.add("the cache is full")
    assert grouped.sentences() == ["ce1, ce2: md5 is weak", "the cache is full"]


def test_the_timeout_of_the_task_raises_the_sign_and_nothing_else() -> None:
    sign = StopSign()
    before = signal.getsignal(signal.SIGALRM)
    with sign.instead_of_timeout():
        assert not sign.is_set()
        signal.raise_signal(signal.SIGALRM)
        assert sign.is_set()
    assert signal.getsignal(signal.SIGALRM) is before


def test_the_sentence_counts_each_device_once() -> None:
    progress = Progress(4)
    assert progress.sentence() == "0 of 4 devices done: none"
    for outcome in ({"changed": True}, {"changed": True, "failed": True}, {"unreachable": True}, {"changed": False}):
        progress.count(outcome)
    assert progress.sentence() == "4 of 4 devices done: 1 in sync, 1 changed, 1 failed, 1 unreachable"


def test_a_system_without_affinity_has_processors_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processors() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert processors() == os.cpu_count()
