# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running devices inside a test: ``with running_devices([...]) as devices:``."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import pathlib
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import asyncssh

from .device import Device
from .gate import Attempt
from .journal import Journal
from .ntp_process import NtpProcess, start_processes, stop_processes
from .printing import pending_lines
from .server import Simulator
from .settings import DeviceSettings, Settings, User, settings_from
from .terminal import MORE, Terminal

T = TypeVar("T")
_START_TIMEOUT = 30.0  # seconds


class RunningDevice:
    """One device of a running simulator. Every call is carried out in the simulator's own thread."""

    def __init__(self, running: RunningDevices, device: Device, port: int) -> None:
        self._running = running
        self._device = device
        self.name = device.settings.name
        self.address = device.settings.address
        self.port = port

    @property
    def users(self) -> Mapping[str, User]:
        return {user.name: user for user in self._device.settings.users}

    def call(self, function: Callable[[Device], T]) -> T:
        """Run ``function`` with the device in the simulator's thread."""
        return self._running.run(_wrapped(function, self._device))

    # state

    def running_configuration(self) -> str:
        """The whole text of ``display current-configuration``."""
        return self.call(lambda device: device.configuration_text())

    def saved_configuration(self) -> str:
        return self.call(lambda device: device.configuration_text(device.saved))

    def pending(self) -> dict[int, list[str]]:
        """The pending lines of each session that has some."""
        return self.call(
            lambda device: {
                number: pending_lines(session.candidate, device.style)
                for number, session in device.sessions.items()
                if session.candidate
            }
        )

    def lock_owner(self) -> int | None:
        """The session that holds ``configuration exclusive``."""
        return self.call(
            lambda device: lock.author.session if (lock := device.transactions.lock_owner()) is not None else None
        )

    def trial_active(self) -> bool:
        return self.call(lambda device: device.transactions.trial is not None)

    def session_count(self) -> int:
        return self.call(lambda device: len(device.sessions))

    def unauthenticated(self) -> list[tuple[str, str, str]]:
        """Associations that run without authentication, as (interface, role, group) (fact 1.2)."""
        return self.call(
            lambda device: sorted(
                (place.view, str(role), str(group))
                for place in device.transactions.unauthenticated
                for role, group in [place.key[2:4] if place.key[1] == "unicast" else place.key[1:3]]
            )
        )

    def commands(self) -> list[dict[str, Any]]:
        """What was typed, as in the command log."""
        return self.call(lambda device: list(device.journal.commands.get(self.name, [])))

    def typed(self) -> list[tuple[str, str]]:
        """Everything that was typed after the login, in order, as (prompt or question, text), secrets included."""
        return self.call(lambda device: list(device.journal.typed.get(self.name, [])))

    def attempts(self) -> list[Attempt]:
        """Every password and answer that was given at a login over SSH, right or wrong."""
        return self.call(lambda device: list(device.gate.attempts))

    def host_keys(self) -> dict[str, str]:
        """The device's host keys: type -> key in the form of known_hosts."""
        return {key.get_algorithm(): _public(key) for key in self._running.host_keys_of(self._device)}

    def known_hosts(self, *types: str) -> str:
        """Lines for a known_hosts file with these types of keys, or all that the device has."""
        keys = self.host_keys()
        return "".join(f"[{self.address}]:{self.port} {keys[name]}\n" for name in types or keys)

    def commits(self) -> list[dict[str, Any]]:
        """What was committed, as in the commit log."""
        return self.call(lambda device: list(device.journal.commits.get(self.name, [])))

    def secret(self, key_id: int) -> str | None:
        """The plain text of a committed key, to compare with what was meant."""
        from .ntp_entries import Key, key_place

        def read(device: Device) -> str | None:
            entry = device.running.get(key_place(key_id))
            return entry.secret if isinstance(entry, Key) else None

        return self.call(read)

    # control

    def set_faults(self, **faults: object) -> None:
        """Switch faults on while the device runs; names as in ``vrp_simulator.faults.Faults``."""
        self.call(lambda device: device.faults.change(faults))

    def reset_faults(self) -> None:
        self.call(lambda device: device.faults.reset())

    def change_as(self, user: str, lines: Sequence[str]) -> int:
        """Commit lines as another user; returns the commit id."""
        return self.call(lambda device: device.change_as(user, list(lines)))

    def expire_trial(self) -> None:
        """Let the time of a trial run out now."""
        self.call(lambda device: device.transactions.end_trial())

    def expire_lock(self) -> None:
        """Let the time of the exclusive lock run out now."""
        self.call(lambda device: setattr(device.transactions, "lock", None))

    def print_unasked(self, text: str) -> None:
        """Print a text on the terminal of every session, whatever it is doing."""
        self.call(lambda device: device.print_unasked(text))

    def committing(self) -> bool:
        """Whether a commit runs, with its session or without."""
        return self.call(lambda device: device.transactions.committing is not None)

    def cut_sessions(self) -> None:
        """Cut the line of every session; a commit that runs goes on."""
        self.call(lambda device: device.cut_sessions())

    def wait_until_held(self, timeout: float = 60.0) -> str:
        """Wait until the device stands at the step of the fault ``hold``; raises ``TimeoutError``."""
        return self._running.run(asyncio.wait_for(self._device.holds.wait(), timeout))

    def release(self, lost: bool = False) -> None:
        """Let a held device go on; ``lost``: its session ends there instead."""
        self.call(lambda device: device.holds.release(lost))

    def wait_until_deserted(self, timeout: float = 60.0) -> None:
        """Wait until nobody is logged in; raises ``TimeoutError``."""
        self._running.run(asyncio.wait_for(self._device.deserted.wait(), timeout))

    def set_weak_algorithms(self, installed: bool) -> None:
        self.call(lambda device: setattr(device, "weak_algorithms", installed))

    def reset(self, startup_configuration: str = "") -> None:
        """Back to the startup configuration, without sessions, commits, lock, faults and logs."""

        def start_again(device: Device) -> None:
            device.reset(startup_configuration)
            device.journal.commands.pop(self.name, None)
            device.journal.commits.pop(self.name, None)
            device.journal.typed.pop(self.name, None)

        self.call(start_again)

    def open_link(self, user: str | None = None, width: int = 400, patient: bool = True) -> LocalLink:
        """Open a terminal without SSH: text in, text out.

        patient: a receive sits through its whole timeout; otherwise it ends as soon as the device waits for input, for
        then nothing can come any more
        """
        return LocalLink(self._running, self._device, user or self._device.settings.users[0].name, width, patient)


