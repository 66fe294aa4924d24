# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server and client as real processes on one switch: both families, all algorithms, the wire seen by tshark."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.process import PACKAGE, Bridge, EngineProcess, ip, running, wait_for

pytestmark = [*needs.root, needs.commands("ip")]

ALGORITHMS = {1: "md5", 2: "sha1", 3: "sha256", 4: "aes-128-cmac", 9: "aes-256-cmac", 42: "hmac-sha256"}


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(f"tc{os.getpid() % 100000}", ["s", "c"]) as made:
        yield made


def _streams() -> list[dict[str, Any]]:
    streams: list[dict[str, Any]] = []
    for number, key_id in enumerate(ALGORITHMS, start=1):
        more = {"key_id": key_id, "poll": 3, "interface": "eth0"}
        streams.append({**more, "group": f"239.77.0.{number}", "ttl": 10 + number})
        streams.append({**more, "group": f"ff0e::{number}", "ttl": 20 + number})
    more = {"poll": 3, "interface": "eth0"}
    streams.append({**more, "group": "ff02::101", "key_id": 42, "ttl": 1})
    streams.append({**more, "group": "224.0.1.1", "key_id": 42, "version": 3, "port": 10123, "ttl": 255})
    streams.append({**more, "group": "239.77.0.99", "key_id": 4, "interleaved": False})
    return streams


def _clients() -> list[dict[str, Any]]:
    return [{"interface": "eth0", "group": stream["group"], "port": stream.get("port", 123)} for stream in _streams()]


SERVER: dict[str, Any] = {"server": {"enabled": True, "listen": ["eth0"], "stratum": 2}}


def test_all_algorithms_over_both_families(tmp_path: Path, bridge: Bridge) -> None:
    """The client's second interface sees each packet too, and must not be heard."""
    bridge.plug("c", "eth1", "10.99.2.2", "fd00:99:2::2")
    clients = [*_clients(), {"interface": "eth1", "group": "239.77.9.9"}]
    server = EngineProcess(tmp_path / "server", {**SERVER, "servers": _streams()}, namespace=bridge.hosts["s"])
    client = EngineProcess(tmp_path / "client", {"clients": clients}, namespace=bridge.hosts["c"])
    with running(server, client):
        status = client.synchronised(associations=len(_streams()))
        assert abs(status["system"]["offset"]) < 0.05
        assert {item["interface"] for item in status["associations"]} == {"eth0"}
        seen = {item["group"]: item for item in status["associations"]}
        for stream in _streams():
            item = seen[stream["group"]]
            assert item["authenticated"] and item["key_id"] == stream["key_id"], item
            assert item["stratum"] == 2 and item["reach"] and item["timestamps"] == "kernel", item
            assert abs(item["offset"]) < 0.05, item
        assert seen["ff02::101"]["source"].startswith("fe80:")
        assert seen["ff0e::1"]["source"] == "fd00:99:1::1" and seen["239.77.0.1"]["source"] == "10.99.1.1"
        assert status["counters"]["dropped"] == {}
        wait_for(lambda: _interleaved(client) == len(_streams()) - 1, "interleaved streams")
        assert all(item["last_error"] is None for item in server.status()["servers"])
        assert not [line for line in client.log().splitlines() if "again" in line or "error" in line]


def _interleaved(client: EngineProcess) -> int:
    return sum(1 for item in client.status()["associations"] if item["interleaved"])


