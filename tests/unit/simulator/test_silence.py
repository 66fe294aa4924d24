# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences, late echoes and answers that break off, as in reports of slow devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from vrp_simulator.faults import Faults
from vrp_simulator.pieces import pieces
from vrp_simulator.testing import LocalLink

from .conftest import TWO_STAGE

Open = Callable[..., Any]
BLOCKS = "".join(f"#\ninterface LoopBack{number}\n" for number in range(8))


class Clock:
    """Stands in for asyncio.sleep of the device: notes the seconds and what had been sent by then."""

    def __init__(self, link: LocalLink, monkeypatch: pytest.MonkeyPatch) -> None:
        self.silences: list[tuple[float, str]] = []
        self._sent = ""
        memory = link._memory
        write, sleep = memory.write, asyncio.sleep

        def watched(data: bytes) -> None:
            self._sent += data.decode()
            write(data)

        async def noted(seconds: float) -> None:
            if seconds:
                self.silences.append((seconds, self._sent))
            await sleep(0)

        memory.write = watched  # type: ignore[method-assign]
        monkeypatch.setattr("vrp_simulator.terminal.asyncio.sleep", noted)

    @property
    def sent(self) -> str:
        return self._sent.replace("\r\n", "\n")


def test_silence_before_a_line_of_an_answer(open_device: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    device, console = open_device(startup_configuration=BLOCKS)
    console.do("screen-length 0 temporary")
    device.set_faults(stalls={"^interface LoopBack5$": 4.0, "^<CE1>$": 7.5})
    clock = Clock(console.link, monkeypatch)
    assert console.do("display current-configuration").endswith("return")
    (first, before), (second, whole) = clock.silences
    assert first == 4.0 and before.endswith("interface LoopBack4\r\n#\r\n")
    assert second == 7.5 and whole.endswith("#\r\nreturn\r\n") and clock.sent.endswith("<CE1>")


def test_random_silences_are_the_same_with_the_same_seed() -> None:
    text = "line\r\n" * 1000

    def drawn(seed: int) -> list[float]:
        faults = Faults()
        faults.change({"stall_share": 0.03, "stall_seed": seed})
        return [silence for silence, _unused in pieces(text, faults)]

    first = drawn(7)
    stalls = [silence for silence in first if silence]
    assert first == drawn(7) != drawn(8) and len(first) == 1000
    assert all(4.0 <= silence <= 10.0 for silence in stalls) and 15 <= len(stalls) <= 50


def test_silences_may_come_between_chunks() -> None:
    faults = Faults()
    faults.change({"stall_share": 1.0, "stall_seconds": [1, 2], "chunk_size": 4})
    sent = list(pieces("interface X\r\nreturn\r\n", faults))
    assert all(1 <= silence <= 2 for silence, _unused in sent)
    assert [data for _unused, data in sent][:4] == [b"inte", b"rfac", b"e X\r", b"\n"]


def test_an_echo_comes_late_behind_the_prompt_of_an_earlier_line(
    open_device: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    _device, console = open_device(faults={"late_echo": {"^display current": 4.0}})
    clock = Clock(console.link, monkeypatch)
    console.link.converse("screen-length 0 temporary\nundo terminal monitor\ndisplay current-configuration\n")
    ((seconds, before),) = clock.silences
    assert seconds == 4.0 and before.count("<CE1>") == 2 and before.endswith("<CE1>")
    assert "display current" not in before and "<CE1>undo terminal" in before
    after = clock.sent[len(before.replace("\r\n", "\n")) :]
    assert after.startswith("display current-configuration\n!Software") and after.endswith("#\nreturn\n<CE1>")


def test_a_garbled_echo(open_device: Open) -> None:
    device, console = open_device(faults={"garbled_echo": "refclock"})
    console.do("system-view")
    said = console.link.converse("ntp refclock-master 2\n")
    assert said == "t ecokmse \r\n[*CE1]" and device.pending() == {401: ["ntp refclock-master 2"]}


@pytest.mark.parametrize("release", TWO_STAGE)
def test_an_answer_that_breaks_off_and_a_prompt(open_device: Open, release: str) -> None:
    device, console = open_device(release)
    console.do("screen-length 0 temporary")
    whole = console.do("display current-configuration")
    device.set_faults(cut_answers={"^display current": 90}, cut_times=1)
    assert console.do("display current-configuration") == whole[:90] and console.prompt == "<CE1>"
    assert console.do("display current-configuration") == whole
    device.set_faults(cut_answers={"^display current": -7}, cut_times=1)
    assert console.do("display current-configuration") == whole.removesuffix("return").rstrip("\n")


def test_an_answer_that_breaks_off_in_silence(open_device: Open) -> None:
    device, console = open_device(faults={"cut_answers": {"^display current": 40}, "cut_then": "silence"})
    said = console.link.converse("display current-configuration\n")
    assert said.startswith("display current-configuration\r\n!Software") and "<CE1>" not in said
    assert console.link.converse("\n\n") == "" and device.session_count() == 1 and not console.link.closed
    console.link.close()
    device.wait_until_deserted()


def test_an_answer_that_breaks_off_with_the_line(open_device: Open) -> None:
    device, console = open_device(faults={"cut_answers": {"^display current": 0}, "cut_then": "lost"})
    assert console.link.converse("display current-configuration\n") == "display current-configuration\r\n"
    assert console.link.closed and device.session_count() == 0
