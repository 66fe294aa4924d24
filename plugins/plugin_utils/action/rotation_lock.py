# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""That a second run on the same controller does not rotate beside the first.

The file names the process that rotates. A process that has ended holds nobody up, so that nothing has to be removed
after a run that was killed. What runs on another controller is not known here: it is seen on the devices alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

DEFAULT_NAME = "ntp_multicast_rotation.lock"
_START_TIME = 19  # its place among the fields behind the name, proc(5)


@dataclass(frozen=True)
class Holder:
    """A process, told from a later one of the same number by its start. host: the controller, of a shared home"""

    pid: int
    started: str
    host: str

    @classmethod
    def of(cls, pid: int) -> Holder:
        """The process with a number."""
        return cls(pid, _start_of(pid), os.uname().nodename)

    @property
    def runs(self) -> bool:
        """Whether it is still there; one of another controller can't be asked and counts as ended."""
        if self.host != os.uname().nodename:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it runs as another user, so it runs
        return self.started == _start_of(self.pid)


def other_holder(path: Path, pid: int) -> Holder | None:
    """Take the lock for a process; the process that has it already, if another one does.

    Raises:
        OSError: the file can't be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened(path) as file:
        found = _read(file)
        if found is not None and found.pid != pid and found.runs:
            return found
        file.seek(0)
        file.truncate()
        file.write(json.dumps(asdict(Holder.of(pid))))
    return None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _read(file: TextIO) -> Holder | None:
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):
        return None


def _start_of(pid: int) -> str:
    """When a process began, in the words of the kernel; nothing where there is no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[_START_TIME]
