# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an estimate goes: nowhere (`monitor`), to chrony (`chrony`) or to the kernel's clock (`kernel`).

The frequency of CLOCK_REALTIME is steered so that its distance to the estimate dies away exponentially. Because the
estimate is a line in raw time, steering needs no model of what was steered before.

The frequency has two parts: the drift, which is the oscillator's and stays right when nobody steers, and the slew,
which takes an offset away and is right for seconds. Whenever steering ends, by a lost server, a panic, a reload or the
end of the program, the slew is taken back and the drift stays.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from ntp_multicast_engine.clock.system_clock import KernelClock, SteerableClock, may_set_time
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.errors import ClockError, ClockRefusal, DisciplineError, HelperError
from ntp_multicast_engine.filter.estimator import Correction
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.leap import today
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

TICK = 2 * NANOSECONDS
"""Short beside the time in which an offset falls."""
RETRY = 16 * NANOSECONDS
"""What the kernel refuses, it mostly refuses for ever."""
_TIME_CONSTANT = 16.0
"""Seconds in which the offset falls to 1/e; tests/benchmarks/README.md has what shorter and longer ones cost."""
MAXIMUM_SLEW = 500e-6
"""Ratio. RFC 5905 section 11.3 has programs and clients expect no more; a second takes 33 minutes."""


LONGEST_PAUSE = 86400.0
"""Seconds: a longer one is left to the operator."""
_PAUSE_LASTS = 1800 * NANOSECONDS
"""How long a step is allowed after a pause: it has to wait if there was one in the ten minutes before."""
_PAUSE_MARGIN = 1.5
"""What a pause has taken is measured by packets that come some time after it."""


class ClockDiscipline:
    """What the daemon hands estimates to; what a discipline has nothing to do for, it leaves as it is here.

    `last_error` says why nothing can be done with estimates, or is None. `not_stepped` says why a step that the
    settings allow isn't made now, or is None. `stepped` are the nanoseconds of a step that nobody has told yet.
    """

    name: str
    last_error: DisciplineError | None = None
    not_stepped: str | None = None
    stepped: int = 0

    def update(self, correction: Correction, now: Instant) -> None:
        """A new sample has changed the estimate."""

    def tick(self, correction: Correction | None, now: Instant) -> int | None:
        """Called from time to time; returns the raw time of the next call, or None if none is needed."""
        return None

    def stood_still(self, seconds: float, now: Instant) -> None:
        """This host did so with all of its clocks, such as a paused virtual machine."""

    def release(self) -> None:
        """Nothing more will come: leave behind what can be left alone."""


class Monitor(ClockDiscipline):
    """Touches nothing."""

    name = "monitor"


CHRONY_SAMPLE = struct.Struct("@qqdiiii")
"""struct sock_sample of chrony's refclock_sock.c on 64-bit machines: time, offset, pulse, leap, padding, magic."""
_CHRONY_MAGIC = 0x534F434B


class Chrony(ClockDiscipline):
    """Hands each sample to chrony's SOCK reference clock, which filters and steers.

    :param send: sends one datagram to chrony's socket; OSError means that chrony isn't there.
    """

    name = "chrony"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def update(self, correction: Correction, now: Instant) -> None:
        offset = correction.offset(now) / NANOSECONDS
        try:
            self._send(encode_chrony_sample(now.real, offset, correction.leap))
            self.last_error = None
        except OSError as error:
            self.last_error = DisciplineError("fails", str(error.strerror))


