# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job as a person would type it, for the clients that send lines."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """What a client program gets: devices, login, lines. Written by the benchmark, read by the clients."""

    devices: list[dict[str, object]]
    user: str
    password: str
    known_hosts: str
    sessions: int
    read: str
    system_lines: list[str]
    interface: str
    interface_lines: list[str]
    expected: str

    def write(self, path: pathlib.Path) -> None:
        path.write_text(json.dumps(self.__dict__), encoding="utf-8")


def job_from(path: str) -> Job:
    return Job(**json.loads(pathlib.Path(path).read_text(encoding="utf-8")))


def finish(failures: Sequence[str]) -> None:
    """End a client program: 0 when all devices show what was configured."""
    for failure in failures[:5]:
        print(failure, file=sys.stderr)
    sys.exit(1 if failures else 0)
