# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status as a live view: the tables of `report`, with what has changed, rates, and the offset's recent past."""

from __future__ import annotations

import os
import select
import shutil
import socket
import sys
import termios
import time
import tty
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Optional

from ntp_multicast_engine.errors import ControlError
from ntp_multicast_engine.observe import text as report
from ntp_multicast_engine.observe.status_socket import ask

PLAIN, GOOD, BAD, NEW, DIM, HEAD = "", "32", "1;31", "33", "2", "1"
"""Styles: parameters of ECMA-48's SGR."""
_HISTORY = 600
_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"

Line = tuple[str, str]
"""A text and its style."""
Document = Optional[Mapping[str, Any]]


class View:
    """What the screen shows, from one document to the next.

    :param bars: signs for low to high in the picture of the offset.
    """

    def __init__(self, bars: str = _BARS) -> None:
        self._bars = bars
        self._offsets: deque[float | None] = deque(maxlen=_HISTORY)
        self._before: Mapping[str, Any] = {}
        self._time = 0.0
        self._engine: Any = None

    def lines(self, document: Document, trouble: str, now: float, width: int, height: int) -> list[Line]:
        """The screen, no wider and no longer than it is.

        :param document: the status; None, if there is none because of `trouble`.
        :param now: seconds of a clock that nobody sets.
        """
        if document is None:
            self._offsets.append(None)
            made: list[Line] = [(trouble, BAD), ("trying again", DIM)]
        else:
            made = [*self._head(document), *self._offset_picture(document, width), *self._tables(document, width)]
            made += self._packets(document, now)
        fitting = [(text[:width], style) for text, style in made]
        if len(fitting) > height:
            fitting[height - 1 :] = [(f"... {len(fitting) - height + 1} more lines"[:width], DIM)]
        return fitting

    def _head(self, document: Mapping[str, Any]) -> Iterator[Line]:
        engine, system = document["engine"], document["system"]
        if (engine["version"], engine["pid"]) != self._engine:
            # Another process counts anew.
            self._engine = (engine["version"], engine["pid"])
            self._offsets.clear()
            self._before = {}
        up = int(engine["uptime"])
        age = f"up {up // 86400} d {up // 3600 % 24:02}:{up // 60 % 60:02}:{up % 60:02}"
        name = f"ntp-multicast-engine {engine['version']} on {socket.gethostname()}"
        yield f"{name}, process {engine['pid']}, {age}    q ends", HEAD
        if system["synchronised"]:
            yield f"synchronised to {system['reference_id']}, stratum {system['stratum']}", GOOD
        else:
            yield "not synchronised", BAD
        facts = {
            "offset": report.seconds(system["offset"], signed=True),
            "jitter": report.seconds(system["jitter"]),
            "root delay": report.seconds(system["root_delay"]),
            "root dispersion": report.seconds(system["root_dispersion"]),
            "frequency": "-" if system["frequency"] is None else f"{system['frequency']:+.3f} ppm",
            "leap": system["leap"],
            "discipline": system["discipline"],
            "upstream": system.get("upstream"),
        }
        yield "   ".join(f"{fact} {value}" for fact, value in facts.items() if value is not None), PLAIN
        if system["discipline_error"]:
            yield str(system["discipline_error"]), BAD

    def _offset_picture(self, document: Mapping[str, Any], width: int) -> Iterator[Line]:
        followed = any(item["selected"] for item in document["associations"])
        self._offsets.append(document["system"]["offset"] if followed else None)
        known = [offset for offset in self._offsets if offset is not None]
        if not known:
            return
        low, high = min(known), max(known)
        scale = f"{report.seconds(low, signed=True)} to {report.seconds(high, signed=True)}"
        room = max(width - len(scale) - 12, 1)
        steps = len(self._bars) - 1
        picture = "".join(
            " " if offset is None else self._bars[round((offset - low) / (high - low) * steps) if high > low else 0]
            for offset in list(self._offsets)[-room:]
        )
        yield f"offset {picture}  {scale}", PLAIN

    def _tables(self, document: Mapping[str, Any], width: int) -> Iterator[Line]:
        if document["associations"]:
            heads, *rows = report.associations(document["associations"], width)
            yield "", PLAIN
            yield heads, DIM
            for item, row in zip(document["associations"], rows):
                yield row, self._style(item)
        if document["servers"]:
            heads, *rows = report.servers(document["servers"], width)
            yield "", PLAIN
            yield heads, DIM
            for item, row in zip(document["servers"], rows):
                yield row, BAD if item["last_error"] else PLAIN

    def _style(self, item: Mapping[str, Any]) -> str:
        if not item["reach"]:
            return BAD
        return GOOD if item["selected"] else PLAIN

    def _packets(self, document: Mapping[str, Any], now: float) -> Iterator[Line]:
        counters, before = document["counters"], self._before
        elapsed = max(now - self._time, 1e-3)
        old_drops = before.get("dropped", {})

        def rate(new: int, old: int) -> str:
            return f"{(new - old) / elapsed:,.1f}/s" if before else "-"

        rows = [
            [name, f"{counters[name]:,}", rate(counters[name], before.get(name, 0))] for name in ("received", "sent")
        ]
        rows += [
            [f"dropped: {reason}", f"{count:,}", rate(count, old_drops.get(reason, 0))]
            for reason, count in counters["dropped"].items()
        ]
        heads, *texts = report.table(("Packets", "All", "Now"), rows)
        yield "", PLAIN
        yield heads, DIM
        for text, (name, _all, _now) in zip(texts, rows):
            reason = name.partition(": ")[2]
            fresh = bool(reason and before) and counters["dropped"][reason] > old_drops.get(reason, 0)
            yield text, NEW if fresh else PLAIN
        self._before, self._time = counters, now


