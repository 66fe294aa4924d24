# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server may say about this host's clock, by the word of whoever keeps it.

Nobody's word means silence: a server that isn't synchronised sends and answers nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ntp_multicast_engine.config.configuration import Configuration
from ntp_multicast_engine.instant import Instant, KernelStatus
from ntp_multicast_engine.protocol.multicast_server import Announcement
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

UNKNOWN_UPSTREAM_STRATUM = 10
"""Announced when the kernel says that it is synchronised, but nobody says to whom: worse than any real source."""
LOCAL_ROOT_DISPERSION = 0.001
OWN_REFERENCE = b"MCST"
"""The name of the reference clock by which chronyd gets this engine's own measurements (the role writes it)."""
_KERNEL_STATUS_AGE = NANOSECONDS
LOCAL, KERNEL, CHRONY, ASSOCIATION = "local", "kernel", "chrony", "association"


@dataclass(frozen=True)
class Tracking(Announcement):
    """What chronyd says of its time. `correction` is what it has still to slew, seconds."""

    correction: float = 0.0

    @property
    def synchronised(self) -> bool:
        return self.leap != 3 and self.stratum > 0


class Upstream:
    """Knows who keeps this host's clock.

    :param kernel: tells the state of the kernel's clock, or None if that can't be known.
    :param chrony: tells chronyd's newest report, or None where there is none.
    """

    def __init__(
        self,
        configuration: Configuration,
        now: Instant,
        kernel: Callable[[], KernelStatus | None],
        chrony: Callable[[Instant], Tracking | None],
    ) -> None:
        self.configuration = configuration
        self._kernel = kernel
        self._chrony = chrony
        self._kernel_known = kernel()
        self._kernel_due = now.raw + _KERNEL_STATUS_AGE

    def kernel_status(self, now: Instant) -> KernelStatus | None:
        """The state of the kernel's clock, looked at once a second at most."""
        if now.raw >= self._kernel_due:
            self._kernel_known = self._kernel()
            self._kernel_due = now.raw + _KERNEL_STATUS_AGE
        return self._kernel_known

    def announcement(
        self, now: Instant, followed: Callable[[], Announcement | None]
    ) -> tuple[str, Announcement] | None:
        """Who keeps the clock, and what may be said about it; None, if there is no time to give.

        :param followed: what follows from the server that this engine follows. It counts where the clock is steered
            by it: by the engine itself, or by a chronyd that has it from the engine.
        """
        configuration = self.configuration
        chosen = configuration.server.upstream
        steering = configuration.discipline.mode == "kernel"
        own = followed() if steering else None
        if own is not None:
            return ASSOCIATION, own
        if chosen in ("auto", LOCAL) and configuration.server.stratum is not None:
            stratum, name = configuration.server.stratum, configuration.server.reference_id
            return LOCAL, Announcement(0, stratum, name, 0.0, LOCAL_ROOT_DISPERSION, now.real)
        if steering:
            # What the kernel says is then this engine's own word.
            return None
        if chosen in ("auto", CHRONY):
            tracking = self._chrony(now)
            if tracking is not None or chosen == CHRONY:
                told = self._by_chrony(tracking, followed) if tracking is not None else None
                return (CHRONY, told) if told is not None else None
        return self._by_kernel(now)

    def why_silent(self, now: Instant) -> str:
        """Why nobody's word may be passed on, after `announcement` has given none."""
        if self.configuration.discipline.mode == "kernel":
            return "the engine keeps this host's clock itself and follows no server"
        if self.configuration.server.upstream in ("auto", CHRONY):
            tracking = self._chrony(now)
            if tracking is not None and tracking.synchronised:
                return "chronyd has its time from this engine, which follows no server"
            if tracking is not None:
                return "chronyd says that it is not synchronised"
            if self.configuration.server.upstream == CHRONY:
                return "chronyd does not tell its state"
        if self.kernel_status(now) is None:
            return "the state of the kernel's clock can't be read"
        return "the kernel says that nobody keeps the clock of this host (adjtimex: unsynchronised)"

    def _by_kernel(self, now: Instant) -> tuple[str, Announcement] | None:
        status = self.kernel_status(now)
        if status is None or not status.synchronised:
            return None
        error, name = status.maximum_error, self.configuration.server.reference_id
        return KERNEL, Announcement(status.leap, UNKNOWN_UPSTREAM_STRATUM, name, 0.0, error, now.real)

    def _by_chrony(self, tracking: Tracking, followed: Callable[[], Announcement | None]) -> Announcement | None:
        if not tracking.synchronised:
            return None
        # chronyd adds what it has still to slew to every time that it gives; this server gives the clock's.
        error = tracking.root_dispersion + abs(tracking.correction)
        if tracking.reference_id == OWN_REFERENCE and self.configuration.discipline.mode == "chrony":
            # chronyd takes a reference clock for stratum 0, so its own stratum says nothing.
            own = followed()
            return replace(own, root_dispersion=own.root_dispersion + error) if own is not None else None
        return replace(tracking, root_dispersion=error)
