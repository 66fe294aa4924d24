# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key file: lines `ID ALGORITHM ENCODING:VALUE`, comments after `#`. Its errors never quote a value."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from pathlib import Path

from ntp_multicast_engine.errors import ConfigurationError, Problem
from ntp_multicast_engine.wire.mac import Algorithm, Key, available

MAXIMUM_KEY_ID = 4294967295
_FORBIDDEN_MODE = 0o037
_MAXIMUM_FILE = 1 << 20
_MASK = "********"


def load(path: Path) -> dict[int, Key]:
    """Read the keys.

    A service gets the file open on its standard input (`StandardInput=` and NTP_MULTICAST_ENGINE_KEYS of its unit), so
    that it needs no right to open the file itself.

    :raises ConfigurationError: the file can't be read, is open to others, or a line is wrong.
    """
    try:
        descriptor = _open(path)
        try:
            _check(path, os.fstat(descriptor))
            # From its start, since a reload reads again what was read before.
            content = os.pread(descriptor, _MAXIMUM_FILE + 1, 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigurationError([Problem(str(path), error.strerror or "error", "must be readable")]) from error
    if len(content) > _MAXIMUM_FILE:
        raise ConfigurationError([Problem(str(path), "too long", f"must have at most {_MAXIMUM_FILE} octets")])
    try:
        # Some editors put a mark before the first line.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError([Problem(str(path), _MASK, "must be UTF-8 text")]) from error
    return parse(text, str(path))


def _open(path: Path) -> int:
    if os.environ.get("NTP_MULTICAST_ENGINE_KEYS") == "stdin":
        return os.dup(0)
    # Opening a pipe would wait for somebody who writes to it.
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationError([Problem(str(path), "not a file", "must be a regular file")])
    mode = stat.S_IMODE(status.st_mode)
    if mode & _FORBIDDEN_MODE:
        raise ConfigurationError([Problem(str(path), f"mode {mode:04o}", "must be 0640 or less: chmod 0600")])
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigurationError([Problem(str(path), f"owner {status.st_uid}", "must be root or the engine's user")])
    # What was handed over at the start stays the old file when another one takes its place.
    if status.st_nlink == 0:
        raise ConfigurationError([Problem(str(path), "another file than at the start", "must be read by a restart")])


def parse(text: str, path: str) -> dict[int, Key]:
    """The keys that a key file's text holds; raises ConfigurationError with a problem for each wrong line."""
    keys: dict[int, Key] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        place = f"{path}:{number}"
        words = line.rstrip("\r").split(None, 2)
        if not words or words[0].startswith("#"):
            continue
        try:
            key = _key(words)
        except ValueError as error:
            problems.append(Problem(place, _MASK, str(error)))
            continue
        except ImportError:
            problems.append(Problem(place, words[1], "needs the Python package `cryptography` on this host"))
            continue
        if key.key_id in keys:
            problems.append(Problem(place, str(key.key_id), "must name each key id once"))
        keys[key.key_id] = key
    if problems:
        raise ConfigurationError(problems)
    return keys


def _key(words: list[str]) -> Key:
    if len(words) != 3:
        raise ValueError("a line is `ID ALGORITHM ENCODING:VALUE`")
    identifier, name, value = words
    digits = identifier.isascii() and identifier.isdigit() and len(identifier) <= 10
    if not (digits and 1 <= int(identifier) <= MAXIMUM_KEY_ID):
        raise ValueError(f"a key id is a number from 1 to {MAXIMUM_KEY_ID}")
    try:
        algorithm = Algorithm(name)
    except ValueError:
        known = ", ".join(algorithm.value for algorithm in Algorithm)
        raise ValueError(f"the algorithm must be one of {known}") from None
    if not available(algorithm):
        raise ValueError(f"the OpenSSL of this host does not offer {algorithm.value}")
    return Key(int(identifier), algorithm, _secret(value))


def _secret(value: str) -> bytes:
    encoding, colon, text = value.partition(":")
    if not colon:
        raise ValueError("a key is written `ascii:`, `hex:` or `base64:` and the value")
    if encoding == "ascii":
        if text != text.strip() or re.search(r"\s#", text):
            raise ValueError("a blank at either end, or a blank and `#`, would be part of the key: write it as `hex:`")
        return text.encode("utf-8")
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        if encoding == "base64":
            return base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"the value is not {encoding}") from None
    raise ValueError("the encoding of a key is `ascii`, `hex` or `base64`")
