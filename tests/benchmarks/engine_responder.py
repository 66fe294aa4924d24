# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine costs: processor time of an authenticated answer beside chronyd's, memory, start, idleness, floods.

Both answer the same requests (AES-128-CMAC) of one generator on one switch, in turns, as fast as they can. What counts
is the median of all rounds of the one over the median of all rounds of the other: the machine's speed changes from
round to round by more than the programs differ, and the best round of each may come from another moment. The rounds
are short and many, and who begins changes with each, so that a drift hits both alike; the best is printed beside.
Processor time is what the kernel has booked for the process, with the part of it that was spent in user space. The
engine reads requests in batches, so what an answer costs depends on how many come at a time. What counts is a busy
server with 128 under way, where cost matters; 32 and one, where batches hardly help, are measured and printed as well.
Two floods of forged multicasts come from a wrong source, which the kernel refuses, and in the
server's name with a key identifier that exists, which costs the check of a tag each. Needs root. chronyd is fetched
from Debian's archive, unpacked and never installed, and can't touch the clock. The engine has the one key: with one of
a hash beside it, memory is 4 MB more.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "roles" / "ntp_multicast_engine" / "files")]

from integration.engine.process import PACKAGE, Bridge, EngineProcess, wait_for  # noqa: E402
from interop.peers import CHRONY, ENGINE_KEYS, Peer  # noqa: E402

from ntp_multicast_engine.config import key_file  # noqa: E402
from ntp_multicast_engine.wire.keyring import KeyRing  # noqa: E402
from ntp_multicast_engine.wire.packet import MODE_CLIENT, Header  # noqa: E402

WANTED_RATIO, WANTED_MEGABYTES, WANTED_START, WANTED_IDLE = 2.0, 32.0, 0.5, 0.002
WANTED_FLOOD = 0.01
WINDOWS = (128, 32, 1)
"""Requests under way at once: fewer than any socket's queue holds. The first is what counts."""

GENERATE = """
import socket, sys
address, count, window, request = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((address, 123))
sock.settimeout(1)
answered = 0
while answered < count:
    try:
        for _ in range(window):
            sock.send(request)
        for _ in range(window):
            answered += len(sock.recv(1000)) == len(request)
    except OSError:
        pass
print(answered)
"""

FLOOD = """
import socket, struct, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
request = struct.pack("@4s4si", bytes(4), bytes(4), socket.if_nametoindex("eth0"))
sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
sock.connect(("224.0.1.1", 123))
count, rate, packet = int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3])
sent, began = 0, time.monotonic()
while sent < count:
    for _ in range(min(64, count - sent)):
        sock.send(packet)
        sent += 1
    time.sleep(max(0, began + sent / rate - time.monotonic()))
print(time.monotonic() - began)
"""


@dataclass(frozen=True)
class Flood:
    """`part` of a processor in the engine, packets `sent`, a second (`rate`), and what became of them."""

    part: float
    sent: int
    rate: float
    dropped: dict[str, int]


def processor_time(pid: int) -> float:
    """Seconds that all threads of the process have run."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def user_part(ticks: list[tuple[int, int]]) -> float:
    """Of the processor time that was booked between two looks, the part in user space."""
    (user, system), (user_after, system_after) = ticks[0], ticks[-1]
    spent = user_after - user + system_after - system
    return (user_after - user) / spent if spent else 0.0


def ticks_of(pid: int) -> tuple[int, int]:
    """User and system time in clock ticks, proc(5)."""
    _name, _bracket, behind = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    fields = behind.split()
    return int(fields[11]), int(fields[12])


def cost(pid: int, generate: Callable[[], int]) -> float:
    """Seconds of processor time for an answer."""
    before = processor_time(pid)
    answers = generate()
    return (processor_time(pid) - before) / answers


def memory(pid: int) -> float:
    """Resident megabytes."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


