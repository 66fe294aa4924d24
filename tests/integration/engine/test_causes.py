# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong, made for real between hosts on a switch, and what an operator reads about it in each place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.places import module_result, problem, told_everywhere
from integration.engine.process import Bridge, EngineProcess, ip, running, wait_for

from ansible_collections.timecast.ntp_multicast.plugins.filter.engine_firewall import engine_firewall
from ansible_collections.timecast.ntp_multicast.plugins.filter.synchronisation_report import synchronisation_report

pytestmark = [*needs.root, needs.commands("ip", "nft")]

GROUP = "224.0.1.1"
SERVER = "10.99.1.1"
OPEN: dict[str, Any] = {"authentication": {"enabled": False}}
CLIENT: dict[str, Any] = {"clients": [{"interface": "eth0", "group": GROUP}]}
SENDING: dict[str, Any] = {
    "server": {"enabled": True, "stratum": 2},
    "servers": [{"interface": "eth0", "group": GROUP, "poll": 3}],
}


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(f"tp{os.getpid() % 100000}", ["s", "c", "t", "u"]) as made:
        yield made


def firewall(bridge: Bridge, host: str, hook: str, rule: str) -> None:
    rules = f"table inet f {{ chain f {{ type filter hook {hook} priority 0; {rule}; }}\n}}\n"
    command = ["ip", "netns", "exec", bridge.hosts[host], "nft", "-f", "-"]
    subprocess.run(command, input=rules, text=True, check=True)


def engine(
    path: Path, bridge: Bridge, host: str, document: dict[str, Any], without: str | None = None
) -> EngineProcess:
    return EngineProcess(path / host, document, namespace=bridge.hosts[host], without=without)


class Sender:
    """A server with a clock of its own, whose settings may change while it runs."""

    def __init__(self, path: Path, bridge: Bridge, host: str, address: str, **settings: object) -> None:
        self._path = path / f"sender-{host}.json"
        self.set(**settings)
        script = Path(__file__).with_name("sender.py")
        inside = ["ip", "netns", "exec", bridge.hosts[host]]
        self.process = subprocess.Popen([*inside, sys.executable, str(script), str(self._path), "eth0", address, GROUP])

    def set(self, **settings: object) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(settings))
        fresh.replace(self._path)


@contextmanager
def sending(*senders: Sender) -> Iterator[None]:
    try:
        yield
    finally:
        for sender in senders:
            sender.process.kill()
            sender.process.wait()


def test_nothing_comes_to_the_group(tmp_path: Path, bridge: Bridge) -> None:
    """The client's own firewall keeps the multicasts away."""
    firewall(bridge, "c", "input", f"ip daddr {GROUP} drop")
    server, client = (
        engine(tmp_path, bridge, "s", {**OPEN, **SENDING}),
        engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}),
    )
    with running(server, client):
        told_everywhere(client, "group_silent", f"no packet has come to {GROUP} port 123 on eth0")
        [group] = client.status()["groups"]
        assert (group["packets"], group["last_received"], group["last_error"]) == (0, None, None)
        assert "IGMP" in problem(client, "group_silent")["advice"]


def test_a_group_falls_silent_and_comes_back(tmp_path: Path, bridge: Bridge) -> None:
    server, client = (
        engine(tmp_path, bridge, "s", {**OPEN, **SENDING}),
        engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}),
    )
    with running(server, client):
        client.synchronised()
        firewall(bridge, "c", "input", f"ip daddr {GROUP} drop")
        told_everywhere(client, "group_silent", f"nothing has come to {GROUP} port 123 on eth0", "packets came before")
        subprocess.run(["ip", "netns", "exec", bridge.hosts["c"], "nft", "flush", "ruleset"], check=True)
        wait_for(lambda: "over: nothing has come" in client.log(), "the end of the silence")
        assert not [item for item in client.status()["problems"] if item["code"] == "group_silent"]


