# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well multicast clients know the time of their server: the engine beside ntpd 4.2.8, in one run on one switch.

All hosts are network namespaces that share this machine's clock, so the true offset is 0 and every offset that a client
reports is its error. Nobody in the run can touch the clock. Interval 8 s, AES-128-CMAC.

Conditions, one after the other: quiet; busy, with three processes that do nothing but compute; jitter, where a relay
between the servers' switch and the clients' (relay.py) holds each NTP packet back, for 100 us and an exponentially
distributed time on top, drawn from a seeded sequence.

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
SERVERS, CLIENTS = ["es", "ns"], ["ec", "en", "eo", "nc"]


@dataclass(frozen=True)
class Condition:
    """What disturbs a run. `jitter`: mean, in seconds, of the exponential part of the relay's delays; 0: no relay."""

    name: str
    busy: int = 0
    jitter: float = 0.0


CONDITIONS = {
    item.name: item for item in (Condition("quiet"), Condition("busy", busy=3), Condition("jitter", jitter=200e-6))
}


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
    with_jitter: bool = True


# ntpd measures the way once. Where delays vary, the result is wrong by chance for the whole run, whoever serves.
TARGETS = (Target(0, 2, 0.4), Target(1, 2, 0.5, with_jitter=False))


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


@contextmanager
def relay(bridge: Bridge, behind: list[str], mean: float, seed: int) -> Iterator[None]:
    """Put the hosts `behind` onto a switch of their own, which only a relay connects with the other one."""
    namespace = f"{bridge.switch}-relay"
    inside = ("-n", bridge.switch)
    try:
        ip("netns", "add", namespace)
        for sysctl in ("all", "default"):
            ip("netns", "exec", namespace, "sysctl", "-qw", f"net.ipv6.conf.{sysctl}.disable_ipv6=1")
        ip(*inside, "link", "add", "br1", "type", "bridge", "mcast_snooping", "0", "mcast_querier", "0")
        ip(*inside, "link", "set", "br1", "up")
        for host in behind:
            ip(*inside, "link", "set", bridge.port(host, "eth0"), "master", "br1")
        for name, switch in (("left", "br0"), ("right", "br1")):
            ip(*inside, "link", "add", f"to-{name}", "type", "veth", "peer", "name", name, "netns", namespace)
            ip(*inside, "link", "set", f"to-{name}", "master", switch, "up")
            ip("-n", namespace, "link", "set", name, "up")
        command = [
            sys.executable,
            str(Path(__file__).with_name("relay.py")),
            "--mean",
            str(mean),
            "--seed",
            str(seed),
            "left",
            "right",
        ]
        process = subprocess.Popen(["ip", "netns", "exec", namespace, *command])
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError("the relay has died")
        finally:
            process.kill()
            process.wait()
    finally:
        subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


def measure(condition: Condition, seconds: int, seed: int) -> list[Row]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bridge = stack.enter_context(Bridge(f"tb{os.getpid() % 100000}", [*SERVERS, *CLIENTS]))
        if condition.jitter:
            stack.enter_context(relay(bridge, CLIENTS, condition.jitter, seed))
        for namespace in bridge.hosts.values():
            ip("-n", namespace, "route", "add", "default", "dev", "eth0")
        stream = {"interface": "eth0", "group": OURS, "key_id": 4, "poll": 3}
        responder = {"enabled": True, "listen": ["eth0"], "stratum": 3}
        server = engine(directory / "es", bridge.hosts["es"], {"server": responder, "servers": [stream]})
        clients = [
            engine(directory / host, bridge.hosts[host], {"clients": [{"interface": "eth0", "group": group}]})
            for host, group in (("ec", OURS), ("eo", THEIRS))
        ]
        stack.enter_context(running(server, *clients))
        fed_by_us = stack.enter_context(ntpd_client(directory / "en", bridge.hosts["en"], OURS))
        stack.enter_context(ntpd_server(directory / "ns", bridge.hosts["ns"]))
        their_own = stack.enter_context(ntpd_client(directory / "nc", bridge.hosts["nc"], THEIRS))
        peers = (fed_by_us, their_own)

        for client in clients:
            client.synchronised()
        wait_for(lambda: all(heard(peer) for peer in peers), "ntpd to follow the multicasts")
        wait(WARM_UP)
        stack.enter_context(busy(condition.busy))
        before = [len(heard(peer)) for peer in peers]
        ours: list[list[float]] = [[] for _unused in clients]

        def look() -> None:
            for client, offsets in zip(clients, ours):
                offsets.append(float(ask(str(client.socket))["system"]["offset"]))

        wait(seconds, look)
        fed, own = (heard(peer)[skip:] for peer, skip in zip(peers, before))
    return [
        Row("engine <- engine", ours[0]),
        Row("ntpd <- engine", fed),
        Row("ntpd <- ntpd (basic)", own),
        Row("engine <- ntpd (basic)", ours[1]),
    ]


