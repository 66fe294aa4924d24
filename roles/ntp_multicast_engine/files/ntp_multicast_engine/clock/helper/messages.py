# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF009 (an option is a field of a dataclass)
"""What the engine asks the clock helper and what that answers: JSON, one object in each message of SOCK_SEQPACKET.

A request has one key, its kind, such as `{"step": {"nanoseconds": -5}}`. It is read like the configuration: strictly,
and every number has a range.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import Any, Union

from ntp_multicast_engine.config.schema import boolean, decode, integer, number, option, read_json, section, text
from ntp_multicast_engine.errors import ClockError, Problem
from ntp_multicast_engine.instant import KernelStatus

MAXIMUM_REQUEST = 256
MAXIMUM_ANSWER = 512
_LONGEST_SENTENCE = 200
_FINITE = number(-sys.float_info.max, sys.float_info.max)
_ERROR = number(0.0, sys.float_info.max)
_LEAP = integer(0, 2, "RFC 5905, section 7.3")
_INT64 = integer(-(1 << 63), (1 << 63) - 1)


@dataclass(frozen=True)
class AskStatus:
    """What does the kernel say of its clock?"""


@dataclass(frozen=True)
class SetFrequency:
    """Ratios: what is set now, and what is to stay when nobody steers any more."""

    ratio: float = option(_FINITE)
    drift: float = option(_FINITE)


@dataclass(frozen=True)
class Step:
    """From wherever the clock is, so that it does no harm how long the request was under way."""

    nanoseconds: int = option(_INT64)


@dataclass(frozen=True)
class SetSynchronised:
    """Errors in seconds."""

    leap: int = option(_LEAP)
    maximum_error: float = option(_ERROR)
    estimated_error: float = option(_ERROR)


@dataclass(frozen=True)
class SetUnsynchronised:
    """Nobody says what time it is."""


Request = Union[AskStatus, SetFrequency, Step, SetSynchronised, SetUnsynchronised]
KINDS: dict[str, type[Request]] = {
    "status": AskStatus,
    "frequency": SetFrequency,
    "step": Step,
    "synchronised": SetSynchronised,
    "unsynchronised": SetUnsynchronised,
}


@dataclass(frozen=True)
class _Status:
    """KernelStatus, as it is read."""

    synchronised: bool = option(boolean())
    leap: int = option(_LEAP)
    maximum_error: float = option(_FINITE)
    estimated_error: float = option(_FINITE)
    frequency: float = option(_FINITE)


@dataclass(frozen=True)
class Answer:
    """`status`, if that was asked for. `error` says why it wasn't done; `refused`, if that is the policy and not the
    kernel."""

    status: KernelStatus | None = option(
        section(_Status, lambda read: KernelStatus(**dataclasses.asdict(read))), None, nullable=True
    )
    error: str | None = option(text(_LONGEST_SENTENCE), None, nullable=True)
    refused: bool = option(boolean(), False)


def encode_request(request: Request) -> bytes:
    """:raises ClockError: it has numbers that are none."""
    kind = next(name for name, made in KINDS.items() if isinstance(request, made))
    return _encode({kind: dataclasses.asdict(request)})


def decode_request(data: bytes) -> Request:
    """:raises ClockError: it is no request."""
    document = _document(data, MAXIMUM_REQUEST)
    if not isinstance(document, dict) or len(document) != 1 or not set(document) <= set(KINDS):
        raise ClockError(f"a request is an object with one key, one of {', '.join(KINDS)}")
    ((kind, value),) = document.items()
    request: Request = _decoded(KINDS[kind], value, kind)
    return request


def encode_answer(answer: Answer) -> bytes:
    error = answer.error
    if error is not None:
        # What JSON would write as six octets or more has no place in a sentence.
        error = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in error)
        error = error[:_LONGEST_SENTENCE]
    return _encode(dataclasses.asdict(dataclasses.replace(answer, error=error)))


def decode_answer(data: bytes) -> Answer:
    """:raises ClockError: it is no answer."""
    answer: Answer = _decoded(Answer, _document(data, MAXIMUM_ANSWER), "the answer")
    return answer


def _encode(document: dict[str, Any]) -> bytes:
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError as error:
        raise ClockError("a message has numbers that are none") from error


def _document(data: bytes, longest: int) -> Any:
    if len(data) > longest:
        raise ClockError(f"a message has at most {longest} octets")
    try:
        return read_json(data)
    except ValueError as error:
        raise ClockError("a message is not JSON") from error


def _decoded(kind: type[Any], document: Any, name: str) -> Any:
    problems: list[Problem] = []
    made = decode(kind, document, name, problems)
    if problems:
        raise ClockError(str(problems[0]))
    return made
