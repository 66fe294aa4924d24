# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the controller in which a run finds what earlier runs remember of the devices' keys.

One file for all devices, because a fleet has thousands. A lock keeps runs and their processes apart, and a new file
takes the place of the old one at once, so that a reader never sees half of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT_VERSION = 1
_MODE = 0o600
_FOLDER_MODE = 0o700
# Others hold the lock for some milliseconds; one that was stopped holds it for ever.
SECONDS_FOR_LOCK = 30.0
_SECONDS_BETWEEN_TRIES = 0.05


class KeyMemoryFileError(Exception):
    """The file can't be read or written; the text is a sentence for the user."""


@dataclass(frozen=True)
class KeyMemoryFile:
    """Memories of keys as plain data, by the name of the device."""

    path: Path

    def read(self) -> dict[str, Any]:
        """All memories; none where there is no file yet.

        Raises:
            KeyMemoryFileError: the file is there, but is not ours or can't be read.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise KeyMemoryFileError(f"{self.path} cannot be read: {_reason(error)}.") from error
        return self._devices(text)

    def update(self, memories: Mapping[str, Any]) -> None:
        """Put these memories in the place of those of the same devices; an empty one removes the device.

        Raises:
            KeyMemoryFileError: the file can't be written. What was in it is still there.
        """
        try:
            self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            with self._locked():
                devices = {**self.read(), **memories}
                self._replace({name: memory for name, memory in sorted(devices.items()) if memory})
        except OSError as error:
            raise KeyMemoryFileError(f"{self.path} cannot be written: {_reason(error)}.") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # A file of its own: the one with the memories is another after each write.
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            self._lock(lock)
            yield
        finally:
            os.close(lock)

    def _lock(self, lock: int) -> None:
        end = time.monotonic() + SECONDS_FOR_LOCK
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise KeyMemoryFileError(
                        f"{self.path} cannot be written: another process has held {self.path}.lock for "
                        f"{SECONDS_FOR_LOCK:g} seconds."
                    ) from error
                time.sleep(_SECONDS_BETWEEN_TRIES)

    def _replace(self, devices: Mapping[str, Any]) -> None:
        target = Path(os.path.realpath(self.path))
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"version": FORMAT_VERSION, "devices": devices}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _devices(self, text: str) -> dict[str, Any]:
        try:
            document = json.loads(text)
            known = document["version"] == FORMAT_VERSION
            devices = document["devices"]
        except (ValueError, TypeError, KeyError, RecursionError):
            known, devices = False, None
        if not known or not isinstance(devices, dict):
            raise KeyMemoryFileError(
                f"{self.path} is not a memory of keys in the form that this release writes. It is left as it is; "
                "remove it, or set ntp_multicast_key_memory_file to another path."
            )
        return devices


def _reason(error: Exception) -> str:
    return str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error)