@pytest.fixture
def capture(tmp_path: Path, bridge: Bridge) -> Iterator[Path]:
    """Everything that goes over the client's interface, as a pcap file that grows."""
    needs.require(needs.no_command("tshark"))  # an independent dissector
    path = tmp_path / "wire.pcap"
    command = ["tshark", "-q", "-l", "-i", "eth0", "-F", "pcap", "-w", str(path), "-f", "udp"]
    process = subprocess.Popen(
        ["ip", "netns", "exec", bridge.hosts["c"], *command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stderr is not None
    while b"Capturing on" not in process.stderr.readline():
        assert process.poll() is None, "tshark doesn't run"
    yield path
    process.send_signal(signal.SIGINT)
    process.wait(30)


ADDRESSES = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.ttl", "ipv6.hlim", "ip.dsfield.dscp", "ipv6.tclass.dscp")
FLAGS = ("ntp.flags.li", "ntp.flags.vn", "ntp.flags.mode")
FIELDS = (
    *ADDRESSES,
    *FLAGS,
    *("udp.srcport", "udp.dstport", "ntp.stratum", "ntp.ppoll", "ntp.keyid", "ntp.mac", "udp.payload"),
)


def _dissect(path: Path, ports: set[int]) -> list[dict[str, str]]:
    decode = [word for port in ports for word in ("-d", f"udp.port=={port},ntp")]
    fields = [word for field in FIELDS for word in ("-e", field)]
    command = ["tshark", "-r", str(path), *decode, "-Y", "ntp", "-T", "fields", *fields]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [dict(zip(FIELDS, line.split("\t"))) for line in output.splitlines()]


def _expected_mac(key_id: int, covered: bytes, length: int) -> bytes:
    """Computed without the engine: with hashlib, hmac and `cryptography` alone."""
    if key_id == 42:
        return hmac.new(b"a-shared-secret", covered, "sha256").digest()[:length]
    prefixes = {1: ("md5", b"lab-md5-secret"), 2: ("sha1", b"\x22" * 20), 3: ("sha256", b"\x33" * 32)}
    if key_id in prefixes:
        name, secret = prefixes[key_id]
        return hashlib.new(name, secret + covered).digest()[:length]
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.cmac import CMAC

    secrets = {
        4: "2b7e151628aed2a6abf7158809cf4f3c",
        9: "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
    }
    cmac = CMAC(AES(bytes.fromhex(secrets[key_id])))
    cmac.update(covered)
    return cmac.finalize()


def test_the_wire_as_tshark_sees_it(tmp_path: Path, bridge: Bridge, capture: Path) -> None:
    server = EngineProcess(tmp_path / "server", {**SERVER, "servers": _streams()}, namespace=bridge.hosts["s"])
    with running(server):
        wait_for(lambda: min(item["sent"] for item in server.status()["servers"]) >= 1, "a packet to each group")
        packets = wait_for(
            lambda: found if len(found := _dissect(capture, {10123})) >= len(_streams()) else None, "the capture"
        )
    by_group = {packet["ip.dst"] or str(ipaddress.ip_address(packet["ipv6.dst"])): packet for packet in packets}
    for stream in _streams():
        packet = by_group[stream["group"]]
        family = ipaddress.ip_address(stream["group"]).version
        assert int(packet["ip.ttl" if family == 4 else "ipv6.hlim"]) == stream.get("ttl", 16)
        assert int(packet["ip.dsfield.dscp" if family == 4 else "ipv6.tclass.dscp"]) == 46
        assert int(packet["udp.srcport"]) == 123 and int(packet["udp.dstport"]) == stream.get("port", 123)
        assert int(packet["ntp.flags.vn"], 0) == stream.get("version", 4)
        assert int(packet["ntp.flags.mode"], 0) == 5 and int(packet["ntp.flags.li"], 0) == 0
        assert int(packet["ntp.stratum"], 0) == 2 and int(packet["ntp.ppoll"], 0) == 3
        assert int(packet["ntp.keyid"].replace(":", ""), 16) == stream["key_id"]
        payload = bytes.fromhex(packet["udp.payload"].replace(":", ""))
        tag = payload[52:]
        assert bytes.fromhex(packet["ntp.mac"].replace(":", "")) == tag
        assert len(tag) == {1: 16, 4: 16, 9: 16}.get(stream["key_id"], 32 if stream.get("version") == 3 else 20)
        assert tag == _expected_mac(stream["key_id"], payload[:48], len(tag))


SEND = """
import socket, sys, struct
group, index = sys.argv[1], socket.if_nametoindex("eth0")
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", bytes(4), bytes(4), index))
sock.bind(("0.0.0.0", 123))
for payload in sys.argv[2:]:
    sock.sendto(bytes.fromhex(payload), (group, 123))
"""


def _recorded(capture: Path) -> list[str]:
    packets = [packet for packet in _dissect(capture, set()) if packet["ip.dst"] == "224.0.1.1"]
    return [packet["udp.payload"].replace(":", "") for packet in packets]


def test_recorded_packets_move_nothing_after_kill_and_restart(tmp_path: Path, bridge: Bridge, capture: Path) -> None:
    streams = [{"interface": "eth0", "group": "224.0.1.1", "key_id": 4, "poll": 3}]
    server = EngineProcess(tmp_path / "server", {**SERVER, "servers": streams}, namespace=bridge.hosts["s"])
    clients = {"clients": [{"interface": "eth0", "group": "224.0.1.1"}]}
    client = EngineProcess(tmp_path / "client", clients, namespace=bridge.hosts["c"])
    with running(server, client):
        client.synchronised()
        # The association must have accepted one more packet after its volley, so that there is something to remember.
        before = client.status()["counters"]["received"]
        wait_for(lambda: client.status()["counters"]["received"] > before, "one more packet")
        client.stop(signal.SIGKILL)
        server.stop()
        # The program that records writes its file some time after it has seen a packet.
        wait_for(lambda: len(_recorded(capture)) >= 2, "the recorded packets")
        payloads = _recorded(capture)
        client.start()
        command = ["ip", "netns", "exec", bridge.hosts["s"], sys.executable, "-c", SEND, "224.0.1.1", *payloads]
        subprocess.run(command, check=True)
        wait_for(lambda: client.status()["counters"]["dropped"].get("replay", 0) == len(payloads), "the refusals")
        assert not client.status()["system"]["synchronised"]


def test_an_interface_that_comes_later_is_joined(tmp_path: Path, bridge: Bridge) -> None:
    streams = [{"interface": "eth7", "group": "224.0.1.1", "key_id": 4, "poll": 3}]
    server = EngineProcess(tmp_path / "server", {**SERVER, "servers": streams}, namespace=bridge.hosts["s"])
    server.write({"server": {"enabled": True, "stratum": 2}, "servers": streams})
    clients = {"clients": [{"interface": "eth8", "group": "224.0.1.1"}]}
    client = EngineProcess(tmp_path / "client", clients, namespace=bridge.hosts["c"])
    with running(server, client):
        wait_for(lambda: "there is no interface eth8" in client.log(), "the complaint")
        (stream,) = server.status()["servers"]
        assert "eth7" in stream["last_error"]
        bridge.plug("s", "eth7", "10.99.3.1", "fd00:99:3::1")
        bridge.plug("c", "eth8", "10.99.3.2", "fd00:99:3::2")
        assert client.synchronised()["associations"][0]["source"] == "10.99.3.1"


ADDRESSES_OF = """
import ipaddress, sys
from ntp_multicast_engine.net.addresses import address_for
for name in sys.argv[1:]:
    print(address_for(name, ipaddress.ip_address("ff0e::101")).address)
"""


def test_a_server_does_not_send_from_an_address_that_is_made_to_be_replaced(bridge: Bridge) -> None:
    """RFC 8981. The kernel lists addresses in no order, so one interface would be right by chance."""
    namespace = bridge.hosts["s"]
    inside = ["ip", "netns", "exec", namespace]
    expected = [f"fd00:99:{number}::1" for number in range(10, 22)]
    names = [f"other{number}" for number in range(len(expected))]
    for name, address in zip(names, expected):
        ip("-n", namespace, "link", "add", name, "type", "veth", "peer", "name", f"{name}-end")
        ip("-n", namespace, "link", "set", f"{name}-end", "up")
        for setting in ("use_tempaddr=2", "accept_dad=0"):
            subprocess.run([*inside, "sysctl", "-qw", f"net.ipv6.conf.{name}.{setting}"], check=True)
        ip("-n", namespace, "link", "set", name, "up")
        ip("-n", namespace, "addr", "add", f"{address}/64", "dev", name, "mngtmpaddr", "nodad")
    listing = ["ip", "-n", namespace, "-6", "addr", "show", "temporary", "-tentative"]

    def temporary() -> int:
        return subprocess.run(listing, capture_output=True, text=True, check=True).stdout.count(" temporary ")

    wait_for(lambda: temporary() >= len(names), "the temporary addresses")
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
    asked = subprocess.run(
        [*inside, sys.executable, "-c", ADDRESSES_OF, *names],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.split() == expected


SEND_THROUGH_A_FIREWALL = """
import ipaddress, select, subprocess, sys
from ntp_multicast_engine.config.configuration import MulticastServer
from ntp_multicast_engine.net.sockets import SenderSocket
sender = SenderSocket(MulticastServer("eth0", ipaddress.ip_address(sys.argv[1])), 10123)
waiting = select.poll()
waiting.register(sender.socket, select.POLLIN)

def sent():
    try:
        sender.send(bytes(48))
    except OSError as error:
        return error.strerror
    waiting.poll(60_000)
    return len(list(sender.departures()))

def firewall(*words):
    subprocess.run(["nft", *words], check=True)

print(sent(), sent())
firewall("add table inet t")
firewall("add chain inet t o { type filter hook output priority 0 ; policy drop ; }")
print(sent())
firewall("flush ruleset")
print(sent(), sent())
"""


@needs.commands("nft")
@pytest.mark.parametrize("group", ["239.77.0.1", "ff0e::1"])
def test_after_a_refusal_of_the_firewall_departures_are_known_again(bridge: Bridge, group: str) -> None:
    """The kernel numbers what it stamps, and what it then refuses, too."""
    inside = ["ip", "netns", "exec", bridge.hosts["s"], sys.executable, "-c", SEND_THROUGH_A_FIREWALL, group]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(inside, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["1 1", "Operation not permitted", "1 1"]


def _open_files(engine: EngineProcess) -> int:
    assert engine.process is not None
    # `ip netns exec` becomes the engine, so the process is the engine's own.
    return len(os.listdir(f"/proc/{engine.process.pid}/fd"))


def test_an_interface_that_comes_back_as_another_one_is_joined_again(tmp_path: Path, bridge: Bridge) -> None:
    """With the old name and another index, twice; what was open is closed."""
    bridge.plug("c", "eth8", "10.99.3.2", "fd00:99:3::2")
    streams = [
        {"interface": "eth0", "group": group, "key_id": 42, "poll": 3}
        for group in ("224.0.1.1", "ff02::101", "ff0e::1")
    ]
    server = EngineProcess(tmp_path / "server", {**SERVER, "servers": streams}, namespace=bridge.hosts["s"])
    client = EngineProcess(tmp_path / "client", {}, namespace=bridge.hosts["c"])
    client.write(
        {
            "clients": [{"interface": "eth8", "group": stream["group"]} for stream in streams],
            "server": {"enabled": True, "listen": ["eth8"], "stratum": 5},
            "servers": [{"interface": "eth8", "group": "239.77.8.8", "poll": 3}],
        }
    )

    def heard() -> dict[str, float]:
        return {item["group"]: item["last_received"] for item in client.status()["associations"]}

    with running(server, client):
        wait_for(lambda: len(heard()) == 3, "all groups")
        client.synchronised(associations=3)
        wait_for(lambda: not _asking(client), "the end of the volleys")
        files, joined = _open_files(client), list[float]()
        for _unused in range(2):
            ip("-n", bridge.hosts["c"], "link", "del", "eth8")
            wait_for(lambda: "no interface eth8" in str(client.status()["servers"][0]["last_error"]), "the loss")
            assert not client.status()["responders"]
            bridge.plug("c", "eth8", "10.99.3.2", "fd00:99:3::2")
            wait_for(lambda: client.status()["servers"][0]["last_error"] is None, "the interface")
            joined.append(client.status()["engine"]["uptime"])
            wait_for(
                lambda: client.status()["engine"]["uptime"] - max(heard().values()) > joined[-1],
                "new packets of all groups",
            )
        assert len(client.status()["responders"]) == 2
        wait_for(lambda: _open_files(client) == files, "the same number of open files")
        assert len(client.status()["associations"]) == 3


def _asking(engine: EngineProcess) -> bool:
    """Whether an exchange is under way or soon will be."""
    return any(item["mode"] != "broadcast client" for item in engine.status()["associations"])
