# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`listen` beside all who send: ntpd, chronyd, engines with the right and a wrong key, and one who has no business."""

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
from interop.peers import CHRONY, CLASSIC, Peer, ntpd_keys

pytestmark = [*needs.root, needs.commands("setpriv")]

GROUP = "239.77.0.4"
HERE = "l"
NTPD = f"""
disable kernel monitor
tos orphanwait 1
server 127.127.1.0 minpoll 3 maxpoll 3
fudge 127.127.1.0 stratum 3
broadcast {GROUP} key 4 ttl 1 version 4 minpoll 3 maxpoll 3
"""
CHRONYD = f"""
local stratum 6
allow
cmdport 0
pidfile /tmp/chronyd.pid
broadcast 8 {GROUP}
"""
ROGUE = Path(__file__).parents[1] / "integration" / "engine" / "sender.py"


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(f"tl{os.getpid() % 100000}", ["n", "k", "e", "w", "r", HERE]) as made:
        for namespace in made.hosts.values():
            ip("-n", namespace, "route", "add", "default", "dev", "eth0")
        yield made


def server(path: Path, bridge: Bridge, host: str, keys: str) -> EngineProcess:
    stream = {"interface": "eth0", "group": GROUP, "key_id": 42, "poll": 3, "ttl": 7}
    document = {"server": {"enabled": True, "stratum": 2}, "servers": [stream]}
    made = EngineProcess(path / host, {}, keys=keys, namespace=bridge.hosts[host])
    trusted = {"enabled": True, "keys_file": str(path / host / "keys"), "trusted_keys": [42]}
    made.write({**document, "authentication": trusted})
    return made


def heard(path: Path, bridge: Bridge, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `listen` says on the host that is no sender; no engine runs there."""
    keys = path / "keys"
    keys.touch(mode=0o600)
    keys.write_text("4 aes-128-cmac hex:2b7e151628aed2a6abf7158809cf4f3c\n42 hmac-sha256 ascii:a-shared-secret\n")
    configuration = path / "engine.json"
    configuration.write_text(
        json.dumps(
            {
                "version": 1,
                "status_socket": str(path / "none"),
                "authentication": {"enabled": True, "keys_file": str(keys), "trusted_keys": [4, 42]},
                "clients": [{"interface": "eth0", "group": GROUP}],
            }
        )
    )
    command = [sys.executable, "-m", "ntp_multicast_engine", "listen", "--config", str(configuration), *arguments]
    inside = ["ip", "netns", "exec", bridge.hosts[HERE], *command]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(inside, env=environment, capture_output=True, text=True, check=True)


def test_all_who_send_are_told_apart(tmp_path: Path, bridge: Bridge) -> None:
    settings = tmp_path / "rogue.json"
    settings.write_text(json.dumps({"offset": 3600.0, "stratum": 1, "leap": 1}))
    peers = [
        Peer(CLASSIC, tmp_path / "ntpd", bridge.hosts["n"], NTPD + ntpd_keys(CLASSIC)),
        Peer(CHRONY, tmp_path / "chronyd", bridge.hosts["k"], CHRONYD),
    ]
    right = server(tmp_path, bridge, "e", "42 hmac-sha256 ascii:a-shared-secret\n")
    wrong = server(tmp_path, bridge, "w", "42 hmac-sha256 ascii:another-secret\n")
    rogue = [sys.executable, str(ROGUE), str(settings), "eth0", "10.99.1.5", GROUP]
    with running(right, wrong), ExitStack() as stack:
        for peer in peers:
            stack.enter_context(peer)
        process = stack.enter_context(subprocess.Popen(["ip", "netns", "exec", bridge.hosts["r"], *rogue]))
        stack.callback(process.kill)

        def all_rows() -> dict[str, dict[str, Any]] | None:
            found = json.loads(heard(tmp_path, bridge, "--seconds", "18", "--json").stdout)
            rows = {sender["source"]: sender for sender in found["senders"]}
            return rows if len(rows) == 5 and len(found["senders"]) == 5 else None

        rows = wait_for(all_rows, "five senders")
        table = heard(tmp_path, bridge, "--seconds", "18").stdout

    def row(number: int) -> tuple[Any, ...]:
        sender = rows[f"10.99.1.{number}"]
        names = ("version", "stratum", "leap", "key_id", "authentication", "ttl", "interval", "interleaved")
        return tuple(sender[name] for name in names)

    assert row(1)[:5] == (4, 4, "none", 4, "valid") and row(1)[6:] == (8, False)
    assert row(2) == (4, 6, "none", None, "none", 1, 8, False)
    assert row(3) == (4, 2, "none", 42, "valid", 7, 8, True)
    assert row(4) == (4, 2, "none", 42, "bad_mac", 7, 8, True)
    assert row(5) == (4, 1, "insert", None, "none", 16, 8, False)
    assert abs(rows["10.99.1.5"]["offset"] - 3600) < 1
    assert all(abs(rows[f"10.99.1.{number}"]["offset"]) < 1 for number in range(1, 5))
    assert all(sender["packets"] >= 2 for sender in rows.values())
    lines = table.splitlines()
    assert lines[0].split()[:3] == ["Source", "Group", "Interface"]
    for number, word in ((1, "valid"), (2, "none"), (3, "valid"), (4, "bad mac"), (5, "+3600.0 s")):
        [line] = [line for line in lines if line.startswith(f"10.99.1.{number} ")]
        assert word in line, line
