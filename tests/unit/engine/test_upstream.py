# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says about its host's clock: chronyd's tracking report, the kernel's word, or a configured stratum."""

from __future__ import annotations

import select
import selectors
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_multicast_engine.config.configuration import Configuration, Discipline, Server
from ntp_multicast_engine.errors import UpstreamError
from ntp_multicast_engine.instant import Instant, KernelStatus
from ntp_multicast_engine.observe import chrony_tracking as chrony
from ntp_multicast_engine.observe.chrony_tracking import (
    INTERVAL,
    REPLY_LENGTH,
    VALID,
    ChronyReader,
    decode,
    floating,
    request,
)
from ntp_multicast_engine.protocol.multicast_server import Announcement
from ntp_multicast_engine.protocol.upstream import ASSOCIATION, CHRONY, KERNEL, LOCAL, Tracking, Upstream
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

NUMBER = 0x01020304
HEAD = bytes.fromhex("06020000 0021 0005 0000 000000000000") + NUMBER.to_bytes(4, "big") + bytes(8)


def words(*numbers: int) -> bytes:
    return struct.pack(f"!{len(numbers)}I", *numbers)


def answer(
    reference_id: bytes = b"\x7f\x7f\x01\x01",
    leap: int = 0,
    stratum: int = 5,
    reference: tuple[int, int, int] = (0, 1_790_000_000, 5),
    correction: int = 0,
    root_delay: int = 0,
    root_dispersion: int = 0,
) -> bytes:
    numbers = words(*reference, correction, 0, 0, 0, 0, 0, root_delay, root_dispersion, 0)
    return HEAD + reference_id + bytes(20) + struct.pack("!HH", stratum, leap) + numbers


MILLISECOND = (-8 & 0x7F) << 25 | round(0.001 * 2**33)
"""0.001 as chrony writes it."""


@pytest.mark.parametrize(
    ("word", "number"),
    [
        (0, 0.0),
        (1 << 25 | 1 << 24, -1.0),
        (2 << 25 | 1 << 23, 1.0),
        (MILLISECOND, 0.001),
        (0x7F << 25 | 1, 2.0**-26),
    ],
)
def test_numbers_of_chrony(word: int, number: float) -> None:
    assert floating(word) == pytest.approx(number, rel=1e-7)


def test_an_answer_is_read() -> None:
    tracking = decode(answer(correction=MILLISECOND, root_delay=MILLISECOND, root_dispersion=MILLISECOND), NUMBER)
    assert tracking.synchronised and (tracking.reference_id, tracking.stratum) == (b"\x7f\x7f\x01\x01", 5)
    assert tracking.reference == 1_790_000_000 * NANOSECONDS + 5
    assert tracking.correction == tracking.root_delay == tracking.root_dispersion == pytest.approx(0.001)
    assert decode(answer(reference=(0x7FFFFFFF, 7, 0)), NUMBER).reference == 7 * NANOSECONDS
    assert not decode(answer(leap=3), NUMBER).synchronised
    assert not decode(answer(stratum=0), NUMBER).synchronised


def test_a_question_is_as_long_as_its_answer() -> None:
    assert len(request(7)) == REPLY_LENGTH == len(answer()) == 104


@pytest.mark.parametrize(
    ("data", "words_of_error"),
    [
        (b"", "too short"),
        (answer()[:-1], "unknown form"),
        (answer() + b"\0", "unknown form"),
        (b"\x05" + answer()[1:], "another question"),
        (answer()[:19] + b"\0" + answer()[20:], "another question"),
        (answer()[:8] + b"\0\x02" + answer()[10:], "status 2"),
        (answer()[:6] + b"\0\x01" + answer()[8:], "unknown form"),
        (answer(leap=4), "impossible values"),
        (answer(stratum=16), "impossible values"),
        (answer(reference=(0, 0, 1_000_000_000)), "impossible values"),
        (answer(reference=(1 << 20, 0, 0)), "impossible values"),
        (answer(root_delay=1 << 25 | 1 << 24), "impossible errors"),
        (answer(root_dispersion=0x3F << 25 | 1 << 20), "impossible errors"),
        (answer(correction=0x3F << 25 | 1 << 24), "impossible errors"),
    ],
)
def test_wrong_answers_are_refused(data: bytes, words_of_error: str) -> None:
    with pytest.raises(UpstreamError, match=words_of_error):
        decode(data, NUMBER)


