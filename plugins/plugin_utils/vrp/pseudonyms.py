# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and addresses of a transcript, replaced by others that mean the same to a reader.

Of a configuration only what is known to name nobody is kept: the lines of NTP, the headings of interfaces and their
addresses. Multicast groups, masks and reference clocks name nobody either.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterable, Sequence

from ..ntp.interface_names import is_interface_name
from .grammar.forms import FORMS
from .session.unsolicited import without_logs

SYSNAME = "DEVICE"
# Addresses for tests and for documentation: RFC 2544 (section C.2.2) and RFC 3849.
_IPV4 = ipaddress.IPv4Network("198.18.0.0/15")
_IPV6 = ipaddress.IPv6Network("2001:db8::/32")
_REFERENCE_CLOCKS = ipaddress.IPv4Network("127.127.0.0/16")
_LINK_LOCAL = ipaddress.IPv6Network("fe80::/64")

_ADDRESS = re.compile(
    r"(?<![\w.:-])(?:[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}|(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?)"
    r"(?![\w:-])"
)
_NTP = re.compile(r"(?i)\s*(?:undo )?ntp(?:-service)?\b")
_FRAME = re.compile(r"[#!]|return\s*\Z|\[V[0-9A-Z]+\]\s*\Z")
_HEADER = re.compile(r"(?i)interface (?P<name>.+?)\s*\Z")
_OF_INTERFACE = re.compile(
    r"(?i)\s+(?:(?:undo )?(?:portswitch|shutdown)|ipv6 enable|ip address [0-9. ]+(?: sub)?"
    r"|ipv6 address [0-9A-Fa-f:./ ]+(?:link-local)?)\s*\Z"
)
_AT_LOGIN = re.compile(r"(?i)(?:info|warning|error)\b|\s*the (?:current login|last login|password)\b|.*[\[(]y/n\b")
_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(?:[+-][0-9:]+)?")
_COMMIT_ROW = re.compile(r"\s*[0-9]+\s+[0-9]{6,}\s")
_SESSION_ROW = re.compile(r"(?P<head>\s*[+*]?\s*[0-9]+\s*[+*]?\s+(?:VTY|CON|TTY)\s+[0-9]+\s+)(?P<name>\S+)")
# A word behind one of these is a name; words of the sentence around it are none.
_NAMED = re.compile(
    r"(?i)(?P<head>\b(?:user(?:[ -]?name)?|label|description|host|owner|persist id|by"
    r"|vpn(?:[ -]instance)?(?: name)?)\b(?:\s*[:=]\s*|\s+)[\"'(]?)"
    r"(?P<name>[^\s\"'(),;]+)"
)
_WORDS_OF_SENTENCES = """
a an and another any anyone current has have in index interface is no not of on or other others session sessions so
system than that the this through timestamp to user user-intf users using view was were will with you - : :-
"""
_NO_NAMES = frozenset(_WORDS_OF_SENTENCES.split())
_QUOTED = re.compile(r"(?P<mark>[\"'])(?P<name>[^\"'\n]{1,246})(?P=mark)")
_WORDS_OF_LINES = """
abort aes-128-cmac aes-256-cmac all at candidate changes clear clock commit configuration current-configuration
description display enable disable exclusive hmac-sha256 interface label last list md5 merge ntp ntp-service persist
quit refresh reliable return rollback save sessions status system-view temporary this time to trial trusted undo verbose
version
"""
_WORDS_OF_NTP = " ".join(f"{form.syntax} {form.undo or ''}" for form in FORMS)
_KEYWORDS = frozenset((*_WORDS_OF_LINES.split(), *re.findall(r"(?<!<)\b[a-z][a-z0-9-]*", _WORDS_OF_NTP)))
_PLAIN = re.compile(r"[0-9]+|\*+|[^\w\s]+")


