# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hostile host on the switch, against real engines: counters are right, the association stays, the offset too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.process import Bridge, EngineProcess, running, wait_for

pytestmark = [*needs.root, needs.commands("ip")]

GROUP = "224.0.1.1"
SERVER, CLIENT = "10.99.1.1", "10.99.1.2"
STREAM = {"interface": "eth0", "group": GROUP, "key_id": 4, "poll": 3}
UNMOVED = 0.002
"""Seconds by which a busy machine may move an estimate; what the attackers tell lies far outside."""

LISTEN = """
import socket, struct, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 123))
request = struct.pack("@4s4si", socket.inet_aton(sys.argv[1]), bytes(4), socket.if_nametoindex("eth0"))
sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
sock.settimeout(60)
for _ in range(int(sys.argv[2])):
    print(sock.recv(2000).hex())
"""

# Each payload `times` times, from a source address that may be anybody's.
FORGE = """
import socket, struct, sys
source, destination, times, *payloads = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
index = socket.if_nametoindex("eth0")
sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", bytes(4), bytes(4), index))
datagrams = []
for payload in map(bytes.fromhex, payloads):
    udp = struct.pack("!HHHH", 123, 123, 8 + len(payload), 0) + payload
    address = socket.inet_aton(source) + socket.inet_aton(destination)
    datagrams.append(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 16, 17, 0) + address + udp)
for _ in range(int(times)):
    for datagram in datagrams:
        sock.sendto(datagram, (destination, 0))
"""

ASK = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((sys.argv[1], 123))
sent = bytes.fromhex(sys.argv[3])
for _ in range(int(sys.argv[2])):
    sock.send(sent)
sock.settimeout(2)
answers = []
try:
    while True:
        answers.append(sock.recv(2000))
except TimeoutError:
    pass
print(len(answers), max(map(len, answers), default=0))
"""


class Scene:
    """A server, a client that follows it, and the host `a` that means ill."""

    def __init__(self, bridge: Bridge, server: EngineProcess, client: EngineProcess) -> None:
        self.bridge = bridge
        self.server = server
        self.client = client
        self.offset = 0.0
        self.begun_again = 0

    def run(self, host: str, script: str, *arguments: str) -> str:
        command = ["ip", "netns", "exec", self.bridge.hosts[host], sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def genuine(self, count: int) -> list[bytes]:
        """Newest multicasts of the server, as anybody on the switch can record them."""
        return [bytes.fromhex(line) for line in self.run("a", LISTEN, GROUP, str(count)).split()]

    def forge(self, *payloads: bytes, source: str = SERVER, times: int = 1) -> None:
        self.run("a", FORGE, source, GROUP, str(times), *(payload.hex() for payload in payloads))

    def dropped(self, engine: EngineProcess | None = None) -> dict[str, int]:
        counters: dict[str, int] = (engine or self.client).status()["counters"]["dropped"]
        return counters

    def nothing_has_changed(self) -> None:
        """Wait for one more packet of the genuine server, so that a refused one could have done its harm."""
        status = self.client.status()
        (before,) = (item for item in status["associations"] if item["source"] == SERVER)

        def heard() -> dict[str, Any] | None:
            now = self.client.status()
            (item,) = (item for item in now["associations"] if item["source"] == SERVER)
            return now if item["last_received"] < before["last_received"] else None

        status = wait_for(heard, "the next genuine packet")
        (item,) = (item for item in status["associations"] if item["source"] == SERVER)
        assert item["mode"] == "broadcast client" and item["selected"] and item["interleaved"], item
        assert item["reach"] & 3 == 3 and item["stratum"] == 2, item
        assert abs(item["offset"] - self.offset) < UNMOVED, item
        assert status["system"]["synchronised"] and status["system"]["leap"] == "none"
        assert self.client.log().count("again") == self.begun_again


def settled(association: dict[str, Any]) -> bool:
    """On a busy machine a server's second packet may lack the stamp of its first, and seem to be a basic one."""
    return bool(association["interleaved"] and association["mode"] == "broadcast client" and association["selected"])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Bridge(f"ta{os.getpid() % 100000}", ["s", "c", "a"]) as bridge:
        responder = {"enabled": True, "listen": ["eth0"], "stratum": 2, "allow": [f"{CLIENT}/32"]}
        server = EngineProcess(
            tmp_path / "server", {"server": responder, "servers": [STREAM]}, namespace=bridge.hosts["s"]
        )
        clients = {"clients": [{"interface": "eth0", "group": GROUP, "allow_servers": [SERVER]}]}
        client = EngineProcess(tmp_path / "client", clients, namespace=bridge.hosts["c"])
        with running(server, client):
            made = Scene(bridge, server, client)
            client.synchronised()
            wait_for(lambda: settled(client.status()["associations"][0]), "interleaved packets")
            made.offset = client.status()["system"]["offset"]
            made.begun_again = client.log().count("again")
            yield made


