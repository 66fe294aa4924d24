# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine asks the clock helper and what that answers: JSON, one object in each message of SOCK_SEQPACKET.

A request is a call of a method of `SteerableClock`, such as `{"step": {"nanoseconds": -5}}`. It is read like the
configuration: strictly, and every number has a range.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import Any

from ntp_multicast_engine.clock.system_clock import SteerableClock
from ntp_multicast_engine.config.schema import decode, integer, number, option, read_json
from ntp_multicast_engine.errors import ClockError, ClockRefusal, Problem
from ntp_multicast_engine.instant import KernelStatus

MAXIMUM_REQUEST = 256
MAXIMUM_ANSWER = 4096
_LONGEST_SENTENCE = 200
"""Characters. JSON writes up to 12 octets for one."""
_FINITE = number(-sys.float_info.max, sys.float_info.max)
_ERROR = number(0.0, sys.float_info.max)
_LEAP = integer(0, 2, "RFC 5905, section 7.3")
_INT64 = integer(-(1 << 63), (1 << 63) - 1)


@dataclass(frozen=True)
class _Nothing:
    """Some methods have no arguments."""


@dataclass(frozen=True)
class _Frequency:
    """Ratios: what is set now, and what is to stay when nobody steers any more."""

    ratio: float = option(_FINITE)
    drift: float = option(_FINITE)


@dataclass(frozen=True)
class _Step:
    """From wherever the clock is, so that it does no harm how long the request was under way."""

    nanoseconds: int = option(_INT64)


@dataclass(frozen=True)
class _Synchronised:
    """Errors in seconds."""

    leap: int = option(_LEAP)
    maximum_error: float = option(_ERROR)
    estimated_error: float = option(_ERROR)


CALLS: dict[str, type[Any]] = {
    "status": _Nothing,
    "set_frequency": _Frequency,
    "step": _Step,
    "set_synchronised": _Synchronised,
    "set_unsynchronised": _Nothing,
}
"""The arguments of each method that may be called."""


def request(call: str, **arguments: float) -> bytes:
    """:raises ClockError: an argument is no number."""
    try:
        return json.dumps({call: arguments}, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError as error:
        raise ClockError("a message has numbers that are none") from error


def perform(data: bytes, clock: SteerableClock) -> bytes:
    """Call what a message of the engine asks for. Whatever that is, there is an answer."""
    answer: dict[str, Any] = {"status": None, "error": None, "refused": False}
    try:
        call, arguments = _read(data)
        status: KernelStatus | None = getattr(clock, call)(**arguments)
        answer["status"] = dataclasses.asdict(status) if status is not None else None
    except ClockError as error:
        answer["error"], answer["refused"] = str(error)[:_LONGEST_SENTENCE], isinstance(error, ClockRefusal)
    return json.dumps(answer).encode("ascii")


def _read(data: bytes) -> tuple[str, dict[str, Any]]:
    """The method and its arguments; raises ClockError."""
    if len(data) > MAXIMUM_REQUEST:
        raise ClockError(f"a message has at most {MAXIMUM_REQUEST} octets")
    try:
        document = read_json(data)
    except ValueError as error:
        raise ClockError("a message is not JSON") from error
    if not isinstance(document, dict) or len(document) != 1 or not set(document) <= set(CALLS):
        raise ClockError(f"a request is an object with one key, one of {', '.join(CALLS)}")
    ((call, value),) = document.items()
    problems: list[Problem] = []
    arguments = decode(CALLS[call], value, call, problems)
    if problems:
        raise ClockError(str(problems[0]))
    return call, vars(arguments)


def take_answer(data: bytes) -> KernelStatus | None:
    """The status, if that was asked for. The helper has more rights than who asks: its numbers are taken as they are.

    :raises ClockError: it could not be done; as ClockRefusal, if that is the policy and not the kernel.
    """
    try:
        answer = json.loads(data)
        sentence, refused = answer["error"], answer["refused"]
        status = KernelStatus(**answer["status"]) if answer["status"] is not None else None
    except (ValueError, LookupError, TypeError) as error:
        raise ClockError("the clock helper's answer has an unknown form") from error
    if sentence is not None:
        raise (ClockRefusal if refused else ClockError)(sentence)
    return status
