# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cards' stamps: control messages and what becomes of them, with a card that isn't there behind the door."""

from __future__ import annotations

import ipaddress
import os
import select
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.cards import EVERYTHING, PTP_V2_EVENT, SECOND, START, SimulatedClock, SimulatedDoor

from ntp_multicast_engine.batch import Alike, Batch
from ntp_multicast_engine.clock.system_clock import Instant, SystemClock, at
from ntp_multicast_engine.config.configuration import MulticastClient, MulticastServer
from ntp_multicast_engine.hardware import Card, Cards
from ntp_multicast_engine.hardware_clock import Reading
from ntp_multicast_engine.hardware_door import (
    FILTER_ALL,
    FILTER_NONE,
    FILTER_NTP_ALL,
    TX_OFF,
    TX_ON,
    Offer,
    Stamping,
)
from ntp_multicast_engine.net import addresses, request_socket
from ntp_multicast_engine.net import control_messages as ancillary
from ntp_multicast_engine.net.control_messages import (
    CARD_RECEIVED,
    CARD_SENT,
    HARDWARE,
    KERNEL,
    SO_TIMESTAMPING,
    STAMP_BOTH,
    USER,
    Datagram,
    assemble,
    stamps_of,
)
from ntp_multicast_engine.net.request_socket import RequestSocket
from ntp_multicast_engine.net.sockets import GroupSocket, stamped_by
from ntp_multicast_engine.protocol.multicast_server import Announcement, Sender
from ntp_multicast_engine.wire.authentication import KeyRing
from ntp_multicast_engine.wire.packet import parse as parse_packet
from ntp_multicast_engine.wire.timestamps import from_ntp


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def door(clock: SimulatedClock) -> SimulatedDoor:
    return SimulatedDoor(clock)


def card_of(door: SimulatedDoor) -> Card:
    card = Cards(["eth0"], door.clock, door).of("eth0")
    assert card is not None
    return card


# Control messages

stamps = st.tuples(st.integers(1, 2**33), st.integers(0, SECOND - 1))


@given(software=st.one_of(st.just((0, 0)), stamps), card=st.one_of(st.just((0, 0)), stamps))
def test_both_stamps_of_a_control_message_are_found(software: tuple[int, int], card: tuple[int, int]) -> None:
    message = struct.pack("@6l", *software, 0, 0, *card)
    assert len(message) == 48
    assert stamps_of(message) == (software[0] * SECOND + software[1], card[0] * SECOND + card[1])


@given(st.binary(max_size=80))
def test_no_control_message_is_too_odd(message: bytes) -> None:
    assert all(isinstance(stamp, int) for stamp in stamps_of(message))


