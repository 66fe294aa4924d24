# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine steers a real kernel's clock, beside chronyd, in one guest and one run.

The guest is a virtual machine (qemu, software emulation) whose clock is 5 s wrong and whose oscillator runs 50 ppm too
fast: its kernel is told a wrong frequency of its counter. First the engine, then chronyd brings the clock in and holds
it, by the same server at the same interval. What its clock really says is read through memory that guest and host
share, to some microseconds, by a program that has no part in the steering. Then: does a restart keep the drift, and is
the clock stepped only when that is allowed?

Needs root. This machine's clock is only read.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "roles" / "ntp_multicast_engine" / "files")]

from integration.engine.process import running  # noqa: E402
from virtual_machine.guest import Guest, tools_missing  # noqa: E402
from virtual_machine.scenario import (  # noqa: E402
    OSCILLATOR,
    POLL,
    WRONG,
    Chrony,
    Engine,
    Held,
    server,
    settled,
    watch,
)
from virtual_machine.witness import Reading  # noqa: E402

RATIO = 2.0
"""The engine's residual over chronyd's may be at most that."""
DRIFT_TOLERANCE = 1.0
"""ppm by which the frequency may be wrong immediately after a restart."""


@dataclass(frozen=True)
class Run:
    """One program's way: when it started and what the guest's clock was, second by second."""

    name: str
    started: float
    readings: list[Reading]
    hold: float

    @property
    def held(self) -> Held:
        end = self.readings[-1].time
        return Held.of([reading for reading in self.readings if reading.time >= end - self.hold])


class Verdicts:
    """What was wanted, and whether it holds."""

    def __init__(self) -> None:
        self.failed = 0

    def say(self, holds: bool, text: str) -> None:
        self.failed += not holds
        print(f"{'holds' if holds else 'DOES NOT HOLD':<14}{text}", flush=True)


def steer(guest: Guest, program: Engine | Chrony, seconds: float, hold: float) -> Run:
    guest.make_wrong(WRONG)
    started = time.monotonic()
    program.start()
    return Run(program.name, started, watch(guest, seconds), hold)


def table(runs: list[Run]) -> None:
    titles = ("start s", "< 10 ms", "< 1 ms", "RMS us", "mean us", "sd us", "max us", "ppm")
    print(f"\n{'':<10}{''.join(f'{title:>9}' for title in titles)}")
    for run in runs:
        times = [settled(run.readings, limit, run.started) for limit in (0.01, 0.001)]
        shown = [f"{moment:7.0f} s" if moment is not None else f"{'never':>9}" for moment in times]
        held = run.held
        residual = (held.root_mean_square, held.mean, held.deviation, held.maximum)
        numbers = "".join(f"{seconds * 1e6:9.1f}" for seconds in residual)
        frequency = run.readings[-1].frequency
        print(f"{run.name:<10}{run.readings[0].offset:>9.3f}{shown[0]}{shown[1]}{numbers}{frequency:9.2f}")
    print(
        f"RMS, mean, sd and max over the last {runs[0].hold:.0f} s; ppm: what the kernel adds at the end\n", flush=True
    )


def write_readings(runs: list[Run], path: Path) -> None:
    """What was seen, second by second, for a picture."""
    with path.open("w", encoding="utf-8") as file:
        file.write("program,seconds,offset,frequency_ppm,uncertainty\n")
        for run in runs:
            for reading in run.readings:
                seconds = reading.time - run.started
                file.write(f"{run.name},{seconds:.3f},{reading.offset:.7f},{reading.frequency:.3f},")
                file.write(f"{reading.uncertainty:.7f}\n")


def compare(engine: Run, chrony: Run, verdicts: Verdicts) -> None:
    ours, theirs = engine.held, chrony.held
    ratio = ours.root_mean_square / theirs.root_mean_square
    verdicts.say(ratio <= RATIO, f"residual RMS {ratio:.2f} x chronyd's, wanted <= {RATIO}")
    spread = ours.deviation / theirs.deviation
    print(f"{'':<14}spread about the mean {spread:.2f} x chronyd's, maximum {ours.maximum / theirs.maximum:.2f} x")
    verdicts.say(ours.maximum < 0.001, f"held within 1 ms: the largest offset was {ours.maximum * 1e6:.0f} us")


def one_owner(engine: Engine, verdicts: Verdicts) -> None:
    """chronyd runs."""
    try:
        engine.start()
    except RuntimeError:
        refused = "chronyd steers this clock" in engine.log()
    else:
        refused = False
        engine.stop()
    verdicts.say(refused, "beside chronyd the engine refuses to start, and says why")


