# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams as targets of `fuzzing`: the whole way that they go through the core, in the client and in the server."""

from __future__ import annotations

import ipaddress
import random
from collections import Counter

from unit.engine import mutation
from unit.engine.fuzzing import ACCEPTED, Target

from ntp_multicast_engine.config.configuration import Configuration, Loaded, MulticastClient, MulticastServer, Server
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.observe.status import association_status, system_status
from ntp_multicast_engine.protocol.association import CloseRequest, SendRequest
from ntp_multicast_engine.protocol.client import MAXIMUM_ASSOCIATIONS, State
from ntp_multicast_engine.protocol.system import Engine
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.mac import Algorithm, Key
from ntp_multicast_engine.wire.packet import HEADER_LENGTH, parse

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
GROUP = ipaddress.ip_address("224.0.1.1")
KEYS = {
    1: Key(1, Algorithm.MD5, b"one"),
    2: Key(2, Algorithm.SHA1, b"two"),
    42: Key(42, Algorithm.HMAC_SHA256, b"forty-two"),
    43: Key(43, Algorithm.AES_128_CMAC, bytes(range(16))),
    70000: Key(70000, Algorithm.SHA512, b"seventy thousand"),
}
RING = KeyRing(KEYS, frozenset({1, 42, 43, 70000}), True)


def _resigned(chance: random.Random, data: bytes) -> bytes:
    """Often the forger is an insider: he knows a key, so what he has written comes with a right tag."""
    if chance.random() < 0.5 or len(data) < HEADER_LENGTH:
        return data
    covered = data[:HEADER_LENGTH]
    if chance.random() < 0.2:
        content = chance.randbytes(chance.choice((12, 24, 28, 60)))
        covered += bytes((0, chance.randrange(8))) + (len(content) + 4).to_bytes(2, "big") + content
    version = covered[0] >> 3 & 7
    return RING.sign(covered, chance.choice(tuple(KEYS)), version or 4)


class _World:
    """An engine that serves, one that listens, and what the time is."""

    def __init__(self) -> None:
        self.now = Instant(START, 0)
        streams = tuple(
            MulticastServer(f"eth{number}", GROUP, key, version=version, poll=3, interleaved=number % 2 == 0)
            for number, (key, version) in enumerate(((42, 4), (43, 4), (1, 3), (70000, 2), (None, 4), (42, 1)))
        )
        served = Configuration("/s", server=Server(True, None, 2), servers=streams)
        self.group = MulticastClient("eth0", GROUP)
        self.server = self._engine(Loaded(served, RING))
        self.client = self._engine(Loaded(Configuration("/s", clients=(self.group,)), RING))

    def _engine(self, loaded: Loaded) -> Engine:
        chance = random.Random(7)
        return Engine(
            loaded,
            State(),
            self.now,
            kernel=lambda: None,
            random=chance.random,
            cookie=lambda: chance.getrandbits(64) or 1,
        )

    def wait(self, seconds: float) -> None:
        passed = round(seconds * SECOND)
        self.now = Instant(self.now.real + passed, self.now.raw + passed)

    def multicasts(self) -> list[bytes]:
        """What the server's streams send now."""
        announcement = self.server.announcement(self.now)
        assert announcement is not None
        packets = []
        for sender in self.server.senders.values():
            packets.append(sender.packet(self.now, announcement, RING))
            sender.stamped(self.now.real + 20_000)
        return packets

    def look(self) -> None:
        """All that is told of the client has to be told at any time, and nothing may grow without bound."""
        engine, now = self.client, self.now
        system_status(engine, now, "monitor", None)
        association_status(engine, now)
        engine.correction(now)
        engine.deadline()
        assert len(engine.client.associations) <= MAXIMUM_ASSOCIATIONS, "too many associations"
        assert len(engine.client.memory) <= 64, "the memory of transmit times grows"
        assert len(engine.dropped) <= 64, "the counters grow"
        for association in engine.client.associations.values():
            assert len(association.events) <= 1000 and len(association.warnings) <= 1000, "events pile up"
            association.events.clear()


class PacketTarget(Target):
    name = "packet"
    weight = 2.0

    def __init__(self) -> None:
        self._examples = _World().multicasts()

    def make(self, chance: random.Random) -> bytes:
        return mutation.octets(chance, chance.choice(self._examples), self._examples)

    def take(self, data: bytes) -> str:
        try:
            packet = parse(data, RING.long_tag)
        except PacketError as error:
            return error.reason
        assert packet.header.encode() == data[:HEADER_LENGTH], "a header that reads and writes differently"
        verdict = RING.judge_source(packet)
        return ACCEPTED if verdict is Verdict.VALID else verdict.value


