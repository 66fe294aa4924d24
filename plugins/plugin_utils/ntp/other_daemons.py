# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the configuration of ntpd or chronyd says about multicast, in the words of the model.

Neither names an interface: the kernel's routes decide, so the caller says which one that is. Each line is looked at
once, and no value that may be a secret is kept.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .masking import MASK, shown
from .model import DEFAULT_GROUP_IPV4, IpAddress

KEY_TYPES = {
    "m": "md5",
    "md5": "md5",
    "aes128cmac": "aes-128-cmac",
    "aes-128": "aes-128-cmac",
    "aes128": "aes-128-cmac",
    "aes-256": "aes-256-cmac",
    "aes256": "aes-256-cmac",
}
"""Types of a keys file that mean what an algorithm of ours means; a hash of key and packet is no HMAC."""
_KEY_ID_MOST = 65535
_SHOWN_WHOLE = frozenset(
    (
        "broadcast",
        "broadcastclient",
        "disable",
        "enable",
        "fudge",
        "includefile",
        "interface",
        "local",
        "manycastclient",
        "manycastserver",
        "multicastclient",
        "nic",
        "peer",
        "pool",
        "restrict",
        "server",
        "tinker",
        "tos",
        "trustedkey",
        "ttl",
        "controlkey",
        "requestkey",
        "allow",
    )
)
# What is about files and logs of the daemon itself, and says nothing of what it does in the network.
_OF_NO_MATTER = frozenset(
    (
        "driftfile",
        "filegen",
        "keys",
        "leapfile",
        "logconfig",
        "logfile",
        "pidfile",
        "statistics",
        "statsdir",
    )
)
_MOST_VALUES = {"key": 0xFFFFFFFF, "ttl": 255, "version": 4, "minpoll": 17, "maxpoll": 17}
_DEFAULT_POLL = 6


@dataclass
class Carried:
    """What was found.

    servers: entries of the model; groups: of ntp_multicast_engine_groups; keys_used: ids that the lines name; outside:
    what can't be carried over
    """

    servers: list[dict[str, Any]] = field(default_factory=list)
    clients: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    trusted: set[int] = field(default_factory=set)
    authenticates: bool = True
    stratum: int | None = None
    outside: list[str] = field(default_factory=list)

    @property
    def anything(self) -> bool:
        """Whether the daemon has to do with multicast at all."""
        return bool(self.servers or self.clients)

    def sections(self, interface: str, keys: Mapping[int, str]) -> dict[str, Any]:
        """The sections of the model. keys: the type of each key of the daemon's keys file."""
        entry = {
            "name": interface,
            **({"servers": self.servers} if self.servers else {}),
            **({"clients": self.clients} if self.clients else {}),
        }
        used = {server["key_id"] for server in self.servers if "key_id" in server}
        described = [
            {"id": number, "algorithm": KEY_TYPES[keys[number].lower()], "trusted": number in self.trusted}
            for number in sorted(used | self.trusted)
            if keys.get(number, "").lower() in KEY_TYPES
        ]
        authentication = {"enabled": self.authenticates, "keys": described} if described else {}
        server = {"reference_stratum": self.stratum} if self.stratum is not None and self.servers else {}
        return {"authentication": authentication, "server": server, "interfaces": [entry] if self.anything else []}

    def about_keys(self, keys: Mapping[int, str]) -> list[str]:
        """A sentence for each key that can't be carried over."""
        used = {server["key_id"] for server in self.servers if "key_id" in server} | self.trusted
        return [
            f"key {number}: {_why_no_key(keys.get(number))}"
            for number in sorted(used)
            if keys.get(number, "").lower() not in KEY_TYPES
        ]


def _why_no_key(kind: str | None) -> str:
    if kind is None:
        return "it is not in the keys file"
    return f"the engine has no algorithm that works with the type {shown(kind)}"


def read_ntp_conf(text: str) -> Carried:
    """What an ntp.conf says: `broadcast`, `multicastclient`, `trustedkey`, `disable auth`; the rest is outside."""
    found = Carried()
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        words = line.split()
        if not _take_ntp_conf(found, words) and words[0] not in _OF_NO_MATTER:
            found.outside.append(told(line))
    return found


def _take_ntp_conf(found: Carried, words: list[str]) -> bool:
    """Take what the line says; False where the model has no word for it."""
    directive, *values = words
    if directive == "broadcast":
        return _take_broadcast(found, values)
    if directive == "multicastclient":
        return _take_clients(found, values)
    if directive == "trustedkey":
        found.trusted.update(_key_numbers(values))
        return True
    if directive in ("enable", "disable") and values == ["auth"]:
        found.authenticates = directive == "enable"
        return True
    return False