def heard(peer: Peer) -> list[float]:
    """The offsets that an ntpd has measured. Those of its volley, 16 s long, are over before anything is counted."""
    return [line.offset for line in peer.statistics() if line.authentic]


def wait(seconds: int, act: Callable[[], object] = lambda: None) -> None:
    """Measuring takes its time; `act` is called every 8 s."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(8.0, max(end - time.monotonic(), 0.0)))
        act()


def report(rows: list[Row], jitter: bool) -> bool:
    print(f"{'client <- server':<24}{'samples':>8}{'RMS us':>9}{'mean us':>9}{'sd us':>8}{'ratio to ntpd':>15}")
    for row in rows:
        mean, deviation = statistics.fmean(row.errors), statistics.pstdev(row.errors)
        numbers = f"{row.rms * 1e6:9.1f}{mean * 1e6:9.1f}{deviation * 1e6:8.1f}{row.rms / rows[2].rms:15.2f}"
        print(f"{row.name:<24}{len(row.errors):>8}{numbers}")
    held = True
    for target in TARGETS:
        ratio = rows[target.better].rms / rows[target.worse].rms
        names = f"{rows[target.better].name}: {ratio:.2f} x {rows[target.worse].name}"
        if jitter and not target.with_jitter:
            print(f"{names}, not judged: what ntpd once measured of a way with jitter is chance")
            continue
        held = held and ratio <= target.limit
        print(f"{names}, wanted <= {target.limit}: {'holds' if ratio <= target.limit else 'DOES NOT HOLD'}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "conditions", nargs="*", metavar="CONDITION", help=f"of {', '.join(CONDITIONS)}; default: quiet"
    )
    parser.add_argument("--seconds", type=int, default=120, help="how long to measure each (the promise is for 420)")
    parser.add_argument("--seed", type=int, default=1, help="of the relay's delays")
    options = parser.parse_args()
    names = options.conditions or ["quiet"]
    if not set(names) <= set(CONDITIONS):
        parser.error(f"the conditions are {', '.join(CONDITIONS)}")
    if os.geteuid() != 0:
        print("network namespaces need root", file=sys.stderr)
        return 2
    held = [run(CONDITIONS[name], options.seconds, options.seed) for name in names]
    return 0 if all(held) else 1


def run(condition: Condition, seconds: int, seed: int) -> bool:
    before = os.getloadavg()[0]
    rows = measure(condition, seconds, seed)
    machine = f"{os.cpu_count()} processors, load {before:.1f} to {os.getloadavg()[0]:.1f}"
    more = (
        f", delays of 100 us + exponential of mean {condition.jitter * 1e6:.0f} us, seed {seed}"
        if condition.jitter
        else ""
    )
    print(f"{condition.name}: {seconds} s, {condition.busy} busy processes{more}; {machine}", flush=True)
    return report(rows, bool(condition.jitter))


if __name__ == "__main__":
    sys.exit(main())
