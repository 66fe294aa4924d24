# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text that a user gives instead of a device. It may be anything, and not read is not empty."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..dialect import Dialect
from ..errors import ParseError
from .parse import DeviceConfiguration, parse_configuration
from .telling import told_without_secrets

_ERROR = re.compile(r"[ \t]*(?:Error(?:\[[0-9]+\])?[ \t]*:|\^[ \t]*$)", re.IGNORECASE)
_PROMPT = re.compile(r"[^<>\[\]]{0,16}(?:<[^<>]{1,64}>|\[[^\[\]]{1,64}\])")
_TYPED_AT = re.compile(
    r"(?:(?i:HRP[_-][A-Z]{1,8}) ?)?(?:<([^<>]{1,246})>|\[[~*]([^\[\]]{1,246})\])[ \t]*dis[a-z]*[ \t]", re.IGNORECASE
)
_HEADS = re.compile(r"!\s*Software Version |\[V[0-9]{3}R[0-9]{3}[A-Z0-9]*\]$")
_WANTED = "Give the text of 'display current-configuration'."


@dataclass(frozen=True, slots=True)
class GivenText:
    """What a given text says, and what makes it doubtful."""

    found: DeviceConfiguration
    warnings: tuple[str, ...]


def parse_given_text(text: str, dialect: Dialect | None = None) -> GivenText:
    """Read a text that a user gave; arguments as in ``parse_configuration``.

    Raises:
        ParseError: as there; or the text is empty, is a refusal of a device, or holds no configuration.
    """
    _refuse_several(text)
    whole = [line for line in text.splitlines() if line.strip()]
    lines = [line for line in whole if not _PROMPT.match(line)] or whole[-1:]
    if not lines:
        raise ParseError(f"The text is empty. {_WANTED}")
    if _ERROR.match(lines[0]):
        words = "\n".join(told_without_secrets(line.strip()) for line in lines[:3])
        raise ParseError(f"The text is the refusal of a command, no configuration. {_WANTED}", words=words)
    found = parse_configuration(text, dialect)
    if not found.blocks:
        first = told_without_secrets(lines[0].strip()[:80])
        raise ParseError(
            "The text holds no configuration of a VRP device: no '#' between blocks, no interface, no NTP line. "
            f"Its first line is: {first}. {_WANTED}"
        )
    warnings = []
    if not found.ended:
        warnings.append(
            "The text does not end with 'return': it was cut off or filtered, and what is missing in it is not known."
        )
    if not any(line[0].islower() and line.rstrip() != "return" for line in lines):
        warnings.append("No line of configuration stands between the '#' of the text, so it is hardly a device's.")
    return GivenText(found, tuple(warnings))


def _refuse_several(text: str) -> None:
    """Raise ParseError for the texts of two devices, or of one at two times: together they are true of nothing."""
    lines = text.splitlines()
    if sum(_HEADS.match(line) is not None for line in lines) > 1:
        raise ParseError(f"The text holds more than one whole configuration. {_WANTED[:-1]}, once.")
    typed = [found for line in lines if (found := _TYPED_AT.match(line))]
    users = dict.fromkeys(found[1] for found in typed if found[1])
    # A view may follow the name behind a hyphen, and the name may have one itself.
    heads = dict.fromkeys((found[1] or found[2]).partition("-")[0] for found in typed)
    for names in (list(users), list(heads)):
        if len(names) > 1:
            raise ParseError(
                f"The text holds what two devices show, {names[0]} and {names[1]}. Give the text of one device."
            )
