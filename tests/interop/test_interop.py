# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine against living daemons of others, in both directions, over both families, with every algorithm they have.

All hosts share this machine's clock, so the true offset is 0 and what a peer measures is only the error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.process import PACKAGE, Bridge, EngineProcess, ip, running, wait_for
from interop.peers import CHRONY, CLASSIC, ENGINE_KEYS, NTPSEC, STATISTICS, Peer, Program, ntpd_keys

pytestmark = [*needs.root, needs.commands("setpriv")]

ALL_KEYS = [1, 2, 3, 4, 5, 9, 12]
LIMIT = 0.01
"""Seconds; wrong protocol shows as much more, a loaded machine as less."""


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    hosts = ["s", *(f"c{number}" for number in range(1, 7))]
    with Bridge(f"ti{os.getpid() % 100000}", hosts) as made:
        for namespace in made.hosts.values():
            # ntpd joins a group where the route to it leads.
            ip("-n", namespace, "route", "add", "default", "dev", "eth0")
            ip("-n", namespace, "-6", "route", "add", "default", "dev", "eth0")
        yield made


def engine(directory: Path, namespace: str, document: dict[str, Any], *, authentication: bool = True) -> EngineProcess:
    made = EngineProcess(directory, {}, keys=ENGINE_KEYS, namespace=namespace)
    keys = {"enabled": authentication, "keys_file": str(directory / "keys"), "trusted_keys": ALL_KEYS}
    made.write({"authentication": keys, **document})
    return made


def groups(key_id: int, *, interleaved: bool) -> tuple[str, str]:
    number = key_id + (100 if interleaved else 0)
    return f"239.77.0.{number}", f"ff05::{number}"


def good(peer: Peer, address: str) -> bool:
    """Whether an ntpd follows `address` by authentic packets and measures hardly any offset."""
    lines = [line for line in peer.statistics() if line.address == address and line.authentic]
    return len(lines) >= 3 and abs(lines[-1].offset) < LIMIT


def test_classic_ntpd_follows_our_multicasts(tmp_path: Path, bridge: Bridge) -> None:
    """A client for each algorithm, since ntpd has one association for each server; the last one without xleave."""
    key_ids = [*CLASSIC.key_ids, CLASSIC.key_ids[3]]
    streams, peers = [], {}
    for number, key_id in enumerate(key_ids, start=1):
        interleaved = number < len(key_ids)
        more = {"interface": "eth0", "key_id": key_id, "poll": 3, "interleaved": interleaved}
        streams += [{**more, "group": group} for group in groups(key_id, interleaved=interleaved)]
        listen = "".join(f"multicastclient {group}\n" for group in groups(key_id, interleaved=interleaved))
        text = "disable kernel monitor\nrestrict default\n" + ntpd_keys(CLASSIC) + STATISTICS + listen
        peers[number] = Peer(CLASSIC, tmp_path / f"classic{number}", bridge.hosts[f"c{number}"], text)
    server = engine(
        tmp_path / "server",
        bridge.hosts["s"],
        {"server": {"enabled": True, "listen": ["eth0"], "stratum": 3}, "servers": streams},
    )
    with running(server), ExitStack() as stack:
        for peer in peers.values():
            stack.enter_context(peer)
        for number, peer in peers.items():
            for address in ("10.99.1.1", "fd00:99:1::1"):
                wait_for_peer(peer, address, f"key {key_ids[number - 1]}")
        assert server.status()["counters"]["dropped"] == {}


def wait_for_peer(peer: Peer, address: str, what: str) -> None:
    try:
        wait_for(lambda: good(peer, address), f"{peer.program.name} to follow {address} with {what}")
    except AssertionError as error:
        lines = "\n".join(str(line) for line in peer.statistics())
        raise AssertionError(f"{error}\n{lines}\n{peer.log()}") from None


