# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where what is remembered of keys is kept, and that it survives whatever else happens."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import pathlib
import stat
from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action import key_memory_file
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.configure import NEW_MEMORY
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.key_memories import (
    FACT,
    KeyMemories,
    Memory,
    Surroundings,
    lost_with_the_job,
    not_written,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.key_memory_file import (
    KeyMemoryFile,
    KeyMemoryFileError,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.key_memory import (
    DeviceMemory,
    KeyMemory,
    facts_from_memory,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import Algorithm
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.slow_hash import COST

ENTRY = facts_from_memory({42: KeyMemory(Algorithm.MD5, b"salt", b"hash", b"digest", COST)})
JOB = {"controller": True, "run_folder": "/runner/artifacts/7", "cache_path": "/runner/artifacts/7/fact_cache"}


@pytest.fixture
def file(tmp_path: pathlib.Path) -> KeyMemoryFile:
    return KeyMemoryFile(tmp_path / "home" / "memory.json")


def write(path: pathlib.Path, name: str) -> None:
    for number in range(10):
        KeyMemoryFile(path).update({f"{name}-{number}": ENTRY})


def test_the_file_is_for_its_owner_alone(file: KeyMemoryFile) -> None:
    assert file.read() == {}
    file.update({"ce1": ENTRY})
    file.path.chmod(0o644)
    file.update({"ce2": ENTRY, "ce1": {}})
    assert file.read() == {"ce2": ENTRY}
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["memory.json", "memory.json.lock"]


def test_processes_at_the_same_time_lose_nothing(file: KeyMemoryFile) -> None:
    forks = multiprocessing.get_context("fork")
    writers = [forks.Process(target=write, args=(file.path, name)) for name in ("a", "b", "c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(file.read()) == 30


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 2, "devices": {}}', '{"version": 1, "devices": []}'])
def test_what_is_not_ours_is_left_as_it_is(file: KeyMemoryFile, text: str) -> None:
    file.path.parent.mkdir()
    file.path.write_text(text)
    with pytest.raises(KeyMemoryFileError, match=r"memory\.json is not a memory of keys"):
        file.update({"ce1": ENTRY})
    assert file.path.read_text() == text


def test_a_link_stays_a_link(file: KeyMemoryFile, tmp_path: pathlib.Path) -> None:
    file.path.parent.mkdir()
    file.path.symlink_to(tmp_path / "elsewhere.json")
    file.update({"ce1": ENTRY})
    assert file.path.is_symlink()
    assert json.loads((tmp_path / "elsewhere.json").read_text())["devices"] == {"ce1": ENTRY}


@pytest.mark.parametrize(
    ("surroundings", "kept"),
    [
        ({"cache_plugin": "memory"}, False),
        ({"cache_plugin": "ansible.builtin.memory"}, False),
        ({"cache_plugin": "jsonfile", "cache_path": "/home/me/facts"}, True),
        ({"cache_plugin": "community.general.redis", "cache_path": "localhost:6379"}, True),
        # ansible-runner by itself: a folder for each run.
        ({"cache_plugin": "jsonfile", **JOB, "controller": False}, False),
        ({"cache_plugin": "jsonfile", **JOB, "core": (2, 18)}, True),
        ({"cache_plugin": "jsonfile", **JOB, "core": (2, 19)}, False),
        ({"cache_plugin": "memory", **JOB}, False),
    ],
)
def test_which_fact_cache_is_there_in_the_next_run(surroundings: dict[str, Any], kept: bool) -> None:
    found = Surroundings(**surroundings)
    assert found.facts_are_kept is kept
    assert bool(lost_with_the_job(found)) is found.controller
    memories = KeyMemories.chosen(None, found)
    assert memories.in_facts is kept
    assert bool(memories.notice) is (found.controller and not kept)
    assert not KeyMemories.chosen(None, found, delegated=True).in_facts
    named = KeyMemories.chosen("/srv/memory.json", found)
    assert (named.in_facts, named.notice, str(named.file.path)) == (False, "", "/srv/memory.json")


def test_both_places_are_read(file: KeyMemoryFile) -> None:
    file.update({"ce1": ENTRY})
    facts = {FACT: facts_from_memory({43: KeyMemory(Algorithm.MD5, b"a", b"b", b"c", COST)})}
    assert sorted(Memory.of(KeyMemories(file, in_facts=True), "ce1", facts).known) == [42, 43]
    assert sorted(Memory.of(KeyMemories(file, in_facts=False), "ce2", facts).known) == [43]


@pytest.mark.parametrize("in_facts", [True, False])
def test_what_is_new_goes_to_one_place(file: KeyMemoryFile, in_facts: bool) -> None:
    memory = Memory.of(KeyMemories(file, in_facts), "ce1", None)
    result = memory.kept({"changed": True, NEW_MEMORY: ENTRY})
    assert NEW_MEMORY not in result
    assert ("ansible_facts" in result, "ce1" in file.read()) == (in_facts, not in_facts)


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    memories = KeyMemories(KeyMemoryFile(tmp_path / "file" / "memory.json"), in_facts=False)
    result = Memory.of(memories, "ce1 192.0.2.1:22", None).kept({"changed": True, NEW_MEMORY: ENTRY})
    assert result["changed"] is True
    assert any("What is new of the keys of ce1 is not remembered" in warning for warning in result["warnings"])


def test_the_default_ttl_is_remembered_too(file: KeyMemoryFile) -> None:
    file.update({"ce1": facts_from_memory(DeviceMemory({}, 16))})
    facts = {FACT: facts_from_memory(DeviceMemory({}, 255))}
    assert Memory.of(KeyMemories(file, in_facts=False), "ce1", None).known.default_ttl == 16
    assert Memory.of(KeyMemories(file, in_facts=False), "ce1", facts).known.default_ttl == 255
    assert Memory.of(KeyMemories(file, in_facts=False), "ce2", None).known.default_ttl is None


def test_a_lock_that_nobody_lets_go_of_is_told_and_not_waited_for_for_ever(
    file: KeyMemoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_memory_file, "SECONDS_FOR_LOCK", 0.2)
    file.update({"ce1": ENTRY})
    with open(f"{file.path}.lock", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        [told] = not_written(file, {"ce2 127.0.0.1:22": ENTRY})
    assert "What is new of the keys of ce2 is not remembered" in told
    assert f"another process has held {file.path}.lock" in told
    assert file.read() == {"ce1": ENTRY}
    assert not_written(file, {"ce2": ENTRY}) == []
