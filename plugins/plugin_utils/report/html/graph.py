# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The multicast domain as a graph that one can read: equal senders and equal listeners are one node.

Rules of this file: who sends and who listens is as described, who follows whom as seen, and a source that is followed
and not described is a sender too. Hosts that are not well stay apart from those that are. Nothing here has a place on
the page: domain_map gives it one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..document import WELL, Document, Host, Link, Sender, State
from .texts import natural

MOST_NODES = 14
"""Of each kind, where equal hosts can be put together."""
SINGLE_BELOW = (4, 2, 1)
"""Up to how many equal hosts that are not well stay nodes of their own: the first with which there are not too many."""
NOBODY = -1
"""Followed by those that are seen to follow nobody in the domain."""

SENDER, GROUP, LISTENER = "sender", "group", "listener"


@dataclass(frozen=True)
class Sending:
    """One group that a node sends to; one that is not described was seen all the same."""

    group: str
    key_id: int | None
    ttl: int | None
    described: bool = True

    @property
    def text(self) -> str:
        none = "no key" if self.described else "key unknown"
        key = none if self.key_id is None else f"key {self.key_id}"
        ttl = "" if self.ttl is None else f" · ttl {self.ttl}"
        return f"{key}{ttl}{'' if self.described else ' · not described'}"


@dataclass(frozen=True)
class Node:
    """Hosts that do the same and are in the same state, or a group."""

    kind: str
    hosts: tuple[str, ...]
    state: State | None = None
    group: str = ""
    sends: tuple[Sending, ...] = ()
    follows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """Time that goes from a sender through a group to listeners; sender None where nobody in the domain is followed."""

    sender: int | None
    group: int
    listener: int | None
    hosts: int
    state: State | None = None
    seen: bool = False


@dataclass(frozen=True)
class Graph:
    """The nodes of each kind, and what flows between them by their places in the lists."""

    senders: tuple[Node, ...] = ()
    groups: tuple[Node, ...] = ()
    listeners: tuple[Node, ...] = ()
    flows: tuple[Flow, ...] = ()
    hosts: Mapping[str, Host] = field(default_factory=dict)


def severity(state: State | None) -> int:
    """How urgent a state is: 0 is the worst."""
    order = (State.FAILED, State.UNREACHABLE, State.UNSYNCHRONISED, State.DRIFTED, State.KEYS_NOT_COMPARED)
    return order.index(state) if state in order else len(order)


Signature = tuple[object, State | None]


def put_together(signatures: Mapping[str, Signature], alone: int = 1) -> list[tuple[str, ...]]:
    """Hosts of equal signature together, in the order in which they came.

    Of those that are not well a few stay alone, and of those that are well up to ``alone``.
    """
    equal: dict[Signature, list[str]] = {}
    for name, signature in signatures.items():
        equal.setdefault(signature, []).append(name)
    for few in SINGLE_BELOW:
        single = {signature: max(1, alone) if is_well(signature[1]) else few for signature in equal}
        if (
            sum(len(names) if len(names) <= single[signature] else 1 for signature, names in equal.items())
            <= MOST_NODES
        ):
            break
    return [
        members
        for signature, names in equal.items()
        for members in (
            [(name,) for name in names] if len(names) <= single[signature] else [tuple(sorted(names, key=natural))]
        )
    ]


def graph_of(document: Document) -> Graph:
    """The domain of a document."""
    hosts = {host.name: host for host in document.hosts}
    followed = _followed(document)
    senders = _senders(document, followed, hosts)
    sender_of = {name: place for place, node in enumerate(senders) for name in node.hosts}
    heard = _listening(document, followed, hosts, sender_of)
    addresses = list(dict.fromkeys(sending.group for node in senders for sending in node.sends))
    addresses += [group for group in dict.fromkeys(group for group, _name in heard) if group not in addresses]
    listeners, flows = _listeners(heard, addresses, hosts)
    return Graph(
        senders=tuple(senders),
        groups=tuple(_groups(addresses, document)),
        listeners=tuple(listeners),
        flows=(*flows, *_unheard(senders, addresses, flows)),
        hosts=hosts,
    )


def _state_of(name: str, hosts: Mapping[str, Host]) -> State | None:
    host = hosts.get(name)
    return None if host is None else host.state


def _sends(entries: Iterable[Sender]) -> tuple[Sending, ...]:
    """What a host sends, whatever the interfaces."""
    return tuple(dict.fromkeys(Sending(entry.group, entry.key_id, entry.ttl) for entry in entries))


def _name(link: Link) -> str:
    """The source of a link by the name of its host, else by its address."""
    return link.source_host or link.source


