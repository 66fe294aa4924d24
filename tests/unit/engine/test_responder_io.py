# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder from socket to socket: many requests at a time, and one at a time where the C library has no more."""

from __future__ import annotations

import ctypes
import errno
import json
import select
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ntp_multicast_engine.batch import SIZE, Batch, Buffers
from ntp_multicast_engine.clock.system_clock import Instant, SystemClock
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.daemon.responder_io import MANY, ONE, ResponderIo
from ntp_multicast_engine.daemon.state_file import State
from ntp_multicast_engine.net.control_messages import KERNEL, STAMP_THIS
from ntp_multicast_engine.net.sockets import ResponderSocket
from ntp_multicast_engine.protocol.responder import QUICK_LENGTHS
from ntp_multicast_engine.protocol.system import Engine
from ntp_multicast_engine.wire.authentication import Verdict
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


class OldLibrary:
    """A C library without recvmmsg."""


class Sandbox:
    """A C library whose calls a sandbox refuses."""

    def __init__(self, number: int) -> None:
        def refuse(*_unused: object) -> int:
            ctypes.set_errno(number)
            return -1

        self.recvmmsg = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 5)(refuse)
        self.sendmmsg = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)(refuse)


def _no_buffers(version: int) -> Batch:
    return Batch(version, [68], OldLibrary())  # type: ignore[arg-type]


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


def answering(engine: Engine, way: str) -> ResponderIo:
    many = Buffers(lambda version: Batch(version, QUICK_LENGTHS))
    return ResponderIo(engine, CLOCK, many if way == MANY else Buffers(_no_buffers))


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
@pytest.mark.parametrize("way", [MANY, ONE])
def test_requests_of_every_kind(tmp_path: Path, way: str, version: int) -> None:
    engine = make_engine(tmp_path)
    answers = answering(engine, way)
    opened = ResponderSocket(None, version, 0, shared=True)
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
    assert (status.reading, status.timestamps, status.family) == (way, KERNEL, f"ipv{version}")
    assert before < after


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("forged", [False, True])
def test_each_of_many_alike_gets_its_own_answer(tmp_path: Path, version: int, forged: bool) -> None:
    """AES requests of several clients, which are answered by columns, or one by one if a forgery is among them."""
    engine = make_engine(tmp_path)
    answers = answering(engine, MANY)
    opened = ResponderSocket(None, version, 0, shared=True)
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


def test_where_many_ask_more_are_waited_for(tmp_path: Path) -> None:
    """Not after a few, not after a full batch, and not once they have become few again."""
    engine = make_engine(tmp_path)
    pauses: list[float] = []
    answers = ResponderIo(engine, CLOCK, Buffers(lambda version: Batch(version, QUICK_LENGTHS)), pauses.append)
    opened = ResponderSocket(None, 4, 0, shared=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", opened.socket.getsockname()[1]))
        for number, waited in ((3, 0), (4, 0), (SIZE, 1), (SIZE - 1, 1), (1, 2), (1, 2)):
            for _unused in range(number):
                asking.send(requests(engine)[0])
            answers.read(opened)
            assert len(pauses) == waited
    opened.close()
    assert all(0 < pause <= 0.001 for pause in pauses)


@pytest.mark.parametrize("way", [MANY, ONE])
def test_only_who_may_ask_is_answered(tmp_path: Path, way: str) -> None:
    """By the kernel's filter, and by the engine where that can't be had."""
    engine = make_engine(tmp_path, allow=["127.0.0.8/29"])
    allowed = engine.configuration.server.allow
    for filtered in (True, False):
        opened = ResponderSocket(None, 4, 0, shared=True, clients=allowed if filtered else ())
        assert opened.screened is filtered
        answers = answering(engine, way)
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


@pytest.mark.parametrize("way", [MANY, ONE])
def test_a_wrong_interface_is_refused(tmp_path: Path, way: str) -> None:
    engine = make_engine(tmp_path)
    opened = ResponderSocket("lo", 4, 0, shared=True)
    opened.index += 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for data in requests(engine)[:3]:
            asking.sendto(data, ("127.0.0.1", opened.socket.getsockname()[1]))
        answering(engine, way).read(opened)
    opened.close()
    assert engine.sent == 0 and engine.dropped == {"wrong_interface": 3}


def test_departures_are_learnt(tmp_path: Path) -> None:
    engine = make_engine(tmp_path)
    answers = answering(engine, MANY)
    opened = ResponderSocket(None, 4, 0, shared=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", opened.socket.getsockname()[1]))
        asking.settimeout(60)
        asking.send(requests(engine)[0])
        answers.read(opened)
        while not engine.responder.delay.latest.shortest:
            # The stamp may lag behind; more than a few milliseconds would not be believed, so ask again.
            answers.read(opened)
            asking.send(requests(engine)[0])
    opened.close()
    assert 0 < engine.responder.delay.latest.shortest <= 50_000


@pytest.mark.parametrize(("number", "way"), [(errno.ENOSYS, ONE), (errno.EPERM, ONE), (errno.ENETDOWN, MANY)])
def test_where_a_sandbox_forbids_it_requests_are_read_one_at_a_time(tmp_path: Path, number: int, way: str) -> None:
    engine = make_engine(tmp_path)
    sandbox = Sandbox(number)
    answers = ResponderIo(engine, CLOCK, Buffers(lambda version: Batch(version, [68], sandbox)))  # type: ignore[arg-type]
    opened = ResponderSocket(None, 4, 0, shared=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(requests(engine)[0], ("127.0.0.1", opened.socket.getsockname()[1]))
        answers.read(opened)
        answers.read(opened)
    (status,) = answers.status([opened])
    opened.close()
    assert status.reading == way and engine.sent == (way == ONE)


@pytest.mark.parametrize("way", [MANY, ONE])
def test_a_stamp_that_nobody_waits_for_does_not_keep_the_responder_awake(tmp_path: Path, way: str) -> None:
    """Such as that of the first of two answers, if it comes after the second one has left."""
    answers = answering(make_engine(tmp_path), way)
    opened = ResponderSocket(None, 4, 0, shared=True)
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


def test_few_answers_are_stamped(tmp_path: Path) -> None:
    """A stamp costs a system call and a wake-up, so where many ask, one in a quarter of a second speaks for all."""
    engine = make_engine(tmp_path)
    clock = SteppedClock()
    answers = ResponderIo(engine, clock, Buffers(lambda version: Batch(version, QUICK_LENGTHS)))
    opened = ResponderSocket(None, 4, 0, shared=True)
    stamped = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", opened.socket.getsockname()[1]))
        for tenths in (*[0] * 10, 2, 3, 4, 5, 30, 30):
            clock.later = tenths * 100_000_000
            for _unused in range(5):
                asking.send(requests(engine)[0])
            answers.read(opened)
            stamped.append(opened.departure() is not None)
            assert opened.stamps == KERNEL
    opened.close()
    assert stamped == [*[True] * 8, False, False, False, True, False, True, True, True]


class SteppedClock:
    """This host's clock, but its raw time runs only when it is told to."""

    def __init__(self) -> None:
        self._start = CLOCK.now().raw
        self.later = 0

    def now(self) -> Instant:
        return Instant(CLOCK.now().real, self._start + self.later)
