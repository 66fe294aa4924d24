# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packets are accepted: the tests as data, in the order in which they are made.

Rules of the file: a test only looks, and a packet that fails one changes nothing but a counter. The counter has the
test's name. No test answers the sender.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ntp_multicast_engine.wire.keyring import Verdict
from ntp_multicast_engine.wire.packet import (
    LEAP_UNSYNCHRONISED,
    MAXIMUM_POLL,
    MINIMUM_POLL,
    MODE_BROADCAST,
    MODE_CLIENT,
    MODE_SERVER,
    Header,
)
from ntp_multicast_engine.wire.timestamps import SECOND, later

MAXDISP = 16.0
"""Seconds (RFC 5905 section 7.2): a server that is farther from its reference isn't synchronised."""
MAXIMUM_STRATUM = 15

Arrived = TypeVar("Arrived")


@dataclass(frozen=True)
class Test(Generic[Arrived]):
    """`source` is why the test exists."""

    name: str
    source: str
    passes: Callable[[Arrived], bool]


@dataclass(frozen=True)
class Broadcast:
    """A mode 5 packet and what is known about its way here. `last_transmit`: of the newest accepted packet."""

    header: Header
    source: str
    verdict: Verdict
    authentication_required: bool
    allowed_servers: frozenset[str]
    last_transmit: int | None


@dataclass(frozen=True)
class Response:
    """A mode 4 packet that came to the port of a request.

    The request's transmit and receive timestamps are random. `last_receive` is that of the answer before.
    """

    header: Header
    request: Header
    verdict: Verdict
    key_id: int | None
    expected_key_id: int | None
    last_receive: int | None

    @property
    def interleaved(self) -> bool:
        """RFC 9769 section 2: it tells when the answer before left."""
        request = self.request
        return self.last_receive is not None and request.receive == self.header.origin != request.transmit

    @property
    def times_are_in_order(self) -> bool:
        """Nothing leaves before it came, nor a second after: a client waits for an answer for no longer."""
        came = self.last_receive if self.interleaved and self.last_receive is not None else self.header.receive
        return 0 <= later(self.header.transmit, came) < SECOND


@dataclass(frozen=True)
class Request:
    """A packet to the responder."""

    header: Header
    verdict: Verdict


def first_failure(tests: Sequence[Test[Arrived]], arrived: Arrived) -> str | None:
    """The name of the first test that the packet fails, or None."""
    return next((test.name for test in tests if not test.passes(arrived)), None)


def _distance(header: Header) -> float:
    return header.root_delay / 2 + header.root_dispersion


def _is_not(verdict: Verdict) -> Callable[[Broadcast | Request], bool]:
    return lambda packet: packet.verdict is not verdict


BROADCAST_TESTS: tuple[Test[Broadcast], ...] = (
    Test("mode", "RFC 5905 section 9.2", lambda packet: packet.header.mode == MODE_BROADCAST),
    Test(
        "server_not_allowed",
        "CVE-2016-1549",
        lambda packet: not packet.allowed_servers or packet.source in packet.allowed_servers,
    ),
    # The authenticator comes before all that an attacker could choose freely.
    Test("crypto_nak", "CVE-2016-4953, CVE-2016-4955", _is_not(Verdict.CRYPTO_NAK)),
    Test("unknown_key", "RFC 5905 section 9.2", _is_not(Verdict.UNKNOWN_KEY)),
    Test("untrusted_key", "VRP manual, trusted keys", _is_not(Verdict.UNTRUSTED_KEY)),
    Test(
        "extension_on_prefix_hash",
        "length extension of H(key || packet)",
        _is_not(Verdict.EXTENSION_ON_PREFIX_HASH),
    ),
    Test("bad_mac", "CVE-2015-7979", _is_not(Verdict.BAD_MAC)),
    Test(
        "unauthenticated",
        "RFC 8633 section 3.4",
        lambda packet: packet.verdict is Verdict.VALID or not packet.authentication_required,
    ),
    Test("unsynchronised", "RFC 5905 section 9.2", lambda packet: packet.header.leap != LEAP_UNSYNCHRONISED),
    Test("stratum", "RFC 5905 section 7.3", lambda packet: 1 <= packet.header.stratum <= MAXIMUM_STRATUM),
    Test("poll", "CVE-2016-7428", lambda packet: MINIMUM_POLL <= packet.header.poll <= MAXIMUM_POLL),
    Test("root_distance", "RFC 5905 section 9.2", lambda packet: _distance(packet.header) < MAXDISP),
    Test("no_transmit_time", "RFC 5905 section 9.2", lambda packet: packet.header.transmit != 0),
    Test(
        "replay",
        "CVE-2015-7973",
        lambda packet: packet.last_transmit is None or later(packet.header.transmit, packet.last_transmit) > 0,
    ),
)

RESPONSE_TESTS: tuple[Test[Response], ...] = (
    Test("response_mode", "RFC 5905 section 9.2", lambda packet: packet.header.mode == MODE_SERVER),
    Test(
        "bogus",
        "RFC 5905 section 9.2, RFC 9769 section 2",
        lambda packet: packet.header.origin == packet.request.transmit or packet.interleaved,
    ),
    Test(
        "response_unauthenticated",
        "CVE-2018-8956",
        lambda packet: (
            packet.expected_key_id is None
            or (packet.verdict is Verdict.VALID and packet.key_id == packet.expected_key_id)
        ),
    ),
    Test("response_bad_mac", "CVE-2015-7979", lambda packet: packet.verdict in (Verdict.VALID, Verdict.ABSENT)),
    Test("response_version", "RFC 5905 section 9.2", lambda packet: packet.header.version == packet.request.version),
    Test("kiss_of_death", "RFC 5905 section 7.4", lambda packet: packet.header.stratum != 0),
    Test("response_unsynchronised", "RFC 5905 section 9.2", lambda packet: packet.header.leap != LEAP_UNSYNCHRONISED),
    Test("response_stratum", "RFC 5905 section 7.3", lambda packet: packet.header.stratum <= MAXIMUM_STRATUM),
    Test("response_root_distance", "RFC 5905 section 9.2", lambda packet: _distance(packet.header) < MAXDISP),
    Test(
        "response_times",
        "RFC 5905 section 9.2",
        lambda packet: packet.header.receive != 0 and packet.header.transmit != 0 and packet.times_are_in_order,
    ),
)

REQUEST_TESTS: tuple[Test[Request], ...] = (
    # Modes 6 and 7 are not spoken: what is not understood can't amplify.
    Test("request_mode", "CVE-2013-5211", lambda packet: packet.header.mode == MODE_CLIENT),
    Test("request_crypto_nak", "RFC 5905 section 9.2", _is_not(Verdict.CRYPTO_NAK)),
    Test("request_unknown_key", "RFC 5905 section 9.2", _is_not(Verdict.UNKNOWN_KEY)),
    Test("request_bad_mac", "RFC 5905 section 9.2", lambda packet: packet.verdict in (Verdict.VALID, Verdict.ABSENT)),
)
