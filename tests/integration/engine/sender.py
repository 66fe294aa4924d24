# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A multicast server with a clock of its own choice, which shares no code with the engine.

Usage: sender.py SETTINGS INTERFACE ADDRESS GROUP. SETTINGS is a JSON file that is read before each packet: `offset` in
seconds, `leap`, `stratum`, `interval` in seconds, `answer` (whether it answers requests), `silent`, `mac` (key id and
octets in hexadecimal, put behind the header as they are) and `md5` (key id and secret).
"""

from __future__ import annotations

import hashlib
import json
import select
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

UNIX_EPOCH = 2_208_988_800
HEADER = struct.Struct("!BBbbII4sQQQQ")
DEFAULTS: dict[str, Any] = {
    "offset": 0.0,
    "leap": 0,
    "stratum": 2,
    "poll": 3,
    "interval": 1.0,
    "answer": True,
    "silent": False,
    "mac": None,
    "md5": None,
}


def main() -> None:
    path, interface, address, group = Path(sys.argv[1]), *sys.argv[2:5]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place = struct.pack("@4s4si", bytes(4), socket.inet_aton(address), socket.if_nametoindex(interface))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, place)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 16)
    sender.bind((address, 123))
    due = time.monotonic()
    while True:
        settings = {**DEFAULTS, **json.loads(path.read_text())}
        left = due - time.monotonic()
        if left <= 0:
            due = time.monotonic() + settings["interval"]
            if not settings["silent"]:
                send(sender, settings, 5, 4, 0, 0, (group, 123))
        elif select.select([sender], [], [], left)[0]:
            data, peer = sender.recvfrom(1024)
            if settings["answer"] and len(data) >= HEADER.size and data[0] & 7 == 3:
                origin = HEADER.unpack_from(data)[-1]
                send(sender, settings, 4, data[0] >> 3 & 7, origin, stamp(settings), peer)


def send(
    sender: socket.socket, settings: dict[str, Any], mode: int, version: int, origin: int, receive: int, to: Any
) -> None:
    first = settings["leap"] << 6 | version << 3 | mode
    moment = stamp(settings)
    data = HEADER.pack(
        first, settings["stratum"], settings["poll"], -20, 0, 66, b"TEST", moment, origin, receive, moment
    )
    if settings["md5"]:
        key_id, secret = settings["md5"]
        data += struct.pack("!I", key_id) + hashlib.md5(secret.encode() + data, usedforsecurity=False).digest()
    if settings["mac"]:
        key_id, octets = settings["mac"]
        data += struct.pack("!I", key_id) + bytes.fromhex(octets)
    sender.sendto(data, to)


def stamp(settings: dict[str, Any]) -> int:
    return int((time.time() + settings["offset"] + UNIX_EPOCH) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


if __name__ == "__main__":
    main()
