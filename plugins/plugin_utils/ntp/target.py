# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration becomes under a state: the meaning of merged, replaced, overridden and deleted.

They mean what they mean for Ansible's network resource modules. ``merged`` adds to what is there and changes what
differs. ``replaced`` makes each section and each interface that is given exactly as given, and leaves the others alone.
``overridden`` makes everything exactly as given. ``deleted`` removes what is given, or everything if nothing is given.
Lines outside the model, and keys that such lines use, stay. So do the server's switch, sources and reference clock
while lines stand that may need them, unless they are named. Unicast servers that the host follows are such lines as
long as ``upstream`` is not given; given, they are managed like everything else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from .changes import KeyReason, SwitchServer
from .comparison import Comparison, same_upstream
from .errors import UserError
from .interface_names import interface_key, interface_name
from .key_policy import KeyPolicy, UpdateSecrets
from .model import (
    ALL,
    AddressFamily,
    Association,
    Authentication,
    Configuration,
    Interface,
    Key,
    MulticastServer,
    ServerSettings,
    UpstreamServer,
)
from .server_switch import ServerRequest, server_functions, serves

_Entry = TypeVar("_Entry", bound=Association)
_Section = TypeVar("_Section")


class State(enum.Enum):
    """The states of the module that configure a device."""

    MERGED = "merged"
    REPLACED = "replaced"
    OVERRIDDEN = "overridden"
    DELETED = "deleted"

    @property
    def exactly(self) -> bool:
        """Whether what is given is made exactly as given."""
        return self in (State.REPLACED, State.OVERRIDDEN)


class Resolution:
    """The configuration that shall be, with what a comparison of the two configurations can't tell."""

    def __init__(
        self, present: Configuration, wanted: Configuration, state: State, policy: KeyPolicy, comparison: Comparison
    ) -> None:
        self.key_reasons: dict[int, KeyReason] = {}
        self.server_changes: tuple[SwitchServer, ...] = ()
        self._state = state
        self._policy = policy
        self._comparison = comparison
        self.target = self._resolve(present, _everything(present) if _deletes_all(state, wanted) else wanted)

    def _resolve(self, present: Configuration, wanted: Configuration) -> Configuration:
        shown = present.authentication or Authentication(False, ())
        held = {entry.key_id for entry in _upstream_left(present, wanted, self._state)}
        authentication = _used_as_before(self._authentication(_held(shown, held), wanted), shown)
        interfaces = _interfaces(present, wanted.interfaces, self._state, self._comparison)
        settings = present.server or ServerSettings(listen=(), ipv6_listen=(), upstream=())
        server, request = self._server(settings, wanted, interfaces, present.interface_names)
        if present.server_users or _unnamed_upstream(present, wanted, self._state):
            section = _section(wanted.server, ServerSettings(), self._state)
            server, request = _with_what_others_need(settings, section, server, request)
        target = replace(present, authentication=authentication, server=server, interfaces=interfaces)
        ipv4, ipv6 = server_functions(present, target, request)
        self.server_changes = tuple(function.change for function in (ipv4, ipv6) if function.change is not None)
        return replace(target, server=replace(server, enabled=ipv4.enabled, ipv6_enabled=ipv6.enabled))

    # Authentication

    def _authentication(self, present: Authentication, configuration: Configuration) -> Authentication:
        wanted = _section(configuration.authentication, Authentication(), self._state)
        if wanted is None:
            return present
        if self._state is State.DELETED:
            return _authentication_without(present, wanted)
        keys = {key.id: key for key in present.keys or () if not self._state.exactly or key.used_elsewhere}
        shown = {key.id: key for key in present.keys or ()}
        for wanted_key in wanted.keys or ():
            keys[wanted_key.id] = self._key(shown.get(wanted_key.id), wanted_key)
        enabled = wanted.enabled
        if enabled is None:
            # Unicast associations may rely on the switch; their keys tell.
            stays = not self._state.exactly or any(key.used_elsewhere for key in keys.values())
            enabled = bool(present.enabled) and stays
        return Authentication(enabled, _by_id(keys.values()))

    def _key(self, present: Key | None, wanted: Key) -> Key:
        key, reason = self._policy.target(present, wanted, exactly=self._state.exactly)
        if reason is not None:
            self.key_reasons[key.id] = reason
        return key

    # Server settings

    def _server(
        self,
        present: ServerSettings,
        configuration: Configuration,
        interfaces: tuple[Interface, ...],
        known: tuple[str, ...],
    ) -> tuple[ServerSettings, ServerRequest]:
        wanted = _section(configuration.server, ServerSettings(), self._state)
        if wanted is None:
            return present, ServerRequest.KEEP
        if self._state is State.DELETED:
            return _server_without(present, wanted)
        named = tuple(name if name == ALL else interface_name(name) for name in wanted.listen or ())
        # The spelling of a line that stands comes first: it is the same port, so nothing is to be done.
        listen = _named(named, (*known, *(present.listen or ())))
        upstream = _upstream(present.upstream or (), wanted.upstream, known, exactly=self._state.exactly)
        ipv6_listen = wanted.ipv6_listen or ()
        if ALL in listen and ALL not in ipv6_listen and serves(interfaces, AddressFamily.IPV6):
            ipv6_listen = (*ipv6_listen, ALL)
        if self._state.exactly:
            settings = ServerSettings(
                listen=listen,
                ipv6_listen=ipv6_listen,
                reference_stratum=wanted.reference_stratum,
                upstream=upstream,
            )
            return settings, ServerRequest.of(wanted.enabled, ServerRequest.AUTOMATIC)
        settings = ServerSettings(
            listen=_union(present.listen or (), listen),
            ipv6_listen=_union(present.ipv6_listen or (), ipv6_listen),
            reference_stratum=(
                present.reference_stratum if wanted.reference_stratum is None else wanted.reference_stratum
            ),
            upstream=upstream,
        )
        return settings, ServerRequest.of(wanted.enabled, ServerRequest.KEEP)


