# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and sockets as targets of `fuzzing`, and the list of all targets."""

from __future__ import annotations

import json
import os
import random
import selectors
import socket
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unit.engine import mutation
from unit.engine.fuzz_packets import MulticastTarget, PacketTarget, RequestTarget, ResponseTarget
from unit.engine.fuzzing import ACCEPTED, Target

from ntp_multicast_engine.clock.helper import messages as clock_protocol
from ntp_multicast_engine.clock.helper.policy import ClockPolicy, InitialStep
from ntp_multicast_engine.clock.system_clock import KernelClock, Timex
from ntp_multicast_engine.config import configuration, key_file
from ntp_multicast_engine.daemon import state_file as state
from ntp_multicast_engine.errors import ClockError, ConfigurationError, ControlError, StateError, UpstreamError
from ntp_multicast_engine.instant import KernelStatus
from ntp_multicast_engine.observe import chrony_tracking as chrony
from ntp_multicast_engine.observe import status_socket as control
from ntp_multicast_engine.protocol.client import Remembered, State

SECRET = "never-to-be-shown"
ADJ_FREQUENCY, ADJ_SETOFFSET = 0x2, 0x100
CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "authentication": {
        "enabled": True,
        "keys_file": "/etc/keys",
        "trusted_keys": [42, 7],
        "hmac_sha256_length": {"version3": 32, "version4": 20},
    },
    "server": {
        "enabled": True,
        "listen": ["eth0", "eth1"],
        "stratum": 2,
        "reference_id": "LOCL",
        "port": 123,
        "allow": ["192.0.2.0/24", "2001:db8::/32"],
    },
    "servers": [{"interface": "eth0", "group": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4, "poll": 6}],
    "clients": [{"interface": "eth1", "group": "ff0e::101", "allow_servers": ["fe80::1"], "fallback_delay": 0.001}],
    "discipline": {"mode": "kernel", "step": "start", "step_threshold": 0.125, "panic_threshold": 1000.0},
    "status_socket": "/run/ntp-multicast-engine/status.sock",
    "state_directory": "/var/lib/ntp-multicast-engine",
    "metrics_file": "/var/lib/prometheus/ntp.prom",
}


class ConfigurationTarget(Target):
    name = "configuration"
    weight = 1.2

    def make(self, chance: random.Random) -> bytes:
        return mutation.document(chance, CONFIGURATION)

    def take(self, data: bytes) -> str:
        try:
            configuration.parse(data, "the file")
        except ConfigurationError as error:
            assert all(len(str(problem)) < 2000 for problem in error.problems), "a complaint without end"
            return error.problems[0].rule[:60]
        return ACCEPTED


class KeyFileTarget(Target):
    """The file as it lies on a disk, read by the function that the daemon calls."""

    name = "key file"
    weight = 0.8
    _EXAMPLE = (
        f"# keys\n1 md5 ascii:{SECRET}\n42 hmac-sha256 ascii:{SECRET}2\n"
        f"7 aes-128-cmac hex:{'2b' * 16}\n8 aes-256-cmac base64:{'A' * 43}=\n9 sha1 hex:{SECRET.encode().hex()}"
    )
    _WORDS = (
        *(
            "",
            "0",
            "1",
            "42",
            "4294967295",
            "4294967296",
            "9" * 5000,
            "-1",
            "\u0661",
            "#",
            "md5",
            "sha512",
            "aes-128-cmac",
        ),
        *("ripemd160", "ascii:", "hex:", "hex:zz", "hex:0", "base64:", "base64:=", "base64:A", f"ascii:{SECRET}"),
        *(f"hex:{SECRET}", f"base64:{SECRET}", SECRET, "\0", "\r", "\x85", "ascii:\u00e9", "ascii:" + "x" * 4000),
    )

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        self._directory = tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
        self._path = Path(self._directory.name) / "keys"
        self._path.touch(mode=0o600)

    def make(self, chance: random.Random) -> bytes:
        return mutation.lines(chance, self._EXAMPLE, self._WORDS)

    def take(self, data: bytes) -> str:
        self._path.write_bytes(data)
        try:
            keys = key_file.load(self._path)
        except ConfigurationError as error:
            assert SECRET not in str(error) and SECRET not in repr(error.problems), "a secret in a complaint"
            return error.problems[0].rule[:60]
        assert SECRET not in repr(keys), "a secret in a key's name"
        return ACCEPTED

    def close(self) -> None:
        self._directory.cleanup()


