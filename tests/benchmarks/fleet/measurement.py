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
    others = {pid for pid, parent in _parents().items() if parent == os.getpid()}
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
    with _Sampler(process.pid, others) as sampler:
        watchdog = threading.Timer(timeout, process.kill)
        watchdog.start()
        _unused, status, usage = os.wait4(process.pid, 0)
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        processor = usage.ru_utime + usage.ru_stime + _end_orphans(others)
    return Cost(wall, processor, sampler.peak, process.returncode)


def processor_seconds(pid: int) -> float:
    """Processor time that a running process has used so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_octets(pid: int) -> int:
    """Memory of a process, shared pages counted in proportion."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def _end_orphans(others: set[int]) -> float:
    """End the daemons that a program left behind, which are our children now; their processor time in seconds.

    others: children that have nothing to do with the program
    """
    seconds = 0.0
    while orphans := {pid for pid, parent in _parents().items() if parent == os.getpid()} - others:
        for pid in orphans:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                _unused, _unused, usage = os.wait4(pid, 0)
                seconds += usage.ru_utime + usage.ru_stime
    return seconds


def _parents() -> dict[int, int]:
    """The parent of every process."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                text = pathlib.Path(f"/proc/{entry}/stat").read_text(encoding="utf-8")
                parents[int(entry)] = int(text.rpartition(")")[2].split()[1])
    return parents


class _Sampler:
    """Looks at the descendants of a process twice a second."""

    def __init__(self, root: int, others: set[int]) -> None:
        self.peak = 0
        self._root = root
        self._others = others
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_unused: object) -> None:
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
        """The process and its descendants, with the orphans among them, which are our own children by now."""
        parents = _parents()
        orphans = {pid for pid, parent in parents.items() if parent == os.getpid()} - self._others
        family = {self._root} | orphans
        grown = True
        while grown:
            children = {pid for pid, parent in parents.items() if parent in family} - family
            family |= children
            grown = bool(children)
        return family