def test_a_link_brings_nothing(tmp_path: Path, bridge: Bridge) -> None:
    namespace = bridge.hosts["c"]
    server, client = (
        engine(tmp_path, bridge, "s", {**OPEN, **SENDING}),
        engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}),
    )
    with running(server, client):
        client.synchronised()
        ip("-n", namespace, "link", "set", "eth0", "down")
        told_everywhere(client, "group_silent", f"nothing has come to {GROUP} port 123 on eth0", ": eth0 is down")
        ip("-n", namespace, "link", "set", "eth0", "up")
        wait_for(lambda: "over: nothing has come" in client.log(), "the end of the silence")
        ip("-n", namespace, "link", "add", "br7", "type", "bridge")
        ip("-n", namespace, "link", "set", "br7", "up")
        ip("-n", namespace, "link", "set", "eth0", "master", "br7")
        told = wait_for(lambda: [one for one in client.status()["groups"] if one["link"]], "a word about the bridge")
        assert told[0]["link"] == "eth0 belongs to the bridge br7, which gets what comes in"


def test_an_interface_has_no_ipv6_any_more(tmp_path: Path, bridge: Bridge) -> None:
    """The kernel takes IPv6 away from an interface whose MTU is below 1280."""
    listening = {"clients": [{"interface": "eth0", "group": "ff05::101"}]}
    client = engine(tmp_path, bridge, "c", {**OPEN, **listening})
    namespace = bridge.hosts["c"]
    with running(client):
        ip("-n", namespace, "link", "set", "eth0", "mtu", "1000")
        told_everywhere(client, "no_address", "can't listen to ff05::101 port 123 on eth0: the interface has no IPv6")
        assert "MTU" in problem(client, "no_address")["advice"]
        ip("-n", namespace, "link", "set", "eth0", "mtu", "1500")
        wait_for(lambda: "over: can't listen to ff05::101" in client.log(), "the end of it")
        subprocess.run(
            ["ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1"], check=True
        )
        told_everywhere(client, "group_silent", ": eth0 has no IPv6 address")


def test_a_server_has_no_carrier(tmp_path: Path, bridge: Bridge) -> None:
    server = engine(tmp_path, bridge, "s", {**OPEN, **SENDING})
    with running(server):
        wait_for(lambda: server.status()["servers"][0]["sent"], "a multicast")
        ip("-n", bridge.switch, "link", "set", bridge.port("s", "eth0"), "down")
        told_everywhere(server, "not_sent", f"multicasts to {GROUP} port 123 on eth0 are not sent: eth0 has no carrier")
        before = server.status()["servers"][0]
        ip("-n", bridge.switch, "link", "set", bridge.port("s", "eth0"), "up")
        wait_for(lambda: "over: multicasts to" in server.log(), "the end of it")
        assert server.status()["servers"][0]["sent"] == before["sent"] + 1


def test_a_server_is_heard_and_answers_nobody(tmp_path: Path, bridge: Bridge) -> None:
    firewall(bridge, "s", "input", "udp dport 123 drop")
    server, client = (
        engine(tmp_path, bridge, "s", {**OPEN, **SENDING}),
        engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}),
    )
    with running(server, client):
        told_everywhere(client, "no_answers", f"server {SERVER} is heard on {GROUP}", "requests", "got 0 answers")


def test_there_is_no_route_to_the_server(tmp_path: Path, bridge: Bridge) -> None:
    namespace = bridge.hosts["s"]
    ip("-n", namespace, "addr", "flush", "dev", "eth0", "scope", "global")
    ip("-n", namespace, "addr", "add", "192.168.77.1/24", "dev", "eth0")
    server, client = (
        engine(tmp_path, bridge, "s", {**OPEN, **SENDING}),
        engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}),
    )
    with running(server, client):
        told_everywhere(client, "request_failed", "server 192.168.77.1 port 123 over eth0", "Network is unreachable")
        assert "ip route" in problem(client, "request_failed")["advice"]


def test_the_own_firewall_lets_no_request_out(tmp_path: Path, bridge: Bridge) -> None:
    firewall(bridge, "c", "output", "udp dport 123 drop")
    server, client = (
        engine(tmp_path, bridge, "s", {**OPEN, **SENDING}),
        engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}),
    )
    with running(server, client):
        told_everywhere(client, "request_failed", f"server {SERVER} port 123 over eth0", "Operation not permitted")
        assert "output chain" in problem(client, "request_failed")["advice"]


