# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine bears: a thousand clients at once, and forged packets; beside ntpd and chronyd, in one run.

Volleys: so many clients begin within one second, each from a port of its own, with four authenticated requests two
seconds apart. All first requests are to be answered within two seconds.

Forged multicasts reach a client that follows a server: in the server's name and with a key identifier that exists,
scattered or in bursts of 200 back to back, and from another address than the allowed server's. Their rate is that at
which they arrive; less than nine tenths of what was meant is no proof. The client is to spend no more than so much of a
processor on them, keep its association, and accept at least half of the genuine multicasts.
ntpd follows its own server under the same floods; chronyd can't follow multicasts.

Memory, start and idleness of the engine are measured besides. Processor time is what the kernel has booked for the
process. Needs root; all of it happens in network namespaces. Peers are fetched from Debian's archive, unpacked and
never installed, and can't touch the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "roles" / "ntp_multicast_engine" / "files")]

from integration.engine.process import PACKAGE, Bridge, EngineProcess, ip, wait_for  # noqa: E402
from interop.peers import CHRONY, CLASSIC, ENGINE_KEYS, STATISTICS, Peer, ntpd_keys  # noqa: E402

from ntp_multicast_engine.config import key_file  # noqa: E402
from ntp_multicast_engine.wire.keyring import KeyRing  # noqa: E402
from ntp_multicast_engine.wire.packet import MODE_CLIENT, Header  # noqa: E402

WANTED_FORGED, WANTED_WRONG_SOURCE = 0.30, 0.002
"""Parts of a processor."""
WANTED_SECONDS = 2.0
"""Within which the first requests of all clients are answered."""
WANTED_MEGABYTES, WANTED_START, WANTED_IDLE = 32.0, 0.5, 0.002
OURS, THEIRS = "239.77.7.1", "239.77.7.2"
BURST = 200
POLL = 3

VOLLEYS = """
import json, random, selectors, socket, sys, time
address, clients, requests, request = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
chance, selector = random.Random(1), selectors.DefaultSelector()
sockets = []
for number in range(clients):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.connect((address, 123))
    selector.register(sock, selectors.EVENT_READ, number)
    sockets.append(sock)
begins = [chance.random() for _ in range(clients)]
plan = sorted((begin + 2 * turn, number) for number, begin in enumerate(begins) for turn in range(requests))
answers, first, start = [0] * clients, [None] * clients, time.monotonic() + 0.5
place, end = 0, 2 * (requests - 1) + 3.0
while (now := time.monotonic() - start) < end and sum(answers) < clients * requests:
    while place < len(plan) and plan[place][0] <= now:
        sockets[plan[place][1]].send(request)
        place += 1
    wait = (plan[place][0] if place < len(plan) else end) - now
    for key, _events in selector.select(max(0.0, min(wait, 0.05))):
        try:
            key.fileobj.recv(1000)
        except OSError:
            continue
        answers[key.data] += 1
        if first[key.data] is None:
            first[key.data] = time.monotonic() - start
print(json.dumps([sum(answers), sum(one is not None for one in first), max((one or end) for one in first)]))
"""

FLOOD = """
import ctypes, os, socket, struct, sys, time
SO_SNDBUFFORCE = 32  # asm-generic/socket.h
source, group, rate, burst, seconds, payload = *sys.argv[1:3], *map(int, sys.argv[3:6]), bytes.fromhex(sys.argv[6])
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
request = struct.pack("@4s4si", bytes(4), bytes(4), socket.if_nametoindex("eth0"))
sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20)
sock.connect((group, 0))
udp = struct.pack("!HHHH", 123, 123, 8 + len(payload), 0) + payload
address = socket.inet_aton(source) + socket.inet_aton(group)
datagram = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 16, 17, 0) + address + udp

class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]

class Message(ctypes.Structure):  # struct mmsghdr, see sendmmsg(2)
    _fields_ = [
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vectors", ctypes.POINTER(Vector)),
        ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("sent", ctypes.c_uint),
    ]

vector = Vector(datagram, len(datagram))
messages = (Message * burst)(*(Message(vectors=ctypes.pointer(vector), count=1) for _ in range(burst)))
send = ctypes.CDLL(None, use_errno=True).sendmmsg
os.nice(-20)  # what else runs must not make the flood a trickle
sent, began = 0, time.monotonic()
while (now := time.monotonic() - began) < seconds:
    if sent > now * rate:
        time.sleep(max(0.0, sent / rate - now))
        continue
    done = send(sock.fileno(), messages, burst, 0)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    sent += done
print(time.monotonic() - began)
"""


