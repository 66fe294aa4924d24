# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's monitor, by which a hypervisor pauses a guest, saves and restores it, and pulls its network cable."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

_PATIENCE = 60.0
"""Seconds. To save a guest takes some."""


class Monitor:
    """Speaks QMP. :param path: the socket of the emulator."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def execute(self, command: str, **arguments: Any) -> Any:
        """:raises RuntimeError: the emulator refuses."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(str(self._path))
            with connection.makefile("rw", encoding="utf-8") as stream:
                stream.readline()  # The greeting.
                for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                    stream.write(json.dumps(request))
                    stream.flush()
                    answer = _answer(stream)
        return answer

    def typed(self, line: str) -> str:
        """A line of the monitor for people; gives what it prints, which is nothing if it succeeds."""
        return str(self.execute("human-monitor-command", **{"command-line": line}))


def _answer(stream: Any) -> Any:
    """The next message that is no event."""
    for line in stream:
        message = json.loads(line)
        if "error" in message:
            raise RuntimeError(f"the emulator refuses: {message['error']['desc']}")
        if "return" in message:
            return message["return"]
    raise RuntimeError("the emulator has closed its monitor")