def test_the_own_firewall_rejects_requests_alone(tmp_path: Path, bridge: Bridge) -> None:
    """Its ICMP message looks as if the server had sent it."""
    firewall(bridge, "c", "output", f"ip daddr {SERVER} udp dport 123 reject")
    server, client = (
        engine(tmp_path, bridge, "s", {**OPEN, **SENDING}),
        engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}),
    )
    with running(server, client):
        told_everywhere(client, "request_failed", f"to server {SERVER} port 123 over eth0", "Operation not permitted")
        wait_for(lambda: client.status()["problems"][0]["count"] > 2, "more requests")
        assert "this host's own firewall" in problem(client, "request_failed")["advice"]
        subprocess.run(["ip", "netns", "exec", bridge.hosts["c"], "nft", "flush", "ruleset"], check=True)
        client.synchronised()
        assert client.log().count("event=problem") == 2 and "no_answers" not in client.log(), client.log()


def test_no_program_answers_at_the_server(tmp_path: Path, bridge: Bridge) -> None:
    sender = {**OPEN, **SENDING, "server": {"enabled": False, "stratum": 2, "port": 1123}}
    server, client = engine(tmp_path, bridge, "s", sender), engine(tmp_path, bridge, "c", {**OPEN, **CLIENT})
    with running(server, client):
        told_everywhere(client, "request_failed", f"server {SERVER} port 123 over eth0", "Connection refused")


def test_the_own_firewall_lets_no_multicast_out(tmp_path: Path, bridge: Bridge) -> None:
    firewall(bridge, "s", "output", f"ip daddr {GROUP} drop")
    server = engine(tmp_path, bridge, "s", {**OPEN, **SENDING})
    with running(server):
        told_everywhere(server, "not_sent", f"multicasts to {GROUP} port 123 on eth0", "Operation not permitted")
        assert server.status()["servers"][0]["last_error"] == "Operation not permitted"


def test_a_server_without_a_time_says_why_it_is_silent(tmp_path: Path, bridge: Bridge) -> None:
    """The discipline kernel is the engine's own word, and it follows nobody; nothing is set without a right to it."""
    upstream = {"enabled": True, "upstream": "chrony", "chrony_command_socket": str(tmp_path / "none")}
    server = engine(tmp_path, bridge, "s", {**OPEN, **SENDING, "server": upstream})
    with running(server):
        # Until it is known that chronyd can't be asked, it has told nothing.
        words = (f"sends nothing to {GROUP} on eth0 and answers nobody", "not synchronised: chronyd ")
        told_everywhere(server, "server_silent", *words)
        wait_for(lambda: server.status()["servers"][0]["last_error"], "a multicast that is left out")
        last = server.status()["servers"][0]["last_error"]
        assert last == "not sent: the clock of this host is not synchronised"
        assert last in server.ask("status").stdout


def test_an_interface_is_missing(tmp_path: Path, bridge: Bridge) -> None:
    client = engine(tmp_path, bridge, "c", {**OPEN, "clients": [{"interface": "eth7", "group": GROUP}]})
    with running(client):
        told_everywhere(client, "interface_missing", "there is no interface eth7")
        assert client.status()["groups"][0]["last_error"] == "there is no interface eth7"
        bridge.plug("c", "eth7", "10.99.7.2", "fd00:99:7::2")
        wait_for(lambda: "over: there is no interface eth7" in client.log(), "the interface")
        assert client.status()["groups"][0]["listening"] is not None


HOLD = """
import socket, sys
if len(sys.argv) > 2:
    other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    other.bind(("::", 123))
holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(sys.argv[1]))
holder.bind(("0.0.0.0", 123))
print("bound", flush=True)
while True:
    data, peer = holder.recvfrom(1024)
    holder.sendto(b"holder", peer)
"""
ASK = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(10)
    asking.sendto(b"\\x23" + bytes(47), ("10.99.1.1", 123))
    print(asking.recv(100) == b"holder")
