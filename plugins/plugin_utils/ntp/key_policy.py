# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a key has to be written (design: "Keys")."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .changes import KeyReason
from .errors import UserError
from .key_memory import KeyMemory
from .model import Configuration, Key
from .secret_rules import octets_rule


class UpdateSecrets(enum.Enum):
    """When the secret of a key that exists, and of which nothing is remembered, is sent again."""

    ON_CREATE = "on_create"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """Decides about keys from what is wanted, what the device shows, and what is remembered."""

    update_secrets: UpdateSecrets
    memory: Mapping[int, KeyMemory]

    def reason(self, present: Key | None, wanted: Key) -> KeyReason | None:
        """Return why the key has to be written, or None if it need not."""
        if present is None:
            return KeyReason.CREATED
        if wanted.algorithm is not None and wanted.algorithm is not present.algorithm:
            return KeyReason.ALGORITHM
        if wanted.secret is None:
            return None
        if present.secret is not None:  # A predicted key: its secret is what will have been sent.
            return None if present.secret == wanted.secret else KeyReason.ROTATED
        remembered = self.memory.get(wanted.id)
        if remembered is None:
            return KeyReason.ALWAYS if self.update_secrets is UpdateSecrets.ALWAYS else None
        if remembered.algorithm is not present.algorithm or (
            present.ciphertext is not None and not remembered.knows_ciphertext(present.ciphertext)
        ):
            return KeyReason.CHANGED_ON_DEVICE
        return None if remembered.knows_secret(wanted.secret) else KeyReason.ROTATED

    def cannot_compare(self, present: Key | None, wanted: Key) -> bool:
        """Whether the key stays as it is although nobody can tell that it has the secret that is wanted."""
        if present is None or wanted.secret is None or present.secret is not None:
            return False
        if self.reason(present, wanted) is not None:
            return False
        return wanted.id not in self.memory or present.ciphertext is None

    def target(self, present: Key | None, wanted: Key, *, exactly: bool) -> tuple[Key, KeyReason | None]:
        """Return the key as it shall be, and why it has to be written.

        Args:
            present: the key on the device, if it is there.
            wanted: the key as it was asked for.
            exactly: what was not asked for goes back to its default, instead of staying as it is.

        Raises:
            UserError: the key has to be written, but its algorithm or its secret was not given.
        """
        reason = self.reason(present, wanted)
        stays_trusted = present is not None and bool(present.trusted) and not exactly
        trusted = stays_trusted if wanted.trusted is None else wanted.trusted
        if reason is None and present is not None:
            return replace(present, trusted=trusted), None
        algorithm = wanted.algorithm or (present.algorithm if present else None)
        for name, value in (("algorithm", algorithm), ("secret", wanted.secret)):
            if value is None:
                why = reason.value if reason else ""
                raise UserError(f"authentication.keys: key {wanted.id} {why}, so its {name} has to be given.")
        broken = octets_rule(algorithm, wanted.secret.reveal()) if wanted.secret else None
        if broken:
            # The algorithm may be the device's, which no check of the options alone can know.
            raise UserError(
                f"authentication.keys: the secret of key {wanted.id} is refused: {broken[0]} ({broken[1]})."
            )
        return Key(
            wanted.id, algorithm, wanted.secret, None, trusted, present is not None and present.used_elsewhere
        ), reason


def keys_not_compared(present: Configuration, wanted: Configuration, policy: KeyPolicy) -> tuple[int, ...]:
    """The ids of wanted keys that stay as they are although their secrets could not be compared."""
    shown = {key.id: key for key in (present.authentication.keys or ())} if present.authentication else {}
    keys = (wanted.authentication.keys or ()) if wanted.authentication else ()
    return tuple(sorted(key.id for key in keys if policy.cannot_compare(shown.get(key.id), key)))