@given(st.binary(max_size=120) | st.binary(min_size=76, max_size=76).map(lambda data: HEAD + data))
def test_nonsense_raises_only_upstream_errors(data: bytes) -> None:
    try:
        tracking = decode(data, NUMBER)
    except UpstreamError:
        return
    assert 0 <= tracking.leap <= 3 and 0 <= tracking.stratum <= 15
    assert max(abs(tracking.correction), tracking.root_delay, tracking.root_dispersion) <= 1e3


class Listener:
    """Stands where chronyd listens, and where a selector watches for the reader."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "chronyd.sock"
        self.selector = selectors.DefaultSelector()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(5)
        self.reader = ChronyReader(
            str(self.path),
            str(directory / "own"),
            0,
            number=lambda: NUMBER,
            selector=self.selector,
        )

    def reply(self, data: bytes) -> None:
        asked, address = self.socket.recvfrom(1000)
        assert asked == request(NUMBER)
        self.socket.sendto(data, address)
        self.act(5)

    def act(self, patience: float = 0) -> None:
        for key, _events in self.selector.select(patience):
            key.data()


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    # A port at which nobody listens, whatever runs on this machine.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(chrony, "COMMAND_PORT", taken.getsockname()[1])
    made = Listener(tmp_path)
    yield made
    made.reader.close()
    made.socket.close()
    assert not made.selector.get_map()


def test_a_report_holds_for_a_while(listener: Listener) -> None:
    reader = listener.reader
    reader.wake(0)
    assert reader.tracking(0) is None and reader.due == INTERVAL
    listener.reply(answer())
    assert reader.tracking(VALID) == decode(answer(), NUMBER)
    assert reader.tracking(VALID + 1) is None
    assert not (listener.path.parent / "own").exists()


def test_an_answer_of_nonsense_is_as_good_as_none(listener: Listener) -> None:
    listener.reader.wake(0)
    listener.reply(answer(leap=7))
    assert listener.reader.tracking(0) is None
    assert listener.reader.last_error == "chronyd's answer has impossible values"


def test_a_chronyd_that_goes_is_missed_and_found_again(listener: Listener) -> None:
    reader = listener.reader
    reader.wake(0)
    listener.reply(answer())
    listener.socket.close()
    listener.path.unlink()
    for raw in range(INTERVAL, 10 * INTERVAL, INTERVAL):
        reader.wake(raw)
        listener.act()
        assert (reader.tracking(raw) is None) is (raw > VALID)
    assert reader.last_error is not None and reader.last_error.startswith("chronyd can't be asked: ")
    listener.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.socket.bind(str(listener.path))
    listener.socket.settimeout(5)
    while reader.tracking(reader.due) is None:
        reader.wake(reader.due)
        listener.act()
        if select.select([listener.socket], [], [], 0)[0]:
            listener.reply(answer())


def test_the_first_question_does_not_wait_for_a_mute_chronyd(listener: Listener) -> None:
    listener.reader.first(0)
    assert listener.reader.tracking(0) is None and listener.reader.due == INTERVAL


# Whose word counts

NOW = Instant(1_790_000_000 * NANOSECONDS, 10 * NANOSECONDS)
SET, UNSET = KernelStatus(True, 1, 0.02, 0.001, 0.0), KernelStatus(False, 0, 16.0, 16.0, 0.0)
GOOD = Tracking(0, 4, b"\x0a\x00\x00\x07", 0.25, 0.125, 9, correction=-0.5)
BAD = Tracking(3, 0, b"\0\0\0\0", 1.0, 1.0, 0)
OWN = Announcement(0, 7, b"\x0a\x00\x00\x09", 0.25, 0.125, 5)


def told(
    server: Server,
    kernel: KernelStatus | None = None,
    tracking: Tracking | None = None,
    discipline: str = "monitor",
    followed: Announcement | None = None,
) -> tuple[str, Announcement] | None:
    settings = Configuration("/s", server=server, discipline=Discipline(discipline))
    found = Upstream(settings, NOW, lambda: kernel, lambda _now: tracking).announcement(NOW, lambda: followed)
    return None if isinstance(found, str) else found


@pytest.mark.parametrize(
    ("upstream", "stratum", "kernel", "tracking", "who", "announced"),
    [
        ("auto", 2, SET, GOOD, LOCAL, 2),
        ("auto", None, SET, GOOD, CHRONY, 4),
        ("auto", None, SET, None, KERNEL, 10),
        ("auto", None, SET, BAD, None, None),
        ("auto", None, UNSET, None, None, None),
        ("auto", None, None, None, None, None),
        ("local", 15, UNSET, BAD, LOCAL, 15),
        ("chrony", None, SET, None, None, None),
        ("chrony", None, UNSET, GOOD, CHRONY, 4),
        ("kernel", None, SET, GOOD, KERNEL, 10),
        ("kernel", None, UNSET, GOOD, None, None),
    ],
)
def test_whose_word_counts(
    upstream: str,
    stratum: int | None,
    kernel: KernelStatus | None,
    tracking: Tracking | None,
    who: str | None,
    announced: int | None,
) -> None:
    found = told(Server(upstream=upstream, stratum=stratum), kernel, tracking)
    assert (found[0] if found else None, found[1].stratum if found else None) == (who, announced)


def test_why_chronyd_says_nothing_is_told_where_its_word_alone_counts() -> None:
    for upstream, wanted in (("chrony", "chronyd does not answer"), ("auto", KERNEL)):
        settings = Configuration("/s", server=Server(upstream=upstream))
        found = Upstream(settings, NOW, lambda: SET, lambda _now: "chronyd does not answer").announcement(
            NOW, lambda: None
        )
        assert (found if isinstance(found, str) else found[0]) == wanted


def test_what_chronyd_says_is_passed_on() -> None:
    found = told(Server(), SET, GOOD)
    assert found is not None
    # What chronyd has still to slew is an error of the time that this server gives.
    assert found[1] == replace(GOOD, root_dispersion=0.625)


def test_what_the_kernel_says_is_passed_on() -> None:
    found = told(Server(upstream="kernel"), SET)
    assert found is not None and (found[1].leap, found[1].root_dispersion) == (1, 0.02)


def test_a_followed_server_counts_where_the_clock_follows_it() -> None:
    assert told(Server(), SET, GOOD, "monitor", OWN) == told(Server(), SET, GOOD)
    assert told(Server(stratum=2), SET, None, "kernel", OWN) == (ASSOCIATION, OWN)
    assert told(Server(), SET, GOOD, "kernel", None) is None
    only_local = told(Server(stratum=2), SET, None, "kernel", None)
    assert only_local is not None and only_local[0] == LOCAL
    fed_by_us = Tracking(0, 1, b"MCST", 0.0, 0.5, 9)
    found = told(Server(), SET, fed_by_us, "chrony", OWN)
    assert found is not None and found[0] == CHRONY
    assert (found[1].stratum, found[1].reference_id, found[1].root_dispersion) == (7, OWN.reference_id, 0.625)
    assert told(Server(), SET, fed_by_us, "chrony", None) is None
    assert told(Server(), SET, GOOD, "chrony", OWN) == told(Server(), SET, GOOD)