"""


@contextmanager
def holding(bridge: Bridge, host: str, *arguments: str, shares: bool) -> Iterator[int]:
    """A program that has port 123 of IPv4 (with an argument of IPv6, too), and its number."""
    command = ["ip", "netns", "exec", bridge.hosts[host], sys.executable, "-c", HOLD, str(int(shares)), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "bound\n"
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.mark.parametrize("shares", [False, True])
def test_another_program_has_the_port_of_a_server(tmp_path: Path, bridge: Bridge, shares: bool) -> None:
    """One that shares it, as chronyd does, keeps its clients, at each of the engine's tries."""
    server = engine(tmp_path, bridge, "s", {**OPEN, **SENDING})
    with holding(bridge, "s", shares=shares) as number, running(server):
        told_everywhere(server, "port_taken", "UDP port 123 of IPv4 is taken by python", f"(pid {number})")
        wait_for(lambda: server.status()["engine"]["uptime"] > 20, "two more tries")
        asking = ["ip", "netns", "exec", bridge.hosts["c"], sys.executable, "-c", ASK]
        assert subprocess.run(asking, capture_output=True, text=True, check=True).stdout == "True\n"
        assert [item["family"] for item in server.status()["responders"]] == ["ipv6"]
    with running(server):
        wait_for(lambda: len(server.status()["responders"]) == 2, "the port")


def test_a_server_takes_the_port_when_it_is_free(tmp_path: Path, bridge: Bridge) -> None:
    server = engine(tmp_path, bridge, "s", {**OPEN, **SENDING})
    with running(server):
        assert len(server.status()["responders"]) == 2
    with holding(bridge, "s", shares=True):
        server.start()
        problem(server, "port_taken")
    try:
        wait_for(lambda: "over: can't answer IPv4 on all interfaces port 123" in server.log(), "the port")
        assert len(server.status()["responders"]) == 2
    finally:
        server.stop()


def test_a_program_that_keeps_the_port_for_itself_keeps_a_client_away(tmp_path: Path, bridge: Bridge) -> None:
    """Unless the client may have raw sockets."""
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}, without="net_raw")
    with holding(bridge, "c", shares=False) as number, running(client):
        told_everywhere(client, "port_taken", f"can't listen to {GROUP} port 123 on eth0", f"(pid {number})")
        advice = problem(client, "port_taken")["advice"]
        assert "ntp_multicast_engine_raw_sockets: true (CAP_NET_RAW)" in advice


def test_a_raw_socket_needs_its_right(tmp_path: Path, bridge: Bridge) -> None:
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT, "raw_sockets": True}, without="net_raw")
    with running(client):
        told_everywhere(client, "socket", "only root, or who has CAP_NET_RAW, may have a raw socket")