def test_a_datagram_carries_both_stamps() -> None:
    now = Instant(START + 5_000, 5_000)
    message = struct.pack("@6l", START // SECOND, 1_000, 0, 0, 12, 34)
    told = [(socket.SOL_SOCKET, SO_TIMESTAMPING, message)]
    datagram = assemble(bytes(48), told, 0, ("192.0.2.1", 123), now)
    assert (datagram.arrival.real, datagram.stamps, datagram.hardware) == (START + 1_000, KERNEL, 12 * SECOND + 34)


class ErrorQueue:
    """A socket whose error queue holds these messages."""

    def __init__(self, messages: list[list[tuple[int, int, bytes]]]) -> None:
        self._messages = messages

    def recvmsg(self, _size: int, _space: int, _flags: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        if not self._messages:
            raise BlockingIOError
        return b"", self._messages.pop(0), 0, None


@pytest.mark.parametrize(
    ("level", "kind"),
    [(socket.IPPROTO_IP, ancillary.IP_RECVERR), (socket.IPPROTO_IPV6, ancillary.IPV6_RECVERR)],
)
def test_the_error_queue_tells_the_kernels_and_the_cards_stamp_of_one_datagram(level: int, kind: int) -> None:
    error = (level, kind, struct.pack("=IBBBBII", 42, 4, 0, 0, 0, 0, 7) + bytes(16))
    kernel = (socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@6l", 1_800_000_000, 5, 0, 0, 0, 0))
    card = (socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@6l", 0, 0, 0, 0, 99, 6))
    queue: Any = ErrorQueue([[kernel, error], [card, error]])
    first, second = ancillary.departure(queue), ancillary.departure(queue)
    assert first == ancillary.Departure(7, START + 5)
    assert second == ancillary.Departure(7, 0, 99 * SECOND + 6)
    assert ancillary.departure(queue) is None


def test_this_kernel_takes_the_request_for_both() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert ancillary.enable_stamps(sock, STAMP_BOTH | CARD_SENT | CARD_RECEIVED)
        taken = sock.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING)
    assert taken == STAMP_BOTH | CARD_SENT | CARD_RECEIVED


# Conversion


def test_an_arrival_is_the_end_of_the_frame(clock: SimulatedClock, door: SimulatedDoor) -> None:
    card = card_of(door)
    now = clock.now()
    start = now.real - 50_000
    # 72 octets and the headers of UDP, IPv4 and Ethernet with its check sum, at 1 Gbit/s.
    assert card.arrival(door.shows(start), now.real - 20_000, now, 72, 4) == pytest.approx(start + 944, abs=2)
    assert card.arrival(door.shows(start), now.real - 20_000, now, 72, 6) == pytest.approx(start + 1104, abs=2)
    door.bits = None
    card.link_changed()
    assert card.arrival(door.shows(start), now.real - 20_000, now, 72, 4) == pytest.approx(start, abs=2)


def test_a_departure_is_the_start_of_the_frame(clock: SimulatedClock, door: SimulatedDoor) -> None:
    card = card_of(door)
    sent = clock.now().real
    assert card.departure(door.shows(sent + 3_000), sent) == pytest.approx(sent + 3_000, abs=2)


@pytest.mark.parametrize("early", [-30_000, 20_000_000, 3_600 * SECOND])
def test_an_arrival_far_from_the_kernels_is_refused(clock: SimulatedClock, door: SimulatedDoor, early: int) -> None:
    card = card_of(door)
    now = clock.now()
    software = now.real - 100_000
    assert card.arrival(door.shows(software - early), software, now, 48, 4) is None
    assert card.refused == 1


@pytest.mark.parametrize("late", [-30_000, 20_000_000, 3_600 * SECOND])
def test_a_departure_far_from_the_kernels_is_refused(clock: SimulatedClock, door: SimulatedDoor, late: int) -> None:
    card = card_of(door)
    software = clock.now().real
    assert card.departure(door.shows(software + late), software) is None


def test_an_arrival_is_never_later_nor_a_departure_earlier_than_the_kernels(
    clock: SimulatedClock, door: SimulatedDoor
) -> None:
    card = card_of(door)
    now = clock.now()
    software = now.real - 10_000
    assert card.arrival(door.shows(software - 200), software, now, 48, 4) == software
    assert card.departure(door.shows(software - 200), software) == software


def test_a_clock_that_can_no_longer_be_read_is_opened_again(clock: SimulatedClock, door: SimulatedDoor) -> None:
    card = card_of(door)
    door.broken = True
    now = clock.now()
    assert card.arrival(door.shows(now.real - 5_000), now.real, now, 48, 4) is None
    door.broken = False
    clock.raw += 2 * SECOND
    now = clock.now()
    assert card.arrival(door.shows(now.real - 5_000), now.real, now, 48, 4) is not None
    assert door.opened == 2


def test_a_clock_that_was_set_is_followed_at_once(clock: SimulatedClock, door: SimulatedDoor) -> None:
    card = card_of(door)
    for _unused in range(8):
        clock.raw += SECOND
        now = clock.now()
        card.arrival(door.shows(now.real - 5_000), now.real, now, 48, 4)
    before = door.shows(clock.now().real)
    door.ahead -= 5 * SECOND
    clock.raw += 8 * SECOND
    now = clock.now()
    assert card.arrival(before, now.real, now, 48, 4) is None
    clock.raw += 1_000_000
    now = clock.now()
    assert card.arrival(door.shows(now.real - 5_000), now.real, now, 48, 4) is not None


def test_a_datagram_says_whose_stamp_it_has(clock: SimulatedClock, door: SimulatedDoor) -> None:
    card = card_of(door)
    now = clock.now()
    arrival = at(now.real - 10_000, now)
    told = (bytes(48), "192.0.2.1", 123, 0, None, 1, arrival)
    good = Datagram(*told, KERNEL, False, door.shows(now.real - 30_000))
    stamped = stamped_by(card, good, now, 4)
    assert stamped.stamps == HARDWARE
    assert stamped.arrival.real == pytest.approx(now.real - 29_248, abs=2)
    assert stamped.arrival.raw - arrival.raw == stamped.arrival.real - arrival.real
    for other in (
        Datagram(*told, KERNEL, False, 0),
        Datagram(*told, KERNEL, False, door.shows(now.real - SECOND)),
        Datagram(*told, USER, False, door.shows(now.real - 30_000)),
    ):
        assert stamped_by(card, other, now, 4) is other


def test_of_many_datagrams_each_has_its_own_kind(
    clock: SimulatedClock, door: SimulatedDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = GroupSocket(
        MulticastClient("lo", ipaddress.ip_address("239.255.77.8"), port=20000 + os.getpid() % 20000), card_of(door)
    )
    real = clock.now().real

    class Filled:
        def receive(self, _socket: socket.socket) -> int:
            return 3

        def sorted(self, now: Instant, _fits: Any, *, hardware: bool) -> tuple[list[Alike], list[Datagram]]:
            assert hardware
            arrivals = [real, real + 10, real + 20]
            cards = [door.shows(real - 4_000), 0, door.shows(real - SECOND)]
            return [Alike(b"", b"", arrivals, [bytes(68)] * 3, hardware=cards)], []

    batch: Any = Filled()
    try:
        _now, [alike], _odd = opened.receive_batch(batch, clock)
    finally:
        opened.close()
    assert alike.kinds == [HARDWARE, KERNEL, KERNEL]
    assert alike.arrivals == [pytest.approx(real - 4_000 + 912, abs=2), real + 10, real + 20]


def test_a_real_datagram_without_a_cards_stamp_keeps_the_kernels(door: SimulatedDoor) -> None:
    group = ipaddress.ip_address("239.255.77.7")
    opened = GroupSocket(MulticastClient("lo", group, port=20000 + os.getpid() % 20000), card_of(door))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sender.sendto(b"\x25" + bytes(47), (str(group), opened.configuration.port))
        opened.socket.settimeout(5)
        opened.socket.recv(1, socket.MSG_PEEK)
        opened.socket.setblocking(False)
        batch = Batch(4, {48})
        now, [alike], odd = opened.receive_batch(batch, SystemClock())
        datagram = opened.datagram(batch, alike, 0, now)
    opened.close()
    assert not odd and datagram.stamps == KERNEL and opened.refusal(datagram) is None


def test_readings_that_tell_nothing_are_not_taken_for_each_packet(
    clock: SimulatedClock, door: SimulatedDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = card_of(door)
    taken: list[int] = []
    monkeypatch.setattr(door, "read", lambda: taken.append(clock.raw) or [Reading(0, 0, SECOND)])
    for _unused in range(20):
        now = clock.now()
        assert card.arrival(door.shows(now.real - 5_000), now.real, now, 48, 4) is None
    assert len(taken) == 1


@pytest.fixture
def exchange(door: SimulatedDoor) -> Iterator[tuple[RequestSocket, socket.socket]]:
    """A request on the loopback interface, by a card that is said to be its own, and the server."""
    door.interface = socket.if_nametoindex("lo")
    card = Cards(["eth0"], SystemClock(), door).of("eth0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        opened = RequestSocket("127.0.0.1", server.getsockname()[1], "lo", SystemClock(), card)
        yield opened, server
        opened.close()


def answered(opened: RequestSocket, server: socket.socket) -> Datagram:
    opened.send(bytes(48))
    _data, address = server.recvfrom(100)
    server.sendto(bytes(48), address)
    assert select.select([opened.socket], [], [], 5)[0]
    found = None
    while found is None:
        opened.departure()
        found = opened.receive()
    return found


def test_an_exchange_without_the_cards_stamps_has_the_kernels(exchange: tuple[RequestSocket, socket.socket]) -> None:
    opened, server = exchange
    datagram = answered(opened, server)
    assert (datagram.stamps, datagram.interface) == (KERNEL, socket.if_nametoindex("lo"))
    assert opened.late_departure() is None


def test_a_stamp_that_is_later_than_the_answer_is_waited_for(
    exchange: tuple[RequestSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, server = exchange
    kernel = request_socket.departure
    seen: list[ancillary.Departure] = []

    def kernels(sock: socket.socket) -> ancillary.Departure | None:
        found = kernel(sock)
        seen.extend([found] if found else [])
        return found

    monkeypatch.setattr(request_socket, "departure", kernels)
    answered(opened, server)
    (software,) = seen
    late = [ancillary.Departure(0, 0, 77)]
    # How it is converted is another test's business, and takes a machine that isn't late itself.
    monkeypatch.setattr(Card, "departure", lambda _card, hardware, kernels: kernels + hardware)
    monkeypatch.setattr(request_socket, "departure", lambda _socket: late.pop() if late else None)
    departed = opened.late_departure()
    assert departed is not None
    assert departed.real == software.real + 77
    assert opened.late_departure() is None, "it is waited for only once"


def test_a_request_that_leaves_by_another_interface_does_without_the_card(door: SimulatedDoor) -> None:
    card = Cards(["eth0"], SystemClock(), door).of("eth0")
    opened = RequestSocket("127.0.0.1", 9, "none-such", SystemClock(), card)
    taken = opened.socket.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING)
    opened.close()
    assert taken == STAMP_BOTH


def test_every_address_of_an_interface_is_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "\n".join(f"fd00000000000000000000000000000{number} 02 40 00 80 eth9" for number in (1, 2, 3))
    monkeypatch.setattr(Path, "read_text", lambda _path, **_options: lines)
    assert [addresses.has_address("eth9", f"fd00::{number}") for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert not addresses.has_address("eth8", "fd00::1")


def test_a_sender_tells_the_cards_stamp_where_it_comes() -> None:
    group = ipaddress.ip_address("224.0.1.1")
    sender = Sender(MulticastServer("eth0", group), lambda: 0.0, 0)
    announcement = Announcement(0, 1, b"LOCL", 0.0, 0.0, START)
    ring = KeyRing({}, frozenset(), False, {3: 32, 4: 20})
    sender.packet(Instant(START, 0), announcement, ring)
    sender.stamped(START + 9_000, KERNEL)
    sender.stamped(START + 12_000, HARDWARE)
    assert sender.stamps == HARDWARE
    header = parse_packet(sender.packet(Instant(START + SECOND, SECOND), announcement, ring), ring.long_tag).header
    assert from_ntp(header.origin, START) == pytest.approx(START + 12_000, abs=1)


# Which cards


def test_a_card_is_used_where_the_configuration_names_it(door: SimulatedDoor) -> None:
    cards = Cards(["eth0"], door.clock, door)
    first = cards.of("eth0")
    assert first is not None and cards.of("eth0") is first
    assert cards.of("eth1") is None and cards.of(None) is None and cards.of("") is None
    door.interface = 2
    second = cards.of("eth0")
    assert second is not None and second is not first


@pytest.mark.parametrize(
    ("offered", "set_to", "tells", "expected"),
    [
        (EVERYTHING, Stamping(TX_ON, FILTER_NTP_ALL), True, (True, True)),
        (EVERYTHING, Stamping(TX_ON, PTP_V2_EVENT), True, (True, False)),
        (EVERYTHING, Stamping(TX_OFF, FILTER_ALL), True, (False, True)),
        (EVERYTHING, Stamping(TX_OFF, FILTER_NONE), True, None),
        (EVERYTHING, Stamping(TX_OFF, FILTER_NONE), False, (True, True)),
        (Offer(EVERYTHING.stamps, None, 3, 3), Stamping(TX_ON, FILTER_ALL), True, None),
        (Offer(1 << 4, 0, 3, 3), Stamping(TX_ON, FILTER_ALL), True, None),
    ],
)
def test_what_a_card_is_set_to_decides(
    door: SimulatedDoor, offered: Offer, set_to: Stamping, tells: bool, expected: tuple[bool, bool] | None
) -> None:
    door.offered, door.set_to, door.tells = offered, set_to, tells
    card = Cards(["eth0"], door.clock, door).of("eth0")
    assert (None if card is None else (card.sends, card.receives)) == expected


def test_the_log_says_once_why_there_are_none(door: SimulatedDoor, caplog: pytest.LogCaptureFixture) -> None:
    cards = Cards(["eth9"], door.clock, door)
    assert cards.of("eth9") is None and cards.of("eth9") is None
    (record,) = caplog.records
    assert "eth9 gives no hardware time stamps" in record.getMessage() and "No such device" in record.getMessage()
