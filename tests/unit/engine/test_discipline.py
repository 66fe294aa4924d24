# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves the engine for a clock: chrony's datagram, and the steering of a simulated kernel clock."""

from __future__ import annotations

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.clock import discipline
from ntp_multicast_engine.clock.discipline import RETRY, TICK, Chrony, Kernel, Monitor, encode_chrony_sample, make
from ntp_multicast_engine.clock.system_clock import MAXIMUM_FREQUENCY, split_frequency
from ntp_multicast_engine.config.configuration import Discipline
from ntp_multicast_engine.errors import ClockError, ClockRefusal, DisciplineError
from ntp_multicast_engine.filter.estimator import Correction, Estimate
from ntp_multicast_engine.instant import Instant, KernelStatus
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

START = 1_790_000_000 * NANOSECONDS


class SteeredClock:
    """A clock that obeys like the kernel's: `set_frequency` speeds real time up against raw time."""

    def __init__(self, offset: float) -> None:
        self.raw = 0
        self.real = START - round(offset * NANOSECONDS)
        self.frequency = 0.0
        self.steps: list[int] = []
        self.synchronised = False
        self.leap = 0
        self.maximum_error = 16.0
        self.refusing = False
        self.refusal: str | None = None
        """Why a step isn't allowed."""

    def now(self) -> Instant:
        return Instant(self.real, self.raw)

    def advance(self, seconds: float) -> None:
        self.raw += round(seconds * NANOSECONDS)
        self.real += round(seconds * NANOSECONDS * (1 + self.frequency))

    def status(self) -> KernelStatus:
        return KernelStatus(self.synchronised, 0, 0.0, 0.0, self.frequency)

    def _obey(self) -> None:
        if self.refusing:
            raise ClockError("adjtimex: Operation not permitted")

    def set_frequency(self, ratio: float, drift: float) -> None:
        self._obey()
        self.frequency = ratio

    def step(self, nanoseconds: int) -> None:
        self._obey()
        if self.refusal is not None:
            raise ClockRefusal(self.refusal)
        self.steps.append(nanoseconds)
        self.real += nanoseconds

    def set_synchronised(self, leap: int, maximum_error: float, estimated_error: float) -> None:
        self._obey()
        self.synchronised, self.leap, self.maximum_error = True, leap, maximum_error

    def set_unsynchronised(self) -> None:
        self._obey()
        self.synchronised = False


def perfect(frequency: float, drift: float | None = None) -> Correction:
    """The server's clock is START at raw 0 and runs faster than raw time by `frequency`."""
    return Correction(Estimate(0, START, frequency, 0.0, 0.0, 0.0), 0, 0.01, drift)


def drive(clock: SteeredClock, kernel: Kernel, frequency: float, seconds: int) -> float:
    for second in range(0, seconds, 2):
        if second % 16 == 0:
            kernel.update(perfect(frequency), clock.now())
        kernel.tick(perfect(frequency), clock.now())
        clock.advance(2)
    return perfect(frequency).offset(clock.now()) / NANOSECONDS


def test_a_small_offset_is_slewed_away_and_the_frequency_held() -> None:
    clock = SteeredClock(0.005)
    rest = drive(clock, Kernel(Discipline("kernel"), clock), 50e-6, 400)
    assert abs(rest) < 1e-6 and not clock.steps and clock.synchronised
    assert clock.frequency == pytest.approx(50e-6, abs=1e-8)


def test_a_large_offset_is_stepped_once_at_start() -> None:
    clock = SteeredClock(5.0)
    kernel = Kernel(Discipline("kernel"), clock)
    assert abs(drive(clock, kernel, 0.0, 100)) < 1e-6
    assert clock.steps == [5 * NANOSECONDS]
    clock.real -= NANOSECONDS
    drive(clock, kernel, 0.0, 100)
    assert len(clock.steps) == 1, "later it is slewed, as fast as the kernel allows"
    assert clock.frequency == pytest.approx(500e-6)