def _section(given: _Section | None, nothing: _Section, state: State) -> _Section | None:
    return nothing if given is None and state is State.OVERRIDDEN else given


def _deletes_all(state: State, wanted: Configuration) -> bool:
    nothing_given = wanted.authentication is None and wanted.server is None and wanted.interfaces is None
    return state is State.DELETED and nothing_given


def _everything(present: Configuration) -> Configuration:
    return Configuration(
        Authentication(), ServerSettings(), tuple(Interface(interface.name) for interface in present.interfaces or ())
    )


def _by_id(keys: Iterable[Key]) -> tuple[Key, ...]:
    return tuple(sorted(keys, key=lambda key: key.id))


def _authentication_without(present: Authentication, given: Authentication) -> Authentication:
    if given.enabled is None and given.keys is None:
        kept = tuple(key for key in present.keys or () if key.used_elsewhere)
        return Authentication(bool(present.enabled and kept), kept)
    ids = {key.id for key in given.keys or ()}
    for key in present.keys or ():
        if key.id in ids and key.used_elsewhere:
            raise UserError(
                f"authentication.keys: key {key.id} can't be deleted, because an NTP line that is not managed here "
                "(a unicast server, say) uses it. Remove that line first, or name it as well."
            )
    keys = tuple(key for key in present.keys or () if key.id not in ids)
    return Authentication(bool(present.enabled) if given.enabled is None else False, keys)


def _server_without(present: ServerSettings, given: ServerSettings) -> tuple[ServerSettings, ServerRequest]:
    named = (given.enabled, given.listen, given.reference_stratum, given.upstream)
    if all(option is None for option in named):
        return ServerSettings(listen=(), ipv6_listen=(), upstream=present.upstream), ServerRequest.AUTOMATIC
    removed = {entry.identity for entry in given.upstream or ()}
    names = {interface_key(name) for name in given.listen or ()}
    addresses = {*(given.ipv6_listen or ()), *(names & {ALL})}
    settings = ServerSettings(
        listen=tuple(name for name in present.listen or () if interface_key(name) not in names),
        ipv6_listen=tuple(address for address in present.ipv6_listen or () if address not in addresses),
        reference_stratum=present.reference_stratum if given.reference_stratum is None else None,
        upstream=tuple(entry for entry in present.upstream or () if entry.identity not in removed),
    )
    return settings, ServerRequest.KEEP if given.enabled is None else ServerRequest.AUTOMATIC


