# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well multicast clients know the time of their server: the engine beside ntpd 4.2.8, in one run on one switch.

All hosts are network namespaces that share this machine's clock, so the true offset is 0 and every offset that a client
reports is its error. Nobody in the run can touch the clock. Interval 8 s, AES-128-CMAC.

ntpd measures the way once, when it starts, by one multicast, and keeps what it then assumes. One start of one ntpd
would be one drawing of a lottery, so each server has several clients, on hosts of their own, and all ntpds are started
again every 105 s. What is judged of them is the start in the middle: the median of the starts' RMS. The RMS of all
errors together is printed beside it; a single multicast that the switch delays by 60 us while an ntpd measures its way
can decide that one, whoever sent it. Of an engine, which has no such excuse, all errors count.

Beside them chronyd 4.3 asks a chronyd and the engine's responder by unicast, at the same interval, in interleaved mode
and with a request beforehand that wakes the path up (`xleave`, `presend`); its errors are the offsets that it measures.
That is the yardstick: what unicast with kernel stamps can do on this switch.

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
from itertools import takewhile
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "roles" / "ntp_multicast_engine" / "files")]

from integration.engine.process import Bridge, EngineProcess, ip, running  # noqa: E402
from interop.peers import CHRONY, CLASSIC, ENGINE_KEYS, STATISTICS, Peer, ntpd_keys  # noqa: E402

from ntp_multicast_engine.observe.status_socket import ask  # noqa: E402

OURS, THEIRS = "239.77.6.1", "239.77.6.2"
WARM_UP = 64
"""Seconds after the first synchronisation of the engines that aren't measured."""
LIFE = 105
"""Seconds from one start of the ntpds to the next. The first 20 or so are their volleys."""
ENGINES, NTPDS = 3, 5
"""Clients of each kind that listen to each server."""
STAGGER = 1.1
"""Seconds between the starts of two ntpds. Each acts on whole seconds after its start, so no two volleys meet."""
SERVERS = ["es", "ns", "cs"]
CHRONIES = 3
"""Clients of each of the two unicast servers that are chronyds."""


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
    """The errors in seconds of some clients of one server, each client's apart.

    `lottery`: each client has measured the way by one multicast.
    """

    name: str
    clients: list[list[float]]
    lottery: bool = False

    @property
    def errors(self) -> list[float]:
        return [error for client in self.clients for error in client]

    @property
    def rms(self) -> float:
        return root_mean_square(self.errors)

    @property
    def judged(self) -> float:
        if not self.lottery:
            return self.rms
        return statistics.median(root_mean_square(errors) for errors in self.clients)


def root_mean_square(errors: list[float]) -> float:
    return math.sqrt(statistics.fmean(error * error for error in errors))


@dataclass(frozen=True)
class Target:
    """What is judged of row `better`, over that of row `worse`, has to be at most `limit`."""

    better: int
    worse: int
    limit: float
    with_jitter: bool = True


# ntpd measures the way once. Where delays vary, the result is wrong by chance for the whole run, whoever serves.
TARGETS = (Target(0, 4, 1.0), Target(0, 2, 0.3), Target(1, 2, 1.1, with_jitter=False))
WANTED_MEAN = 3e-6
"""Seconds: the mean of the engine's errors beside the engine."""


def ntpd_client(directory: Path, namespace: str, group: str) -> Peer:
    text = "disable kernel monitor\nrestrict default\n" + ntpd_keys(CLASSIC) + STATISTICS
    return Peer(CLASSIC, directory, namespace, text + f"multicastclient {group}\n")


def ntpd_server(directory: Path, namespace: str) -> Peer:
    text = "disable kernel monitor\ntos orphanwait 1\nserver 127.127.1.0 minpoll 3 maxpoll 3\n"
    text += "fudge 127.127.1.0 stratum 3\nrestrict default\n" + ntpd_keys(CLASSIC)
    return Peer(CLASSIC, directory, namespace, text + f"broadcast {THEIRS} key 4 ttl 3 minpoll 3 maxpoll 3\n")


def chrony(directory: Path, namespace: str, lines: str) -> Peer:
    text = "keyfile /lab/peer.keys\npidfile /run/c.pid\ncmdport 0\nbindcmdaddress /\nlogdir /lab\nlog measurements\n"
    return Peer(CHRONY, directory, namespace, text + lines)


def measured_by_chrony(peer: Peer) -> list[float]:
    """The offsets of its exchanges in interleaved mode, from the log of measurements."""
    path = peer.directory / "measurements.log"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    # Date, time, address, ..., offset, ..., and at the end the mode and whose the stamps are: "4I K K" or "4IKK".
    rows = [fields for fields in lines if len(fields) >= 16 and fields[0][0].isdigit()]
    return [float(fields[11]) for fields in rows if "I" in "".join(fields[17:])]


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