@pytest.mark.parametrize(("step", "steps"), [("never", 0), ("always", 2)])
def test_steps_with_and_without_consent(step: str, steps: int) -> None:
    clock = SteeredClock(5.0)
    kernel = Kernel(Discipline("kernel", step=step), clock)
    drive(clock, kernel, 0.0, 32)
    clock.real -= NANOSECONDS
    drive(clock, kernel, 0.0, 32)
    assert len(clock.steps) == steps


@pytest.mark.parametrize(
    ("consent", "behind", "stepped"),
    [("pause", 60, True), ("pause", 91, True), ("pause", 92, False), ("pause", -60, False), ("start", 60, False)],
)
def test_a_pause_allows_one_step_ahead_of_about_its_length(consent: str, behind: int, stepped: bool) -> None:
    """One and a half times the pause and a second: it is measured by packets that come some time after it."""
    clock = SteeredClock(0.0)
    kernel = Kernel(Discipline("kernel", step=consent), clock)
    kernel.update(perfect(0.0), clock.now())
    kernel.stood_still(60.0, clock.now())
    clock.real -= behind * NANOSECONDS
    kernel.update(perfect(0.0), clock.now())
    assert clock.steps == [behind * NANOSECONDS] * stepped
    if stepped:
        clock.real -= NANOSECONDS
        kernel.update(perfect(0.0), clock.now())
        assert len(clock.steps) == 1, "the next one needs a pause of its own"


def test_a_step_after_a_pause_that_has_to_wait_is_made_later_and_the_reason_is_told() -> None:
    """The clock helper makes no two of them within ten minutes."""
    clock = SteeredClock(0.0)
    kernel = Kernel(Discipline("kernel", step="pause"), clock)
    kernel.update(perfect(0.0), clock.now())
    kernel.stood_still(60.0, clock.now())
    clock.real -= 60 * NANOSECONDS
    clock.refusal = "stepped less than 10 minutes ago"
    kernel.update(perfect(0.0), clock.now())
    assert kernel.not_stepped == clock.refusal and kernel.last_error is None and clock.synchronised
    clock.advance(600)
    clock.refusal = None
    kernel.update(perfect(0.0), clock.now())
    assert len(clock.steps) == 1 and kernel.not_stepped is None and kernel.stepped == clock.steps[0]


def test_what_a_pause_allows_ends() -> None:
    """An offset that comes an hour later has nothing to do with it, nor after the settings have changed."""
    clock = SteeredClock(0.0)
    kernel = Kernel(Discipline("kernel", step="pause"), clock)
    kernel.update(perfect(0.0), clock.now())
    kernel.stood_still(60.0, clock.now())
    clock.advance(3600)
    clock.real -= 60 * NANOSECONDS
    kernel.update(perfect(0.0), clock.now())
    kernel.stood_still(60.0, clock.now())
    kernel.reconfigure(Discipline("kernel", step="start"))
    kernel.update(perfect(0.0), clock.now())
    assert not clock.steps


def test_panic_leaves_the_clock_alone() -> None:
    clock = SteeredClock(5000.0)
    kernel = Kernel(Discipline("kernel", step="never"), clock)
    drive(clock, kernel, 0.0, 32)
    assert clock.frequency == 0.0 and kernel.last_error is not None and kernel.last_error.state == "panic"
    assert not clock.synchronised


def test_after_a_panic_it_goes_on() -> None:
    clock = SteeredClock(0.0)
    kernel = Kernel(Discipline("kernel"), clock)
    drive(clock, kernel, 0.0, 32)
    clock.real += 5000 * NANOSECONDS
    kernel.tick(perfect(0.0), clock.now())
    assert not clock.synchronised and kernel.last_error is not None
    clock.real -= 5000 * NANOSECONDS
    kernel.tick(perfect(0.0), clock.now())
    assert clock.synchronised and kernel.last_error is None


def test_the_drift_of_the_last_run_is_there_before_any_server() -> None:
    clock = SteeredClock(5.0)
    Kernel(Discipline("kernel"), clock, -50e-6)
    assert clock.frequency == -50e-6 and not clock.steps and not clock.synchronised


