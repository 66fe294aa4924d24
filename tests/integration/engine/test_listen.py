# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`listen` without a configuration, beside a running engine, and where there is nothing to hear."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.process import PACKAGE, Bridge, EngineProcess, running

pytestmark = [*needs.root, needs.commands("ip")]
STREAMS = [
    {"interface": "eth0", "group": group, "poll": 3, "key_id": 42} for group in ("224.0.1.1", "ff02::101", "239.1.1.1")
]


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(f"tm{os.getpid() % 100000}", ["s", "c"]) as made:
        yield made


def listen(bridge: Bridge, host: str, *arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """:param without: a right that the command doesn't have, as if an ordinary user ran it."""
    command = ["ip", "netns", "exec", bridge.hosts[host]]
    command += ["setpriv", f"--bounding-set=-{without}", f"--inh-caps=-{without}"] if without else []
    command += [sys.executable, "-m", "ntp_multicast_engine", "listen"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)


def senders(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found = json.loads(done.stdout)["senders"]
    assert isinstance(found, list)
    return found


def test_what_is_named_is_heard_without_a_configuration(tmp_path: Path, bridge: Bridge) -> None:
    server = EngineProcess(
        tmp_path / "s",
        {"server": {"enabled": True, "stratum": 2}, "servers": STREAMS},
        namespace=bridge.hosts["s"],
    )
    nothing = ("--config", str(tmp_path / "none"), "--seconds", "9", "--json")
    with running(server):
        usual = listen(bridge, "c", *nothing, "--interface", "eth0")
        named = listen(bridge, "c", *nothing, "--group", "239.1.1.1")
    assert {item["group"] for item in senders(usual)} == {"224.0.1.1", "ff02::101"}
    assert {item["authentication"] for item in senders(usual)} == {"not checked"}
    [sender] = senders(named)
    assert (sender["source"], sender["group"], sender["key_id"]) == ("10.99.1.1", "239.1.1.1", 42)
    assert "MACs are not checked" in json.loads(named.stdout)["notes"][0]


def test_it_does_not_disturb_an_engine_and_hears_all_of_its_groups(tmp_path: Path, bridge: Bridge) -> None:
    server = EngineProcess(
        tmp_path / "s", {"server": {"enabled": True, "stratum": 2}, "servers": STREAMS}, namespace=bridge.hosts["s"]
    )
    groups = [{"interface": "eth0", "group": stream["group"]} for stream in STREAMS]
    client = EngineProcess(tmp_path / "c", {"clients": groups}, namespace=bridge.hosts["c"])
    with running(server, client):
        client.synchronised(associations=3)
        done = listen(bridge, "c", "--config", str(client.configuration), "--seconds", "9", "--json")
        assert {(item["group"], item["authentication"]) for item in senders(done)} == {
            (stream["group"], "valid") for stream in STREAMS
        }
        assert client.status()["system"]["synchronised"] and client.status()["counters"]["dropped"] == {}


def test_silence_and_wrong_words_are_said(bridge: Bridge, tmp_path: Path) -> None:
    place = ("--config", str(tmp_path / "none"), "--seconds", "0.1")
    done = listen(bridge, "c", *place, "--interface", "eth0", "--group", "239.9.9.9")
    assert done.returncode == 0 and "nothing came to 239.9.9.9 port 123 on eth0 in 0.1 s" in done.stdout
    done = listen(bridge, "c", *place, "--interface", "eth5")
    assert done.returncode == 1 and "there is no interface eth5" in done.stdout
    done = listen(bridge, "c", *place, "--interface", "eth0", "--json", without="net_bind_service")
    assert done.returncode == 1 and json.loads(done.stdout)["senders"] == []
    errors = [item["error"] for item in json.loads(done.stdout)["groups"]]
    assert errors and all("only root, or who has CAP_NET_BIND_SERVICE" in error for error in errors)
    for wrong in (["--group", "10.0.0.1"], ["--group", "ff02::101%eth0"], ["--seconds", "-1"], ["--seconds", "x"]):
        done = listen(bridge, "c", *wrong)
        assert done.returncode == 2 and wrong[1] in done.stderr
    done = listen(bridge, "c", "--config", str(tmp_path / "none"))
    assert done.returncode == 1 and "must be readable" in done.stderr
