# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration lines that know their view and their secrets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..ntp.errors import UserError
from ..ntp.masking import MASK


@dataclass(frozen=True, slots=True, repr=False)
class ConfigurationLine:
    """One line of configuration.

    Attributes:
        text: the line as it is typed, secrets included.
        view: None for the system view, else the name of the interface whose view the line belongs to.
        secrets: the parts of ``text`` that must not be shown.
    """

    text: str
    view: str | None = None
    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A line end in a value would begin another line. The options are checked before; this is for whoever forgets.
        if not is_typable(self.text + (self.view or "")):
            raise UserError(f"A line that holds other than printable ASCII characters is not written: {self.masked!a}")

    @property
    def masked(self) -> str:
        """The line with every secret masked: the only form for results, logs and messages."""
        text = self.text
        for secret in sorted(self.secrets, key=len, reverse=True):
            # Secrets end their lines, so only the last occurrence is one: `md5` may be the secret of an md5 key.
            head, found, tail = text.rpartition(secret)
            if secret and found:
                text = f"{head}{MASK}{tail}"
        return text

    def __repr__(self) -> str:
        return f"ConfigurationLine({self.masked!r}, view={self.view!r})"

    def __str__(self) -> str:
        return self.masked


def is_typable(text: str) -> bool:
    """Whether a device takes a text as it is typed: control characters edit or end the line, others are changed."""
    return text.isascii() and text.isprintable()


def typed_lines(lines: Iterable[ConfigurationLine], *, masked: bool = False) -> list[str]:
    """Return every line that a person types to configure a two-stage device, from ``system-view`` to ``commit``.

    Nothing to configure gives an empty list. With ``masked`` the secrets are masked.
    """
    typed: list[str] = []
    view: str | None = None
    for line in lines:
        if line.view != view:
            if view is not None:
                typed.append("quit")
            if line.view is not None:
                typed.append(f"interface {line.view}")
            view = line.view
        typed.append(line.masked if masked else line.text)
    if not typed:
        return []
    if view is not None:
        typed.append("quit")
    return ["system-view", *typed, "commit"]
