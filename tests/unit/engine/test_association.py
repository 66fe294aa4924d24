# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One association: the interleaved stream, and packets that lie."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.engine.conversation import (
    GROUP,
    RING,
    SERVER,
    Cookies,
    answer,
    asks,
    at,
    at_once,
    broadcast,
    exchange,
    hear,
    new_client,
    volley,
)

from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Estimator
from ntp_multicast_engine.protocol.association import (
    SPREAD,
    WELL_KNOWN,
    Association,
    CloseRequest,
    Phase,
    SendRequest,
    Stream,
)
from ntp_multicast_engine.protocol.client import MAXIMUM_ASSOCIATIONS, MAXIMUM_REMEMBERED, Client, Remembered
from ntp_multicast_engine.protocol.packet_tests import BROADCAST_TESTS, REQUEST_TESTS, RESPONSE_TESTS
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.mac import Algorithm, Key
from ntp_multicast_engine.wire.packet import Header
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, to_ntp


@pytest.fixture
def client() -> Client:
    return new_client()


def test_interleaved_stamps_are_used_when_they_fit(client: Client) -> None:
    association = hear(client, broadcast(0), 0.0001)
    volley(client, association)
    hear(client, broadcast(16, origin=0.00005), 16.0001)
    assert association.stream is Stream.INTERLEAVED


@pytest.mark.parametrize("origin", [-5.0, 12.0, 1e6])
def test_a_forged_interleave_is_not_used(client: Client, origin: float) -> None:
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    for number in range(2, 5):
        hear(client, broadcast(8 * number, origin=None), 8 * number)
    samples = association.estimator.samples
    assert association.stream is Stream.BASIC
    hear(client, broadcast(40, origin=origin), 40)
    assert association.stream is Stream.BASIC and association.warnings == ["interleave_mismatch"]
    assert association.estimator.samples == samples + 1
    estimate = association.estimator.estimate()
    assert estimate is not None and abs(estimate.at(at(40).raw) - (at(40).real - at(40).raw)) < 1000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"origin": 77}, "bogus"),
        ({"mode": 3}, "response_mode"),
        ({"mode": 5}, "response_mode"),
        ({"version": 3}, "response_version"),
        ({"leap": 3}, "response_unsynchronised"),
        ({"stratum": 16}, "response_stratum"),
        ({"stratum": 0, "reference_id": b"INIT"}, "kiss_of_death"),
        ({"receive": 0}, "response_times"),
        ({"transmit": to_ntp(at(-5).real)}, "response_times"),
        ({"receive": to_ntp(at(-5).real)}, "response_times"),
        ({"key_id": None}, "response_unauthenticated"),
        ({"root_dispersion_short": 17 << 16}, "response_root_distance"),
    ],
)
def test_answers_that_are_not_believed(client: Client, changes: dict[str, object], reason: str) -> None:
    association = hear(client, broadcast(0), 0)
    with pytest.raises(PacketError) as caught:
        exchange(client, association, 0.5, **changes)
    assert caught.value.reason == reason
    assert association.estimator.exchanges == 0
    assert association.take_response(
        answer(RING.sign(Header(0, 4, 3, 0, 0, 0, transmit=1001).encode(), 42, 4), 0.5), at(0.5002), RING
    ), "the genuine answer is still waited for"


def test_an_answer_without_a_request(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    with pytest.raises(PacketError, match="no_exchange"):
        association.take_response(answer(bytes(40) + b"\0" * 7 + b"\1", 0), at(0.1), RING)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": 4}, "mode"),
        ({"leap": 3}, "unsynchronised"),
        ({"stratum": 0}, "stratum"),
        ({"stratum": 16}, "stratum"),
        ({"poll": 2}, "poll"),
        ({"poll": 18}, "poll"),
        ({"poll": -1}, "poll"),
        ({"root_delay_short": 40 << 16}, "root_distance"),
        ({"transmit": 0}, "no_transmit_time"),
        ({"key_id": None}, "unauthenticated"),
    ],
)
def test_packets_that_are_not_believed(client: Client, changes: dict[str, int], reason: str) -> None:
    with pytest.raises(PacketError) as caught:
        hear(client, broadcast(0, **changes), 0)
    assert caught.value.reason == reason
    assert not client.associations


