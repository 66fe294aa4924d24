# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the data model, written here once: their types, bounds, choices, texts and sources.

From these classes come the argument specification of the action plugins, what validation checks of a single value, and,
written by ``tests/tools/generate_options`` and compared by a test, the documentation of the module, the specifications
of both roles and the table of the guide on the data model.

Texts are Ansible's markup. ``{config}`` stands for what comes before a section's name: ``config.`` in the module,
``ntp_multicast_`` in the role.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .model import KEY_ID_MOST_VERSION_4, Algorithm

KEY_COMMAND = "VRP command reference, ntp authentication-keyid"
SERVER_COMMAND = "VRP command reference, ntp multicast-server"
CLIENT_COMMAND = "VRP command reference, ntp multicast-client"
LISTEN_COMMAND = "VRP command reference, ntp server source-interface"
CLOCK_COMMAND = "VRP command reference, ntp refclock-master"
INTERFACE_COMMAND = "VRP command reference, interface"
SWITCH_COMMAND = "VRP command reference, ntp authentication enable"
TRUST_COMMAND = "VRP command reference, ntp trusted authentication-keyid"
DISABLE_COMMAND = "VRP command reference, ntp server disable"
UPSTREAM_COMMAND = "VRP command reference, ntp unicast-server"
YANG = "YANG module huawei-ntp"
MODEL = "data model of this collection"
EXTENSION_FIELDS = "RFC 7822 section 3"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers that an option takes."""

    least: int
    most: int
    others: tuple[int, ...] = ()

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and (self.least <= number <= self.most or number in self.others)

    @property
    def words(self) -> str:
        """The bounds as a message says them."""
        alone = "".join(f"{number} or " for number in self.others)
        return f"{alone}from {self.least} to {self.most}"

    @property
    def markup(self) -> str:
        """The bounds as documentation says them."""
        alone = "".join(f"V({number}), or " for number in self.others)
        return f"{alone}V({self.least}) to V({self.most})."


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        kind: its type in an argument specification; of the elements, if it is a list.
        text: what it means, in sentences.
        source: where its rule comes from.
        bounds: the numbers that it takes.
        choices: the words that it takes.
        required: whether it has to be given.
        secret: whether it is never shown; False also says that a name which looks like a secret is none.
        many: whether it is a list.
        inside: the class of the options inside it.
    """

    kind: str
    text: tuple[str, ...]
    source: str = ""
    bounds: Bounds | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    secret: bool | None = None
    many: bool = False
    inside: type[Any] | None = None

    @property
    def specification(self) -> dict[str, Any]:
        """The option in an argument specification."""
        found: dict[str, Any] = {"type": "list", "elements": self.kind} if self.many else {"type": self.kind}
        if self.choices:
            found["choices"] = list(self.choices)
        if self.required:
            found["required"] = True
        if self.secret is not None:
            found["no_log"] = self.secret
        if self.inside is not None:
            found["options"] = specification(self.inside)
        return found

    @property
    def sentences(self) -> tuple[str, ...]:
        """What documentation says of the option, its bounds included."""
        return (*self.text, *([self.bounds.markup] if self.bounds else ()))


def option(kind: str, *text: str, **what: Any) -> dict[str, Option]:
    """Return the metadata of a field that stands for an option."""
    return {"option": Option(kind, text, **what)}


def options_of(described: type[Any]) -> Iterator[tuple[str, Option]]:
    """Yield the names and the options of a class."""
    return ((found.name, found.metadata["option"]) for found in dataclasses.fields(described))


def bounds_of(described: type[Any], name: str) -> Bounds:
    """Return the numbers that an option of a class takes."""
    bounds = dict(options_of(described))[name].bounds
    if bounds is None:
        raise ValueError(f"{name} has no bounds")
    return bounds


def specification(described: type[Any]) -> dict[str, Any]:
    """Return the argument specification of a class."""
    return {name: found.specification for name, found in options_of(described)}


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """An authentication key."""

    id: int | None = field(
        default=None,
        metadata=option(
            "int",
            "Number of the key.",
            "A server with O({config}interfaces[].servers[].version=4) takes keys up to "
            f"V({KEY_ID_MOST_VERSION_4}) only, because the packet of a larger one could be read as an extension field.",
            source=f"{KEY_COMMAND}; {EXTENSION_FIELDS}",
            bounds=Bounds(1, 4294967295),
            required=True,
        ),
    )
    algorithm: str | None = field(
        default=None,
        metadata=option(
            "str",
            "How the key authenticates packets. Needed to create a key.",
            "V(md5) is broken and deprecated by RFC 8573, and CloudEngine devices take it only after the package for "
            "weak algorithms was installed.",
            source=f"{KEY_COMMAND}; RFC 8573",
            choices=tuple(algorithm.value for algorithm in Algorithm),
        ),
    )
    secret: str | None = field(
        default=None,
        metadata=option(
            "str",
            "The secret of the key, in plain text. Never shown in results, differences, messages or logs.",
            "V(aes-128-cmac) takes exactly 16 characters, V(aes-256-cmac) exactly 32.",
            source=f"{KEY_COMMAND}; RFC 8573 for AES-128",
            secret=True,
        ),
    )
    trusted: bool | None = field(
        default=None,
        metadata=option(
            "bool",
            "Whether a source that proves itself with the key may be synchronised to. A client needs it, a server does "
            "not.",
            source=TRUST_COMMAND,
        ),
    )


