# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constants of the standards and thresholds, each at its edge: what lies just before it, and just behind."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.conversation import (
    GROUP,
    RING,
    SERVER,
    Cookies,
    at,
    broadcast,
    exchange,
    hear,
    new_client,
    volley,
)
from unit.engine.simulation import START, Node, Simulation, client_configuration, server_configuration
from unit.engine.test_discipline import SteeredClock

from ntp_multicast_engine.clock.discipline import MAXIMUM_SLEW, Kernel
from ntp_multicast_engine.config.configuration import Discipline
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Correction, Estimate, Estimator
from ntp_multicast_engine.filter.kalman import KalmanFilter, Model
from ntp_multicast_engine.net import addresses
from ntp_multicast_engine.net.netlink import AddressOfInterface
from ntp_multicast_engine.protocol.association import (
    ATTEMPTS_WITHOUT_ANSWER,
    GOOD_EXCHANGES,
    MAXIMUM_BACK_OFF,
    PHI,
    SPREAD,
)
from ntp_multicast_engine.protocol.client import Client
from ntp_multicast_engine.protocol.multicast_server import Announcement, Sender
from ntp_multicast_engine.protocol.packet_tests import MAXDISP
from ntp_multicast_engine.protocol.selection import MAXDIST
from ntp_multicast_engine.wire.keyring import Verdict
from ntp_multicast_engine.wire.packet import MAXIMUM_POLL, MINIMUM_POLL, Header, parse
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, to_short


@pytest.fixture
def client() -> Client:
    return new_client()


