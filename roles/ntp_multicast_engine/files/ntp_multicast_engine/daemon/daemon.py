# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running engine: one thread, one selector, and the sockets that the configuration asks for."""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Union

from ntp_multicast_engine import __version__
from ntp_multicast_engine.clock.conflicts import clock_owners
from ntp_multicast_engine.clock.discipline import ClockDiscipline, make
from ntp_multicast_engine.clock.helper.client import RemoteClock
from ntp_multicast_engine.clock.system_clock import SuspendDetector, SystemClock, kernel_status
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.config.configuration import Configuration, Loaded, MulticastClient, MulticastServer
from ntp_multicast_engine.daemon.pauses import Pauses
from ntp_multicast_engine.daemon.poll_io import PollIo
from ntp_multicast_engine.daemon.receiver_io import ReceiverIo
from ntp_multicast_engine.daemon.responder_io import ResponderIo
from ntp_multicast_engine.daemon.state_file import StateFile
from ntp_multicast_engine.errors import ConfigurationError, EngineError, TransportError
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.net import netlink
from ntp_multicast_engine.net.addresses import InterfaceAddress, link_trouble, vrfs_of
from ntp_multicast_engine.net.bpf import refused
from ntp_multicast_engine.net.control_messages import USER
from ntp_multicast_engine.net.netlink import LinkMonitor
from ntp_multicast_engine.net.sockets import GroupSocket, ResponderSocket, SenderSocket, advice_for, forget_vrfs
from ntp_multicast_engine.observe.chrony_tracking import ChronyReader
from ntp_multicast_engine.observe.event_log import EventLog
from ntp_multicast_engine.observe.journal import ERROR, INFO, WARNING, tell
from ntp_multicast_engine.observe.metrics import MetricsFile
from ntp_multicast_engine.observe.problems import link_advice, place_of, problems, why_unsynchronised
from ntp_multicast_engine.observe.sd_notify import Notifier
from ntp_multicast_engine.observe.status import (
    EngineStatus,
    GroupStatus,
    ProblemStatus,
    Status,
    SystemStatus,
    association_status,
    counters,
    server_status,
    system_status,
)
from ntp_multicast_engine.observe.status_socket import ControlServer
from ntp_multicast_engine.protocol.association import Association, SendRequest
from ntp_multicast_engine.protocol.multicast_server import Sender
from ntp_multicast_engine.protocol.standstill import Standstill, spelt
from ntp_multicast_engine.protocol.system import Engine
from ntp_multicast_engine.signals import SignalQueue
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_RETRY_SOCKETS = 8 * NANOSECONDS
_SETTLE = NANOSECONDS // 2
"""After a change of a link: addresses come some time after the interface."""
_LASTING = ("status_socket", "state_directory", "clock_socket", "raw_sockets")
_LOOK_INTERVAL = 4 * NANOSECONDS
_STANDSTILL = 2 * NANOSECONDS
"""By so much nothing but a stop of the process or its machine is late."""

SocketSpec = Union[MulticastServer, MulticastClient, tuple[str, int]]
"""What a socket is for: a sender, a group, or a responder's (interface or "", IP version)."""
AnySocket = Union[GroupSocket, SenderSocket, ResponderSocket]


def _name(place: SocketSpec) -> str:
    if isinstance(place, tuple):
        return f"requests of IPv{place[1]} on {place[0] or 'all interfaces'}"
    return place_of(place)