def test_we_follow_classic_ntpd(tmp_path: Path, bridge: Bridge) -> None:
    text = "disable kernel monitor\ntos orphanwait 1\nserver 127.127.1.0 minpoll 3 maxpoll 3\n"
    text += "fudge 127.127.1.0 stratum 3\nrestrict default\n" + ntpd_keys(CLASSIC)
    wanted: dict[str, tuple[int, bool]] = {}
    for key_id in CLASSIC.key_ids:
        for interleaved in (False, True):
            for group in groups(key_id, interleaved=interleaved):
                wanted[group] = (key_id, interleaved)
                text += f"broadcast {group} key {key_id} ttl 3 minpoll 3 maxpoll 3{' xleave' if interleaved else ''}\n"
    clients = [{"interface": "eth0", "group": group} for group in wanted]
    client = engine(tmp_path / "client", bridge.hosts["c1"], {"clients": clients})
    with Peer(CLASSIC, tmp_path / "classic", bridge.hosts["s"], text), running(client):
        client.synchronised(associations=len(wanted))
        interleaving = sum(interleaved for _unused, interleaved in wanted.values())
        wait_for(
            lambda: sum(item["interleaved"] for item in client.status()["associations"]) == interleaving,
            f"{interleaving} interleaved streams",
        )
        status = client.status()
    for item in status["associations"]:
        key_id, interleaved = wanted[item["group"]]
        assert (item["key_id"], item["authenticated"], item["interleaved"]) == (key_id, True, interleaved), item
        assert item["stratum"] in (3, 4), item
        assert abs(item["offset"]) < LIMIT, item
    assert status["counters"]["dropped"] == {}


def test_we_follow_an_ntpd_that_limits_requests(tmp_path: Path, bridge: Bridge) -> None:
    """As Debian configures it: at most one request in two seconds, and a kiss of death for whoever asks more often."""
    text = "disable kernel\ntos orphanwait 1\nserver 127.127.1.0 minpoll 3 maxpoll 3\n"
    text += "fudge 127.127.1.0 stratum 3\nrestrict default kod limited notrap nomodify nopeer noquery\n"
    text += ntpd_keys(CLASSIC)
    (group, *_unused) = groups(4, interleaved=False)
    text += f"broadcast {group} key 4 ttl 3 minpoll 3 maxpoll 3\n"
    client = engine(tmp_path / "client", bridge.hosts["c1"], {"clients": [{"interface": "eth0", "group": group}]})
    with Peer(CLASSIC, tmp_path / "classic", bridge.hosts["s"], text), running(client):
        client.synchronised()
        wait_for(lambda: client.status()["counters"]["dropped"], "the measurement after the first warm-up")
        sent = client.status()["counters"]["sent"]
        status = client.synchronised()
    (association,) = status["associations"]
    assert abs(association["offset"]) < LIMIT and sent == 6, association
    assert status["counters"]["dropped"] == {"kiss_of_death": 1}, "warm-ups end with the first complaint"


def test_we_follow_chrony(tmp_path: Path, bridge: Bridge) -> None:
    """chrony's multicasts can't be authenticated."""
    wanted = {"224.0.1.1": 123, "239.77.9.9": 10123, "ff05::101": 123}
    text = "local stratum 3\nallow\npidfile /run/c.pid\ncmdport 0\nbindcmdaddress /\n"
    text += "".join(f"broadcast 8 {group} {port}\n" for group, port in wanted.items())
    clients = [{"interface": "eth0", "group": group, "port": port} for group, port in wanted.items()]
    client = engine(tmp_path / "client", bridge.hosts["c1"], {"clients": clients}, authentication=False)
    with Peer(CHRONY, tmp_path / "chrony", bridge.hosts["s"], text), running(client):
        status = client.synchronised(associations=len(wanted))
    assert {item["group"] for item in status["associations"]} == set(wanted)
    for item in status["associations"]:
        assert item["stratum"] == 3 and not item["authenticated"] and abs(item["offset"]) < LIMIT, item
        assert item["interleaved_answers"], "chrony remembers when its answers left (RFC 9769)"
    assert status["counters"]["dropped"] == {}


def responder(directory: Path, bridge: Bridge, key_ids: tuple[int, ...]) -> tuple[EngineProcess, dict[str, int]]:
    """Our responder, and an address of it for each key and family: a peer has one key for each address."""
    addresses: dict[str, int] = {}
    for key_id in key_ids:
        for address, length in ((f"10.99.1.{100 + key_id}", 24), (f"fd00:99:1::{100 + key_id}", 64)):
            more = ["nodad"] if length == 64 else []
            ip("-n", bridge.hosts["s"], "addr", "add", f"{address}/{length}", "dev", "eth0", *more)
            addresses[address] = key_id
    document = {"server": {"enabled": True, "listen": ["eth0"], "stratum": 3}}
    return engine(directory, bridge.hosts["s"], document), addresses


