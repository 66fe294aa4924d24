# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One association: this host and one server of one group.

Rules of the file: no sockets, no clock. Packets that stood the acceptance tests come in with their instants, actions
go out. A packet that is refused never reaches this file.

The first accepted mode 5 packet mobilises the association in the phase VOLLEY (RFC 5905 section 13): exchanges two
seconds apart, until four good ones have calibrated the delay. The first one waits for a random time: all clients of a
group hear the same packet. Then the phase LISTENING: one exchange for each multicast until the delay is known well, and
one every few polls later, so that a change of the path is noticed; more often where multicasts lag. A sample that
contradicts the estimate isn't used before a fresh exchange, which no packet that is held back or played again can
answer.

A server in interleaved mode (RFC 9769) tells with each answer when the one before left. So an exchange counts when the
next answer has completed it.

After the volley an exchange is a warm-up, as soon as that is answered the measurement, and in interleaved mode a third
request to complete it. After seconds of silence the first packet finds caches cold and processors, cards and switches
asleep, which delays the request more than the answer, and half of the difference would be taken for an offset. The
warm-up counts only if it was the quicker one and delays are queues. A volley goes without, since servers such as ntpd
may answer one request in two seconds. Each request is a mode 3 packet from a new port.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ntp_multicast_engine.config.configuration import MulticastClient
from ntp_multicast_engine.errors import PacketError
from ntp_multicast_engine.filter.estimator import Estimate, Estimator, Exchange, OneWay
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.protocol.poll import NOT_BEFORE, Answer, KissOfDeath, Poll
from ntp_multicast_engine.protocol.standstill import SHORTEST, Standstill, StandstillDetector, spelt
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.packet import Header, Packet, reference_id_text
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, SECOND, from_ntp, later

GOOD_EXCHANGES = 4
"""Until a server is used; each takes two seconds. What numbers like this one are worth: tests/benchmarks/README.md."""
WELL_KNOWN = 32
"""Good exchanges after which the way is known well: one-sided noise averages out in proportion to their number, and the
first four are no good measure where a host was just started or delays vary."""
SPACING = 2 * NANOSECONDS
"""Between the exchanges of a volley, as in a burst of RFC 5905 section 13 (BTIME)."""
SPREAD = NANOSECONDS // 2
"""Within this time the clients that heard the same packet begin to ask, each at random. Later exchanges keep their
distances from the first, so they stay apart. A small part of the shortest interval: the way is known no later."""
MAXIMUM_BACK_OFF = 64 * NANOSECONDS
"""The interval at which ntpd and chronyd ask by default: no server minds that."""
PERHAPS_LOST = 3
"""Requests in a row without an answer until the server is asked less: with a third of the packets lost, two happen."""
_FORGET_REFUSED = 2
"""Requests in a row without any answer until those that were refused are no news any more."""
ATTEMPTS_WITHOUT_ANSWER = 8
"""As many as a burst of RFC 5905 section 13 has (BCOUNT)."""
_MISSED_AFTER_WARM_UPS = 2
"""Measurements in a row without an answer although the warm-up had one: a server with a limit, such as ntpd's of one
request in two seconds."""
RECALIBRATION_POLLS = 8
"""A quarter of it takes four times the requests, four times of it doubles the error where temperature changes."""
RECALIBRATION_POLLS_ASYMMETRIC = 2
"""Multicasts that are late scatter, too, so answers have to tell more than how late."""
PHI = 15e-6
"""RFC 5905: how fast an unmeasured clock may drift."""
JUMP_FLOOR = 0.005
"""Seconds by which a sample may contradict the estimate without further questions."""
ROUGHLY = 0.1
"""Seconds by which a transmit timestamp that no kernel has taken may contradict it further: a server may be busy."""
_JUMPS_TO_START_AGAIN = 3
"""Samples in a row that contradict the estimate while no answer comes to decide."""
_MISMATCHES_TO_BASIC = 4
"""Packets in a row without a fitting origin: a kernel may fail to stamp some."""
_TELL_AGAIN = 600 * NANOSECONDS
"""An event that packets can bring about at will makes no more lines than six an hour."""
_UNFIT_ANSWERS = frozenset({"response_unsynchronised", "response_stratum", "response_root_distance"})