class ControlTarget(Target):
    """The status socket, a real one, with a client that says what it likes and leaves."""

    name = "control"
    weight = 0.8

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._path = str(Path(self._directory.name) / "s")
        self._selector = selectors.DefaultSelector()
        self._server = control.ControlServer(self._path, lambda: {"engine": {}}, self._selector)

    def make(self, chance: random.Random) -> bytes:
        example = chance.choice((control.REQUEST, b"", b"GET / HTTP/1.1\r\n"))
        return example if chance.random() < 0.1 else mutation.octets(chance, example, longest=4000)

    def take(self, data: bytes) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(self._path)
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while ready := self._selector.select(0):
                for key, _events in ready:
                    key.data()
            assert not self._server._clients, "a connection that is never closed"
            client.settimeout(5)
            try:
                answer = client.recv(65536)
            except ConnectionResetError:
                answer = b""
        if answer:
            control.decode_answer(answer)
            return ACCEPTED
        return "closed"

    def close(self) -> None:
        self._server.close()
        self._directory.cleanup()


class AnswerTarget(Target):
    """What `status` reads from the other end of that socket."""

    name = "status answer"
    weight = 0.5
    _EXAMPLE: dict[str, Any] = {"engine": {"version": "1", "pid": 1}, "system": {"offset": 1e-6}, "associations": [{}]}

    def make(self, chance: random.Random) -> bytes:
        return mutation.document(chance, self._EXAMPLE)

    def take(self, data: bytes) -> str:
        try:
            control.decode_answer(data)
        except ControlError as error:
            return str(error)
        return ACCEPTED


class StateTarget(Target):
    name = "state"
    weight = 1.0

    def __init__(self) -> None:
        memory = {
            Remembered("eth0", "224.0.1.1", 123, f"10.0.0.{number}", 42): 0xEEAE51161A7F2D5D + number
            for number in range(4)
        }
        self._example = json.loads(state.encode(State(memory, 12.5e-6)))

    def make(self, chance: random.Random) -> bytes:
        return mutation.document(chance, self._example)

    def take(self, data: bytes) -> str:
        try:
            decoded = state.decode(data)
        except StateError as error:
            return str(error)[:60]
        assert len(decoded.memory) <= state.MAXIMUM_ENTRIES, "a state without bound"
        assert state.decode(state.encode(decoded)) == decoded, "a state that reads and writes differently"
        return ACCEPTED


class ChronyTarget(Target):
    """What comes back on the socket to chronyd."""

    name = "chronyd"
    weight = 0.7
    _SEQUENCE = 0x01020304

    def __init__(self) -> None:
        head = bytes((6, 2, 0, 0)) + (33).to_bytes(2, "big") + (5).to_bytes(2, "big") + bytes(8)
        head += self._SEQUENCE.to_bytes(4, "big") + bytes(8)
        self._example = (head + bytes(chrony.REPLY_LENGTH))[: chrony.REPLY_LENGTH]

    def make(self, chance: random.Random) -> bytes:
        kept = 28 if chance.random() < 0.7 else 0
        return self._example[:kept] + mutation.octets(chance, self._example[kept:])

    def take(self, data: bytes) -> str:
        try:
            tracking = chrony.decode(data, self._SEQUENCE)
        except UpstreamError as error:
            return str(error)[:60]
        assert tracking.stratum <= 15 and tracking.root_dispersion >= 0, "a report that can't be"
        return ACCEPTED