class Pseudonyms:
    """One name for each name, for as long as the session lasts.

    names: that are known before anything is said
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._everywhere = {name for name in names if name and not _is_address(name)}
        self._words: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._counts = {kind: itertools.count(1) for kind in ("name", "v4", "v6", "link", "mac")}

    def typed(self, line: str, sysname: str) -> str:
        """A line that was typed: keywords, numbers, interfaces and groups stay."""
        header = _HEADER.fullmatch(line)
        return self._header(line, header["name"]) if header else self._line(line, sysname)

    def configuration(self, rows: Sequence[str], sysname: str) -> list[str]:
        """The rows of a configuration, without those that may name something."""
        kept = []
        for row in without_logs(rows):
            header = _HEADER.fullmatch(row)
            if _NTP.match(row):
                kept.append(self._line(row, sysname))
            elif header is not None:
                kept.append(self._header(row, header["name"]))
            elif row.startswith("sysname "):
                kept.append(f"sysname {SYSNAME}")
            elif _OF_INTERFACE.match(row):
                kept.append(self._with_addresses(row))
            elif _FRAME.match(row):
                kept.append("!" if row.startswith("!") else row[:1] if row.startswith("#") else row)
            elif row.strip() == "#":
                kept.append(row)
        return kept

    def words(self, rows: Sequence[str], sysname: str) -> list[str]:
        """What the device says of itself: its words stay, names in them do not."""
        return [self._sentence(row, sysname) for row in without_logs(rows)]

    def login(self, rows: Sequence[str], sysname: str) -> list[str]:
        """The rows before the first prompt, without the banner, which is the owner's own text."""
        return self.words([row for row in rows if _AT_LOGIN.match(row)], sysname)

    def prompt(self, prompt: str, sysname: str) -> str:
        """A prompt with the device's name replaced; only an interface may stand behind it."""
        found = re.match(rf"(?P<head>[^<\[]*[<\[][~*]?){re.escape(sysname)}(?P<tail>.*)\Z", prompt)
        if found is None:
            return ""
        view = found["tail"].strip("-]>")
        tail = found["tail"] if not view or is_interface_name(view) else f"-view{found['tail'][-1]}"
        return f"{found['head']}{SYSNAME}{tail}"

    def _header(self, row: str, name: str) -> str:
        return row if is_interface_name(name) else f"interface {self._word(name)}"

    def _line(self, row: str, sysname: str) -> str:
        """The row with its words replaced; columns stay where they stand as far as there is room."""
        parts = re.split(r"(\s+)", row)
        written = [self._token(part, sysname) for part in parts]
        for index in range(1, len(parts) - 1, 2):
            if len(parts[index]) > 1:
                longer = len(written[index - 1]) - len(parts[index - 1])
                written[index] = " " * max(1, len(parts[index]) - longer)
        return "".join(written)

    def _token(self, word: str, sysname: str) -> str:
        if not word.strip() or word.casefold() in _KEYWORDS or _PLAIN.fullmatch(word) or is_interface_name(word):
            return word
        if word == sysname:
            return SYSNAME
        replaced = self._with_addresses(word)
        if replaced != word or _is_address(word):
            return replaced
        self._everywhere.add(word)
        return self._word(word)

    def _sentence(self, row: str, sysname: str) -> str:
        if _COMMIT_ROW.match(row):
            dated = _DATED.search(row)
            head = row[: dated.start()] if dated else row
            return self._line(head, sysname) + (dated.group() if dated else "")
        row = self._with_addresses(row)
        row = _SESSION_ROW.sub(lambda found: found["head"] + self._word(found["name"]), row)
        row = _QUOTED.sub(lambda found: f"{found['mark']}{self._quoted(found['name'], sysname)}{found['mark']}", row)
        row = _NAMED.sub(lambda found: found["head"] + self._named(found["name"], sysname), row)
        for name in sorted({*self._everywhere, sysname}, key=len, reverse=True):
            pattern = rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])"
            row = re.sub(pattern, SYSNAME if name == sysname else self._word(name), row) if name else row
        return row

    def _quoted(self, text: str, sysname: str) -> str:
        return text if text in ("^", "YES", "NO", "CANCEL", "Enter") else self._line(text, sysname)

    def _named(self, name: str, sysname: str) -> str:
        return name if name.casefold().rstrip(".") in _NO_NAMES or name in self._words.values() else self._word(name)

    def _word(self, name: str) -> str:
        if name in self._words.values():
            return name
        if name not in self._words:
            self._words[name] = f"name-{next(self._counts['name'])}"
        return self._words[name]

    def _with_addresses(self, text: str) -> str:
        return _ADDRESS.sub(lambda found: self._address(found.group()), text)

    def _address(self, text: str) -> str:
        if text not in self._addresses:
            self._addresses[text] = self._new_address(text)
        return self._addresses[text]

    def _new_address(self, text: str) -> str:
        if "-" in text or re.fullmatch(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", text):
            number = next(self._counts["mac"])
            return f"0200-0000-{number & 0xFFFF:04x}"
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return text
        if _names_nobody(address):
            return text
        if isinstance(address, ipaddress.IPv4Address):
            return str(_IPV4[next(self._counts["v4"]) % _IPV4.num_addresses])
        if address.is_link_local:
            return str(_LINK_LOCAL[next(self._counts["link"])])
        return str(_IPV6[next(self._counts["v6"])])


def _names_nobody(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if address.is_multicast or address.is_unspecified or address in _REFERENCE_CLOCKS:
        return True
    if isinstance(address, ipaddress.IPv6Address):
        return False
    inverted = ~int(address) & 0xFFFFFFFF
    return inverted & (inverted + 1) == 0 or int(address) & (int(address) + 1) == 0  # a mask, or a wildcard


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True