def test_extension_fields_under_a_prefix_hash_are_not_believed(client: Client) -> None:
    """What follows a hash of key and packet can be appended by anybody who doesn't know the key."""
    key = Key(7, Algorithm.MD5, b"secret")
    ring = KeyRing({7: key}, frozenset({7}), True)
    extended = broadcast(0, key_id=None) + b"\x01\x04\0\x10" + bytes(12)
    with pytest.raises(PacketError, match="extension_on_prefix_hash"):
        hear(client, ring.sign(extended, 7, 4), 0, ring=ring)


def test_an_answer_with_a_wrong_authenticator_is_not_believed_even_where_none_is_needed(client: Client) -> None:
    optional = KeyRing(RING.keys, RING.trusted, False)
    association = hear(client, broadcast(0, key_id=None), 0, ring=optional)
    (action,) = [item for item in client.wake(at(0.5).raw, optional) if isinstance(item, SendRequest)]
    association.request_sent(at(0.5))
    forged = answer(action.data, 0.5)
    with pytest.raises(PacketError, match="response_bad_mac"):
        association.take_response(forged[:-1] + bytes([forged[-1] ^ 1]), at(0.5002), optional)
    assert association.estimator.exchanges == 0


def test_an_offset_that_jumps_is_not_used_before_an_exchange_confirms_it(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    for number in range(2, 4):
        hear(client, broadcast(8 * number), 8 * number)
    exchange(client, association, 29)
    samples = association.estimator.samples
    hear(client, broadcast(3600), 32)
    assert association.warnings == ["offset_jump"] and association.estimator.samples == samples
    assert association.deadline() == at(32).raw, "asks at once"


def test_what_all_clients_notice_at_once_they_ask_about_at_random() -> None:
    chances = [0.0]
    client = Client([GROUP], {}, Cookies(), lambda: chances[0], Estimator)
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    hear(client, broadcast(16), 16)
    exchange(client, association, 17)
    chances[0] = 0.5
    hear(client, broadcast(3600), 24)
    assert association.deadline() == at(24).raw + SPREAD // 2, "the server's time has jumped"
    for number in (1, 2):
        hear(client, broadcast(3600 + 8 * number), 24 + 8 * number)
    assert association.phase is Phase.VOLLEY, "it doesn't come back"
    assert association.deadline() == at(40).raw + SPREAD // 2


def test_packets_that_fail_leave_an_association_as_it_is(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    before = (association.header, association.last_transmit, association.reach, association.deadline())
    for data in (broadcast(1, poll=2), broadcast(1, key_id=None), broadcast(-1), broadcast(0)):
        with pytest.raises(PacketError):
            hear(client, data, 1)
    assert (association.header, association.last_transmit, association.reach, association.deadline()) == before


def test_only_allowed_servers() -> None:
    group = replace(GROUP, allow_servers=frozenset({SERVER}))
    client = Client([group], {}, Cookies(), at_once, Estimator)
    client.take_broadcast(group, broadcast(0), SERVER, at(0), "kernel", RING)
    with pytest.raises(PacketError, match="server_not_allowed"):
        client.take_broadcast(group, broadcast(0), "10.0.0.66", at(0), "kernel", RING)


def test_a_crowd_of_servers_is_not_followed(client: Client) -> None:
    for number in range(MAXIMUM_ASSOCIATIONS):
        hear(client, broadcast(0), 0, source=f"10.0.1.{number}")
    with pytest.raises(PacketError, match="too_many_associations"):
        hear(client, broadcast(0), 0, source="10.0.2.1")
    assert len(client.associations) == MAXIMUM_ASSOCIATIONS


def test_no_more_is_remembered_than_the_state_file_holds() -> None:
    sources = [f"10.1.0.{number}" for number in range(MAXIMUM_REMEMBERED)]
    old = {Remembered("eth0", "224.0.1.1", 123, source, 42): 1000 - place for place, source in enumerate(sources)}
    client = Client([GROUP], old, Cookies(), at_once, Estimator)
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    hear(client, broadcast(16), 16)
    assert [server.source for server in client.memory] == [*reversed(sources[:-1]), SERVER], "the oldest went"


def test_a_proven_server_is_not_replaced_by_an_unproven_one(client: Client) -> None:
    optional = KeyRing(RING.keys, RING.trusted, False)
    hear(client, broadcast(0), 0, ring=optional)
    with pytest.raises(PacketError, match="unauthenticated"):
        hear(client, broadcast(8, key_id=None), 8, ring=optional)


def test_every_test_has_a_name_of_its_own_and_a_source() -> None:
    tests = [*BROADCAST_TESTS, *RESPONSE_TESTS, *REQUEST_TESTS]
    assert len({test.name for test in tests}) == len(tests) and all(test.source for test in tests)


def test_who_never_answers_gives_way_to_another_server(client: Client) -> None:
    """Whoever hears a packet can send it again from any address, even one that a key has proved."""
    crowd = [f"10.0.1.{number}" for number in range(MAXIMUM_ASSOCIATIONS)]
    for seconds in range(0, 1200, 8):
        for source in crowd:
            hear(client, broadcast(seconds), seconds, source=source)
        if seconds < 20:
            with pytest.raises(PacketError, match="too_many_associations"):
                hear(client, broadcast(seconds), seconds)
        client.wake(at(seconds + 4).raw, RING)
    genuine = hear(client, broadcast(1200), 1200)
    closed = [item.association for item in client.wake(at(1200.5).raw, RING) if isinstance(item, CloseRequest)]
    assert [item.source for item in closed if item.abandoned] == crowd[:1]
    assert genuine in client.associations.values() and len(client.associations) == MAXIMUM_ASSOCIATIONS
    with pytest.raises(PacketError, match="too_many_associations"):
        for number in range(MAXIMUM_ASSOCIATIONS):
            hear(client, broadcast(1201), 1201, source=f"10.0.2.{number}")
    assert genuine in client.associations.values() and not genuine.abandoned


def test_who_has_answered_once_gives_way_to_nobody(client: Client) -> None:
    for number in range(MAXIMUM_ASSOCIATIONS):
        hear(client, broadcast(0), 0, source=f"10.0.1.{number}")
    for association in client.associations.values():
        association.confirmed, association.unanswered = True, 100
    with pytest.raises(PacketError, match="too_many_associations"):
        hear(client, broadcast(0), 0)


@pytest.mark.parametrize(("key_id", "refused"), [(42, True), (None, False)])
def test_a_replay_is_refused_after_a_restart_even_if_the_server_never_answers(
    key_id: int | None, refused: bool
) -> None:
    """With a fallback delay it is used all the same. Without a key anybody could lock it out for ever."""
    group, ring = replace(GROUP, fallback_delay=0.001), KeyRing(RING.keys, RING.trusted, key_id is not None)
    client = Client([group], {}, Cookies(), at_once, Estimator)
    for seconds in range(0, 600, 8):
        client.take_broadcast(group, broadcast(seconds, key_id=key_id), SERVER, at(seconds), "kernel", ring)
        client.wake(at(seconds + 4).raw, ring)
    assert client.associations[group, SERVER].usable
    again = Client([group], client.memory, Cookies(), at_once, Estimator)
    try:
        again.take_broadcast(group, broadcast(100, key_id=key_id), SERVER, at(700), "kernel", ring)
    except PacketError as error:
        assert error.reason == "replay" and refused
    else:
        assert not refused


def test_a_sender_who_changes_his_ways_all_the_time_fills_no_log(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    for number in range(1, 1001):
        # Four packets without an origin mean another mode, one with a good one means the first mode again.
        seconds = 10 + number / 100
        hear(client, broadcast(seconds, origin=seconds - 0.01 if number % 5 == 0 else None), seconds)
    assert len(association.events) == 2
    hear(client, broadcast(700, origin=None), 700)
    for number in range(1, 11):
        hear(client, broadcast(700 + number, origin=699 + number if number % 5 == 0 else None), 700 + number)
    assert len(association.events) == 4


def answered(client: Client, association: Association, seconds: float, **changes: object) -> str | None:
    """Why an answer isn't accepted."""
    try:
        exchange(client, association, seconds, **changes)
    except PacketError as error:
        return error.reason
    return None


@pytest.mark.parametrize(("kiss", "again"), [(b"RATE", 64), (b"INIT", 4), (b"deny", 4)])
def test_the_kiss_rate_slows_down_and_only_from_the_server_itself(client: Client, kiss: bytes, again: float) -> None:
    """CVE-2015-7704 and CVE-2015-7705: whoever can't know the cookie, or the key, slows nobody down."""
    association = hear(client, broadcast(0), 0)
    for number, lie in enumerate(({"origin": 77}, {"key_id": None})):
        seconds = 0.5 if number == 0 else 6.5
        reason = answered(client, association, seconds, stratum=0, reference_id=kiss, **lie)
        assert reason == ("bogus", "response_unauthenticated")[number]
        assert not asks(client, seconds + 1.1), "it is given up, and asked again"
    association._back_off = 2 * NANOSECONDS
    assert answered(client, association, 20, stratum=0, reference_id=kiss) == "kiss_of_death"
    assert not asks(client, 21.1)
    assert association._next_exchange - at(21.1).raw == again * NANOSECONDS


def test_an_answer_proves_itself_with_the_servers_own_key(client: Client) -> None:
    """Another key of this host proves somebody else."""
    both = {**RING.keys, 43: Key(43, Algorithm.HMAC_SHA256, b"another")}
    ring = KeyRing(both, frozenset(both), True)
    association = hear(client, broadcast(0), 0, ring=ring)
    (action,) = [item for item in client.wake(at(0.5).raw, ring) if isinstance(item, SendRequest)]
    association.request_sent(at(0.5))
    header = Header.decode(answer(action.data, 0.5))
    with pytest.raises(PacketError, match="response_unauthenticated"):
        association.take_response(ring.sign(header.encode(), 43, 4), at(0.5002), ring)
    forged = header.encode() + (42).to_bytes(4, "big") + bytes(20)
    with pytest.raises(PacketError, match="response_unauthenticated"):
        association.take_response(forged, at(0.5002), ring)


@pytest.mark.parametrize("stratum", [1, 15])
def test_the_first_and_the_last_stratum_are_believed(client: Client, stratum: int) -> None:
    association = hear(client, broadcast(0, stratum=stratum), 0)
    assert answered(client, association, 0.5, stratum=stratum) is None


@pytest.mark.parametrize(("poll", "accepted"), [(2, False), (3, True), (17, True), (18, False)])
def test_the_shortest_and_the_longest_interval_are_believed(client: Client, poll: int, accepted: bool) -> None:
    if accepted:
        assert hear(client, broadcast(0, poll=poll), 0).poll_interval == (1 << poll) * NANOSECONDS
    else:
        with pytest.raises(PacketError, match="poll"):
            hear(client, broadcast(0, poll=poll), 0)


@pytest.mark.parametrize(
    ("round_trip", "reason"),
    [(-0.002, "response_delay"), (-0.0005, None), (0.0, None), (0.9, None), (1.1, "response_delay")],
)
def test_a_round_trip_takes_up_to_a_second(client: Client, round_trip: float, reason: str | None) -> None:
    association = hear(client, broadcast(0), 0)
    stamp = to_ntp(at(0.5).real)
    (action,) = [item for item in client.wake(at(0.5).raw, RING) if isinstance(item, SendRequest)]
    association.request_sent(at(0.5))
    data = answer(action.data, 0.5, receive=stamp, transmit=stamp)
    try:
        association.take_response(data, at(0.5 + round_trip), RING)
    except PacketError as error:
        assert error.reason == reason
    else:
        assert reason is None


def test_a_replay_makes_the_server_be_asked_but_not_every_time(client: Client) -> None:
    """It may be a server whose clock was set back. Whoever plays packets again makes it be asked now and then."""
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    association._good = WELL_KNOWN
    exchange(client, association, 17)
    last = 0.0
    for seconds, asked in ((20, True), (28, False), (70, False), (85, True)):
        hear(client, broadcast(seconds - 1), seconds - 1)
        with pytest.raises(PacketError, match="replay"):
            hear(client, broadcast(last), seconds)
        assert (association._next_exchange <= at(seconds).raw) is asked
        if asked:
            exchange(client, association, seconds)


def test_what_an_exchange_has_confirmed_is_remembered_under_its_key(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    for number in range(4):
        assert not client.memory, "before four exchanges it may be anybody"
        exchange(client, association, 0.5 + 2.5 * number)
        client.confirm(association)
    assert client.memory == {Remembered("eth0", "224.0.1.1", 123, SERVER, 42): to_ntp(at(0).real)}
    hear(client, broadcast(8), 8)
    assert client.memory == {Remembered("eth0", "224.0.1.1", 123, SERVER, 42): to_ntp(at(8).real)}


def test_a_stream_whose_origins_never_fit_is_a_basic_one(client: Client) -> None:
    association = hear(client, broadcast(0, origin=-100), 0)
    volley(client, association)
    for number, stream in ((2, Stream.UNKNOWN), (3, Stream.UNKNOWN), (4, Stream.UNKNOWN), (5, Stream.BASIC)):
        hear(client, broadcast(8 * number, origin=-100), 8 * number)
        assert association.stream is stream
    assert association.warnings == ["interleave_mismatch"] * 4


def test_lost_packets_are_no_change_of_the_mode(client: Client) -> None:
    """An origin that isn't 0 speaks of a packet that was lost, however many are."""
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    hear(client, broadcast(16, origin=0), 16)
    estimator = association.estimator
    for number in range(4, 60, 2):
        hear(client, broadcast(8 * number, origin=8 * number - 8), 8 * number)
    assert association.stream is Stream.INTERLEAVED and association.phase is Phase.LISTENING
    assert association.estimator is estimator and not association.events


def test_lost_packets_at_the_start_are_no_sign_of_the_basic_mode(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    for number in range(2, 20, 2):
        hear(client, broadcast(8 * number, origin=8 * number - 8), 8 * number)
    assert association.stream is Stream.UNKNOWN
    hear(client, broadcast(160, origin=144), 160)
    assert association.stream is Stream.INTERLEAVED


@pytest.mark.parametrize(("without_origin", "stream"), [(3, Stream.INTERLEAVED), (4, Stream.BASIC)])
def test_an_interleaved_stream_may_miss_three_stamps_in_a_row(
    client: Client, without_origin: int, stream: Stream
) -> None:
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    hear(client, broadcast(16, origin=0), 16)
    for number in range(3, 3 + without_origin):
        assert association.stream is Stream.INTERLEAVED
        hear(client, broadcast(8 * number), 8 * number)
    assert association.stream is stream
    assert (association.phase is Phase.VOLLEY) is (stream is Stream.BASIC)


@pytest.mark.parametrize("code", [b"DENY", b"RSTR"])
def test_a_server_that_refuses_service_is_neither_asked_nor_used(client: Client, code: bytes) -> None:
    """RFC 5905 section 7.4."""
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    assert association.usable
    assert answered(client, association, 17, stratum=0, reference_id=code) == "kiss_of_death"
    assert association.denied == code.decode() and not association.usable
    assert association.events == [f"server {SERVER} refuses service ({code.decode()}): it is not used any more"]
    for number in range(3, 40):
        assert hear(client, broadcast(8 * number), 8 * number) is association
        assert not asks(client, 8 * number + 1)
    with pytest.raises(PacketError, match="no_exchange"):
        association.take_response(answer(RING.sign(bytes(48), 42, 4), 321), at(321), RING)


@pytest.mark.parametrize("lie", [{"origin": 77}, {"key_id": None}])
def test_nobody_else_can_refuse_a_servers_service(client: Client, lie: dict[str, object]) -> None:
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    assert answered(client, association, 17, stratum=0, reference_id=b"DENY", **lie) != "kiss_of_death"
    assert association.denied is None and association.usable


def test_a_reload_asks_a_server_anew_that_has_refused_service(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    answered(client, association, 0.5, stratum=0, reference_id=b"DENY")
    assert client.reconfigure([GROUP], RING) == [association] and not client.associations
    again = hear(client, broadcast(8), 8)
    assert again.denied is None and asks(client, 8.6)
    assert client.reconfigure([GROUP], RING) == []


def test_a_denied_server_that_falls_silent_is_forgotten(client: Client) -> None:
    association = hear(client, broadcast(0), 0)
    answered(client, association, 0.5, stratum=0, reference_id=b"DENY")
    for number in range(1, 33):
        client.wake(at(8 * number + 4.1).raw, RING)
    assert association.abandoned and not client.associations


def test_reach_and_abandonment(client: Client) -> None:
    """RFC 5905 section 13: eight missed packets make it unreachable, UNREACH (24) more end it."""
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    reaches = []
    for number in range(1, 33):
        client.wake(at(8 * number + 4.1).raw, RING)
        reaches.append(association.reach)
    assert reaches[:9] == [2, 4, 8, 16, 32, 64, 128, 0, 0]
    assert association.abandoned is (association not in client.associations.values())
    assert number == 32 and association.abandoned
    again = hear(client, broadcast(300), 300)
    assert again is not association
