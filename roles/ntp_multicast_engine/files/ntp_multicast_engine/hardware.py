# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network card as the giver of stamps: converts what it has stamped, or says that the kernel's stamp has to do.

Imported only where the configuration asks for it. A card stamps the start of a frame. What the kernel stamps is the
start of a packet that is sent, but the end of one that has come. So the time that the frame took goes on top of a
card's stamp of arrival: then both kinds tell of the same moment, whatever the speed of the link.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ntp_multicast_engine.clock.system_clock import Clock, Instant
from ntp_multicast_engine.hardware_clock import HardwareClock, Reading
from ntp_multicast_engine.hardware_door import (
    FILTER_ALL,
    FILTER_NTP_ALL,
    RAW_HARDWARE,
    TX_OFF,
    CardClock,
    Door,
    KernelDoor,
)
from ntp_multicast_engine.observe.journal import tell
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

EVERYTHING = (FILTER_NTP_ALL, FILTER_ALL)
"""Filters of received packets that let NTP packets be stamped, what suffices first."""
_SLACK = 1_000
_FARTHEST = NANOSECONDS // 100
"""Between the card's stamp and the kernel's lie an interrupt and a queue, not more."""
_LEAST_SPACING = NANOSECONDS // 1000
"""Between readings: a flood of packets must not become one of readings where these tell too little."""
_ETHERNET, _UDP = 14 + 4, 8
_INTERNET = {4: 20, 6: 40}


class Card:
    """One interface's card. `sends` and `receives`: whether it is set to stamp what leaves and what comes.

    `refused` counts stamps that did not fit the kernel's, or that nothing is known to convert with.
    """

    def __init__(
        self, interface: str, door: Door, device: CardClock, clock: Clock, *, sends: bool, receives: bool
    ) -> None:
        self.interface = interface
        self.index = 0
        self.sends, self.receives = sends, receives
        self.refused = 0
        self._door = door
        self._device: CardClock | None = device
        self._next_opening = self._next_reading = 0
        self._clock = clock
        self._line = HardwareClock()
        self._speed = door.speed(interface)

    def link_changed(self) -> None:
        """The link may have another speed now."""
        self._speed = self._door.speed(self.interface)

    def arrival(self, hardware: int, software: int, now: Instant, length: int, version: int) -> int | None:
        """When the end of a datagram came, Unix nanoseconds, or None where the kernel's stamp `software` has to do.

        :param length: of the datagram.
        :param version: of the Internet protocol.
        """
        real = self._real(hardware, now)
        if real is not None:
            real += self._duration(length, version)
            if -self._slack <= software - real < _FARTHEST:
                return min(real, software)
        self.refused += 1
        return None

    def departure(self, hardware: int, software: int) -> int | None:
        """When the start of a datagram left, Unix nanoseconds, or None."""
        real = self._real(hardware, self._clock.now())
        if real is not None and -self._slack <= real - software < _FARTHEST:
            return max(real, software)
        self.refused += 1
        return None

    @property
    def _slack(self) -> int:
        return _SLACK + self._line.doubt

    def _duration(self, length: int, version: int) -> int:
        """How long a frame takes behind its start, in nanoseconds."""
        octets = length + _UDP + _INTERNET[version] + _ETHERNET
        return octets * 8 * NANOSECONDS // self._speed if self._speed else 0

    def _real(self, hardware: int, now: Instant) -> int | None:
        if now.raw >= self._next_reading and self._line.wants_reading(now.raw):
            self._next_reading = now.raw + _LEAST_SPACING
            self._read()
        raw = self._line.raw(hardware)
        return None if raw is None else now.real - (now.raw - raw)

    def _read(self) -> None:
        # At once again where a reading contradicts those before: two that agree settle it.
        for _unused in range(3):
            readings = self._readings()
            if not readings or self._line.add(readings, self._clock.now()):
                return

    def _readings(self) -> list[Reading]:
        """What the card's clock shows; nothing while it can't be read, such as after its driver began anew."""
        try:
            if self._device is None:
                self._device = self._reopened()
            return self._device.read() if self._device is not None else []
        except OSError:
            self.close()
            return []

    def _reopened(self) -> CardClock | None:
        raw = self._clock.now().raw
        if raw < self._next_opening:
            return None
        self._next_opening = raw + NANOSECONDS
        number = self._door.offer(self.interface).clock
        return None if number is None else self._door.open_clock(number)

    def close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()


class Cards:
    """The cards of those interfaces for which the configuration asks for hardware stamps."""

    def __init__(self, interfaces: Sequence[str], clock: Clock, door: Door | None = None) -> None:
        self._interfaces = frozenset(interfaces)
        self._clock = clock
        self._door: Door = door or KernelDoor()
        self._cards: dict[str, Card] = {}
        self._complaints: dict[str, str] = {}

    def of(self, interface: str | None) -> Card | None:
        """The card, or None where the kernel's stamps have to do; the log says why."""
        if interface is None or interface not in self._interfaces:
            return None
        try:
            index = self._door.index(interface)
            card = self._cards.get(interface)
            if card is None or card.index != index:
                if card is not None:
                    card.close()
                card = self._cards[interface] = self._open(interface)
                card.index = index
        except OSError as error:
            self._complain(interface, error.strerror or str(error))
            return None
        self._complaints.pop(interface, None)
        return card

    def _open(self, interface: str) -> Card:
        offer = self._door.offer(interface)
        if offer.clock is None or not offer.stamps & RAW_HARDWARE:
            raise OSError(0, "it has no clock")
        try:
            now = self._door.stamping(interface)
            sends, receives = now.transmit != TX_OFF, now.receive in EVERYTHING
        except OSError:
            # Some drivers only let it be set; then what comes tells.
            sends = receives = True
        if not sends and not receives:
            raise OSError(0, "it is not set to stamp packets (ntp-multicast-engine enable-hardware-timestamps)")
        device = self._door.open_clock(offer.clock)
        directions = [name for name, given in (("sent", sends), ("received", receives)) if given]
        what = f"{interface} stamps what is {' and '.join(directions)}, by /dev/ptp{offer.clock}"
        tell(logging.INFO, "hardware_timestamps", what)
        return Card(interface, self._door, device, self._clock, sends=sends, receives=receives)

    def _complain(self, interface: str, reason: str) -> None:
        if self._complaints.get(interface) != reason:
            self._complaints[interface] = reason
            sentence = f"{interface} gives no hardware time stamps, so the kernel's are used: {reason}"
            tell(logging.WARNING, "hardware_timestamps", sentence, reason=reason)

    def link_changed(self) -> None:
        for card in self._cards.values():
            card.link_changed()

    def close(self) -> None:
        for card in self._cards.values():
            card.close()
        self._cards.clear()
