# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: sentences for people, each with its event and its facts as fields for machines.

Under systemd the fields are the journal's own (`journalctl NTP_EVENT=selected -o json`); elsewhere they follow the
sentence as `name=value`. Nothing here is called for a packet.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

ERROR, WARNING, INFO = 3, 4, 6
"""Priorities of syslog(3)."""
JOURNAL = "/run/systemd/journal/socket"
IDENTIFIER = "ntp-multicast-engine"
_PREFIX = "NTP_"


class Log:
    """Where events go: to standard error, or to the journal, if `journal` is its socket."""

    def __init__(self) -> None:
        self.journal: str | None = None

    def put(self, priority: int, sentence: str, fields: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            if self.journal is not None and _sent(encode(priority, sentence, fields), self.journal):
                return
            print(line(sentence, fields), file=sys.stderr, flush=True)


log = Log()


def tell(priority: int, event: str, sentence: str, **fields: Any) -> None:
    """Log an event. Fields that are None are left out; names are lower case, values without secrets."""
    log.put(priority, sentence, {"event": event, **{name: it for name, it in fields.items() if it is not None}})


def line(sentence: str, fields: Mapping[str, Any]) -> str:
    """A sentence, then its fields (logfmt)."""
    return " ".join([sentence, *(f"{name}={_value(it)}" for name, it in fields.items())])


def _value(value: Any) -> str:
    text = f"{value:.9g}" if isinstance(value, float) else str(value)
    plain = text and all(character.isprintable() and character not in ' "=' for character in text)
    return text if plain else json.dumps(text)


def encode(priority: int, sentence: str, facts: Mapping[str, Any]) -> bytes:
    """An event in systemd's native journal protocol (systemd's JOURNAL_NATIVE_PROTOCOL)."""
    fields = {
        "MESSAGE": sentence,
        "PRIORITY": str(priority),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        **{_PREFIX + name.upper(): str(value) for name, value in facts.items()},
    }
    data = b""
    for name, text in fields.items():
        # The form with a length, which takes any text.
        value = text.encode("utf-8", "replace")
        data += name.encode("ascii") + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
    return data


def _sent(data: bytes, path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        try:
            sock.sendto(data, path)
        except OSError:
            return False
    return True


def into_journal(environment: Mapping[str, str]) -> bool:
    """Whether standard error is the journal's stream (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


def set_up(environment: Mapping[str, str]) -> None:
    """Send events to the journal, if that is where standard error goes."""
    log.journal = JOURNAL if into_journal(environment) else None
