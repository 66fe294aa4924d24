# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder from socket to socket."""

from __future__ import annotations

import json
import select
import socket
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from ntp_multicast_engine.clock.system_clock import SystemClock
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.daemon.responder_io import ResponderIo
from ntp_multicast_engine.net.control_messages import KERNEL, STAMP_THIS, Datagram
from ntp_multicast_engine.net.sockets import ResponderSocket
from ntp_multicast_engine.protocol.client import State
from ntp_multicast_engine.protocol.system import Engine
from ntp_multicast_engine.wire.keyring import Verdict
from ntp_multicast_engine.wire.packet import Header, parse

CLOCK = SystemClock()
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
KEYS = """\
1 md5 ascii:a-secret
2 hmac-sha256 ascii:another
3 sha1 ascii:a-third
4 aes-128-cmac hex:2b7e151628aed2a6abf7158809cf4f3c
"""


def make_engine(directory: Path, **server: Any) -> Engine:
    keys = directory / "keys"
    keys.touch(mode=0o600)
    keys.write_text(KEYS)
    document = {
        "version": 1,
        "authentication": {"enabled": True, "keys_file": str(keys), "trusted_keys": [1]},
        "server": {"enabled": True, "stratum": 2, **server},
        "status_socket": str(directory / "s"),
        "state_directory": str(directory),
    }
    path = directory / "engine.json"
    path.write_text(json.dumps(document))
    loaded = configuration.load(path)
    return Engine(loaded, State(), CLOCK.now(), kernel=lambda: None, random=lambda: 0.5, cookie=lambda: 1)


def requests(engine: Engine) -> list[bytes]:
    """Of every kind: proven ones of all lengths and versions, plain ones, and what has no answer."""
    found = []
    for number in range(24):
        version = 1 + number % 4
        header = Header(3, version, 3, 0, 6, 0, transmit=1000 + number).encode()
        key_id, length = ((1, 16), (2, 32), (2, 20), (3, 20))[number // 4 % 4]
        signed = engine.keys.sign(header, key_id, version, length)
        found.append(signed if number < 16 else (header, signed[:-1] + bytes([signed[-1] ^ 1]))[number % 2])
    return found


@pytest.mark.parametrize("version", [4, 6])
def test_requests_of_every_kind(tmp_path: Path, version: int) -> None:
    engine = make_engine(tmp_path)
    answers = ResponderIo(engine, CLOCK)
    opened = ResponderSocket(None, version, 0)
    with socket.socket(FAMILIES[version], socket.SOCK_DGRAM) as asking:
        asking.connect((LOOPBACK[version], opened.socket.getsockname()[1]))
        asking.settimeout(60)
        sent = requests(engine)
        before = CLOCK.now().real
        for data in sent:
            asking.send(data)
        answers.read(opened)
        answers.read(opened)
        got = {}
        for _unused in range(engine.sent):
            data = asking.recv(2000)
            packet = parse(data, engine.keys.long_tag)
            got[packet.header.origin - 1000] = data
            assert packet.header.mode == 4 and packet.header.stratum == 2
            assert packet.header.receive <= packet.header.transmit
        after = CLOCK.now().real
    opened.close()
    assert sorted(got) == [*range(16), 16, 18, 20, 22]
    for number, data in got.items():
        assert len(data) == len(sent[number]), "no answer is longer than its request"
        expected = Verdict.VALID if number < 16 else Verdict.ABSENT
        assert engine.keys.verify(parse(data, engine.keys.long_tag)) is expected
    assert engine.received == len(sent) and engine.dropped == {"request_bad_mac": 4}
    (status,) = answers.status([opened])
    assert (status.timestamps, status.family) == (KERNEL, f"ipv{version}")
    assert before < after


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("forged", [False, True])
def test_each_of_many_alike_gets_its_own_answer(tmp_path: Path, version: int, forged: bool) -> None:
    """AES requests of several clients, which are answered by columns, or one by one if a forgery is among them."""
    engine = make_engine(tmp_path)
    answers = ResponderIo(engine, CLOCK)
    opened = ResponderSocket(None, version, 0)
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(FAMILIES[version], socket.SOCK_DGRAM)) for _unused in range(5)]
        sent = []
        for number, asking in enumerate(clients):
            asking.connect((LOOPBACK[version], opened.socket.getsockname()[1]))
            asking.settimeout(60)
            header = Header(0, 4, 3, 0, number, 0, transmit=1000 + number).encode()
            sent.append(engine.keys.sign(header, 4, 4))
            asking.send(sent[-1])
        if forged:
            asking.send(sent[0][:-1] + b"\0")
        answers.read(opened)
        for number, asking in enumerate(clients):
            data = asking.recv(2000)
            packet = parse(data, engine.keys.long_tag)
            header = packet.header
            assert (header.origin, header.poll, len(data)) == (1000 + number, number, len(sent[number]))
            assert engine.keys.verify(packet) is Verdict.VALID
    opened.close()
    assert engine.sent == len(clients) and engine.received == len(clients) + forged
    assert engine.dropped == ({"request_bad_mac": 1} if forged else {})


