# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret has to look like so that a platform takes it as it is meant."""

from __future__ import annotations

from collections.abc import Iterator

from .masking import CIPHERTEXT_DELIMITER
from .model import Algorithm
from .options import KEY_COMMAND

COMMAND_LINE = "VRP configuration guide, command line interface"

_CMAC_SOURCES = {Algorithm.AES_128_CMAC: "RFC 8573 section 2", Algorithm.AES_256_CMAC: "NIST SP 800-38B"}
_PLAIN_MOST = 255
_COMPLEX_LEAST = 12


def octets_rule(algorithm: Algorithm | None, secret: str) -> tuple[str, str] | None:
    """Return the rule that the length of a secret breaks, and its source, or None. Lengths are octets of UTF-8."""
    exact = algorithm.secret_octets if algorithm else None
    if exact is not None and algorithm is not None and len(secret.encode("utf-8", "replace")) != exact:
        return (
            f"a secret for {algorithm.value} has to be exactly {exact} characters",
            f"{KEY_COMMAND}; {_CMAC_SOURCES[algorithm]}",
        )
    if not secret:
        return "a secret must not be empty", KEY_COMMAND
    return None


def vrp_rules(secret: str) -> Iterator[tuple[str, str]]:
    """Yield each rule of a VRP command line that a secret breaks, and its source.

    A secret that the command line would change or misread is worse than a refused one: the device would take it, and
    authentication would fail without a word.
    """
    if len(secret) > _PLAIN_MOST:
        yield f"a secret has at most {_PLAIN_MOST} characters", KEY_COMMAND
    if not all(" " <= character <= "~" for character in secret):
        yield "a secret holds printable ASCII characters only, since others edit the line that is typed", COMMAND_LINE
    if "?" in secret:
        # Facts 2.3 and 3.5: `?` opens the help wherever it is typed, and redraws the line.
        yield "a secret must not hold a question mark, which opens the help of the command line", COMMAND_LINE
    if secret != secret.strip(" "):
        yield "a secret must not begin or end with a blank, which the command line drops", COMMAND_LINE
    if secret.startswith('"'):
        # Fact 1.1: VRP5 takes quotation marks as the limits of a value with blanks; VRP8 does not say.
        yield "a secret must not begin with a quotation mark, which may be taken as the limit of the value", KEY_COMMAND
    words = secret.split()
    if words and "cipher".startswith(words[0].casefold()):
        # Fact 3.1: keywords ignore case and may be shortened.
        yield "the first word of a secret must not be `cipher` or a shortened form of it", KEY_COMMAND
    if CIPHERTEXT_DELIMITER.match(secret) or CIPHERTEXT_DELIMITER.search(secret[-4:]):
        # Fact 1.1: NetEngine tells plain text from ciphertext by its shape.
        yield "a secret must not begin or end like a ciphertext of the device", KEY_COMMAND


def vrp_advice(algorithm: Algorithm | None, secret: str) -> Iterator[tuple[str, str]]:
    """Yield what speaks against a secret although some device will take it, and the source.

    The complexity check is a setting of the device, on by default on CloudEngine (fact 1.1); whether it covers AES keys
    is not documented, so nothing is refused here.
    """
    classes = (str.islower, str.isupper, str.isdecimal, lambda character: not character.isalnum())
    missing = [1 for holds in classes if not any(holds(character) for character in secret)]
    if len(secret) < _COMPLEX_LEAST or missing:
        yield (
            f"a device whose password complexity check is on refuses a secret with fewer than {_COMPLEX_LEAST} "
            "characters or without a lower case letter, an upper case letter, a digit and a special character",
            KEY_COMMAND,
        )
    if " " in secret:
        yield "how this device takes blanks in a secret is not documented beyond `spaces supported`", KEY_COMMAND
    if algorithm is Algorithm.MD5:
        yield "MD5 is weak; CloudEngine takes it only after `install feature-software WEAKEA`", KEY_COMMAND
