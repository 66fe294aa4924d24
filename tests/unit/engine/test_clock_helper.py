# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock helper: what it is asked, what it does of that, and the socket between it and the engine."""

from __future__ import annotations

import json
import os
import random
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.fuzz_targets import ClockTarget
from unit.engine.obedient_clock import ObedientClock

from ntp_multicast_engine.clock.discipline import Kernel, make
from ntp_multicast_engine.clock.helper.client import RemoteClock
from ntp_multicast_engine.clock.helper.messages import MAXIMUM_ANSWER, MAXIMUM_REQUEST, perform, request, take_answer
from ntp_multicast_engine.clock.helper.policy import ClockPolicy, InitialStep
from ntp_multicast_engine.clock.helper.service import ClockService
from ntp_multicast_engine.clock.system_clock import KernelClock, Timex
from ntp_multicast_engine.config.configuration import Discipline
from ntp_multicast_engine.errors import ClockError, ClockRefusal, ConfigurationError
from ntp_multicast_engine.filter.estimator import Correction, Estimate
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

SUMMER = 1_790_000_000 * NANOSECONDS
LAST_DAY = 1_798_675_200 * NANOSECONDS  # 2026-12-31
ERRORS_OF = ("leap", "maximum_error", "estimated_error")
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ERRORS = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
CALLS = st.one_of(
    st.just(("status", {})),
    st.builds(lambda ratio, drift: ("set_frequency", {"ratio": ratio, "drift": drift}), FINITE, FINITE),
    st.integers(-(1 << 63), (1 << 63) - 1).map(lambda nanoseconds: ("step", {"nanoseconds": nanoseconds})),
    st.builds(lambda *values: ("set_synchronised", dict(zip(ERRORS_OF, values))), st.integers(0, 2), ERRORS, ERRORS),
    st.just(("set_unsynchronised", {})),
)


def synchronised(leap: int, maximum_error: float, estimated_error: float) -> bytes:
    return request("set_synchronised", leap=leap, maximum_error=maximum_error, estimated_error=estimated_error)


def frequency(ratio: float, drift: float) -> bytes:
    return request("set_frequency", ratio=ratio, drift=drift)


def a_step(nanoseconds: int) -> bytes:
    return request("step", nanoseconds=nanoseconds)


