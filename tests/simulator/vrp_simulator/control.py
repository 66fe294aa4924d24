# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control of a simulator that runs as a program: one JSON object a line over a Unix socket.

Request: ``{"device": NAME, "do": ACTION, ...}``; answer: ``{"ok": true, "result": ...}`` or ``{"ok": false,
"error": TEXT}``. Actions: ``faults`` (``options``), ``reset-faults``, ``reset`` (``startup_configuration``),
``change`` (``user``, ``lines``), ``expire-trial``, ``cut``, ``print`` (``text``), ``release`` (``lost``),
``weak-algorithms`` (``installed``), ``state``.
``{"do": "traffic"}`` names no device: what went over the wire since the start, when the device file has a ``wire``.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from .device import Device
from .errors import CaretRefusal, Refusal, SettingsError
from .printing import pending_lines
from .wire import Wire


def _state(device: Device, request: Mapping[str, Any]) -> object:
    lock = device.transactions.lock_owner()
    return {
        "running_configuration": device.configuration_text(),
        "pending": {
            number: pending_lines(session.candidate, device.style)
            for number, session in device.sessions.items()
            if session.candidate
        },
        "sessions": len(device.sessions),
        "logins": collections.Counter("accepted" if item.accepted else "refused" for item in device.gate.attempts),
        "lock_owner": None if lock is None else lock.author.session,
        "trial": device.transactions.trial is not None,
        "committing": device.transactions.committing is not None,
        "held": device.holds.held,
        "ntp_pid": None if device.ntp_process is None else device.ntp_process.pid,
    }


def _cut(device: Device, request: Mapping[str, Any]) -> object:
    device.cut_sessions()
    return None


_ACTIONS: dict[str, Callable[[Device, Mapping[str, Any]], object]] = {
    "faults": lambda device, request: device.faults.change(request.get("options", {})),
    "reset-faults": lambda device, request: device.faults.reset(),
    "reset": lambda device, request: device.reset(str(request.get("startup_configuration", ""))),
    "change": lambda device, request: device.change_as(str(request.get("user", "other")), list(request["lines"])),
    "expire-trial": lambda device, request: device.transactions.end_trial(),
    "cut": _cut,
    "print": lambda device, request: device.print_unasked(str(request["text"])),
    "release": lambda device, request: device.holds.release(bool(request.get("lost", False))),
    "weak-algorithms": lambda device, request: setattr(device, "weak_algorithms", bool(request.get("installed", True))),
    "state": _state,
}


def answer(devices: Mapping[str, Device], line: bytes, wire: Wire | None = None) -> dict[str, Any]:
    """Carry out one request."""
    try:
        request = json.loads(line)
        if request["do"] == "traffic":
            if wire is None:
                raise SettingsError("traffic: the device file has no wire")
            return {"ok": True, "result": dataclasses.asdict(wire.traffic)}
        device, action = devices[request["device"]], _ACTIONS[request["do"]]
        return {"ok": True, "result": action(device, request)}
    except (KeyError, TypeError, ValueError, SettingsError, Refusal, CaretRefusal) as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


async def serve_control(devices: Mapping[str, Device], path: str, wire: Wire | None = None) -> asyncio.Server:
    """Listen on a Unix socket that only its owner may use."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(answer(devices, line, wire)).encode() + b"\n")
            await writer.drain()
        writer.close()

    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(serve, path)
    finally:
        os.umask(before)
