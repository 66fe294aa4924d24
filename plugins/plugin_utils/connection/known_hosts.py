# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a known_hosts file that speak of one host.

paramiko decodes every key of the file at every login, which with a file of a thousand devices costs more than the
login itself. Here only the lines of the wanted host are handed to it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator

_HASHED = "|1|"  # sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT": |1|base64 of the salt|base64 of HMAC-SHA1(salt, name)


def lines_of_host(lines: Iterable[str], hostname: str) -> Iterator[str]:
    """Yield the lines whose names hold `hostname` (`[host]:port` off port 22), readable or hashed.

    Comments and lines with a marker (`@revoked`, `@cert-authority`) are left out, as paramiko does.
    """
    for line in lines:
        # Most lines are of other hosts; the search is quicker than to take the line apart.
        if hostname not in line and _HASHED not in line:
            continue
        names = line.split(None, 1)[:1]
        if names and any(_is_name(name, hostname) for name in names[0].split(",")):
            yield line


def _is_name(name: str, hostname: str) -> bool:
    return name == hostname or (name.startswith(_HASHED) and _is_hash_of(name, hostname))


def _is_hash_of(name: str, hostname: str) -> bool:
    salt, _unused, digest = name[len(_HASHED) :].partition("|")
    try:
        # SHA-1 is what the file format prescribes; it hides names and proves nothing.
        made = hmac.new(base64.b64decode(salt), hostname.encode("utf-8"), hashlib.sha1).digest()
        return hmac.compare_digest(base64.b64decode(digest), made)
    except (binascii.Error, ValueError):
        return False
