# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest steps that lead from one configuration to another, without a word of any command line."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Union

from .model import AddressFamily, Algorithm, Association, Secret, UpstreamServer


class KeyReason(enum.Enum):
    """Why a key is written; the value completes "the key ..."."""

    CREATED = "is not on the device"
    ALGORITHM = "has another algorithm on the device"
    CHANGED_ON_DEVICE = "was changed on the device"
    ROTATED = "has a new secret"
    ALWAYS = "is written because update_secrets is always and nothing is remembered of it"


@dataclass(frozen=True, slots=True)
class SwitchAuthentication:
    """Switch NTP authentication on or off."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class SetKey:
    """Create a key, or overwrite its algorithm and secret. `replaces` is the ciphertext that was shown before."""

    id: int
    algorithm: Algorithm
    secret: Secret
    reason: KeyReason = KeyReason.CREATED
    replaces: Secret | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RemoveKey:
    """Remove a key."""

    id: int


@dataclass(frozen=True, slots=True)
class TrustKey:
    """Declare a key trusted, or no longer so."""

    id: int
    trusted: bool


@dataclass(frozen=True, slots=True)
class SwitchServer:
    """Switch the server function of an address family on or off."""

    afi: AddressFamily
    enabled: bool


@dataclass(frozen=True, slots=True)
class Listen:
    """Start or stop listening on a source: an interface (IPv4), an address (IPv6) or ``all``."""

    afi: AddressFamily
    source: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class SetReferenceStratum:
    """Make the local clock a reference clock of a stratum, or (None) no longer one."""

    stratum: int | None


@dataclass(frozen=True, slots=True)
class SetUpstream:
    """Create or modify the unicast server of an address and a VPN instance."""

    server: UpstreamServer


@dataclass(frozen=True, slots=True)
class RemoveUpstream:
    """Remove the unicast server of an address and a VPN instance."""

    server: UpstreamServer


@dataclass(frozen=True, slots=True)
class SetAssociation:
    """Create or modify the multicast server or client entry of an interface and group."""

    interface: str
    association: Association


@dataclass(frozen=True, slots=True)
class RemoveAssociation:
    """Remove the multicast server or client entry of an interface and group."""

    interface: str
    association: Association


Change = Union[
    SwitchAuthentication,
    SetKey,
    RemoveKey,
    TrustKey,
    SwitchServer,
    Listen,
    SetReferenceStratum,
    SetUpstream,
    RemoveUpstream,
    SetAssociation,
    RemoveAssociation,
]


def reasons_of_keys(changes: Iterable[Change]) -> dict[int, KeyReason]:
    """Why each key is written that is, by its id."""
    return {change.id: change.reason for change in changes if isinstance(change, SetKey)}
