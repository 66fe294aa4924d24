# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What OpenSSH's options and configuration files say of a host, read by paramiko's own parser (ssh_config(5)).

For each keyword the first value counts: what the user has set for the host, then the options in arguments for `ssh`,
then the user's file, then the system's.
"""

from __future__ import annotations

import functools
import getpass
import glob
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .errors import SshError
from .files import Signature, signature_of
from .library import paramiko

USER_FILE = "~/.ssh/config"
SYSTEM_FILE = "/etc/ssh/ssh_config"
# ssh(1): the short options that take a value.
_WITH_VALUE = "BbcDEeFIiJLlmOoPpQRSWw"
_KEYWORDS = {"J": "ProxyJump", "i": "IdentityFile", "l": "User", "p": "Port"}
_INCLUDES = 16  # levels, as in OpenSSH
_SETTING = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*\S)\s*")


@dataclass(frozen=True)
class Arguments:
    """What of arguments for `ssh` leads to the host.

    settings: keywords of ssh_config with their values
    file: that of `-F`, "" where none is given
    """

    settings: list[tuple[str, str]] = field(default_factory=list)
    file: str = ""


def arguments_from(text: str) -> Arguments:
    """Read the text of `ansible_ssh_common_args`. Raises SshError."""
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        raise SshError(f"ansible_ssh_common_args can't be read ({error}): {text}") from None
    settings: list[tuple[str, str]] = []
    file = ""
    for letter, value in _options(words):
        if letter == "o":
            settings.append(_keyword_and_value(value))
        elif letter == "F":
            file = value
        elif letter in _KEYWORDS:
            settings.append((_KEYWORDS[letter], value))
    return Arguments(settings, file)


def _options(words: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Each option that takes a value, with it: `-J gate`, `-Jgate`, `-vJ gate`."""
    for word in words:
        if not word.startswith("-"):
            continue
        for position, letter in enumerate(word[1:], start=2):
            if letter in _WITH_VALUE:
                yield letter, word[position:] or next(words, "")
                break


def _keyword_and_value(option: str) -> tuple[str, str]:
    """`ProxyJump=gate` and `ProxyJump gate` are the same."""
    found = _SETTING.fullmatch(option)
    if found is None:
        raise SshError(f"ansible_ssh_common_args holds an option that can't be read: -o {option!r}")
    return found[1], found[2]


def lookup(host: str, explicit: list[tuple[str, str]], arguments: Arguments) -> dict[str, Any]:
    """The keywords, in lower case and in the order in which they were met, with their values for the host.

    explicit: what is set for the host elsewhere, so that it counts first. Raises SshError.
    """
    first = [*explicit, *arguments.settings]
    files = _files(arguments.file)
    if not first and not any(os.path.exists(path) for path in files):
        return {}
    text = "".join(["Host *\n", *(f"  {keyword} {value}\n" for keyword, value in first)])
    text += "".join(_remembered_text_of(path, signature_of(path)) for path in files)
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        # paramiko asks for the name of the local user, which a container may not have.
        return _as_found(first)
    try:
        return dict(_parsed(text).lookup(host))
    except Exception as error:  # its own errors have no common base, and a missing library raises what it likes
        raise SshError(f"The SSH configuration in {' or '.join(files)} can't be read for {host}: {error}") from None


@functools.lru_cache(maxsize=4)
def _parsed(text: str) -> Any:
    """The devices of a fleet have the same files, mostly."""
    return _parser().from_text(text)


def _parser() -> Any:
    """paramiko's, without the tokens for which it asks the name service about this machine at every look-up."""

    class Parser(paramiko.SSHConfig):
        TOKENS_BY_CONFIG_KEY = {
            **paramiko.SSHConfig.TOKENS_BY_CONFIG_KEY,
            "controlpath": [],
            "identityfile": ["~", "%d", "%h", "%u", "%r"],
        }

    return Parser


def _as_found(settings: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for keyword, value in settings:
        if keyword.lower() == "identityfile":
            found.setdefault("identityfile", []).append(value)
        else:
            found.setdefault(keyword.lower(), value)
    return found


def _files(chosen: str) -> list[str]:
    """ssh(1): a file given with -F takes the place of both; `none` means no file."""
    if chosen:
        return [] if chosen == "none" else [os.path.expanduser(chosen)]
    return [os.path.expanduser(USER_FILE), SYSTEM_FILE]


@functools.lru_cache(maxsize=16)
def _remembered_text_of(path: str, _signature: Signature | None) -> str:
    return _text_of(path)


def _text_of(path: str, section: str = "Host *", level: int = 0) -> str:
    """The text of a file with what it includes, which paramiko does not do. What can't be read says nothing.

    section: the line that rules the first lines of the file
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as opened:
            lines = opened.read().splitlines()
    except OSError:
        return ""
    text = [section]
    for line in lines:
        words = line.replace("=", " ", 1).split()
        keyword = words[0].lower() if words else ""
        if keyword in ("host", "match"):
            section = line
        if keyword == "include" and level < _INCLUDES:
            text += [_text_of(name, section, level + 1) for pattern in words[1:] for name in _included(pattern, path)]
            text.append(section)
        else:
            text.append(line)
    return "\n".join(text) + "\n"


def _included(pattern: str, path: str) -> list[str]:
    """ssh_config(5): names without a folder are in ~/.ssh in a user's file, in /etc/ssh in the system's."""
    folder = "/etc/ssh" if path.startswith("/etc/ssh/") else os.path.expanduser("~/.ssh")
    return sorted(glob.glob(os.path.join(folder, os.path.expanduser(pattern.strip('"')))))
