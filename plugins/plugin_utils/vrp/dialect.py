# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two spellings of NTP inside VRP8 (fact 0.1), and every word in which they differ."""

from __future__ import annotations

import enum


class Dialect(enum.Enum):
    """``ntp`` on CloudEngine and V600 campus devices, ``ntp-service`` on NetEngine and on VRP5."""

    NTP = "ntp"
    NTP_SERVICE = "ntp-service"

    @property
    def word(self) -> str:
        """The first word of every NTP command, and the second of ``display ntp ...``."""
        return self.value

    @property
    def trusted_word(self) -> str:
        """The word that declares a key trusted (fact 1.2)."""
        return _TRUSTED_WORDS[self]

    @property
    def preferred_word(self) -> str:
        """The word that prefers a unicast server to others (fact 1.8)."""
        return _PREFERRED_WORDS[self]

    @property
    def plain_secret_word(self) -> str | None:
        """The word before a secret in plain text, or None where it follows the algorithm at once (fact 1.1).

        CloudEngine takes ``cipher`` for ciphertext alone. All examples of the NE40E manuals give plain text after
        ``cipher``, and its command reference lists both lengths for it, so that is the form which is proven there.
        """
        return _PLAIN_SECRET_WORDS[self]


_TRUSTED_WORDS = {Dialect.NTP: "trusted", Dialect.NTP_SERVICE: "reliable"}
_PREFERRED_WORDS = {Dialect.NTP: "preferred", Dialect.NTP_SERVICE: "preference"}
_PLAIN_SECRET_WORDS = {Dialect.NTP: None, Dialect.NTP_SERVICE: "cipher"}
