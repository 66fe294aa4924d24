# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a line that was not understood is told: nothing in it that may be a secret."""

from __future__ import annotations

import re

from ...ntp.masking import MASK, mask

# A line that is not understood may be of any vendor: whatever follows a word that names a key, a password, a secret or
# an algorithm may be one. Only the number of a key is kept, where VRP has it.
_KEY_NUMBER = re.compile(r"(?i)authentication-keyid[ \t]+[0-9]{1,10}(?![^ \t])")
_OPTIONS = frozenset(
    {"ttl", "version", "port", "source-interface", "vpn-instance", "minpoll", "maxpoll"}
    | {"preferred", "preference", "burst", "iburst", "preempt"}
)
_NAMES_A_SECRET = re.compile(
    r"(?:key|passw|passcode|phrase|pwd|secret|cipher|simple|plain|md5|sha-?[0-9]|hmac|cmac|aes|psk|token|credential"
    r"|communit|encrypt|crypt|hash|auth-?data|auth-?string|blake|chacha|base64|obfuscat|kennwort|schl(?:ue|\u00fc)ssel"
    r"|\u5bc6\u7801|\u5bc6\u94a5|\u79d8\u94a5|\u53e3\u4ee4)"
)
# Too short, or too common as a part of other words.
_WHOLE_NAMES = frozenset(
    {"auth", "authenticate", "authentication", "authentication-mode", "auth-mode", "authmode", "auth-type", "authtype"}
    | {"pw", "pin", "otp", "shared", "digest", "des", "3des", "rc4", "sm3", "sm4", "sha", "mac", "kid", "bearer"}
    | {"private", "cookie", "signature", "seed", "salt", "hex", "ascii", "encoded", "hidden", "clave"}
)
_SWITCHED = frozenset({"enable", "disable"})  # `authentication enable` is a whole line
_USER_INFORMATION = re.compile(r"(?<=:)[^\s:@]+(?=@)")  # ftp://user:secret@host
_WORD = re.compile(r"[^\s=:<>\"'{},;]+")


def told_without_secrets(line: str) -> str:
    """Return the line as a warning shows it."""
    return _without_secrets(_USER_INFORMATION.sub(MASK, mask(line)))


def _without_secrets(line: str) -> str:
    for word in _WORD.finditer(line):
        name = word.group().lower()
        if name not in _WHOLE_NAMES and _NAMES_A_SECRET.search(name) is None:
            continue
        numbered = _KEY_NUMBER.match(line, word.start())
        end = word.end() if numbered is None else numbered.end()
        following = _WORD.search(line, end)
        if following is None:
            return line
        if following.group() in _SWITCHED and not line[following.end() :].strip():
            return line
        if numbered is None or following.group() not in _OPTIONS:
            return f"{line[:end]} {MASK}"
    return line
