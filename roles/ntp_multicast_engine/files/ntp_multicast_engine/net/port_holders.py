# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else has a UDP port of this host: by /proc, since two sockets with SO_REUSEADDR get it without an error."""

from __future__ import annotations

import errno
import ipaddress
import os
import pwd
import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ntp_multicast_engine.config.schema import Address

PROC = Path("/proc")
_UNUSED = "127.0.0.2"
_NTP_SERVICES = tuple(
    f"{name}.service"
    for name in ("chrony", "chronyd", "ntp", "ntpd", "ntpsec", "openntpd", "ntpd-rs", "ntpd-rs-daemon")
)


@dataclass(frozen=True)
class Holder:
    """A bound socket: its address, its owner and the number by which the owner's file descriptors name it."""

    address: Address
    user: int
    inode: int


def holders(port: int, version: int, proc: Path = PROC) -> list[Holder]:
    """Sockets that are bound to the port with a unicast or the wildcard address; none, if the kernel doesn't tell."""
    path = proc / "self" / "net" / ("udp" if version == 4 else "udp6")
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return []
    found = []
    for words in map(str.split, lines):
        packed, _colon, bound = words[1].partition(":")
        if int(bound, 16) == port:
            found.append(Holder(_unpacked(packed), int(words[7]), int(words[9])))
    return [holder for holder in found if not holder.address.is_multicast]


def _unpacked(text: str) -> Address:
    """Words of 32 bits, each as a number in the host's byte order."""
    words = [int(text[place : place + 8], 16) for place in range(0, len(text), 8)]
    return ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))


def others(port: int, version: int, local: Collection[Address] | None = None) -> list[Holder]:
    """Holders that are no sockets of this process and take packets to one of the `local` addresses (None: to any)."""
    own = set(_sockets(PROC / "self"))
    there = holders(port, version) + (_of_both_families(port) if version == 4 else [])
    return [
        holder
        for holder in there
        if holder.inode not in own and (local is None or holder.address.is_unspecified or holder.address in local)
    ]


def _of_both_families(port: int) -> list[Holder]:
    """Sockets of IPv6 that take packets of IPv4, too: by a mapped address, or by the wildcard without IPV6_V6ONLY.

    The kernel's files don't tell the latter from others, but the kernel refuses an address that is taken by it. Where
    somebody has the wildcard of IPv4, that one takes the packets.
    """
    found = []
    for holder in holders(port, 6):
        mapped = holder.address.ipv4_mapped if holder.address.version == 6 else None
        if mapped is not None:
            found.append(replace(holder, address=mapped))
        elif holder.address.is_unspecified and not any(one.address.is_unspecified for one in holders(port, 4)):
            found += [] if _is_free(port) else [holder]
    return found


def _is_free(port: int) -> bool:
    """Whether a socket that shares nothing gets the port at an address that nobody else uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((_UNUSED, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def named(holder: Holder, proc: Path = PROC) -> str:
    """Program and process, or where this process may not look for them, the user."""
    for entry in os.listdir(proc):
        if entry.isdigit() and holder.inode in _sockets(proc / entry):
            try:
                return f"{(proc / entry / 'comm').read_text(encoding='utf-8', errors='replace').strip()} (pid {entry})"
            except OSError:
                break
    try:
        user = pwd.getpwuid(holder.user).pw_name
    except KeyError:
        user = str(holder.user)
    services = running_services()
    return f"a program of the user {user}" + (f" (probably {' or '.join(services)})" if services else "")


def running_services(cgroups: Path = Path("/sys/fs/cgroup")) -> list[str]:
    """NTP services of systemd that have a process: a sandboxed service sees no other processes, but their groups."""
    return [name for name in _NTP_SERVICES if _runs(cgroups, name) or _runs(cgroups / "systemd", name)]


def _runs(hierarchy: Path, service: str) -> bool:
    try:
        return bool((hierarchy / "system.slice" / service / "cgroup.procs").read_text(encoding="ascii").strip())
    except OSError:
        return False


def _sockets(process: Path) -> Iterator[int]:
    """Inodes of the sockets of a process; none, if this one may not look."""
    try:
        descriptors = os.listdir(process / "fd")
    except OSError:
        return
    for name in descriptors:
        try:
            target = os.readlink(process / "fd" / name)
        except OSError:
            # It was the one by which the folder is read.
            continue
        if target.startswith("socket:["):
            yield int(target[len("socket:[") : -1])
