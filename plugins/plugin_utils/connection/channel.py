# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text channel that a session works on."""

from __future__ import annotations

import codecs
from typing import Any


class ShellChannel:
    """A paramiko channel that takes and gives text."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def send(self, text: str) -> None:
        """Send all of the text."""
        self._channel.sendall(text.encode("utf-8"))

    def receive(self, timeout: float) -> str:
        """Text as soon as there is some, "" when the device has closed the channel. Raises TimeoutError."""
        self._channel.settimeout(timeout)
        while True:
            data = self._channel.recv(65536)
            text = self._decoder.decode(data)
            if text or not data:
                return text
