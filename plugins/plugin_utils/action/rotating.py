# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation of a key in the terms of playbooks: variables and registered results in, plain data out.

No secret is in what comes out, but for the change of one host, which is handed to the task that makes it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ntp.engine_document import sections_of
from ..ntp.errors import UserError
from ..ntp.model import Configuration, Secret
from ..ntp.options_codec import configuration_from_options
from ..ntp.proof import Look, Source
from ..ntp.rotation import VARIABLE, Host, KeyEntry, Rotation, Sender, Side, Step
from .adopted_linux import key_types
from .platform import LINUX, platform_of
from .preflight import PREFIX, SECTIONS, readable, validator

# What the playbook rotate_key registers.
READ, ENGINE, ENGINE_KEYS, STATUS = (
    "__ntp_multicast_rotation_read",
    "__ntp_multicast_rotation_engine",
    "__ntp_multicast_rotation_keys",
    "ntp_multicast_status",
)
_NAMES_KEY = re.compile(r"\bauthentication-keyid (\d+)")


class WrongRotation(Exception):
    """The variables describe no rotation; a sentence."""


@dataclass(frozen=True)
class Described:
    """The variables of one host. values: all of ours that are set, typed"""

    platform: str
    values: Mapping[str, Any]

    @property
    def sections(self) -> dict[str, Any]:
        """The sections of the description, without what is not asked for."""
        return {section: _asked_for(self.values.get(PREFIX + section)) for section in SECTIONS}

    @property
    def rotation(self) -> Mapping[str, Any] | None:
        """The variable, where it is set."""
        found: Mapping[str, Any] | None = self.values.get(VARIABLE)
        return found


def _asked_for(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _asked_for(inside) for name, inside in value.items() if inside is not None}
    return [_asked_for(inside) for inside in value] if isinstance(value, list) else value


def described(variables: Mapping[str, Any]) -> Described:
    """Read the variables of a host. Those that are wrong are told by the preflight."""
    platform = platform_of(variables)
    values, _unreadable = readable(variables)
    typed = validator(platform).validate(dict(values))
    return Described(platform, typed.validated_parameters if not typed.error_messages else values)


def rotation_of(hosts: Mapping[str, Described]) -> Rotation:
    """The one rotation that all hosts are in. Raises WrongRotation when there is none, or more than one."""
    found = {name: host.rotation for name, host in hosts.items() if host.rotation}
    if not found:
        raise WrongRotation(
            f"{VARIABLE} has to say which key is rotated. Set it for all hosts, with old (the key that goes, as it "
            "stood in ntp_multicast_authentication.keys) and new (the id of the key that comes)."
        )
    first = next(iter(found.values()))
    others = [name for name, rotation in found.items() if rotation != first]
    if others:
        raise WrongRotation(
            f"{VARIABLE} differs between hosts, {next(iter(found))} and {others[0]} for example. There is one rotation "
            "at a time: set it once for all hosts."
        )
    old = first.get("old") or {}
    if old.get("id") is None or first.get("new") is None:
        missing = "old.id" if old.get("id") is None else "new"
        raise WrongRotation(f"{VARIABLE}.{missing} is missing.")
    return Rotation(_key(old), int(first["new"]))


def _key(entry: Mapping[str, Any]) -> KeyEntry:
    secret = entry.get("secret")
    return KeyEntry(int(entry["id"]), entry.get("algorithm"), entry.get("trusted"), Secret(secret) if secret else None)


def problems_of_settings(host: Described) -> list[str]:
    """Settings under which no step would be what it is meant to be."""
    values = host.values
    launched = values.get(f"{PREFIX}launch_state")
    state = values.get(f"{PREFIX}state") if launched in (None, "", "as described") else launched
    confirm = values.get(f"{PREFIX}launch_confirm") or (values.get(f"{PREFIX}commit") or {}).get("confirm")
    found = []
    if state == "deleted":
        found.append(f"{PREFIX}state is deleted, so there is nothing to rotate.")
    if confirm == "none":
        found.append(
            f"{PREFIX}commit.confirm is none, which leaves a change on trial, and the next step needs one that stays. "
            "Choose login or synchronised."
        )
    return found


# -- the two sides of a host -------------------------------------------------------------------------------------------


def host_of(described_as: Described, variables: Mapping[str, Any]) -> Host:
    """A host with what its tasks have registered. Raises UserError when it was not read."""
    wanted = side_of(described_as.sections)
    linux = described_as.platform == LINUX
    return Host(wanted, _linux(variables) if linux else _device(variables), needs_secrets=linux)