@pytest.mark.parametrize("end", ["loss", "panic", "release"])
@pytest.mark.parametrize(
    ("remembered", "measured", "left"), [(30e-6, 31e-6, 31e-6), (30e-6, None, 30e-6), (None, None, 33e-6)]
)
def test_a_slew_ends_with_the_steering(end: str, remembered: float | None, measured: float | None, left: float) -> None:
    clock = SteeredClock(0.0)
    kernel = Kernel(Discipline("kernel", step="never"), clock, remembered)
    clock.real -= NANOSECONDS
    kernel.update(perfect(33e-6, measured), clock.now())
    assert clock.frequency == pytest.approx(533e-6), "the slew has its own limit beside the frequency"
    if end == "loss":
        kernel.tick(None, clock.now())
    elif end == "panic":
        clock.real -= 5000 * NANOSECONDS
        kernel.tick(perfect(33e-6, measured), clock.now())
    else:
        kernel.release()
    assert clock.frequency == left, "what many samples have told, now or in the last run; else the best guess"
    assert clock.synchronised is (end == "release")


def test_a_clock_that_refuses_is_asked_again_later() -> None:
    clock = SteeredClock(0.0)
    clock.refusing = True
    kernel = Kernel(Discipline("kernel"), clock, 1e-6)
    for correction in (None, perfect(0.0)):
        assert kernel.tick(correction, clock.now()) == clock.raw + RETRY
        assert kernel.last_error == DisciplineError(
            "refused", "the clock can't be steered: adjtimex: Operation not permitted"
        )
    kernel.update(perfect(0.0), clock.now())
    assert kernel.last_error is not None
    clock.refusing = False
    assert kernel.tick(perfect(0.0), clock.now()) == clock.raw + TICK
    assert kernel.last_error is None and clock.synchronised


def test_a_step_that_was_refused_at_the_start_is_still_a_start() -> None:
    clock = SteeredClock(5.0)
    clock.refusing = True
    kernel = Kernel(Discipline("kernel"), clock)
    kernel.update(perfect(0.0), clock.now())
    clock.refusing = False
    kernel.update(perfect(0.0), clock.now())
    assert clock.steps == [5 * NANOSECONDS]


def test_the_kernel_hears_what_is_still_to_be_slewed() -> None:
    clock = SteeredClock(0.1)
    kernel = Kernel(Discipline("kernel"), clock)
    kernel.update(perfect(0.0), clock.now())
    assert clock.maximum_error == pytest.approx(0.11)
    clock.advance(20)
    kernel.tick(perfect(0.0), clock.now())
    assert clock.maximum_error == pytest.approx(0.1)


def test_a_reload_is_no_start() -> None:
    clock = SteeredClock(5.0)
    kernel = Kernel(Discipline("kernel"), clock)
    kernel.update(perfect(0.0), clock.now())
    clock.real -= NANOSECONDS
    same = make(Discipline("kernel", panic_threshold=10.0), list, None, kernel)
    assert same is kernel
    kernel.update(perfect(0.0), clock.now())
    assert len(clock.steps) == 1
    make(Discipline("kernel", step="always"), list, None, kernel)
    kernel.update(perfect(0.0), clock.now())
    assert len(clock.steps) == 2, "with consent"
    clock.real -= NANOSECONDS // 20
    kernel.tick(perfect(0.0), clock.now())
    assert clock.frequency > 0
    make(Discipline("monitor"), list, None, kernel)
    assert clock.frequency == 0.0


@given(st.floats(-0.2, 0.2))
def test_a_frequency_has_a_coarse_and_a_fine_part(ratio: float) -> None:
    """adjtimex(2): `tick` is 900000/HZ to 1100000/HZ, `freq` is clipped at 500 ppm."""
    ticks, fine = split_frequency(ratio)
    assert abs(fine) <= MAXIMUM_FREQUENCY
    assert abs(ticks) <= 1000
    unit = 1e-6 * os.sysconf("SC_CLK_TCK")
    assert ticks * unit + fine == pytest.approx(max(-0.05, min(0.05, ratio)), abs=1e-12)
    assert ticks == 0 or abs(ratio) > MAXIMUM_FREQUENCY


def test_without_an_estimate_the_kernel_is_told() -> None:
    clock = SteeredClock(0.0)
    kernel = Kernel(Discipline("kernel"), clock)
    kernel.update(perfect(0.0), clock.now())
    assert clock.synchronised
    kernel.tick(None, clock.now())
    assert not clock.synchronised


