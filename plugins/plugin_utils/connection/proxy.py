# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command whose input and output lead to the device, as with OpenSSH's ProxyCommand."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading

_TAIL = 2000  # characters of what it says
_LINES = 4
_FAREWELL = 2.0  # seconds


class Proxy:
    """Runs the command. `socket` is a real one, so that time-outs work on it."""

    def __init__(self, command: str) -> None:
        self.command = command
        ours, theirs = socket.socketpair()
        self.socket = ours
        self._said = ""
        try:
            # As OpenSSH does: the shell gives way to the command, so that its end is the command's end.
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._listener = threading.Thread(target=self._listen, name="proxy", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Nobody else empties its standard error, and a full one would stop it."""
        stream = self._process.stderr
        if stream is None:
            return
        with contextlib.suppress(OSError, ValueError):
            while data := stream.readline(_TAIL):
                self._said = (self._said + data.decode("utf-8", errors="replace"))[-_TAIL:]

    def verdict(self) -> str:
        """How the command ended and what it said, or "" when it runs in silence."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_FAREWELL)
        ended = self._process.poll() is not None
        if ended:
            self._listener.join(_FAREWELL)
        lines = [line.strip() for line in self._said.splitlines() if line.strip()][-_LINES:]
        said = f' and said: "{" / ".join(lines)}"' if lines else ""
        if ended:
            return f"The command `{self.command}` ended with {self._process.returncode}{said or ' in silence'}."
        return f"The command `{self.command}` still ran{said}." if lines else ""

    def close(self) -> None:
        """End the command."""
        self.socket.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_FAREWELL)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._listener.join(_FAREWELL)
        if self._process.stderr is not None and not self._listener.is_alive():
            self._process.stderr.close()
