# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd is told (sd_notify(3)): ready, reloading, alive, and in a few words whether there is a time."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

_PATIENCE = 2.0
"""Seconds. A service manager that takes nothing while it reads its units anew must not stop the engine."""


class Notifier:
    """sd_notify(3) without libsystemd; does nothing where there is no service manager."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        mine = environment.get("WATCHDOG_PID") in (None, str(os.getpid()))
        microseconds = environment.get("WATCHDOG_USEC", "") if mine else ""
        self.watchdog_interval: int | None = int(microseconds) * 1000 // 2 if microseconds.isdigit() else None
        """Nanoseconds between two signs of life."""

    def _send(self, text: str, patience: float = _PATIENCE) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(patience)
                sock.sendto(text.encode("utf-8"), self._address)
        except OSError:
            return

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1", 0.0)

    def status(self, text: str) -> None:
        self._send(f"STATUS={text}", 0.0)