@pytest.mark.parametrize("raw_sockets", [False, True])
def test_a_client_beside_a_program_that_keeps_the_port_for_itself(
    tmp_path: Path, bridge: Bridge, raw_sockets: bool
) -> None:
    """With raw sockets from the start that program can also come later."""
    groups = [{"interface": "eth0", "group": group} for group in (GROUP, "ff02::101")]
    sending = {**SENDING, "servers": [{**group, "poll": 3} for group in groups]}
    server = engine(tmp_path, bridge, "s", {**OPEN, **sending})
    client = engine(tmp_path, bridge, "c", {**OPEN, "clients": groups, "raw_sockets": raw_sockets})
    with ExitStack() as stack:
        stack.enter_context(running(server))
        if raw_sockets:
            stack.enter_context(running(client))
        stack.enter_context(holding(bridge, "c", "IPv6", shares=False))
        if not raw_sockets:
            stack.enter_context(running(client))
        status = client.synchronised(associations=2)
        assert {item["timestamps"] for item in status["associations"]} == {"kernel"}, status
        assert not status["problems"], status


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"md5": [1, "another secret"]}, "bad_mac", ("with key 1", "MAC of 16 octets")),
        ({"md5": [7, "lab-md5-secret"]}, "unknown_key", ("with key 7", "has no key 7")),
        ({"md5": [5, "fifth"]}, "untrusted_key", ("with key 5", "not trusted")),
        ({}, "unauthenticated", ("no MAC",)),
        ({"mac": [1, "00" * 20]}, "bad_mac", ("with key 1", "MAC of 20 octets")),
        ({"mac": [1, "00" * 32]}, "extension", ("84 octets in all",)),
    ],
)
def test_packets_do_not_prove_themselves(
    tmp_path: Path, bridge: Bridge, settings: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    client = engine(tmp_path, bridge, "c", CLIENT)
    keys = client.directory / "keys"
    keys.write_text(keys.read_text() + "5 md5 ascii:fifth\n")
    sender = Sender(tmp_path, bridge, "s", SERVER, **settings)
    with sending(sender), running(client):
        told_everywhere(client, code, f"from {SERVER} to {GROUP} port 123 on eth0", *words)
        first = problem(client, code)["count"]
        wait_for(lambda: problem(client, code)["count"] > first, "more packets")
        assert client.log().count(f"event=problem code={code} ") == 1
        [group] = client.status()["groups"]
        assert group["packets"] and not group["accepted"]


def test_a_client_signs_with_a_key_that_the_server_does_not_have(tmp_path: Path, bridge: Bridge) -> None:
    streams = [{**SENDING["servers"][0], "key_id": 1}]
    server = engine(tmp_path, bridge, "s", {**SENDING, "servers": streams})
    client = engine(tmp_path, bridge, "c", CLIENT)
    with running(server, client):
        client.synchronised()
    (server.directory / "keys").write_text("1 md5 ascii:another\n")
    server.write(
        {
            **SENDING,
            "servers": streams,
            "authentication": {"enabled": True, "keys_file": str(server.directory / "keys"), "trusted_keys": [1]},
        }
    )
    with running(server, client):
        told_everywhere(client, "bad_mac", f"from {SERVER}", "with key 1")


def test_two_servers_disagree_and_a_third_one_decides(tmp_path: Path, bridge: Bridge) -> None:
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT})
    right, wrong = Sender(tmp_path, bridge, "s", SERVER), Sender(tmp_path, bridge, "t", "10.99.1.3", offset=5.0)
    with sending(right, wrong), running(client):
        told_everywhere(client, "servers_disagree", SERVER, "10.99.1.3", "disagree by 5 s", "none is followed")
        third = Sender(tmp_path, bridge, "u", "10.99.1.4")
        with sending(third):
            told_everywhere(client, "falseticker", "server 10.99.1.3 is 5 s off from", SERVER, "10.99.1.4")
            assert client.status()["system"]["synchronised"]


@pytest.mark.parametrize(
    ("told", "code"), [({"leap": 3}, "unsynchronised"), ({"stratum": 16}, "stratum"), ({"stratum": 0}, "stratum")]
)
def test_a_server_that_has_no_time_any_more_is_left_at_once(
    tmp_path: Path, bridge: Bridge, told: dict[str, int], code: str
) -> None:
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT})
    sender = Sender(tmp_path, bridge, "s", SERVER)
    with sending(sender), running(client):
        client.synchronised()
        sender.set(stratum=4)
        wait_for(lambda: client.status()["system"]["stratum"] == 5, "the new stratum")
        sender.set(**told)
        told_everywhere(client, code, f"server {SERVER} is not followed")
        status = client.status()
        assert not status["system"]["synchronised"] and status["associations"][0]["reach"]
        sender.set()
        client.synchronised()


def test_a_clock_that_is_wrong_and_left_alone(tmp_path: Path, bridge: Bridge) -> None:
    """Measured well, but verify must not be green."""
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT})
    sender = Sender(tmp_path, bridge, "s", SERVER, offset=3600.0)
    with sending(sender), running(client):
        client.synchronised()
        found = problem(client, "clock_off")
        assert f"3600 s behind {SERVER}" in found["sentence"] and "monitor" in found["sentence"]
        result = module_result(client)
        assert not result["clock"]["in_order"] and result["clock"]["discipline_state"] == "measures"
        report = synchronisation_report({"host": result})
        assert report["unsynchronised"] == ["host"] and any("monitor" in line for line in report["lines"])
        assert synchronisation_report({"host": result}, maximum_offset=4000)["unsynchronised"] == []


