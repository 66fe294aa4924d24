# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program costs: wall time, processor time and memory of it and of all that it starts, daemons included."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2): orphans of our children become ours, so that their time is counted
_SAMPLE_SECONDS = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """wall, processor: seconds; memory: octets, the largest sum of proportional set sizes that was seen."""

    wall: float
    processor: float
    memory: int
    exit_code: int


def run(
    command: Sequence[str], environment: Mapping[str, str], directory: pathlib.Path, log: pathlib.Path, timeout: float
) -> Cost:
    """Run a program to its end and add up what it and its descendants cost. Output goes to `log`."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=directory,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with _Sampler(process.pid) as sampler:
        watchdog = threading.Timer(timeout, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        processor = usage.ru_utime + usage.ru_stime + _end_orphans(sampler.known)
    return Cost(wall, processor, sampler.peak, process.returncode)


def processor_seconds(pid: int) -> float:
    """Processor time that a running process has used so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_octets(pid: int) -> int:
    """Memory of a process, shared pages counted in proportion."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def _end_orphans(known: set[int]) -> float:
    """End the daemons that a program left behind, which are our children now; their processor time in seconds."""
    seconds = 0.0
    for pid in known:
        with contextlib.suppress(OSError):
            if _parent(pid) == os.getpid():
                os.kill(pid, signal.SIGTERM)
    for pid in known:
        with contextlib.suppress(ChildProcessError):
            _, _, usage = os.wait4(pid, 0)
            seconds += usage.ru_utime + usage.ru_stime
    return seconds


def _parent(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


class _Sampler:
    """Looks at the descendants of a process twice a second."""

    def __init__(self, root: int) -> None:
        self.peak = 0
        self.known: set[int] = set()
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            total = 0
            for pid in self._family():
                with contextlib.suppress(OSError, StopIteration, ValueError):
                    total += resident_octets(pid)
            self.peak = max(self.peak, total)

    def _family(self) -> set[int]:
        parents: dict[int, int] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    parents[int(entry)] = _parent(int(entry))
        family = {self._root} | self.known
        grown = True
        while grown:
            children = {pid for pid, parent in parents.items() if parent in family} - family
            family |= children
            grown = bool(children)
        self.known |= family - {self._root}
        return {pid for pid in family if pid in parents}
