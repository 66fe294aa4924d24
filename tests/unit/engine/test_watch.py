# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live view: what it shows of a document, and how it fits a screen."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.observe.status import (
    AssociationStatus,
    Counters,
    EngineStatus,
    ServerStatus,
    Status,
    SystemStatus,
)
from ntp_multicast_engine.watch import BAD, GOOD, NEW, View, painted

PACKAGE = Path(__file__).parents[3] / "roles" / "ntp_multicast_engine" / "files"
SYSTEM = SystemStatus(True, "none", 4, "10.0.0.1", 1.5e-5, 2e-6, 3e-4, 1e-3, -12.5, "monitor")
FOLLOWED = AssociationStatus(
    source="10.0.0.1",
    interface="eth0",
    group="224.0.1.1",
    mode="broadcast client",
    stratum=3,
    reference_id="LOCL",
    reach=255,
    poll=8,
    offset=1.5e-5,
    delay=3e-4,
    jitter=2e-6,
    dispersion=1e-4,
    selected=True,
    authenticated=True,
    key_id=42,
    last_received=3.0,
    timestamps="kernel",
    interleaved=True,
)
SENDING = ServerStatus("eth0", "ff0e::101", 123, 42, 16, 4, 64, 12345, None, "kernel")


def document(
    pid: int = 7, system: SystemStatus = SYSTEM, received: int = 100, dropped: dict[str, int] | None = None
) -> dict[str, Any]:
    lost = replace(FOLLOWED, source="10.0.0.2", selected=False, reach=0, offset=None, last_received=None)
    counters = Counters(received, 7, dropped or {})
    return Status(EngineStatus("0.1.0", pid, 93784.0), system, (FOLLOWED, lost), (SENDING,), counters).document()


def texts(view: View, shown: dict[str, Any] | None, now: float = 0.0, width: int = 200, height: int = 50) -> list[str]:
    return [text for text, _style in view.lines(shown, "no engine answers", now, width, height)]


def style_of(view: View, word: str, shown: dict[str, Any], now: float = 0.0) -> str:
    (style,) = {style for text, style in view.lines(shown, "", now, 200, 50) if word in text}
    return style


def test_it_shows_what_an_operator_looks_for() -> None:
    text = "\n".join(texts(View(), document()))
    for word in ("up 1 d 02:03:04", "synchronised to 10.0.0.1, stratum 4", "offset +15.0 us", "frequency -12.500 ppm"):
        assert word in text, word
    for word in ("* 10.0.0.1", "key 42", "kernel, interleaved", "ff0e::101", "12345", "monitor"):
        assert word in text, word


def test_what_is_bad_looks_bad() -> None:
    view = View()
    assert (style_of(view, "* 10.0.0.1", document()), style_of(view, "  10.0.0.2", document())) == (GOOD, BAD)
    assert style_of(view, "synchronised", document(system=replace(SYSTEM, synchronised=False))) == BAD
    error = replace(SYSTEM, discipline_error="chrony is away")
    assert style_of(view, "chrony is away", document(system=error)) == BAD


def test_rates_are_between_two_looks_and_new_reasons_stand_out() -> None:
    view = View()
    assert any(text.split() == ["received", "100", "-"] for text in texts(view, document()))
    after = document(received=300, dropped={"replay": 4, "bad_mac": 0})
    assert style_of(view, "replay", after, now=2.0) == NEW
    again = texts(view, document(received=400, dropped={"replay": 4}), now=4.0)
    assert any(text.split() == ["received", "400", "50.0/s"] for text in again)
    assert style_of(view, "replay", document(dropped={"replay": 4}), now=6.0) != NEW


def test_the_offset_has_a_past_that_ends_with_its_process() -> None:
    view = View("01234567")
    for step in range(8):
        shown = texts(view, document(system=replace(SYSTEM, offset=step * 1e-6)))
    (line,) = [text for text in shown if text.startswith("offset 0")]
    assert line == "offset 01234567  +0 ns to +7.0 us"
    texts(view, None)
    (line,) = [text for text in texts(view, document()) if text.startswith("offset 0")]
    assert line == "offset 00112233 7  +0 ns to +15.0 us"
    (line,) = [text for text in texts(view, document(pid=8)) if text.startswith("offset 0")]
    assert line == "offset 0  +15.0 us to +15.0 us"


def test_an_engine_that_is_away_is_said_to_be() -> None:
    assert texts(View(), None) == ["no engine answers", "trying again"]


def test_a_narrow_screen_keeps_the_columns_that_count() -> None:
    (heads,) = [text for text in texts(View(), document(), width=80) if "Server" in text]
    assert "Offset" in heads and "Reach" in heads and "Time stamps" not in heads and len(heads) <= 80


@given(st.integers(1, 250), st.integers(1, 60), st.booleans())
def test_it_never_leaves_the_screen(width: int, height: int, away: bool) -> None:
    lines = texts(View(), None if away else document(dropped={"replay": 1}), width=width, height=height)
    assert len(lines) <= height and all(len(line) <= width for line in lines)


def test_the_screen_is_painted_in_place() -> None:
    assert painted([("a", GOOD), ("b", "")], True) == "\x1b[H\x1b[32ma\x1b[0m\x1b[K\r\nb\x1b[K\x1b[J"
    assert painted([("a", GOOD)], False) == "\x1b[Ha\x1b[K\x1b[J"


@pytest.mark.parametrize("typed", [b"q", b"\x03"])
def test_a_terminal_is_given_back_as_it_was(tmp_path: Path, typed: bytes) -> None:
    """No engine answers at the path, which the view says and bears."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ntp_multicast_engine", "status", "--watch", "--socket", str(tmp_path / "s")]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "TERM": "vt100", "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
        # A shell starts what runs behind it with interrupts ignored, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        os.close(theirs)
        shown = b""
        while b"trying again" not in shown:
            shown += os.read(ours, 4096)
        assert b"\x1b[?1049h" in shown and b"no engine answers" in shown
        if typed == b"q":
            os.write(ours, typed)
        else:
            process.send_signal(signal.SIGINT)
        while b"\x1b[?1049l" not in shown:
            shown += os.read(ours, 4096)
        assert process.wait(60) == 0
    os.close(ours)