def test_chronyd_is_not_there_to_take_the_measurements(tmp_path: Path, bridge: Bridge) -> None:
    discipline = {"mode": "chrony", "chrony_socket": str(tmp_path / "nobody")}
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT, "discipline": discipline})
    sender = Sender(tmp_path, bridge, "s", SERVER)
    with sending(sender), running(client):
        told_everywhere(client, "discipline", "the discipline chrony does not work", "No such file")
        assert client.status()["system"]["discipline_state"] == "fails"


def test_this_host_stood_still(tmp_path: Path, bridge: Bridge) -> None:
    """What waited meanwhile has no time of arrival, so no server is blamed."""
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT})
    sender = Sender(tmp_path, bridge, "s", SERVER)
    with sending(sender), running(client):
        client.synchronised()
        assert client.process is not None
        client.send(signal.SIGSTOP)
        try:
            subprocess.run(["sleep", "12"], check=True)
        finally:
            client.send(signal.SIGCONT)
        told_everywhere(client, "stood_still", "this host stood still for 1")
        assert client.synchronised()["engine"]["pid"] == client.process.pid
        assert "calibrating" not in client.log() and "offset_jump" not in str(client.status()["counters"])


def test_a_start_says_why_it_is_not_synchronised(tmp_path: Path, bridge: Bridge) -> None:
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT})
    with running(client):
        sentence = f"not synchronised: waiting for the first packet to {GROUP} port 123 on eth0"
        wait_for(lambda: f"{sentence} event=unsynchronised" in client.log(), "the event of the start")


def test_an_interface_that_was_elsewhere_is_joined_again(tmp_path: Path, bridge: Bridge) -> None:
    """It keeps its number, but the kernel has forgotten the membership without a word."""
    server = engine(tmp_path, bridge, "s", {**OPEN, **SENDING})
    client = engine(tmp_path, bridge, "c", {**OPEN, **CLIENT})
    here, elsewhere = bridge.hosts["c"], bridge.hosts["t"]
    with running(server, client):
        client.synchronised()
        ip("-n", here, "link", "set", "eth0", "netns", elsewhere, "name", "guest")
        ip("-n", elsewhere, "link", "set", "guest", "netns", here, "name", "eth0")
        ip("-n", here, "addr", "add", "10.99.1.2/24", "dev", "eth0")
        ip("-n", here, "link", "set", "eth0", "up")
        back = client.status()["engine"]["uptime"]

        def heard() -> bool:
            status = client.status()
            return any(status["engine"]["uptime"] - (item["last_received"] or 1e9) > back for item in status["groups"])

        wait_for(heard, "packets after the return")


def test_a_forgotten_membership_is_joined_again(tmp_path: Path, bridge: Bridge) -> None:
    """The kernel takes the memberships of an interface whose MTU is too small for IP, and gives none back."""
    namespace = bridge.hosts["c"]
    groups = ("239.1.2.3", "ff0e::1234")
    client = engine(tmp_path, bridge, "c", {**OPEN, "clients": [{"interface": "lo", "group": it} for it in groups]})

    def joined(table: str, text: str) -> bool:
        command = ["ip", "netns", "exec", namespace, "cat", f"/proc/net/{table}"]
        return text in subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def both() -> bool:
        return joined("igmp", "030201EF") and joined("igmp6", "ff0e0000000000000000000000001234")

    with running(client):
        wait_for(both, "both memberships")
        ip("-n", namespace, "link", "set", "lo", "mtu", "60")
        assert not joined("igmp", "030201EF")
        ip("-n", namespace, "link", "set", "lo", "mtu", "65536")
        ip("-n", namespace, "addr", "add", "127.0.0.1/8", "dev", "lo")
        wait_for(both, "both memberships again")