def without_look(described_as: Described) -> Host:
    """A host of which only the description is known."""
    return Host(side_of(described_as.sections), Side(), needs_secrets=described_as.platform == LINUX)


def side_of(sections: Mapping[str, Any], used_elsewhere: Mapping[int, str] | None = None) -> Side:
    """One side, from the sections of the model."""
    configuration = configuration_from_options(sections)
    authentication = configuration.authentication
    keys = [_key(entry) for entry in (sections.get("authentication") or {}).get("keys") or ()]
    return Side(
        tuple(keys),
        _senders(configuration),
        frozenset(
            str(client.address) for interface in configuration.interfaces or () for client in interface.clients or ()
        ),
        bool(authentication and authentication.enabled),
        used_elsewhere or {},
    )


def _senders(configuration: Configuration) -> tuple[Sender, ...]:
    return tuple(
        Sender(interface.name, str(server.address), server.key_id)
        for interface in configuration.interfaces or ()
        for server in interface.servers or ()
    )


def _device(variables: Mapping[str, Any]) -> Side:
    result = variables.get(READ) or {}
    if "gathered" not in result:
        raise UserError(_reason(result))
    lines = [str(line) for line in result.get("outside_model") or ()]
    elsewhere = {int(found[1]): line for line in lines for found in [_NAMES_KEY.search(line)] if found}
    upstream = (result["gathered"].get("server") or {}).get("upstream") or ()
    elsewhere |= {int(entry["key_id"]): f"upstream {entry['address']}" for entry in upstream if entry.get("key_id")}
    return side_of(result["gathered"], elsewhere)


def _linux(variables: Mapping[str, Any]) -> Side:
    result, keys = variables.get(ENGINE) or {}, variables.get(ENGINE_KEYS)
    if "content" not in result:
        if "not found" in str(result.get("msg") or ""):
            return Side()  # no engine is deployed yet
        raise UserError(_reason(result))
    try:
        document = json.loads(base64.b64decode(str(result["content"])))
        return side_of(sections_of(document, key_types(keys)))
    except (ValueError, binascii.Error, KeyError, TypeError, AttributeError) as error:
        raise UserError("the engine's configuration is not one of ours.") from error


def _reason(result: Mapping[str, Any]) -> str:
    return " ".join(str(result.get("msg") or "it was not looked at").split())


# -- the change of one host --------------------------------------------------------------------------------------------


def change_of(step: Step, rotation: Rotation, host: Described, present: Side) -> dict[str, Any]:
    """What a step asks of a host: the option `config` for a device, the sections of the description for Linux."""
    return _whole(step, rotation, host, present) if host.platform == LINUX else _part(step, rotation, host)


def _part(step: Step, rotation: Rotation, host: Described) -> dict[str, Any]:
    """On a device only what the rotation is about is changed."""
    keys = (host.sections["authentication"] or {}).get("keys") or ()
    if step is Step.OLD_KEY:
        return {"authentication": {"keys": [{"id": rotation.old.id}]}}
    new = {"authentication": {"keys": [key for key in keys if key["id"] == rotation.new]}}
    if step is Step.NEW_KEY:
        return new
    interfaces = [
        {
            "name": interface["name"],
            "servers": [
                {name: server[name] for name in ("address", "afi", "key_id") if name in server}
                for server in interface.get("servers") or ()
                if server.get("key_id") == rotation.new
            ],
        }
        for interface in host.sections["interfaces"] or ()
    ]
    return {"interfaces": [interface for interface in interfaces if interface["servers"]]}


def _whole(step: Step, rotation: Rotation, host: Described, present: Side) -> dict[str, Any]:
    """On Linux the files are written as a whole: as described, with what is still needed of before."""
    sections = host.sections
    if step is Step.OLD_KEY:
        return sections
    authentication = dict(sections["authentication"] or {})
    secret = rotation.old.secret
    old = {
        "id": rotation.old.id,
        "algorithm": rotation.old.algorithm,
        "secret": secret.reveal() if secret else None,
        "trusted": True,
    }
    authentication["keys"] = [*(authentication.get("keys") or ()), old]
    interfaces = sections["interfaces"]
    if step is Step.NEW_KEY:
        interfaces = [_with_present_keys(interface, rotation, present) for interface in interfaces or ()]
    return {**sections, "authentication": authentication, "interfaces": interfaces}