def arrived(namespace: str) -> int:
    """Packets that have come over the interface."""
    command = ["ip", "-n", namespace, "-statistics", "-json", "link", "show", "eth0"]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return int(shown[0]["stats64"]["rx"]["packets"])


def processor_time(pid: int) -> float:
    """Seconds that all threads of the process have run."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory(pid: int) -> float:
    """Resident megabytes."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


@dataclass(frozen=True)
class Volleys:
    """`answers` of all requests, `clients` with an answer to the first one, `seconds` until the last of these."""

    answers: int
    clients: int
    seconds: float
    cost: float
    """Seconds of processor time for an answer."""


@dataclass(frozen=True)
class Flood:
    """`rate`: packets in a second; `part`: of a processor; `accepted`: of `genuine` multicasts."""

    rate: float
    part: float
    accepted: int
    genuine: int
    followed: bool


def within(namespace: str, script: str, *arguments: str) -> str:
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def pid_of(program: EngineProcess | Peer) -> int:
    assert program.process is not None
    return program.process.pid


def volleys(namespace: str, address: str, pid: int, clients: int, request: bytes) -> Volleys:

    before = processor_time(pid)
    answers, served, seconds = json.loads(within(namespace, VOLLEYS, address, str(clients), "4", request.hex()))
    return Volleys(answers, served, seconds, (processor_time(pid) - before) / max(answers, 1))


def heard_by_ntpd(peer: Peer) -> tuple[int, bool]:
    """How many times it has taken down its server's time, and whether it is synchronised to it."""
    lines = [line for line in peer.statistics() if line.authentic]
    return len(lines), bool(lines) and lines[-1].system_peer


def heard_by_engine(engine: EngineProcess) -> tuple[int, bool]:
    """How many of the last eight multicasts it has accepted, and whether it follows their server."""
    found = engine.status()["associations"]
    return (bin(found[0]["reach"]).count("1"), bool(found[0]["selected"])) if found else (0, False)