def _take_broadcast(found: Carried, values: list[str]) -> bool:
    if values[:1] in (["-4"], ["-6"]):
        values = values[1:]
    group = _multicast(values[0]) if values else None
    if group is None:
        return False
    numbers, flags = _options(values[1:])
    if numbers is None or not flags <= {"xleave", "prefer", "noselect"} or _sends_already(found, group):
        return False
    entry: dict[str, Any] = {"address": str(group)}
    for option, name in (("key", "key_id"), ("ttl", "ttl"), ("version", "version")):
        if option in numbers and not (option == "version" and group.version == 6):
            entry[name] = numbers[option]
    found.servers.append(entry)
    poll = max(3, numbers.get("minpoll", _DEFAULT_POLL))
    found.groups.append({"address": str(group), "poll": poll, "interleaved": "xleave" in flags})
    return True


def _sends_already(found: Carried, group: IpAddress) -> bool:
    """The model has each group of an interface once."""
    return any(server["address"] == str(group) for server in found.servers)


def _options(words: list[str]) -> tuple[dict[str, int] | None, set[str]]:
    """The options of a line that have a number, and those that have none; None where a number is no number."""
    numbers: dict[str, int] = {}
    flags: set[str] = set()
    pending = iter(words)
    for word in pending:
        if word not in _MOST_VALUES:
            flags.add(word)
            continue
        value = next(pending, "")
        if re.fullmatch(r"[0-9]{1,10}", value) is None or not 1 <= int(value) <= _MOST_VALUES[word]:
            return None, flags
        numbers[word] = int(value)
    return numbers, flags


def _take_clients(found: Carried, values: list[str]) -> bool:
    groups = [_multicast(value) for value in values] or [DEFAULT_GROUP_IPV4]
    if any(group is None for group in groups):
        return False
    known = {client["address"] for client in found.clients}
    found.clients += [{"address": str(group)} for group in dict.fromkeys(groups) if str(group) not in known]
    return True


def _multicast(text: str) -> IpAddress | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address if address.is_multicast else None


def _key_numbers(values: Iterable[str]) -> set[int]:
    """The ids of `1 2 (5 ... 9)`."""
    words = re.findall(r"[0-9]+|\.\.\.", " ".join(values))
    found: set[int] = set()
    for position, word in enumerate(words):
        if word != "...":
            found.add(min(int(word[:10]), _KEY_ID_MOST + 1))
        elif 0 < position < len(words) - 1 and words[position - 1] != "..." and words[position + 1] != "...":
            found.update(range(int(words[position - 1][:6]), min(int(words[position + 1][:6]), _KEY_ID_MOST) + 1))
    return {number for number in found if 1 <= number <= _KEY_ID_MOST}


def read_chrony_conf(text: str) -> Carried:
    """What a chrony.conf says: `broadcast INTERVAL ADDRESS [PORT]` and `local stratum N`; chronyd keeps the rest."""
    found = Carried(authenticates=False)
    for raw in text.splitlines():
        line = raw.strip()
        words = line.split()
        if not words or line[0] in "#!;%":
            continue
        directive = words[0].lower()
        if directive == "broadcast" and not _take_chrony_broadcast(found, words[1:]):
            found.outside.append(told(line))
        elif directive == "local":
            _take_local(found, [word.lower() for word in words[1:]])
    return found


def _take_chrony_broadcast(found: Carried, values: list[str]) -> bool:
    numbers = [value for value in (values[0], *values[2:]) if re.fullmatch(r"[0-9]{1,9}", value)] if values else []
    group = _multicast(values[1]) if len(values) > 1 else None
    if group is None or len(values) > 3 or len(numbers) != len(values) - 1:
        return False
    port = int(values[2]) if len(values) > 2 else 123
    if (port != 123 and not 1025 <= port <= 65535) or _sends_already(found, group):
        return False
    found.servers.append({"address": str(group), **({} if port == 123 else {"port": port}), "ttl": 1})
    poll = min(17, max(3, (max(1, int(values[0])) - 1).bit_length()))
    found.groups.append({"address": str(group), "poll": poll, "interleaved": False})
    if 1 << poll != int(values[0]):
        found.outside.append(f"{told(' '.join(['broadcast', *values]))}: every {1 << poll} seconds instead")
    return True


def _take_local(found: Carried, words: list[str]) -> None:
    stratum = next((value for name, value in zip(words, words[1:]) if name == "stratum"), "10")
    if re.fullmatch(r"[0-9]{1,2}", stratum) and 1 <= int(stratum) <= 15:
        found.stratum = int(stratum)


def told(line: str) -> str:
    """A line as a report shows it: only directives that never have a secret are shown whole."""
    words = line.split()
    return (
        shown(line) if words[0].lower() in _SHOWN_WHOLE else f"{shown(words[0])} {MASK}" if words[1:] else shown(line)
    )
