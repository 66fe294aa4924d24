# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What outlives the process: the newest accepted transmit timestamps, and the frequency of the oscillator.

Without the first, packets of the last run could be played again to the next one (CVE-2015-7973). The file is written
to a new name and renamed, so that a crash leaves the old or the new one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ntp_multicast_engine.clock.system_clock import MAXIMUM_DRIFT
from ntp_multicast_engine.errors import StateError
from ntp_multicast_engine.observe.journal import ERROR, INFO, tell
from ntp_multicast_engine.protocol.client import MAXIMUM_REMEMBERED, Remembered, State
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, STAMP_MASK

VERSION = 1
MAXIMUM_ENTRIES = MAXIMUM_REMEMBERED
_MAXIMUM_FILE = 1 << 20
_DURABLE_INTERVAL = 64 * NANOSECONDS


def encode(state: State) -> bytes:
    entries = sorted(state.memory.items(), key=lambda entry: entry[1], reverse=True)[:MAXIMUM_ENTRIES]
    transmit = [{**asdict(remembered), "transmit": f"{stamp:016x}"} for remembered, stamp in entries]
    document = {"version": VERSION, "frequency": state.frequency, "transmit": transmit}
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def decode(data: bytes) -> State:
    """Read a state file's text; raises StateError if it isn't one."""
    try:
        document = json.loads(data.decode("utf-8"))
        if document["version"] != VERSION:
            raise StateError(f"the state file is none of version {VERSION}")
        memory = dict(_entry(item) for item in document["transmit"][:MAXIMUM_ENTRIES])
        frequency = document["frequency"]
        if frequency is not None and not abs(float(frequency)) < MAXIMUM_DRIFT:
            raise StateError("the state file has an impossible frequency")
        return State(memory, None if frequency is None else float(frequency))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise StateError("the state file is damaged") from error


def _entry(item: Any) -> tuple[Remembered, int]:
    remembered = Remembered(
        str(item["interface"]), str(item["group"]), int(item["port"]), str(item["source"]), int(item["key_id"])
    )
    stamp = int(item["transmit"], 16)
    if not 0 < stamp <= STAMP_MASK:
        raise ValueError("transmit")
    return remembered, stamp


class StateFile:
    """The file `state.json` of the state directory.

    :param raw: raw time of the start.
    """

    def __init__(self, directory: Path, raw: int) -> None:
        self._path = directory / "state.json"
        self._written: bytes | None = None
        self._durable_due = raw + _DURABLE_INTERVAL
        self._complaint: str | None = None

    def load(self, *, keep: bool) -> State:
        """The state of the last run, or an empty one.

        :param keep: whether this run will have to remember anything.
        :raises StateError: it will, and it can't.
        """
        try:
            state = self._read()
        except StateError as error:
            tell(ERROR, "state", f"{error}; starting without it", reason=str(error))
            state = State()
        if keep:
            # A client that can't remember would accept a replay after a restart.
            self._write(state, durable=True)
        return state

    def _read(self) -> State:
        try:
            with self._path.open("rb") as file:
                return decode(file.read(_MAXIMUM_FILE))
        except FileNotFoundError:
            return State()
        except OSError as error:
            raise StateError(f"{self._path}: {error.strerror}") from error

    def save(self, state: State, raw: int | None = None) -> None:
        """Keep a state; without `raw`, and from time to time, in a way that a loss of power can't undo.

        What stands in the way is logged once, and not for each packet that would have been remembered.
        """
        durable = raw is None or raw >= self._durable_due
        if durable and raw is not None:
            self._durable_due = raw + _DURABLE_INTERVAL
        try:
            self._write(state, durable=durable)
        except StateError as error:
            if self._complaint != str(error):
                tell(ERROR, "state", f"{error}: nothing will outlive this run", reason=str(error))
            self._complaint = str(error)
            return
        if self._complaint is not None:
            tell(INFO, "state", "the state is saved again")
        self._complaint = None

    def _write(self, state: State, *, durable: bool) -> None:
        """Replace the file, if anything changed."""
        data = encode(state)
        if data == self._written and not durable:
            return
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(mode=0o750, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(descriptor)
            temporary.replace(self._path)
        except OSError as error:
            raise StateError(f"{self._path}: {error.strerror}") from error
        self._written = data
