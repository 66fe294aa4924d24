# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of the engine, where several things happen at once. Whole engines: tests/integration/engine."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
from pathlib import Path

from ntp_multicast_engine.daemon.daemon import Daemon
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.wire.timestamps import NANOSECONDS


class TwoAtOnce(selectors.DefaultSelector):
    """Says first that these two sockets are readable, then sends the signal to stop."""

    sockets: tuple[socket.socket, ...] = ()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.sockets:
            keys = [self.get_key(sock) for sock in self.sockets]
            self.sockets = ()
            return [(key, selectors.EVENT_READ) for key in keys]
        os.kill(os.getpid(), signal.SIGTERM)
        return super().select(1.0)


def test_what_is_closed_while_it_is_readable_is_not_read(tmp_path: Path) -> None:
    """As the answer of a server that came while this host stood still: its exchange is given up before."""
    document = {"version": 1, "status_socket": str(tmp_path / "s"), "state_directory": str(tmp_path / "state")}
    (tmp_path / "engine.json").write_text(json.dumps(document))
    selector = TwoAtOnce()
    daemon = Daemon(tmp_path / "engine.json", {}, selector=selector)
    one, other = socket.socketpair()
    acted: list[str] = []

    def give_up() -> None:
        acted.append("one")
        selector.unregister(one)
        selector.unregister(other)
        other.close()

    selector.register(one, selectors.EVENT_READ, give_up)
    selector.register(other, selectors.EVENT_READ, lambda: acted.append("other"))
    selector.sockets = (one, other)
    daemon.run()
    one.close()
    assert acted == ["one"]


def test_a_stop_that_this_hosts_own_counter_has_counted_allows_no_step(tmp_path: Path) -> None:
    """As of a process, or of a guest whose counter goes on meanwhile: its clock has gone on, too."""
    document = {"version": 1, "status_socket": str(tmp_path / "s"), "state_directory": str(tmp_path / "state")}
    (tmp_path / "engine.json").write_text(json.dumps(document))
    daemon = Daemon(tmp_path / "engine.json", {})
    pauses: list[float] = []
    daemon._clock_discipline.stood_still = lambda seconds, _now: pauses.append(seconds)  # type: ignore[method-assign]
    now = daemon._clock.now()
    daemon._check_standstill(Instant(now.real, now.raw - 60 * NANOSECONDS), now.raw - 59 * NANOSECONDS)
    [problem] = [item for item in daemon.status()["problems"] if item["code"] == "stood_still"]
    assert "this host stood still for 60 s" in problem["sentence"]
    assert not pauses
    daemon._close()


def test_a_server_that_has_its_time_from_this_host_is_known_by_any_address_of_the_interface(tmp_path: Path) -> None:
    """RFC 5905 section 11.2.1. A client has addresses, too, and maybe another time service that answers there."""
    document = {"version": 1, "status_socket": str(tmp_path / "s"), "state_directory": str(tmp_path / "state")}
    clients = [{"interface": "lo", "group": "239.255.77.1", "port": 10123}]
    (tmp_path / "engine.json").write_text(json.dumps({**document, "clients": clients}))
    daemon = Daemon(tmp_path / "engine.json", {})
    daemon._open_sockets(daemon._clock.now())
    assert "127.0.0.1" in daemon.engine.own_addresses
    daemon._close()
