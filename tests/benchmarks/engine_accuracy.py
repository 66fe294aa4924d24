# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well multicast clients know the time of their server: the engine beside ntpd 4.2.8, in one run on one switch.

All hosts are network namespaces that share this machine's clock, so the true offset is 0 and every offset that a client
reports is its error. Nobody in the run can touch the clock. Interval 8 s, AES-128-CMAC.

Needs root. The peer is fetched from Debian's archive, unpacked and never installed.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "roles" / "ntp_multicast_engine" / "files")]

from integration.engine.process import Bridge, EngineProcess, ip, running, wait_for  # noqa: E402
from interop.peers import CLASSIC, ENGINE_KEYS, STATISTICS, Peer, ntpd_keys  # noqa: E402

from ntp_multicast_engine.control import ask  # noqa: E402

OURS, THEIRS = "239.77.6.1", "239.77.6.2"
WARM_UP = 64
"""Seconds after the first synchronisation that aren't measured, for anyone."""


@dataclass(frozen=True)
class Row:
    name: str
    errors: list[float]

    @property
    def rms(self) -> float:
        return math.sqrt(statistics.fmean(error * error for error in self.errors))


@dataclass(frozen=True)
class Target:
    """The RMS of row `better` over that of row `worse` has to be at most `limit`."""

    better: int
    worse: int
    limit: float


TARGETS = (Target(0, 2, 0.4), Target(1, 2, 0.5))


def ntpd_client(directory: Path, namespace: str, group: str) -> Peer:
    text = "disable kernel monitor\nrestrict default\n" + ntpd_keys(CLASSIC) + STATISTICS
    return Peer(CLASSIC, directory, namespace, text + f"multicastclient {group}\n")


def ntpd_server(directory: Path, namespace: str) -> Peer:
    text = "disable kernel monitor\ntos orphanwait 1\nserver 127.127.1.0 minpoll 3 maxpoll 3\n"
    text += "fudge 127.127.1.0 stratum 3\nrestrict default\n" + ntpd_keys(CLASSIC)
    return Peer(CLASSIC, directory, namespace, text + f"broadcast {THEIRS} key 4 ttl 3 minpoll 3 maxpoll 3\n")


def engine(directory: Path, namespace: str, section: dict[str, object]) -> EngineProcess:
    made = EngineProcess(directory, {}, keys=ENGINE_KEYS, namespace=namespace)
    made.write(
        {"authentication": {"enabled": True, "keys_file": str(directory / "keys"), "trusted_keys": [4]}, **section}
    )
    return made


@contextmanager
def busy(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _unused in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(seconds: int, load: int) -> list[Row]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bridge = stack.enter_context(Bridge(f"tb{os.getpid() % 100000}", ["es", "ec", "en", "ns", "nc"]))
        for namespace in bridge.hosts.values():
            ip("-n", namespace, "route", "add", "default", "dev", "eth0")
        stream = {"interface": "eth0", "group": OURS, "key_id": 4, "poll": 3}
        responder = {"enabled": True, "listen": ["eth0"], "stratum": 3}
        server = engine(directory / "es", bridge.hosts["es"], {"server": responder, "servers": [stream]})
        listen = {"clients": [{"interface": "eth0", "group": OURS}]}
        client = engine(directory / "ec", bridge.hosts["ec"], listen)
        stack.enter_context(running(server, client))
        fed_by_us = stack.enter_context(ntpd_client(directory / "en", bridge.hosts["en"], OURS))
        stack.enter_context(ntpd_server(directory / "ns", bridge.hosts["ns"]))
        their_own = stack.enter_context(ntpd_client(directory / "nc", bridge.hosts["nc"], THEIRS))
        peers = (fed_by_us, their_own)

        client.synchronised()
        wait_for(lambda: all(heard(peer) for peer in peers), "ntpd to follow the multicasts")
        wait(WARM_UP)
        stack.enter_context(busy(load))
        before = [len(heard(peer)) for peer in peers]
        ours: list[float] = []
        wait(seconds, lambda: ours.append(float(ask(str(client.socket))["system"]["offset"])))
        fed, own = (heard(peer)[skip:] for peer, skip in zip(peers, before))
    return [Row("engine <- engine", ours), Row("ntpd <- engine", fed), Row("ntpd <- ntpd (basic)", own)]


def heard(peer: Peer) -> list[float]:
    """The offsets that an ntpd has measured. Those of its volley, 16 s long, are over before anything is counted."""
    return [line.offset for line in peer.statistics() if line.authentic]


def wait(seconds: int, act: Callable[[], object] = lambda: None) -> None:
    """Measuring takes its time; `act` is called every 8 s."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(8.0, max(end - time.monotonic(), 0.0)))
        act()


def report(rows: list[Row]) -> bool:
    print(f"{'client <- server':<24}{'samples':>8}{'RMS us':>9}{'mean us':>9}{'sd us':>8}{'ratio to ntpd':>15}")
    for row in rows:
        mean, deviation = statistics.fmean(row.errors), statistics.pstdev(row.errors)
        numbers = f"{row.rms * 1e6:9.1f}{mean * 1e6:9.1f}{deviation * 1e6:8.1f}{row.rms / rows[2].rms:15.2f}"
        print(f"{row.name:<24}{len(row.errors):>8}{numbers}")
    held = True
    for target in TARGETS:
        ratio = rows[target.better].rms / rows[target.worse].rms
        verdict = "holds" if ratio <= target.limit else "DOES NOT HOLD"
        held = held and ratio <= target.limit
        print(
            f"{rows[target.better].name}: {ratio:.2f} x {rows[target.worse].name}, wanted <= {target.limit}: {verdict}"
        )
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120, help="how long to measure (the promise is for 420)")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="busy processes beside it")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("network namespaces need root", file=sys.stderr)
        return 2
    loads = [os.getloadavg()[0]]
    rows = measure(options.seconds, options.busy)
    loads.append(os.getloadavg()[0])
    machine = f"{os.cpu_count()} processors, load {loads[0]:.1f} to {loads[1]:.1f}"
    print(f"{options.seconds} s, {options.busy} busy processes, {machine}")
    return 0 if report(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
