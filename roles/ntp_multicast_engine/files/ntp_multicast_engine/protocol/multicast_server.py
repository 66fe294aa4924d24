# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sender of mode 5 packets, and what it shares with the `responder`.

Rules of the file: no sockets, no clock; time comes as an argument, packets go out as return values. A server says
nothing unless it is handed an announcement, which exists only while there is a time to give.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ntp_multicast_engine.config.configuration import MulticastServer
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.wire.keyring import KeyRing
from ntp_multicast_engine.wire.packet import MODE_BROADCAST, Header
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, SECOND, later, to_ntp, to_short

_JITTER = NANOSECONDS // 10
"""By which a packet is randomly late, so that servers don't fall into step."""
_PRECISION = -20
"""log2 seconds: reading the clock takes a microsecond or less."""
_LATEST_START = NANOSECONDS // 2
"""Groups that start together must not send together."""


@dataclass(frozen=True)
class Announcement:
    """What a server says about its own time (RFC 5905 system variables). Delays in seconds, reference in Unix ns."""

    leap: int
    stratum: int
    reference_id: bytes
    root_delay: float
    root_dispersion: float
    reference: int
    source: str | None = None
    """The address behind the reference identifier, where it is known and does not fit in there."""


def server_header(announcement: Announcement, version: int, mode: int, poll: int, **stamps: int) -> Header:
    """The header of a packet that tells what was announced.

    :param stamps: its NTP timestamps `origin`, `receive` and `transmit`.
    """
    return Header(
        leap=announcement.leap,
        version=version,
        mode=mode,
        stratum=announcement.stratum,
        poll=poll,
        precision=_PRECISION,
        root_delay_short=to_short(announcement.root_delay),
        root_dispersion_short=to_short(announcement.root_dispersion),
        reference_id=announcement.reference_id,
        reference=to_ntp(announcement.reference),
        **stamps,
    )


class Sender:
    """The schedule and the packets of one (interface, group).

    :param random: gives numbers from 0 to 1, for the jitter.
    """

    def __init__(self, configuration: MulticastServer, random: Callable[[], float], start: int) -> None:
        self.configuration = configuration
        self._random = random
        self._interval = (1 << configuration.poll) * NANOSECONDS
        self._tick = start + round(random() * _LATEST_START)
        self.due = self._tick
        self.sent = 0
        self.stamps: str | None = None
        self.last_error: str | None = None
        self.advice = ""
        """What to do about the last error."""
        self._last_transmit: int | None = None
        self._accurate: int | None = None
        self._unstamped = False

    def packet(self, now: Instant, announcement: Announcement, keys: KeyRing) -> bytes:
        """The packet to be sent at once; `stamped` tells afterwards when it really left.

        The transmit timestamp is the present. The origin is 0 in basic mode (RFC 5905), and in interleaved mode (RFC
        9769 section 4) the accurate departure of the packet before.
        """
        configuration = self.configuration
        if self._unstamped:  # The kernel doesn't stamp any more.
            self.stamps = "user"
        self._unstamped = True
        transmit = to_ntp(now.real)
        origin = self._accurate or 0 if configuration.interleaved else 0
        self._last_transmit, self._accurate = transmit, None
        version, poll = configuration.version, configuration.poll
        header = server_header(announcement, version, MODE_BROADCAST, poll, origin=origin, transmit=transmit)
        data = header.encode()
        if configuration.key_id is None:
            return data
        return keys.sign(data, configuration.key_id, version)

    def stamped(self, real: int) -> None:
        """When the last packet left, by the kernel's stamp."""
        self.stamps, self._unstamped = "kernel", False
        if self._last_transmit is None:
            return
        stamp = to_ntp(real)
        after = later(stamp, self._last_transmit)
        # ntpd throws away a packet whose origin lies before the transmit time of the packet before, or 1 s after it.
        if abs(after) < SECOND:
            self._accurate = stamp if after > 0 else self._last_transmit

    def schedule(self, raw: int) -> None:
        """Set the next `due`: a multiple of the interval after the first, never shifted by lateness."""
        missed = max(0, (raw - self._tick) // self._interval)
        self._tick += (missed + 1) * self._interval
        self.due = self._tick + round(self._random() * _JITTER)

    def silence(self) -> None:
        """A packet was left out: the next one can't tell when it left."""
        self._last_transmit = self._accurate = None
        self._unstamped = False