def painted(lines: list[Line], colour: bool) -> str:
    """The octets that bring the lines onto a screen, in place of what is there (ECMA-48)."""
    shown = (f"\x1b[{style}m{text}\x1b[0m" if colour and style else text for text, style in lines)
    return "\x1b[H" + "\x1b[K\r\n".join(shown) + "\x1b[K\x1b[J"


def watch(path: str, interval: float) -> None:
    """Show the engine behind a status socket until `q` or an interrupt; its absence (a restart) ends nothing.

    To anything but a terminal the lines go one after the other, each time after a blank one.
    """
    terminal = sys.stdout.isatty()
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    view = View(_BARS if unicode else _PLAIN_BARS)
    colour = "NO_COLOR" not in os.environ
    with _screen(terminal) as quits:
        while True:
            document, trouble = _look(path)
            size = shutil.get_terminal_size() if terminal else os.terminal_size((200, 1000))
            lines = view.lines(document, trouble, time.monotonic(), size.columns, size.lines)
            text = painted(lines, colour) if terminal else "\n".join(text for text, _style in lines) + "\n\n"
            sys.stdout.write(text)
            sys.stdout.flush()
            if quits(interval):
                return


def _look(path: str) -> tuple[Document, str]:
    try:
        return ask(path), ""
    except ControlError as error:
        return None, str(error)


@contextmanager
def _screen(terminal: bool) -> Iterator[Callable[[float], bool]]:
    """A screen of its own on a terminal; gives a function that waits and tells whether `q` was typed meanwhile."""
    if not terminal or not sys.stdin.isatty():
        yield _sleep
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        sys.stdout.write(_ENTER)
        yield _typed_q
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _sleep(interval: float) -> bool:
    time.sleep(interval)
    return False


def _typed_q(interval: float) -> bool:
    end = time.monotonic() + interval
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([sys.stdin], [], [], left)[0]:
            return False
        typed = os.read(sys.stdin.fileno(), 64)
        if not typed or b"q" in typed.lower():
            return True