class LocalLink:
    """A session over memory instead of SSH, with the login already done."""

    def __init__(self, running: RunningDevices, device: Device, user: str, width: int, patient: bool = True) -> None:
        self._running = running
        self._patient = patient
        self._out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._closed = False
        self._memory = _Memory(self._out)
        running.run(self._open(device, user, width))

    async def _open(self, device: Device, user: str, width: int) -> None:
        known = device.user_named(user)
        if known is None:
            raise ValueError(f"user {user!r} is not known to {device.settings.name}")
        session = device.new_session(known, Terminal(self._memory, device.faults, width), "")
        self._running.keep(asyncio.ensure_future(session.run()))

    def send(self, text: str) -> None:
        """Send text; a closed line swallows it."""
        self._running.run(self._memory.put(text.encode()))

    def receive(self, timeout: float) -> str:
        """Return what the device has sent, or ``""`` when it has closed the line.

        Raises ``TimeoutError`` after ``timeout`` seconds of silence.
        """
        if self._closed:
            return ""
        while True:
            waits = not self._patient and self._memory.idle.is_set()
            try:
                data = self._out.get(timeout=0 if waits else timeout)
            except queue.Empty:
                raise TimeoutError(f"the device sent nothing for {timeout} s") from None
            if data is None:  # the device waited for input when this was put
                continue
            if not data:
                self._closed = True
                return ""
            text = self._decoder.decode(data)
            if text:
                return text

    def converse(self, text: str = "", timeout: float = 30.0) -> str:
        """Send text and return what the device says until it waits for more (or has closed the line)."""
        self._running.run(self._memory.put(text.encode()))
        if not self._memory.idle.wait(timeout):
            raise TimeoutError(f"the device is still busy after {timeout} s with {text!r}")
        said = []
        while not self._closed:
            try:
                data = self._out.get_nowait()
            except queue.Empty:
                break
            if data is None:
                continue
            said.append(self._decoder.decode(data))
            self._closed = not data
        return "".join(said)

    def pages(self, line: str) -> str:
        """Type a line and a blank for each page; return everything that the device sent, as a log of the terminal."""
        said = self.converse(f"{line}\n")
        while said.endswith(MORE):
            said += self.converse(" ")
        return said

    @property
    def closed(self) -> bool:
        """Whether the device has closed the line."""
        return self._memory.closed

    def close(self) -> None:
        """Hang up."""
        self._running.run(self._memory.hang_up())


