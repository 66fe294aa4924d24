# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `display ntp status`, `sessions`, `statistics packet` and `event clock-unsync` say, as data (fact 2.4)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..ntp.masking import mask, shown
from .dialect import Dialect
from .errors import ParseError
from .session import Session

_NAME = re.compile(r"[a-z][a-z ]{0,63}", re.IGNORECASE)
# `offset: 0.0 ms, delay: 0.0 ms` are two pairs; `clock status: configured, master` is one.
_BETWEEN_PAIRS = re.compile(r",\s*(?=[a-z][a-z ]*:\s)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?![0-9.,])")
_TIME = re.compile(
    rf"(?P<number>{_NUMBER.pattern}(?:[eE][-+]?[0-9]{{1,3}})?) ?(?P<unit>[a-z\u00b5\u03bc]*)", re.IGNORECASE
)
_SECONDS = {
    **dict.fromkeys(("", "ms", "msec", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("us", "usec", "\u00b5s", "\u03bcs"), 1e-6),
    "ns": 1e-9,
}
# `31`, `31 s`, `3 (secondary)`, `2^6`. What has another unit is not known.
_WHOLE = re.compile(
    r"(?P<power>2\^)?(?P<number>-?[0-9]{1,10})(?:\.0+)?(?: ?(?:s|secs?|seconds?))?(?: ?\(.*\))?", re.IGNORECASE
)
_MOST_REACH = 255  # RFC 5905, section 9.2: a register of eight bits
_ADDRESS = re.compile(r"\[?(?P<address>[0-9A-Fa-f:.]+)")
_LEAST_STRATUM, _MOST_STRATUM = 0, 16  # RFC 5905, figure 11
_FIRST_NAME_OF_SESSION = "clock source"
_SYNCHRONISED = {
    "synchronized": True,
    "synchronised": True,
    "unsynchronized": False,
    "unsynchronised": False,
}
# A session in which the device itself sends to a group: it has a server of its own there, and no source (fact 9.5).
_MODES_OF_SENDERS = frozenset({"broadcast", "broadcast server", "bdcast", "bdcast server", "multicast server"})
_NO_SESSIONS = re.compile(
    r"(?:Info: ?)?(?:There (?:is|are) )?no (?:ntp )?(?:sessions?|sources?|records?|events?)(?: [a-z]+){0,3}[.!]?",
    re.IGNORECASE,
)
_LIMITED_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
_COUNTERS = ("received", "processed", "authentication failures")
_NUMBERED = re.compile(r"^\s*\d+\.\s+")
_COUNT = re.compile(r"total[a-z ]{0,40}: ?0", re.IGNORECASE)


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
class PacketCounts:
    """`display ntp statistics packet`, both address families together."""

    received: int
    processed: int
    authentication_failures: int


@dataclass(frozen=True)
class Loss:
    """One entry of `display ntp event clock-unsync`, in the words of the device."""

    source: str
    session: str | None = None
    reason: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class SourceSession:
    """One block of `display ntp sessions [ verbose ]`. Times are seconds; None where the text does not tell.

    reach: the shift register of RFC 5905 section 9.2, 0..255
    now: since the last packet
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
    now: int | None = None
    offset: float | None = None
    delay: float | None = None
    dispersion: float | None = None

    @property
    def selected(self) -> bool:
        """Whether the clock follows this source."""
        return "master" in self.status

    @property
    def local(self) -> bool:
        """Whether it is the device's own clock."""
        return self.source.startswith("127.127.")


def parse_status(text: str) -> ClockStatus:
    """The state of the clock. Raises ParseError when the text holds no clock status, or one that is not understood."""
    values = dict(_pairs(text))
    synchronised = _SYNCHRONISED.get(values.get("clock status", "").casefold())
    stratum = _integer(values.get("clock stratum"))
    for name, value in (("clock status", synchronised), ("clock stratum", stratum)):
        if value is None:
            what = f"has no {name!r}" if name not in values else f"says {name!r} with {values[name]!a}"
            raise ParseError(f"The NTP status was not understood: it {what}.", words=_quoted(text))
    least, most = (1, _MOST_STRATUM - 1) if synchronised else (_LEAST_STRATUM, _MOST_STRATUM)
    if stratum is None or not least <= stratum <= most:
        raise ParseError(
            f"The NTP status was not understood: it says {values['clock status']!a} and stratum {stratum}.",
            words=_quoted(text),
        )
    return ClockStatus(
        synchronised=bool(synchronised),
        stratum=stratum,
        reference_id=values.get("reference clock id", "none"),
        offset=_seconds(values.get("clock offset")),
        root_delay=_seconds(values.get("root delay")),
        root_dispersion=_seconds(values.get("root dispersion")),
        state=values.get("synchronization state"),
    )


def parse_sessions(text: str) -> tuple[SourceSession, ...]:
    """The sources, in the order of the device, without the device's own multicast servers.

    Raises ParseError when the text holds something, but nothing that is understood: that is not the same as no source.
    """
    blocks: list[dict[str, str]] = []
    for name, value in _pairs(text):
        if name == _FIRST_NAME_OF_SESSION:
            blocks.append({})
        if blocks:
            blocks[-1].setdefault(name, value)
    if not blocks and not all(_tells_of_none(line) for line in text.split("\n")):
        raise ParseError("The NTP sessions were not understood: none has a 'clock source'.", words=_quoted(text))
    sessions = tuple(_session(block) for block in blocks)
    for session, block in zip(sessions, blocks):
        if not session.source or not {"clock stratum", "clock status"} & set(block):
            what = f"the session of {session.source}" if session.source else "a session"
            raise ParseError(f"The NTP sessions were not understood: {what} is incomplete.", words=_quoted(text))
        if _is_torn(session.source):
            raise ParseError(
                f"The NTP sessions were not understood: {session.source} is no address.", words=_quoted(text)
            )
        if not 0 <= (session.reach or 0) <= _MOST_REACH:
            raise ParseError(
                f"The NTP sessions were not understood: a reach of {session.reach} is none from 0 to {_MOST_REACH}.",
                words=_quoted(text),
            )
    return tuple(session for session in sessions if not _is_own_server(session))


def parse_packets(text: str) -> PacketCounts:
    """What was counted. Raises ParseError when one of the counters is not there."""
    counts = dict.fromkeys(_COUNTERS, 0)
    seen = set()
    for name, value in _pairs(text):
        if name in counts:
            seen.add(name)
            counts[name] += _counter(value, text)
    missing = sorted(counts.keys() - seen)
    if missing:
        raise ParseError(f"The NTP packet statistics were not understood: no {missing[0]!r}.", words=_quoted(text))
    return PacketCounts(*(counts[name] for name in _COUNTERS))


def _counter(value: str, text: str) -> int:
    if not value.isdecimal():
        raise ParseError(f"The NTP packet statistics were not understood: {value!a} is no count.", words=_quoted(text))
    return int(value)


def parse_losses(text: str) -> tuple[Loss, ...] | None:
    """The losses of sources, in the order of the device; None for a text that is not understood."""
    blocks: list[dict[str, str]] = []
    for line in text.split("\n"):
        name, colon, value = _NUMBERED.sub("", line).partition(":")
        if not colon:
            continue
        name = name.strip().casefold()
        if name == _FIRST_NAME_OF_SESSION:
            blocks.append({})
        if blocks:
            blocks[-1].setdefault(name, shown(value.strip()))
    if not blocks and not all(_tells_of_none(line) for line in text.split("\n")):
        return None
    return tuple(
        Loss(
            source=block[_FIRST_NAME_OF_SESSION],
            session=block.get("session type"),
            reason=block.get("unsync reason"),
            time=block.get("unsync time"),
        )
        for block in blocks
    )


def _tells_of_none(line: str) -> bool:
    stripped = line.strip()
    return not stripped or bool(_NO_SESSIONS.fullmatch(stripped) or _COUNT.fullmatch(stripped))


def _is_own_server(session: SourceSession) -> bool:
    if session.mode is not None and session.mode.casefold() in _MODES_OF_SENDERS:
        return True
    address = _address_in(session.source)
    if address is None:
        return False
    return address.is_multicast or address == _LIMITED_BROADCAST


def _is_torn(source: str) -> bool:
    """Whether a source looks like an address and is none, as where the line was cut."""
    return source[:1].isdecimal() and set(source) <= set("0123456789.") and _address_in(source) is None


def _address_in(source: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a source begins with; an interface, a zone or a port may stand behind it."""
    found = _ADDRESS.match(source)
    for text in (found["address"], found["address"].partition(":")[0]) if found else ():
        try:
            return ipaddress.ip_address(text)
        except ValueError:
            continue
    return None


def _quoted(text: str) -> str:
    return mask(text.strip()[:200])


def _session(block: dict[str, str]) -> SourceSession:
    return SourceSession(
        source=block[_FIRST_NAME_OF_SESSION].partition("(")[0].strip(),
        stratum=_integer(block.get("clock stratum")),
        reference_id=block.get("reference clock id"),
        status=tuple(word.strip().casefold() for word in block.get("clock status", "").split(",") if word.strip()),
        mode=block.get("local mode"),
        interface=block.get("peer interface"),
        reach=_reach(block.get("reach")),
        poll=_integer(block.get("current poll")),
        now=_integer(block.get("now")),
        offset=_seconds(block.get("offset")),
        delay=_seconds(block.get("delay")),
        dispersion=_seconds(block.get("disper")),
    )


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        for piece in _BETWEEN_PAIRS.split(line):
            name, colon, value = piece.partition(":")
            if colon and _NAME.fullmatch(name.strip()) and (not value or value[0].isspace()):
                yield name.strip().casefold(), shown(value.strip())


def _integer(value: str | None) -> int | None:
    found = _WHOLE.fullmatch(value.strip()) if value else None
    if found is None:
        return None
    number = int(found["number"])
    return number if found["power"] is None else 1 << min(abs(number), 63)


def _reach(value: str | None) -> int | None:
    """The register, in decimal; some releases write it in octal, which is certain for `377` alone."""
    number = _integer(value)
    text = str(number)
    octal = number is not None and number > _MOST_REACH and set(text) <= set("01234567") and int(text, 8) <= _MOST_REACH
    return int(text, 8) if octal else number


def _seconds(value: str | None) -> float | None:
    """`0.66 ms` -> 0.00066. The unit is ms where none is told; None for an unknown one."""
    found = _TIME.fullmatch(value.strip()) if value else None
    scale = _SECONDS.get(found["unit"].casefold()) if found else None
    return None if found is None or scale is None else round(float(found["number"]) * scale, 9)


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


def read_packets(session: Session, dialect: Dialect) -> PacketCounts | None:
    """Ask what was counted; None where the device has no such command."""
    answer = session.show(f"display {dialect.word} statistics packet")
    return None if answer.unavailable else parse_packets(answer.expect("to show the NTP packet statistics").text)


def read_losses(session: Session, dialect: Dialect) -> tuple[Loss, ...] | None:
    """Ask for the losses of sources; None where the device has no such command, or words that are not known."""
    answer = session.show(f"display {dialect.word} event clock-unsync")
    return None if answer.unavailable else parse_losses(answer.expect("to show the losses of sources").text)
