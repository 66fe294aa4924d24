# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NTP process of each device: the engine, configured from the committed state.

The engine is another program: this module knows its configuration file, its key file and its ``status --json``, and
imports nothing of it. A device without a process sends nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import pathlib
import signal
from collections.abc import Iterable, Mapping
from typing import Any

from .configuration import Configuration, Place, header
from .device import Device
from .ntp_entries import (
    AUTHENTICATION,
    DEFAULT_VERSION,
    LOCAL_CLOCK,
    SERVICE,
    Association,
    Key,
    ListenAll,
    LocalClock,
    Trust,
    family,
    has_user_lines,
    listen_all_place,
)
from .ntp_rules import listening_sources, serves
from .settings import NtpSettings

_STATUS_TIMEOUT = 10.0  # seconds
_STOP_TIMEOUT = 5.0
# fact 5: the version on IPv6 is unknown; the 65535 key limit of version 4 hints at 4.
_IPV6_VERSION = 4
_ENGINE_KEY_LIMIT = 65535


def host_interfaces(device: Device) -> dict[str, str]:
    """Return which host interface stands behind which port; sub-interfaces and others have none."""
    names = device.release.names
    return {
        names.canonical(port.name): port.host_interface for port in device.settings.interfaces if port.host_interface
    }


def key_file(configuration: Configuration) -> str:
    """Return the text of the engine's key file for the keys whose secret is known."""
    lines = [
        f"{entry.key_id} {entry.mode} hex:{entry.secret.encode().hex()}"
        for entry in configuration.values()
        if isinstance(entry, Key) and entry.secret is not None
    ]
    return "".join(f"{line}\n" for line in lines)


def engine_configuration(device: Device, directory: pathlib.Path, settings: NtpSettings) -> dict[str, Any] | None:
    """Return what the engine has to do for the committed state, or ``None`` when it has nothing to do."""
    running, ports = device.running, host_interfaces(device)
    if not ports or not has_user_lines(running) or SERVICE["ipv4"] in running:
        return None
    keys = {entry.key_id for entry in running.values() if isinstance(entry, Key) and entry.secret is not None}
    trusted = sorted(entry.key_id for entry in running.values() if isinstance(entry, Trust) and entry.key_id in keys)
    clients = _clients(running, ports)
    clock = running.get(LOCAL_CLOCK)
    stratum = clock.stratum if isinstance(clock, LocalClock) else None
    # Without a local clock and without a source to follow, a device stays silent.
    senders = _servers(device, ports, keys, settings.poll) if stratum is not None or clients else []
    unauthenticated = any(
        place.key[1] == "multicast-client" and place.view in ports for place in device.transactions.unauthenticated
    )
    listen = _listen(running, ports)
    return {
        "version": 1,
        "authentication": {
            "enabled": AUTHENTICATION in running and not unauthenticated,
            "keys_file": str(directory / "keys"),
            "trusted_keys": trusted,
        },
        "server": {
            "enabled": bool(listen) and any(serves(running, afi) for afi in ("ipv4", "ipv6")),
            "listen": listen or "all",
            "stratum": stratum,
            "port": settings.server_port,
        },
        "servers": senders,
        "clients": [{**client, "volley_port": settings.server_port} for client in clients],
        "discipline": {"mode": "monitor"},
        "status_socket": str(directory / "status.sock"),
        "state_directory": str(directory),
    }


def _clients(running: Configuration, ports: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"interface": ports[place.view], "group": str(entry.group)}
        for place, entry in running.items()
        if isinstance(entry, Association)
        and entry.role == "multicast-client"
        and place.view in ports
        and not _receives_nothing(running, place.view, entry)
    ]


def _receives_nothing(running: Configuration, interface: str, entry: Association) -> bool:
    """``ntp receive disable`` on the port (fact 1.6)."""
    words = "ipv6 receive disable" if entry.group is not None and entry.group.version == 6 else "receive disable"
    return Place(interface, ("ntp", "receive", words)) in running