def _upstream(
    present: tuple[UpstreamServer, ...],
    given: tuple[UpstreamServer, ...] | None,
    known: tuple[str, ...],
    *,
    exactly: bool,
) -> tuple[UpstreamServer, ...]:
    """Return the unicast servers that shall be; what is not asked for stays as it is."""
    if given is None:
        return present
    shown = {entry.identity: entry for entry in present}
    made = {entry.identity: _upstream_made(shown.get(entry.identity), entry, known, exactly) for entry in given}
    return tuple((made if exactly else {**shown, **made}).values())


def _upstream_made(
    before: UpstreamServer | None, given: UpstreamServer, known: tuple[str, ...], exactly: bool
) -> UpstreamServer:
    if given.source_interface is not None:
        given = replace(given, source_interface=_named((given.source_interface,), known)[0])
    if before is None:
        return given
    target = replace(given, others=before.others) if exactly else _upstream_overlaid(before, given)
    return before if same_upstream(before, target) else target


def _upstream_overlaid(present: UpstreamServer, given: UpstreamServer) -> UpstreamServer:
    names = ("key_id", "version", "preferred", "source_interface", "minpoll", "maxpoll")
    asked = {name: getattr(given, name) for name in names if getattr(given, name) is not None}
    return replace(present, **asked)


def _unnamed_upstream(present: Configuration, wanted: Configuration, state: State) -> tuple[UpstreamServer, ...]:
    """Return the unicast servers of the device if nothing is asked of them."""
    section = _section(wanted.server, ServerSettings(), state)
    unnamed = section is None or section.upstream is None
    return (present.server.upstream or ()) if unnamed and present.server else ()


def _upstream_left(present: Configuration, wanted: Configuration, state: State) -> tuple[UpstreamServer, ...]:
    """Return the unicast servers that stay without being described, so that their keys have to stay as well."""
    given = wanted.server.upstream if wanted.server else None
    if state is not State.DELETED or given is None or present.server is None:
        return _unnamed_upstream(present, wanted, state)
    removed = {entry.identity for entry in given}
    return tuple(entry for entry in present.server.upstream or () if entry.identity not in removed)


def _held(authentication: Authentication, key_ids: set[int | None]) -> Authentication:
    keys = (replace(key, used_elsewhere=True) if key.id in key_ids else key for key in authentication.keys or ())
    return replace(authentication, keys=tuple(keys))


def _used_as_before(authentication: Authentication, before: Authentication) -> Authentication:
    """Return it with the marks of the device: a key is held for one plan only."""
    used = {key.id for key in before.keys or () if key.used_elsewhere}
    return replace(
        authentication, keys=tuple(replace(key, used_elsewhere=key.id in used) for key in authentication.keys or ())
    )


def _named(names: tuple[str, ...], present: tuple[str, ...]) -> tuple[str, ...]:
    spelling = {interface_key(name): name for name in present}
    return tuple(dict.fromkeys(spelling.get(interface_key(name), name) for name in names))


def _union(present: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*present, *_named(wanted, present))))


def _with_what_others_need(
    present: ServerSettings, wanted: ServerSettings | None, server: ServerSettings, request: ServerRequest
) -> tuple[ServerSettings, ServerRequest]:
    """Keep what the description does not name: unicast clients are served by the same function, sources and clock."""
    if wanted is None:
        return server, request
    if wanted.listen is None:
        server = replace(
            server,
            listen=_union(present.listen or (), server.listen or ()),
            ipv6_listen=_union(present.ipv6_listen or (), server.ipv6_listen or ()),
        )
    if wanted.reference_stratum is None:
        server = replace(server, reference_stratum=present.reference_stratum)
    return server, ServerRequest.of(wanted.enabled, ServerRequest.KEEP) if wanted.enabled is None else request