class Daemon:
    """Carries the core's actions to the network.

    :raises EngineError: from the constructor, if the configuration can't be put into effect at all. An interface that
        isn't there yet is no such reason; it is waited for.
    """

    def __init__(
        self, path: Path, environment: Mapping[str, str], selector: selectors.BaseSelector | None = None
    ) -> None:
        self._path = path
        self._clock = SystemClock()
        self._selector = selector or selectors.DefaultSelector()
        self._notifier = Notifier(environment)
        loaded = configuration.load(path)
        now = self._clock.now()
        self._started = now.raw
        self._suspend = SuspendDetector()
        self._chrony = self._chrony_reader(loaded.configuration, now)
        helper = loaded.configuration.clock_socket
        self._remote_clock = RemoteClock(helper) if helper is not None else None
        self._state_file = StateFile(Path(loaded.configuration.state_directory), now.raw)
        self.engine = Engine(
            loaded,
            self._state_file.load(keep=bool(loaded.configuration.clients)),
            now,
            kernel=lambda: kernel_status(self._remote_clock),
            random=lambda: int.from_bytes(os.urandom(4), "big") / (1 << 32),
            cookie=lambda: int.from_bytes(os.urandom(8), "big") or 1,
            chrony=lambda now: self._chrony.tracking(now.raw) or self._chrony.last_error if self._chrony else None,
        )
        self._clock_discipline: ClockDiscipline = make(
            loaded.configuration.discipline, clock_owners, self.engine.state().frequency, remote=self._remote_clock
        )
        self._sockets: dict[SocketSpec, AnySocket] = {}
        self._complaints: dict[SocketSpec, ProblemStatus] = {}
        self._places: dict[MulticastServer, InterfaceAddress] = {}
        self._standstill: tuple[int, float] | None = None
        self._known_standstill: Standstill | None = None
        self._sockets_due: int | None = now.raw
        self._tick_due: int | None = now.raw
        self._watchdog_due: int | None = now.raw if self._notifier.watchdog_interval else None
        self._pauses = Pauses(self._selector)
        self._responder_io = ResponderIo(self.engine, self._clock)
        self._receiver_io = ReceiverIo(self.engine, self._clock, self._estimate_changed)
        self._poll_io = PollIo(self.engine, self._clock, self._selector, self._estimate_changed)
        self._refused_before = 0
        self._metrics = MetricsFile(loaded.configuration.metrics_file, now.raw)
        self._event_log = EventLog(self._notifier.status)
        self._changed = True
        self._look_due = now.raw
        self._control = ControlServer(loaded.configuration.status_socket, self.status, self._selector)
        self._links = LinkMonitor()
        self._selector.register(self._links.socket, selectors.EVENT_READ, self._links_changed)

    def _chrony_reader(self, wanted: Configuration, now: Instant) -> ChronyReader | None:
        if not wanted.asks_chrony:
            return None
        reader = ChronyReader(
            wanted.server.chrony_command_socket,
            str(Path(wanted.status_socket).with_name("chrony.sock")),
            now.raw,
            number=lambda: int.from_bytes(os.urandom(4), "big"),
            selector=self._selector,
        )
        reader.first(now.raw)
        return reader

    # The loop

    def run(self) -> None:
        signals = SignalQueue()
        self._selector.register(signals.socket, selectors.EVENT_READ, lambda: None)
        self._notifier.ready("starting")
        sentence = f"ntp-multicast-engine {__version__} runs with {self._path}"
        tell(INFO, "started", sentence, version=__version__)
        try:
            while self._handle_signals(signals):
                self._work(self._clock.now())
                now, due = self._clock.now(), self._due()
                events = self._selector.select(max(0.0, (due - now.raw) / NANOSECONDS))
                self._check_standstill(now, max(due, now.raw))
                for key, _events in events:
                    # What came before it may have closed it.
                    if not isinstance(key.fileobj, socket.socket) or key.fileobj.fileno() >= 0:
                        key.data()
        finally:
            self._notifier.stopping()
            signals.close()
            self._close()

    def _handle_signals(self, signals: SignalQueue) -> bool:
        for number in signals.take():
            if number != signal.SIGHUP:
                return False
            self._reload()
        return True

    def _due(self) -> int:
        """Raw time at which there is something to do."""
        candidates = (
            self.engine.deadline(),
            self._sockets_due,
            self._tick_due,
            self._watchdog_due,
            self._metrics.due,
            self._pauses.due(),
            self._chrony.due if self._chrony else None,
            self._look_due,
        )
        return min(candidate for candidate in candidates if candidate is not None)

    def _work(self, now: Instant) -> None:
        self._check_suspend()
        self._pauses.end(now.raw)
        if self._sockets_due is not None and now.raw >= self._sockets_due:
            self._open_sockets(now)
        if self._chrony is not None:
            self._chrony.wake(now.raw)
        self._send_multicasts()
        actions = self.engine.wake(self._clock.now())
        self._changed = self._changed or bool(actions)
        for action in actions:
            if isinstance(action, SendRequest):
                self._poll_io.begin(action)
            else:
                self._poll_io.end(action.association)
        now = self._clock.now()
        if self._tick_due is not None and now.raw >= self._tick_due:
            self._tick_due = self._clock_discipline.tick(self.engine.correction(now), now)
        if self._watchdog_due is not None and now.raw >= self._watchdog_due:
            self._notifier.alive()
            self._watchdog_due = now.raw + (self._notifier.watchdog_interval or 0)
        self._metrics.wake(now.raw, self.status)
        if self._changed or now.raw >= self._look_due:
            self._changed = False
            self._look_due = now.raw + _LOOK_INTERVAL
            self._log_events(now)
            self._join_anew(now)

    def _join_anew(self, now: Instant) -> None:
        for place, opened in list(self._sockets.items()):
            if isinstance(opened, GroupSocket) and self._receiver_io.to_be_joined_anew(opened, now.raw):
                self._close_socket(place)
                self._open_socket(place)
                self._sockets_due = self._sockets_due or now.raw + _RETRY_SOCKETS

    def _check_suspend(self) -> None:
        if self._suspend.is_over():
            for action in self.engine.resumed(self._clock.now()):
                self._poll_io.end(action.association)

    def _check_standstill(self, before: Instant, due: int) -> None:
        """After a stop of this process or of its machine what waits in the queues has an arrival that nobody knows."""
        now = self._clock.now()
        if now.raw - due < _STANDSTILL:
            return
        self._stood_still((now.raw - before.raw) / NANOSECONDS, now)
        self._receiver_io.interrupted(now.raw)
        for opened in self._sockets.values():
            if isinstance(opened, (GroupSocket, ResponderSocket)):
                opened.discard(self._clock)
        for association in self.engine.client.associations.values():
            self._poll_io.end(association)
            association.interrupted(now.raw)

    def _stood_still(self, seconds: float, now: Instant) -> None:
        self._standstill = (now.raw, seconds)
        sentence = f"this host stood still for {spelt(seconds)}"
        tell(WARNING, "stood_still", sentence, seconds=seconds)

    def _log_events(self, now: Instant) -> None:
        engine = self.engine
        system, found = self._system_and_problems(now)
        self._event_log.associations(engine.client.associations.values(), engine.selected)
        self._event_log.system(system)
        self._event_log.problems(found, now.raw)
        self._event_log.drops(counters(engine, self._refused()).dropped, now.raw)

    def _system_and_problems(self, now: Instant) -> tuple[SystemStatus, tuple[ProblemStatus, ...]]:
        engine, discipline = self.engine, self._clock_discipline
        system = system_status(engine, now, discipline.name, discipline.last_error)
        complaints = tuple(self._complaints.values())
        groups = self._group_status()
        found = problems(engine, now, system, groups, complaints, self._standstill, discipline.not_stepped)
        if not system.synchronised:
            system = replace(system, reason=why_unsynchronised(engine, found))
        return system, found

    def _group_status(self) -> tuple[GroupStatus, ...]:
        return self._receiver_io.status(item for item in self._sockets.values() if isinstance(item, GroupSocket))

    # Sockets

    def _wanted(self) -> list[SocketSpec]:
        wanted = self.engine.configuration
        places: list[SocketSpec] = []
        if wanted.server.enabled:
            listen = wanted.server.listen
            if listen is None:
                # A socket outside of a VRF hears nothing that comes in there.
                groups: list[MulticastServer | MulticastClient] = [*wanted.servers, *wanted.clients]
                listen = ("", *vrfs_of(group.interface for group in groups))
            places += [(interface, version) for interface in listen for version in (4, 6)]
        return [*places, *wanted.clients, *wanted.servers]

    def _open_sockets(self, now: Instant) -> None:
        """Open what is wanted and not open; close what is not wanted or stale."""
        forget_vrfs()
        wanted = self._wanted()
        self._receiver_io.keep(self.engine.configuration.clients)
        self._complaints = {place: told for place, told in self._complaints.items() if place in wanted}
        for place in list(self._sockets):
            if place not in wanted or self._sockets[place].stale():
                self._close_socket(place)
        for place in wanted:
            if place not in self._sockets:
                self._open_socket(place)
        # Another time service of this host may answer at any of them.
        indices = {opened.index for opened in self._sockets.values() if opened.index}
        own = (str(item.address) for index in indices for item in netlink.addresses(index))
        self.engine.own_addresses = frozenset(own)
        missing = any(place not in self._sockets for place in wanted)
        self._sockets_due = now.raw + _RETRY_SOCKETS if missing else None

    def _open_socket(self, place: SocketSpec) -> None:
        try:
            opened = self._make_socket(place)
        except TransportError as error:
            self._complaints[place] = ProblemStatus(error.code, str(error), error.advice, _name(place))
            self._changed = True
            self._note_opening(place, str(error))
            return
        self._complaints.pop(place, None)
        self._note_opening(place, None)
        self._sockets[place] = opened
        self._selector.register(opened.socket, selectors.EVENT_READ, self._reader(opened))

    def _note_opening(self, place: SocketSpec, error: str | None) -> None:
        if isinstance(place, MulticastServer):
            self.engine.senders[place].last_error = error
        elif isinstance(place, MulticastClient):
            self._receiver_io.opened(place, error)

    def _make_socket(self, place: SocketSpec) -> AnySocket:
        if isinstance(place, MulticastServer):
            opened = SenderSocket(place, self.engine.configuration.server.port, self._places.get(place))
            self._places[place] = opened.place
            return opened
        if isinstance(place, MulticastClient):
            return self._hear(place)
        interface, version = place
        server = self.engine.configuration.server
        return ResponderSocket(interface or None, version, server.port, clients=server.allow)

    def _hear(self, place: MulticastClient) -> GroupSocket:
        opened = GroupSocket(place, raw=self.engine.configuration.raw_sockets)
        if opened.raw:
            tell(INFO, "raw_socket", f"hears {_name(place)} by a raw socket, and leaves the port to others")
        return opened

    def _reader(self, opened: AnySocket) -> Callable[[], None]:
        if isinstance(opened, SenderSocket):
            return lambda: self._read_departures(opened)
        if isinstance(opened, GroupSocket):
            read = partial(self._receiver_io.read, opened)
        else:
            read = partial(self._responder_io.read, opened)
        return lambda: self._pauses.read(opened.socket, self._clock.now().raw, read)

    def _close_socket(self, place: SocketSpec) -> None:
        closing = self._sockets.pop(place)
        if isinstance(closing, GroupSocket):
            self._receiver_io.closed(closing)
        self._refused_before += refused(closing.socket)
        if not self._pauses.forget(closing.socket):
            self._selector.unregister(closing.socket)
        closing.close()

    def _links_changed(self) -> None:
        self._links.drain()
        settled = self._clock.now().raw + _SETTLE
        self._sockets_due = min(self._sockets_due or settled, settled)

    # Server

    def _send_multicasts(self) -> None:
        for sender in self.engine.due_senders(self._clock.now()):
            opened = self._sockets.get(sender.configuration)
            if not isinstance(opened, SenderSocket) or not self._send_multicast(sender, opened):
                sender.silence()
                self._changed = True
            sender.schedule(self._clock.now().raw)

    def _send_multicast(self, sender: Sender, opened: SenderSocket) -> bool:
        announcement = self.engine.announcement(self._clock.now())
        if announcement is None:
            sender.last_error = "not sent: the clock of this host is not synchronised"
            return False
        if (down := link_trouble(opened.configuration.interface)) is not None:
            # Without a carrier, the kernel throws packets away and tells nobody.
            sender.last_error, sender.advice = down, link_advice(opened.configuration.interface)
            return False
        data = sender.packet(self._clock.now(), announcement, self.engine.keys)
        try:
            opened.send(data)
        except OSError as error:
            sender.last_error, sender.advice = error.strerror, advice_for(error.errno)
            return False
        sender.last_error = None
        sender.sent += 1
        self.engine.sent += 1
        if not opened.stamped:
            sender.stamps = USER
        self._read_departures(opened)
        return True

    def _read_departures(self, opened: SenderSocket) -> None:
        sender = self.engine.senders.get(opened.configuration)
        for real in opened.departures():
            if sender is not None:
                sender.stamped(real)

    # Client

    def _estimate_changed(self, association: Association) -> None:
        self._check_suspend()
        now = self._clock.now()
        self._changed = True
        found = self.engine.standstill
        if found is not None and found is not self._known_standstill:
            self._known_standstill = found
            self._stood_still(found.seconds, now)
            # What this host's own counter tells, its clock has counted, too. What servers tell, the clock lacks.
            self._clock_discipline.stood_still(found.seconds, now)
        self._state_file.save(self.engine.state(), now.raw)
        correction = self.engine.news(association, now)
        if correction is not None:
            self._clock_discipline.update(correction, now)
            self._tell_step()

    def _tell_step(self) -> None:
        nanoseconds, self._clock_discipline.stepped = self._clock_discipline.stepped, 0
        if nanoseconds:
            seconds = nanoseconds / NANOSECONDS
            tell(WARNING, "stepped", f"the clock was stepped by {seconds:+.6f} s", seconds=seconds)

    # Control

    def status(self) -> dict[str, Any]:
        now = self._clock.now()
        engine = self.engine
        system, found = self._system_and_problems(now)
        return Status(
            EngineStatus(__version__, os.getpid(), (now.raw - self._started) / NANOSECONDS),
            system,
            association_status(engine, now),
            server_status(engine),
            counters(engine, self._refused()),
            self._responder_io.status(item for item in self._sockets.values() if isinstance(item, ResponderSocket)),
            self._group_status(),
            found,
        ).document()

    def _refused(self) -> int:
        """Packets that the kernel's filters refused."""
        return self._refused_before + sum(refused(item.socket) for item in self._sockets.values())

    def _reload(self) -> None:
        self._notifier.reloading()
        try:
            self._apply(configuration.load(self._path))
        except EngineError as error:
            for reason in error.problems if isinstance(error, ConfigurationError) else [error]:
                sentence = f"reload refused, the old configuration stays: {reason}"
                tell(ERROR, "reload_refused", sentence, reason=str(reason))
        self._notifier.ready("reloaded")

    def _apply(self, loaded: Loaded) -> None:
        old, new = self.engine.configuration, loaded.configuration
        if any(getattr(old, name) != getattr(new, name) for name in _LASTING):
            raise TransportError(f"{', '.join(_LASTING)} only change with a restart")
        if old.discipline != new.discipline:
            self._clock_discipline = make(
                new.discipline, clock_owners, self.engine.state().frequency, self._clock_discipline, self._remote_clock
            )
        now = self._clock.now()
        if (old.server, old.asks_chrony) != (new.server, new.asks_chrony):
            if self._chrony is not None:
                self._chrony.close()
            self._chrony = self._chrony_reader(new, now)
        if old.server != new.server:
            for place in list(self._sockets):
                self._close_socket(place)
        for association in self.engine.reconfigure(loaded, now):
            self._poll_io.end(association)
        self._sockets_due = self._tick_due = now.raw
        self._metrics = MetricsFile(new.metrics_file, now.raw)
        tell(INFO, "reloaded", f"reloaded {self._path}")

    def _close(self) -> None:
        self._clock_discipline.release()
        if self._remote_clock is not None:
            self._remote_clock.close()
        if self.engine.configuration.clients:
            self._state_file.save(self.engine.state())
        self._poll_io.close()
        for opened in self._sockets.values():
            opened.close()
        if self._chrony is not None:
            self._chrony.close()
        self._links.close()
        self._control.close()
        self._selector.close()
