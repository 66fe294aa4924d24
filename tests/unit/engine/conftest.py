# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel stamps what the engine's tests receive."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from ntp_multicast_engine.clock.system_clock import SystemClock
from ntp_multicast_engine.net.control_messages import KERNEL, STAMP_RECEIVED, enable_stamps, receive
from ntp_multicast_engine.observe import journal


@pytest.fixture(scope="session", autouse=True)
def stamping_kernel() -> Iterator[None]:
    """The kernel begins to stamp some time after the first socket has asked for it, and ends after the last one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(60)
        deadline = time.monotonic() + 10
        stamps = enable_stamps(sock, STAMP_RECEIVED)
        while stamps and time.monotonic() < deadline:
            sock.sendto(bytes(48), sock.getsockname())
            if any(datagram.stamps == KERNEL for datagram in receive(sock, SystemClock())):
                break
        yield


@dataclass(frozen=True)
class Event:
    """As the log is told of it."""

    priority: int
    sentence: str
    fields: Mapping[str, Any]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    events: list[Event] = []
    monkeypatch.setattr(journal.log, "put", lambda *told: events.append(Event(*told)))
    return events