def kept_for_other_lines(present: Configuration, wanted: Configuration, state: State) -> tuple[str, ...]:
    """Return the options of the server that stay although the state would take them away.

    NTP lines outside the model stand on the device, and a server that answers may be what they are for.
    """
    if state is State.MERGED or present.server is None:
        return ()
    if not (present.server_users or _unnamed_upstream(present, wanted, state)):
        return ()
    policy = KeyPolicy(UpdateSecrets.ON_CREATE, {})
    section = replace(wanted, authentication=None)
    stays = Resolution(present, section, state, policy, Comparison()).target.server or ServerSettings()
    alone = replace(present, server_users=(), server=replace(present.server, upstream=()))
    goes = Resolution(alone, section, state, policy, Comparison()).target.server
    without = goes or ServerSettings()
    switched = any(
        one and not other
        for one, other in ((stays.enabled, without.enabled), (stays.ipv6_enabled, without.ipv6_enabled))
    )
    sources = _less_sources(stays.listen, without.listen) + _less_sources(stays.ipv6_listen, without.ipv6_listen)
    clock = stays.reference_stratum is not None and without.reference_stratum is None
    return (
        *(["server.enabled"] * switched),
        *(f"server.listen: {source}" for source in sources),
        *(["server.reference_stratum"] * clock),
    )


def _less_sources(present: tuple[str, ...] | None, left: tuple[str, ...] | None) -> list[str]:
    return [source for source in present or () if source not in (left or ())]


# Interfaces


def _interfaces(
    configuration: Configuration, wanted: tuple[Interface, ...] | None, state: State, comparison: Comparison
) -> tuple[Interface, ...]:
    present = configuration.interfaces or ()
    if wanted is None and state is not State.OVERRIDDEN:
        return present
    spelling = {interface_key(name): name for name in configuration.interface_names}
    combine = {State.MERGED: _merged, State.DELETED: _without}.get(state, _exact)
    interfaces = {} if state is State.OVERRIDDEN else {interface_key(entry.name): entry for entry in present}
    shown = {interface_key(entry.name): entry for entry in present}
    for given in wanted or ():
        key = interface_key(given.name)
        interfaces[key] = combine(
            shown.get(key, Interface(spelling.get(key, interface_name(given.name)))), given, comparison
        )
    return tuple(entry for entry in interfaces.values() if entry.servers or entry.clients)


def _merged(present: Interface, given: Interface, comparison: Comparison) -> Interface:
    return Interface(
        present.name,
        _combined(present.servers, given.servers, comparison, overlay=_overlaid),
        _combined(present.clients, given.clients, comparison, overlay=lambda _unused, client: client),
    )


def _combined(
    present: tuple[_Entry, ...] | None,
    given: tuple[_Entry, ...] | None,
    comparison: Comparison,
    *,
    overlay: Callable[[_Entry, _Entry], _Entry],
) -> tuple[_Entry, ...]:
    entries = {entry.address: entry for entry in present or ()}
    for entry in given or ():
        before = entries.get(entry.address)
        entries[entry.address] = entry if before is None else _unless_same(before, overlay(before, entry), comparison)
    return tuple(entries.values())


def _overlaid(present: MulticastServer, given: MulticastServer) -> MulticastServer:
    return MulticastServer(
        given.address,
        present.key_id if given.key_id is None else given.key_id,
        present.ttl if given.ttl is None else given.ttl,
        present.version if given.version is None else given.version,
        present.port if given.port is None else given.port,
    )


def _exact(present: Interface, given: Interface, comparison: Comparison) -> Interface:
    servers = _made(present.servers, given.servers, comparison)
    return Interface(present.name, servers, _made(present.clients, given.clients, comparison))


def _made(
    present: tuple[_Entry, ...] | None, given: tuple[_Entry, ...] | None, comparison: Comparison
) -> tuple[_Entry, ...]:
    before = {entry.address: entry for entry in present or ()}
    made = {entry.address: _unless_same(before.get(entry.address, entry), entry, comparison) for entry in given or ()}
    return tuple(made.values())


def _without(present: Interface, given: Interface, _comparison: Comparison) -> Interface:
    if given.servers is None and given.clients is None:
        return Interface(present.name)
    return Interface(present.name, _less(present.servers, given.servers), _less(present.clients, given.clients))


def _less(present: tuple[_Entry, ...] | None, given: tuple[_Entry, ...] | None) -> tuple[_Entry, ...]:
    addresses = {entry.address for entry in given or ()}
    return tuple(entry for entry in present or () if entry.address not in addresses)


def _unless_same(present: _Entry, target: _Entry, comparison: Comparison) -> _Entry:
    """Keep the words in which the device states what is meant anyway."""
    return present if comparison.same(present, target) else target
