# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that takes a transcript: for its owner alone, and added to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator

from .errors import SshError

_MODE = 0o600
_FOLDER_MODE = 0o700
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class TranscriptFile:
    """Tried before the device is reached, so that a wrong path is told before anything is sent.

    Raises:
        SshError: the file can't be written, or is no plain file of this user.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            os.makedirs(os.path.dirname(path) or ".", mode=_FOLDER_MODE, exist_ok=True)
            with self._opened():
                pass
        except OSError as error:
            raise SshError(
                f"The transcript {path} cannot be written: {error.strerror or error}. "
                "Set ansible_vrp_transcript_file to another path."
            ) from None

    def write(self, line: str) -> None:
        """Add a line. Sessions of other processes add theirs to the same file.

        Raises:
            OSError: it can't be added.
        """
        with self._opened() as descriptor:
            left = line.encode("utf-8", "backslashreplace")
            while left:
                left = left[os.write(descriptor, left) :]

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = os.open(self._path, _FLAGS, _MODE)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                raise OSError("it is no plain file of this user")
            os.fchmod(descriptor, _MODE)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
