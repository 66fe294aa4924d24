# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an estimate goes: nowhere (`monitor`), to chrony (`chrony`) or to the kernel's clock (`kernel`).

The frequency of CLOCK_REALTIME is steered so that its distance to the estimate dies away exponentially. Because the
estimate is a line in raw time, steering needs no model of what was steered before.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ntp_multicast_engine import configuration
from ntp_multicast_engine.clock import MAXIMUM_FREQUENCY, Instant, KernelClock, SteerableClock, may_set_time
from ntp_multicast_engine.errors import ClockError
from ntp_multicast_engine.estimator import Estimate
from ntp_multicast_engine.leap import today
from ntp_multicast_engine.timestamps import NANOSECONDS

TICK = 2 * NANOSECONDS
_TIME_CONSTANT = 16.0
"""Seconds in which the offset falls to 1/e."""


@dataclass(frozen=True)
class Correction:
    """An estimate with what the kernel wants to know besides. Errors in seconds."""

    estimate: Estimate
    leap: int
    maximum_error: float

    def offset(self, now: Instant) -> int:
        """Server time minus CLOCK_REALTIME, nanoseconds."""
        return self.estimate.at(now.raw) - (now.real - now.raw)


class Sink(Protocol):
    """What the daemon hands estimates to."""

    name: str

    def update(self, correction: Correction, now: Instant) -> None:
        """A new sample has changed the estimate."""

    def tick(self, correction: Correction | None, now: Instant) -> int | None:
        """Called from time to time; returns the raw time of the next call, or None if none is needed."""


class Monitor:
    """Touches nothing."""

    name = "monitor"

    def update(self, correction: Correction, now: Instant) -> None:
        """Nothing to do."""

    def tick(self, correction: Correction | None, now: Instant) -> int | None:
        return None


CHRONY_SAMPLE = struct.Struct("@qqdiiii")
"""struct sock_sample of chrony's refclock_sock.c on 64-bit machines: time, offset, pulse, leap, padding, magic."""
_CHRONY_MAGIC = 0x534F434B


class Chrony:
    """Hands each sample to chrony's SOCK reference clock, which filters and steers.

    :param send: sends one datagram to chrony's socket; OSError means that chrony isn't there.
    """

    name = "chrony"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self.last_error: str | None = None

    def update(self, correction: Correction, now: Instant) -> None:
        offset = correction.offset(now) / NANOSECONDS
        try:
            self._send(encode_chrony_sample(now.real, offset, correction.leap))
            self.last_error = None
        except OSError as error:
            self.last_error = error.strerror

    def tick(self, correction: Correction | None, now: Instant) -> int | None:
        return None


def encode_chrony_sample(real: int, offset: float, leap: int) -> bytes:
    """One datagram: at Unix time `real` (nanoseconds) the true time was `offset` seconds ahead."""
    seconds, nanoseconds = divmod(real, NANOSECONDS)
    return CHRONY_SAMPLE.pack(seconds, nanoseconds // 1000, offset, 0, leap, 0, _CHRONY_MAGIC)


class Kernel:
    """Steers the kernel's clock.

    :raises ClockError: from `update` and `tick`, if the kernel refuses.
    """

    name = "kernel"

    def __init__(self, settings: configuration.Discipline, clock: SteerableClock) -> None:
        self._settings = settings
        self._clock = clock
        self._may_step = settings.step in ("start", "always")
        self.last_error: str | None = None

    def update(self, correction: Correction, now: Instant) -> None:
        offset = correction.offset(now)
        distance = abs(offset) / NANOSECONDS
        if self._may_step and distance > self._settings.step_threshold:
            self._clock.step(offset)
            offset, distance = 0, 0.0
        self._may_step = self._settings.step == "always"
        if distance > self._settings.panic_threshold:
            self.last_error = f"the offset of {distance:.0f} s is above the panic threshold: the clock is left alone"
            return
        self.last_error = None
        self._steer(correction, offset)
        leap = today(correction.leap, now.raw + correction.estimate.at(now.raw))
        self._clock.set_synchronised(leap, correction.maximum_error, correction.estimate.jitter)

    def tick(self, correction: Correction | None, now: Instant) -> int | None:
        if correction is None:
            self._clock.set_unsynchronised()
        elif self.last_error is None:
            self._steer(correction, correction.offset(now))
        return now.raw + TICK

    def _steer(self, correction: Correction, offset: int) -> None:
        wanted = correction.estimate.frequency + offset / NANOSECONDS / _TIME_CONSTANT
        self._clock.set_frequency(max(-MAXIMUM_FREQUENCY, min(MAXIMUM_FREQUENCY, wanted)))


def chrony_sender(path: str) -> Callable[[bytes], None]:
    """Sends to the socket that chrony has made at `path`; the path is looked up each time, chrony may restart."""
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def send(data: bytes) -> None:
        sender.sendto(data, path)

    return send


def make(settings: configuration.Discipline, other_owners: Callable[[], list[str]]) -> Sink:
    """The sink that the configuration names.

    :param other_owners: names programs that steer the clock already.
    :raises ClockError: `kernel` is asked for, but the clock has another owner or this process may not set it.
    """
    if settings.mode == "chrony" and settings.chrony_socket:
        return Chrony(chrony_sender(settings.chrony_socket))
    if settings.mode != "kernel":
        return Monitor()
    owners = other_owners()
    if owners:
        raise ClockError(
            f"discipline.mode is kernel, but {', '.join(owners)} steers this clock: stop it, or choose the mode chrony"
        )
    if not may_set_time():
        raise ClockError("discipline.mode is kernel, but this process lacks CAP_SYS_TIME")
    return Kernel(settings, KernelClock())
