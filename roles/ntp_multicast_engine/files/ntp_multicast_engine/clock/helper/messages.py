# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine and the keeper of the clock say to each other: a request, an answer, each one message.

Both run on one host with one package, so the octets are those of the host, and another version is not understood.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Union

from ntp_multicast_engine.clock.system_clock import KernelStatus
from ntp_multicast_engine.errors import ClockError

_MARK = b"NMC1"
_REQUEST = struct.Struct("=4sBBHqdd")
"""Mark, kind, leap, nothing, nanoseconds, and two numbers."""
_ANSWER = struct.Struct("=4sBBBBddd")
"""Mark, outcome, whether synchronised, leap, nothing, maximum error, estimated error, frequency; then a sentence."""
_STATUS, _FREQUENCY, _STEP, _SYNCHRONISED, _UNSYNCHRONISED = range(1, 6)
_DONE, _REFUSED, _FAILED = range(3)
_LONGEST_SENTENCE = 200
REQUEST_LENGTH = _REQUEST.size
MAXIMUM_ANSWER = _ANSWER.size + _LONGEST_SENTENCE


@dataclass(frozen=True)
class AskStatus:
    """What does the kernel say of its clock?"""


@dataclass(frozen=True)
class SetFrequency:
    """Ratios: what is set now, and what is to stay when nobody steers any more."""

    ratio: float
    drift: float


@dataclass(frozen=True)
class Step:
    """From wherever the clock is, so that it does no harm how long the request was under way."""

    nanoseconds: int


@dataclass(frozen=True)
class SetSynchronised:
    """Errors in seconds."""

    leap: int
    maximum_error: float
    estimated_error: float


@dataclass(frozen=True)
class SetUnsynchronised:
    """Nobody says what time it is."""


Request = Union[AskStatus, SetFrequency, Step, SetSynchronised, SetUnsynchronised]


@dataclass(frozen=True)
class Answer:
    """`status`, if that was asked for. `error` says why it wasn't done; `refused`, if that is the policy and not the
    kernel."""

    status: KernelStatus | None = None
    error: str | None = None
    refused: bool = False


def encode_request(request: Request) -> bytes:
    kind, leap, nanoseconds, first, second = _UNSYNCHRONISED, 0, 0, 0.0, 0.0
    if isinstance(request, AskStatus):
        kind = _STATUS
    elif isinstance(request, SetFrequency):
        kind, first, second = _FREQUENCY, request.ratio, request.drift
    elif isinstance(request, Step):
        kind, nanoseconds = _STEP, request.nanoseconds
    elif isinstance(request, SetSynchronised):
        kind, leap = _SYNCHRONISED, request.leap
        first, second = request.maximum_error, request.estimated_error
    return _REQUEST.pack(_MARK, kind, leap, 0, nanoseconds, first, second)


def decode_request(data: bytes) -> Request:
    """Read a request; raises ClockError if it isn't one, to the last octet."""
    if len(data) != _REQUEST.size:
        raise ClockError(f"a request has {_REQUEST.size} octets, not {len(data)}")
    mark, kind, leap, _nothing, nanoseconds, first, second = _REQUEST.unpack(data)
    if mark != _MARK:
        raise ClockError("this is no request, or one of another version")
    request = _request(kind, leap, nanoseconds, first, second)
    # What a request doesn't need is nought, so each has one form.
    if encode_request(request) != data:
        raise ClockError("a request says more than it can mean")
    return request


def _request(kind: int, leap: int, nanoseconds: int, first: float, second: float) -> Request:
    if not (math.isfinite(first) and math.isfinite(second)):
        raise ClockError("a request has numbers that are none")
    if kind == _STATUS:
        return AskStatus()
    if kind == _FREQUENCY:
        return SetFrequency(first, second)
    if kind == _STEP:
        return Step(nanoseconds)
    if kind == _SYNCHRONISED:
        if leap > 2 or first < 0 or second < 0:
            raise ClockError("a request tells of a leap or an error that can't be")
        return SetSynchronised(leap, first, second)
    if kind == _UNSYNCHRONISED:
        return SetUnsynchronised()
    raise ClockError("a request of an unknown kind")


def encode_answer(answer: Answer) -> bytes:
    outcome = _DONE if answer.error is None else _REFUSED if answer.refused else _FAILED
    status = answer.status or KernelStatus(False, 0, 0.0, 0.0, 0.0)
    numbers = (status.maximum_error, status.estimated_error, status.frequency)
    head = _ANSWER.pack(_MARK, outcome, status.synchronised, status.leap, 0, *numbers)
    return head + (answer.error or "").encode("utf-8")[:_LONGEST_SENTENCE]


def decode_answer(data: bytes) -> Answer:
    """Read an answer; raises ClockError if it isn't one."""
    if not _ANSWER.size <= len(data) <= MAXIMUM_ANSWER or not data.startswith(_MARK):
        raise ClockError("who answers is no keeper of the clock, or one of another version")
    _mark, outcome, synchronised, leap, _nothing, *numbers = _ANSWER.unpack_from(data)
    if outcome > _FAILED or synchronised > 1 or leap > 2 or not all(map(math.isfinite, numbers)):
        raise ClockError("the keeper of the clock answers nonsense")
    if outcome != _DONE:
        return Answer(error=data[_ANSWER.size :].decode("utf-8", "replace"), refused=outcome == _REFUSED)
    maximum_error, estimated_error, frequency = numbers
    return Answer(KernelStatus(bool(synchronised), leap, maximum_error, estimated_error, frequency))
