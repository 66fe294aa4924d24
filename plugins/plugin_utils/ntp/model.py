# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted of a device, and what is present on it, without a word of any command line.

``None`` means "not asked for" in a wanted configuration and "not known" in a present one. A configuration that was read
from a device always has its three sections.
"""

from __future__ import annotations

import enum
import hmac
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Union

from .masking import MASK

IpAddress = Union[IPv4Address, IPv6Address]

DEFAULT_GROUP_IPV4 = IPv4Address("224.0.1.1")
# FF0E::0101, not FF02::101: fact 1.3 (CE6800 and NE40E command references).
DEFAULT_GROUP_IPV6 = IPv6Address("ff0e::101")

# VRP command reference, ntp multicast-server (fact 1.3); RFC 7822 section 3 has the reason.
KEY_ID_MOST_VERSION_4 = 65535

ALL = "all"
"""The word that stands for every interface in a list of listening sources."""


class AddressFamily(enum.Enum):
    """The two address families, named as Ansible's network modules do (``afi``)."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @classmethod
    def of(cls, address: IpAddress) -> AddressFamily:
        """Return the family of an address."""
        return cls.IPV6 if address.version == 6 else cls.IPV4

    @property
    def default_group(self) -> IpAddress:
        """The group that a device uses when a line names none (fact 1.3)."""
        return DEFAULT_GROUP_IPV6 if self is AddressFamily.IPV6 else DEFAULT_GROUP_IPV4


class Algorithm(enum.Enum):
    """Message authentication algorithms, spelled as VRP spells them (fact 1.1)."""

    MD5 = "md5"
    HMAC_SHA256 = "hmac-sha256"
    AES_128_CMAC = "aes-128-cmac"
    AES_256_CMAC = "aes-256-cmac"

    @property
    def secret_octets(self) -> int | None:
        """The exact length of the secret in octets, or None where any length will do (fact 1.1; RFC 8573)."""
        return {Algorithm.AES_128_CMAC: 16, Algorithm.AES_256_CMAC: 32}.get(self)


class Secret:
    """A text that is never shown: ``repr``, ``str`` and ``format`` print a mask.

    Two secrets compare in constant time. ``reveal()`` is the only way to the text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = str(text)

    def reveal(self) -> str:
        """Return the text itself: for the line that is sent, and for nothing else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_octets(self._text), _octets(other._text))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, format_spec: str) -> str:
        return format(MASK, format_spec)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Key:
    """An authentication key.

    A wanted key carries a ``secret``; a key that was read carries the ``ciphertext`` that the device shows. The two
    can't be compared with each other (fact 0.3). ``used_elsewhere`` is set on a key that was read when a line outside
    this model (a unicast server, say) names it, so that it is not ours alone to remove.
    """

    id: int
    algorithm: Algorithm | None = None
    secret: Secret | None = None
    ciphertext: Secret | None = None
    trusted: bool | None = None
    used_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Authentication:
    """The authentication switch and the keys."""

    enabled: bool | None = None
    keys: tuple[Key, ...] | None = None


@dataclass(frozen=True, slots=True)
class UpstreamServer:
    """A unicast server that the host itself follows (fact 1.8). Address and VPN instance identify it.

    ``minpoll`` is 3..6 and ``maxpoll`` 10..17, as powers of two in seconds. ``others`` are words of its line that no
    option describes (``iburst``, say), as a device shows them: they stay as long as the entry does.
    """

    address: IpAddress
    key_id: int | None = None
    version: int | None = None
    preferred: bool | None = None
    vpn_instance: str | None = None
    source_interface: str | None = None
    minpoll: int | None = None
    maxpoll: int | None = None
    others: tuple[str, ...] = ()

    @property
    def afi(self) -> AddressFamily:
        """The address family of the server."""
        return AddressFamily.of(self.address)

    @property
    def identity(self) -> tuple[IpAddress, str | None]:
        """What no two entries of a device share."""
        return self.address, self.vpn_instance


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a multicast server also needs to be a usable source (fact 1.5).

    ``listen`` holds the IPv4 side: interface names, or ``all``. ``ipv6_listen`` holds the IPv6 side: addresses in the
    standard library's spelling, or ``all``, because VRP binds the IPv6 server to an address and not to an interface.
    ``enabled`` and ``ipv6_enabled`` are the server function of each family; in a wanted configuration only ``enabled``
    is set and stands for both. ``upstream`` are the unicast servers that the host follows; None in a wanted
    configuration leaves them alone in every state.
    """

    enabled: bool | None = None
    listen: tuple[str, ...] | None = None
    reference_stratum: int | None = None
    ipv6_listen: tuple[str, ...] | None = None
    ipv6_enabled: bool | None = None
    upstream: tuple[UpstreamServer, ...] | None = None


@dataclass(frozen=True, slots=True)
class MulticastServer:
    """A multicast server entry of an interface: sends mode 5 packets to a group.

    ``ttl`` is 1..255 hops, ``version`` 1..4 (IPv4 only), ``port`` the UDP destination port.
    """

    address: IpAddress
    key_id: int | None = None
    ttl: int | None = None
    version: int | None = None
    port: int | None = None

    @property
    def afi(self) -> AddressFamily:
        """The address family of the group."""
        return AddressFamily.of(self.address)


@dataclass(frozen=True, slots=True)
class MulticastClient:
    """A multicast client entry of an interface: listens to a group."""

    address: IpAddress

    @property
    def afi(self) -> AddressFamily:
        """The address family of the group."""
        return AddressFamily.of(self.address)


Association = Union[MulticastServer, MulticastClient]


@dataclass(frozen=True, slots=True)
class Interface:
    """The multicast entries of one interface."""

    name: str
    servers: tuple[MulticastServer, ...] | None = None
    clients: tuple[MulticastClient, ...] | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole NTP multicast configuration of one device.

    ``foreign_lines`` is true on a present configuration when NTP lines outside this model stand on the device: they
    decide whether the automatic ``server disable`` lines come and go (fact 0.2). ``server_users`` are those of them
    that may need the server function, secrets masked, and ``interface_names`` are all interfaces of the device as it
    prints them. ``adds_ipv6_server_disable`` says whether the first NTP line adds the automatic line of IPv6 too
    (fact 1.5). None of the three makes a difference between two configurations.
    """

    authentication: Authentication | None = None
    server: ServerSettings | None = None
    interfaces: tuple[Interface, ...] | None = None
    foreign_lines: bool = False
    server_users: tuple[str, ...] = field(default=(), compare=False)
    interface_names: tuple[str, ...] = field(default=(), compare=False)
    adds_ipv6_server_disable: bool = field(default=True, compare=False)


EMPTY = Configuration(
    authentication=Authentication(enabled=False, keys=()),
    server=ServerSettings(listen=(), ipv6_listen=(), upstream=()),
    interfaces=(),
)
"""What is present on a device without any NTP configuration."""
