# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many datagrams with one system call, against one at a time: real sockets on loopback, no privilege."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntp_multicast_engine.batch import SIZE, Batch
from ntp_multicast_engine.clock.system_clock import Instant, SystemClock
from ntp_multicast_engine.net.control_messages import KERNEL, STAMP_RECEIVED, USER, Datagram, enable_stamps, receive
from ntp_multicast_engine.net.sockets import ResponderSocket
from ntp_multicast_engine.protocol.responder import QUICK_LENGTHS

CLOCK = SystemClock()
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
BATCHES = {version: Batch(version, QUICK_LENGTHS) for version in (4, 6)}


@contextmanager
def responder(version: int) -> Iterator[ResponderSocket]:
    """A responder's socket on a free port of all interfaces."""
    opened = ResponderSocket(None, version, 0, shared=True)
    try:
        yield opened
    finally:
        opened.close()


def client(opened: ResponderSocket, address: str | None = None) -> socket.socket:
    sock = socket.socket(FAMILIES[opened.version], socket.SOCK_DGRAM)
    sock.connect((address or LOOPBACK[opened.version], opened.socket.getsockname()[1]))
    sock.settimeout(60)
    return sock


def together(opened: ResponderSocket) -> list[Datagram]:
    """All that has come, read in batches; the usual ones turned into what the others are."""
    batch = BATCHES[opened.version]
    found: list[Datagram] = []
    while True:
        now, alike, odd = opened.receive_batch(batch, CLOCK)
        if not alike and not odd:
            return found
        for group in alike:
            assert len({len(row) for row in group.rows}) == 1
            found += [opened.datagram(batch, group, place, now) for place in range(len(group.rows))]
        found += odd


def request(octets: bytes, length: int) -> bytes:
    """What the kernel's filter lets through."""
    return bytes([0x23]) + octets.ljust(length, b"\1")[1:length]


REQUESTS = st.lists(
    st.tuples(st.binary(min_size=1, max_size=16), st.sampled_from([48, 52, 68, 72, 84, 88, 400, 1024])), max_size=12
)


@settings(max_examples=50)
@given(sent=REQUESTS, alike=st.integers(0, SIZE + 3))
@pytest.mark.parametrize("version", [4, 6])
def test_a_batch_gives_what_one_at_a_time_gives(version: int, sent: list[tuple[bytes, int]], alike: int) -> None:
    rows = [request(*each) for each in sent] + [request(b"same", 68)] * alike
    with responder(version) as opened, client(opened) as asking:
        source = asking.getsockname()
        for row in rows:
            asking.send(row)
        one_by_one = [datagram for _unused in rows if (datagram := receive(opened.socket, CLOCK)) is not None]
        for row in rows:
            asking.send(row)
        found = together(opened)
    assert len(one_by_one) == len(found) == len(rows)
    anonymous = Instant(0, 0)
    for datagram in found:
        assert datagram.stamps == KERNEL and (datagram.source, datagram.source_port) == source[:2]
    assert sorted([replace(each, arrival=anonymous) for each in found], key=repr) == sorted(
        [replace(each, arrival=anonymous) for each in one_by_one], key=repr
    )


@pytest.mark.parametrize("version", [4, 6])
def test_arrivals_are_the_kernels(version: int) -> None:
    with responder(version) as opened, client(opened) as asking:
        before = CLOCK.now()
        for _unused in range(3):
            asking.send(request(b"x", 68))
        now, (group,), odd = opened.receive_batch(BATCHES[version], CLOCK)
    assert not odd and before.real <= min(group.arrivals) <= max(group.arrivals) <= now.real


@pytest.mark.parametrize(("version", "asked"), [(4, "127.0.0.1"), (4, "127.0.0.7"), (6, "::1")])
def test_each_answer_goes_to_who_asked_from_where_it_was_asked(version: int, asked: str) -> None:
    batch = BATCHES[version]
    with responder(version) as opened, ExitStack() as stack:
        asking = [stack.enter_context(client(opened, asked)) for _unused in range(5)]
        for number, sock in enumerate(asking):
            sock.send(request(bytes([0, number]), 68))
        _now, (group,), odd = opened.receive_batch(batch, CLOCK)
        answers = [None if row[1] == 3 else bytes([0x24]) + row[1:] for row in group.rows]
        assert not odd and opened.answer_batch(batch, group, answers, stamp=True) == 4
        for number, sock in enumerate(asking):
            if number != 3:
                # Connected: an answer from another address than was asked would never arrive.
                assert sock.recv(100)[:2] == bytes([0x24, number])
        while (left := opened.departure()) is None:
            pass
        assert 0 <= left - group.arrivals[0] < 60 * 10**9


def test_what_an_error_hits_leaves_the_other_answers_alone() -> None:
    batch = BATCHES[4]
    with responder(4) as opened, client(opened) as first, client(opened) as second:
        for sock in (first, second):
            sock.send(request(b"x", 68))
        _now, (group,), _odd = opened.receive_batch(batch, CLOCK)
        # No address of this host's: the kernel refuses to send there from loopback's address.
        nowhere = group.names[:4] + bytes([240, 0, 0, 1]) + bytes(8)
        answers = [bytes([0x24]) + row[1:] for row in group.rows]
        taken = opened.answer_batch(batch, replace(group, names=nowhere + group.names[16:]), answers, stamp=False)
        assert taken == 1 and second.recv(100)[0] == 0x24


