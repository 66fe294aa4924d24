# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of the rotation of a key, from what the hosts have and from what their variables say.

Rules of this file: nothing is remembered between two runs, so that a run goes on wherever another one was stopped. A
step is due only when the one before it is done on every host: a client that has one key only would lose its servers.
The variables describe the end: the new key in its place, the old one beside them in `ntp_multicast_rotation`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .interface_names import interface_key
from .model import Secret

VARIABLE = "ntp_multicast_rotation"
KEYS = "ntp_multicast_authentication.keys"
_NAMED_HOSTS = 20


class Step(enum.Enum):
    """The steps, in their order."""

    NEW_KEY = "new_key"
    SERVERS = "servers"
    CLIENTS = "clients"
    OLD_KEY = "old_key"

    def words(self, old: int, new: int) -> str:
        """What is done in it, for a person."""
        return {
            Step.NEW_KEY: f"key {new} is brought to every host and trusted",
            Step.SERVERS: f"the servers sign with key {new}",
            Step.CLIENTS: f"each client is proven on key {new}",
            Step.OLD_KEY: f"key {old} is removed",
        }[self]

    def numbered(self, old: int, new: int) -> str:
        """The same with its number."""
        return f"{list(Step).index(self) + 1}. {self.words(old, new)}"


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as it is described, or as a host has it; then without a secret."""

    id: int
    algorithm: str | None = None
    trusted: bool | None = None
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """From which key to which."""

    old: KeyEntry
    new: int


@dataclass(frozen=True, slots=True)
class Sender:
    """A multicast server entry: where it sends, and with which key."""

    interface: str
    group: str
    key_id: int | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What makes it the same entry."""
        return interface_key(self.interface), self.group


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a host: its description, or what it has.

    used_elsewhere: what else names a key, by its id: an upstream, or a line outside of the model
    """

    keys: tuple[KeyEntry, ...] = ()
    senders: tuple[Sender, ...] = ()
    groups: frozenset[str] = frozenset()
    authenticated: bool = False
    used_elsewhere: Mapping[int, str] = field(default_factory=dict)

    def key(self, key_id: int) -> KeyEntry | None:
        """The key with an id."""
        return next((key for key in self.keys if key.id == key_id), None)

    def sender(self, place: tuple[str, str]) -> Sender | None:
        """The entry at a place."""
        return next((sender for sender in self.senders if sender.place == place), None)


@dataclass(frozen=True, slots=True)
class Host:
    """A host, as described and as it is. needs_secrets: whether its key file is written as a whole."""

    wanted: Side
    present: Side
    needs_secrets: bool = False


@dataclass(frozen=True, slots=True)
class Remaining:
    """The hosts of each step that still have to do with it, and all of them. used: whether a server has the new key"""

    steps: Mapping[Step, tuple[str, ...]]
    all: Mapping[Step, tuple[str, ...]]
    used: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return not any(self.steps[step] for step in (Step.NEW_KEY, Step.SERVERS, Step.OLD_KEY))

    @property
    def new_key(self) -> tuple[str, ...]:
        """Where the new key is brought. As long as nobody uses it, also to where it is, since its secret may differ."""
        return self.steps[Step.NEW_KEY] if self.used or self.finished else self.all[Step.NEW_KEY]


def remaining(rotation: Rotation, hosts: Mapping[str, Host]) -> Remaining:
    """What is left to do, by what is on the hosts."""
    concerned = [name for name, host in hosts.items() if _concerned(rotation, host)]
    groups = rotating_groups(rotation, hosts)
    everyone = {
        Step.NEW_KEY: tuple(concerned),
        Step.SERVERS: tuple(name for name in concerned if _senders(rotation, hosts[name])),
        Step.CLIENTS: tuple(name for name in concerned if _listens(hosts[name], groups)),
        Step.OLD_KEY: tuple(concerned),
    }
    old_key = tuple(name for name in concerned if hosts[name].present.key(rotation.old.id))
    left = {
        Step.NEW_KEY: tuple(name for name in concerned if not _has_new_key(rotation, hosts[name])),
        Step.SERVERS: tuple(
            name for name in everyone[Step.SERVERS] if _signs_with(rotation.old.id, rotation, hosts[name])
        ),
        # As long as the old key is anywhere, nobody knows whether each client was proven.
        Step.CLIENTS: everyone[Step.CLIENTS] if old_key else (),
        Step.OLD_KEY: old_key,
    }
    return Remaining(left, everyone, any(_signs_with(rotation.new, rotation, host) for host in hosts.values()))


def rotating_groups(rotation: Rotation, hosts: Mapping[str, Host]) -> frozenset[str]:
    """The groups that the new key is for."""
    return frozenset(sender.group for host in hosts.values() for sender in _senders(rotation, host))


def _senders(rotation: Rotation, host: Host) -> list[Sender]:
    return [sender for sender in host.wanted.senders if sender.key_id == rotation.new]


def _concerned(rotation: Rotation, host: Host) -> bool:
    return host.wanted.key(rotation.new) is not None or host.present.key(rotation.old.id) is not None


def _listens(host: Host, groups: frozenset[str]) -> bool:
    return host.wanted.authenticated and bool(host.wanted.groups & groups)


def _has_new_key(rotation: Rotation, host: Host) -> bool:
    wanted, present = host.wanted.key(rotation.new), host.present.key(rotation.new)
    if wanted is None or present is None:
        return False
    same = wanted.algorithm in (None, present.algorithm)
    return same and (bool(present.trusted) or not wanted.trusted)


def _signs_with(key_id: int, rotation: Rotation, host: Host) -> bool:
    found = (host.present.sender(sender.place) for sender in _senders(rotation, host))
    return any(sender is not None and sender.key_id == key_id for sender in found)


def told(rotation: Rotation, left: Remaining) -> list[str]:
    """The steps with the hosts of each, for a person."""
    lines = [f"Rotation of key {rotation.old.id} to key {rotation.new}:"]
    for step in Step:
        hosts = left.steps[step]
        compared = step is Step.NEW_KEY and bool(left.new_key)
        done = "done, and its secret is compared once more" if compared else "done"
        lines.append(f"  {step.numbered(rotation.old.id, rotation.new)}: {named(hosts) if hosts else done}")
    return lines


def named(hosts: Iterable[str]) -> str:
    """The names of the first hosts, and how many there are."""
    names = list(hosts)
    more = len(names) - _NAMED_HOSTS
    return ", ".join(names[:_NAMED_HOSTS]) + (f" and {more} more" if more > 0 else "") + f" ({len(names)})"


# -- what is wrong -----------------------------------------------------------------------------------------------------


def problems_of_description(rotation: Rotation, hosts: Mapping[str, Host]) -> list[str]:
    """What is wrong with the variables, a sentence each. Nothing of it needs a look at a host."""
    if rotation.old.id == rotation.new:
        return [
            f"{VARIABLE}: the new key is the old one, {rotation.new}. A rotation needs a key with another id: both "
            "have to be on the hosts for a while."
        ]
    concerned = {name: host for name, host in hosts.items() if host.wanted.key(rotation.new) is not None}
    if not concerned:
        return [f"{VARIABLE}.new: no host describes key {rotation.new} in {KEYS}. Describe it there, as trusted."]
    return [
        *_about_secrets(rotation, concerned),
        *_about_hosts(hosts, lambda host: _about_description(rotation, host)),
        *_about_listeners(rotation, hosts),
    ]


def _about_secrets(rotation: Rotation, hosts: Mapping[str, Host]) -> Iterator[str]:
    secrets: dict[tuple[str | None, Secret], list[str]] = {}
    missing = []
    for name, host in hosts.items():
        key = host.wanted.key(rotation.new)
        if key is None or not key.secret:
            missing.append(name)
            continue
        secrets.setdefault((key.algorithm, key.secret), []).append(name)
    if missing:
        yield f"{named(missing)}: {KEYS}: key {rotation.new} has no secret. It has to be sent, so its secret is needed."
    if len(secrets) > 1:
        sides = "; ".join(named(names) for names in secrets.values())
        yield f"Key {rotation.new} is not the same everywhere: its algorithm or its secret differs between {sides}."
    if rotation.old.secret and any(secret == rotation.old.secret for _unused, secret in secrets):
        yield (
            f"{VARIABLE}: keys {rotation.old.id} and {rotation.new} have the same secret, so nothing would be rotated. "
            f"Give key {rotation.new} a secret of its own."
        )
    whole = [name for name, host in hosts.items() if host.needs_secrets]
    if whole and not (rotation.old.secret and rotation.old.algorithm):
        what = "secret" if rotation.old.algorithm else "algorithm"
        yield (
            f"{VARIABLE}.old.{what} is missing. {named(whole)}: on Linux the key file is written as a whole, so the "
            "old key has to be described as long as it is needed."
        )


def _about_description(rotation: Rotation, host: Host) -> Iterator[str]:
    wanted = host.wanted
    if wanted.key(rotation.old.id) is not None:
        yield (
            f"{KEYS} still has the old key {rotation.old.id}. The variables describe how it shall be afterwards: move "
            f"it to {VARIABLE}.old."
        )
    if any(sender.key_id == rotation.old.id for sender in wanted.senders):
        yield (
            f"ntp_multicast_interfaces still sends with the old key {rotation.old.id}. Describe key_id: "
            f"{rotation.new}, as it shall be afterwards."
        )
    key = wanted.key(rotation.new)
    if key is not None and wanted.groups and not key.trusted:
        yield f"{KEYS}: key {rotation.new} is not trusted, and the host is a client. Set trusted to true."


def _about_listeners(rotation: Rotation, hosts: Mapping[str, Host]) -> Iterator[str]:
    groups = rotating_groups(rotation, hosts)
    if not groups:
        yield (
            f"{VARIABLE}.new: no server is described that sends with key {rotation.new}. Set its key_id in "
            "ntp_multicast_interfaces; it will be changed when all have the key."
        )
        return
    for name, host in hosts.items():
        if _listens(host, groups) and host.wanted.key(rotation.new) is None:
            where = ", ".join(sorted(host.wanted.groups & groups))
            yield (
                f"{name}: listens to {where}, where servers will sign with key {rotation.new}, and {KEYS} does not "
                "have it. Describe it there."
            )


def problems_of_hosts(rotation: Rotation, hosts: Mapping[str, Host]) -> list[str]:
    """What on the hosts contradicts the rotation, a sentence each."""
    left = remaining(rotation, hosts)
    found = _about_hosts(hosts, lambda host: _about_present(rotation, host))
    if found or not left.steps[Step.NEW_KEY] or left.steps[Step.OLD_KEY]:
        return found
    return [
        f"{VARIABLE}.old: no host has key {rotation.old.id}, so there is nothing to rotate from. Name the key that the "
        "servers sign with, or run the playbook site if none does."
    ]


def _about_present(rotation: Rotation, host: Host) -> Iterator[str]:
    present, known = host.present, {key.id for key in host.wanted.keys} | {rotation.old.id}
    if present.key(rotation.old.id) is not None and host.wanted.key(rotation.new) is None:
        yield (
            f"it has key {rotation.old.id}, and {KEYS} does not have key {rotation.new}. Describe the new key there, "
            "or take the old one away."
        )
    if not _concerned(rotation, host):
        return
    for sender in _senders(rotation, host):
        yield from _about_sender(rotation, sender, present.sender(sender.place))
    if host.wanted.authenticated and not present.authenticated:
        yield "authentication is not switched on there, though it is described. Run the playbook site first."
    strange = [key.id for key in present.keys if key.trusted and key.id not in known | set(present.used_elsewhere)]
    for key_id in strange:
        yield (
            f"it trusts key {key_id}, which is neither described nor the old key. Another rotation may be under way: "
            f"finish that one first, or describe the key in {KEYS}, or remove it."
        )
    if rotation.old.id in present.used_elsewhere:
        yield (
            f"the old key {rotation.old.id} is also used by {present.used_elsewhere[rotation.old.id]}, which is not "
            "rotated. Give that another key first."
        )


def _about_sender(rotation: Rotation, wanted: Sender, present: Sender | None) -> Iterator[str]:
    where = f"{wanted.group} on {wanted.interface}"
    if present is None:
        yield f"it does not send to {where}, though that is described. Run the playbook site before a rotation."
    elif present.key_id not in (rotation.old.id, rotation.new):
        signed = f"signs with key {present.key_id}" if present.key_id is not None else "does not sign"
        yield (
            f"it {signed} to {where}, and that is neither the old key {rotation.old.id} nor the new key "
            f"{rotation.new}. Name the key that is used in {VARIABLE}.old, or finish the rotation that is under way."
        )


def _about_hosts(hosts: Mapping[str, Host], judge: Callable[[Host], Iterable[str]]) -> list[str]:
    """A line for each sentence, which begins with the names of the hosts that it is about."""
    names: dict[str, list[str]] = {}
    for name, host in hosts.items():
        for sentence in judge(host):
            names.setdefault(sentence, []).append(name)
    return [f"{named(found)}: {sentence}" for sentence, found in names.items()]
