# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wire that holds NTP packets back: two interfaces, and a delay drawn from a seeded distribution for each packet.

It forwards whole Ethernet frames, so that multicasts, requests and answers keep their addresses, so no host notices it.
Each direction has a sequence of delays of its own: `BASE` and an exponentially distributed part on top, as of queues.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import os
import random
import select
import signal
import socket
import struct
import sys
import time

BASE = 100e-6
"""Seconds that every NTP packet is held back at least, long beside what this program needs for itself."""
_ALL_FRAMES = 0x0003
_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23
_VIRTIO_HEADER = 10
"""Octets of struct virtio_net_hdr before each frame: they say which checksum is still to be computed."""
_IPV4, _IPV6, _UDP, _NTP = 0x0800, 0x86DD, 17, 123
_LONGEST = 65535


def is_ntp(frame: bytes) -> bool:
    """Whether an Ethernet frame carries UDP from or to port 123; fragments and options of IPv6 aren't looked into."""
    if len(frame) < 42:
        return False
    kind = int.from_bytes(frame[12:14], "big")
    if kind == _IPV4 and frame[23] == _UDP:
        begin = 14 + (frame[14] & 15) * 4
    elif kind == _IPV6 and frame[20] == _UDP:
        begin = 54
    else:
        return False
    ports = frame[begin : begin + 4]
    return len(ports) == 4 and _NTP in struct.unpack("!HH", ports)


class Wire:
    """The running relay between two interfaces of its namespace.

    :param mean: seconds; mean of the exponential part.
    """

    def __init__(self, interfaces: tuple[str, str], mean: float, seed: int) -> None:
        left, right = (_open(name) for name in interfaces)
        self._other = {left: right, right: left}
        self._delays = {left: random.Random(seed), right: random.Random(seed + 1)}
        self._mean = mean
        self._held: list[tuple[float, int, socket.socket, bytes]] = []
        self._number = 0

    def run(self) -> None:
        """For ever."""
        while True:
            wait = max(self._held[0][0] - time.monotonic(), 0.0) if self._held else None
            readable, _writable, _exceptional = select.select(list(self._other), [], [], wait)
            for come in readable:
                self._take(come)
            while self._held and self._held[0][0] <= time.monotonic():
                _due, _number, leaving, data = heapq.heappop(self._held)
                _send(leaving, data)

    def _take(self, come: socket.socket) -> None:
        now = time.monotonic()
        data = come.recv(_LONGEST)
        if not is_ntp(data[_VIRTIO_HEADER:]):
            _send(self._other[come], data)
            return
        delay = BASE + self._delays[come].expovariate(1 / self._mean)
        self._number += 1
        heapq.heappush(self._held, (now + delay, self._number, self._other[come], data))


def _open(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    opened.bind((interface, _ALL_FRAMES))
    return opened


def _send(sock: socket.socket, data: bytes) -> None:
    try:
        sock.send(data)
    except OSError as error:
        print(f"relay: {error}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interfaces", nargs=2)
    parser.add_argument("--mean", type=float, required=True, help="seconds, of the exponential part of a delay")
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    try:
        # The delay should be the drawn one, whatever else runs on the machine.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError as error:
        print(f"relay: no real-time priority ({error.strerror}): its own delays come on top", file=sys.stderr)
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Wire(tuple(options.interfaces), options.mean, options.seed).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
