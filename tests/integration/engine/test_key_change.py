# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret that changes under the same key id, host by host, while a client follows two servers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import needs
import pytest
from integration.engine.places import told_everywhere
from integration.engine.process import KEYS, Bridge, EngineProcess, running, wait_for

pytestmark = [*needs.root, needs.commands("ip")]

GROUP = "224.0.1.1"
FIRST, SECOND = "10.99.1.1", "10.99.1.2"
NEW_KEYS = KEYS.replace("ascii:a-shared-secret", "ascii:the-next-secret")
SERVER: dict[str, Any] = {
    "server": {"enabled": True, "stratum": 2},
    "servers": [{"interface": "eth0", "group": GROUP, "poll": 3, "key_id": 42}],
}
CLIENT: dict[str, Any] = {"clients": [{"interface": "eth0", "group": GROUP}]}


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(f"tk{os.getpid() % 100000}", ["s", "t", "c"]) as made:
        yield made


def reload(engine: EngineProcess, keys: str) -> None:
    """A key file that takes the place of the old one, and a reload."""
    path = engine.directory / "keys"
    fresh = engine.directory / "keys.new"
    fresh.touch(mode=0o600)
    fresh.write_text(keys)
    fresh.replace(path)
    reloads = engine.log().count("event=reloaded")
    engine.send(signal.SIGHUP)
    wait_for(lambda: engine.log().count("event=reloaded") > reloads, "the reload")


def restart(engine: EngineProcess, keys: str) -> None:
    """As the role does it."""
    assert engine.stop() == 0
    (engine.directory / "keys").write_text(keys)
    engine.start()


def hears(client: EngineProcess, source: str) -> bool:
    """Whether a multicast of the server was accepted since one of it was refused: they come every 8 s."""
    ages = [item["last_received"] for item in client.status()["associations"] if item["source"] == source]
    return any(age is not None and age < 7 for age in ages)


def test_a_client_of_two_servers_follows_whoever_has_its_secret(tmp_path: Path, bridge: Bridge) -> None:
    first = EngineProcess(tmp_path / "first", SERVER, namespace=bridge.hosts["s"])
    second = EngineProcess(tmp_path / "second", SERVER, namespace=bridge.hosts["t"])
    client = EngineProcess(tmp_path / "client", CLIENT, namespace=bridge.hosts["c"])
    with running(first, second, client):
        client.synchronised(associations=2)
        reload(first, NEW_KEYS)
        told_everywhere(client, "bad_mac", f"from {FIRST} to {GROUP} port 123 on eth0", "with key 42")
        assert client.status()["system"]["synchronised"]
        lost = client.log().count("event=unsynchronised")
        reload(client, NEW_KEYS)
        wait_for(lambda: hears(client, FIRST), f"packets of {FIRST}, signed with the new secret")
        wait_for(lambda: f"from {SECOND} to" in client.log(), f"a refusal of {SECOND}, which has the old secret")
        # What the old secret has refused is no problem any more.
        told_everywhere(client, "bad_mac", f"from {SECOND} to {GROUP} port 123 on eth0", "with key 42")
        restart(second, NEW_KEYS)
        wait_for(lambda: hears(client, SECOND), f"packets of {SECOND}, signed with the new secret")
        client.synchronised(associations=2)
        assert client.log().count("event=unsynchronised") == lost
        for engine in (first, second, client):
            assert "a-shared-secret" not in engine.log() and "the-next-secret" not in engine.log()
