# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries requests from the responder's sockets to the core, and its answers back.

Many requests are read, judged and answered together where the C library lets them. Their arrival is always the kernel's
stamp of each; their transmit time is read once, after their authenticators were checked, and foretold for each from
when answers have left before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ntp_multicast_engine.batch import SIZE, Alike, Batch, Buffers
from ntp_multicast_engine.clock.system_clock import Clock, Instant
from ntp_multicast_engine.net.control_messages import KERNEL, Datagram
from ntp_multicast_engine.net.sockets import ResponderSocket
from ntp_multicast_engine.observe.status import ResponderStatus
from ntp_multicast_engine.protocol.multicast_server import DepartureDelay
from ntp_multicast_engine.protocol.responder import RateLimit
from ntp_multicast_engine.protocol.system import Engine

_STAMP_INTERVAL, _STAMPS_AT_ONCE = 0.25, 8
_ENOUGH_TO_MEASURE = 4
"""Answers sent together from which on the time between them can be told."""
_BUSY, _PAUSE = 4, 100e-6
"""Requests read together from which on more of them are waited for, and how long (seconds)."""

MANY, ONE = "recvmmsg", "recvmsg"
"""How requests are read."""


class ResponderIo:
    """See the head of the file."""

    def __init__(
        self, engine: Engine, clock: Clock, buffers: Buffers, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._pause = pause
        self._busy = False
        self._engine = engine
        self._clock = clock
        self._buffers = buffers
        self._written = clock.now()
        self._stamped: tuple[int, DepartureDelay] | None = None
        self._stamps = RateLimit(_STAMP_INTERVAL, _STAMPS_AT_ONCE, addresses=1)

    def read(self, opened: ResponderSocket) -> None:
        """Answer what has come."""
        departed = opened.departure()
        if departed is not None and self._stamped is not None:
            written, delay = self._stamped
            delay.add(departed - written)
            self._stamped = None
        batch = self._buffers.of(opened.version)
        if batch is None:
            came = False
            for datagram, _refusal in opened.receive(self._clock):
                came = True
                self._take(opened, datagram)
            if not came:
                opened.quiet()
            return
        if self._busy:
            # To be woken and to start costs as much as many answers. Kernel stamps make the pause no part of any delay
            # that a client sees; a full batch isn't followed by one, so the queue is emptied as fast as it can be.
            self._pause(_PAUSE)
        try:
            now, alike, odd = opened.receive_batch(batch, self._clock)
        except OSError as error:
            # Such as an ICMP error about an answer; what is behind it makes the socket ready again.
            self._buffers.failed(opened.version, error)
            return
        if not alike and not odd:
            opened.quiet()
        self._busy = _BUSY <= sum(len(requests.arrivals) for requests in alike) < SIZE
        for requests in alike:
            self._take_alike(opened, batch, requests, now)
        for datagram in odd:
            self._take(opened, datagram)

    def status(self, sockets: Iterable[ResponderSocket]) -> tuple[ResponderStatus, ...]:
        """What is told about the responder's sockets."""
        return tuple(
            ResponderStatus(
                interface=opened.interface,
                family=f"ipv{opened.version}",
                port=opened.port,
                reading=ONE if self._buffers.of(opened.version) is None else MANY,
                timestamps=opened.stamps,
            )
            for opened in sockets
        )

    def _take_alike(self, opened: ResponderSocket, batch: Batch, requests: Alike, now: Instant) -> None:
        opened.stamps = requests.kinds[-1] if requests.kinds else KERNEL
        if requests.columns is not None:
            columns = self._engine.answer_columns(
                requests.columns, requests.arrivals, now, self._present, screened=opened.screened
            )
            if columns is not None:
                many = len(requests.arrivals)
                self._send(lambda stamp: opened.answer_columns(batch, requests, columns, stamp=stamp), many)
                return
        answers = self._engine.quick_answers(
            requests.rows, requests.arrivals, now, self._present, screened=opened.screened
        )
        ready = len(answers) - answers.count(None)
        self._send(lambda stamp: opened.answer_batch(batch, requests, answers, stamp=stamp), ready)
        if None not in answers:
            return
        for place, answer in enumerate(answers):
            if answer is None:
                self._take(opened, opened.datagram(batch, requests, place, now))

    def _send(self, send: Callable[[bool], int], count: int) -> None:
        """Send `count` answers together.

        :param send: says how many the network took; its argument, whether the first one is stamped.
        """
        stamp = self._wants_stamp()
        measured = stamp and count >= _ENOUGH_TO_MEASURE
        # A stamped answer speaks for those without a stamp, so nothing may keep it that doesn't keep them.
        begun = self._clock.now().raw if measured else 0
        taken = send(stamp)
        if taken:
            self._sent(taken, stamp=stamp)
        if measured and taken:
            self._engine.responder.spacing.add((self._clock.now().raw - begun) // taken)

    def _take(self, opened: ResponderSocket, datagram: Datagram) -> None:
        """A request that comes alone, or is out of the ordinary."""
        refusal = opened.refusal(datagram)
        if refusal:
            self._engine.drop(refusal)
            return
        opened.stamps = datagram.stamps
        reply = self._engine.take_request(datagram.data, datagram.source, datagram.arrival)
        if reply is None:
            return
        data = reply.encode(self._present().real)
        stamp = self._wants_stamp()
        if opened.answer(datagram, data, stamp=stamp):
            self._sent(1, stamp=stamp)

    def _present(self) -> Instant:
        self._written = self._clock.now()
        return self._written

    def _wants_stamp(self) -> bool:
        # A stamp costs a system call and a wake-up, so few answers are stamped; they speak for the rest.
        return self._stamps.allows("", self._written.raw)

    def _sent(self, answers: int, *, stamp: bool) -> None:
        self._engine.sent += answers
        if stamp:
            self._stamped = self._written.real, self._engine.responder.delay.latest