def _followed(document: Document) -> dict[tuple[str, str], Link]:
    """By group and host whom it follows. A link that tells no group is of the only one that both its ends have."""
    sends: dict[str, set[str]] = {}
    for sender in document.domain.senders:
        sends.setdefault(sender.host, set()).add(sender.group)
    listens: dict[str, set[str]] = {}
    for listener in document.domain.listeners:
        listens.setdefault(listener.host, set()).add(listener.group)
    found = {}
    for link in document.domain.links:
        common = sends.get(_name(link), set()) & listens.get(link.host, set())
        group = link.group or (next(iter(common)) if len(common) == 1 else None)
        if group is not None:
            found[group, link.host] = link
    return found


def _senders(document: Document, followed: Mapping[tuple[str, str], Link], hosts: Mapping[str, Host]) -> list[Node]:
    of_host: dict[str, list[Sender]] = {}
    for sender in document.domain.senders:
        of_host.setdefault(sender.host, []).append(sender)
    sends = {name: _sends(entries) for name, entries in of_host.items()}
    for (group, _host), link in followed.items():
        known = sends.get(_name(link), ())
        if all(sending.group != group for sending in known):
            sends[_name(link)] = (*known, Sending(group, link.key_id, None, described=False))
    sources: dict[str, list[str]] = {}
    for link in document.domain.links:
        sources.setdefault(link.host, []).append(_name(link))
    in_order = sorted(sends, key=lambda name: (sends[name][0].group, natural(name)))
    together = put_together({name: (sends[name], _state_of(name, hosts)) for name in in_order}, alone=SINGLE_BELOW[0])
    return [
        Node(
            SENDER,
            names,
            _state_of(names[0], hosts),
            sends=sends[names[0]],
            follows=tuple(dict.fromkeys(source for name in names for source in sources.get(name, ()))),
        )
        for names in together
    ]


def _listening(
    document: Document,
    followed: Mapping[tuple[str, str], Link],
    hosts: Mapping[str, Host],
    sender_of: Mapping[str, int],
) -> dict[tuple[str, str], int | None]:
    """For each group and host that listens to it the node that it was seen to follow; None where nobody looked."""
    found: dict[tuple[str, str], int | None] = {}
    for listener in document.domain.listeners:
        place = (listener.group, listener.host)
        if place in followed:
            found[place] = sender_of[_name(followed[place])]
        else:
            host = hosts.get(listener.host)
            found[place] = None if host is None or host.ntp is None else NOBODY
    return found


def _listeners(
    heard: Mapping[tuple[str, str], int | None], addresses: Sequence[str], hosts: Mapping[str, Host]
) -> tuple[list[Node], list[Flow]]:
    in_order = sorted(
        heard, key=lambda place: (addresses.index(place[0]), severity(_state_of(place[1], hosts)), natural(place[1]))
    )
    # The group is part of a name here, so that a host which listens to two groups is there twice.
    signatures: dict[str, Signature] = {
        f"{group}\0{name}": ((group, heard[group, name]), _state_of(name, hosts)) for group, name in in_order
    }
    nodes: list[Node] = []
    flows: list[Flow] = []
    for members in put_together(signatures):
        state = signatures[members[0]][1]
        group = members[0].split("\0", 1)[0]
        names = tuple(member.split("\0", 1)[1] for member in members)
        sender = heard[group, names[0]]
        flows.append(
            Flow(
                sender=None if sender in (None, NOBODY) else sender,
                group=addresses.index(group),
                listener=len(nodes),
                hosts=len(names),
                state=state,
                seen=sender is not None,
            )
        )
        nodes.append(Node(LISTENER, names, state, group=group))
    return nodes, flows


def _groups(addresses: Sequence[str], document: Document) -> list[Node]:
    return [
        Node(
            GROUP,
            tuple(dict.fromkeys(entry.host for entry in document.domain.listeners if entry.group == address)),
            group=address,
            sends=_sends(entry for entry in document.domain.senders if entry.group == address),
        )
        for address in addresses
    ]


def _unheard(senders: Sequence[Node], addresses: Sequence[str], flows: Sequence[Flow]) -> list[Flow]:
    """What is sent and followed by nobody."""
    followed = {(flow.sender, flow.group) for flow in flows}
    return [
        Flow(sender=place, group=addresses.index(group), listener=None, hosts=len(node.hosts))
        for place, node in enumerate(senders)
        for group in dict.fromkeys(sending.group for sending in node.sends)
        if (place, addresses.index(group)) not in followed
    ]


def is_well(state: State | None) -> bool:
    return state is None or state in WELL
