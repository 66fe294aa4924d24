# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet and what is wanted of it: device files, inventory, and the same lines for those who type lines."""

from __future__ import annotations

import ipaddress
import json
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

USER = "netops"
PASSWORD = "Simulator-Login-1"
SECRET = "Sixteen-Octets-1"
PORT = 2222
_FIRST_ADDRESS = ipaddress.IPv4Address("127.20.0.1")
_PORTS = 24

# What a person would type, in the order that the manuals need; `{secret}` is the key text.
SYSTEM_LINES = (
    "ntp authentication enable",
    f"ntp authentication-keyid 42 authentication-mode aes-128-cmac {SECRET}",
    "ntp trusted authentication-keyid 42",
    "undo ntp server disable",
    "ntp server source-interface 100GE1/0/1",
    "ntp refclock-master 2",
)
INTERFACE = "100GE1/0/1"
INTERFACE_LINES = ("ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 9 version 4",)
READ = "display current-configuration"
EXPECTED = " ntp multicast-server authentication-keyid 42 ttl 9 version 4"  # devices leave out the default group

WANTED = {
    "ntp_multicast_authentication": {
        "enabled": True,
        "keys": [{"id": 42, "algorithm": "aes-128-cmac", "secret": SECRET, "trusted": True}],
    },
    "ntp_multicast_server": {"enabled": True, "listen": [INTERFACE], "reference_stratum": 2},
    "ntp_multicast_interfaces": [
        {"name": INTERFACE, "servers": [{"address": "224.0.1.1", "key_id": 42, "ttl": 9, "version": 4}]}
    ],
}


@dataclass(frozen=True)
class Target:
    """One simulated device."""

    name: str
    address: str
    port: int = PORT


def targets(count: int, port: int = PORT) -> list[Target]:
    """The first `count` devices; each has an address of its own, as in a real inventory."""
    return [Target(f"CE{number + 1:05d}", str(_FIRST_ADDRESS + number), port) for number in range(count)]


def startup_configuration() -> str:
    """What every device has before: some 200 lines, nothing of NTP."""
    lines = ["#", "clock timezone UTC add 00:00:00", "#", "vlan batch 10 to 30"]
    lines += ["#", "aaa", " authentication-scheme default", " domain default", "  authentication-scheme default"]
    for number in range(1, _PORTS + 1):
        lines += ["#", f"interface 100GE1/0/{number}", " undo portswitch", f" description link {number} of the fleet"]
        lines += [" undo shutdown", f" ip address 10.{number}.0.1 255.255.255.0", " ipv6 enable"]
    lines += ["#", "ip route-static 0.0.0.0 0.0.0.0 10.1.0.254", "#", "return", ""]
    return "\n".join(lines)


def write_devices(path: pathlib.Path, fleet: Sequence[Target], round_trip_time: float) -> None:
    """The simulator's device file. round_trip_time: seconds."""
    text = startup_configuration()
    devices = [
        {
            "name": target.name,
            "address": target.address,
            "port": target.port,
            "release": "ce-v300r023",
            "users": [{"name": USER, "password": PASSWORD, "level": 3}],
            "interfaces": [],
            "startup_configuration": text,
            "master_key": "benchmark",
        }
        for target in fleet
    ]
    document = {"devices": devices, "wire": {"round_trip_time": round_trip_time}}
    path.write_text(json.dumps(document), encoding="utf-8")


def write_known_hosts(path: pathlib.Path, fleet: Sequence[Target], host_key: str) -> None:
    """All devices with the key of the simulator."""
    path.write_text("".join(f"[{item.address}]:{item.port} {host_key}\n" for item in fleet), encoding="utf-8")


def write_inventory(directory: pathlib.Path, fleet: Sequence[Target], known_hosts: pathlib.Path) -> None:
    """An inventory as a user would keep it: a host has its address, the group has all the rest."""
    hosts = {item.name: {"ansible_host": item.address} for item in fleet}
    variables = {
        "ansible_connection": "timecast.ntp_multicast.vrp_ssh",
        "ansible_network_os": "timecast.ntp_multicast.vrp",
        "ansible_port": fleet[0].port,
        "ansible_user": USER,
        "ansible_password": PASSWORD,
        "ansible_known_hosts_file": str(known_hosts),
        **WANTED,
    }
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "hosts.json").write_text(json.dumps({"vrp": {"hosts": hosts}}), encoding="utf-8")
    (directory / "group_vars").mkdir(exist_ok=True)
    (directory / "group_vars" / "vrp.json").write_text(json.dumps(variables), encoding="utf-8")