def test_chronys_datagram() -> None:
    """NTP fact 4: 40 octets, offset = true minus system time, magic SOCK."""
    sent: list[bytes] = []
    Chrony(sent.append).update(perfect(0.0), Instant(START - 1500, 0))
    (data,) = sent
    assert len(data) == 40
    seconds, microseconds, offset, pulse, leap, _pad, magic = struct.unpack("@qqdiiii", data)
    assert (seconds, microseconds) == (1_789_999_999, 999998)
    assert offset == pytest.approx(1.5e-6) and (pulse, leap, magic) == (0, 0, 0x534F434B)


def test_chrony_may_be_away() -> None:
    def refuse(data: bytes) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    chrony = Chrony(refuse)
    chrony.update(perfect(0.0), Instant(START, 0))
    assert chrony.last_error == DisciplineError("fails", "Connection refused")
    assert len(encode_chrony_sample(START, 0.0, 1)) == 40


def test_the_clock_has_one_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClockError, match="chronyd steers this clock"):
        make(Discipline("kernel"), lambda: ["chronyd"])
    monkeypatch.setattr(discipline, "may_set_time", lambda: False)
    with pytest.raises(ClockError, match="CAP_SYS_TIME"):
        make(Discipline("kernel"), list)
    assert isinstance(make(Discipline("monitor"), lambda: ["chronyd"]), Monitor)


def test_the_kernel_hears_of_a_leap_second_on_the_last_day() -> None:
    """A kernel that is told inserts it at the end of the very day (adjtimex(2))."""
    last_day = 1_798_675_200 * NANOSECONDS  # 2026-12-31
    for start, told in ((last_day - NANOSECONDS, 0), (last_day, 1), (last_day + 86_400 * NANOSECONDS, 0)):
        clock = SteeredClock(0.0)
        clock.real = start
        kernel = Kernel(Discipline("kernel"), clock)
        kernel.update(Correction(Estimate(0, start, 0.0, 0.0, 0.0, 0.0), 1, 0.01), clock.now())
        assert clock.leap == told


def test_chrony_is_back() -> None:
    answers: list[OSError | None] = [ConnectionRefusedError(111, "Connection refused"), None]

    def send(data: bytes) -> None:
        error = answers.pop(0)
        if error is not None:
            raise error

    chrony = Chrony(send)
    chrony.update(perfect(0.0), Instant(START, 0))
    chrony.update(perfect(0.0), Instant(START, 0))
    assert chrony.last_error is None


@pytest.mark.parametrize(("step", "steps"), [("start", 1), ("never", 0), ("always", 1)])
def test_a_reload_before_the_first_measurement(step: str, steps: int) -> None:
    """A step that is due at the start stays due, unless it is forbidden meanwhile."""
    clock = SteeredClock(5.0)
    kernel = Kernel(Discipline("kernel"), clock)
    kernel.reconfigure(Discipline("kernel", step=step, panic_threshold=10.0))
    kernel.update(perfect(0.0), clock.now())
    assert len(clock.steps) == steps


def test_the_kernel_is_told_once_that_there_is_no_time() -> None:
    clock = SteeredClock(0.0)
    kernel = Kernel(Discipline("kernel"), clock)
    kernel.update(perfect(0.0), clock.now())
    kernel.tick(None, clock.now())
    clock.synchronised = True  # by another one, which is his business
    kernel.tick(None, clock.now())
    assert clock.synchronised
    kernel.update(perfect(0.0), clock.now())
    kernel.tick(None, clock.now())
    assert not clock.synchronised


def test_an_offset_falls_to_a_third_in_sixteen_seconds() -> None:
    clock = SteeredClock(0.001)
    kernel = Kernel(Discipline("kernel"), clock)
    for _unused in range(8):
        assert kernel.tick(perfect(0.0), clock.now()) == clock.raw + TICK == clock.raw + 2 * NANOSECONDS
        clock.advance(2)
    assert perfect(0.0).offset(clock.now()) / NANOSECONDS == pytest.approx(0.001 * (1 - 2 / 16) ** 8, rel=1e-3)