class ClockTarget(Target):
    """What an engine that was taken over may say to the clock helper, up to what adjtimex(2) is given.

    :param step: what the configuration allows.
    :param folder: for what outlives the helper.
    """

    name = "clock helper"
    weight = 0.7

    def __init__(self, step: str = "never", folder: Path | None = None) -> None:
        self._settings = configuration.Discipline("kernel", step=step)
        self._marker = folder and folder / "used"
        self._before = folder and folder / "before"
        self._allowed = int(step == "start")
        self.steps = 0
        self._policy = self._start()

    def _start(self) -> ClockPolicy:
        initial_step = InitialStep(self._marker, self._before)
        clock = KernelClock(self._adjtimex)
        return ClockPolicy(clock, lambda: self._settings, lambda: 1_790_000_000_000_000_000, initial_step)

    def _die(self) -> None:
        """The helper; its unit remembers what it has used."""
        if self._marker and self._before and self._marker.exists():
            self._marker.rename(self._before)
        self._policy = self._start()

    def _adjtimex(self, timex: Timex) -> int:
        """In place of the system call: no more than the clock may suffer."""
        self.steps += bool(timex.modes & ADJ_SETOFFSET)
        ratio = timex.freq / 65536e6 + (timex.tick - 10_000) * 100e-6 if timex.modes & ADJ_FREQUENCY else 0.0
        assert self.steps <= self._allowed, "a step too many"
        assert abs(ratio) <= 1.5e-3 + 1e-9 and abs(timex.freq) <= 500 << 16, "a frequency without bound"
        assert not timex.status & 0x30, "a leap second on a day that has none"
        assert 0 <= timex.maxerror <= 16_000_000 and 0 <= timex.esterror <= 16_000_000, "an error without bound"
        return 0

    def make(self, chance: random.Random) -> bytes:
        power = 10.0 ** chance.uniform(-12, 308)
        requests = (
            ("status", {}),
            ("set_frequency", {"ratio": chance.choice((chance.uniform(-1, 1), power)), "drift": -power}),
            ("set_frequency", {"ratio": power, "drift": 1e-6}),
            ("step", {"nanoseconds": chance.randrange(-(1 << 63), 1 << 63) >> chance.randrange(60)}),
            ("set_synchronised", {"leap": chance.randrange(3), "maximum_error": power, "estimated_error": 1e-3}),
            ("set_unsynchronised", {}),
        )
        call, arguments = chance.choice(requests)
        example = clock_protocol.request(call, **arguments)
        kind = chance.random()
        if kind < 0.4:
            return example
        if kind < 0.6:
            return mutation.document(chance, json.loads(example))
        return mutation.octets(chance, example, longest=300)

    def take(self, data: bytes) -> str:
        # Now and then one of the two goes, which is no chance to begin anew.
        if sum(data) % 50 == 0:
            self._policy.leave()
        if sum(data) % 50 == 1:
            self._die()
        try:
            clock_protocol.take_answer(clock_protocol.perform(data, self._policy))
        except ClockError as error:
            return str(error)[:30]
        return ACCEPTED


class StartClockTarget(ClockTarget):
    """The same at a start that may step: there is one step, however often either of the two dies."""

    name = "clock helper at a start"
    weight = 0.3

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory()
        super().__init__("start", Path(self._place.name))
        self.take(clock_protocol.request("step", nanoseconds=1_000_000_000))
        assert self.steps == 1, "the step that is allowed"


class ClockAnswerTarget(Target):
    """What comes back from the clock helper."""

    name = "clock helper's answer"
    weight = 0.5

    def make(self, chance: random.Random) -> bytes:
        status = asdict(KernelStatus(True, 1, 0.5, 1e-3, 12e-6))
        done = {"status": status, "error": None, "refused": False}
        answer = chance.choice((done, {"status": None, "error": "why not", "refused": True}))
        return mutation.octets(chance, json.dumps(answer).encode(), longest=400)

    def take(self, data: bytes) -> str:
        try:
            clock_protocol.take_answer(data)
        except ClockError as error:
            return str(error)
        return ACCEPTED


TARGETS: tuple[type[Target], ...] = (
    PacketTarget,
    MulticastTarget,
    ResponseTarget,
    RequestTarget,
    ConfigurationTarget,
    KeyFileTarget,
    ControlTarget,
    AnswerTarget,
    StateTarget,
    ChronyTarget,
    ClockTarget,
    StartClockTarget,
    ClockAnswerTarget,
)