class _Memory:
    """The terminal's transport of a local link; ``idle`` is set while the device waits for input."""

    def __init__(self, outgoing: queue.SimpleQueue[bytes | None]) -> None:
        self.outgoing = outgoing
        self.incoming: asyncio.Queue[bytes] = asyncio.Queue()
        self.idle = threading.Event()
        self.closed = False

    async def put(self, data: bytes) -> None:
        if data and not self.closed:
            self.idle.clear()
            self.incoming.put_nowait(data)

    async def hang_up(self) -> None:
        self.incoming.put_nowait(b"")

    async def read(self) -> bytes:
        if self.closed:
            return b""
        if self.incoming.empty():
            self.idle.set()
            self.outgoing.put(None)  # wakes an impatient reader
        return await self.incoming.get()

    def write(self, data: bytes) -> None:
        if data and not self.closed:
            self.outgoing.put(data)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.outgoing.put(b"")
            self.incoming.put_nowait(b"")
            self.idle.set()

    def abort(self) -> None:
        self.close()


class RunningDevices(Mapping[str, RunningDevice]):
    """The devices of a running simulator by name."""

    def __init__(self, settings: Settings, log_directory: pathlib.Path | None) -> None:
        self._settings = settings
        self._directory = log_directory
        self.loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Future[None]] = set()
        self._thread = threading.Thread(target=self._serve, name="vrp-simulator", daemon=True)
        self._devices: dict[str, RunningDevice] = {}
        self.host_key = ""

    def __getitem__(self, name: str) -> RunningDevice:
        return self._devices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._devices)

    def __len__(self) -> int:
        return len(self._devices)

    def run(self, work: Awaitable[T]) -> T:
        """Run a coroutine in the simulator's thread and return its result."""
        return asyncio.run_coroutine_threadsafe(_awaited(work), self.loop).result()

    def keep(self, task: asyncio.Future[None]) -> None:
        """Hold on to a session's task for as long as it runs."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def known_hosts(self) -> str:
        """Lines for a known_hosts file that holds all devices."""
        return "".join(item.known_hosts() for item in self._devices.values())

    def host_keys_of(self, device: Device) -> list[asyncssh.SSHKey]:
        return self._simulator.host_keys(device.settings.ssh)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def start(self) -> None:
        self._thread.start()
        future = asyncio.run_coroutine_threadsafe(self._start(), self.loop)
        future.result(_START_TIMEOUT)

    async def _start(self) -> None:
        journal = Journal(self._directory, remember=True)
        self._simulator = Simulator([Device(item, journal) for item in self._settings.devices])
        await self._simulator.start()
        self._processes: list[NtpProcess] = []
        if self._settings.ntp is not None:
            self._processes = await start_processes(self._simulator.devices.values(), self._settings.ntp)
        self.host_key = self._simulator.public_host_key
        for name, device in self._simulator.devices.items():
            self._devices[name] = RunningDevice(self, device, self._simulator.ports[name])

    async def _stop(self) -> None:
        await stop_processes(self._processes)
        await self._simulator.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop(self) -> None:
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._stop(), self.loop).result(_START_TIMEOUT)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_START_TIMEOUT)
        self.loop.close()


def _public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


async def _awaited(work: Awaitable[T]) -> T:
    return await work


async def _wrapped(function: Callable[[Device], T], device: Device) -> T:
    return function(device)


@contextlib.contextmanager
def running_devices(
    devices: Sequence[Mapping[str, object] | DeviceSettings],
    ntp: Mapping[str, object] | None = None,
    log_directory: pathlib.Path | None = None,
) -> Iterator[RunningDevices]:
    """Start devices in a thread and stop them at the end.

    ``devices`` are entries of a device file (or ready ``DeviceSettings``); port 0 (the default) takes a free one.
    """
    plain = [item for item in devices if not isinstance(item, DeviceSettings)]
    ready = [item for item in devices if isinstance(item, DeviceSettings)]
    base = log_directory or pathlib.Path.cwd()
    if plain:
        read = settings_from({"devices": plain, "ntp": ntp}, base)
        settings = Settings((*ready, *read.devices), read.ntp)
    else:
        settings = Settings(tuple(ready), None)
    running = RunningDevices(settings, log_directory)
    running.start()
    try:
        yield running
    finally:
        running.stop()