class Scene:
    """A server and a follower of each kind, a host that means ill, and one with many clients."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        hosts = ["es", "ec", "ns", "nc", "cs", "ill", "many"]
        self.bridge = stack.enter_context(Bridge(f"tl{os.getpid() % 100000}", hosts))
        for namespace in self.bridge.hosts.values():
            ip("-n", namespace, "route", "add", "default", "dev", "eth0")
        self.address = {host: f"10.99.1.{number}" for number, host in enumerate(hosts, start=1)}
        self.keys = "".join(line for line in ENGINE_KEYS.splitlines(keepends=True) if line.startswith("4 "))
        stream = {"interface": "eth0", "group": OURS, "key_id": 4, "poll": POLL}
        responder = {"enabled": True, "listen": ["eth0"], "stratum": 3}
        self.server = self._engine(directory / "es", "es", {"server": responder, "servers": [stream]})
        follow = {"interface": "eth0", "group": OURS, "allow_servers": [self.address["es"]]}
        self.client = self._engine(directory / "ec", "ec", {"clients": [follow]})
        own = f"disable kernel monitor\nrestrict default\n{ntpd_keys(CLASSIC)}"
        clock = "tos orphanwait 1\nserver 127.127.1.0 minpoll 3 maxpoll 3\nfudge 127.127.1.0 stratum 3\n"
        send = f"broadcast {THEIRS} key 4 ttl 3 minpoll {POLL} maxpoll {POLL}\n"
        self.ntpd = Peer(CLASSIC, directory / "ns", self.bridge.hosts["ns"], own + clock + send)
        listen = f"multicastclient {THEIRS}\n"
        self.ntpd_client = Peer(CLASSIC, directory / "nc", self.bridge.hosts["nc"], own + STATISTICS + listen)
        text = "local stratum 3\nallow\nkeyfile /lab/peer.keys\npidfile /run/c.pid\ncmdport 0\nbindcmdaddress /\n"
        self.chrony = Peer(CHRONY, directory / "cs", self.bridge.hosts["cs"], text)

    def _engine(self, directory: Path, host: str, section: dict[str, object]) -> EngineProcess:
        engine = EngineProcess(directory, {}, keys=self.keys, namespace=self.bridge.hosts[host])
        keys = {"enabled": True, "keys_file": str(directory / "keys"), "trusted_keys": [4]}
        engine.write({"authentication": keys, **section})
        return engine

    def request(self, directory: Path) -> bytes:
        ring = KeyRing(key_file.load(directory / "es" / "keys"))
        return ring.sign(Header(0, 4, MODE_CLIENT, 0, 0, 0, transmit=0x0123456789ABCDEF).encode(), 4, 4)

    def flood(self, host: str, source: str, group: str, rate: int, burst: int, seconds: int) -> float:
        """Forged multicasts; gives the rate at which they have arrived at a host."""
        forged = bytes([4 << 3 | 5, 3, POLL, 0xEC]) + bytes(36) + os.urandom(8) + (4).to_bytes(4, "big") + bytes(16)
        told = (source, group, str(rate), str(burst), str(seconds), forged.hex())
        before = arrived(self.bridge.hosts[host])
        took = float(within(self.bridge.hosts["ill"], FLOOD, *told))
        return (arrived(self.bridge.hosts[host]) - before) / took


@contextmanager
def started(directory: Path, engine: EngineProcess) -> Iterator[float]:
    """Start the engine; gives the seconds until it tells systemd that it is ready."""
    path = str(directory / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        engine.environment["NOTIFY_SOCKET"] = path
        began = time.monotonic()
        with (engine.directory / "log").open("a") as log:
            command = [*engine._prefix, *engine.command("run")]
            engine.process = subprocess.Popen(command, env=engine.environment, stderr=log, text=True)
        while not manager.recv(200).startswith(b"READY=1"):
            pass
        took = time.monotonic() - began
    Path(path).unlink()
    try:
        yield took
    finally:
        engine.stop()


def compile_as_the_role_does(engine: EngineProcess, directory: Path) -> None:
    """Translate the engine's code beforehand, not beside the sources but into `directory`."""
    del engine.environment["PYTHONDONTWRITEBYTECODE"]
    engine.environment["PYTHONPYCACHEPREFIX"] = str(directory)
    command = [sys.executable, "-m", "compileall", "-q", str(PACKAGE / "ntp_multicast_engine")]
    subprocess.run(command, env=engine.environment, check=True)


def judge(name: str, value: float, wanted: float, unit: str = "", digits: int = 2) -> bool:
    held = value <= wanted
    print(f"{name:<56}{value:9.{digits}f}{unit}, wanted <= {wanted:g}{unit}: {'holds' if held else 'DOES NOT HOLD'}")
    return held