def test_constants_of_the_standard() -> None:
    """RFC 5905 sections 7.2, 11.2 and 13; MAXDIST as ntpd has it, MINIMUM_POLL as ntpd and chrony have it."""
    assert (PHI, MAXDISP, MAXDIST, MINIMUM_POLL, MAXIMUM_POLL) == (15e-6, 16.0, 1.5, 3, 17)
    assert (GOOD_EXCHANGES, ATTEMPTS_WITHOUT_ANSWER) == (4, 8)
    assert (MAXIMUM_BACK_OFF, SPREAD, MAXIMUM_SLEW) == (64 * NANOSECONDS, NANOSECONDS // 2, 500e-6)


def test_a_silent_server_is_forgotten_after_unreach_polls(client: Client) -> None:
    """RFC 5905 section 13: unreachable when the last bit has left the register, and given up 24 polls later."""
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    for number in range(1, 31):
        client.wake(at(8 * number + 4.1).raw, RING)
        assert not association.abandoned and client.associations, number
    client.wake(at(8 * 31 + 4.1).raw, RING)
    assert association.abandoned and not client.associations


@given(st.floats(0, 1e5))
def test_dispersion_grows_with_age_at_phi(age: float) -> None:
    """RFC 5905 section 11.2."""
    client = new_client()
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    estimate = association.estimator.estimate()
    assert estimate is not None
    raw = estimate.raw + round(age * NANOSECONDS)
    fresh = association.dispersion(estimate, estimate.raw)
    assert association.dispersion(estimate, raw) - fresh == pytest.approx(15e-6 * age, abs=1e-9)
    assert association.root_dispersion(estimate, raw) >= fresh + 15e-6 * age - 1e-9


@pytest.mark.parametrize(("stratum", "accepted"), [(0, False), (1, True), (15, True), (16, False)])
def test_the_edges_of_stratum(client: Client, stratum: int, accepted: bool) -> None:
    if accepted:
        assert hear(client, broadcast(0, stratum=stratum), 0)
    else:
        with pytest.raises(PacketError, match="stratum"):
            hear(client, broadcast(0, stratum=stratum), 0)


@pytest.mark.parametrize(
    ("delay", "dispersion", "accepted"),
    [(0.0, 15.999, True), (0.0, 16.0, False), (31.99, 0.0, True), (32.0, 0.0, False)],
)
def test_the_edges_of_maxdisp(client: Client, delay: float, dispersion: float, accepted: bool) -> None:
    shorts = {"root_delay_short": to_short(delay), "root_dispersion_short": to_short(dispersion)}
    if accepted:
        association = hear(client, broadcast(0, **shorts), 0)
        exchange(client, association, 0.5, **shorts)
        return
    with pytest.raises(PacketError, match="root_distance"):
        hear(client, broadcast(0, **shorts), 0)
    association = hear(client, broadcast(0), 0)
    with pytest.raises(PacketError, match="response_root_distance"):
        exchange(client, association, 0.5, **shorts)


@pytest.mark.parametrize(("offset", "steered"), [(999.9, True), (1000.1, False)])
def test_the_edge_of_the_panic_threshold(offset: float, steered: bool) -> None:
    """RFC 5905 section 7.2, PANICT: 1000 s."""
    clock = SteeredClock(offset)
    kernel = Kernel(Discipline("kernel", step="never"), clock)
    kernel.update(Correction(Estimate(0, START, 0.0, 1e-4, 1e-6, 1e-6), 0, 0.01), clock.now())
    assert (clock.frequency != 0.0) is steered and (kernel.last_error is None) is steered


@pytest.mark.parametrize(("offset", "stepped"), [(0.124, False), (0.126, True)])
def test_the_edge_of_the_step_threshold(offset: float, stepped: bool) -> None:
    """RFC 5905 section 7.2, STEPT: 0.125 s."""
    clock = SteeredClock(offset)
    kernel = Kernel(Discipline("kernel"), clock)
    kernel.update(Correction(Estimate(0, START, 0.0, 1e-4, 1e-6, 1e-6), 0, 0.01), clock.now())
    assert bool(clock.steps) is stepped


# Extension fields and crypto-NAKs (RFC 7822 section 7.5, RFC 5905 section 9.2)


def field(length: int, declared: int | None = None) -> bytes:
    return b"\x01\x04" + (length if declared is None else declared).to_bytes(2, "big") + bytes(length - 4)


HEADER = Header(0, 4, 5, 2, 3, -20, transmit=1).encode()
AUTHENTICATOR = (42).to_bytes(4, "big") + bytes(16)


@pytest.mark.parametrize(
    ("tail", "covered"),
    [
        (field(28), 28),
        (field(32), 32),
        (field(16) + field(28), 44),
        (field(16) + AUTHENTICATOR, 16),
        (field(24) + AUTHENTICATOR, 24),
        (field(16) + field(24) + AUTHENTICATOR + bytes(4), 40),
        (field(24), 0),
        (field(20), 0),
    ],
)
def test_what_is_a_field_and_what_is_an_authenticator(tail: bytes, covered: int) -> None:
    """What 20 or 24 octets at the end look like, they are an authenticator."""
    packet = parse(HEADER + tail, lambda _key, _length: False)
    assert len(packet.covered) == 48 + covered
    assert (packet.authenticator is None) is (covered == len(tail))


@pytest.mark.parametrize(
    "tail",
    [
        field(16),
        field(12) + AUTHENTICATOR,
        field(16, 15) + AUTHENTICATOR,
        field(16, 18) + AUTHENTICATOR,
        field(32, 64) + AUTHENTICATOR,
        field(28) + field(16),
        field(28) + bytes(8),
        field(28) + bytes(3),
    ],
)
def test_fields_that_no_packet_has(tail: bytes) -> None:
    with pytest.raises(PacketError, match=r"extension|length"):
        parse(HEADER + tail, lambda _key, _length: False)


@pytest.mark.parametrize("required", [True, False])
def test_a_crypto_nak_tears_nothing_down(client: Client, required: bool) -> None:
    """CVE-2016-4953: it proves nothing. Where nothing has to be proved it is a packet without an authenticator."""
    ring = replace(RING, required=required)
    nak = parse(broadcast(0, key_id=None) + bytes(4), ring.long_tag)
    assert ring.verify(nak) is Verdict.CRYPTO_NAK
    assert ring.judge_source(nak) is (Verdict.CRYPTO_NAK if required else Verdict.ABSENT)
    association = hear(client, broadcast(0), 0, ring=ring)
    with pytest.raises(PacketError, match=r"crypto_nak|unauthenticated"):
        hear(client, broadcast(8, key_id=None) + bytes(4), 8, ring=ring)
    assert association.key_id == 42 and association.reach == 1


def test_a_crypto_nak_answers_no_request(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    data = Header(0, 4, 4, 2, 3, -20, origin=1001, receive=1, transmit=1).encode() + bytes(4)
    client.wake(at(0.5).raw, RING)
    association.request_sent(at(0.5))
    with pytest.raises(PacketError, match="response_unauthenticated"):
        association.take_response(data, at(0.5001), RING)


# Addresses of an interface (RFC 6724, RFC 8981)

FIRST, SECOND, LINK = "20010db8000000000000000000000001", "20010db8000000000000000000000002", f"fe80{'0' * 27}9"
GLOBAL, LOCAL = 0, 253
PERMANENT, TEMPORARY, TENTATIVE, DEPRECATED, FAILED = "80", "01", "40", "20", "08"


@pytest.mark.parametrize(
    ("group", "lines", "expected"),
    [
        ("ff05::101", [(FIRST, GLOBAL, TEMPORARY), (SECOND, GLOBAL, PERMANENT)], "2001:db8::2"),
        ("ff05::101", [(FIRST, GLOBAL, TEMPORARY)], "2001:db8::1"),
        ("ff05::101", [(LINK, LOCAL, PERMANENT), (FIRST, GLOBAL, TEMPORARY)], "2001:db8::1"),
        ("ff02::101", [(FIRST, GLOBAL, PERMANENT), (LINK, LOCAL, PERMANENT)], "fe80::9"),
        ("ff03::101", [(FIRST, GLOBAL, PERMANENT), (LINK, LOCAL, PERMANENT)], "2001:db8::1"),
        ("ff02::101", [(FIRST, GLOBAL, PERMANENT)], "2001:db8::1"),
        ("ff05::101", [(FIRST, GLOBAL, TENTATIVE), (SECOND, GLOBAL, DEPRECATED), (LINK, LOCAL, FAILED)], None),
    ],
)
def test_the_address_that_multicasts_leave_with(
    group: str, lines: list[tuple[str, int, str]], expected: str | None
) -> None:
    """A server is known by its address, so one that is made to be replaced is the last choice."""
    there = [
        AddressOfInterface(2, ipaddress.IPv6Address(bytes.fromhex(packed)), int(flags, 16), scope, 64)
        for packed, scope, flags in lines
    ]
    found = addresses._ipv6(there, ipaddress.ip_address(group))
    assert (None if found is None else str(found)) == expected


# The schedule of a server, and whom it follows


@given(st.integers(0, 2**32), st.sampled_from([3, 6, 10]))
def test_a_multicast_is_late_by_a_tenth_of_a_second_at_most(seed: int, poll: int) -> None:
    server = replace(server_configuration(poll=poll).configuration.servers[0])
    chance = random.Random(seed).random
    sender = Sender(server, chance, 0)
    start, lateness = sender.due, []
    assert 0 <= start < NANOSECONDS // 2
    for number in range(1, 50):
        sender.schedule(sender.due)
        lateness.append(sender.due - start - number * NANOSECONDS * (1 << poll))
    assert all(0 <= late < NANOSECONDS // 10 for late in lateness)
    assert max(lateness) > NANOSECONDS // 20 and min(lateness) < NANOSECONDS // 20, "each time anew"


@pytest.mark.parametrize(
    ("stratum", "reference", "followed"),
    [(2, bytes((10, 0, 0, 2)), False), (1, bytes((10, 0, 0, 2)), True), (2, bytes((10, 0, 0, 3)), True)],
)
def test_a_server_that_follows_this_host_is_not_followed(stratum: int, reference: bytes, followed: bool) -> None:
    """RFC 5905 section 11.2.1, the loop test. The reference of a stratum 1 server is the name of a clock."""
    simulation = Simulation(seed=7)
    server = Node(simulation, "10.0.0.1", server_configuration())
    node = Node(simulation, "10.0.0.2", client_configuration())
    told = Announcement(0, stratum, reference, 0.0, 0.001, START)
    server.engine.announcement = lambda _now: told  # type: ignore[method-assign]
    simulation.run(60)
    assert (node.engine.selected is not None) is followed
    assert (node.engine.dropped["loop"] > 0) is not followed


# The estimator


@given(
    st.floats(0.1, 1000),
    st.floats(0.05, 0.95),
    st.sampled_from([3e-10, 3e-9, 1e-7, 3e-6]),
)
def test_time_goes_by_alike_in_one_step_and_in_two(seconds: float, share: float, wander: float) -> None:
    """Process noise of an integrated random walk: t, t^2/2 and t^3/3. Any other powers depend on the steps."""
    model = Model(wander, 1e-7, False, 1.0)
    whole, parts = (KalmanFilter(model, 1e-6, 1e-5, 1e-5) for _unused in range(2))
    whole.advance(seconds)
    parts.advance(seconds * share)
    parts.advance(seconds)
    assert parts.mean == pytest.approx(whole.mean)
    for one, other in zip(parts.covariance, whole.covariance):
        assert one == pytest.approx(other, rel=1e-6, abs=1e-30)


def test_clients_that_hear_one_multicast_ask_at_random_times() -> None:
    chance = random.Random(3)
    begins = []
    for _unused in range(50):
        client = Client([GROUP], {}, Cookies(), chance.random, Estimator)
        association = client.take_broadcast(GROUP, broadcast(0), SERVER, at(0), "kernel", RING)
        begins.append(association.deadline() - at(0).raw)
    assert 0 <= min(begins) < SPREAD // 8 and SPREAD * 7 // 8 < max(begins) < SPREAD