class Told:
    """A clock that remembers what was asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, float]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda **arguments: self.calls.append((name, arguments))


class Bench:
    """A policy, its clock, and settings that can change."""

    def __init__(self, now: int = SUMMER, **settings: Any) -> None:
        self.clock = ObedientClock()
        self.settings = Discipline("kernel", **settings)
        self.monotonic = 0
        self.policy = ClockPolicy(self.clock, lambda: self.settings, lambda: now, monotonic=lambda: self.monotonic)

    def ask(self, data: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(perform(data, self.policy))
        return answer


class TestMessages:
    @given(CALLS)
    def test_a_request_arrives_as_it_was_sent(self, call: tuple[str, dict[str, float]]) -> None:
        clock, data = Told(), request(call[0], **call[1])
        perform(data, clock)  # type: ignore[arg-type]
        assert len(data) <= MAXIMUM_REQUEST and clock.calls == [call]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"step",
            b"[]",
            b"{}",
            b"\xff",
            b'{"colour":{}}',
            b'{"status":{},"set_unsynchronised":{}}',
            b'{"status":{},"status":{}}',
            b'{"status":null}',
            b'{"status":{"leap":0}}',
            b'{"step":{}}',
            b'{"step":{"nanoseconds":true}}',
            b'{"step":{"nanoseconds":1.0}}',
            b'{"step":{"nanoseconds":9223372036854775808}}',
            b'{"set_synchronised":{"leap":3,"maximum_error":0,"estimated_error":0}}',
            b'{"set_synchronised":{"leap":0,"maximum_error":-1e-9,"estimated_error":0}}',
            b'{"set_frequency":{"ratio":NaN,"drift":0}}',
            b'{"set_frequency":{"ratio":0,"drift":Infinity}}',
            b'{"set_frequency":{"ratio":1e400,"drift":0}}',
            b"[" * MAXIMUM_REQUEST,
            b'{"status":{}}' + b" " * MAXIMUM_REQUEST,
        ],
    )
    def test_what_is_no_request(self, data: bytes) -> None:
        clock = Told()
        with pytest.raises(ClockError):
            take_answer(perform(data, clock))  # type: ignore[arg-type]
        assert not clock.calls

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_numbers_that_are_none_are_not_sent(self, value: float) -> None:
        for arguments in ({"ratio": value, "drift": 0.0}, {"ratio": 0.0, "drift": value}):
            with pytest.raises(ClockError, match="numbers that are none"):
                request("set_frequency", **arguments)

    @given(st.text())
    def test_an_answer_has_a_bound(self, sentence: str) -> None:
        class Verbose(ObedientClock):
            def step(self, nanoseconds: int) -> None:
                raise ClockRefusal((sentence or "x") * 5000)

        data = perform(a_step(1), Verbose())
        assert len(data) <= MAXIMUM_ANSWER
        with pytest.raises(ClockRefusal):
            take_answer(data)
        for wrong in (
            b"",
            data[:10],
            data + b"x",
            b"ABCD" + data[4:],
            b"[]",
            b'{"status":{},"error":null,"refused":0}',
        ):
            with pytest.raises(ClockError, match="unknown form"):
                take_answer(wrong)


def bounded(timex: Timex) -> int:
    """In place of adjtimex(2): what the kernel calls synchronised at all."""
    assert 0 <= timex.maxerror <= 16_000_000 and 0 <= timex.esterror <= 16_000_000
    return 0


class TestRealConversion:
    @pytest.mark.parametrize("error", [0.0, 1e-7, 15.9999995, 16.0, 16.1, 1e303, float("inf"), float("nan"), -1.0])
    def test_any_error_has_a_form_for_the_kernel(self, error: float) -> None:
        KernelClock(bounded).set_synchronised(0, error, error)

    def test_an_error_is_told_in_microseconds(self) -> None:
        seen: list[Timex] = []

        def remember(timex: Timex) -> int:
            seen.append(timex)
            return 0

        KernelClock(remember).set_synchronised(0, 0.25, 0.125)
        assert (seen[0].maxerror, seen[0].esterror) == (250_000, 125_000)

    @pytest.mark.parametrize("error", ["1e303", "1" + "0" * 150, "1.7976931348623157e308"])
    def test_an_error_without_measure_is_survived(self, error: str) -> None:
        policy = ClockPolicy(KernelClock(bounded), lambda: Discipline("kernel"), lambda: SUMMER)
        message = f'{{"set_synchronised":{{"leap":0,"maximum_error":{error},"estimated_error":0}}}}'
        assert take_answer(perform(message.encode(), policy)) is None

    def test_drawn_messages_step_once_at_most(self, tmp_path: Path) -> None:
        """TIMECAST_CLOCK_MESSAGES is how many; the engine and the helper die now and then."""
        target, chance = ClockTarget("start", tmp_path), random.Random(20260917)
        target.take(a_step(NANOSECONDS))
        for _unused in range(int(os.environ.get("TIMECAST_CLOCK_MESSAGES", "10000"))):
            target.take(target.make(chance))
        assert target.steps == 1


class TestPolicy:
    def test_what_the_kernel_says_is_told(self) -> None:
        bench = Bench()
        bench.clock.frequency = 12e-6
        assert take_answer(perform(request("status"), bench.policy)) == bench.clock.status()

    @pytest.mark.parametrize(("step", "allowed"), [("never", []), ("start", [1]), ("always", [1, 1])])
    def test_steps(self, step: str, allowed: list[int]) -> None:
        bench = Bench(step=step)
        answers = [bench.ask(a_step(NANOSECONDS)) for _unused in range(2)]
        assert bench.clock.steps == [seconds * NANOSECONDS for seconds in allowed]
        assert [answer["refused"] for answer in answers] == [n >= len(allowed) for n in range(2)]

    @pytest.mark.parametrize(
        ("nanoseconds", "allowed"),
        [(NANOSECONDS, True), (86400 * NANOSECONDS, True), (86400 * NANOSECONDS + 1, False), (-NANOSECONDS, False)],
    )
    def test_a_step_after_a_pause_leads_ahead_by_a_day_at_most(self, nanoseconds: int, allowed: bool) -> None:
        bench = Bench(step="pause")
        bench.ask(synchronised(0, 0.01, 0.001))
        assert bench.ask(a_step(nanoseconds))["refused"] is not allowed
        assert bench.clock.steps == [nanoseconds] * allowed

    def test_steps_after_a_pause_are_ten_minutes_apart(self) -> None:
        bench = Bench(step="pause")
        bench.ask(synchronised(0, 0.01, 0.001))
        refused = []
        for bench.monotonic in (0, 600 * NANOSECONDS - 1, 600 * NANOSECONDS):
            refused.append(bench.ask(a_step(NANOSECONDS))["refused"])
        assert refused == [False, True, False]

    def test_the_initial_step_is_used_with_the_first_steering(self) -> None:
        bench = Bench()
        bench.ask(frequency(1e-6, 1e-6))
        bench.ask(request("set_unsynchronised"))
        bench.ask(synchronised(0, 0.01, 0.001))
        bench.policy.leave()
        assert bench.ask(a_step(NANOSECONDS))["refused"], "nor has a new process of the engine one of its own"
        assert not bench.clock.steps

    def test_the_initial_step_stays_used_when_the_helper_is_a_new_one(self, tmp_path: Path) -> None:
        """The units make the one file of the other, if the engine or the helper dies."""
        marker, before = tmp_path / "used", tmp_path / "before"
        for steps in (1, 0, 1):
            clock = ObedientClock()
            policy = ClockPolicy(clock, lambda: Discipline("kernel"), lambda: SUMMER, InitialStep(marker, before))
            assert not marker.exists()
            perform(a_step(NANOSECONDS), policy)
            assert len(clock.steps) == steps and marker.exists() == bool(steps)
            if steps:
                marker.rename(before)
            else:
                before.unlink()

    @pytest.mark.parametrize("request_", [synchronised(0, 0.1, 0.1), a_step(NANOSECONDS)])
    def test_a_use_that_can_not_be_remembered_is_none(self, tmp_path: Path, request_: bytes) -> None:
        clock = ObedientClock()
        initial_step = InitialStep(tmp_path / "nowhere" / "used")
        policy = ClockPolicy(clock, lambda: Discipline("kernel"), lambda: SUMMER, initial_step)
        with pytest.raises(ClockError, match="nowhere"):
            take_answer(perform(request_, policy))
        assert not clock.synchronised and not clock.steps

    @pytest.mark.parametrize("nanoseconds", [NANOSECONDS // 8, -NANOSECONDS // 8, 0, 1 << 62, -(1 << 63)])
    def test_a_step_that_the_engine_would_not_ask_for(self, nanoseconds: int) -> None:
        bench = Bench(step="always")
        assert bench.ask(a_step(nanoseconds))["refused"] and not bench.clock.steps

    @pytest.mark.parametrize(("asked", "set_"), [(0.05, 1.5e-3), (-1e300, -1.5e-3), (533e-6, 533e-6)])
    def test_a_frequency_has_the_bounds_of_the_engine(self, asked: float, set_: float) -> None:
        bench = Bench()
        bench.ask(frequency(asked, 0.05))
        assert bench.clock.frequency == pytest.approx(set_)
        bench.policy.leave()
        assert bench.clock.frequency == pytest.approx(1e-3)

    @pytest.mark.parametrize(("now", "told"), [(SUMMER, 0), (LAST_DAY - NANOSECONDS, 0), (LAST_DAY, 1)])
    def test_a_leap_second_is_no_way_to_step(self, now: int, told: int) -> None:
        bench = Bench(now)
        bench.ask(synchronised(1, 0.01, 0.001))
        assert (bench.clock.leap, bench.clock.synchronised) == (told, True)

    @pytest.mark.parametrize("mode", ["monitor", "chrony"])
    def test_a_clock_that_others_keep_is_only_read(self, mode: str) -> None:
        bench = Bench()
        bench.settings = Discipline(mode)
        assert bench.ask(request("status"))["error"] is None
        for asked in (
            frequency(1e-6, 0.0),
            a_step(NANOSECONDS),
            synchronised(0, 0.0, 0.0),
            request("set_unsynchronised"),
        ):
            assert bench.ask(asked)["refused"]
        assert bench.clock.frequency == 0.0 and not bench.clock.steps and not bench.clock.synchronised

    def test_nonsense_is_answered(self) -> None:
        answer = Bench().ask(b"nonsense")
        assert answer["error"] is not None and not answer["refused"]


class TestLeaving:
    def test_an_engine_that_dies_leaves_no_slew(self) -> None:
        bench = Bench()
        bench.ask(frequency(533e-6, 33e-6))
        bench.ask(synchronised(0, 0.01, 0.001))
        bench.policy.leave()
        assert bench.clock.frequency == 33e-6 and not bench.clock.synchronised

    def test_an_engine_that_has_said_goodbye_is_taken_at_its_word(self) -> None:
        bench = Bench()
        kernel = Kernel(bench.settings, _Direct(bench))
        kernel.update(_correction(0.1), Instant(0, 0))
        assert bench.clock.frequency > 100e-6
        kernel.release()
        bench.policy.leave()
        assert bench.clock.frequency == 33e-6 and bench.clock.synchronised

    def test_a_kernel_that_refuses_hinders_nobody_to_leave(self) -> None:
        bench = Bench()
        bench.ask(frequency(533e-6, 33e-6))
        bench.clock.refusing = True
        bench.policy.leave()
        bench.policy.leave()


class _Direct(RemoteClock):
    """The engine's end without a socket between."""

    def __init__(self, bench: Bench) -> None:
        super().__init__("nowhere")
        self._bench = bench

    def _exchange(self, data: bytes) -> bytes:
        return perform(data, self._bench.policy)