def measure_volleys(scene: Scene, clients: int, request: bytes) -> bool:
    held = True
    servers = (("engine", "es", scene.server), ("ntpd", "ns", scene.ntpd), ("chronyd", "cs", scene.chrony))
    for name, host, program in servers:
        found = volleys(scene.bridge.hosts["many"], scene.address[host], pid_of(program), clients, request)
        print(f"{name}: {found.clients} of {clients} clients served within {found.seconds:.2f} s, ", end="")
        print(f"{found.answers} of {4 * clients} requests answered, {found.cost * 1e6:.0f} us of a processor each")
        if name == "engine":
            held = found.answers == 4 * clients
            held = judge("seconds until all clients have an answer", found.seconds, WANTED_SECONDS, " s") and held
    return held


def measure_floods(scene: Scene, seconds: int) -> bool:
    held = True
    engine = ("ec", scene.client, OURS, scene.address["es"], lambda: heard_by_engine(scene.client))
    ntpd = ("nc", scene.ntpd_client, THEIRS, scene.address["ns"], lambda: heard_by_ntpd(scene.ntpd_client))
    for title, rate, burst in (("scattered", 5_000, 1), (f"bursts of {BURST}", 20_000, BURST)):
        for name, (host, program, group, source, heard) in (("engine", engine), ("ntpd", ntpd)):
            before, heard_before = processor_time(pid_of(program)), heard()[0]
            reached = scene.flood(host, source, group, rate, burst, seconds)
            part = (processor_time(pid_of(program)) - before) / seconds
            genuine = seconds >> POLL
            accepted, followed = heard()
            if name == "ntpd":
                accepted -= heard_before
            found = Flood(reached, part, min(accepted, genuine), genuine, followed)
            print(f"{name}, {title}, {found.rate:.0f} in a second: {part * 100:.1f} % of a processor, ", end="")
            kept = "association kept" if found.followed else "association LOST"
            print(f"{found.accepted} of {found.genuine} genuine packets accepted, {kept}")
            if name == "engine":
                held = judge(f"forged, {title}", part * 100, WANTED_FORGED * 100, " %") and held
                held = held and found.followed and 2 * found.accepted >= found.genuine
                held = judge(f"forged, {title}, left of {rate} in a second", max(rate - reached, 0), rate / 10) and held
    for name, (host, program, group, _source, _heard) in (("engine", engine), ("ntpd", ntpd)):
        before = processor_time(pid_of(program))
        reached = scene.flood(host, "10.99.1.200", group, 50_000, BURST, min(seconds, 10))
        part = (processor_time(pid_of(program)) - before) / min(seconds, 10)
        print(f"{name}, wrong source, {reached:.0f} in a second: {part * 100:.2f} % of a processor")
        if name == "engine":
            held = judge("wrong source", part * 100, WANTED_WRONG_SOURCE * 100, " %") and held
    return held


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=1_000, help="that begin within one second")
    parser.add_argument("--flood", type=int, default=64, metavar="SECONDS", help="of each flood in a server's name")
    parser.add_argument("--idle", type=int, default=32, metavar="SECONDS", help="how long to watch it do nothing")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if os.geteuid() != 0:
        print("network namespaces need root", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scene = Scene(stack, directory)
        compile_as_the_role_does(scene.server, directory / "compiled")
        took = stack.enter_context(started(directory, scene.server))
        time.sleep(2)
        before = processor_time(pid_of(scene.server))
        time.sleep(options.idle)
        idle = (processor_time(pid_of(scene.server)) - before) / options.idle
        for peer in (scene.ntpd, scene.ntpd_client, scene.chrony):
            stack.enter_context(peer)
        scene.client.start()
        stack.callback(scene.client.stop)
        scene.client.synchronised()
        wait_for(lambda: heard_by_ntpd(scene.ntpd_client)[1], "ntpd to follow its server")
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        held = measure_volleys(scene, options.clients, scene.request(directory))
        held = measure_floods(scene, options.flood) and held
        held = judge("resident memory", memory(pid_of(scene.server)), WANTED_MEGABYTES, " MB", 1) and held
        held = judge("start until ready", took, WANTED_START, " s") and held
        held = judge("idle", idle * 100, WANTED_IDLE * 100, " %", 3) and held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