def _with_present_keys(interface: Mapping[str, Any], rotation: Rotation, present: Side) -> dict[str, Any]:
    """The interface with the keys with which it signs now."""
    servers = []
    wanted = side_of({"interfaces": [interface]}).senders
    for entry, sender in zip(interface.get("servers") or (), wanted):
        now = present.sender(sender.place)
        keeps = sender.key_id == rotation.new and now is not None
        servers.append({**entry, "key_id": now.key_id} if keeps and now is not None else dict(entry))
    return {**interface, **({"servers": servers} if servers else {})}


# -- looks at clients --------------------------------------------------------------------------------------------------


def look_of(result: Mapping[str, Any], platform: str, groups: Collection[str]) -> Look:
    """A look at a client, from what its status has shown of some groups. Raises UserError when it has shown nothing."""
    ntp = result.get("ntp")
    if not isinstance(ntp, Mapping):
        raise UserError(_reason(result))
    entries = [entry for entry in ntp.get("associations") or () if entry.get("group") in (None, *groups)]
    shown = {**ntp, "associations": entries}
    return _look_at_engine(result, shown) if platform == LINUX else _look_at_device(result, shown)


def _look_at_engine(result: Mapping[str, Any], ntp: Mapping[str, Any]) -> Look:
    document = result.get("engine") or {}
    engine = document.get("engine") or {}
    # The host's own clock, which a clock of the controller has nothing to do with.
    uptime = float(engine.get("uptime") or 0.0)
    accepted = [int(group.get("accepted") or 0) for group in document.get("groups") or ()]
    return Look(
        began=uptime,
        ended=uptime,
        sources=_sources(ntp["associations"]),
        synchronised=bool(ntp.get("synchronised")),
        tells_keys=True,
        run=str(engine.get("pid") or ""),
        processed=sum(accepted),
    )


def _look_at_device(result: Mapping[str, Any], ntp: Mapping[str, Any]) -> Look:
    packets, losses = result.get("packets") or {}, result.get("losses")
    began = float(result.get("looked_at") or 0.0)
    return Look(
        began=began,
        ended=float(result.get("looked_until") or began),
        sources=_sources([entry for entry in ntp["associations"] if _multicast(entry)]),
        synchronised=bool(ntp.get("synchronised")),
        processed=packets.get("processed"),
        failures=packets.get("authentication_failures"),
        losses=None if losses is None else tuple(map(_loss, losses)),
    )


def _loss(entry: Mapping[str, Any]) -> str:
    reason = " ".join(str(entry.get("reason") or "no reason told").split())
    return f"{entry.get('source')} ({reason}, {entry.get('time') or 'no time told'})"


def _multicast(entry: Mapping[str, Any]) -> bool:
    """Whether it is a source that sends by itself; a device without the verbose form does not tell."""
    source, mode = str(entry.get("source") or ""), entry.get("mode")
    return not source.startswith("127.127.") and (mode is None or "cast" in str(mode).casefold())


def _sources(entries: Sequence[Mapping[str, Any]]) -> tuple[Source, ...]:
    """A server that sends to two groups, or on two interfaces, is two sources."""
    names = [str(entry.get("source")) for entry in entries]
    return tuple(
        _source(name if names.count(name) == 1 else f"{name} ({entry.get('group')} on {entry.get('interface')})", entry)
        for name, entry in zip(names, entries)
    )


def _source(name: str, entry: Mapping[str, Any]) -> Source:
    return Source(
        name,
        entry.get("reach"),
        entry.get("poll"),
        entry.get("last_received"),
        entry.get("key_id"),
        bool(entry.get("selected")),
    )


def look_as_data(look: Look) -> dict[str, Any]:
    """For a fact."""
    names = ("began", "ended", "synchronised", "tells_keys", "run", "processed", "failures")
    fields = ("name", "reach", "poll", "heard", "key_id", "selected")
    return {
        **{name: getattr(look, name) for name in names},
        "sources": [{name: getattr(source, name) for name in fields} for source in look.sources],
        "losses": None if look.losses is None else list(look.losses),
    }


def look_from_data(data: Mapping[str, Any]) -> Look:
    """Back from a fact."""
    sources: Sequence[Mapping[str, Any]] = data["sources"]
    return Look(
        **{
            **data,
            "sources": tuple(Source(**source) for source in sources),
            "losses": None if data["losses"] is None else tuple(data["losses"]),
        }
    )
