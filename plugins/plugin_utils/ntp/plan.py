# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must change so that what is present becomes what is wanted, and in which order.

The order follows Huawei's advice and its mirror image (fact 0.5; pains 4.1.11 and 4.1.12). Going away: associations
and unicast servers, trust, keys, sources, the authentication switch. Coming: the switch, keys, trust, the server's
sources, unicast servers and associations. A key that one of these lets go of only when it is set anew goes after that.
Last comes the server function, because a device adds ``server disable`` by itself as soon as a first NTP line stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .changes import (
    Change,
    KeyReason,
    Listen,
    RemoveAssociation,
    RemoveKey,
    RemoveUpstream,
    SetAssociation,
    SetKey,
    SetReferenceStratum,
    SetUpstream,
    SwitchAuthentication,
    TrustKey,
)
from .comparison import Comparison, drops_upstream_parameter, same_upstream
from .errors import UserError
from .interface_names import interface_key
from .key_memory import DeviceMemory, KeyMemory
from .key_policy import KeyPolicy, UpdateSecrets
from .model import (
    KEY_ID_MOST_VERSION_4,
    AddressFamily,
    Association,
    Authentication,
    Configuration,
    Interface,
    IpAddress,
    MulticastServer,
    UpstreamServer,
)
from .target import Resolution, State

__all__ = ["Plan", "State", "UpdateSecrets", "plan"]

