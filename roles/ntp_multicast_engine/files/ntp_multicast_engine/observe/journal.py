# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: sentences for people, each with its event and its facts as fields for machines.

Under systemd the fields are the journal's own (`journalctl NTP_EVENT=selected -o json`); elsewhere they follow the
sentence as `name=value`. Nothing here is called for a packet.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("ntp_multicast_engine")

JOURNAL = "/run/systemd/journal/socket"
IDENTIFIER = "ntp-multicast-engine"
_PREFIX = "NTP_"
_LEVELS = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


def tell(level: int, event: str, sentence: str, **fields: Any) -> None:
    """Log an event. Fields that are None are left out; names are lower case, values without secrets."""
    known = {"event": event, **{name: value for name, value in fields.items() if value is not None}}
    log.log(level, "%s", sentence, extra={"fields": known})


def fields_of(record: logging.LogRecord) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(record, "fields", {})
    return found


class TextFormatter(logging.Formatter):
    """A sentence, then its fields (logfmt)."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join([super().format(record), *(f"{name}={_value(it)}" for name, it in fields_of(record).items())])


def _value(value: Any) -> str:
    text = f"{value:.9g}" if isinstance(value, float) else str(value)
    plain = text and all(character.isprintable() and character not in ' "=' for character in text)
    return text if plain else json.dumps(text)


def encode(record: logging.LogRecord, sentence: str) -> bytes:
    """A record in systemd's native journal protocol (systemd's JOURNAL_NATIVE_PROTOCOL)."""
    fields = {
        "MESSAGE": sentence,
        "PRIORITY": str(_LEVELS.get(record.levelno, 6)),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        **{_PREFIX + name.upper(): str(value) for name, value in fields_of(record).items()},
    }
    data = b""
    for name, text in fields.items():
        # The form with a length, which takes any text.
        value = text.encode("utf-8", "replace")
        data += name.encode("ascii") + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
    return data


class JournalHandler(logging.Handler):
    """Hands records to the journal; what it doesn't take goes to `otherwise`."""

    def __init__(self, path: str, otherwise: logging.Handler) -> None:
        super().__init__()
        self._path = path
        self._otherwise = otherwise
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._socket.sendto(encode(record, self.format(record)), self._path)
        except OSError:
            self._otherwise.emit(record)

    def close(self) -> None:
        self._socket.close()
        super().close()


def into_journal(environment: Mapping[str, str]) -> bool:
    """Whether standard error is the journal's stream (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


def set_up(environment: Mapping[str, str]) -> None:
    """Send the log to the journal, if that is where standard error goes, else to standard error."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(TextFormatter())
    handler = JournalHandler(JOURNAL, stream) if into_journal(environment) else stream
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.INFO)