def test_addresses_that_go_and_addresses_with_labels(tmp_path: Path, bridge: Bridge) -> None:
    namespace = bridge.hosts["s"]
    for address in ("10.99.1.7/24", "192.168.77.1/24"):
        ip("-n", namespace, "addr", "add", address, "dev", "eth0")
    subprocess.run(
        ["ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1"], check=True
    )
    server, client = (
        engine(tmp_path, bridge, "s", {**OPEN, **SENDING}),
        engine(tmp_path, bridge, "c", {**OPEN, **CLIENT}),
    )

    def heard(address: str) -> bool:
        return any(item["source"] == address and item["reach"] for item in client.status()["associations"])

    with running(server, client):
        wait_for(lambda: heard(SERVER), "the first address")
        ip("-n", namespace, "addr", "del", "10.99.1.1/24", "dev", "eth0")
        wait_for(lambda: heard("10.99.1.7"), "the next one of its network")
        assert not heard("192.168.77.1")
        ip("-n", namespace, "addr", "flush", "dev", "eth0", "scope", "global")
        ip("-n", namespace, "addr", "add", "10.99.1.9/24", "dev", "eth0", "label", "eth0:1")
        wait_for(lambda: heard("10.99.1.9"), "the address with a label")


def test_an_alternative_name_is_a_name_of_the_interface(tmp_path: Path, bridge: Bridge) -> None:
    for host in ("s", "c"):
        ip("-n", bridge.hosts[host], "link", "property", "add", "dev", "eth0", "altname", "uplink")
    streams = [{"interface": "uplink", "group": group, "poll": 3} for group in (GROUP, "ff02::101")]
    listening = [{"interface": "uplink", "group": stream["group"]} for stream in streams]
    sender = {**OPEN, "server": {"enabled": True, "stratum": 2, "listen": ["uplink"]}, "servers": streams}
    server, client = (
        engine(tmp_path, bridge, "s", sender),
        engine(tmp_path, bridge, "c", {**OPEN, "clients": listening}),
    )
    with running(server, client):
        status = client.synchronised(associations=2)
        assert ":" in status["system"]["reference_id"] or status["system"]["reference_id"] == SERVER


def test_a_server_of_ipv6_is_shown_by_its_address(tmp_path: Path, bridge: Bridge) -> None:
    """A packet has room for a hash of it only."""
    stream = {"interface": "eth0", "group": "ff0e::101", "poll": 3}
    server = engine(tmp_path, bridge, "s", {**OPEN, **SENDING, "servers": [stream]})
    client = engine(tmp_path, bridge, "c", {**OPEN, "clients": [{"interface": "eth0", "group": "ff0e::101"}]})
    with running(server, client):
        assert client.synchronised()["system"]["reference_id"] == "fd00:99:1::1"
        assert "synchronised to fd00:99:1::1" in client.log()
        assert module_result(client)["ntp"]["reference_id"] == "fd00:99:1::1"


def test_the_rules_that_the_role_makes_let_in_what_is_needed(tmp_path: Path, bridge: Bridge) -> None:
    """A switch that snoops and asks ten times as often; who doesn't answer is forgotten after 12 s."""
    ip("-n", bridge.switch, "addr", "add", "10.99.1.254/24", "dev", "br0")
    snooping = ["mcast_snooping", "1", "mcast_querier", "1", "mcast_query_use_ifaddr", "1"]
    times = {"query": 500, "query_response": 200, "membership": 1200, "querier": 1200, "startup_query": 200}
    options = [word for name, value in times.items() for word in (f"mcast_{name}_interval", str(value))]
    ip("-n", bridge.switch, "link", "set", "br0", "type", "bridge", *snooping, *options)
    clients = [CLIENT["clients"][0], {"interface": "eth0", "group": "ff0e::101"}]
    rules = engine_firewall(json.dumps({"clients": clients}), "nftables")
    discovery = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
    firewall(bridge, "c", "input", "; ".join(["policy drop", "iifname lo accept", discovery, *rules]))
    streams = [{"interface": "eth0", "group": it["group"], "poll": 3} for it in clients]
    server = engine(tmp_path, bridge, "s", {**OPEN, **SENDING, "servers": streams})
    client = engine(tmp_path, bridge, "c", {**OPEN, "clients": clients})
    with running(server, client):
        client.synchronised(associations=2)
        wait_for(lambda: client.status()["engine"]["uptime"] > 60, "five memberships' time")
        status = client.status()
        assert all(item["reach"] & 3 == 3 for item in status["associations"]), status["associations"]
        assert not status["problems"]
