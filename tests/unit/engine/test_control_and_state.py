# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status socket's words, systemd's notifications, the state file, and the text for people."""

from __future__ import annotations

import json
import os
import selectors
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.conftest import Event

from ntp_multicast_engine import cli as command
from ntp_multicast_engine.clock.conflicts import clock_owners
from ntp_multicast_engine.daemon import state_file as state
from ntp_multicast_engine.daemon.state_file import StateFile
from ntp_multicast_engine.errors import ControlError, StateError
from ntp_multicast_engine.observe import text as report
from ntp_multicast_engine.observe.journal import ERROR, INFO
from ntp_multicast_engine.observe.sd_notify import Notifier
from ntp_multicast_engine.observe.status_socket import (
    MAXIMUM_CONNECTIONS,
    ControlServer,
    ask,
    decode_answer,
)
from ntp_multicast_engine.protocol.client import Remembered, State


@given(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: json.dumps(text).encode()))
def test_answers_of_nonsense_raise_only_control_errors(data: bytes) -> None:
    with pytest.raises(ControlError):
        decode_answer(data)


def server_at(path: str, selector: selectors.BaseSelector) -> ControlServer:
    """One whose document is larger than what a socket takes at once."""
    return ControlServer(path, lambda: {"engine": "x" * 2_000_000}, selector)


def act(selector: selectors.BaseSelector) -> None:
    """Do what there is to do."""
    while ready := selector.select(0):
        for key, _events in ready:
            key.data()


