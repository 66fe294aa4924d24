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
    :param chrony: tells chronyd's newest report, or if it can why there is none.
    """

    def __init__(
        self,
        configuration: Configuration,
        now: Instant,
        kernel: Callable[[], KernelStatus | None],
        chrony: Callable[[Instant], Tracking | str | None],
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

    def announcement(self, now: Instant, followed: Callable[[], Announcement | None]) -> tuple[str, Announcement] | str:
        """Who keeps the clock, and what may be said about it; or why there is no time to give.

        :param followed: what follows from the server that this engine follows. It counts where the clock is steered
            by it: by the engine itself, or by a chronyd that has it from the engine.
        """
        server, steering = self.configuration.server, self.configuration.discipline.mode == "kernel"
        own = followed() if steering else None
        if own is not None:
            return ASSOCIATION, own
        if server.upstream in ("auto", LOCAL) and server.stratum is not None:
            local = Announcement(0, server.stratum, server.reference_id, 0.0, LOCAL_ROOT_DISPERSION, now.real)
            return LOCAL, local
        if steering:
            # What the kernel says is then this engine's own word.
            return "the engine keeps this host's clock itself and follows no server"
        told = self._chrony(now) if server.upstream in ("auto", CHRONY) else None
        if isinstance(told, Tracking):
            return self._by_chrony(told, followed)
        if server.upstream == CHRONY:
            return told or "chronyd does not tell its state"
        return self._by_kernel(now)

    def _by_kernel(self, now: Instant) -> tuple[str, Announcement] | str:
        status = self.kernel_status(now)
        if status is None:
            return "the state of the kernel's clock can't be read"
        if not status.synchronised:
            return "the kernel says that nobody keeps the clock of this host (adjtimex: unsynchronised)"
        error, name = status.maximum_error, self.configuration.server.reference_id
        return KERNEL, Announcement(status.leap, UNKNOWN_UPSTREAM_STRATUM, name, 0.0, error, now.real)

    def _by_chrony(
        self, tracking: Tracking, followed: Callable[[], Announcement | None]
    ) -> tuple[str, Announcement] | str:
        if not tracking.synchronised:
            return "chronyd says that it is not synchronised"
        # chronyd takes a reference clock for stratum 0, so of one that has its time from here the stratum says nothing.
        from_here = tracking.reference_id == OWN_REFERENCE and self.configuration.discipline.mode == "chrony"
        source = followed() if from_here else tracking
        if source is None:
            return "chronyd has its time from this engine, which follows no server"
        # chronyd adds what it has still to slew to every time that it gives; this server gives the clock's.
        error = tracking.root_dispersion + abs(tracking.correction)
        own_error = source.root_dispersion if from_here else 0.0
        return CHRONY, replace(source, root_dispersion=error + own_error)