def _correction(offset: float) -> Correction:
    return Correction(Estimate(0, round(offset * NANOSECONDS), 33e-6, 0.0, 0.0, 0.0), 0, 0.01)


def test_an_engine_slews_what_the_helper_does_not_step() -> None:
    """As after a crash: the new process would step at its start, the helper knows that it has had its step."""
    bench = Bench()
    bench.ask(synchronised(0, 0.01, 0.001))
    kernel = Kernel(bench.settings, _Direct(bench))
    kernel.update(_correction(1.0), Instant(0, 0))
    assert not bench.clock.steps and kernel.last_error is None
    assert bench.clock.frequency == pytest.approx(533e-6)


def test_with_a_helper_the_engine_needs_no_right_of_its_own() -> None:
    discipline = make(Discipline("kernel"), list, None, remote=RemoteClock("/nowhere/clock.sock"))
    assert isinstance(discipline, Kernel)
    assert discipline.tick(None, Instant(0, 0)) is not None
    told = discipline.last_error
    assert told is not None and told.state == "fails"
    assert "no clock helper answers at /nowhere/clock.sock" in told.sentence
    with pytest.raises(ClockError, match="chronyd steers"):
        make(Discipline("kernel"), lambda: ["chronyd"], remote=RemoteClock("/nowhere/clock.sock"))