def test_only_who_may_ask_is_answered(tmp_path: Path) -> None:
    """By the kernel's filter, and by the engine where that can't be had."""
    engine = make_engine(tmp_path, allow=["127.0.0.8/29"])
    allowed = engine.configuration.server.allow
    for filtered in (True, False):
        opened = ResponderSocket(None, 4, 0, clients=allowed if filtered else ())
        answers = ResponderIo(engine, CLOCK)
        for source, is_answered in (("127.0.0.9", True), ("127.0.0.1", False)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.bind((source, 0))
                asking.connect(("127.0.0.1", opened.socket.getsockname()[1]))
                asking.send(requests(engine)[0])
                before = engine.sent
                answers.read(opened)
                assert (engine.sent > before) is is_answered
        opened.close()
    assert engine.dropped == {"client_not_allowed": 1}


def test_a_wrong_interface_is_refused(tmp_path: Path) -> None:
    engine = make_engine(tmp_path)
    opened = ResponderSocket("lo", 4, 0)
    opened.index += 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for data in requests(engine)[:3]:
            asking.sendto(data, ("127.0.0.1", opened.socket.getsockname()[1]))
        ResponderIo(engine, CLOCK).read(opened)
    opened.close()
    assert engine.sent == 0 and engine.dropped == {"wrong_interface": 3}


def test_a_stamp_that_nobody_waits_for_does_not_keep_the_responder_awake(tmp_path: Path) -> None:
    """Such as that of the first of two answers, if it comes after the second one has left."""
    answers = ResponderIo(make_engine(tmp_path), CLOCK)
    opened = ResponderSocket(None, 4, 0)
    waiting = select.poll()
    waiting.register(opened.socket, select.POLLIN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind((LOOPBACK[4], 0))
        assert not waiting.poll(0)
        opened.socket.sendmsg([bytes(48)], [STAMP_THIS], 0, asking.getsockname())
        assert waiting.poll(60_000) == [(opened.socket.fileno(), select.POLLERR)]
        answers.read(opened)
        assert not waiting.poll(0)
    opened.close()


@pytest.mark.parametrize("version", [4, 6])
def test_a_client_is_told_when_the_answer_before_left(tmp_path: Path, version: int) -> None:
    """RFC 9769, with stamps of this host's kernel."""
    engine = make_engine(tmp_path)
    answers = ResponderIo(engine, CLOCK)
    opened = ResponderSocket(None, version, 0)
    with socket.socket(FAMILIES[version], socket.SOCK_DGRAM) as asking:
        asking.connect((LOOPBACK[version], opened.socket.getsockname()[1]))
        asking.settimeout(60)

        def ask(origin: int, receive: int) -> Header:
            header = Header(0, 4, 3, 0, 6, 0, origin=origin, receive=receive, transmit=1000)
            asking.send(engine.keys.sign(header.encode(), 4, 4))
            answers.read(opened)
            return Header.decode(asking.recv(2000))

        first = ask(1, 7)
        wait_for_stamps(opened, answers)
        second = ask(first.receive, 8)
        assert (first.origin, second.origin) == (1000, 8)
        assert first.receive < first.transmit < second.transmit < second.receive
        wait_for_stamps(opened, answers)
        third = ask(second.receive, 9)
        assert third.origin == 9 and second.receive < third.transmit < third.receive
    opened.close()


def wait_for_stamps(opened: ResponderSocket, answers: ResponderIo) -> None:
    """Until the kernel has told of all answers; on some hosts it does after some time."""
    waiting = select.poll()
    waiting.register(opened.socket, select.POLLIN)
    while vars(opened)["_awaited"]:
        assert waiting.poll(60_000)
        answers.read(opened)


def test_only_answers_that_may_be_asked_for_are_stamped(tmp_path: Path) -> None:
    """A stamp costs a system call."""
    engine = make_engine(tmp_path)
    answers = ResponderIo(engine, CLOCK)
    opened = ResponderSocket(None, 4, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", opened.socket.getsockname()[1]))
        for data in requests(engine):
            asking.send(data)
        answers.read(opened)
        assert engine.sent and vars(opened)["_stamped"] == 0
    opened.close()


def test_stamps_that_do_not_come_are_not_awaited_for_ever(tmp_path: Path) -> None:
    opened = ResponderSocket(None, 4, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        datagram = Datagram(b"", *asking.getsockname(), 0, ip_address("127.0.0.1"), 1, CLOCK.now(), KERNEL, False)
        for number in range(1000):
            assert opened.answer(datagram, lambda: bytes(48), number)
        assert len(vars(opened)["_awaited"]) <= 256
        assert not opened.answer(datagram._replace(source_port=0), lambda: bytes(48), 1000), "it can't leave"
        assert [*opened.departures()] == [] and opened.answer(datagram, lambda: bytes(48), 1001)
        found = [*opened.departures()] or [*opened.departures()]
        assert [receive for receive, _real in found] == [1001], "numbers of those before don't shift"
    opened.close()


def test_answers_without_a_stamp_do_not_shift_the_numbers_of_those_with_one(tmp_path: Path) -> None:
    opened = ResponderSocket(None, 4, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        datagram = Datagram(b"", *asking.getsockname(), 0, ip_address("127.0.0.1"), 1, CLOCK.now(), KERNEL, False)
        before = CLOCK.now().real
        for number in range(9):
            assert opened.answer(datagram, lambda: bytes(48), number if number % 3 == 2 else None)
        found: list[tuple[int, int]] = []
        waiting = select.poll()
        waiting.register(opened.socket, select.POLLIN)
        while len(found) < 3:
            assert waiting.poll(60_000)
            found += opened.departures()
    opened.close()
    assert [receive for receive, _real in found] == [2, 5, 8]
    assert before <= found[0][1] < found[1][1] < found[2][1] <= CLOCK.now().real
