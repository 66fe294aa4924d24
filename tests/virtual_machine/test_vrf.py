# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that belong to a VRF: two hosts in network namespaces of a guest, whose kernel knows of VRFs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from virtual_machine.guest import INSIDE, Guest, tools_missing

PATIENCE = 180
GROUPS = ("224.0.1.1", "ff02::101", "ff0e::101")
NETWORK = """
for host in s c; do ip netns delete $host 2>/dev/null; ip netns add $host; ip -n $host link set lo up; done
ip -n s link add eth0 type veth peer name eth0 netns c
number=1
for host in s c; do
  case " $* " in *" $host "*)
    ip -n $host link add blue type vrf table 10
    ip -n $host link set blue up
    ip -n $host link set eth0 master blue ;;
  esac
  ip -n $host link set eth0 up
  ip -n $host address add 10.9.0.$number/24 dev eth0
  ip -n $host address add fd09::$number/64 dev eth0 nodad
  number=$((number + 1))
done
"""
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(tools_missing() is not None, reason=f"the virtual machine {tools_missing()}"),
]


@pytest.fixture(scope="module")
def guest(plain_guest: Guest) -> Guest:
    plain_guest.run("modprobe", "vrf")
    return plain_guest


class Host:
    """An engine in a namespace of the guest."""

    def __init__(self, guest: Guest, name: str, document: dict[str, Any]) -> None:
        self._guest, self.name = guest, name
        self._path = f"/opt/{name}/engine.json"
        common = {"version": 1, "status_socket": f"/opt/{name}/s.sock", "state_directory": f"/opt/{name}/state"}
        guest.write(self._path, json.dumps({**common, **document}))

    def __enter__(self) -> Host:
        inside = ("ip", "netns", "exec", self.name, "python3", "-m", "ntp_multicast_engine", "run")
        self._guest.start(f"host-{self.name}", *inside, "--config", self._path, kind="notify")
        return self

    def __exit__(self, *_unused: object) -> None:
        self._guest.stop(f"host-{self.name}")

    def status(self) -> dict[str, Any]:
        command = ("python3", "-m", "ntp_multicast_engine", "status", "--json", "--config", self._path)
        found: dict[str, Any] = json.loads(self._guest.run("env", f"PYTHONPATH={INSIDE}", *command))
        return found


@pytest.mark.parametrize("inside", [["c"], ["s"], ["s", "c"]])
def test_a_host_with_an_interface_in_a_vrf(guest: Guest, inside: list[str]) -> None:
    guest.run("sh", "-c", NETWORK, "sh", *inside)
    streams = [{"interface": "eth0", "group": group, "poll": 3} for group in GROUPS]
    server = {"server": {"enabled": True, "stratum": 2}, "servers": streams}
    client = {"clients": [{"interface": "eth0", "group": group} for group in GROUPS]}
    with Host(guest, "s", server) as sending, Host(guest, "c", client) as listening:
        deadline = time.monotonic() + PATIENCE
        found: dict[str, Any] = {}
        while time.monotonic() < deadline:
            found = listening.status()
            if sum(item["mode"] == "broadcast client" for item in found["associations"]) == len(GROUPS):
                break
            time.sleep(2)
        told = json.dumps([found, sending.status()["problems"]], indent=1)
        assert {item["group"] for item in found["associations"] if item["mode"] == "broadcast client"} == set(GROUPS), (
            told
        )
        assert found["system"]["synchronised"] and not found["problems"], told
        assert all(item["last_error"] is None and item["sent"] for item in sending.status()["servers"])
