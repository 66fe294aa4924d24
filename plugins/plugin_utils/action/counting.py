# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells every ten seconds how many hosts a task is done with and how many are left.

Each host has a process of its own, which knows nothing of the others. So they count in files of the folder for
temporary files that all processes of one run of Ansible share, and whichever waits tells it for all. A playbook asks
for it with the variable __ntp_multicast_counting: a name, unlike that of any other task of the run, how many hosts
there are, and how many come after them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.utils.display import Display

VARIABLE = "__ntp_multicast_counting"
SECONDS_BETWEEN_REPORTS = 10.0
_SECONDS_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True)
class Count:
    """The hosts of one task.

    name: what is told of it, of: unlike that of any other task
    hosts: how many it has, after: how many come after them
    every: seconds between two sentences
    """

    name: str
    of: str
    hosts: int
    folder: Path
    after: int = 0
    every: float = SECONDS_BETWEEN_REPORTS

    @property
    def _done(self) -> Path:
        return self.folder / f"ntp_multicast_{self._key}.done"

    @property
    def _told(self) -> Path:
        return self.folder / f"ntp_multicast_{self._key}.told"

    @property
    def _key(self) -> str:
        return hashlib.sha256(f"{self.name}\0{self.of}".encode()).hexdigest()[:16]

    def begin(self) -> None:
        """A host begins; with the first one the time begins after which something is told."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._told, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def end(self) -> None:
        """A host is done. One octet each, which the system appends without mixing them up."""
        handle = os.open(self._done, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            os.write(handle, b".")
        finally:
            os.close(handle)

    def sentence(self) -> str:
        """How far it is."""
        done = min(self.hosts, self._done.stat().st_size if self._done.exists() else 0)
        after = f", and {self.after} after them" if self.after else ""
        return f"{self.name}: {done} of {self.hosts} hosts done, {self.hosts - done} left{after}"

    def due(self, now: float) -> bool:
        """Whether it is time to tell, and this process is the one that does; it counts as told then."""
        with open(self._told, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            if now - os.fstat(file.fileno()).st_mtime < self.every:
                return False
            os.utime(self._told, (now, now))
            return True


@contextlib.contextmanager
def counted(asked: Any, of: str, show: Callable[[str], object] | None = None) -> Iterator[None]:
    """Within the context a host is being worked on.

    Args:
        asked: the value of the variable, None where no playbook asks for it.
        of: what the task does.
        show: prints a line.
    """
    # Progress that can't be told, because the folder is gone, say, must not harm the work.
    count = _count(asked, of)
    if count is None:
        yield
        return
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(count, over, show or Display().display), daemon=True)
    with contextlib.suppress(OSError):
        count.begin()
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        with contextlib.suppress(OSError):
            count.end()


def _count(asked: Any, of: str) -> Count | None:
    if not isinstance(asked, Mapping) or not asked.get("hosts"):
        return None
    name, run = str(asked["name"]), str(asked.get("run") or "")
    folder, every = Path(constants.DEFAULT_LOCAL_TMP), asked.get("every", SECONDS_BETWEEN_REPORTS)
    return Count(name, f"{of} {run}", int(asked["hosts"]), folder, int(asked.get("after") or 0), float(every))


def _tell(count: Count, over: threading.Event, show: Callable[[str], object]) -> None:
    with contextlib.suppress(OSError):
        while not over.wait(_SECONDS_BETWEEN_LOOKS):
            if count.due(time.time()):
                show(count.sentence())
