# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The present state of a device, and what is left to do from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..ntp.changes import Change, Listen, SetAssociation, SetUpstream
from ..ntp.errors import UserError
from ..ntp.interface_names import abbreviated_by, interface_key
from ..ntp.key_memory import KeyMemory
from ..ntp.model import ALL, AddressFamily, Configuration, UpstreamServer
from ..ntp.plan import Plan, State, plan
from .dialect import Dialect
from .display import find_dialect
from .display_configuration import read_configuration
from .grammar import DeviceConfiguration, InterfaceFacts, parse_configuration
from .request import Request
from .session import Session


def read(session: Session, request: Request) -> DeviceConfiguration:
    """What is in effect, as far as the request depends on it. Raises UserError where the account may not read that."""
    names = tuple(interface.name for interface in request.wanted.interfaces or ())
    return read_all(session, request.dialect, names, all_of_it=_needs_all(request))


def read_all(
    session: Session, dialect: Dialect | None, interfaces: tuple[str, ...] = (), *, all_of_it: bool = True
) -> DeviceConfiguration:
    """What is in effect. Without `all_of_it` the interfaces that are named and the system view are enough."""
    text = read_configuration(session, interfaces)
    if all_of_it and not text.complete:
        raise UserError(
            "This account may read only single views of the configuration, and this state depends on all of them. "
            "Use an account of level 3, or the state merged or replaced with the interfaces named.\n"
            f"The device said to `display current-configuration`: {text.words}"
        )
    return parse_configuration(text.text, dialect)


def _needs_all(request: Request) -> bool:
    """Whether what to do depends on interfaces that the wanted configuration does not name."""
    return request.state is State.OVERRIDDEN or (request.state is State.DELETED and not request.wanted.interfaces)


def plan_from(present: Configuration, request: Request, memory: Mapping[int, KeyMemory]) -> Plan:
    """What is left to do."""
    return plan(present, request.wanted, state=request.state, update_secrets=request.update_secrets, memory=memory)


def dialect_of(session: Session, present: DeviceConfiguration, request: Request) -> Dialect:
    """The spelling of the device: what the user says, what its lines say, or what it takes."""
    chosen = request.dialect or present.dialect
    if request.dialect is not None and present.dialect not in (None, request.dialect):
        raise UserError(
            f"The option dialect says {request.dialect.value}, but the lines on the device say "
            f"{present.dialect.value}. Leave the option out to go by the device."
        )
    return chosen if chosen is not None else find_dialect(session)


def refuse_unfit_interfaces(changes: tuple[Change, ...], present: DeviceConfiguration) -> None:
    """Say before the first line what the device would only refuse with a caret (fact 4.1 item 21)."""
    reasons: list[str] = []
    known = {interface_key(name): facts for name, facts in present.interfaces.items()}
    for change in changes:
        if isinstance(change, Listen) and change.afi is AddressFamily.IPV4 and change.enabled:
            name = change.source
            if name != ALL and known and interface_key(name) not in known:
                reasons.append(f"{name}, which shall listen for requests, {_absent(name, present.interfaces)}")
        if isinstance(change, SetUpstream):
            reasons += _unfit_source(change.server, known, present.interfaces)
        if not isinstance(change, SetAssociation):
            continue
        name = change.interface
        facts = known.get(interface_key(name))
        if facts is None:
            reasons.append(f"{name} {_absent(name, present.interfaces)}")
        elif facts.layer2:
            reasons.append(
                f"{name} is a layer 2 port; NTP needs a layer 3 one (`undo portswitch`, or the Vlanif of its VLAN)."
            )
        elif change.association.afi is AddressFamily.IPV6 and not facts.ipv6_enabled:
            reasons.append(f"{name} has no IPv6; an IPv6 group needs `ipv6 enable` there first.")
    if reasons:
        raise UserError("\n".join(dict.fromkeys(reasons)))


def refuse_abbreviations(wanted: Configuration, present: DeviceConfiguration) -> None:
    """Raise UserError for an interface under a short name: it would be taken for one that has no NTP lines."""
    known = {interface_key(name) for name in present.interfaces}
    names = [interface.name for interface in wanted.interfaces or () if interface_key(interface.name) not in known]
    short = [name for name in names if abbreviated_by(name, present.interfaces)]
    if short:
        raise UserError("\n".join(f"{name} {_absent(name, present.interfaces)}" for name in short))


def _absent(name: str, printed: Iterable[str]) -> str:
    """What is said of an interface that the device does not show by this name."""
    longer = abbreviated_by(name, printed)
    if longer:
        return f"is not what the device calls it. Write the whole name: {' or '.join(longer)}."
    return "does not exist on the device."


def _unfit_source(server: UpstreamServer, known: Mapping[str, InterfaceFacts], printed: Iterable[str]) -> list[str]:
    """Why a source interface of a unicast server is refused (fact 1.8); nothing where the interfaces are not known."""
    name = server.source_interface
    if name is None or not known:
        return []
    facts = known.get(interface_key(name))
    if facts is None:
        return [f"{name}, which shall be the source of requests to {server.address}, {_absent(name, printed)}"]
    if server.afi is AddressFamily.IPV6 and not facts.ipv6_enabled:
        return [f"{name} has no IPv6; requests to {server.address} from there need `ipv6 enable` first."]
    return []