class MulticastTarget(Target):
    """The client's way from a datagram to the estimate, with the answers that it asks for."""

    name = "multicast"
    weight = 0.6
    _SOURCES = tuple(f"10.0.0.{number}" for number in range(1, 12))

    def __init__(self) -> None:
        self._world = _World()
        self._examples = self._world.multicasts()
        self._source = self._SOURCES[0]

    def make(self, chance: random.Random) -> bytes:
        self._world.wait(chance.choice((0.0, 1e-6, 0.001, 1.0, 8.0, 8.0, 100.0)))
        self._source = chance.choice(self._SOURCES[: chance.choice((1, 1, 2, 11))])
        if chance.random() < 0.5:
            self._examples = self._world.multicasts()
        example = chance.choice(self._examples)
        if chance.random() < 0.1:
            return example
        return _resigned(chance, mutation.octets(chance, example, self._examples))

    def take(self, data: bytes) -> str:
        world = self._world
        client = world.client
        before = Counter(client.dropped)
        accepted = client.take_broadcast(world.group, data, self._source, world.now, "kernel")
        self._answer(client.wake(world.now))
        world.look()
        if accepted is not None:
            return ACCEPTED
        (reason,) = (client.dropped - before) or ("",)
        return str(reason)

    def _answer(self, actions: list[SendRequest | CloseRequest]) -> None:
        world = self._world
        for action in actions:
            if isinstance(action, SendRequest):
                action.association.request_sent(world.now)
                reply = world.server.take_request(action.data, "10.0.0.99", world.now)
                if reply is not None:
                    world.wait(0.0002)
                    world.client.take_response(action.association, reply.encode(world.now.real), world.now)


class ResponseTarget(Target):
    """Datagrams at the port of an exchange, while a request is under way."""

    name = "response"
    weight = 0.8

    def __init__(self) -> None:
        self._world = _World()

    def make(self, chance: random.Random) -> bytes:
        world = self._world
        for packet in world.multicasts()[:1]:
            world.client.take_broadcast(world.group, packet, "10.0.0.1", world.now, "kernel")
        (self._association,) = world.client.client.associations.values()
        request = b""
        for _unused in range(chance.choice((1, 20))):
            world.wait(max(((world.client.deadline() or 0) - world.now.raw) / SECOND, 0.0) + 1e-6)
            for action in world.client.wake(world.now):
                if isinstance(action, SendRequest):
                    request = action.data
                    action.association.request_sent(world.now)
            if request:
                break
        world.wait(chance.choice((1e-9, 0.0001, 0.5)))
        reply = world.server.take_request(request, "10.0.0.99", world.now) if request else None
        example = reply.encode(world.now.real) if reply else chance.randbytes(68)
        kind = chance.random()
        if kind < 0.2:
            return example
        if kind < 0.5:
            # The cookie is right: only what comes after it is wrong.
            wrong = mutation.octets(chance, example[:24]) + example[24:32] + mutation.octets(chance, example[32:])
            return _resigned(chance, wrong)
        return _resigned(chance, mutation.octets(chance, example))

    def ready(self) -> None:
        self.make(random.Random(0))

    def take(self, data: bytes) -> str:
        client = self._world.client
        before = Counter(client.dropped)
        done = client.take_response(self._association, data, self._world.now)
        self._world.look()
        if done is not None:
            return ACCEPTED
        (reason,) = (client.dropped - before) or ("",)
        return str(reason)


class RequestTarget(Target):
    """The responder."""

    name = "request"
    weight = 2.0

    def __init__(self) -> None:
        self._world = _World()
        blank = bytes((4 << 3 | 3,)) + bytes(39) + b"cookie!!"
        self._examples = [
            RING.sign(bytes((version << 3 | 3,)) + blank[1:], key, version, length)
            for version in (1, 3, 4)
            for key, length in ((1, 16), (2, 20), (42, 32), (42, 20), (43, 16), (70000, 20))
        ]
        self._examples.append(blank)
        self._source = "10.0.0.1"

    def make(self, chance: random.Random) -> bytes:
        self._world.wait(chance.choice((0.0, 1e-6, 0.1, 1.0)))
        self._source = f"10.{chance.randrange(256)}.{chance.randrange(256)}.1"
        return _resigned(chance, mutation.octets(chance, chance.choice(self._examples), self._examples))

    def take(self, data: bytes) -> str:
        world = self._world
        server = world.server
        before = Counter(server.dropped)
        reply = server.take_request(data, self._source, world.now)
        if reply is None:
            (reason,) = (server.dropped - before) or ("",)
            return str(reason)
        answer = reply.encode(world.now.real)
        assert len(answer) <= len(data), "an answer longer than its request"
        assert answer[0] & 7 == 4, "an answer that isn't one"
        return ACCEPTED
