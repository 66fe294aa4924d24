# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the clock helper does of what it is asked: the part that isn't exposed to the network, without its socket.

The process that reads packets has no right to the clock. It asks the helper, which trusts it as little as if it had
been taken over: a step only where the configuration allows one, a frequency and a slew only within the engine's own
bounds, a leap second only on a day that may have one. When the engine has gone, the slew is taken away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ntp_multicast_engine.clock.discipline import LONGEST_PAUSE, MAXIMUM_SLEW
from ntp_multicast_engine.clock.system_clock import MAXIMUM_DRIFT, SteerableClock
from ntp_multicast_engine.config.configuration import Discipline
from ntp_multicast_engine.errors import ClockError, ClockRefusal
from ntp_multicast_engine.instant import KernelStatus
from ntp_multicast_engine.protocol.leap import today
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_LONGEST_STEP = 1 << 62
"""Nanoseconds, 146 years: no more than that can be told by NTP."""


_BETWEEN_PAUSES = 600 * NANOSECONDS
"""An engine that was taken over may claim a pause as often as it likes."""


class InitialStep:
    """Whether the one step of a start is used. A new process of the engine or of the helper is no new start: whoever
    asks may have made either die.

    :param marker: a file of this process that is there as soon as it is used, for the units of the services.
    :param before: a file of theirs; if it is there, it was used before this process.
    """

    def __init__(self, marker: Path | None = None, before: Path | None = None) -> None:
        self._marker = marker
        self._before = before
        self._used = False

    def is_used(self) -> bool:
        return self._used or (self._before is not None and self._before.exists())

    def use(self) -> None:
        """:raises ClockError: the marker can't be made, and then it may not be used."""
        if self._marker is not None:
            try:
                self._marker.touch()
            except OSError as error:
                raise ClockError(f"can't make {self._marker}: {error.strerror}") from error
        self._used = True


class ClockPolicy:
    """A clock as one engine may read and set it.

    :param settings: tells the section `discipline` of the configuration as it is now.
    :param real: tells CLOCK_REALTIME, nanoseconds.
    :param monotonic: tells a clock that is never set, nanoseconds.
    """

    def __init__(
        self,
        clock: SteerableClock,
        settings: Callable[[], Discipline],
        real: Callable[[], int],
        initial_step: InitialStep | None = None,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._real = real
        self._initial_step = initial_step or InitialStep()
        self._monotonic = monotonic
        self._last_pause: int | None = None
        self._drift: float | None = None
        """What stays of a frequency that has a slew in it."""

    def status(self) -> KernelStatus:
        return self._clock.status()

    def set_frequency(self, ratio: float, drift: float) -> None:
        """Clipped as the kernel clips, for an honest engine never comes there."""
        self._steering()
        drift = max(-MAXIMUM_DRIFT, min(MAXIMUM_DRIFT, drift))
        limit = MAXIMUM_DRIFT + MAXIMUM_SLEW
        ratio = max(-limit, min(limit, ratio))
        self._clock.set_frequency(ratio, drift)
        self._drift = drift if ratio != drift else None

    def step(self, nanoseconds: int) -> None:
        settings, used = self._steering(), self._initial_step.is_used()
        if settings.step == "pause" and used:
            self._allow_after_pause(nanoseconds)
        elif settings.step == "never" or (settings.step == "start" and used):
            raise ClockRefusal(f"discipline.step is {settings.step}: the clock isn't stepped now")
        if not settings.step_threshold * NANOSECONDS < abs(nanoseconds) < _LONGEST_STEP:
            raise ClockRefusal(f"the clock isn't stepped by {nanoseconds / NANOSECONDS:g} s: beyond the thresholds")
        # Before the step: this process may not live to tell of it.
        self._initial_step.use()
        self._clock.step(nanoseconds)

    def set_synchronised(self, leap: int, maximum_error: float, estimated_error: float) -> None:
        self._steering()
        self._initial_step.use()
        self._clock.set_synchronised(today(leap, self._real()), maximum_error, estimated_error)

    def set_unsynchronised(self) -> None:
        self._steering()
        self._clock.set_unsynchronised()

    def leave(self) -> None:
        """The engine has gone. What it has left behind on purpose stays; what it was about ends."""
        if self._drift is None:
            return
        drift, self._drift = self._drift, None
        try:
            self._clock.set_frequency(drift, drift)
            self._clock.set_unsynchronised()
        except ClockError:
            # There is nobody to be told; a kernel that refuses this has refused the slew before.
            return

    def _steering(self) -> Discipline:
        """The settings of one who steers; raises ClockRefusal, if they leave that to others."""
        settings = self._settings()
        if settings.mode != "kernel":
            raise ClockRefusal(f"discipline.mode is {settings.mode}: the clock is only read")
        return settings

    def _allow_after_pause(self, nanoseconds: int) -> None:
        """A host that stood still is behind. How long, nothing here can tell, so it is bounded in size and number."""
        now = self._monotonic()
        if not 0 < nanoseconds <= LONGEST_PAUSE * NANOSECONDS:
            raise ClockRefusal("after a pause the clock is stepped ahead only, and by a day at most")
        if self._last_pause is not None and now - self._last_pause < _BETWEEN_PAUSES:
            raise ClockRefusal("the clock was stepped after a pause less than 10 minutes ago")
        self._last_pause = now
