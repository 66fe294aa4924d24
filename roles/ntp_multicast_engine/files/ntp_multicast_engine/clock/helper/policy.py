# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the clock obeys, and how far: the part that isn't exposed to the network, without its socket.

The process that reads packets has no right to the clock. It asks the keeper, which believes it as little as if it had
been taken over: a step only where the configuration allows one, a frequency and a slew only within the engine's own
bounds, a leap second only on a day that may have one. When the engine has gone, the slew is taken away.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ntp_multicast_engine.clock.discipline import MAXIMUM_SLEW
from ntp_multicast_engine.clock.helper.messages import (
    Answer,
    AskStatus,
    Request,
    SetFrequency,
    SetSynchronised,
    Step,
    decode_request,
    encode_answer,
)
from ntp_multicast_engine.clock.system_clock import MAXIMUM_DRIFT, SteerableClock
from ntp_multicast_engine.config.configuration import Discipline
from ntp_multicast_engine.errors import ClockError, ClockRefusal
from ntp_multicast_engine.protocol.leap import today
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_LONGEST_STEP = 1 << 62
"""Nanoseconds, 146 years: no more than that can be told by NTP."""


class Start:
    """Whether an engine has steered yet. Its process being a new one is no new start: it may have made itself die.

    :param marker: a file that is made then, for whoever starts the services.
    :param before: a file of theirs; if it is there, this keeper's start is none.
    """

    def __init__(self, marker: Path | None = None, before: Path | None = None) -> None:
        self._marker = marker
        self._before = before
        self._over = False

    def is_over(self) -> bool:
        return self._over or (self._before is not None and self._before.exists())

    def end(self) -> None:
        """:raises ClockError: the marker can't be made."""
        self._over = True
        if self._marker is not None:
            try:
                self._marker.touch()
            except OSError as error:
                raise ClockError(f"can't make {self._marker}: {error.strerror}") from error


class ClockPolicy:
    """Keeps a clock for one engine.

    :param settings: tells the section `discipline` of the configuration as it is now.
    :param real: tells CLOCK_REALTIME, nanoseconds.
    """

    def __init__(
        self,
        clock: SteerableClock,
        settings: Callable[[], Discipline],
        real: Callable[[], int],
        start: Start | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._real = real
        self._start = start or Start()
        self._drift: float | None = None
        """What stays of a frequency that has a slew in it."""

    def answer(self, data: bytes) -> bytes:
        """What follows from a message of the engine: whatever that is, an answer."""
        try:
            request = decode_request(data)
            if isinstance(request, AskStatus):
                return encode_answer(Answer(self._clock.status()))
            self._obey(request)
        except ClockRefusal as error:
            return encode_answer(Answer(error=str(error), refused=True))
        except ClockError as error:
            return encode_answer(Answer(error=str(error)))
        return encode_answer(Answer())

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

    def _obey(self, request: Request) -> None:
        settings = self._settings()
        if settings.mode != "kernel":
            raise ClockRefusal(f"discipline.mode is {settings.mode}: the clock is only read")
        if isinstance(request, SetFrequency):
            self._set_frequency(request)
        elif isinstance(request, Step):
            self._step(request.nanoseconds, settings)
        elif isinstance(request, SetSynchronised):
            leap = today(request.leap, self._real())
            self._start.end()
            self._clock.set_synchronised(leap, request.maximum_error, request.estimated_error)
        else:
            self._clock.set_unsynchronised()

    def _set_frequency(self, request: SetFrequency) -> None:
        """Clipped as the kernel clips, for an honest engine never comes there."""
        drift = max(-MAXIMUM_DRIFT, min(MAXIMUM_DRIFT, request.drift))
        limit = MAXIMUM_DRIFT + MAXIMUM_SLEW
        ratio = max(-limit, min(limit, request.ratio))
        self._clock.set_frequency(ratio, drift)
        self._drift = drift if ratio != drift else None

    def _step(self, nanoseconds: int, settings: Discipline) -> None:
        if settings.step == "never" or (settings.step == "start" and self._start.is_over()):
            raise ClockRefusal(f"discipline.step is {settings.step}: the clock isn't stepped now")
        if not settings.step_threshold * NANOSECONDS < abs(nanoseconds) < _LONGEST_STEP:
            raise ClockRefusal(f"the clock isn't stepped by {nanoseconds / NANOSECONDS:g} s: beyond the thresholds")
        self._clock.step(nanoseconds)
        self._start.end()
