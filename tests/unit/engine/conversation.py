# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server sends to a client, and a client's exchanges with it, one call each."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.filter.estimator import Estimator
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.association import Association, SendRequest
from ntp_multicast_engine.protocol.client import Client
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.mac import Algorithm, Key
from ntp_multicast_engine.wire.packet import Header
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, to_ntp

GROUP = MulticastClient("eth0", ipaddress.ip_address("224.0.1.1"))
RING = KeyRing({42: Key(42, Algorithm.HMAC_SHA256, b"k")}, frozenset({42}), True)
SERVER = "10.0.0.1"


def at(seconds: float) -> Instant:
    return Instant(1_790_000_000 * NANOSECONDS + round(seconds * NANOSECONDS), round((seconds + 100) * NANOSECONDS))


def broadcast(seconds: float, *, origin: float | None = None, key_id: int | None = 42, **changes: int) -> bytes:
    header = Header(0, 4, 5, 2, 3, -20, reference_id=b"LOCL", transmit=to_ntp(at(seconds).real))
    header = replace(header, origin=0 if origin is None else to_ntp(at(origin).real), **changes)
    return header.encode() if key_id is None else RING.sign(header.encode(), key_id, header.version)


class Cookies:
    def __init__(self) -> None:
        self.last = 1000

    def __call__(self) -> int:
        self.last += 1
        return self.last


def at_once() -> float:
    """The chance that lets every exchange begin without a delay."""
    return 0.0


def new_client() -> Client:
    """That follows GROUP, and begins every exchange without a delay."""
    return Client([GROUP], {}, Cookies(), at_once, Estimator)


def hear(client: Client, data: bytes, seconds: float, source: str = SERVER, ring: KeyRing = RING) -> Association:
    return client.take_broadcast(GROUP, data, source, at(seconds), "kernel", ring)


def exchange(client: Client, association: Association, seconds: float, **changes: object) -> None:
    """Let the next exchange happen, the warm-up and the measurement, 100 us each way."""
    ask(client, association, seconds, **changes)
    if association.warming_up:
        ask(client, association, seconds + 0.001, **changes)


def ask(client: Client, association: Association, seconds: float, late: float = 0.0, **changes: object) -> None:
    """Let the next request go out and be answered, 100 us each way, up some seconds more."""
    (action,) = [item for item in client.wake(at(seconds).raw, RING) if isinstance(item, SendRequest)]
    association.request_sent(at(seconds - late))
    association.take_response(answer(action.data, seconds, **changes), at(seconds + 0.0002), RING)


class InterleavingServer:
    """A server that remembers when its answers left (RFC 9769). Packets take 100 us each way.

    An answer leaves `stay` seconds after its request came, and was written at once.
    """

    def __init__(self, client: Client, association: Association, stay: float = 50e-6) -> None:
        self.client = client
        self.association = association
        self.stay = stay
        self.interleaved: list[bool] = []
        """Of each answer, whether it was one of the interleaved mode."""
        self._left: dict[int, int] = {}

    def ask(self, seconds: float, **changes: object) -> None:
        """Let the next request go out and be answered."""
        (action,) = [item for item in self.client.wake(at(seconds).raw, RING) if isinstance(item, SendRequest)]
        self.association.request_sent(at(seconds))
        request = Header.decode(action.data)
        receive = to_ntp(at(seconds + 100e-6).real) | 1
        departure = self._left.pop(request.origin, None)
        told: dict[str, object] = {"receive": receive, "transmit": receive + 1}
        if departure is not None:
            told = {"receive": receive, "transmit": departure, "origin": request.receive}
        self._left[receive] = to_ntp(at(seconds + 100e-6 + self.stay).real)
        self.interleaved.append(departure is not None)
        data = answer(action.data, seconds, **{**told, **changes})
        self.association.take_response(data, at(seconds + 200e-6 + self.stay), RING)


def asks(client: Client, seconds: float) -> bool:
    return any(isinstance(item, SendRequest) for item in client.wake(at(seconds).raw, RING))


def answer(request: bytes, seconds: float, key_id: int | None = 42, **changes: object) -> bytes:
    cookie = Header.decode(request).transmit
    stamp = to_ntp(at(seconds + 0.0001).real)
    header = Header(0, 4, 4, 2, 3, -20, origin=cookie, receive=stamp, transmit=stamp)
    header = replace(header, **changes)  # type: ignore[arg-type]
    return header.encode() if key_id is None else RING.sign(header.encode(), key_id, 4)


def volley(client: Client, association: Association, start: float = 0.5) -> None:
    for number in range(4):
        exchange(client, association, start + 2.5 * number)
