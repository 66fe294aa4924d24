# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `display ntp status` and `display ntp sessions` say, as data (fact 2.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .dialect import Dialect
from .errors import ParseError
from .session import Session

_PAIR = re.compile(r"\s*(?P<name>[a-z][a-z ]*?(?: ID)?)\s*:(?:\s+(?P<value>.*?))?\s*", re.IGNORECASE)
# `offset: 0.0 ms, delay: 0.0 ms` are two pairs; `clock status: configured, master` is one.
_BETWEEN_PAIRS = re.compile(r",\s*(?=[a-z][a-z ]*:\s)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_VPN_INSTANCE = re.compile(r"\(.*\)$")
_FIRST_NAME_OF_SESSION = "clock source"


@dataclass(frozen=True)
class ClockStatus:
    """`display ntp status`. Times are seconds; None where the text does not tell."""

    synchronised: bool
    stratum: int
    reference_id: str
    offset: float | None = None
    root_delay: float | None = None
    root_dispersion: float | None = None
    state: str | None = None


@dataclass(frozen=True)
class SourceSession:
    """One block of `display ntp sessions [ verbose ]`. Times are seconds; None where the text does not tell.

    reach: the shift register of RFC 5905 section 9.2, 0..255
    interface: as the device writes it, only in the verbose form
    """

    source: str
    stratum: int | None = None
    reference_id: str | None = None
    status: tuple[str, ...] = ()
    mode: str | None = None
    interface: str | None = None
    reach: int | None = None
    poll: int | None = None
    offset: float | None = None
    delay: float | None = None
    dispersion: float | None = None

    @property
    def selected(self) -> bool:
        """Whether the clock follows this source."""
        return "master" in self.status


def parse_status(text: str) -> ClockStatus:
    """The state of the clock. Raises ParseError when the text holds no clock status."""
    values = dict(_pairs(text))
    missing = {"clock status", "clock stratum"} - set(values)
    if missing:
        raise ParseError(f"The NTP status was not understood: it has no {min(missing)!r}.", words=text.strip()[:200])
    return ClockStatus(
        synchronised=values["clock status"].casefold() in ("synchronized", "synchronised"),
        stratum=_integer(values.get("clock stratum")) or 16,
        reference_id=values.get("reference clock id", "none"),
        offset=_seconds(values.get("clock offset")),
        root_delay=_seconds(values.get("root delay")),
        root_dispersion=_seconds(values.get("root dispersion")),
        state=values.get("synchronization state"),
    )


def parse_sessions(text: str) -> tuple[SourceSession, ...]:
    """The sources, in the order of the device; text that is no session is passed over."""
    blocks: list[dict[str, str]] = []
    for name, value in _pairs(text):
        if name == _FIRST_NAME_OF_SESSION:
            blocks.append({})
        if blocks:
            blocks[-1].setdefault(name, value)
    return tuple(_session(block) for block in blocks)


def _session(block: dict[str, str]) -> SourceSession:
    return SourceSession(
        source=_VPN_INSTANCE.sub("", block[_FIRST_NAME_OF_SESSION]).strip(),
        stratum=_integer(block.get("clock stratum")),
        reference_id=block.get("reference clock id"),
        status=tuple(word.strip() for word in block.get("clock status", "").split(",") if word.strip()),
        mode=block.get("local mode"),
        interface=block.get("peer interface"),
        reach=_integer(block.get("reach")),
        poll=_integer(block.get("current poll")),
        offset=_seconds(block.get("offset")),
        delay=_seconds(block.get("delay")),
        dispersion=_seconds(block.get("disper")),
    )


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        for piece in _BETWEEN_PAIRS.split(line):
            found = _PAIR.fullmatch(piece)
            if found:
                yield found["name"].casefold(), found["value"] or ""


def _number(value: str | None) -> float | None:
    found = _NUMBER.match(value) if value else None
    return float(found.group()) if found else None


def _integer(value: str | None) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _seconds(value: str | None) -> float | None:
    """`0.66 ms` -> 0.00066. The unit is ms everywhere but in lines that say `s`."""
    number = _number(value)
    if number is None or value is None:
        return None
    return number if value.rstrip().endswith(" s") else round(number / 1000, 9)


def find_dialect(session: Session) -> Dialect:
    """Which spelling the device has: the one whose display command it takes (facts 0.1, 4.1 item 13).

    The longer word counts, because a device that knows it also takes the shorter one as its abbreviation (fact 3.1).
    Raises ParseError when the device takes neither.
    """
    longer, shorter = sorted(Dialect, key=lambda dialect: -len(dialect.word))
    answers = session.show_both(f"display {longer.word} status", f"display {shorter.word} status")
    for dialect, answer in zip((longer, shorter), answers):
        if not answer.unavailable and answer.text.strip():
            return dialect
    raise ParseError(
        "The device takes neither 'display ntp status' nor 'display ntp-service status'. Set the option dialect.",
        words=answers[1].words,
    )


def read_status(session: Session, dialect: Dialect) -> ClockStatus:
    """Ask for the state of the clock."""
    return parse_status(session.show(f"display {dialect.word} status").expect("to show the NTP status").text)


def read_sessions(session: Session, dialect: Dialect) -> tuple[SourceSession, ...]:
    """Ask for the sources, in the verbose form where the device has it."""
    answer = session.show(f"display {dialect.word} sessions verbose")
    if answer.unavailable:
        answer = session.show(f"display {dialect.word} sessions").expect("to show the NTP sessions")
    return parse_sessions(answer.text)
