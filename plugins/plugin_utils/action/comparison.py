# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the devices that are as they were described from all others, many at a time in one process.

Nothing is written here. A device of which anything is to be told (a difference, a failure, a line that is not
understood) belongs to the others, so that a task of its own tells it in the usual way.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from ..vrp.candidate_transaction import Logins, Request, converge

# So many devices tell whether it pays to go on: where most differ, each would be read twice.
SAMPLE = 20


@dataclass(frozen=True)
class Device:
    """One device to compare. request: a check. close: hangs up."""

    name: str
    request: Request
    logins: Logins
    close: Callable[[], None]


@dataclass
class Comparison:
    """Names of devices in the order in which they were looked at. compared: how many that is."""

    in_sync: list[str] = field(default_factory=list)
    compared: int = 0

    @property
    def pays(self) -> bool:
        """Whether to go on."""
        return self.compared < SAMPLE or 2 * len(self.in_sync) >= self.compared


def compare(devices: Iterable[Device], sessions: int) -> Comparison:
    """Look at devices, `sessions` at a time, until all are seen or it turns out that most differ."""
    found = Comparison()
    waiting = iter(devices)
    with ThreadPoolExecutor(max_workers=sessions, thread_name_prefix="compare") as pool:
        running: dict[Future[bool], str] = {}
        while True:
            for device in itertools.islice(waiting if found.pays else iter(()), sessions - len(running)):
                running[pool.submit(is_in_sync, device)] = device.name
            if not running:
                return found
            done, _unused = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                found.compared += 1
                name = running.pop(future)
                if future.result():
                    found.in_sync.append(name)


def is_in_sync(device: Device) -> bool:
    """Whether there is nothing to do and nothing to tell. Every failure says no."""
    try:
        report = converge(device.logins, device.request)
    except Exception:
        return False  # The device's own task meets the same failure, and tells it.
    finally:
        device.close()
    return not (report.changed or report.unknown or report.notices)
