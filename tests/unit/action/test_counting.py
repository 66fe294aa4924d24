# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that know nothing of each other tell together how many hosts are left."""

from __future__ import annotations

import multiprocessing
import os
import pathlib

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action import counting
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.counting import Count, counted

ASKED = {"name": "verify", "run": 7, "hosts": "30", "after": 12}


@pytest.fixture(autouse=True)
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(counting.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def one_host() -> None:
    with counted(ASKED, "state"):
        pass


def test_every_host_is_counted_once_whatever_process_it_has(folder: pathlib.Path) -> None:
    forks = multiprocessing.get_context("fork")
    processes = [forks.Process(target=one_host) for _number in range(20)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    count = Count("verify", "state 7", 30, folder, 12)
    assert count.sentence() == "verify: 20 of 30 hosts done, 10 left, and 12 after them"


def test_a_host_that_fails_is_done_too(folder: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="gone"), counted(ASKED, "state"):
        raise ValueError("gone")
    assert Count("verify", "state 7", 1, folder).sentence() == "verify: 1 of 1 hosts done, 0 left"


def test_only_one_tells_and_not_before_it_is_time(folder: pathlib.Path) -> None:
    count = Count("verify", "state", 3, folder)
    count.begin()
    began = os.stat(count._told).st_mtime
    count.begin()
    assert not count.due(began + 9)
    assert count.due(began + 11)
    assert not count.due(began + 12)
    assert count.due(began + 22)


def test_what_waits_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_SECONDS_BETWEEN_LOOKS", 0.0)
    told = multiprocessing.get_context("fork").Event()
    said: list[str] = []

    def show(line: str) -> None:
        said.append(line)
        told.set()

    with counted({**ASKED, "every": 0}, "state", show):
        assert told.wait(60)
    assert said[0] == "verify: 0 of 30 hosts done, 30 left, and 12 after them"


@pytest.mark.parametrize("asked", [None, "", {}, {"name": "verify", "hosts": 0}])
def test_without_a_playbook_nothing_is_counted(folder: pathlib.Path, asked: object) -> None:
    with counted(asked, "state"):
        pass
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_gone_harms_nothing(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting.constants, "DEFAULT_LOCAL_TMP", str(folder / "gone"))
    with counted(ASKED, "state"):
        pass