@dataclass(frozen=True, slots=True)
class AuthenticationOptions:
    """The authentication switch and the keys."""

    enabled: bool | None = field(
        default=None,
        metadata=option(
            "bool",
            "Whether NTP authentication is switched on. With it, a client takes authenticated packets only.",
            source=SWITCH_COMMAND,
        ),
    )
    keys: list[KeyOptions] | None = field(
        default=None,
        metadata=option(
            "dict",
            "Authentication keys, each number once.",
            source=KEY_COMMAND,
            many=True,
            secret=False,
            inside=KeyOptions,
        ),
    )


@dataclass(frozen=True, slots=True)
class UpstreamOptions:
    """A unicast server that the host itself follows."""

    address: str | None = field(
        default=None,
        metadata=option(
            "str",
            "Address of the server, IPv4 or IPv6, without a zone. It is a host's, neither multicast nor loopback.",
            source=f"{UPSTREAM_COMMAND}; {YANG}",
            required=True,
        ),
    )
    key_id: int | None = field(
        default=None,
        metadata=option(
            "int",
            "Number of the key that authenticates the packets. One of the keys described, if any keys are. It has to "
            "be trusted, since the host synchronises with its help.",
            source=UPSTREAM_COMMAND,
            bounds=Bounds(1, 4294967295),
            secret=False,
        ),
    )
    version: int | None = field(
        default=None,
        metadata=option(
            "int",
            "NTP version of the requests, for IPv4 alone. Omitted, 3 on VRP and 4 on Linux.",
            source=f"{UPSTREAM_COMMAND}; {YANG}",
            bounds=Bounds(1, 4),
        ),
    )
    preferred: bool | None = field(
        default=None,
        metadata=option(
            "bool",
            "Whether the server is preferred to others that are as good. Omitted, it is not.",
            source=f"{UPSTREAM_COMMAND}; RFC 9249, prefer",
        ),
    )
    vpn_instance: str | None = field(
        default=None,
        metadata=option(
            "str",
            "VPN instance through which the server is reached; with the address it identifies the entry. It has to be "
            "there, with the family of the address enabled.",
            "On VRP alone. It has 1 to 31 letters, digits and characters of C(_.:/@#+=-), begins with a letter, a "
            "digit or C(_), and is not C(_public_).",
            source=f"{UPSTREAM_COMMAND}; {YANG}",
        ),
    )
    source_interface: str | None = field(
        default=None,
        metadata=option(
            "str",
            "Interface whose address is the source of the requests. On VRP alone, where it has to be in the VPN "
            "instance, and to have IPv6 for an IPv6 server.",
            source=f"{UPSTREAM_COMMAND}; RFC 9249, source",
        ),
    )
    minpoll: int | None = field(
        default=None,
        metadata=option(
            "int",
            "Shortest interval between requests, as a power of two in seconds. Omitted, 6.",
            source=f"{UPSTREAM_COMMAND}; {YANG}; RFC 9249, minpoll",
            bounds=Bounds(3, 6),
        ),
    )
    maxpoll: int | None = field(
        default=None,
        metadata=option(
            "int",
            "Longest interval between requests, as a power of two in seconds. Omitted, 10.",
            source=f"{UPSTREAM_COMMAND}; {YANG}; RFC 9249, maxpoll",
            bounds=Bounds(10, 17),
        ),
    )


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What a multicast server also needs."""

    enabled: bool | None = field(
        default=None,
        metadata=option(
            "bool",
            "Whether the host answers NTP clients. On VRP it undoes the automatic C(ntp server disable), and the IPv6 "
            "one where IPv6 is served.",
            source=DISABLE_COMMAND,
        ),
    )
    listen: list[str] | None = field(
        default=None,
        metadata=option(
            "str",
            "Names of interfaces on which requests are answered, or the one word V(all).",
            "A VRP device answers IPv6 clients at IPv6 addresses of its own, which can stand here too, or with V(all). "
            "On Linux a name covers both families.",
            source=LISTEN_COMMAND,
            many=True,
        ),
    )
    reference_stratum: int | None = field(
        default=None,
        metadata=option(
            "int",
            "Makes the local clock a reference clock of this stratum.",
            source=f"{CLOCK_COMMAND}; {YANG}",
            bounds=Bounds(1, 15),
        ),
    )
    upstream: list[UpstreamOptions] | None = field(
        default=None,
        metadata=option(
            "dict",
            "Unicast servers that the host itself follows, each address once in a VPN instance. A multicast server "
            "that follows nobody tells its whole site its own drift.",
            "Omitted, nothing is asked of them, and they stay as they are in every state. Given, the states "
            "V(replaced) and V(overridden) leave these servers and no others, V(deleted) removes these.",
            "On Linux they are sources of C(chronyd), and the variable C(ntp_multicast_engine_upstream) has to be "
            "V(chrony).",
            source=f"{UPSTREAM_COMMAND}; RFC 9249, unicast-configuration",
            many=True,
            inside=UpstreamOptions,
        ),
    )


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """A multicast group, as servers and clients name it."""

    afi: str | None = field(
        default=None,
        metadata=option(
            "str",
            "Address family. Omitted, that of the address, else V(ipv4).",
            source=MODEL,
            choices=("ipv4", "ipv6"),
        ),
    )
    address: str | None = field(
        default=None,
        metadata=option(
            "str",
            "Multicast group, without a zone. Omitted, V(224.0.1.1), or V(FF0E::101) for V(ipv6).",
            source=f"{SERVER_COMMAND}; {CLIENT_COMMAND}",
        ),
    )


@dataclass(frozen=True, slots=True)
class MulticastServerOptions(GroupOptions):
    """A group to which time is sent."""

    key_id: int | None = field(
        default=None,
        metadata=option(
            "int",
            "Number of the key that authenticates the packets. One of the keys described, if any keys are.",
            source=SERVER_COMMAND,
            bounds=Bounds(1, 4294967295),
            secret=False,
        ),
    )
    ttl: int | None = field(
        default=None,
        metadata=option(
            "int",
            "How many hops the packets may take. The default belongs to the release of a device, and manuals disagree "
            "on it, so that none is assumed and none is ever written.",
            source=f"{SERVER_COMMAND}; {YANG}",
            bounds=Bounds(1, 255),
        ),
    )
    version: int | None = field(
        default=None,
        metadata=option(
            "int",
            "NTP version of the packets, for IPv4 alone. Omitted, 3 on VRP and 4 on Linux.",
            source=f"{SERVER_COMMAND}; {YANG}",
            bounds=Bounds(1, 4),
        ),
    )
    port: int | None = field(
        default=None,
        metadata=option(
            "int",
            "UDP destination port. Omitted, 123.",
            source=f"{SERVER_COMMAND}; {YANG}",
            bounds=Bounds(1025, 65535, (123,)),
        ),
    )


@dataclass(frozen=True, slots=True)
class InterfaceOptions:
    """The multicast entries of one interface."""

    name: str | None = field(
        default=None,
        metadata=option(
            "str",
            "Name of the interface, in the words of its platform. On VRP a layer 3 interface, such as V(100GE1/0/1) or "
            "V(Vlanif100), with its whole type. Case does not matter; V(GE0/1/0) and V(GigabitEthernet0/1/0) are one.",
            source=INTERFACE_COMMAND,
            required=True,
        ),
    )
    servers: list[MulticastServerOptions] | None = field(
        default=None,
        metadata=option(
            "dict",
            "Groups to which the interface sends time, each once.",
            source=f"{YANG}: the address is a key of the list",
            many=True,
            inside=MulticastServerOptions,
        ),
    )
    clients: list[GroupOptions] | None = field(
        default=None,
        metadata=option(
            "dict",
            "Groups to which the interface listens, each once.",
            source=f"{YANG}: the address is a key of the list",
            many=True,
            inside=GroupOptions,
        ),
    )


@dataclass(frozen=True, slots=True)
class ConfigOptions:
    """The data model."""

    authentication: AuthenticationOptions | None = field(
        default=None,
        metadata=option("dict", "The authentication switch and the keys.", source=MODEL, inside=AuthenticationOptions),
    )
    server: ServerOptions | None = field(
        default=None,
        metadata=option(
            "dict",
            "What a multicast server also needs, because a new client first asks it directly to measure the path.",
            source="RFC 5905 section 3.1",
            inside=ServerOptions,
        ),
    )
    interfaces: list[InterfaceOptions] | None = field(
        default=None,
        metadata=option(
            "dict",
            "Who sends and who listens, each interface once.",
            source=MODEL,
            many=True,
            inside=InterfaceOptions,
        ),
    )


CONFIG_OPTIONS: dict[str, Any] = specification(ConfigOptions)
"""The ``options`` of the module option ``config``; its three sections are also the role's variables."""