def snoop(bridge: Bridge) -> None:
    """Let the switch send a multicast only where it was asked for, so that no copies for others delay it."""
    ip("-n", bridge.switch, "link", "set", "br0", "type", "bridge", "mcast_snooping", "1", "mcast_querier", "1")


def hosts(kind: str, count: int) -> list[str]:
    return [f"{kind}{number}" for number in range(count)]


def measure(condition: Condition, seconds: int, seed: int, engines: int, ntpds: int) -> list[Row]:
    ours = {**dict.fromkeys(hosts("ec", engines), OURS), **dict.fromkeys(hosts("eo", engines), THEIRS)}
    # Taken in turns, so that no server's clients start on a quieter machine.
    pairs = zip(hosts("en", ntpds), hosts("nc", ntpds))
    theirs = {host: group for pair in pairs for host, group in zip(pair, (OURS, THEIRS))}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # The switch copies a multicast for one port after the other, the newest port first.
        asking = {**dict.fromkeys(hosts("cc", CHRONIES), "cs"), **dict.fromkeys(hosts("ce", CHRONIES), "es")}
        bridge = stack.enter_context(Bridge(f"tb{os.getpid() % 100000}", [*SERVERS, *theirs, *ours, *asking]))
        if condition.jitter:
            stack.enter_context(relay(bridge, [*theirs, *ours, *asking], condition.jitter, seed))
        else:
            snoop(bridge)
        for namespace in bridge.hosts.values():
            ip("-n", namespace, "route", "add", "default", "dev", "eth0")
        stream = {"interface": "eth0", "group": OURS, "key_id": 4, "poll": 3}
        responder = {"enabled": True, "listen": ["eth0"], "stratum": 3}
        server = engine(directory / "es", bridge.hosts["es"], {"server": responder, "servers": [stream]})
        clients = {
            host: engine(directory / host, bridge.hosts[host], {"clients": [{"interface": "eth0", "group": group}]})
            for host, group in ours.items()
        }
        stack.enter_context(running(server, *clients.values()))
        stack.enter_context(ntpd_server(directory / "ns", bridge.hosts["ns"]))
        stack.enter_context(chrony(directory / "cs", bridge.hosts["cs"], "local stratum 3\nallow\n"))
        unicast = {
            host: stack.enter_context(
                chrony(
                    directory / host,
                    bridge.hosts[host],
                    f"server 10.99.1.{SERVERS.index(server) + 1} key 4 xleave presend 3 minpoll 3 maxpoll 3\n",
                )
            )
            for host, server in asking.items()
        }
        for client in clients.values():
            client.synchronised()
        wait(WARM_UP)
        stack.enter_context(busy(condition.busy))
        skipped = {host: len(measured_by_chrony(peer)) for host, peer in unicast.items()}
        errors: dict[str, list[float]] = {host: [] for host in ours}

        def look() -> None:
            for host, client in clients.items():
                errors[host].append(float(ask(str(client.socket))["system"]["offset"]))

        lives = max(1, round(seconds / LIFE))
        lived = [
            life(
                {
                    host: ntpd_client(directory / f"{host}-{number}", bridge.hosts[host], theirs[host])
                    for host in theirs
                },
                seconds / lives,
                look,
            )
            for number in range(lives)
        ]
        errors.update((host, measured_by_chrony(peer)[skipped[host] :]) for host, peer in unicast.items())
    return [
        Row("engine <- engine", [errors[host] for host in hosts("ec", engines)]),
        Row("ntpd <- engine", [one[host] for one in lived for host in hosts("en", ntpds)], lottery=True),
        Row("ntpd <- ntpd (basic)", [one[host] for one in lived for host in hosts("nc", ntpds)], lottery=True),
        Row("engine <- ntpd (basic)", [errors[host] for host in hosts("eo", engines)]),
        Row("chrony <- chrony (unicast)", [errors[host] for host in hosts("cc", CHRONIES)]),
        Row("chrony <- engine (unicast)", [errors[host] for host in hosts("ce", CHRONIES)]),
    ]


def life(peers: dict[str, Peer], seconds: float, look: Callable[[], object]) -> dict[str, list[float]]:
    """Start the ntpds one after the other, end them together, and say what each has measured."""
    end = time.monotonic() + seconds
    with ExitStack() as stack:
        for peer in peers.values():
            time.sleep(STAGGER)
            stack.enter_context(peer)
        wait(end - time.monotonic(), look)
        return {host: heard(peer) for host, peer in peers.items()}


