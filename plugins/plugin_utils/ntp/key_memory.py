# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of a key, so that a secret can converge although a device only shows a salted ciphertext.

After a commit the secret that was sent and the ciphertext that the device shows belong together. Both are remembered as
hashes: the same ciphertext means that nobody changed the key on the device, the same secret that it was not rotated.
Neither the secret nor the ciphertext can be read from a memory; the hash of the secret is slow (scrypt, RFC 7914)
because a memory lies in a fact cache.

Beside the keys stands what else only a commit tells: the device's default ttl.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import slow_hash
from .changes import Change, RemoveKey, SetAssociation, SetKey
from .comparison import learnt_default_ttl
from .interface_names import interface_key
from .model import Algorithm, Configuration, IpAddress, MulticastServer, Secret
from .slow_hash import COST, FORMER_COST, SLOW_HASHES, Cost

_DEFAULT_TTL = "default_ttl"


@dataclass(frozen=True, slots=True)
class KeyMemory:
    """What is remembered of one key.

    Attributes:
        algorithm: the algorithm that was sent.
        salt: random octets, the same for devices that got the same secret in one run.
        secret_hash: scrypt of the secret under ``salt``.
        ciphertext_digest: SHA-256 of ``salt`` and the ciphertext that the device showed after the commit.
        cost: the parameters of scrypt.
    """

    algorithm: Algorithm
    salt: bytes
    secret_hash: bytes
    ciphertext_digest: bytes
    cost: Cost = COST

    @classmethod
    def of(cls, algorithm: Algorithm, secret: Secret, ciphertext: Secret) -> KeyMemory:
        """Remember a secret that was sent together with the ciphertext that the device shows for it."""
        salt, secret_hash = SLOW_HASHES.salted(_octets(secret))
        return cls(algorithm, salt, secret_hash, _ciphertext_digest(salt, ciphertext), slow_hash.COST)

    def knows_secret(self, secret: Secret) -> bool:
        """Whether this is the secret that was sent. Slow on purpose."""
        return hmac.compare_digest(self.secret_hash, SLOW_HASHES.under(self.salt, _octets(secret), self.cost))

    def knows_ciphertext(self, ciphertext: Secret) -> bool:
        """Whether this is the ciphertext that the device showed."""
        return hmac.compare_digest(self.ciphertext_digest, _ciphertext_digest(self.salt, ciphertext))


class DeviceMemory(dict[int, KeyMemory]):
    """What is remembered of one device: of each key, and its default ttl where a commit told it, else None."""

    def __init__(self, keys: Mapping[int, KeyMemory] | None = None, default_ttl: int | None = None) -> None:
        super().__init__(keys or {})
        self.default_ttl = default_ttl

    def updated(self, newer: DeviceMemory) -> DeviceMemory:
        """This memory with what another one, which comes first, tells of the same device."""
        ttl = self.default_ttl if newer.default_ttl is None else newer.default_ttl
        return DeviceMemory({**self, **newer}, ttl)


def memory_from_facts(facts: object) -> DeviceMemory:
    """Return the memory per key id from cached facts.

    Whatever in them is not a memory is left out: a cache is not ours alone, and to forget a key is safe.
    """
    memory = DeviceMemory()
    if isinstance(facts, Mapping):
        memory.default_ttl = _ttl(facts.get(_DEFAULT_TTL))
        for key_id, entry in facts.items():
            try:
                memory[int(key_id)] = KeyMemory(
                    Algorithm(entry["algorithm"]),
                    bytes.fromhex(entry["salt"]),
                    bytes.fromhex(entry["secret_hash"]),
                    bytes.fromhex(entry["ciphertext_digest"]),
                    _cost(entry.get("scrypt")),
                )
            except (AttributeError, KeyError, TypeError, ValueError):
                continue
    return memory


def facts_from_memory(memory: Mapping[int, KeyMemory]) -> dict[str, Any]:
    """Return a memory as plain data for a fact cache; the key ids become strings, as in JSON."""
    ttl = memory.default_ttl if isinstance(memory, DeviceMemory) else None
    facts: dict[str, Any] = {} if ttl is None else {_DEFAULT_TTL: ttl}
    return facts | {
        str(key_id): {
            "algorithm": entry.algorithm.value,
            "salt": entry.salt.hex(),
            "secret_hash": entry.secret_hash.hex(),
            "ciphertext_digest": entry.ciphertext_digest.hex(),
            "scrypt": list(entry.cost),
        }
        for key_id, entry in sorted(memory.items())
    }


def remember(memory: Mapping[int, KeyMemory], changes: Iterable[Change], read_back: Configuration) -> DeviceMemory:
    """Return the memory after a commit.

    Args:
        memory: what was remembered before.
        changes: what was committed.
        read_back: what the device shows after the commit; a key that it does not show, or shows without its ciphertext,
            is forgotten if it was written.
    """
    shown = {key.id: key for key in (read_back.authentication.keys or ())} if read_back.authentication else {}
    result = DeviceMemory(memory, memory.default_ttl if isinstance(memory, DeviceMemory) else None)
    entries = _servers(read_back)
    for change in changes:
        if isinstance(change, SetAssociation) and isinstance(change.association, MulticastServer):
            entry = entries.get((interface_key(change.interface), change.association.address))
            learnt = None if entry is None else learnt_default_ttl(change.association, entry)
            result.default_ttl = result.default_ttl if learnt is None else learnt
        if isinstance(change, (SetKey, RemoveKey)):
            result.pop(change.id, None)
        if isinstance(change, SetKey) and change.id in shown:
            ciphertext = shown[change.id].ciphertext
            if ciphertext is not None:
                result[change.id] = KeyMemory.of(change.algorithm, change.secret, ciphertext)
    return result


def keys_as_before(changes: Iterable[Change], read_back: Configuration) -> tuple[SetKey, ...]:
    """Return the keys that were written, and are shown with the ciphertext from before.

    A ciphertext is salted (fact 0.3), so that each new secret has another one: a secret that is known to be new did not
    arrive. Whether the same secret, written again, gets another ciphertext is not known.
    """
    shown = (
        {key.id: key.ciphertext for key in (read_back.authentication.keys or ())} if read_back.authentication else {}
    )
    return tuple(
        change
        for change in changes
        if isinstance(change, SetKey) and change.replaces is not None and shown.get(change.id) == change.replaces
    )


def _servers(configuration: Configuration) -> dict[tuple[str, IpAddress], MulticastServer]:
    return {
        (interface_key(interface.name), server.address): server
        for interface in configuration.interfaces or ()
        for server in interface.servers or ()
    }


def _ttl(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 255 else None


def _cost(parameters: object) -> Cost:
    """Return the cost of a remembered hash. Only our own are computed: a cache could ask for any amount of memory."""
    if parameters is None:
        return FORMER_COST
    if not isinstance(parameters, (list, tuple)):
        raise TypeError("not the parameters of scrypt")
    cost = Cost(*parameters)
    if cost not in (slow_hash.COST, FORMER_COST):
        raise ValueError("unknown parameters of scrypt")
    return cost


def _octets(text: Secret) -> bytes:
    return text.reveal().encode("utf-8", "surrogatepass")


def _ciphertext_digest(salt: bytes, ciphertext: Secret) -> bytes:
    return hashlib.sha256(salt + _octets(ciphertext)).digest()