def test_chrony_asks_us(tmp_path: Path, bridge: Bridge) -> None:
    server, addresses = responder(tmp_path / "server", bridge, CHRONY.key_ids)
    text = "keyfile /lab/peer.keys\npidfile /run/c.pid\ncmdport 0\nbindcmdaddress /run/chrony/c.sock\n"
    text += "".join(f"server {address} key {key} iburst minpoll 3 maxpoll 3\n" for address, key in addresses.items())
    with running(server), Peer(CHRONY, tmp_path / "chrony", bridge.hosts["c1"], text) as peer:

        def answered() -> bool:
            return all(authentic_answers(peer, address) for address in addresses)

        wait_for(answered, "an authentic answer to each key over each family")
        dropped = server.status()["counters"]["dropped"]
    assert dropped == {}


def test_chrony_asks_us_in_interleaved_mode(tmp_path: Path, bridge: Bridge) -> None:
    """RFC 9769, over both families, with a key and without; and a client in basic mode beside it."""
    server, addresses = responder(tmp_path / "server", bridge, (4,))
    plain = ("10.99.1.1", "fd00:99:1::1")
    text = "keyfile /lab/peer.keys\npidfile /run/c.pid\ncmdport 0\nbindcmdaddress /run/chrony/c.sock\n"
    text += "".join(f"server {one} key {key} xleave iburst minpoll 0 maxpoll 0\n" for one, key in addresses.items())
    text += f"server {plain[0]} xleave iburst minpoll 0 maxpoll 0\nserver {plain[1]} iburst minpoll 0 maxpoll 0\n"
    with running(server), Peer(CHRONY, tmp_path / "chrony", bridge.hosts["c1"], text) as peer:

        def interleaved() -> list[str]:
            return [one for one in (*addresses, *plain) if ntp_data(peer, one).get("Interleaved") == "Yes"]

        wanted = [*addresses, plain[0]]
        wait_for(lambda: interleaved() == wanted, "answers in interleaved mode to those who ask in it")
        wait_for(lambda: ntp_data(peer, plain[1]).get("Interleaved") == "No", "answers in basic mode to the other one")
        for address in wanted:
            facts = ntp_data(peer, address)
            assert abs(float(facts["Offset"].split()[0])) < LIMIT, facts
        assert server.status()["counters"]["dropped"] == {}


def ntp_data(peer: Peer, address: str) -> dict[str, str]:
    """What chronyd says about the newest answer of a server."""
    text = peer.ask("/usr/bin/chronyc", "-h", "/run/chrony/c.sock", "-n", "ntpdata", address)
    facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in facts.items()}


def authentic_answers(peer: Peer, address: str) -> bool:
    facts = ntp_data(peer, address)
    valid = facts.get("Total valid RX", "0") != "0" and facts.get("Authenticated") == "Yes"
    return valid and abs(float(facts["Offset"].split()[0])) < LIMIT


@pytest.mark.parametrize("first", ["ntpd", "engine"])
@pytest.mark.parametrize("program", [CLASSIC, NTPSEC], ids=["classic", "ntpsec"])
def test_a_client_beside_an_ntpd(tmp_path: Path, bridge: Bridge, program: Program, first: str) -> None:
    """ntpd has port 123 for itself, and ends where somebody else has it."""
    streams = [{"interface": "eth0", "group": group} for group in groups(4, interleaved=True)]
    server = engine(
        tmp_path / "server",
        bridge.hosts["s"],
        {
            "server": {"enabled": True, "listen": ["eth0"], "stratum": 3},
            "servers": [{**stream, "key_id": 4, "poll": 3} for stream in streams],
        },
    )
    client = engine(tmp_path / "client", bridge.hosts["c1"], {"clients": streams, "raw_sockets": first == "engine"})
    text = "disable kernel monitor\nrestrict default\n" + ntpd_keys(program) + STATISTICS
    text += "server 10.99.1.1 key 1 iburst minpoll 3 maxpoll 3\n"
    with ExitStack() as stack:
        stack.enter_context(running(server))
        peer = Peer(program, tmp_path / "peer", bridge.hosts["c1"], text)
        for beside in (running(client), peer) if first == "engine" else (peer, running(client)):
            stack.enter_context(beside)
            if beside is peer:
                wait_for_peer(peer, "10.99.1.1", "key 1")
        status = client.synchronised(associations=2)
        assert not status["problems"] and status["counters"]["dropped"] == {}, status
        wait_for_peer(peer, "10.99.1.1", "key 1")