def test_a_living_engines_socket_is_not_stolen_but_a_dead_ones_is(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    first = server_at(path, selectors.DefaultSelector())
    with pytest.raises(ControlError, match="another engine"):
        server_at(path, selectors.DefaultSelector())
    first._socket.close()
    second = server_at(path, selectors.DefaultSelector())
    assert os.stat(path).st_mode & 0o777 == 0o660
    second.close()
    assert not os.path.exists(path)


def test_a_file_of_somebody_is_no_dead_socket(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("of somebody")
    with pytest.raises(ControlError, match="is no socket"):
        server_at(str(path), selectors.DefaultSelector())
    assert path.read_text() == "of somebody"


def test_who_asks_nothing_keeps_nobody_away(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    selector = selectors.DefaultSelector()
    server = server_at(path, selector)
    clients = []
    for _unused in range(MAXIMUM_CONNECTIONS + 1):
        clients.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        clients[-1].settimeout(60)
        clients[-1].connect(path)
        act(selector)
    assert len(selector.get_map()) == 1 + MAXIMUM_CONNECTIONS
    assert clients[0].recv(1) == b"", "the oldest one had its time"
    clients[-1].sendall(b"status\n")
    answer = b""
    while True:
        act(selector)
        part = clients[-1].recv(65536)
        if not part:
            break
        answer += part
    assert len(json.loads(answer)["engine"]) == 2_000_000
    assert len(selector.get_map()) == MAXIMUM_CONNECTIONS
    for client in clients:
        client.close()
    server.close()
    assert not selector.get_map()


def test_a_service_manager_that_takes_nothing_holds_nobody_up(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        notifier = Notifier({"NOTIFY_SOCKET": path})

        def talk() -> None:
            for _unused in range(3000):
                notifier.alive()
                notifier.status("waiting")
            notifier.ready("still here")

        talking = threading.Thread(target=talk, daemon=True)
        talking.start()
        talking.join(60)
        assert not talking.is_alive() and manager.recv(100) == b"WATCHDOG=1"


def test_notifications(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "4000000"})
        assert notifier.watchdog_interval == 2_000_000_000
        notifier.ready("here")
        notifier.alive()
        notifier.reloading()
        assert manager.recv(100) == b"READY=1\nSTATUS=here"
        assert manager.recv(100) == b"WATCHDOG=1"
        assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    Notifier({}).ready("nobody listens")
    assert Notifier({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}).watchdog_interval is None


MEMORY = {Remembered("eth0", "224.0.1.1", 123, "10.0.0.1", 42): 0xEEAE51161A7F2D5D}


def test_state_survives(tmp_path: Path) -> None:
    file = StateFile(tmp_path, 0)
    assert file.load(keep=False) == State()
    file.save(State(MEMORY, 12.5e-6))
    assert StateFile(tmp_path, 0).load(keep=False) == State(MEMORY, 12.5e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@given(st.binary(max_size=300))
def test_damaged_state_raises_only_state_errors(data: bytes) -> None:
    with pytest.raises(StateError):
        state.decode(data)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none(), max_size=2)
entries = st.dictionaries(st.sampled_from(("interface", "group", "port", "source", "key_id", "transmit")), leaves)


@given(
    st.fixed_dictionaries(
        {
            "version": st.just(1) | leaves,
            "transmit": leaves | st.lists(leaves | entries, max_size=3),
            "frequency": leaves,
        }
    )
)
def test_near_misses_of_state_raise_only_state_errors(document: dict[str, Any]) -> None:
    try:
        decoded = state.decode(json.dumps(document).encode())
    except StateError:
        return
    assert all(isinstance(stamp, int) for stamp in decoded.memory.values())


def test_state_is_bounded() -> None:
    many = {Remembered("eth0", "224.0.1.1", 123, f"10.0.{n // 256}.{n % 256}", 1): n + 1 for n in range(1000)}
    decoded = state.decode(state.encode(State(many)))
    assert len(decoded.memory) == state.MAXIMUM_ENTRIES and max(decoded.memory.values()) == 1000


def test_a_state_that_can_not_be_kept_is_told_once(tmp_path: Path, logged: list[Event]) -> None:
    folder = tmp_path / "state"
    folder.write_text("a file where a folder should be")
    memory = StateFile(folder, 0)
    for number in range(5):
        memory.save(State(MEMORY), number)
    folder.unlink()
    memory.save(State(MEMORY), 6)
    memory.save(State(MEMORY), 7)
    assert [event.priority for event in logged] == [ERROR, INFO]
    assert "nothing will outlive this run" in logged[0].sentence
    assert StateFile(folder, 0).load(keep=False) == State(MEMORY)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0 ns"), (1.25e-5, "12.5 us"), (-0.0031, "-3.1 ms"), (61.0, "61.0 s"), (4e-8, "40.0 ns")],
)
def test_times_have_units(value: float | None, text: str) -> None:
    assert report.seconds(value) == text


def test_the_text_bears_an_empty_document() -> None:
    assert "Synchronised     no" in report.text({})


def test_check_clock_names_the_owners(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "clock_owners", lambda: ["chronyd", "ntpd"])
    assert command.main(["check-clock"]) == 1
    assert capsys.readouterr().err.startswith("chronyd, ntpd steers")
    monkeypatch.setattr(command, "clock_owners", list)
    assert command.main(["check-clock"]) == 0


def test_clock_owners(tmp_path: Path) -> None:
    for pid, name in (("1", "systemd"), ("77", "chronyd"), ("self", "ntpd")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "comm").write_text(name + "\n")
    (tmp_path / "99").mkdir()
    assert clock_owners(tmp_path) == ["chronyd"]


def test_the_state_of_the_last_run_is_there_at_the_start(tmp_path: Path, logged: list[Event]) -> None:
    StateFile(tmp_path, 0).save(State(MEMORY, 1e-6))
    assert StateFile(tmp_path, 0).load(keep=True) == State(MEMORY, 1e-6)
    assert StateFile(tmp_path, 0).load(keep=False) == State(MEMORY, 1e-6)
    (tmp_path / "state.json").write_text("rubbish")
    assert StateFile(tmp_path, 0).load(keep=True) == State()
    assert [event.sentence for event in logged] == ["the state file is damaged; starting without it"]
    assert StateFile(tmp_path, 0).load(keep=False) == State(), "what is damaged was replaced"


def test_a_client_that_can_not_remember_does_not_start(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.write_text("a file where a folder should be")
    assert StateFile(folder, 0).load(keep=False) == State()
    with pytest.raises(StateError):
        StateFile(folder, 0).load(keep=True)


@pytest.mark.parametrize("frequency", [0.001, -0.001, 1e308, float("nan"), float("inf"), True])
def test_an_impossible_frequency_is_refused(frequency: float) -> None:
    with pytest.raises(StateError, match="impossible frequency"):
        state.decode(json.dumps({"version": 1, "transmit": [], "frequency": frequency}).encode())
    assert state.decode(b'{"version": 1, "transmit": [], "frequency": 0.0009}').frequency == 0.0009


def test_an_unchanged_state_is_not_written_again(tmp_path: Path) -> None:
    file = StateFile(tmp_path, 0)
    file.save(State(MEMORY), 1)
    written = (tmp_path / "state.json").stat().st_ino
    (tmp_path / "other").touch()
    file.save(State(MEMORY), 2)
    assert (tmp_path / "state.json").stat().st_ino == written
    file.save(State(MEMORY, 1e-6), 3)
    assert (tmp_path / "state.json").stat().st_ino != written


def test_once_a_minute_a_state_outlives_a_loss_of_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on the disk, and whole, before it takes the place of the old one."""
    on_disk: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: on_disk.append((tmp_path / "state.new").read_bytes()))
    memory = StateFile(tmp_path, 0)
    states = [State(MEMORY, number * 1e-9) for number in range(200)]
    for second in range(130):
        memory.save(states[second], second * 1_000_000_000)
    assert [state.decode(data) for data in on_disk] == [states[64], states[128]]
    memory.save(states[130])
    assert state.decode(on_disk[-1]) == states[130] and len(on_disk) == 3, "and at the end"


def test_an_ordinary_user_reads_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Closed(socket.socket):
        def connect(self, address: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "socket", Closed)
    with pytest.raises(ControlError, match=r"only root and the service's group may ask .*: use sudo"):
        ask(str(tmp_path / "status.sock"))