def start(directory: Path, engine: EngineProcess) -> float:
    """Start the engine and give the seconds until it tells systemd that it is ready."""
    path = str(directory / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        engine.environment["NOTIFY_SOCKET"] = path
        began = time.monotonic()
        log = (directory / "engine.log").open("a")
        command = [*engine._prefix, *engine.command("run")]
        engine.process = subprocess.Popen(command, env=engine.environment, stderr=log, text=True)
        log.close()
        while not manager.recv(200).startswith(b"READY=1"):
            pass
        took = time.monotonic() - began
    Path(path).unlink()
    return took


def compile_as_the_role_does(engine: EngineProcess, directory: Path) -> None:
    """Translate the engine's code beforehand, not beside the sources but into `directory`."""
    del engine.environment["PYTHONDONTWRITEBYTECODE"]
    engine.environment["PYTHONPYCACHEPREFIX"] = str(directory)
    command = [sys.executable, "-m", "compileall", "-q", str(PACKAGE / "ntp_multicast_engine")]
    subprocess.run(command, env=engine.environment, check=True)


def flood(engine: EngineProcess, namespace: str, packet: bytes, count: int, rate: int) -> Flood:
    """Forged multicasts from that namespace."""
    assert engine.process is not None
    before, counted = processor_time(engine.process.pid), engine.status()["counters"]["dropped"]
    arguments = [sys.executable, "-c", FLOOD, str(count), str(rate), packet.hex()]
    done = subprocess.run(["ip", "netns", "exec", namespace, *arguments], capture_output=True, text=True, check=True)
    took = float(done.stdout)
    part = (processor_time(engine.process.pid) - before) / took
    after = engine.status()["counters"]["dropped"]
    dropped = {reason: number - counted.get(reason, 0) for reason, number in after.items()}
    return Flood(part, count, count / took, {reason: number for reason, number in dropped.items() if number})


def idleness(pid: int, seconds: int) -> float:
    """Part of a processor."""
    before = processor_time(pid)
    time.sleep(seconds)
    return (processor_time(pid) - before) / seconds


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=4_000, help="answers in each round")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--idle", type=int, default=32, metavar="SECONDS", help="how long to watch it do nothing")
    parser.add_argument("--flood", type=int, default=300_000, metavar="PACKETS")
    parser.add_argument("--rate", type=int, default=58_000, help="packets of a flood in a second, at most")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if os.geteuid() != 0:
        print("network namespaces need root", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bridge = stack.enter_context(Bridge(f"tr{os.getpid() % 100000}", ["e", "p", "g"]))
        keys = "".join(line for line in ENGINE_KEYS.splitlines(keepends=True) if line.startswith("4 "))
        engine = EngineProcess(directory / "e", {}, keys=keys, namespace=bridge.hosts["e"])
        engine.write(
            {
                "authentication": {"enabled": True, "keys_file": str(directory / "e" / "keys"), "trusted_keys": [4]},
                "server": {"enabled": True, "listen": ["eth0"], "stratum": 3},
                "servers": [{"interface": "eth0", "group": "224.0.1.1", "key_id": 4}],
                "clients": [{"interface": "eth0", "group": "224.0.1.1", "allow_servers": ["10.99.1.2"]}],
            }
        )
        compile_as_the_role_does(engine, directory / "compiled")
        starts = []
        for _unused in range(options.starts):
            if engine.process is not None:
                engine.stop()
            starts.append(start(directory, engine))
        stack.callback(engine.stop)
        assert engine.process is not None
        pid = engine.process.pid
        time.sleep(2)
        idle = idleness(pid, options.idle)

        forged = bytes([4 << 3 | 5]) + bytes(47) + (4).to_bytes(4, "big") + bytes(16)
        strange, named = (flood(engine, bridge.hosts[host], forged, options.flood, options.rate) for host in ("g", "p"))

        text = "local stratum 3\nallow\nkeyfile /lab/peer.keys\npidfile /run/c.pid\ncmdport 0\nbindcmdaddress /\n"
        peer = stack.enter_context(Peer(CHRONY, directory / "p", bridge.hosts["p"], text))
        assert peer.process is not None
        ring = KeyRing(key_file.load(directory / "e" / "keys"))
        request = ring.sign(Header(0, 4, MODE_CLIENT, 0, 0, 0, transmit=0x0123456789ABCDEF).encode(), 4, 4).hex()

        def generate(address: str, count: int, window: int) -> int:
            generator = [sys.executable, "-c", GENERATE, address, str(count), str(window), request]
            done = subprocess.run(
                ["ip", "netns", "exec", bridge.hosts["g"], *generator], capture_output=True, text=True, check=True
            )
            return int(done.stdout)

        hosts = {"10.99.1.1": pid, "10.99.1.2": peer.process.pid}
        for address in hosts:
            wait_for(lambda address=address: generate(address, 1, 1), f"an answer of {address}")
        costs: dict[int, list[tuple[float, ...]]] = {window: [] for window in WINDOWS}
        parts: dict[int, list[float]] = {}
        for window, rounds in costs.items():
            before = {host: ticks_of(host) for host in hosts.values()}
            for number in range(options.rounds):
                measured = {
                    host: cost(host, lambda address=address, window=window: generate(address, options.answers, window))
                    for address, host in sorted(hosts.items(), reverse=bool(number % 2))
                }
                rounds.append(tuple(measured[host] for host in hosts.values()))
            parts[window] = [user_part([ticks, ticks_of(host)]) for host, ticks in before.items()]
        resident = memory(pid)
    print(f"{options.rounds} rounds of {options.answers} answers, {os.cpu_count()} processors, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"{'processor time of an answer':<32}{'engine us':>10}{'chronyd us':>12}{'ratio':>7}")
    ratios = {}
    for window, rounds in costs.items():
        for number, (ours, theirs) in enumerate(rounds, start=1):
            name = f"{window} under way, round {number}"
            print(f"{name:<32}{ours * 1e6:10.2f}{theirs * 1e6:12.2f}{ours / theirs:7.2f}")
        for name, choose in (("best", min), ("median", statistics.median)):
            ours, theirs = (choose(column) for column in zip(*rounds))
            ratios[window] = ours / theirs
            name = f"{window} under way, {name}"
            print(f"{name:<32}{ours * 1e6:10.2f}{theirs * 1e6:12.2f}{ratios[window]:7.2f}")
        print(f"{'  of it in user space':<32}{parts[window][0] * 100:9.0f}%{parts[window][1] * 100:11.0f}%")
    figures = [
        (f"ratio with {WINDOWS[0]} under way", ratios[WINDOWS[0]], WANTED_RATIO, ""),
        ("resident memory", resident, WANTED_MEGABYTES, " MB"),
        ("start until ready, best", min(starts), WANTED_START, " s"),
        ("idle, of one processor", idle * 100, WANTED_IDLE * 100, " %"),
        ("flood of a wrong source", strange.part * 100, WANTED_FLOOD * 100, " %"),
    ]
    for name, value, wanted, unit in figures:
        verdict = "holds" if value <= wanted else "DOES NOT HOLD"
        print(f"{name:<32}{value:10.3f}{unit}, wanted <= {wanted:g}{unit}: {verdict}")
    for name, result in (("wrong source", strange), ("server's name", named)):
        print(f"flood, {name}: {result.sent} packets, {result.rate:.0f} a second, ", end="")
        print(f"{result.part * 100:.2f} % of a processor, refused: {result.dropped}")
    return 0 if all(value <= wanted for _unused, value, wanted, _unused in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