def test_nothing_there_is_no_error() -> None:
    with responder(4) as opened:
        assert BATCHES[4].receive(opened.socket) == 0
        assert opened.receive_batch(BATCHES[4], CLOCK)[1:] == ([], [])


def test_without_kernel_stamps_or_packet_info_nothing_is_usual() -> None:
    """A kernel that has no stamps to give, and one that doesn't tell where a datagram came in."""
    for stamps in (False, True):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bare,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking,
        ):
            bare.bind(("127.0.0.1", 0))
            assert not stamps or enable_stamps(bare, STAMP_RECEIVED)
            asking.sendto(request(b"x", 68), bare.getsockname())
            assert BATCHES[4].receive(bare) == 1
            usual, (odd,) = BATCHES[4].sorted(CLOCK.now(), lambda _place: True)
            assert not usual and odd.stamps == (KERNEL if stamps else USER) and odd.destination is None


def test_stamps_that_the_kernel_refuses_are_done_without() -> None:
    """As a kernel does that doesn't know a kind of stamp; hardware's are asked for nowhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bare:
        assert not enable_stamps(bare, 1 << 30)
        bare.bind(("127.0.0.1", 0))
        bare.sendto(request(b"x", 68), bare.getsockname())
        datagram = receive(bare, CLOCK)
        assert datagram is not None and datagram.stamps == USER


def test_a_longer_datagram_is_known_to_be_cut() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bare,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking,
    ):
        bare.bind(("127.0.0.1", 0))
        asking.sendto(bytes(1025), bare.getsockname())
        assert BATCHES[4].receive(bare) == 1
        assert BATCHES[4].sorted(CLOCK.now(), lambda _place: True)[1][0].truncated
        asking.sendto(bytes(1024), bare.getsockname())
        assert BATCHES[4].receive(bare) == 1
        assert not BATCHES[4].sorted(CLOCK.now(), lambda _place: True)[1][0].truncated


def test_stamps_from_another_time_are_not_believed() -> None:
    """The clock was stepped between the arrivals and now: a second later or more, or before an arrival."""
    batch = BATCHES[4]
    with responder(4) as opened, client(opened) as asking:
        for _unused in range(2):
            asking.send(request(b"x", 68))
        now, (group,), _odd = opened.receive_batch(batch, CLOCK)
        first, second = group.arrivals
        for real, believed in ((first + 10**9, second), (second - 1, first)):
            stepped = Instant(real, now.raw)
            (usual,), (odd,) = batch.sorted(stepped, lambda _place: True)
            assert usual.arrivals == [believed] and odd.stamps == USER and odd.arrival == stepped


WHERE = st.lists(
    st.lists(st.tuples(st.sampled_from(["127.0.0.1", "127.0.0.2"]), st.sampled_from([68, 72, 400])), max_size=6),
    min_size=2,
    max_size=4,
)


@settings(max_examples=60)
@given(WHERE)
def test_each_datagram_is_known_by_where_it_came_in(batches: list[list[tuple[str, int]]]) -> None:
    """Whatever came before it, in the same batch or in earlier ones, by another way."""
    with responder(4) as opened, ExitStack() as stack:
        asking = {address: stack.enter_context(client(opened, address)) for address in ("127.0.0.1", "127.0.0.2")}
        for number, sent in enumerate(batches):
            rows = []
            for place, (address, length) in enumerate(sent):
                rows.append((request(bytes([0, number, place]), length), address))
                asking[address].send(rows[-1][0])
            found = together(opened)
            assert sorted((each.data, str(each.destination)) for each in found) == sorted(rows)
            assert all(each.stamps == KERNEL and not each.truncated for each in found)
            assert {each.source_port for each in found} == {asking[where].getsockname()[1] for _row, where in rows}


@pytest.mark.parametrize("order", [["127.0.0.1", "127.0.0.2"] * 4, ["127.0.0.1"] * 4 + ["127.0.0.2"] * 4])
def test_one_wrong_place_among_many_is_seen(order: list[str]) -> None:
    """At once, and in later batches that are all alike."""
    with responder(4) as opened, ExitStack() as stack:
        asking = {address: stack.enter_context(client(opened, address)) for address in set(order)}
        for addresses in (order, order[:1] * 8, order[-1:] * 8):
            for address in addresses:
                asking[address].send(request(b"x", 68))
            BATCHES[4].receive(opened.socket)
            alike, odd = BATCHES[4].sorted(CLOCK.now(), lambda place: place.endswith(bytes([127, 0, 0, 2])))
            assert sum(len(group.arrivals) for group in alike) == addresses.count("127.0.0.2")
            assert [str(each.destination) for each in odd] == ["127.0.0.1"] * addresses.count("127.0.0.1")


def test_what_comes_alike_is_taken_by_columns_whatever_came_before() -> None:
    """One by one they would come out the same, at several times the cost."""
    batch = Batch(4, QUICK_LENGTHS)
    with responder(4) as opened, client(opened) as asking, client(opened, "127.0.0.2") as other:
        for odd_ones in ([], [asking], [asking, other], []):
            for sock in odd_ones:
                sock.send(request(b"x", 400 if sock is asking else 68))
            if odd_ones:
                opened.receive_batch(batch, CLOCK)
            for sock in (asking, asking, other, other):
                sock.send(request(b"x", 68))
                _now, (group,), odd = opened.receive_batch(batch, CLOCK)
                assert not odd and group.columns is not None
