# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the packets that tests of authentication read: `tests/fixtures/packets/{captured,made}.json`.

`capture_packets.py made` computes packets with hashlib and cryptography alone; nothing of the engine is imported.
`capture_packets.py captured` (root) runs chronyd, NTPsec and the classic ntpd in a network namespace of its own,
without any power over the clock, asks them with each key and version, listens to their multicasts, and keeps what
they sent. Run it when a peer or a key changes; the files are checked in.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.hazmat.primitives import cmac, hashes, hmac
from cryptography.hazmat.primitives.ciphers import algorithms

TESTS = Path(__file__).resolve().parents[1]
FOLDER = TESTS / "fixtures" / "packets"
KEYS = {
    1: ("md5", b"lab-md5-secret"),
    2: ("sha1", b"\x22" * 20),
    3: ("sha256", b"\x33" * 32),
    4: ("aes-128-cmac", bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")),
    5: ("sha512", b"\x55" * 20),
    9: ("aes-256-cmac", bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")),
    12: ("sha3-256", b"\xab" * 32),
    14: ("hmac-sha256", b"a secret of twenty-nine octets"),
}
SERVER = "10.99.3.1"
LONGEST_WAIT = 60.0


@dataclass
class Captured:
    """One packet. ``valid`` is None where it has no authentication."""

    source: str
    version: int
    mode: int
    payload: str
    key_id: int | None = None
    key_type: str | None = None
    key_hex: str | None = None
    mac_len: int | None = None
    valid: bool | None = None


def full_tag(algorithm: str, secret: bytes, covered: bytes) -> bytes:
    if algorithm.endswith("cmac"):
        context = cmac.CMAC(algorithms.AES(secret))
        context.update(covered)
        return context.finalize()
    if algorithm == "hmac-sha256":
        keyed = hmac.HMAC(secret, hashes.SHA256())
        keyed.update(covered)
        return keyed.finalize()
    return hashlib.new(algorithm.replace("sha3-", "sha3_"), secret + covered).digest()


def signed(covered: bytes, key_id: int, length: int) -> bytes:
    algorithm, secret = KEYS[key_id]
    return covered + struct.pack("!I", key_id) + full_tag(algorithm, secret, covered)[:length]


def described(source: str, payload: bytes, valid: bool = True) -> Captured:
    """What is in the packet. Its header says nothing of keys, so the rest is key id and tag, or nothing."""
    found = Captured(source, payload[0] >> 3 & 7, payload[0] & 7, payload.hex())
    if len(payload) > 48:
        places = [place for place in range(48, len(payload) - 19, 4) if len(payload) - place - 4 in (16, 20, 32, 64)]
        for place in places:
            (found.key_id,) = struct.unpack_from("!I", payload, place)
            if found.key_id in KEYS:
                found.key_type, secret = KEYS[found.key_id]
                found.key_hex, found.mac_len, found.valid = secret.hex(), len(payload) - place - 4, valid
                return found
        raise ValueError(f"no key of ours in {payload.hex()} of {source}")
    return found


def write(name: str, packets: list[Captured]) -> None:
    FOLDER.mkdir(exist_ok=True)
    rows = [{name: value for name, value in asdict(packet).items() if value is not None} for packet in packets]
    (FOLDER / f"{name}.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(f"{len(packets)} packets in {name}.json")


# Made


def header(version: int, mode: int, transmit: int, interleaved: int = 0) -> bytes:
    """A synchronised server of stratum 3, or a client's request."""
    if mode == 3:
        return struct.pack("!BBbb11I", version << 3 | mode, 0, 6, -20, *[0] * 9, transmit, transmit * 7 % 2**32)
    times = (transmit - 5, 0x1234567, interleaved, interleaved and 0xC0FFEE, 0, 0, transmit, 0x89ABCDEF)
    return struct.pack("!BBbbII4s8I", version << 3 | mode, 3, 6, -22, 0x30, 0x2A0, b"LOCL", *times)


def made() -> list[Captured]:
    packets = []
    for key_id, (algorithm, _secret) in KEYS.items():
        lengths = {"md5": [16], "aes-128-cmac": [16], "aes-256-cmac": [16], "hmac-sha256": [32, 20, 16]}
        for length in lengths.get(algorithm, [20]):
            for version in (4,) if length == 20 else (3, 4):
                for number, mode in enumerate((3, 4, 5)):
                    covered = header(version, mode, 0xEE000000 + key_id * 64 + number, 0xEDFFFFF0 if mode == 5 else 0)
                    whole = signed(covered, key_id, length)
                    packets.append(described("made", whole))
                    turned = bytearray(whole)
                    turned[(7 * key_id + number) % 48 or 1] ^= 1 << key_id % 8
                    broken = whole[:-1] + bytes([whole[-1] ^ 0x80])
                    packets.append(described("made, last octet of the tag wrong", broken, valid=False))
                    if turned[0] == whole[0]:
                        packets.append(described("made, one bit of the header wrong", bytes(turned), valid=False))
    extended = header(4, 5, 0xEE00F000) + struct.pack("!HH24s", 0x0104, 28, b"an extension field")
    packets += [described("made, with an extension field", signed(extended, key_id, 16)) for key_id in (4, 9)]
    packets += [described("made", header(version, mode, 0xEE00FF00)) for version in (1, 2, 3, 4) for mode in (3, 4, 5)]
    return packets


# Captured


def requests(key_ids: list[int]) -> list[bytes]:
    """One for each key and version; a tag that is longer than 20 octets is cut in NTPv4 (RFC 7822)."""
    found = [header(version, 3, 0xED000000 + version) for version in (1, 2, 3, 4)]
    for key_id in key_ids:
        algorithm, secret = KEYS[key_id]
        whole = len(full_tag(algorithm, secret, b""))
        for version in (3, 4):
            covered = header(version, 3, 0xED001000 + 16 * key_id + version)
            found.append(signed(covered, key_id, whole if version == 3 else min(whole, 20)))
    return found


def group_of(key_id: int) -> str:
    return f"239.77.3.{key_id}"


def synchronised(packet: bytes) -> bool:
    return packet[0] >> 6 != 3 and 0 < packet[1] < 16


def asker(number: int) -> str:
    """NTPsec answers an address some twelve times and is silent then, so each request has an address of its own."""
    return f"10.99.3.{number + 2}"


def opened(address: str, port: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    return made


def until_synchronised(asking: socket.socket) -> None:
    end = time.monotonic() + LONGEST_WAIT
    asking.settimeout(1.0)
    number = 0
    while time.monotonic() < end:
        number += 1
        asking.sendto(header(4, 3, 0xEC000000 + number), (SERVER, 123))
        with contextlib.suppress(TimeoutError):
            if synchronised(asking.recv(2048)):
                return
        time.sleep(2.0)
    sys.exit("no peer with a clock answers")


def converse(key_ids: list[int], streams: list[int]) -> None:
    """Runs in the client's namespace: ask, listen, print what came as lines of hexadecimal digits.

    ``streams``: the keys that a multicast is expected for, 0 for one without authentication.
    """
    heard: list[bytes] = []
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        until_synchronised(stack.enter_context(opened(asker(0))))
        wanted: dict[bytes, tuple[bytes, socket.socket]] = {}
        for number, request in enumerate(requests(key_ids), start=1):
            wanted[request[40:48]] = (request, stack.enter_context(opened(asker(number))))
        group = stack.enter_context(opened("", 123))
        for key_id in streams:
            membership = socket.inet_aton(group_of(key_id)) + socket.inet_aton(asker(0))
            group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        for waiting in (group, *(asking for _request, asking in wanted.values())):
            selector.register(waiting, selectors.EVENT_READ)
        multicasts: set[bytes] = set()
        end = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < end and (wanted or len(multicasts) < len(streams)):
            for request, asking in wanted.values():
                asking.sendto(request, (SERVER, 123))
            until = time.monotonic() + 3.0
            while (left := until - time.monotonic()) > 0 and (wanted or len(multicasts) < len(streams)):
                for event, _mask in selector.select(left):
                    packet = event.fileobj.recv(2048)  # type: ignore[union-attr]
                    if not synchronised(packet):
                        continue
                    asked = wanted.pop(packet[24:32], None) if packet[0] & 7 == 4 else None
                    if asked:
                        heard += [asked[0], packet]
                    elif packet[0] & 7 == 5 and packet[48:52] not in multicasts:
                        multicasts.add(packet[48:52])
                        heard.append(packet)
    print("\n".join(packet.hex() for packet in heard))


@contextlib.contextmanager
def network() -> Iterator[tuple[str, str]]:
    """Two namespaces with a cable between them."""
    names = (f"tcp-s{os.getpid()}", f"tcp-c{os.getpid()}")

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)

    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", names[0], "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, addresses in zip(names, ([SERVER], [asker(number) for number in range(40)])):
            for address in addresses:
                ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "route", "add", "default", "dev", "eth0")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def captured() -> list[Captured]:
    sys.path.insert(0, str(TESTS))
    from interop.peers import CHRONY, CLASSIC, NTPSEC, Peer, ntpd_keys

    ntpd = "disable kernel monitor\ntos orphanwait 1\nrestrict default\n"
    clock = "server 127.127.1.0 minpoll 3 maxpoll 3\nfudge 127.127.1.0 stratum 3\n"
    groups = "".join(f"broadcast {group_of(key_id)} key {key_id} minpoll 3 ttl 3\n" for key_id in CLASSIC.key_ids)
    conversations = [
        (
            CHRONY,
            "local stratum 3\nallow\nkeyfile /lab/peer.keys\npidfile /run/c.pid\ncmdport 0\nbindcmdaddress /\n"
            f"broadcast 8 {group_of(0)}\n",
            [0],
        ),
        (NTPSEC, ntpd + "refclock local minpoll 3 maxpoll 3 stratum 3\n" + ntpd_keys(NTPSEC), []),
        (CLASSIC, ntpd + clock + ntpd_keys(CLASSIC) + groups, list(CLASSIC.key_ids)),
    ]
    found = []
    for program, text, streams in conversations:
        with (
            network() as (server, client),
            tempfile.TemporaryDirectory() as directory,
            Peer(program, Path(directory) / "peer", server, text),
        ):
            arguments = [json.dumps(list(program.key_ids)), json.dumps(streams)]
            command = ["ip", "netns", "exec", client, sys.executable, __file__, "converse", *arguments]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        packets = [bytes.fromhex(line) for line in done.stdout.split()]
        for packet in packets:
            ours = packet[0] & 7 == 3
            found.append(described(f"request that {program.name} answered" if ours else program.name, packet))
    return found


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["converse"]:
        converse(json.loads(arguments[1]), json.loads(arguments[2]))
    elif arguments == ["made"]:
        write("made", made())
    elif arguments == ["captured"]:
        write("captured", captured())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