def restarts(guest: Guest, engine: Engine, oscillator: float, verdicts: Verdicts) -> None:
    """The engine runs and has its drift. Ends with the engine running."""
    engine.stop()
    remembered = engine.remembered()
    kernel = guest.clock().frequency
    error = abs(kernel + oscillator)
    verdicts.say(
        error < DRIFT_TOLERANCE, f"stopped: the kernel keeps {kernel:+.2f} ppm, the oscillator is {oscillator:+.2f} off"
    )
    engine.start()
    seen = watch(guest, 45)
    worst = max(abs(reading.offset) for reading in seen)
    verdicts.say(worst < 0.001, f"engine restarted: the offset stays below {worst * 1e6:.0f} us, wanted < 1 ms")
    engine.stop()
    guest.reboot()
    forgotten = guest.clock().frequency
    # The hardware clock is read to a tenth of a second or so, and up to 125 ms would be slewed: 250 s for nothing new.
    guest.step(-guest.clock().offset)
    engine.start()
    first, error = guest.clock(), guest.frequency_error(4)
    told = f"the kernel had {forgotten:+.2f} ppm, from the engine's start {first.frequency:+.2f}"
    told += f" (remembered {remembered:+.2f}); the clock runs {error:+.2f} ppm off at once"
    verdicts.say(abs(error) < DRIFT_TOLERANCE, f"guest rebooted: {told}")


def steps(guest: Guest, engine: Engine, verdicts: Verdicts) -> None:
    """The engine runs."""
    wait_for_milliseconds(guest, 90)
    guest.step(WRONG)
    seen = watch(guest, 60)
    moved = [later.offset - earlier.offset for earlier, later in zip(seen, seen[1:])]
    first, last = seen[0], seen[-1]
    text = f"slewed from {first.offset:.3f} to {last.offset:.3f} s in {last.time - first.time:.0f} s, never stepped"
    slewed = max(map(abs, moved)) < 0.2 and last.offset < first.offset
    verdicts.say(slewed, f"5 s appear after the start: {text}")
    engine.reconfigure(step="always")
    within = wait_for_milliseconds(guest, 60)
    verdicts.say(within, f"stepped with consent (step: always): offset {guest.clock().offset * 1e3:+.3f} ms")
    engine.reconfigure(step="never")
    time.sleep(10)
    guest.step(2000.0)
    seen = watch(guest, 40)
    told = engine.status()["system"]["discipline_error"]
    still = abs(seen[-1].offset - seen[0].offset) < 0.001
    refused = still and bool(told) and "panic" in told and not seen[-1].synchronised
    verdicts.say(refused, f"2000 s appear: left alone ({seen[-1].offset:.3f} s), reported as: {told}")
    engine.stop()
    engine.configure()
    engine.start()
    within = wait_for_milliseconds(guest, 60)
    verdicts.say(within, f"stepped at the next start, which is allowed: offset {guest.clock().offset * 1e3:+.3f} ms")


def wait_for_milliseconds(guest: Guest, seconds: float) -> bool:
    """Wait until the kernel has heard that its clock is right, and it is; whether that came true within `seconds`."""

    def right(seen: Sequence[Reading]) -> bool:
        return seen[-1].synchronised and abs(seen[-1].offset) < 0.001

    return right(watch(guest, seconds, right))


def measure(seconds: float, hold: float, readings: Path | None, verdicts: Verdicts) -> None:
    guest = Guest(f"timecast-vm{os.getpid() % 100000}")
    with tempfile.TemporaryDirectory() as directory:
        try:
            oscillator = guest.up_with_error(OSCILLATOR)
            witness = max(guest.clock().uncertainty for _unused in range(8))
            print(
                f"the guest's oscillator runs {oscillator:+.2f} ppm off; its clock is known to {witness * 1e6:.1f} us",
                flush=True,
            )
            with running(server(Path(directory), guest)):
                engine, chrony = Engine(guest), Chrony(guest)
                ours = steer(guest, engine, seconds, hold)
                engine.stop()
                theirs = steer(guest, chrony, seconds, hold)
                one_owner(engine, verdicts)
                chrony.stop()
                table([ours, theirs])
                if readings is not None:
                    write_readings([ours, theirs], readings)
                compare(ours, theirs, verdicts)
                engine.start()
                restarts(guest, engine, oscillator, verdicts)
                steps(guest, engine, verdicts)
        finally:
            guest.down()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=420, help="that each program steers (default: 420)")
    parser.add_argument("--hold", type=float, default=240, help="of these, the last so many count as holding (240)")
    parser.add_argument("--readings", type=Path, help="a CSV file for what the guest's clock was, second by second")
    arguments = parser.parse_args()
    missing = tools_missing()
    if missing:
        print(missing, file=sys.stderr)
        return 2
    print(f"interval {1 << POLL} s, load {os.getloadavg()[0]:.2f}, {arguments.seconds:.0f} s each", flush=True)
    verdicts = Verdicts()
    measure(arguments.seconds, arguments.hold, arguments.readings, verdicts)
    return 1 if verdicts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