class Running:
    """A service on a real socket, turned by hand: each request has its turns."""

    def __init__(self, folder: Path, owner: Path) -> None:
        self.path = folder / "engine.json"
        self.socket = folder / "clock.sock"
        self.write(step="start")
        self.clock = ObedientClock()
        self.service = ClockService(self.path, owner, {}, self.clock)
        self.engine = RemoteClock(str(self.socket))

    def write(self, **discipline: Any) -> None:
        document = {
            "version": 1,
            "status_socket": "/s",
            "clock_socket": str(self.socket),
            "discipline": {"mode": "kernel", **discipline},
        }
        self.path.write_text(json.dumps(document))

    def served(self, act: Callable[[], Any]) -> Any:
        """What `act` gives or raises, while the service serves."""
        outcome: list[Any] = []

        def ask() -> None:
            try:
                outcome.append(act())
            except ClockError as error:
                outcome.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while asking.is_alive():
            self.service.turn(0.02)
        asking.join()
        if isinstance(outcome[0], ClockError):
            raise outcome[0]
        return outcome[0]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path, tmp_path)
    yield made
    made.engine.close()
    made.service.close()


class TestService:
    def test_the_engine_reads_and_sets(self, running: Running) -> None:
        assert running.served(running.engine.status) == running.clock.status()
        running.served(lambda: running.engine.set_frequency(533e-6, 33e-6))
        running.served(lambda: running.engine.set_synchronised(0, 0.5, 0.1))
        assert running.clock.frequency == 533e-6 and running.clock.synchronised
        running.engine.close()
        running.service.turn(5)
        assert running.clock.frequency == 33e-6 and not running.clock.synchronised

    def test_a_changed_configuration_counts_at_once_and_a_wrong_one_never(self, running: Running) -> None:
        running.served(lambda: running.engine.step(NANOSECONDS))
        for text, steps in (("always", 2), ("never", 2)):
            running.write(step=text)
            try:
                running.served(lambda: running.engine.step(NANOSECONDS))
            except ClockRefusal as error:
                assert "discipline.step is never" in str(error)
            assert len(running.clock.steps) == steps
        running.path.write_text("{")
        with pytest.raises(ClockRefusal, match="never"):
            running.served(lambda: running.engine.step(NANOSECONDS))

    def test_a_restarted_helper_is_found_again(self, running: Running) -> None:
        running.served(running.engine.status)
        running.service.close()
        running.service = ClockService(running.path, running.path.parent, {}, running.clock)
        assert running.served(running.engine.status) == running.clock.status()

    def test_the_newest_process_is_the_engine(self, running: Running) -> None:
        running.served(lambda: running.engine.set_frequency(533e-6, 33e-6))
        other = RemoteClock(str(running.socket))
        running.served(other.status)
        assert running.clock.frequency == 33e-6
        other.close()

    def test_who_is_not_the_engine_is_refused(self, running: Running, tmp_path: Path) -> None:
        running.service.close()
        if os.geteuid() == 0:
            (tmp_path / "another").mkdir()
            os.chown(tmp_path / "another", 65534, 65534)
        for owner in ("another", "missing"):
            running.service = ClockService(running.path, tmp_path / owner, {}, running.clock)
            with pytest.raises(ClockError, match="no clock helper answers"):
                running.served(lambda: running.engine.set_frequency(1e-6, 1e-6))
            running.service.close()
        assert running.clock.frequency == 0.0

    def test_only_the_engines_group_may_knock(self, running: Running) -> None:
        """Who may not even connect fills no journal and takes no processor."""
        assert stat.S_IMODE(running.socket.stat().st_mode) == 0o660

    def test_a_helper_that_hangs_holds_nobody_up(self, running: Running) -> None:
        with pytest.raises(ClockError, match="timed out"):
            running.engine.status()

    def test_a_configuration_without_a_socket(self, tmp_path: Path) -> None:
        (tmp_path / "engine.json").write_text('{"version": 1, "status_socket": "/s"}')
        with pytest.raises(ConfigurationError, match="required by run-clock"):
            ClockService(tmp_path / "engine.json", tmp_path, {}, ObedientClock())