def _servers(device: Device, ports: Mapping[str, str], keys: set[int], poll: int) -> list[dict[str, Any]]:
    running = device.running
    found = []
    for place, entry in running.items():
        if not isinstance(entry, Association) or entry.role != "multicast-server" or place.view not in ports:
            continue
        assert entry.group is not None
        afi = family(entry.group)
        version = entry.version or (DEFAULT_VERSION if afi == "ipv4" else _IPV6_VERSION)
        server: dict[str, Any] = {
            "interface": ports[place.view],
            "group": str(entry.group),
            "ttl": entry.ttl or device.style.behaviour.default_ttl,
            "version": version,
            "port": entry.port or 123,
            "poll": poll,
        }
        # fact 5: with authentication on and no key on the line, the packet goes out without a MAC.
        signed = AUTHENTICATION in running and place not in device.transactions.unauthenticated
        if signed and entry.key_id in keys:
            server["key_id"] = entry.key_id
            if afi == "ipv6" and entry.key_id is not None and entry.key_id > _ENGINE_KEY_LIMIT:
                server["version"] = DEFAULT_VERSION
        found.append(server)
    return found


def _listen(running: Configuration, ports: Mapping[str, str]) -> list[str] | str:
    """Host interfaces that the server function listens on (fact 1.5); IPv6 sources are named by address."""
    listen: set[str] = set()
    for afi in ("ipv4", "ipv6"):
        if not serves(running, afi):
            continue
        everywhere = running.get(listen_all_place(afi))
        if isinstance(everywhere, ListenAll) and everywhere.enabled:
            return "all"
        for source in listening_sources(running, afi):
            listen.update(ports[name] for name in _interfaces_of(running, source, afi) if name in ports)
    return sorted(listen)


def _interfaces_of(running: Configuration, source: str, afi: str) -> list[str]:
    if afi == "ipv4":
        return [source] if header(source) in running else []
    address = source.partition(" ")[0]
    return [
        place.view
        for place in running
        if place.key[:2] == ("ipv6", "address")
        and ipaddress.IPv6Interface(str(place.key[2])).ip == ipaddress.IPv6Address(address)
    ]


class NtpProcess:
    """Runs the engine for one device, tells it about commits, and asks it for its status."""

    def __init__(self, device: Device, settings: NtpSettings) -> None:
        self._device = device
        self._settings = settings
        self._directory = pathlib.Path(settings.directory) / device.settings.name
        self._process: asyncio.subprocess.Process | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bring the process in line with the configuration, and keep it there."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._device.ntp_process = self
        self._device.transactions.listeners.append(lambda commit: self._changed.set())
        await self._follow()
        self._task = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._follow()

    async def _follow(self) -> None:
        wanted = engine_configuration(self._device, self._directory, self._settings)
        if wanted is None:
            await self._end()
            return
        self._write("keys", key_file(self._device.running), 0o600)
        self._write("engine.json", json.dumps(wanted, indent=2) + "\n", 0o644)
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)
            return
        with (self._directory / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._settings.command,
                "run",
                "--config",
                str(self._directory / "engine.json"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._settings.environment},
            )

    def _write(self, name: str, text: str, mode: int) -> None:
        """Replace a file in one step, so that the engine never reads half of it."""
        fresh = self._directory / f".{name}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(self._directory / name)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_TIMEOUT)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def stop(self) -> None:
        """Stop following commits, then stop the process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end()

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def status(self) -> Mapping[str, Any] | None:
        """Return the engine's ``status --json``, or ``None`` when there is none to be had."""
        if self.pid is None:
            return None
        asked = await asyncio.create_subprocess_exec(
            *self._settings.command,
            "status",
            "--socket",
            str(self._directory / "status.sock"),
            "--json",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, **self._settings.environment},
        )
        try:
            out, _unused = await asyncio.wait_for(asked.communicate(), _STATUS_TIMEOUT)
        except TimeoutError:
            asked.kill()
            await asked.wait()
            return None
        with contextlib.suppress(ValueError):
            found = json.loads(out)
            return found if isinstance(found, dict) and isinstance(found.get("system"), dict) else None
        return None


async def start_processes(devices: Iterable[Device], settings: NtpSettings) -> list[NtpProcess]:
    """Start the NTP process of every device that has a port on the host."""
    processes = [NtpProcess(device, settings) for device in devices if host_interfaces(device)]
    for process in processes:
        await process.start()
    return processes


async def stop_processes(processes: Iterable[NtpProcess]) -> None:
    await asyncio.gather(*(process.stop() for process in processes))