def heard(peer: Peer) -> list[float]:
    """The offsets that an ntpd has measured by multicasts: all have the one delay that it keeps. The first line with it
    is the last answer of the volley, told again."""
    lines = [line for line in peer.statistics() if line.authentic]
    alike = list(takewhile(lambda line: line.delay == lines[-1].delay, reversed(lines)))
    if len(alike) < 3:
        raise RuntimeError(f"{peer.directory.name} has followed no multicasts: {peer.log()}")
    return [line.offset for line in reversed(alike[:-1])]


def wait(seconds: float, act: Callable[[], object] = lambda: None) -> None:
    """Measuring takes its time; `act` is called every 8 s."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(8.0, max(end - time.monotonic(), 0.0)))
        act()


def report(rows: list[Row], jitter: bool) -> bool:
    print(f"{'':<28}{'':>8}{'all errors together':>35}{'':>7}{'judged':>22}")
    titles = f"{'RMS us':>9}{'mean us':>9}{'sd us':>8}{'ratio':>9}{'':>7}{'RMS us':>13}{'ratio':>9}"
    print(f"{'client <- server':<28}{'samples':>8}{titles}")
    for row in rows:
        mean, deviation = statistics.fmean(row.errors), statistics.pstdev(row.errors)
        numbers = f"{row.rms * 1e6:9.1f}{mean * 1e6:9.1f}{deviation * 1e6:8.1f}{row.rms / rows[2].rms:9.2f}"
        numbers += f"{'':>7}{row.judged * 1e6:13.1f}{row.judged / rows[2].judged:9.2f}"
        print(f"{row.name:<28}{len(row.errors):>8}{numbers}")
    for row in rows:
        each = ((statistics.fmean(errors), root_mean_square(errors)) for errors in row.clients)
        told = ", ".join(f"{mean * 1e6:+.1f} ({rms * 1e6:.1f})" for mean, rms in each)
        print(f"mean us (RMS us) of each start, {row.name}: {told}")
    held = True
    for target in TARGETS:
        ratio = rows[target.better].judged / rows[target.worse].judged
        names = f"{rows[target.better].name}: {ratio:.2f} x {rows[target.worse].name}"
        if jitter and not target.with_jitter:
            print(f"{names}, not judged: what ntpd once measured of a way with jitter is chance")
            continue
        held = held and ratio <= target.limit
        print(f"{names}, wanted <= {target.limit}: {'holds' if ratio <= target.limit else 'DOES NOT HOLD'}")
    mean = abs(statistics.fmean(rows[0].errors))
    held = held and mean <= WANTED_MEAN
    verdict = "holds" if mean <= WANTED_MEAN else "DOES NOT HOLD"
    print(f"mean of {rows[0].name}: {mean * 1e6:.1f} us, wanted <= {WANTED_MEAN * 1e6:.0f} us: {verdict}")
    return held


def processor() -> str:
    """What this machine calls its processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "conditions", nargs="*", metavar="CONDITION", help=f"of {', '.join(CONDITIONS)}; default: quiet"
    )
    parser.add_argument("--seconds", type=int, default=120, help="how long to measure each (the promise is for 420)")
    parser.add_argument("--seed", type=int, default=1, help="of the relay's delays")
    parser.add_argument("--engines", type=int, default=ENGINES, help="clients of each server that are engines")
    parser.add_argument("--ntpds", type=int, default=NTPDS, help="clients of each server that are ntpds")
    options = parser.parse_args()
    names = options.conditions or ["quiet"]
    if not set(names) <= set(CONDITIONS):
        parser.error(f"the conditions are {', '.join(CONDITIONS)}")
    if os.geteuid() != 0:
        print("network namespaces need root", file=sys.stderr)
        return 2
    held = [run(CONDITIONS[name], options) for name in names]
    return 0 if all(held) else 1


def run(condition: Condition, options: argparse.Namespace) -> bool:
    seconds, seed = options.seconds, options.seed
    before = os.getloadavg()[0]
    rows = measure(condition, seconds, seed, options.engines, options.ntpds)
    machine = f"{os.cpu_count()} x {processor()}, load {before:.1f} to {os.getloadavg()[0]:.1f}"
    more = (
        f", delays of 100 us + exponential of mean {condition.jitter * 1e6:.0f} us, seed {seed}"
        if condition.jitter
        else ""
    )
    print(f"{condition.name}: {seconds} s, {condition.busy} busy processes{more}; {machine}", flush=True)
    return report(rows, bool(condition.jitter))


if __name__ == "__main__":
    sys.exit(main())
