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
from ntp_multicast_engine.wire.timestamps import later

MAXDISP = 16.0
"""Seconds (RFC 5905 section 7.2): a server that is farther from its reference isn't synchronised."""
MAXIMUM_STRATUM = 15
_LONGEST_STAY = 1 << 32
"""A server has a request for less than a second; a client waits for an answer for no longer."""

Arrived = TypeVar("Arrived")


@dataclass(frozen=True)
class Test(Generic[Arrived]):
    """`passes` says whether a packet stands it; `source` is why the test exists."""

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

    `cookie` and `interleaved_cookie` are the request's random transmit and receive timestamps, `last_receive` is the
    receive timestamp of the answer before.
    """

    header: Header
    version: int
    verdict: Verdict
    key_id: int | None
    expected_key_id: int | None
    cookie: int
    interleaved_cookie: int = 0
    last_receive: int | None = None

    @property
    def interleaved(self) -> bool:
        """RFC 9769 section 2: it tells when the answer before left."""
        return self.last_receive is not None and self.interleaved_cookie == self.header.origin != self.cookie

    @property
    def times_are_in_order(self) -> bool:
        """Nothing leaves before it came, nor long after."""
        came = self.last_receive if self.interleaved and self.last_receive is not None else self.header.receive
        return 0 <= later(self.header.transmit, came) < _LONGEST_STAY


@dataclass(frozen=True)
class Request:
    """A packet to the responder."""

    header: Header
    verdict: Verdict


def first_failure(tests: Sequence[Test[Arrived]], arrived: Arrived) -> str | None:
    """The name of the first test that the packet fails, or None."""
    for test in tests:
        if not test.passes(arrived):
            return test.name
    return None


def _authentic(verdict: Verdict, required: bool) -> bool:
    return verdict is Verdict.VALID or (verdict is Verdict.ABSENT and not required)


def _distance(header: Header) -> float:
    return header.root_delay / 2 + header.root_dispersion


# The authenticator comes before all that an attacker could choose freely.
_VERDICTS: tuple[Test[Broadcast], ...] = tuple(
    Test(name, source, check)
    for name, source, check in (
        (
            "crypto_nak",
            "CVE-2016-4953, CVE-2016-4955",
            lambda arrived: arrived.verdict is not Verdict.CRYPTO_NAK,
        ),
        ("unknown_key", "RFC 5905 section 9.2", lambda arrived: arrived.verdict is not Verdict.UNKNOWN_KEY),
        ("untrusted_key", "VRP manual, trusted keys", lambda arrived: arrived.verdict is not Verdict.UNTRUSTED_KEY),
        (
            "extension_on_prefix_hash",
            "length extension of H(key || packet)",
            lambda arrived: arrived.verdict is not Verdict.EXTENSION_ON_PREFIX_HASH,
        ),
        ("bad_mac", "CVE-2015-7979", lambda arrived: arrived.verdict is not Verdict.BAD_MAC),
        (
            "unauthenticated",
            "RFC 8633 section 3.4",
            lambda arrived: _authentic(arrived.verdict, arrived.authentication_required),
        ),
    )
)

BROADCAST_TESTS: tuple[Test[Broadcast], ...] = (
    Test("mode", "RFC 5905 section 9.2", lambda arrived: arrived.header.mode == MODE_BROADCAST),
    Test(
        "server_not_allowed",
        "CVE-2016-1549",
        lambda arrived: not arrived.allowed_servers or arrived.source in arrived.allowed_servers,
    ),
    *_VERDICTS,
    Test("unsynchronised", "RFC 5905 section 9.2", lambda arrived: arrived.header.leap != LEAP_UNSYNCHRONISED),
    Test("stratum", "RFC 5905 section 7.3", lambda arrived: 1 <= arrived.header.stratum <= MAXIMUM_STRATUM),
    Test("poll", "CVE-2016-7428", lambda arrived: MINIMUM_POLL <= arrived.header.poll <= MAXIMUM_POLL),
    Test("root_distance", "RFC 5905 section 9.2", lambda arrived: _distance(arrived.header) < MAXDISP),
    Test("no_transmit_time", "RFC 5905 section 9.2", lambda arrived: arrived.header.transmit != 0),
    Test(
        "replay",
        "CVE-2015-7973",
        lambda arrived: arrived.last_transmit is None or later(arrived.header.transmit, arrived.last_transmit) > 0,
    ),
)

RESPONSE_TESTS: tuple[Test[Response], ...] = (
    Test("response_mode", "RFC 5905 section 9.2", lambda arrived: arrived.header.mode == MODE_SERVER),
    Test(
        "bogus",
        "RFC 5905 section 9.2, RFC 9769 section 2",
        lambda arrived: arrived.header.origin == arrived.cookie or arrived.interleaved,
    ),
    Test(
        "response_unauthenticated",
        "CVE-2018-8956",
        lambda arrived: (
            arrived.expected_key_id is None
            or (arrived.verdict is Verdict.VALID and arrived.key_id == arrived.expected_key_id)
        ),
    ),
    Test("response_bad_mac", "CVE-2015-7979", lambda arrived: arrived.verdict in (Verdict.VALID, Verdict.ABSENT)),
    Test("response_version", "RFC 5905 section 9.2", lambda arrived: arrived.header.version == arrived.version),
    Test("kiss_of_death", "RFC 5905 section 7.4", lambda arrived: arrived.header.stratum != 0),
    Test("response_unsynchronised", "RFC 5905 section 9.2", lambda arrived: arrived.header.leap != LEAP_UNSYNCHRONISED),
    Test("response_stratum", "RFC 5905 section 7.3", lambda arrived: arrived.header.stratum <= MAXIMUM_STRATUM),
    Test("response_root_distance", "RFC 5905 section 9.2", lambda arrived: _distance(arrived.header) < MAXDISP),
    Test(
        "response_times",
        "RFC 5905 section 9.2",
        lambda arrived: arrived.header.receive != 0 and arrived.header.transmit != 0 and arrived.times_are_in_order,
    ),
)

REQUEST_TESTS: tuple[Test[Request], ...] = (
    # Modes 6 and 7 are not spoken: what is not understood can't amplify (CVE-2013-5211).
    Test("request_mode", "CVE-2013-5211", lambda arrived: arrived.header.mode == MODE_CLIENT),
    Test("request_crypto_nak", "RFC 5905 section 9.2", lambda arrived: arrived.verdict is not Verdict.CRYPTO_NAK),
    Test("request_unknown_key", "RFC 5905 section 9.2", lambda arrived: arrived.verdict is not Verdict.UNKNOWN_KEY),
    Test(
        "request_bad_mac",
        "RFC 5905 section 9.2",
        lambda arrived: arrived.verdict in (Verdict.VALID, Verdict.ABSENT),
    ),
)

OTHER_REASONS = {
    "length": "RFC 5905 section 7.3: a size that no packet has",
    "version": "RFC 5905 section 7.3: not 1 to 4",
    "extension": "RFC 7822: a malformed extension field",
    "truncated": "longer than any packet that is spoken here",
    "wrong_interface": "ip(7) IP_MULTICAST_ALL: came in over another interface",
    "wrong_group": "ip(7) IP_MULTICAST_ALL: sent to another address",
    "too_many_associations": "CVE-2016-1549: more servers in a group than are followed",
    "client_not_allowed": "RFC 8633 section 3.6: a request from outside server.allow",
    "kernel_filter": "the kernel's filter refused it by size, version, mode or sender, or the queue was full",
    "rate_limited": "RFC 8633 section 3.6: too many unauthenticated requests from one address",
    "nothing_to_serve": "RFC 5905 section 9.2: no synchronised time to answer with",
    "no_exchange": "RFC 5905 section 9.2: a response without a request",
    "response_delay": "a round trip outside 0 to 1 s",
    "interleave_mismatch": "CVE-2016-4956: an origin that doesn't follow the packet before, which may also be lost",
    "offset_jump": "Malhotra and Goldberg 2016: a jump that a fresh exchange hasn't confirmed",
    "loop": "RFC 5905 section 11.2.1: a server that follows this host",
    "leap_month": "CVE-2016-4954: a leap second in a month that never had one",
}
"""Drop reasons that need more than the packet to be judged; by name, with the source. The last four drop what the
packet says, not that it came: it still shows that its server is there."""
