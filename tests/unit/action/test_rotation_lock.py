# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time rotates a key on a controller, and one that was killed holds nobody up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.rotation_lock import Holder, other_holder


@pytest.fixture(name="other")
def other_fixture() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_run_holds_the_lock_until_it_has_ended(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    path = tmp_path / "home" / "lock"
    assert other_holder(path, other.pid) is None
    assert other_holder(path, other.pid) is None
    holder = other_holder(path, os.getpid())
    assert holder is not None and holder.pid == other.pid
    other.kill()
    other.wait()
    assert other_holder(path, os.getpid()) is None
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("change", [{"started": "1"}, {"host": "elsewhere"}])
def test_another_process_of_the_same_number_holds_nothing(
    tmp_path: Path, other: subprocess.Popen[bytes], change: dict[str, str]
) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({**vars(Holder.of(other.pid)), **change}), encoding="utf-8")
    assert other_holder(path, os.getpid()) is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", "nonsense"])
def test_a_file_that_says_nothing_holds_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock"
    path.write_text(text, encoding="utf-8")
    assert other_holder(path, os.getpid()) is None
    assert Holder(**json.loads(path.read_text(encoding="utf-8"))) == Holder.of(os.getpid())