_Associations = dict[tuple[str, type[Association], IpAddress], tuple[str, Association]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order of their execution, and the configuration that they lead to. False if nothing is to do."""

    changes: tuple[Change, ...]
    predicted: Configuration

    def __bool__(self) -> bool:
        return bool(self.changes)


def plan(
    present: Configuration,
    wanted: Configuration,
    *,
    state: State,
    update_secrets: UpdateSecrets = UpdateSecrets.ON_CREATE,
    memory: Mapping[int, KeyMemory] | None = None,
) -> Plan:
    """Plan the way from what is present to what is wanted.

    Args:
        present: what was read from the device, or the ``predicted`` of an earlier plan.
        wanted: what was asked for.
        state: how to understand what was asked for; see ``target``.
        update_secrets: what to do with the secret of a key of which nothing is remembered.
        memory: what is remembered, per key id; a ``DeviceMemory`` also has the device's default ttl.

    Raises:
        UserError: a key would have to be written without its secret or algorithm, or a multicast server would use a key
            that is not there, or that its version does not allow.
    """
    comparison = Comparison(memory.default_ttl if isinstance(memory, DeviceMemory) else None)
    resolution = Resolution(present, wanted, state, KeyPolicy(update_secrets, memory or {}), comparison)
    target = resolution.target
    before, after = _associations(present.interfaces), _associations(target.interfaces)
    _check_keys(present, target, before, after, comparison)
    _check_versions(before, after, comparison)
    _check_upstream_versions(present, target)
    switched = _switched_on(present, target)
    removed, set_ = _association_changes(before, after, comparison, recreate=switched)
    upstream_removed, upstream_set = _upstream_changes(present, target, wanted, recreate=switched)
    keys_removed, keys_set = _key_changes(present.authentication, target.authentication, resolution.key_reasons)
    in_use = _keys_in_use(before, removed) | _upstream_keys_in_use(present, upstream_removed)
    free, still_used = _parted(keys_removed, in_use)
    sources_removed, sources_set = _source_changes(present, target)
    switched_on, switched_off = _switch_changes(present, target)
    changes = (
        *removed,
        *upstream_removed,
        *free,
        *sources_removed,
        *switched_on,
        *keys_set,
        *sources_set,
        *upstream_set,
        *set_,
        *still_used,
        *switched_off,
        *resolution.server_changes,
    )
    return Plan(changes, target)


def _associations(interfaces: tuple[Interface, ...] | None) -> _Associations:
    found: _Associations = {}
    for interface in interfaces or ():
        entries: tuple[Association, ...] = (*(interface.servers or ()), *(interface.clients or ()))
        for entry in entries:
            found[interface_key(interface.name), type(entry), entry.address] = (interface.name, entry)
    return found


def _association_changes(
    before: _Associations, after: _Associations, comparison: Comparison, *, recreate: bool
) -> tuple[list[Change], list[Change]]:
    removed: list[Change] = []
    for identity, (name, entry) in before.items():
        stays = after.get(identity)
        if stays is None or recreate or comparison.drops_parameter(entry, stays[1]):
            removed.append(RemoveAssociation(name, entry))
    gone = {(change.interface, change.association) for change in removed if isinstance(change, RemoveAssociation)}
    set_: list[Change] = []
    for identity, (name, entry) in after.items():
        was = before.get(identity)
        if was is None or was in gone or not comparison.same(was[1], entry):
            set_.append(SetAssociation(name, entry))
    return removed, set_


def _upstream_of(configuration: Configuration) -> dict[tuple[IpAddress, str | None], UpstreamServer]:
    entries = (configuration.server.upstream or ()) if configuration.server else ()
    return {entry.identity: entry for entry in entries}


def _upstream_changes(
    present: Configuration, target: Configuration, wanted: Configuration, *, recreate: bool
) -> tuple[list[Change], list[Change]]:
    """Return what goes and what comes; only those that are described are created anew."""
    before, after, described = _upstream_of(present), _upstream_of(target), _upstream_of(wanted)
    removed = [
        entry
        for identity, entry in before.items()
        if identity not in after
        or (recreate and identity in described)
        or drops_upstream_parameter(entry, after[identity])
    ]
    set_: list[Change] = [
        SetUpstream(entry)
        for identity, entry in after.items()
        if identity not in before or before[identity] in removed or not same_upstream(before[identity], entry)
    ]
    return [RemoveUpstream(entry) for entry in removed], set_


def _upstream_keys_in_use(present: Configuration, removed: list[Change]) -> set[int]:
    """Return the keys of the unicast servers that stand until they are set anew."""
    gone = {change.server.identity for change in removed if isinstance(change, RemoveUpstream)}
    entries = _upstream_of(present).items()
    return {entry.key_id for identity, entry in entries if entry.key_id is not None and identity not in gone}


def _switched_on(present: Configuration, target: Configuration) -> bool:
    """Whether authentication comes under associations that run without it: they have to be created anew (fact 0.5)."""
    return _enabled(target.authentication) and not _enabled(present.authentication)


def _enabled(authentication: Authentication | None) -> bool:
    return authentication is not None and bool(authentication.enabled)


def _switch_changes(present: Configuration, target: Configuration) -> tuple[list[Change], list[Change]]:
    """Return the change that switches authentication on, and the one that switches it off: at most one of the two."""
    enabled = _enabled(target.authentication)
    if enabled == _enabled(present.authentication):
        return [], []
    change: list[Change] = [SwitchAuthentication(enabled)]
    return (change, []) if enabled else ([], change)


def _key_changes(
    present: Authentication | None, target: Authentication | None, reasons: Mapping[int, KeyReason]
) -> tuple[list[Change], list[Change]]:
    before = {key.id: key for key in (present.keys or ())} if present else {}
    after = {key.id: key for key in (target.keys or ())} if target else {}
    distrusted: list[Change] = [
        TrustKey(key.id, False)
        for key in before.values()
        if key.trusted and not (key.id in after and after[key.id].trusted)
    ]
    removed: list[Change] = [RemoveKey(key_id) for key_id in before if key_id not in after]
    set_: list[Change] = []
    trusted: list[Change] = []
    for key in after.values():
        if key.id in reasons and key.algorithm is not None and key.secret is not None:
            replaces = before[key.id].ciphertext if key.id in before else None
            set_.append(SetKey(key.id, key.algorithm, key.secret, reasons[key.id], replaces))
        if key.trusted and not (key.id in before and before[key.id].trusted):
            trusted.append(TrustKey(key.id, True))
    return [*distrusted, *removed], [*set_, *trusted]


def _keys_in_use(before: _Associations, removed: list[Change]) -> set[int]:
    """Return the keys of the entries that stand until they are set anew."""
    gone = {(change.interface, change.association) for change in removed if isinstance(change, RemoveAssociation)}
    return {
        entry.key_id
        for name, entry in before.values()
        if isinstance(entry, MulticastServer) and entry.key_id is not None and (name, entry) not in gone
    }


def _parted(changes: list[Change], keys: set[int]) -> tuple[list[Change], list[Change]]:
    """Return the changes of all other keys, and those of these keys."""
    parts: tuple[list[Change], list[Change]] = ([], [])
    for change in changes:
        parts[isinstance(change, (TrustKey, RemoveKey)) and change.id in keys].append(change)
    return parts


def _source_changes(present: Configuration, target: Configuration) -> tuple[list[Change], list[Change]]:
    before, after = present.server, target.server
    removed: list[Change] = []
    set_: list[Change] = []
    stratum = after.reference_stratum if after else None
    if stratum != (before.reference_stratum if before else None):
        (removed if stratum is None else set_).append(SetReferenceStratum(stratum))
    for afi, was, becomes in (
        (AddressFamily.IPV4, before.listen if before else None, after.listen if after else None),
        (AddressFamily.IPV6, before.ipv6_listen if before else None, after.ipv6_listen if after else None),
    ):
        removed += [Listen(afi, source, False) for source in was or () if source not in (becomes or ())]
        set_ += [Listen(afi, source, True) for source in becomes or () if source not in (was or ())]
    return removed, set_


def _check_keys(
    present: Configuration,
    target: Configuration,
    before: _Associations,
    after: _Associations,
    comparison: Comparison,
) -> None:
    """Refuse to write, or to leave behind, an entry whose key is not there."""
    had, has = _key_ids(present), _key_ids(target)
    for identity, (name, entry) in after.items():
        if not isinstance(entry, MulticastServer) or entry.key_id is None or entry.key_id in has:
            continue
        was = before.get(identity)
        untouched = was is not None and comparison.same(was[1], entry) and entry.key_id not in had
        if not untouched:
            raise UserError(
                f"interfaces: the multicast server {entry.address} on {name} uses key {entry.key_id}, which would not "
                "be on the device. Add the key to authentication.keys, or take key_id from the server."
            )
    upstream_before = _upstream_of(present)
    for upstream in _upstream_of(target).values():
        if upstream.key_id is None or upstream.key_id in has:
            continue
        # Whatever the device shows without its key was not broken by us.
        if upstream_before.get(upstream.identity) != upstream or upstream.key_id in had:
            raise UserError(
                f"server.upstream: the unicast server {upstream.address} uses key {upstream.key_id}, which would not "
                "be on the device. Add the key to authentication.keys, or take key_id from the server."
            )


def _check_versions(before: _Associations, after: _Associations, comparison: Comparison) -> None:
    """Refuse to write an entry whose key its version does not allow; each of the two may come from the device."""
    for identity, (name, entry) in after.items():
        if not isinstance(entry, MulticastServer) or entry.version != 4:
            continue
        was = before.get(identity)
        if (was is None or not comparison.same(was[1], entry)) and (entry.key_id or 0) > KEY_ID_MOST_VERSION_4:
            raise UserError(
                f"interfaces: the multicast server {entry.address} on {name} would use key {entry.key_id} with version "
                f"4, which takes keys up to {KEY_ID_MOST_VERSION_4}. Give it another key_id or version."
            )


def _check_upstream_versions(present: Configuration, target: Configuration) -> None:
    """As `_check_versions`, for the unicast servers."""
    before = _upstream_of(present)
    for identity, entry in _upstream_of(target).items():
        too_large = entry.version == 4 and (entry.key_id or 0) > KEY_ID_MOST_VERSION_4
        if too_large and before.get(identity) != entry:
            raise UserError(
                f"server.upstream: the unicast server {entry.address} would use key {entry.key_id} with version 4, "
                f"which takes keys up to {KEY_ID_MOST_VERSION_4}. Give it another key_id or version."
            )


def _key_ids(configuration: Configuration) -> set[int]:
    return {key.id for key in (configuration.authentication.keys or ())} if configuration.authentication else set()
