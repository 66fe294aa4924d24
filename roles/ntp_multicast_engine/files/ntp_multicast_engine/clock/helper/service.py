# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock helper as a program of its own: one socket, one engine, no network."""

from __future__ import annotations

import os
import selectors
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from ntp_multicast_engine.clock.helper.messages import MAXIMUM_REQUEST, perform
from ntp_multicast_engine.clock.helper.policy import ClockPolicy, InitialStep
from ntp_multicast_engine.clock.system_clock import KernelClock, SteerableClock
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.config.configuration import Configuration
from ntp_multicast_engine.errors import ClockError, ConfigurationError, Problem
from ntp_multicast_engine.observe.journal import ERROR, WARNING, tell
from ntp_multicast_engine.observe.sd_notify import Notifier
from ntp_multicast_engine.signals import SignalQueue
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

_CREDENTIALS = struct.Struct("3i")
"""struct ucred, unix(7): process, user, group."""
INITIAL_STEP_USED = "initial-step-used"
"""Made beside the socket as soon as an engine has stepped or steered."""


class ConfigurationFile:
    """The configuration as it is on the disk by now; one that is wrong doesn't count, as with a reload.

    :raises ConfigurationError: the first one is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = configuration.read(path)
        self._data = b""

    def now(self) -> Configuration:
        try:
            data = self._path.read_bytes()
        except OSError:
            data = b""
        if data != self._data:
            self._data = data
            try:
                self._known = configuration.parse(data, str(self._path))
            except ConfigurationError as error:
                tell(ERROR, "reload_refused", f"the old configuration stays: {error}", reason=str(error))
        return self._known


class ClockService:
    """Listens where the configuration says, and serves the owner of a directory alone.

    :param owner: a directory of the engine's service; who owns it is taken for the engine.
    :param before: a file that is there if an engine has steered before this start and has crashed.
    :raises ClockError: the socket can't be made.
    :raises ConfigurationError: the configuration is wrong, or names no `clock_socket`.
    """

    def __init__(
        self,
        path: Path,
        owner: Path,
        environment: Mapping[str, str],
        clock: SteerableClock | None = None,
        before: Path | None = None,
    ) -> None:
        file = ConfigurationFile(path)
        place = file.now().clock_socket
        if place is None:
            raise ConfigurationError([Problem("clock_socket", "null", "is required by run-clock")])
        self._owner = owner
        self._notifier = Notifier(environment)
        self._policy = ClockPolicy(
            clock or KernelClock(),
            lambda: file.now().discipline,
            lambda: time.clock_gettime_ns(time.CLOCK_REALTIME),
            InitialStep(Path(place).with_name(INITIAL_STEP_USED), before),
        )
        self._engine: socket.socket | None = None
        self._watchdog = (self._notifier.watchdog_interval or 0) / NANOSECONDS or None
        self._listening = _listen(place)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ, self._accept)

    def run(self) -> None:
        signals = SignalQueue()
        self._selector.register(signals.socket, selectors.EVENT_READ, lambda: None)
        self._notifier.ready("reads and sets the clock")
        try:
            while not signals.take():
                self.turn(self._watchdog)
                if self._watchdog is not None:
                    self._notifier.alive()
        finally:
            self._notifier.stopping()
            self.close()
            signals.close()

    def turn(self, patience: float | None) -> None:
        """Do what there is to do; wait for it `patience` seconds, or for ever."""
        for key, _events in self._selector.select(patience):
            key.data()

    def close(self) -> None:
        self._leave()
        self._listening.close()
        self._selector.close()

    def _accept(self) -> None:
        try:
            sock, _address = self._listening.accept()
        except OSError:
            return
        process, user, _group = _CREDENTIALS.unpack(
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        if user != self._engine_user():
            # The unit bounds how many of these lines there can be (LogRateLimitBurst=).
            text = f"user {user} is not the engine's: process {process} may not ask the clock helper"
            tell(WARNING, "clock", text, user=user, process=process)
            sock.close()
            return
        sock.setblocking(False)
        self._leave()
        self._engine = sock
        self._selector.register(sock, selectors.EVENT_READ, self._serve)

    def _engine_user(self) -> int | None:
        try:
            return self._owner.stat().st_uid
        except OSError:
            # It has gone with the engine.
            return None

    def _serve(self) -> None:
        if self._engine is None:
            return
        try:
            data = self._engine.recv(MAXIMUM_REQUEST + 1)
            if data:
                self._engine.send(perform(data, self._policy))
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._leave()

    def _leave(self) -> None:
        if self._engine is not None:
            self._selector.unregister(self._engine)
            self._engine.close()
            self._engine = None
            self._policy.leave()


def _listen(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    try:
        # What a clock helper that was killed has left behind; any other file keeps its place.
        if Path(path).is_socket():
            Path(path).unlink(missing_ok=True)
        listening.bind(path)
        # The group is the engine's; which user of it asks, the kernel tells.
        os.chmod(path, 0o660)
        listening.listen()
    except OSError as error:
        listening.close()
        raise ClockError(f"can't make the clock socket {path}: {error.strerror}") from error
    return listening
