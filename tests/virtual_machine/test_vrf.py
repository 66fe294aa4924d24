# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that belong to a VRF: two hosts in network namespaces of a guest, whose kernel knows of VRFs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import needs
import pytest
from virtual_machine.guest import INSIDE, Guest, tools_missing

PATIENCE = 180
GROUPS = ("224.0.1.1", "ff02::101", "ff0e::101")
MAKE_VRF = "ip -n $host link add blue type vrf table 10; ip -n $host link set blue up"
INTO_VRF = f"host=$1; {MAKE_VRF}; ip -n $host link set eth0 master blue"
OUT_OF_VRF = "ip -n $1 link set eth0 nomaster; ip -n $1 link delete blue"
NETWORK = f"""
for host in s c; do ip netns delete $host 2>/dev/null; ip netns add $host; ip -n $host link set lo up; done
ip -n s link add eth0 type veth peer name eth0 netns c
number=1
for host in s c; do
  ip netns exec $host sysctl -qw net.ipv6.conf.eth0.keep_addr_on_down=1 net.ipv6.conf.eth0.accept_dad=0
  case " $* " in *" $host "*) {MAKE_VRF}; ip -n $host link set eth0 master blue ;; esac
  ip -n $host link set eth0 up
  ip -n $host address add 10.9.0.$number/24 dev eth0
  ip -n $host address add fd09::$number/64 dev eth0 nodad
  number=$((number + 1))
done
"""
IP_VRF_EXEC = ("ip", "vrf", "exec", "blue")
WITHOUT_RAW = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
pytestmark = [*needs.root, needs.unless(tools_missing())]


@pytest.fixture(scope="module")
def guest(plain_guest: Guest) -> Guest:
    plain_guest.run("modprobe", "vrf")
    return plain_guest


class Host:
    """An engine in a namespace of the guest. :param start: what starts it there, such as `ip vrf exec blue`."""

    def __init__(self, guest: Guest, name: str, document: dict[str, Any], start: tuple[str, ...] = ()) -> None:
        self._guest, self.name, self._start = guest, name, start
        self._path = f"/opt/{name}/engine.json"
        common = {"version": 1, "status_socket": f"/opt/{name}/s.sock", "state_directory": f"/opt/{name}/state"}
        guest.write(self._path, json.dumps({**common, **document}))

    def __enter__(self) -> Host:
        # `ip netns exec` would hide the cgroups that `ip vrf exec` needs.
        inside = (
            "nsenter",
            f"--net=/run/netns/{self.name}",
            *self._start,
            "python3",
            "-m",
            "ntp_multicast_engine",
            "run",
        )
        self._guest.start(f"host-{self.name}", *inside, "--config", self._path, kind="notify")
        return self

    def __exit__(self, *_unused: object) -> None:
        self._guest.stop(f"host-{self.name}")

    def status(self) -> dict[str, Any]:
        command = ("python3", "-m", "ntp_multicast_engine", "status", "--json", "--config", self._path)
        found: dict[str, Any] = json.loads(self._guest.run("env", f"PYTHONPATH={INSIDE}", *command))
        return found

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first status of which `wanted` is true, or the last one."""
        deadline = time.monotonic() + PATIENCE
        while not wanted(found := self.status()) and time.monotonic() < deadline:
            time.sleep(2)
        return found

    def move(self, vrf: bool) -> None:
        """Put the interface into a VRF or take it out of it, while the engine runs."""
        self._guest.run("sh", "-c", INTO_VRF if vrf else OUT_OF_VRF, "sh", self.name)


def server(guest: Guest, *start: str) -> Host:
    streams = [{"interface": "eth0", "group": group, "poll": 3} for group in GROUPS]
    return Host(guest, "s", {"server": {"enabled": True, "stratum": 2}, "servers": streams}, start)


def client(guest: Guest, *start: str) -> Host:
    return Host(guest, "c", {"clients": [{"interface": "eth0", "group": group} for group in GROUPS]}, start)


def measured(found: dict[str, Any]) -> set[str]:
    """The groups whose server has answered."""
    return {item["group"] for item in found["associations"] if item["mode"] == "broadcast client"}


def check(sending: Host, listening: Host) -> None:
    found = listening.until(lambda status: measured(status) == set(GROUPS) and not status["problems"])
    told = json.dumps([found, sending.status()["problems"]], indent=1)
    assert measured(found) == set(GROUPS), told
    assert found["system"]["synchronised"] and not found["problems"], told
    sent = sending.status()["servers"]
    assert {item["group"] for item in sent if item["last_error"] is None and item["sent"]} == set(GROUPS)


@pytest.mark.parametrize("accept", [0, 1], ids=["udp_l3mdev_accept=0", "udp_l3mdev_accept=1"])
@pytest.mark.parametrize("inside", [["c"], ["s"], ["s", "c"]], ids=" and ".join)
def test_a_host_with_an_interface_in_a_vrf(guest: Guest, inside: list[str], accept: int) -> None:
    guest.run("sh", "-c", NETWORK, "sh", *inside)
    for name in ("s", "c"):
        guest.run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv4.udp_l3mdev_accept={accept}")
    with server(guest) as sending, client(guest) as listening:
        check(sending, listening)


@pytest.mark.parametrize("more", [(), WITHOUT_RAW], ids=["root", "without CAP_NET_RAW"])
def test_an_engine_that_ip_vrf_exec_starts(guest: Guest, more: tuple[str, ...]) -> None:
    guest.run("sh", "-c", NETWORK, "sh", "s", "c")
    with server(guest, *IP_VRF_EXEC) as sending, client(guest, *IP_VRF_EXEC, *more) as listening:
        check(sending, listening)


def test_an_engine_in_another_vrf_than_its_interface(guest: Guest) -> None:
    """With the right to it, it goes where its interface is; without, it says what is wrong."""
    guest.run("sh", "-c", NETWORK, "sh", "s")
    guest.run("sh", "-c", f"host=c; {MAKE_VRF}")
    with server(guest) as sending:
        with client(guest, *IP_VRF_EXEC) as listening:
            check(sending, listening)
        with client(guest, *IP_VRF_EXEC, *WITHOUT_RAW) as listening:
            found = listening.until(lambda status: len(status["problems"]) >= len(GROUPS))
    told = "the engine was started in the VRF blue, to which eth0 does not belong"
    assert [item["sentence"] for item in found["problems"] if item["sentence"] == told] == [told] * len(GROUPS), found
    assert all("without `ip vrf exec`" in item["advice"] for item in found["problems"] if item["sentence"] == told)


@pytest.mark.parametrize("name", ["c", "s"])
def test_an_interface_comes_into_a_vrf_and_leaves_it_while_the_engine_runs(guest: Guest, name: str) -> None:
    guest.run("sh", "-c", NETWORK, "sh")
    with server(guest) as sending, client(guest) as listening:
        check(sending, listening)
        host = {"s": sending, "c": listening}[name]
        for vrf in (True, False):
            host.move(vrf)
            before = heard(listening.status())
            found = listening.until(partial(each_has_more, before))
            assert each_has_more(before, found), found
            check(sending, listening)


def heard(status: dict[str, Any]) -> dict[str, int]:
    """Group -> packets of servers that were accepted."""
    return {item["group"]: item["accepted"] for item in status["groups"]}


def each_has_more(before: dict[str, int], status: dict[str, Any]) -> bool:
    return all(count >= before[group] + 3 for group, count in heard(status).items())