def test_forged_packets_change_only_their_counters(scene: Scene) -> None:
    genuine = scene.genuine(2)
    newest = genuine[-1]
    assert newest[24:32] != bytes(8), "interleaved"
    before = scene.dropped()
    assert before == {}
    extended = newest[:48] + b"\x02\x04\x00\x20" + bytes(28) + newest[48:]
    forged = {
        "bad_mac": [
            newest[:40] + bytes([newest[40] ^ 1]) + newest[41:],  # another time
            newest[:24] + os.urandom(8) + newest[32:],  # another origin: a forged interleave
            newest[:24] + bytes(8) + newest[32:],  # none: forced out of interleaving
            bytes([newest[0] | 0xC0]) + newest[1:],  # "unsynchronised"
            bytes([newest[0] | 0x40]) + newest[1:],  # a leap second
            newest[:1] + b"\x00" + newest[2:],  # stratum 0
            newest[:2] + b"\x7f" + newest[3:],  # a poll of ages
            newest[:-1] + bytes([newest[-1] ^ 1]),
            newest[:51] + b"\x01" + newest[52:],  # another key, of another algorithm
            extended,
        ],
        "unauthenticated": [newest[:48]],
        "crypto_nak": [newest[:48] + bytes(4)],
        "unknown_key": [newest[:51] + b"\x4d" + newest[52:]],
        "kernel_filter": [
            bytes([newest[0] & 0xF8 | mode]) + newest[1:] for mode in (0, 1, 2, 3, 4, 6, 7)
        ] + [newest[:47], newest + b"\0", bytes([newest[0] & 0xC7]) + newest[1:], newest + bytes(1200)],
        "replay": genuine,
    }  # fmt: skip
    scene.forge(*(payload for payloads in forged.values() for payload in payloads))
    expected = {reason: len(payloads) for reason, payloads in forged.items()}
    wait_for(lambda: sum(scene.dropped().values()) >= sum(expected.values()), "all refusals")
    assert scene.dropped() == expected
    scene.nothing_has_changed()


def test_floods_are_counted_and_do_no_harm(scene: Scene) -> None:
    """From a wrong source the engine isn't even woken; from the right one each authenticator is refused."""
    newest = scene.genuine(1)[0]
    forged = newest[:40] + bytes([newest[40] ^ 1]) + newest[41:]
    scene.forge(forged, source="10.99.1.77", times=50_000)
    scene.forge(forged, times=20_000)
    # What the network itself loses is nobody's to count.
    wait_for(lambda: scene.dropped().get("bad_mac", 0) > 1000, "refused packets of the right source")
    assert scene.dropped()["kernel_filter"] > 10_000
    scene.nothing_has_changed()


# Joins the group on another interface, tells of each packet there, and so keeps the kernel passing them on.
JOIN = """
import socket, struct, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind((sys.argv[1], 123))
request = struct.pack("@4s4si", socket.inet_aton(sys.argv[1]), bytes(4), socket.if_nametoindex("eth1"))
sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
print("joined", flush=True)
while True:
    sock.recv(2000)
    print("heard", flush=True)
"""


def test_what_another_program_joins_elsewhere_stays_there(scene: Scene) -> None:
    """A second interface on the same switch hears every packet too; IP_MULTICAST_ALL = 0 keeps that from the engine."""
    scene.bridge.plug("c", "eth1", "10.99.2.2", "fd00:99:2::2")
    command = ["ip", "netns", "exec", scene.bridge.hosts["c"], sys.executable, "-c", JOIN, GROUP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            # Its own socket hears both interfaces, so the second word of a pair tells of the other one.
            assert [other.stdout.readline().strip() for _unused in range(5)] == ["joined", *["heard"] * 4]
        finally:
            other.kill()
    assert scene.dropped() == {}
    scene.nothing_has_changed()


REQUEST = bytes([4 << 3 | 3]) + bytes(39) + b"\x12\x34\x56\x78\x9a\xbc\xde\xf0"


def test_the_responder_amplifies_nothing_and_answers_only_its_clients(scene: Scene) -> None:
    assert scene.run("a", ASK, SERVER, "50", REQUEST.hex()).split() == ["0", "0"], "not in server.allow"
    assert scene.dropped(scene.server) == {"kernel_filter": 50}
    for mode in (6, 7, 0, 5):
        other = bytes([4 << 3 | mode]) + REQUEST[1:]
        assert scene.run("c", ASK, SERVER, "5", other.hex()).split() == ["0", "0"]
    answers, longest = map(int, scene.run("c", ASK, SERVER, "500", REQUEST.hex()).split())
    assert longest == len(REQUEST)
    dropped = scene.dropped(scene.server)
    # 50 and 20 from above; the rest is what the queue of the socket had no room for.
    assert answers + dropped["rate_limited"] + dropped["kernel_filter"] - 70 == 500
    assert answers < 100 < dropped["rate_limited"]
    scene.nothing_has_changed()


def test_a_volley_succeeds_beside_a_burst_in_the_clients_name(scene: Scene) -> None:
    """CVE-2018-8956: the rate limit of an address must not starve the one who holds the key."""
    scene.run("a", FORGE, CLIENT, SERVER, "500", REQUEST.hex())
    wait_for(lambda: scene.dropped(scene.server).get("rate_limited", 0) > 100, "the limit of the rate")
    scene.client.stop()
    scene.client.start()
    scene.client.synchronised()
    # What the server answered to the forger came to a client that never asked.
    assert scene.dropped() == {}
