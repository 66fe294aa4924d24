# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What known_hosts files say of one host, read as OpenSSH reads them (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

paramiko decodes every key of the file at every login, which with a file of a thousand devices costs more than the
login itself, and it knows neither markers nor patterns. Here only the lines of the wanted host are decoded.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import functools
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from .files import Signature, signature_of

_HASHED = "|1|"  # |1|base64 of the salt|base64 of HMAC-SHA1(salt, name)
_REVOKED = "@revoked"
_DEFAULT_PORT = 22


class Verdict(Enum):
    """What the files say of the key that a device shows."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Entry:
    """One key. marker: `@revoked`, `@cert-authority`, or "" for a key of the host."""

    marker: str
    kind: str
    key: bytes


@dataclass(frozen=True)
class KnownHost:
    """The keys of one host.

    keys: those under its own name, `[host]:port` off port 22
    elsewhere: those under the bare name, where the port is another one; OpenSSH takes them, but a key that differs
        from them is only unknown
    revoked: keys that are refused whatever else is said
    """

    keys: list[Entry] = field(default_factory=list)
    elsewhere: list[Entry] = field(default_factory=list)
    revoked: list[Entry] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """The types of the known keys, those under the host's own name first."""
        return list(dict.fromkeys(entry.kind for entry in (*self.keys, *self.elsewhere)))

    def verdict(self, key: bytes) -> Verdict:
        """What is known of this key of the host."""
        if any(entry.key == key for entry in self.revoked):
            return Verdict.REVOKED
        if any(entry.key == key for entry in (*self.keys, *self.elsewhere)):
            return Verdict.KNOWN
        return Verdict.CHANGED if self.keys else Verdict.UNKNOWN


def name_of(host: str, port: int) -> str:
    """The name that a host has in the files."""
    return host if port == _DEFAULT_PORT else f"[{host}]:{port}"


def read_known_host(paths: Iterable[str], host: str, port: int) -> KnownHost:
    """What the files say of the host; a file that can't be read says nothing."""
    known = KnownHost()
    names = list(dict.fromkeys((name_of(host, port), host)))
    for path in paths:
        lines = _read(path, signature_of(path))
        for name, found in zip(names, (known.keys, known.elsewhere), strict=False):
            for entry in entries_of(lines.that_may_hold(name), name):
                if entry.marker == _REVOKED:
                    known.revoked.append(entry)
                elif not entry.marker:
                    found.append(entry)
    return known


class _Lines:
    """The lines of a file by the names in them, since those of a fleet are many and each device looks for its own."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._of_name: dict[str, list[tuple[int, str]]] = {}
        self._of_patterns: list[tuple[int, str]] = []  # hashed names too
        for number, line in enumerate(lines):
            words = line.split(None, 2)
            names = words[1:2] if line.lstrip().startswith("@") else words[:1]
            for name in names[0].lower().split(",") if names else ():
                if name.startswith(("|", "!")) or "*" in name or "?" in name:
                    self._of_patterns.append((number, line))
                else:
                    self._of_name.setdefault(name, []).append((number, line))

    def that_may_hold(self, name: str) -> list[str]:
        """The lines that have the name, hashed names, or patterns; in the order of the file, each once."""
        return [line for _number, line in sorted({*self._of_name.get(name.lower(), ()), *self._of_patterns})]


@functools.lru_cache(maxsize=8)
def _read(path: str, _signature: Signature | None) -> _Lines:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as opened:
        return _Lines(opened)
    return _Lines(())


def entries_of(lines: Iterable[str], name: str) -> Iterator[Entry]:
    """The keys in the lines whose names hold `name`, readable, hashed or as a pattern."""
    name = name.lower()
    for line in lines:
        entry = _entry_of(line, name)
        if entry is not None:
            yield entry


def _entry_of(line: str, name: str) -> Entry | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3 or not _names_hold(words[0], name):
        return None
    try:
        key = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Entry(marker, words[1], key) if _kind_of(key) == words[1] else None


def _kind_of(key: bytes) -> str:
    """The type that stands at the beginning of each key (RFC 4253, section 6.6)."""
    length = int.from_bytes(key[:4], "big")
    return key[4 : 4 + length].decode("ascii", errors="replace")


def _names_hold(names: str, name: str) -> bool:
    """A name that a negated pattern matches is not among them, whatever else stands there."""
    if names.startswith(_HASHED):
        return _is_hash_of(names, name)
    found = False
    for pattern in names.lower().split(","):
        if pattern.startswith("!"):
            if _matches(pattern[1:], name):
                return False
        elif _matches(pattern, name):
            found = True
    return found


def _matches(pattern: str, name: str) -> bool:
    if "*" not in pattern and "?" not in pattern:
        return pattern == name
    return _compiled(pattern).fullmatch(name) is not None


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    wild = re.sub(r"\*+", "*", pattern)
    return re.compile("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in wild))


def _is_hash_of(hashed: str, name: str) -> bool:
    salt, _unused, digest = hashed[len(_HASHED) :].partition("|")
    try:
        # SHA-1 is what the file format prescribes; it hides names and proves nothing.
        made = hmac.new(base64.b64decode(salt), name.encode("utf-8"), hashlib.sha1).digest()
        return hmac.compare_digest(base64.b64decode(digest), made)
    except (binascii.Error, ValueError):
        return False


def remember(path: str, name: str, kind: str, key: bytes) -> None:
    """Append a key to a known_hosts file. Several workers may do so at once. Raises OSError."""
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with open(descriptor, "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        lines = text.decode("utf-8", errors="replace").splitlines()
        if any(entry.key == key and not entry.marker for entry in entries_of(lines, name)):
            return
        start = b"" if not text or text.endswith(b"\n") else b"\n"
        file.write(start + f"{name} {kind} {base64.b64encode(key).decode('ascii')}\n".encode())