class Phase(enum.Enum):
    VOLLEY = "client"
    LISTENING = "broadcast client"


class Stream(enum.Enum):
    """How the server's mode 5 packets tell when they left; UNKNOWN until there have been two."""

    UNKNOWN = "unknown"
    BASIC = "basic"
    INTERLEAVED = "interleaved"


@dataclass(frozen=True)
class SendRequest:
    """Send `data` to the association's server from a new socket, then call `Association.request_sent`."""

    association: Association
    data: bytes


@dataclass(frozen=True)
class CloseRequest:
    """The socket of the association's exchange isn't needed any more."""

    association: Association


@dataclass(frozen=True)
class Failure:
    """Why the network takes no request, in words, and what to look at."""

    reason: str
    advice: str


class Association:
    """See the head of the file, and for the parameters `client`."""

    def __init__(
        self,
        configuration: MulticastClient,
        source: str,
        now: Instant,
        cookie: Callable[[], int],
        random: Callable[[], float],
        estimator: Callable[[], Estimator],
    ) -> None:
        self.configuration = configuration
        self.source = source
        self.phase = Phase.VOLLEY
        self.stream = Stream.UNKNOWN
        self.header: Header | None = None
        self.key_id: int | None = None
        self.version = 4
        self.last_transmit: int | None = None
        self.last_arrival: Instant | None = None
        self.stamps: str | None = None
        self.reach = 0
        self.unanswered = 0
        self.requests = self.answers = 0
        """In all."""
        self.refused_answers: Counter[str] = Counter()
        """By the reason, since the last good answer, or none at all."""
        self.failure: Failure | None = None
        """Of the newest request of which the end is known."""
        self._failed_request = 0
        self._refused_request = 0
        self.unfit: str | None = None
        """The server's own newest word that it has no time to give: the name of the test that it failed."""
        self.challenged: int | None = None
        """Raw time at which an old packet has brought about a request."""
        self.confirmed = False
        self.abandoned = False
        self.events: list[str] = []
        self._told: dict[str, int] = {}
        self.warnings: list[str] = []
        """Why accepted packets told less than they might have: counters."""
        self._random = random
        self._make_estimator = estimator
        self.estimator = estimator()
        self._poll = Poll(cookie)
        self._next_exchange = self._spread(now.raw)
        self._back_off = SPACING
        self._uses_warm_up = True
        self._answers: list[Answer] = []
        """Those of the exchange under way after the volley: the warm-up's first."""
        self._unfinished: Answer | None = None
        """The last answer of a volley in interleaved mode, until the next one tells when it left."""
        self.interleaved = False
        """Whether the server tells when its answers left (RFC 9769)."""
        self.denied: str | None = None
        """The kiss code by which the server has refused service."""
        self._kiss: tuple[str, int] | None = None
        """The newest kiss code, and how many requests there had been by then."""
        self._missed_after_warm_ups = 0
        self._good = 0
        self._last_exchange = now.raw
        self._reach_deadline = now.raw + self.poll_interval * 3 // 2
        self._unreachable_polls = 0
        self._jumps = 0
        self._far_off = False
        self._mismatches = 0
        self._standstill = StandstillDetector()
        self.standstill: Standstill | None = None
        """The last time that this host stood still, as the server shows, and more than one packet of it."""
        self._contradicted: int | None = None
        """Since when multicasts contradict the estimate, raw time."""
        self._unexplained: float | None = None
        """Seconds by which an exchange showed the server ahead, before a multicast could tell why."""

    def take_over(self, version: int, key_id: int | None, last_transmit: int | None) -> None:
        """What an authentic packet that isn't accepted still tells a new association: how to ask its sender."""
        if self.header is None:
            self.version, self.key_id, self.last_transmit = version, key_id, last_transmit

    # What is known

    @property
    def poll_interval(self) -> int:
        """Nanoseconds between the server's packets, as its last one says."""
        poll = self.header.poll if self.header else 6
        return (1 << poll) * NANOSECONDS

    @property
    def usable(self) -> bool:
        return self.phase is Phase.LISTENING and self.denied is None and self.unfit is None and self.reach != 0

    @property
    def unheard(self) -> bool:
        """Whether the server has never answered although it was asked often, and isn't used without."""
        return self.phase is Phase.VOLLEY and not self.confirmed and self.unanswered >= ATTEMPTS_WITHOUT_ANSWER

    @property
    def unconfirmed(self) -> bool:
        """Whether the newest multicast contradicts the estimate, and no exchange has told yet which one is right."""
        return self._jumps != 0 or self._far_off

    @property
    def kiss(self) -> str | None:
        """The kiss code that came instead of the last answer; None, if that had a time or didn't come."""
        return self._kiss[0] if self._kiss is not None and self.requests - self._kiss[1] <= 1 else None

    @property
    def warming_up(self) -> bool:
        """Whether an exchange has begun that has told nothing new yet."""
        return bool(self._answers)

    def dispersion(self, estimate: Estimate, raw: int) -> float:
        """Seconds: what the estimate may be wrong by, growing with its age (RFC 5905 section 11.2)."""
        precision: float = 2.0**self.header.precision if self.header and -32 < self.header.precision < 0 else 0.0
        return estimate.error + precision + PHI * max(raw - estimate.raw, 0) / NANOSECONDS

    def root_delay(self, estimate: Estimate) -> float:
        return estimate.delay + (self.header.root_delay if self.header else 0.0)

    def root_dispersion(self, estimate: Estimate, raw: int) -> float:
        upstream = self.header.root_dispersion if self.header else 0.0
        return upstream + self.dispersion(estimate, raw) + estimate.jitter

    def root_distance(self, estimate: Estimate, raw: int) -> float:
        return self.root_delay(estimate) / 2 + self.root_dispersion(estimate, raw)

    # Mode 5

    def accept(self, packet: Packet, arrival: Instant, stamps: str) -> None:
        """Take a mode 5 packet that stood all tests."""
        header = packet.header
        previous_transmit, previous_arrival = self.last_transmit, self.last_arrival
        self.header, self.version, self.stamps = header, header.version, stamps
        self.unfit = None
        self.last_transmit, self.last_arrival = header.transmit, arrival
        self.reach = (self.reach << 1 | 1) & 0xFF
        self._unreachable_polls = 0
        self._reach_deadline = arrival.raw + self.poll_interval * 3 // 2
        self._standstill.hear(header.transmit, arrival.raw, self.poll_interval)
        self._explain(arrival.raw)
        if self.failure is not None:
            self.poll_soon(arrival.raw)
        if self._contradicted is None:
            self._contradicted = arrival.raw
        if previous_arrival is None or previous_transmit is None:
            return
        if self.phase is Phase.VOLLEY and not self._good and self.configuration.fallback_delay is not None:
            # Who gives a delay says that nobody will answer. One who does is accepted as soon as he has.
            self._give_up_volley(arrival.raw)
        sample = self._sample(header, arrival, previous_transmit, previous_arrival)
        if sample is not None:
            self._judge_sample(sample, arrival.raw)
        self._look_at_present(_one_way(header.transmit, arrival), arrival.raw)
        if not self.unconfirmed:
            self._contradicted = None

    def withdraw(self, reason: str, transmit: int) -> None:
        """The server itself says that it has no time to give (RFC 5905 section 11.2.1: unfit at once).

        It counts unless it says so in an old packet.
        """
        if transmit and (self.last_transmit is None or later(transmit, self.last_transmit) > 0):
            self.unfit, self.last_transmit = reason, transmit

    def _sample(
        self, header: Header, arrival: Instant, previous_transmit: int, previous_arrival: Instant
    ) -> OneWay | None:
        """What the packet says about the clock, or None if it says nothing that fits the stream."""
        if header.origin != 0 and 0 <= later(header.origin, previous_transmit) < SECOND:
            self._set_stream(Stream.INTERLEAVED, arrival.raw)
            return _one_way(header.origin, previous_arrival)
        if header.origin != 0:
            self.warnings.append("interleave_mismatch")
        # The origin of a packet whose predecessor was lost speaks of that one. It is no sign of the basic mode.
        lost = header.origin != 0 and later(header.transmit, header.origin) > 0 < later(
            header.origin, previous_transmit
        )
        if (self.stream is Stream.INTERLEAVED and header.origin != 0) or (self.stream is Stream.UNKNOWN and lost):
            return None
        # One without an origin follows a silence of the server; only a habit means another mode.
        if self.stream is Stream.INTERLEAVED or (header.origin != 0 and self.stream is Stream.UNKNOWN):
            self._mismatches += 1
            if self._mismatches < _MISMATCHES_TO_BASIC:
                return None
        self._set_stream(Stream.BASIC, arrival.raw)
        return _one_way(header.transmit, arrival)

    def _set_stream(self, stream: Stream, raw: int) -> None:
        self._mismatches = 0
        if self.stream is stream:
            return
        if self.stream is not Stream.UNKNOWN:
            self._tell(f"server {self.source} now sends in {stream.value} mode: calibrating the delay again", raw)
            self._start_again(raw)
        self.stream = stream
        self.estimator.expect_departures(stream is Stream.INTERLEAVED)

    def _judge_sample(self, sample: OneWay, raw: int) -> None:
        if self.estimator.estimate() is None and self.estimator.assumed_delay is None:
            # Before the first exchange nothing tells a sample from an old packet that is played again.
            return
        if not self._is_jump(sample):
            self._jumps = 0
            self.estimator.add(sample)
            return
        self._jumps += 1
        self.warnings.append("offset_jump")
        if self._jumps >= _JUMPS_TO_START_AGAIN and not self._standstill.catching_up:
            cause = self._cause(f"server {self.source} keeps contradicting the estimate", raw)
            self._tell(f"{cause}: calibrating the delay again", raw)
            self._start_again(raw)
        else:
            self.poll_soon(raw)

    def _cause(self, otherwise: str, raw: int, ahead: float | None = None) -> str:
        """Who is to blame for a jump, now that it is confirmed. `ahead`: seconds, where an exchange has told them."""
        unheard, self._unexplained = not self.unconfirmed, None
        found, jump = self._standstill.take(raw)
        if found is not None and (self._contradicted is None or found.end < self._contradicted):
            # The multicasts that came later still agreed with the estimate.
            found = None
        if found is not None and ahead is not None:
            found = self._measured(found, ahead)
        if found is not None:
            self.standstill = found
            return f"this host stood still for {spelt(found.seconds)}, so server {self.source} is ahead"
        if jump is not None:
            seconds = jump.seconds
        elif unheard and ahead is not None and ahead >= SHORTEST / NANOSECONDS:
            seconds = self._unexplained = ahead
        else:
            return otherwise
        return (
            f"the clock of server {self.source} jumped {spelt(seconds)} ahead,"
            f" or this host stood still for {spelt(seconds)}"
        )

    def _measured(self, found: Standstill, ahead: float) -> Standstill | None:
        """As long as an exchange has told. None, if it was another trouble: multicasts tell it to an interval."""
        other = abs(ahead - found.seconds) * NANOSECONDS > self.poll_interval + SHORTEST
        return None if ahead <= 0 or other else replace(found, seconds=ahead)

    def _explain(self, raw: int) -> None:
        """The next multicast after a jump that an exchange has shown comes punctually, or this host stood still."""
        seconds, self._unexplained = self._unexplained, None
        if seconds is None:
            return
        found, _ambiguous = self._standstill.take(raw)
        found = self._measured(found, seconds) if found is not None else None
        if found is not None:
            self.standstill = found
            self._tell(f"this host stood still for {spelt(seconds)}: server {self.source} was right", raw)

    def _look_at_present(self, present: OneWay, raw: int) -> None:
        """An interleaved packet measures the one before it, so a clock that has jumped since would be seen too late."""
        self._far_off = self.stream is Stream.INTERLEAVED and self._is_jump(present, ROUGHLY)
        if self._far_off and not self._jumps:
            self.warnings.append("offset_jump")
            self.poll_soon(raw)

    def _is_jump(self, sample: OneWay, more: float = 0.0) -> bool:
        estimate = self.estimator.estimate()
        if estimate is None:
            return False
        expected = estimate.at(sample.raw) - round(estimate.delay / 2 * NANOSECONDS)
        return abs(sample.difference - expected) / NANOSECONDS > self._allowance(estimate, sample.raw) + more

    def _allowance(self, estimate: Estimate, raw: int) -> float:
        frequency_error = 200e-6 if self.estimator.samples < 4 else 5e-6
        age = abs(raw - estimate.raw) / NANOSECONDS
        return JUMP_FLOOR + 8 * estimate.jitter + estimate.delay + frequency_error * age

    def _start_again(self, raw: int) -> None:
        self.estimator = self._make_estimator()
        self.estimator.expect_departures(self.stream is Stream.INTERLEAVED)
        self.phase = Phase.VOLLEY
        self._good = self._jumps = self.unanswered = 0
        self._back_off = SPACING
        self._answers, self._unfinished = [], None
        if self._poll.deadline is None:
            self._next_exchange = self._soon(raw)

    def begin_anew(self, raw: int, reason: str) -> CloseRequest:
        """Raw time has lost what it had to do with the server's: measure again, without what is under way."""
        self._tell(f"{reason}: calibrating the delay of server {self.source} again", raw)
        self.last_arrival = None
        self._poll.forget()
        self._start_again(raw)
        return CloseRequest(self)

    def interrupted(self, raw: int) -> None:
        """This process stood still: what was under way is void, and the stamps of the last packet are no use."""
        self.last_arrival = None
        self._poll.forget()
        self._answers, self._unfinished = [], None
        self._next_exchange = max(self._next_exchange, self._soon(raw))
        self._reach_deadline = max(self._reach_deadline, raw + self.poll_interval * 3 // 2)

    def poll_soon(self, raw: int) -> None:
        """Something contradicts the estimate: have an exchange soon, but not more often than a volley has them."""
        if self._poll.deadline is None and not self._answers:
            self._next_exchange = min(self._next_exchange, self._soon(raw))

    def _soon(self, raw: int) -> int:
        return self._spread(max(raw, self._last_exchange + SPACING))

    def _spread(self, raw: int) -> int:
        """A random moment soon after one at which others have the same reason to ask."""
        return raw + int(self._random() * SPREAD)

    # Modes 3 and 4

    def request_sent(self, instant: Instant) -> None:
        """When the request really left, by the best stamp there is; may be called again with a better one."""
        self._poll.sent(instant)

    def request_failed(self, failure: Failure) -> None:
        """The network didn't take the request, or says that the server can't be reached."""
        self.failure, self._failed_request = failure, self.requests

    def take_response(self, data: bytes, arrival: Instant, keys: KeyRing) -> CloseRequest:
        """Judge a datagram that came to the port of the exchange; raises PacketError with the reason to drop it."""
        self.failure = None
        try:
            answer = self._poll.take(data, arrival, self.key_id, keys)
        except KissOfDeath as kiss:
            self._take_kiss(kiss.code, arrival.raw)
            raise
        except PacketError as error:
            self.refused_answers[error.reason] += 1
            self._refused_request = self.requests
            # An answer that has proved its origin may say that the server has no time to give.
            if error.reason in _UNFIT_ANSWERS and self.header is not None:
                self.unfit = error.reason.partition("_")[2]
            raise
        self.answers += 1
        self.unfit = self._kiss = None
        self.refused_answers.clear()
        self.unanswered = 0
        self._back_off = SPACING
        self.interleaved = answer.departure is not None
        if self.phase is Phase.VOLLEY:
            self._take_volley_answer(answer)
        elif self._continues_exchange(answer):
            self._next_exchange = arrival.raw
        else:
            self._finish_exchange(arrival.raw)
        return CloseRequest(self)

    def _take_kiss(self, code: bytes, raw: int) -> None:
        """RFC 5905 section 7.4."""
        self._kiss = (reference_id_text(code, 0), self.requests)
        if code == b"RATE":
            self._back_off = MAXIMUM_BACK_OFF
            self._uses_warm_up = False
        elif code in (b"DENY", b"RSTR"):
            self.denied = code.decode("ascii")
            self._poll.end()
            self._tell(f"server {self.source} refuses service ({self.denied}): it is not used any more", raw)

    def _take_volley_answer(self, answer: Answer) -> None:
        """In interleaved mode each answer completes the exchange before it, and is completed by the next."""
        unfinished, self._unfinished = self._unfinished, answer if self.interleaved else None
        if not self.interleaved:
            self._judge_exchange(answer.exchange(), answer.header)
        elif unfinished is not None:
            self._judge_exchange(unfinished.exchange(answer.departure), answer.header)
        if self._good >= GOOD_EXCHANGES:
            self.phase, self.confirmed, self._unfinished = Phase.LISTENING, True, None
        self._schedule_exchange(answer.arrival.raw)

    def _continues_exchange(self, answer: Answer) -> bool:
        """After the volley: a warm-up, the measurement, and in interleaved mode one more to complete it."""
        self._answers.append(answer)
        number = len(self._answers)
        return self._uses_warm_up and (number == 1 or (number == 2 and self.interleaved))

    def _finish_exchange(self, raw: int) -> None:
        answers, self._answers = self._answers, []
        if len(answers) > 1:
            self._missed_after_warm_ups = 0
        told = [(one, following.departure) for one, following in zip(answers, answers[1:])]
        exchanges = [one.exchange(departure) for one, departure in told if departure is not None]
        if not exchanges:
            exchanges = [answer.exchange() for answer in answers if answer.departure is None]
        if exchanges:
            best = self.estimator.better(*exchanges) if len(exchanges) == 2 else exchanges[0]
            self._judge_exchange(best, answers[-1].header)
        self._schedule_exchange(raw)

    def _judge_exchange(self, exchange: Exchange, header: Header) -> None:
        estimate = self.estimator.estimate()
        if self.last_transmit is not None and later(header.receive, self.last_transmit) < -SECOND:
            # The request came after the newest multicast had left, or just before, yet at an earlier time.
            self._tell(f"the clock of server {self.source} was set back: calibrating the delay again", exchange.raw)
            self.last_transmit, self.last_arrival = header.receive, None
            self._start_again(exchange.raw)
        elif estimate is not None and self._contradicts(exchange, estimate):
            ahead = ((exchange.up + exchange.down) // 2 - estimate.at(exchange.raw)) / NANOSECONDS
            cause = self._cause(f"the clock of server {self.source} jumped", exchange.raw, ahead)
            self._tell(f"{cause}: calibrating the delay again", exchange.raw)
            self._start_again(exchange.raw)
        self._jumps, self._far_off = 0, False
        self.estimator.add_exchange(exchange)
        self._good += 1

    def _contradicts(self, exchange: Exchange, estimate: Estimate) -> bool:
        expected = estimate.at(exchange.raw)
        allowance = round(self._allowance(estimate, exchange.raw) * NANOSECONDS)
        return not exchange.down - allowance <= expected <= exchange.up + allowance

    def _schedule_exchange(self, raw: int) -> None:
        self._last_exchange = raw
        if self.phase is Phase.VOLLEY:
            interval = 0
        elif self.unanswered:
            interval = max(self.poll_interval, MAXIMUM_BACK_OFF)
        elif self._good < WELL_KNOWN:
            interval = self.poll_interval
        elif self.estimator.multicasts_lag:
            interval = self.poll_interval * RECALIBRATION_POLLS_ASYMMETRIC
        else:
            interval = max(self.poll_interval * RECALIBRATION_POLLS, MAXIMUM_BACK_OFF)
        self._next_exchange = raw + max(interval, self._back_off)

    def _unanswered(self, raw: int) -> None:
        self._poll.end()
        if self._failed_request != self.requests:
            self.failure = None
        if self.requests - self._refused_request >= _FORGET_REFUSED:
            self.refused_answers.clear()
        if self._answers:
            self._miss_measurement(raw)
            return
        self.unanswered += 1
        if self.unanswered >= PERHAPS_LOST:
            self._back_off = min(self._back_off * 2, MAXIMUM_BACK_OFF)
        if self.unanswered == ATTEMPTS_WITHOUT_ANSWER and self.phase is Phase.VOLLEY:
            self._give_up_volley(raw)
        self._schedule_exchange(raw)

    def _miss_measurement(self, raw: int) -> None:
        """What the warm-up has told is good, too."""
        if len(self._answers) == 1 and not self.interleaved:
            self._missed_after_warm_ups += 1
            self._uses_warm_up = self._uses_warm_up and self._missed_after_warm_ups < _MISSED_AFTER_WARM_UPS
        self._finish_exchange(raw)

    def _give_up_volley(self, raw: int) -> None:
        delay = self.configuration.fallback_delay
        if delay is not None and self.header is not None:
            self._tell(f"server {self.source} answers no request: using the fallback delay", raw)
            self.estimator.assume_delay(delay)
            self.phase = Phase.LISTENING
        elif not self.confirmed and self.header is None:
            self.abandoned = True

    def _tell(self, event: str, raw: int) -> None:
        """Put down an event. Who sends packets can make it happen again and again, so it isn't told as often."""
        if raw >= self._told.get(event, raw):
            self._told[event] = raw + _TELL_AGAIN
            self.events.append(event)

    # Time

    def deadline(self) -> int:
        """Raw time at which `wake` has something to do."""
        if self.denied is not None:
            return self._reach_deadline
        waited = self._poll.deadline
        return min(self._next_exchange if waited is None else waited, self._reach_deadline)

    def wake(self, raw: int, keys: KeyRing) -> Iterator[SendRequest | CloseRequest]:
        while raw >= self._reach_deadline:
            self._reach_deadline += self.poll_interval
            self.reach = self.reach << 1 & 0xFF
            self._unreachable_polls += self.reach == 0
        # RFC 5905 section 13: UNREACH.
        if self._unreachable_polls >= 24:
            self.abandoned = True
        if self.denied is not None:
            return
        if self._poll.deadline is not None and raw >= self._poll.deadline:
            self._unanswered(raw)
            yield CloseRequest(self)
        if self._poll.deadline is None and raw >= self._next_exchange:
            self.requests += 1
            yield SendRequest(self, self._poll.begin(raw, self.version, self.key_id, keys))


def _one_way(stamp: int, arrival: Instant) -> OneWay:
    return OneWay(arrival.raw, from_ntp(stamp, max(arrival.real, NOT_BEFORE)) - arrival.raw)