@pytest.mark.parametrize("program", [CLASSIC, NTPSEC], ids=["classic", "ntpsec"])
def test_ntpd_asks_us(tmp_path: Path, bridge: Bridge, program: Program) -> None:
    server, addresses = responder(tmp_path / "server", bridge, program.key_ids)
    text = "disable kernel monitor\nrestrict default\n" + ntpd_keys(program) + STATISTICS
    text += "".join(f"server {address} key {key} iburst minpoll 3 maxpoll 3\n" for address, key in addresses.items())
    with running(server), Peer(program, tmp_path / "peer", bridge.hosts["c1"], text) as peer:
        for address, key in addresses.items():
            wait_for_peer(peer, address, f"key {key}")
        assert server.status()["counters"]["dropped"] == {}


ASK = """
import json, socket, sys, time
from pathlib import Path
from ntp_multicast_engine.config import key_file
from ntp_multicast_engine.wire.keyring import KeyRing, Verdict
from ntp_multicast_engine.wire.packet import Header, parse
keys, answers = KeyRing(key_file.load(Path(sys.argv[1]))), {}
for address, key_id, version in json.loads(sys.argv[2]):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    header = Header(leap=0, version=version, mode=3, stratum=0, poll=0, precision=0, transmit=0x1234567890ABCDEF)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        sock.connect((address, 123))
        sock.send(keys.sign(header.encode(), key_id, version))
        try:
            packet = parse(sock.recv(1000), keys.long_tag)
            proof = keys.verify(packet) is Verdict.VALID and packet.authenticator.key_id == key_id
            right = packet.header.origin == header.transmit and packet.header.mode == 4
            answers[f"{address} {key_id} {version}"] = "good" if proof and right else "bad"
        except OSError as error:
            answers[f"{address} {key_id} {version}"] = str(error)
print(json.dumps(answers))
"""


@pytest.mark.parametrize("program", [CHRONY, CLASSIC, NTPSEC], ids=["chrony", "classic", "ntpsec"])
def test_they_answer_our_requests(tmp_path: Path, bridge: Bridge, program: Program) -> None:
    """With the engine's own signing and checking; its volley only has the algorithms that multicasts can have."""
    if program is CHRONY:
        text = "local stratum 3\nallow\nkeyfile /lab/peer.keys\npidfile /run/c.pid\ncmdport 0\nbindcmdaddress /\n"
    elif program is NTPSEC:
        text = "tos orphanwait 1\nrefclock local minpoll 3 maxpoll 3 stratum 3\nrestrict default\n"
        text += "disable kernel monitor\n" + ntpd_keys(program)
    else:
        text = "disable kernel monitor\ntos orphanwait 1\nserver 127.127.1.0 minpoll 3 maxpoll 3\n"
        text += "restrict default\n" + ntpd_keys(program)
    (tmp_path / "keys").touch(mode=0o600)
    (tmp_path / "keys").write_text(ENGINE_KEYS)
    wanted = [
        (address, key_id, version)
        for key_id in program.key_ids
        for address in ("10.99.1.1", "fd00:99:1::1")
        # With version 3, programs differ in whether a long tag is cut to 20 octets.
        for version in ((4,) if key_id in (3, 5, 12) else (3, 4))
    ]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
    command = ["ip", "netns", "exec", bridge.hosts["c1"], sys.executable, "-c", ASK, str(tmp_path / "keys")]

    def answers() -> dict[str, str]:
        done = subprocess.run(
            [*command, json.dumps(wanted)], env=environment, capture_output=True, check=False, text=True
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    with Peer(program, tmp_path / "peer", bridge.hosts["s"], text) as peer:
        try:
            wait_for(lambda: set(answers().values()) == {"good"}, "good answers to all")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(answers(), indent=1)}\n{peer.log()}") from None