def encode_chrony_sample(real: int, offset: float, leap: int) -> bytes:
    """One datagram: at Unix time `real` (nanoseconds) the true time was `offset` seconds ahead."""
    seconds, nanoseconds = divmod(real, NANOSECONDS)
    return CHRONY_SAMPLE.pack(seconds, nanoseconds // 1000, offset, 0, leap, 0, _CHRONY_MAGIC)


class Kernel(ClockDiscipline):
    """Steers the kernel's clock. What the kernel refuses is told by `last_error` and tried again.

    :param drift: what the last run has measured, a ratio; the clock gets it at once. None: it keeps what it has.
    """

    name = "kernel"

    def __init__(self, settings: configuration.Discipline, clock: SteerableClock, drift: float | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._drift = drift
        self._drift_is_sure = drift is not None
        self._may_step = settings.step != "never"
        self._step_after_pause = 0.0
        """Seconds ahead that the clock may be stepped once, since this host stood still; until `_pause_expires`."""
        self._pause_expires = 0
        self._told_unsynchronised = False
        self._guarded(self._coast)

    def reconfigure(self, settings: configuration.Discipline) -> None:
        """Go on with other settings. That is no start: what may be stepped only then stays as it is."""
        self._settings = settings
        self._may_step = settings.step == "always" or (self._may_step and settings.step in ("start", "pause"))
        if settings.step != "pause":
            self._step_after_pause = 0.0

    def update(self, correction: Correction, now: Instant) -> None:
        self._guarded(lambda: self._correct(correction, now))

    def tick(self, correction: Correction | None, now: Instant) -> int | None:
        if correction is None:
            succeeded = self._guarded(self._lose)
        else:
            succeeded = self._guarded(lambda: self._follow(correction, correction.offset(now), now))
        return now.raw + (TICK if succeeded else RETRY)

    def stood_still(self, seconds: float, now: Instant) -> None:
        if self._settings.step == "pause":
            self._step_after_pause = min(seconds * _PAUSE_MARGIN + 1.0, LONGEST_PAUSE)
            self._pause_expires = now.raw + _PAUSE_LASTS

    def release(self) -> None:
        self._guarded(self._coast)

    def _guarded(self, act: Callable[[], DisciplineError | None]) -> bool:
        """Do what may be refused; `act` gives the reason why it doesn't steer."""
        try:
            self.last_error = act()
        except ClockError as error:
            self.last_error = DisciplineError(
                "fails" if isinstance(error, HelperError) else "refused", f"the clock can't be steered: {error}"
            )
            return False
        return True

    def _correct(self, correction: Correction, now: Instant) -> DisciplineError | None:
        offset = correction.offset(now)
        if now.raw >= self._pause_expires:
            self._step_after_pause = 0.0
        allowed = self._may_step or 0 < offset <= self._step_after_pause * NANOSECONDS
        self.not_stepped = None
        if allowed and abs(offset) > self._settings.step_threshold * NANOSECONDS:
            offset = self._step(offset)
        self._may_step = self._settings.step == "always"
        return self._follow(correction, offset, now)

    def _step(self, offset: int) -> int:
        """Step the clock; gives the offset that is left."""
        try:
            self._clock.step(offset)
        except ClockRefusal as error:
            # The clock helper knows what was stepped before, and when: what can't be stepped is slewed.
            self.not_stepped = str(error)
            return offset
        self.stepped = offset
        self._step_after_pause = 0.0
        return 0

    def _follow(self, correction: Correction, offset: int, now: Instant) -> DisciplineError | None:
        distance = abs(offset) / NANOSECONDS
        if distance > self._settings.panic_threshold:
            self._lose()
            limit = self._settings.panic_threshold
            sentence = f"the offset is above the panic threshold of {limit:g} s: the clock is left alone"
            return DisciplineError("panic", sentence)
        if correction.drift is not None:
            self._drift, self._drift_is_sure = correction.drift, True
        elif self._drift is None or not self._drift_is_sure:
            self._drift = correction.estimate.frequency
        slew = max(-MAXIMUM_SLEW, min(MAXIMUM_SLEW, offset / NANOSECONDS / _TIME_CONSTANT))
        self._clock.set_frequency(correction.estimate.frequency + slew, self._drift)
        leap = today(correction.leap, now.raw + correction.estimate.at(now.raw))
        # What is still to be slewed is an error of the clock as any other.
        self._clock.set_synchronised(leap, correction.maximum_error + distance, correction.estimate.jitter + distance)
        self._told_unsynchronised = False
        return None

    def _lose(self) -> None:
        """Nobody says what time it is."""
        if not self._told_unsynchronised:
            self._coast()
            self._clock.set_unsynchronised()
            self._told_unsynchronised = True

    def _coast(self) -> None:
        if self._drift is not None:
            self._clock.set_frequency(self._drift, self._drift)


def chrony_sender(path: str) -> Callable[[bytes], None]:
    """Sends to the socket that chrony has made at `path`; the path is looked up each time, chrony may restart."""
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def send(data: bytes) -> None:
        sender.sendto(data, path)

    return send


def make(
    settings: configuration.Discipline,
    other_owners: Callable[[], list[str]],
    drift: float | None = None,
    previous: ClockDiscipline | None = None,
    remote: SteerableClock | None = None,
) -> ClockDiscipline:
    """The discipline that the configuration names.

    :param other_owners: names programs that steer the clock already.
    :param drift: the frequency that is known of the clock, a ratio.
    :param previous: the discipline until now, if this is a reload.
    :param remote: the clock by way of the clock helper; None, if this process has to steer it itself.
    :raises ClockError: `kernel` is asked for, but the clock has another owner or this process may not set it.
    """
    if settings.mode == "kernel" and isinstance(previous, Kernel):
        previous.reconfigure(settings)
        return previous
    made: ClockDiscipline = Monitor()
    if settings.mode == "chrony" and settings.chrony_socket:
        made = Chrony(chrony_sender(settings.chrony_socket))
    elif settings.mode == "kernel":
        made = Kernel(settings, _steerable(other_owners(), remote), drift)
    if previous is not None:
        previous.release()
    return made


def _steerable(owners: list[str], remote: SteerableClock | None) -> SteerableClock:
    if owners:
        raise ClockError(
            f"discipline.mode is kernel, but {', '.join(owners)} steers this clock: stop it, or choose the mode chrony"
        )
    if remote is None and not may_set_time():
        raise ClockError("discipline.mode is kernel, but this process lacks CAP_SYS_TIME")
    return remote or KernelClock()
