# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PollIo over real sockets, with an association and an engine that only take down what they are told."""

from __future__ import annotations

import errno
import ipaddress
import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ntp_multicast_engine.clock.system_clock import SystemClock
from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.daemon.poll_io import PollIo
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.net.request_socket import RequestSocket
from ntp_multicast_engine.protocol.association import CloseRequest, Failure, SendRequest


class Listener:
    """Stands for an association, and for the engine that judges its answers."""

    def __init__(self, port: int) -> None:
        self.source = "127.0.0.1"
        self.configuration = MulticastClient("lo", ipaddress.ip_address("224.0.1.1"), volley_port=port)
        self.warming_up = False
        self.sent = 0
        self.left: list[Instant] = []
        self.answers: list[bytes] = []
        self.failures: list[str] = []

    def request_sent(self, instant: Instant) -> None:
        self.left.append(instant)

    def request_failed(self, failure: Failure) -> None:
        self.failures.append(failure.reason)

    def take_response(self, association: Any, data: bytes, arrival: Instant) -> CloseRequest:
        self.answers.append(data)
        return CloseRequest(association)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(60)
        yield sock


@pytest.mark.parametrize("warming_up", [False, True])
def test_what_an_answer_has_told_is_passed_on_unless_it_was_a_warm_up(server: socket.socket, warming_up: bool) -> None:
    listener: Any = Listener(server.getsockname()[1])
    selector = selectors.DefaultSelector()
    told: list[object] = []
    exchanges = PollIo(listener, SystemClock(), selector, told.append)
    exchanges.begin(SendRequest(listener, b"request"))
    data, asking = server.recvfrom(100)
    assert data == b"request" and listener.sent == 1 and listener.left
    server.sendto(b"answer", asking)
    listener.warming_up = warming_up
    [(_descriptor, key)] = list(selector.get_map().items())
    opened: Any = key.fileobj
    while not listener.answers:
        key.data()
    assert listener.answers == [b"answer"] and told == ([] if warming_up else [listener])
    assert not selector.get_map() and opened.fileno() == -1, "each exchange has a socket of its own"


def test_a_new_exchange_ends_the_one_under_way(server: socket.socket) -> None:
    listener: Any = Listener(server.getsockname()[1])
    selector = selectors.DefaultSelector()
    exchanges = PollIo(listener, SystemClock(), selector, print)
    for _unused in range(2):
        exchanges.begin(SendRequest(listener, b"request"))
    assert len(selector.get_map()) == 1 and server.recvfrom(100)[1] != server.recvfrom(100)[1]
    exchanges.close()
    assert not selector.get_map()


def test_what_a_firewall_sends_back_does_not_replace_that_it_let_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """nftables' `reject` in the output chain is EPERM at once, and then an ICMP message that names the server."""
    listener: Any = Listener(123)
    selector = selectors.DefaultSelector()

    def refuse(_socket: RequestSocket, _data: bytes) -> Instant:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(RequestSocket, "send", refuse)
    PollIo(listener, SystemClock(), selector, print).begin(SendRequest(listener, b"request"))
    assert listener.failures == ["Operation not permitted"] and not selector.get_map() and listener.sent == 0
